//! The names that stand for functions in Go templates.
//!
//! In: the text of a template. Out: each name inside of `{{ … }}` that is no field (`.now`), no variable (`$now`) and no
//! part of a string, a number or a comment, with its place. Keywords are among them. Nothing is parsed: a text that is no
//! template gives something, and never fails.

/// A name, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'t> {
    pub(super) text: &'t str,
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// All names in the order of the text.
pub(super) fn names(template: &str) -> Vec<Name<'_>> {
    let mut scanner = Scanner { text: template, at: 0, place: Place { offset: 0, line: 1, column: 1 } };
    let mut found = Vec::new();
    while let Some(action) = template[scanner.at..].find(OPEN) {
        scanner.at += action + OPEN.len();
        if !scanner.skip_comment() {
            scanner.action(&mut found);
        }
    }
    found
}

struct Scanner<'t> {
    text: &'t str,
    /// Where it is, in bytes.
    at: usize,
    place: Place,
}

/// A place that lines were counted to.
struct Place {
    offset: usize,
    line: usize,
    column: usize,
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Whether the action that was just opened is a comment, which ends where it says so, whatever stands in it.
    fn skip_comment(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.strip_prefix('-').map_or(rest, str::trim_start);
        let Some(comment) = trimmed.strip_prefix("/*") else { return false };
        self.at = comment.find("*/").map_or(self.text.len(), |end| self.text.len() - comment.len() + end + 2);
        true
    }

    fn action(&mut self, found: &mut Vec<Name<'t>>) {
        while let Some(first) = self.rest().chars().next() {
            if self.rest().starts_with(CLOSE) {
                self.at += CLOSE.len();
                return;
            }
            match first {
                '"' | '\'' => self.skip_quoted(first),
                '`' => self.at = self.rest()[1..].find('`').map_or(self.text.len(), |end| self.at + end + 2),
                '.' | '$' => {
                    self.at += 1;
                    self.skip_word();
                }
                _ if is_part(first) => self.word(found),
                _ => self.at += first.len_utf8(),
            }
        }
    }

    fn word(&mut self, found: &mut Vec<Name<'t>>) {
        let start = self.at;
        self.skip_word();
        let text = &self.text[start..self.at];
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            let (line, column) = self.place_of(start);
            found.push(Name { text, line, column });
        }
    }

    fn skip_word(&mut self) {
        self.at += self.rest().find(|part| !is_part(part)).unwrap_or(self.rest().len());
    }

    /// Goes behind a string or a character, in which a backslash takes the meaning from what follows.
    fn skip_quoted(&mut self, quote: char) {
        let mut is_escaped = false;
        for (offset, character) in self.rest().char_indices().skip(1) {
            if character == quote && !is_escaped {
                self.at += offset + 1;
                return;
            }
            is_escaped = character == '\\' && !is_escaped;
        }
        self.at = self.text.len();
    }

    /// Line and column of an offset behind all that were asked for.
    fn place_of(&mut self, offset: usize) -> (usize, usize) {
        for character in self.text[self.place.offset..offset].chars() {
            if character == '\n' {
                (self.place.line, self.place.column) = (self.place.line + 1, 1);
            } else {
                self.place.column += 1;
            }
        }
        self.place.offset = offset;
        (self.place.line, self.place.column)
    }
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(template: &str) -> Vec<&str> {
        names(template).iter().map(|name| name.text).collect()
    }

    #[test]
    fn only_names_in_actions_count() {
        assert_eq!(texts("now {{ now }} now"), ["now"]);
        assert_eq!(texts("{{- $x := now | date \"now\" -}}"), ["now", "date"]);
        assert_eq!(texts("{{ .now }}{{ $now }}{{ .Values.now.lookup }}{{ $.now }}{{ (f .).now }}"), ["f"]);
        assert_eq!(texts("{{/* now }} now */}}{{- /* now */ -}}{{ /* now */ }}x"), ["now"]);
        assert_eq!(texts("{{ `now }} \\` }}{{ \"a\\\"now\" }}{{ '\\'' }}{{ b }}"), ["b"]);
        assert_eq!(texts("{{(now)}}{{if(lookup \"v1\")}}"), ["now", "if", "lookup"]);
        assert_eq!(texts("{{ 1now 0x1f -now nowhere }}"), ["now", "nowhere"]);
        assert_eq!(texts("{{ now"), ["now"]);
        assert!(texts("{{/* now").is_empty() && texts("{{ \"now").is_empty() && texts("{{ `now").is_empty());
    }

    #[test]
    fn places_are_counted_in_characters() {
        let found = names("ü: {{ a }}\n  x: {{- b\n c }}");
        let places: Vec<_> = found.iter().map(|name| (name.text, name.line, name.column)).collect();
        assert_eq!(places, [("a", 1, 7), ("b", 2, 10), ("c", 3, 2)]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "([{}\"'`/*\\\\.$ \nü-]|now|\\{\\{|\\}\\}){0,60}") {
            let lines: Vec<&str> = text.split('\n').collect();
            for name in names(&text) {
                let line: Vec<char> = lines[name.line - 1].chars().collect();
                let there: String = line[name.column - 1..].iter().take(name.text.chars().count()).collect();
                prop_assert_eq!(there, name.text);
            }
        }
    }
}
