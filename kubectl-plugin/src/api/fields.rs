//! Which fields of an answer are wanted, as Argo CD's clients say it: `items.metadata.name,items.status`, or what is not
//! wanted, `-items.status.resources`. Pure.
//!
//! In: the text. Out: [`Fields`], which an answer is written with: what is not wanted is not even looked at.

use std::collections::BTreeMap;

/// Which parts of a value are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fields<'a> {
    /// All.
    All,
    /// These.
    Only(&'a Tree),
    /// All but these.
    Without(&'a Tree),
}

/// Names, and names below them; one without any is meant as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<String, Self>);

/// What somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    tree: Tree,
    is_exclusion: bool,
}

impl Wanted {
    /// Of the text; all where it is absent.
    pub(super) fn read(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::default() };
        let (is_exclusion, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let mut tree = Tree::default();
        for path in text.split(',').map(str::trim).filter(|path| !path.is_empty()) {
            tree.add(path);
        }
        Self { tree, is_exclusion }
    }

    /// The whole of it.
    pub(super) fn fields(&self) -> Fields<'_> {
        if self.tree.0.is_empty() {
            Fields::All
        } else if self.is_exclusion {
            Fields::Without(&self.tree)
        } else {
            Fields::Only(&self.tree)
        }
    }
}

impl Tree {
    fn add(&mut self, path: &str) {
        let mut at = self;
        for name in path.split('.') {
            at = at.0.entry(name.to_owned()).or_default();
        }
    }
}

impl Fields<'_> {
    /// What is wanted of a field; nothing where it is not wanted.
    pub(super) fn below(self, name: &str) -> Option<Self> {
        match self {
            Self::All => Some(Self::All),
            Self::Only(tree) => {
                let below = tree.0.get(name)?;
                Some(if below.0.is_empty() { Self::All } else { Self::Only(below) })
            }
            Self::Without(tree) => match tree.0.get(name) {
                None => Some(Self::All),
                Some(below) if below.0.is_empty() => None,
                Some(below) => Some(Self::Without(below)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: Option<&str>, path: &str) -> bool {
        let wanted = Wanted::read(text);
        path.split('.').try_fold(wanted.fields(), Fields::below).is_some()
    }

    #[test]
    fn what_is_named_is_wanted_with_all_below_it() {
        let text = Some("items.metadata.name, items.status");
        for (path, is) in [
            ("items.metadata.name", true),
            ("items.metadata.namespace", false),
            ("items.status.sync.status", true),
            ("metadata", false),
            ("items", true),
        ] {
            assert_eq!(has(text, path), is, "{path}");
        }
        assert!(has(None, "anything") && has(Some(""), "anything"));
    }

    #[test]
    fn what_is_excluded_is_all_that_is_not_wanted() {
        let text = Some("-items.status.resources,items.spec");
        for (path, is) in
            [("items.status.sync", true), ("items.status.resources", false), ("items.spec.a", false), ("a", true)]
        {
            assert_eq!(has(text, path), is, "{path}");
        }
    }
}
