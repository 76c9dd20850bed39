//! Patterns for kinds: `*.crossplane.io/*`.
//!
//! In: a pattern as Argo CD has them (gobwas/glob, where `*` stops nowhere): `*`, `?`, `[a-z]`, `[!a]`, `{a,b}`. Out:
//! whether it matches `group/Kind`, or `Kind` of the core group.

use std::cmp::Reverse;

use regex::Regex;

#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    expression: Regex,
}

impl Pattern {
    /// Whether a text is a pattern, and not just a name.
    pub(super) fn is_one(text: &str) -> bool {
        text.contains(['*', '?', '[', '{'])
    }

    pub(super) fn new(text: &str) -> Result<Self, String> {
        let mut expression = String::from(r"\A");
        let (mut depth, mut characters) = (0_usize, text.chars());
        while let Some(character) = characters.next() {
            match character {
                '*' => expression.push_str(".*"),
                '?' => expression.push('.'),
                '{' => (expression, depth) = (expression + "(?:", depth + 1),
                '}' if depth > 0 => (expression, depth) = (expression + ")", depth - 1),
                ',' if depth > 0 => expression.push('|'),
                '[' => class(&mut characters, &mut expression)?,
                other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        if depth > 0 {
            return Err("a brace is not closed".to_owned());
        }
        let compiled = Regex::new(&format!(r"{expression}\z")).map_err(|_| "it cannot be read".to_owned())?;
        Ok(Self { text: text.to_owned(), expression: compiled })
    }

    pub(super) fn matches(&self, group: &str, kind: &str) -> bool {
        if group.is_empty() {
            self.expression.is_match(kind)
        } else {
            self.expression.is_match(&format!("{group}/{kind}"))
        }
    }

    /// The longest first, then by their text.
    pub(super) fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (Reverse(self.text.len()), &self.text).cmp(&(Reverse(other.text.len()), &other.text))
    }
}

/// One of some characters, or none of them.
fn class(characters: &mut std::str::Chars<'_>, expression: &mut String) -> Result<(), String> {
    let mut inner = String::new();
    loop {
        match characters.next() {
            Some(']') => break,
            Some('!') if inner.is_empty() => inner.push('^'),
            Some('-') => inner.push('-'),
            Some(other) => inner.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            None => return Err("a bracket is not closed".to_owned()),
        }
    }
    *expression = format!("{expression}[{inner}]");
    Ok(())
}
