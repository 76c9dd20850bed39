//! Which pushes a `targetRevision` is concerned by.
//!
//! In: the text of an Application, and the ref that moved or the tag that was pushed. Out: whether the one may now mean
//! something else than before.
//!
//! | `targetRevision` | concerned by |
//! |---|---|
//! | none, `HEAD` | a push to the default branch |
//! | `refs/heads/main`, `refs/tags/v1` | that ref; where the event does not say what kind its ref is, a ref of that name |
//! | `main`, `v1` | a branch or tag of that name |
//! | `1.*`, `>=1 <2` | a tag that is a version in the range, without `tagPrefix` where there is one |
//! | a whole oid | nothing |
//!
//! As Argo CD has it, but for two things: it does not tell a branch from a tag of that name where `targetRevision` says which
//! one, and it takes branches for versions.

use gitops_compiler::name::{Version, VersionRange};

/// What a repository has beside branches and tags is compared as a whole.
const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

/// What kind of ref it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `refs/heads/`.
    Branch,
    /// `refs/tags/`.
    Tag,
    /// Another, or the payload does not say.
    Unknown,
}

/// A ref as a payload names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    kind: Kind,
    /// Without `refs/heads/` and the like: what `ARGOCD_APP_REVISION` would be asked for.
    name: String,
    /// Where the payload says it.
    full: Option<String>,
}

impl Reference {
    /// From the whole name of a ref; where it is none, from a name of unknown kind.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let kind = match text {
            text if text.starts_with(BRANCHES) => Kind::Branch,
            text if text.starts_with(TAGS) => Kind::Tag,
            _ => Kind::Unknown,
        };
        Self { kind, name: last_part(text).to_owned(), full: text.starts_with("refs/").then(|| text.to_owned()) }
    }

    /// From a name and its kind, which are two fields of some payloads.
    #[must_use]
    pub fn named(kind: Kind, name: &str) -> Self {
        let full = match kind {
            Kind::Branch => Some(format!("{BRANCHES}{name}")),
            Kind::Tag => Some(format!("{TAGS}{name}")),
            Kind::Unknown => None,
        };
        Self { kind, name: name.to_owned(), full }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The revision: the name without its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole ref, where it is known.
    #[must_use]
    pub fn full(&self) -> Option<&str> {
        self.full.as_deref()
    }
}

/// `refs/heads/feature/x` is `feature/x`, and so is `a/b/feature/x`: three parts at most, the last of them.
fn last_part(text: &str) -> &str {
    text.splitn(3, '/').last().unwrap_or(text)
}

/// A `targetRevision`, read.
#[derive(Debug, Clone)]
pub struct Target {
    wanted: Wanted,
    /// Of tags in ranges: `tagPrefix`.
    tag_prefix: String,
}

#[derive(Debug, Clone)]
enum Wanted {
    Default,
    Fixed,
    Full(String),
    Name(String),
    /// The text as well: a branch may be called `1.x`.
    Range(String, Box<VersionRange>),
}

impl Target {
    /// Reads one; every text is one.
    #[must_use]
    pub fn of(revision: &str, tag_prefix: &str) -> Self {
        let wanted = match revision.trim() {
            "" | "HEAD" => Wanted::Default,
            text if is_oid(text) => Wanted::Fixed,
            text if text.starts_with("refs/") => Wanted::Full(text.to_owned()),
            text => match VersionRange::parse(text) {
                Ok(range) => Wanted::Range(text.to_owned(), Box::new(range)),
                Err(_) => Wanted::Name(text.to_owned()),
            },
        };
        Self { wanted, tag_prefix: tag_prefix.to_owned() }
    }

    /// Whether a push to `reference` concerns it; no ref is any ref.
    #[must_use]
    pub fn is_moved_by(&self, reference: Option<&Reference>, touches_default: bool) -> bool {
        let (wanted, Some(reference)) = (&self.wanted, reference) else {
            return !matches!(self.wanted, Wanted::Fixed);
        };
        match wanted {
            Wanted::Default => touches_default,
            Wanted::Fixed => false,
            Wanted::Full(full) => match &reference.full {
                Some(moved) => moved == full,
                None => reference.name == last_part(full),
            },
            Wanted::Name(name) => reference.name == *name,
            Wanted::Range(text, range) => {
                reference.name == *text || reference.kind != Kind::Branch && self.is_in(range, &reference.name)
            }
        }
    }

    /// Whether the tag of an artifact that was pushed concerns it: where none is asked for, the newest is.
    #[must_use]
    pub fn is_moved_by_tag(&self, tag: &str) -> bool {
        match &self.wanted {
            Wanted::Default => true,
            Wanted::Fixed => false,
            Wanted::Full(text) | Wanted::Name(text) => text == tag,
            Wanted::Range(text, range) => text == tag || self.is_in(range, tag),
        }
    }

    fn is_in(&self, range: &VersionRange, tag: &str) -> bool {
        let version = tag.strip_prefix(self.tag_prefix.as_str()).and_then(|version| Version::parse(version).ok());
        version.is_some_and(|version| range.matches(&version))
    }
}

fn is_oid(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(target: &str, reference: &str, touches_default: bool) -> bool {
        Target::of(target, "").is_moved_by(Some(&Reference::of(reference)), touches_default)
    }

    #[test]
    fn the_default_branch_is_what_no_target_means() {
        for target in ["", "HEAD", " HEAD "] {
            assert!(moves(target, "refs/heads/main", true));
            assert!(!moves(target, "refs/heads/main", false));
        }
        assert!(!moves("main", "refs/heads/other", true));
    }

    #[test]
    fn names_and_whole_refs() {
        assert!(moves("main", "refs/heads/main", false) && moves("main", "main", false));
        assert!(moves("feature/x", "refs/heads/feature/x", false) && !moves("x", "refs/heads/feature/x", false));
        assert!(moves("refs/heads/main", "refs/heads/main", false) && moves("refs/heads/main", "main", false));
        assert!(!moves("refs/heads/v1", "refs/tags/v1", false) && !moves("refs/tags/v1", "refs/heads/v1", false));
        assert!(moves("refs/tags/v1", "refs/tags/v1", false) && moves("v1", "refs/tags/v1", false));
        assert!(!moves("Main", "refs/heads/main", false), "Git tells case apart");
        assert!(moves("refs/changes/01/1/2", "refs/changes/01/1/2", false));
    }

    #[test]
    fn ranges_are_for_tags() {
        for (target, tag, is_moved) in [
            ("1.*", "v1.4.0", true),
            ("1.*", "v2.0.0", false),
            (">=1.2 <2", "1.2.0", true),
            ("^1.0", "1.3.0-rc.1", false),
            ("*-0", "1.3.0-rc.1", true),
            ("*", "nonsense", false),
            ("1.2", "1.2.9", true),
        ] {
            assert_eq!(moves(target, &format!("refs/tags/{tag}"), false), is_moved, "{target} {tag}");
            assert_eq!(Target::of(target, "").is_moved_by_tag(tag), is_moved, "{target} {tag}");
            assert!(!moves(target, &format!("refs/heads/{tag}"), false), "{target} {tag}");
        }
        assert!(moves("1.x", "refs/heads/1.x", false), "a branch of that name");
        assert!(moves("1.*", "1.4.0", false), "it may be a tag");
    }

    #[test]
    fn prefixes_are_taken_from_tags() {
        let target = Target::of("1.*", "shop/");
        let moved = |tag: &str| target.is_moved_by(Some(&Reference::named(Kind::Tag, tag)), false);
        assert!(moved("shop/1.4.0") && !moved("1.4.0") && !moved("cart/1.4.0") && !moved("shop/2.0.0"));
    }

    #[test]
    fn an_oid_never_moves_and_no_ref_is_any() {
        let oid = "0123456789abcdef0123456789abcdef01234567";
        assert!(!moves(oid, &format!("refs/heads/{oid}"), true));
        for (target, is_moved) in [("", true), ("main", true), ("refs/tags/v1", true), ("1.*", true), (oid, false)] {
            assert_eq!(Target::of(target, "").is_moved_by(None, false), is_moved, "{target}");
        }
    }

    #[test]
    fn tags_of_artifacts() {
        let moved = |target: &str, tag: &str| Target::of(target, "").is_moved_by_tag(tag);
        assert!(moved("", "1.0.0") && moved("latest", "latest") && moved("1.0.0", "1.0.0") && !moved("1.0.0", "1.0.1"));
    }

    #[test]
    fn kinds_and_names() {
        let tag = Reference::named(Kind::Tag, "v1");
        assert_eq!((tag.kind(), tag.name(), tag.full()), (Kind::Tag, "v1", Some("refs/tags/v1")));
        assert_eq!(tag, Reference::of("refs/tags/v1"));
        let unknown = Reference::of("v1");
        assert_eq!((unknown.kind(), unknown.name(), unknown.full()), (Kind::Unknown, "v1", None));
        assert_eq!(Reference::of("").name(), "");
    }
}
