//! The build environment: what an application's parameters may name with `$`.
//!
//! In: what is known of an application and of the source that is rendered. Out: text with its variables replaced.
//! Guarantees: only what is asked for enters a recipe, since replacing is all that is done with a variable; the
//! environment of this process is never read.
//!
//! Names are those of Argo CD ("Build Environment" in its documentation), replacing is that of Go's `os.Expand` with
//! `$$` for a dollar sign.

use std::collections::BTreeMap;

/// Variables by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildEnvironment(BTreeMap<&'static str, String>);

/// What a build environment is made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The application's name.
    pub name: &'a str,
    /// The namespace of its destination.
    pub namespace: &'a str,
    /// Its project.
    pub project: &'a str,
    /// The source's repository, as written.
    pub repo_url: &'a str,
    /// The source's folder, as written.
    pub path: &'a str,
    /// The source's revision, as written.
    pub target_revision: &'a str,
    /// The whole oid of the commit, or the version of the chart; empty for a working tree.
    pub revision: &'a str,
}

impl BuildEnvironment {
    /// The variables of one source.
    #[must_use]
    pub fn new(facts: &Facts<'_>) -> Self {
        let short = |length: usize| facts.revision.chars().take(length).collect::<String>();
        let variables = [
            ("ARGOCD_APP_NAME", facts.name.to_owned()),
            ("ARGOCD_APP_NAMESPACE", facts.namespace.to_owned()),
            ("ARGOCD_APP_PROJECT_NAME", facts.project.to_owned()),
            ("ARGOCD_APP_REVISION", facts.revision.to_owned()),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_SOURCE_PATH", facts.path.to_owned()),
            ("ARGOCD_APP_SOURCE_REPO_URL", facts.repo_url.to_owned()),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", facts.target_revision.to_owned()),
        ];
        Self(BTreeMap::from(variables))
    }

    /// Replaces `$NAME` and `${NAME}`; a name that is none of ours gives nothing, `$$` a dollar sign.
    #[must_use]
    pub fn replace(&self, text: &str) -> String {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            replaced.push_str(&rest[..at]);
            let (name, length) = name_of(&rest[at + 1..]);
            match name {
                Some("$") => replaced.push('$'),
                Some(name) => replaced.push_str(self.0.get(name).map_or("", String::as_str)),
                // No name follows: the sign stands for itself. Braces around nothing are taken away.
                None if length == 0 => replaced.push('$'),
                None => {}
            }
            rest = &rest[at + 1 + length..];
        }
        replaced.push_str(rest);
        replaced
    }
}

/// The name that follows a dollar sign, if one does, and how many bytes it takes.
fn name_of(text: &str) -> (Option<&str>, usize) {
    let special = |byte: u8| b"*#$@!?-0123456789".contains(&byte);
    let Some(first) = text.bytes().next() else { return (None, 0) };
    if first == b'{' {
        return match text.find('}') {
            Some(1) => (None, 2),
            Some(end) => (Some(&text[1..end]), end + 1),
            None => (None, 1),
        };
    }
    if special(first) {
        return (Some(&text[..1]), 1);
    }
    let end = text.bytes().position(|byte| byte != b'_' && !byte.is_ascii_alphanumeric()).unwrap_or(text.len());
    (Some(&text[..end]).filter(|name| !name.is_empty()), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_go_does() {
        let facts = Facts { name: "shop", namespace: "prod", revision: "0123456789abcdef", ..Facts::default() };
        let environment = BuildEnvironment::new(&facts);
        let cases = [
            ("$ARGOCD_APP_NAME-x", "shop-x"),
            ("a ${ARGOCD_APP_NAMESPACE}b", "a prodb"),
            ("$ARGOCD_APP_REVISION_SHORT/$ARGOCD_APP_REVISION_SHORT_8", "0123456/01234567"),
            ("$HOME and ${PATH}", " and "),
            ("$$ARGOCD_APP_NAME", "$ARGOCD_APP_NAME"),
            ("cost: 5$", "cost: 5$"),
            ("$ x, ${}y, ${z", "$ x, y, z"),
            ("$1ä$ä", "ä$ä"),
        ];
        for (text, expected) in cases {
            assert_eq!(environment.replace(text), expected, "{text}");
        }
    }
}
