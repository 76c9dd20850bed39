//! Patterns of schemas, which are Go's regular expressions, read by another engine.
//!
//! In: a pattern, text. Out: whether it matches, where both engines certainly agree: both are ASCII, and the pattern has
//! nothing that the two read differently. A pattern that does not compile here, or would take much memory, says nothing.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// How large a compiled pattern may be.
const LARGEST: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Pattern<'a> {
    pub(super) text: &'a str,
    /// Compiled when it is needed first; none where that fails.
    compiled: OnceLock<Option<Regex>>,
}

impl<'a> Pattern<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// Whether it matches somewhere in the text; none where only the server knows.
    pub(super) fn matches(&self, text: &str) -> Option<bool> {
        // A vertical tab is white space to one of the two only.
        if !text.is_ascii() || text.contains('\u{b}') {
            return None;
        }
        let compiled = self.compiled.get_or_init(|| compile(self.text));
        compiled.as_ref().map(|regex| regex.is_match(text.as_bytes()))
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    if !means_the_same(pattern) {
        return None;
    }
    RegexBuilder::new(pattern).unicode(false).size_limit(LARGEST).build().ok()
}

/// Whether a pattern that both engines take means the same to them. `\<` is a letter to Go and the start of a word here;
/// in brackets `[`, `&&`, `--` and `~~` are letters to Go and sets here; `{,3}` is text to Go.
fn means_the_same(pattern: &str) -> bool {
    let mut rest = pattern;
    let mut bracket = false;
    while let Some(letter) = rest.chars().next() {
        if !letter.is_ascii() {
            return false;
        }
        let (escaped, starts) = (rest.chars().nth(1), |text: &str| rest.starts_with(text));
        match letter {
            '\\' if matches!(escaped, Some('<' | '>')) => return false,
            '[' if bracket && !starts("[:") => return false,
            '&' | '-' | '~' if bracket && escaped == Some(letter) => return false,
            '{' if !bracket && escaped == Some(',') => return false,
            _ => {}
        }
        let taken = match letter {
            '\\' => 1 + escaped.map_or(0, char::len_utf8),
            '[' if bracket => rest.find(":]").map_or(1, |end| end + 2),
            // A bracket that comes first is a letter.
            '[' => [("[^]", 3), ("[]", 2), ("[^", 2)]
                .iter()
                .find(|(start, _)| starts(start))
                .map_or(1, |(_, taken)| *taken),
            _ => 1,
        };
        bracket = match letter {
            '[' => true,
            ']' => false,
            _ => bracket,
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_judged() {
        for (pattern, text, matches) in [
            ("^[a-z]([-a-z0-9]*[a-z0-9])?$", "web-1", true),
            ("^[a-z]([-a-z0-9]*[a-z0-9])?$", "web-", false),
            ("^[]a]+$", "]a", true),
            ("^[^]]$", "]", false),
            ("^[[:alpha:]_]+$", "a_b", true),
            ("^\\d{1,3}(\\.\\d{1,3}){3}$", "10.0.0.1", true),
            ("a--b", "a--b", true),
            ("^[a\\]&]+$", "]&", true),
            ("a$", "a\n", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), Some(matches), "{pattern} {text:?}");
        }
    }

    #[test]
    fn what_two_engines_read_differently_is_not() {
        for (pattern, text) in [
            ("^a$", "ä"),
            ("^ä$", "a"),
            ("(", "a"),
            ("((a{1000}){1000}){1000}", "b"),
            ("^\\<a\\>$", "a"),
            ("^[a&&b]$", "a"),
            ("^[a[b]c]$", "a"),
            ("^[!--x]$", "a"),
            ("^a{,3}$", "a"),
            ("^\\pL$", "a"),
            ("^(?!a)", "b"),
            ("\\s", "\u{b}"),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), None, "{pattern} {text:?}");
        }
    }
}
