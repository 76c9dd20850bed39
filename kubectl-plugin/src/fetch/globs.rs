//! Which addresses may be fetched: Argo CD's `sourceRepos`.
//!
//! In: patterns. Out: [`Globs`]. An address is allowed where a pattern matches it and no pattern with `!` in front does;
//! a list of denials alone allows the rest. `*` and `?` stop at `/`, `**` does not, `[a-z]`, `[!a]` and `{a,b}` are as
//! usual, and addresses and patterns are compared in Argo CD's one form. A lone `*` matches everything.
//!
//! Patterns name repositories. What lies in a repository is allowed with it: of a longer address each folder is tried.

use regex::Regex;

use super::address::{canonical, normalised};

/// Patterns for addresses.
#[derive(Debug, Clone, Default)]
pub(super) struct Globs {
    patterns: Vec<Glob>,
}

#[derive(Debug, Clone)]
struct Glob {
    is_denial: bool,
    /// None where everything matches.
    expression: Option<Regex>,
}

impl Globs {
    /// Reads patterns; no patterns at all allow everything.
    pub(super) fn new(patterns: &[String]) -> Result<Self, String> {
        let read = |pattern: &String| {
            let (is_denial, text) = pattern.strip_prefix('!').map_or((false, pattern.as_str()), |text| (true, text));
            let expression = if text == "*" { None } else { Some(expression(&normalised(text), Star::StopsAtSlash)?) };
            Ok(Glob { is_denial, expression })
        };
        Ok(Self { patterns: patterns.iter().map(read).collect::<Result<_, String>>()? })
    }

    /// Whether a repository is allowed.
    pub(super) fn allow(&self, address: &str) -> bool {
        let whole = canonical(address);
        self.decide(&[whole.trim_end_matches('/').to_owned(), whole])
    }

    /// Whether a file is allowed that lies in whatever repository.
    pub(super) fn allow_below(&self, address: &str) -> bool {
        let whole = canonical(address);
        let start = whole.find("://").map_or(0, |at| at + 3);
        let slashes = whole[start..].match_indices('/').map(|(at, _)| start + at);
        let mut folders: Vec<String> =
            slashes.flat_map(|at| [&whole[..at], &whole[..=at]]).map(str::to_owned).collect();
        folders.push(whole);
        self.decide(&folders)
    }

    fn decide(&self, addresses: &[String]) -> bool {
        let matches = |glob: &Glob| match &glob.expression {
            Some(expression) => addresses.iter().any(|address| expression.is_match(address)),
            None => true,
        };
        let (denials, allowances): (Vec<&Glob>, Vec<&Glob>) = self.patterns.iter().partition(|glob| glob.is_denial);
        let is_denied = denials.into_iter().any(matches);
        // As Argo CD has it, a denial that does not apply is an allowance.
        let is_allowed = allowances.is_empty() || self.patterns.iter().any(|glob| glob.is_denial != matches(glob));
        is_allowed && !is_denied
    }
}

/// How far `*` and `?` reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Star {
    /// To the next `/`, as in addresses.
    StopsAtSlash,
    /// Over everything, as in names.
    TakesAll,
}

/// A pattern as an expression, which takes time in proportion to the text.
pub(crate) fn expression(pattern: &str, star: Star) -> Result<Regex, String> {
    let wrong = |why: &str| format!("`{pattern}` is no pattern: {why}");
    let (one, many) = match star {
        Star::StopsAtSlash => ("[^/]", "[^/]*"),
        Star::TakesAll => (".", ".*"),
    };
    let mut text = String::from("^");
    let mut depth = 0_u32;
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => text.push_str(".*"),
            '*' => text.push_str(many),
            '?' => text.push_str(one),
            '[' => class(&mut rest, &mut text).ok_or_else(|| wrong("`[` has no end"))?,
            '{' => {
                depth += 1;
                text.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                text.push(')');
            }
            ',' if depth > 0 => text.push('|'),
            '\\' => push_literal(&mut text, rest.next().ok_or_else(|| wrong("nothing follows the last `\\`"))?),
            other => push_literal(&mut text, other),
        }
    }
    if depth > 0 {
        return Err(wrong("`{` has no end"));
    }
    text.push('$');
    Regex::new(&text).map_err(|_| wrong("it cannot be read"))
}

/// `[a-z]` and `[!a-z]`, after the bracket.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, text: &mut String) -> Option<()> {
    text.push('[');
    if rest.next_if_eq(&'!').is_some() {
        text.push('^');
    }
    loop {
        match rest.next()? {
            ']' => break,
            '-' => text.push('-'),
            '\\' => push_literal(text, rest.next()?),
            other => push_literal(text, other),
        }
    }
    text.push(']');
    Some(())
}

fn push_literal(text: &mut String, c: char) {
    text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(patterns: &[&str]) -> Globs {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Globs::new(&patterns).expect("patterns")
    }

    #[test]
    fn patterns_allow_and_denials_win() {
        let some = globs(&["https://git.example.com/shop/*", "!https://git.example.com/shop/secret"]);
        assert!(some.allow("https://git.example.com/Shop/deploy.git"));
        assert!(!some.allow("https://git.example.com/shop/secret.git"));
        // As in Argo CD: the denial does not apply, so it allows.
        assert!(some.allow("https://elsewhere.example.com/x"));
        assert!(!globs(&["https://git.example.com/shop/*"]).allow("https://git.example.com/shop/a/b"));
        assert!(globs(&["https://git.example.com/**"]).allow("https://git.example.com/shop/a/b"));
        assert!(globs(&[]).allow("https://anywhere.example.com"));
        assert!(globs(&["!https://a.example.com"]).allow("https://b.example.com"));
        assert!(!globs(&["*", "!*"]).allow("https://b.example.com"));
        assert!(globs(&["git@git.example.com:shop/*"]).allow("ssh://git@git.example.com/shop/deploy"));
        assert!(globs(&["https://{a,b}.example.com/[c-e]?"]).allow("https://b.example.com/dx"));
        assert!(!globs(&["https://a.example.com"]).allow("https://aXexample.com"));
    }

    #[test]
    fn another_spelling_gets_around_no_pattern() {
        let some = globs(&["*", "!https://a.example.com/secret", "!https://a.example.com/secret/**"]);
        for address in [
            "https://a.example.com/x/../secret",
            "https://a.example.com/x/%2e%2e/secret",
            "https://a.example.com/%73ecret",
            "https://A.example.com:443/SECRET.git",
            "https://u:p@a.example.com/secret?x#y",
            "https://a.example.com/secret/",
            "https://a.example.com//../secret/x",
        ] {
            assert!(!some.allow(address) && !some.allow_below(address), "{address}");
        }
        assert!(!globs(&["https://a.example.com/open/**"]).allow("https://a.example.com/open/../secret"));
        assert!(globs(&["https://a.example.com"]).allow("https://a.example.com/"));
    }

    #[test]
    fn what_lies_in_a_repository_is_allowed_with_it() {
        let some = globs(&["https://git.example.com/shop/*"]);
        assert!(some.allow_below("https://git.example.com/shop/charts/releases/x-1.tgz"));
        assert!(!some.allow_below("https://git.example.com/other/charts/x-1.tgz"));
        let denied = globs(&["*", "!https://git.example.com/shop"]);
        assert!(!denied.allow_below("https://git.example.com/shop/x.tgz"));
        assert!(denied.allow_below("https://git.example.com/shopping/x.tgz"));
        assert!(globs(&["https://files.example.com/*"]).allow_below("https://files.example.com/a/b/c"));
    }

    #[test]
    fn a_pattern_that_is_none_is_an_error() {
        for pattern in ["https://{a", "https://[a", "x\\"] {
            assert!(Globs::new(&[pattern.to_owned()]).is_err(), "{pattern}");
        }
    }
}
