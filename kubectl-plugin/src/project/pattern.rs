//! Patterns of a project: Argo CD's globs, with `!` in front of what is denied.
//!
//! In: the text of a field. Out: a [`Pattern`], or why it is none. Argo CD warns of a pattern that it cannot read and
//! goes on as if it matched nothing, which opens what a denial closes; here it is an error of the project.
//!
//! Two languages, as in Argo CD: globs of addresses, namespaces and applications (`**`, `{a,b}`, `[!a]`), and those of
//! Go's `filepath.Match` for groups, kinds and names of resources (`[^a]`, no braces).

use regex::Regex;

use crate::fetch::{Star, canonical, expression, normalised, other_spelling};

/// One pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// As it may be shown.
    pub(super) text: String,
    /// Whether it denies what it matches.
    pub(super) is_denial: bool,
    /// None where everything matches.
    expression: Option<Regex>,
}

impl Pattern {
    /// Of addresses of repositories, in the one form in which they are compared.
    pub(super) fn of_address(text: &str) -> Result<Self, String> {
        Self::read(text, |pattern| expression(&normalised(pattern), Star::StopsAtSlash))
    }

    /// Of names that `!` may deny.
    pub(super) fn of_name(text: &str) -> Result<Self, String> {
        Self::read(text, |pattern| expression(pattern, Star::TakesAll))
    }

    /// Of names, where `!` has no meaning of its own.
    pub(super) fn without_denial(text: &str) -> Result<Self, String> {
        let expression = if text == "*" { None } else { Some(expression(text, Star::TakesAll)?) };
        Ok(Self { text: text.to_owned(), is_denial: false, expression })
    }

    /// Of namespaces: a pattern, or a regular expression between slashes, which may match in the middle.
    pub(super) fn of_namespace(text: &str) -> Result<Self, String> {
        match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            None => Self::without_denial(text),
            Some(inside) => {
                let wrong = |_| format!("`{text}` is no regular expression that is understood here");
                let expression = Some(Regex::new(inside).map_err(wrong)?);
                Ok(Self { text: text.to_owned(), is_denial: false, expression })
            }
        }
    }

    /// As Go's `filepath.Match` has it.
    pub(super) fn of_file_name(text: &str) -> Result<Self, String> {
        let expression = if text == "*" { None } else { Some(file_name(text)?) };
        Ok(Self { text: text.to_owned(), is_denial: false, expression })
    }

    fn read(text: &str, make: impl Fn(&str) -> Result<Regex, String>) -> Result<Self, String> {
        let (is_denial, pattern) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let expression = if pattern == "*" { None } else { Some(make(pattern)?) };
        Ok(Self { text: shown(text), is_denial, expression })
    }

    /// Whether it says yes to a text: it matches, or it denies something else.
    pub(super) fn admits(&self, text: &str) -> bool {
        self.expression.as_ref().is_none_or(|expression| expression.is_match(text)) != self.is_denial
    }

    /// Whether it says yes to a repository, however its address is spelled.
    pub(super) fn admits_address(&self, address: &str) -> bool {
        let whole = canonical(address);
        // Nobody gets around a denial by the other way to write a registry.
        let other = other_spelling(address).filter(|_| self.is_denial);
        let is_match =
            |expression: &Regex, text: &str| [text.trim_end_matches('/'), text].iter().any(|a| expression.is_match(a));
        let matches = |expression: &Regex| std::iter::once(&whole).chain(&other).any(|text| is_match(expression, text));
        self.expression.as_ref().is_none_or(matches) != self.is_denial
    }
}

/// A pattern without the userinfo that an address in it may have.
fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    format!("{scheme}://{}{path}", authority.rsplit('@').next().unwrap_or(authority))
}

/// A pattern of `filepath.Match` as an expression.
fn file_name(pattern: &str) -> Result<Regex, String> {
    let wrong = |why: &str| format!("`{pattern}` is no pattern: {why}");
    let mut text = String::from("^");
    let mut rest = pattern.chars();
    let literal = |text: &mut String, c: char| text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    while let Some(c) = rest.next() {
        match c {
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => class(&mut rest, &mut text).ok_or_else(|| wrong("`[` has no end"))?,
            '\\' => literal(&mut text, rest.next().ok_or_else(|| wrong("nothing follows the last `\\`"))?),
            other => literal(&mut text, other),
        }
    }
    text.push('$');
    Regex::new(&text).map_err(|_| wrong("it cannot be read"))
}

/// `[a-z]` and `[^a-z]`, after the bracket.
fn class(rest: &mut std::str::Chars<'_>, text: &mut String) -> Option<()> {
    text.push('[');
    let mut is_first = true;
    loop {
        match rest.next()? {
            ']' if !is_first => break,
            '^' if is_first => {
                text.push('^');
                continue;
            }
            '-' => text.push('-'),
            '\\' => text.push_str(&regex::escape(rest.next()?.encode_utf8(&mut [0; 4]))),
            other => text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        is_first = false;
    }
    text.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_as_argo_cd_does() {
        for (pattern, text, admitted) in [
            ("*", "", true),
            ("team-*", "team-a", true),
            ("team-*", "ateam-a", false),
            ("{a,b}", "b", true),
            ("[!a]", "b", true),
            ("", "", true),
            ("", "a", false),
            ("https://*.example.com", "https://a/b.example.com", true),
            ("!kube-*", "kube-system", false),
            ("!kube-*", "shop", true),
        ] {
            assert_eq!(Pattern::of_name(pattern).expect("a pattern").admits(text), admitted, "{pattern} {text}");
        }
    }

    #[test]
    fn a_denial_of_a_registry_holds_however_it_is_written() {
        let admits =
            |pattern: &str, address: &str| Pattern::of_address(pattern).expect("a pattern").admits_address(address);
        for denial in ["!oci://registry.example.com/secret/**", "!registry.example.com/secret/**"] {
            for address in ["oci://registry.example.com/secret/a", "Registry.example.com/secret/a"] {
                assert!(!admits(denial, address), "{denial} {address}");
            }
            assert!(
                admits(denial, "registry.example.com/open/a")
                    && admits(denial, "https://registry.example.com/secret/a")
            );
        }
        assert!(!admits("registry.example.com/*", "oci://registry.example.com/a"), "as in Argo CD");
    }

    #[test]
    fn groups_and_kinds_are_matched_as_go_does() {
        for (pattern, text, admitted) in [
            ("*", "", true),
            ("*.example.com", "a.b.example.com", true),
            ("Cluster*", "ClusterRole", true),
            ("[^C]*", "Role", true),
            ("[^C]*", "ClusterRole", false),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("!Role", "Deployment", false),
            ("\\*", "*", true),
            ("Rol?", "Role", true),
        ] {
            assert_eq!(Pattern::of_file_name(pattern).expect("a pattern").admits(text), admitted, "{pattern} {text}");
        }
        for pattern in ["[", "[a", "a\\", "[^]"] {
            assert!(Pattern::of_file_name(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn namespaces_may_be_regular_expressions() {
        for (pattern, text, admitted) in [
            ("/^team-[0-9]+$/", "team-12", true),
            ("/^team-[0-9]+$/", "team-a", false),
            ("/eam/", "team-a", true),
            ("team-*", "team-a", true),
            ("!team-*", "shop", false),
        ] {
            assert_eq!(Pattern::of_namespace(pattern).expect("a pattern").admits(text), admitted, "{pattern} {text}");
        }
        assert!(Pattern::of_namespace("/(/").is_err());
    }

    #[test]
    fn no_password_is_in_a_shown_pattern() {
        let pattern = Pattern::of_address("!https://u:s3cret@git.example.com/x").expect("a pattern");
        assert_eq!(pattern.text, "!https://git.example.com/x");
        assert!(!pattern.admits_address("https://git.example.com/X.git"));
    }
}
