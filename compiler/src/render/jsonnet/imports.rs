//! Which files a Jsonnet file names: the texts behind `import`, `importstr` and `importbin`.
//!
//! In: the text of a file. Out: what stands there, and whether it is code that may import in turn. Words and texts are told
//! apart as Jsonnet's lexer does (its specification, "Lexing"); nothing is parsed, so a text in code that never runs counts,
//! too: a file too many in a layout is no harm.

/// A file that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// As it is written.
    pub(super) name: String,
    /// Whether it is code, not text or bytes.
    pub(super) is_code: bool,
}

/// The files that a file names, in order.
pub(super) fn imports(text: &str) -> Vec<Import> {
    let mut lexer = Lexer { rest: text };
    let mut found = Vec::new();
    let mut expected = None;
    while let Some(token) = lexer.token() {
        match token {
            Token::Word(word) => {
                expected = match word {
                    "import" => Some(true),
                    "importstr" | "importbin" => Some(false),
                    _ => None,
                };
            }
            Token::Text(name) => {
                found.extend(expected.take().map(|is_code| Import { name, is_code }));
            }
            // A text in parentheses is a text, too.
            Token::Other('(') => {}
            Token::Other(_) => expected = None,
        }
    }
    found
}

enum Token<'t> {
    Word(&'t str),
    Text(String),
    Other(char),
}

struct Lexer<'t> {
    rest: &'t str,
}

impl<'t> Lexer<'t> {
    fn token(&mut self) -> Option<Token<'t>> {
        self.skip_blanks();
        let first = self.rest.chars().next()?;
        if first.is_ascii_alphabetic() || first == '_' {
            let end = self.rest.find(|character: char| character != '_' && !character.is_ascii_alphanumeric());
            let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            self.rest = rest;
            return Some(Token::Word(word));
        }
        if let Some(rest) = self.rest.strip_prefix("|||") {
            return Some(Token::Text(self.block(rest)));
        }
        let verbatim = self.rest.strip_prefix('@').and_then(|rest| rest.chars().next());
        if let Some(quote @ ('"' | '\'')) = verbatim {
            self.rest = &self.rest[2..];
            return Some(Token::Text(self.verbatim(quote)));
        }
        self.rest = &self.rest[first.len_utf8()..];
        if matches!(first, '"' | '\'') {
            return Some(Token::Text(self.quoted(first)));
        }
        Some(Token::Other(first))
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.starts_with("//") || self.rest.starts_with('#') {
                self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
            } else {
                return;
            }
        }
    }

    /// To the closing quote; `\` keeps the next character, or says which one it is.
    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((index, character)) = characters.next() {
            if character == quote {
                self.rest = &self.rest[index + 1..];
                return text;
            }
            if character != '\\' {
                text.push(character);
                continue;
            }
            match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((index, 'u')) => {
                    let code = self.rest.get(index + 1..index + 5).and_then(|hex| u32::from_str_radix(hex, 16).ok());
                    text.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
                    characters.nth(3);
                }
                Some((_, other)) => text.push(other),
                None => {}
            }
        }
        self.rest = "";
        text
    }

    /// To the closing quote; two quotes are one.
    fn verbatim(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some((before, after)) = self.rest.split_once(quote) {
            text.push_str(before);
            self.rest = after;
            match after.strip_prefix(quote) {
                Some(rest) => {
                    text.push(quote);
                    self.rest = rest;
                }
                None => return text,
            }
        }
        self.rest = "";
        text
    }

    /// A text block, to the line that is `|||` with less indentation than the first line of the block.
    fn block(&mut self, rest: &'t str) -> String {
        let body = rest.split_once('\n').map_or("", |(_, body)| body);
        let first = body.lines().find(|line| !line.is_empty()).unwrap_or_default();
        let indentation = &first[..first.len() - first.trim_start_matches([' ', '\t']).len()];
        let mut text = String::new();
        let mut rest = body;
        while let Some((line, after)) = rest.split_once('\n') {
            if !line.is_empty() && !line.starts_with(indentation) {
                break;
            }
            text.push_str(line.get(indentation.len()..).unwrap_or_default());
            text.push('\n');
            rest = after;
        }
        self.rest = rest.trim_start_matches([' ', '\t']).strip_prefix("|||").unwrap_or("");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, bool)> {
        imports(text).into_iter().map(|import| (import.name, import.is_code)).collect()
    }

    #[test]
    fn imports_are_found_whatever_their_texts_look_like() {
        let text = r#"
            // import 'no1'
            # import 'no2'
            /* import 'no3' */
            local a = import 'a.libsonnet', b = (import "b\"\u0041.libsonnet");
            local c = importstr @'c''.txt' + importbin
              /* here */ @"d.bin";
            { import: 'no4', 'import': import |||
              e
            |||, f: "import 'no5'", importer 'no6' }
        "#;
        let expected =
            [("a.libsonnet", true), ("b\"A.libsonnet", true), ("c'.txt", false), ("d.bin", false), ("e\n", true)];
        assert_eq!(found(text), expected.map(|(name, is_code)| (name.to_owned(), is_code)));
    }

    #[test]
    fn what_never_ends_ends() {
        for text in
            ["import 'a", "import @'a", "import |||\n  a", "/* import 'a'", "import \"\\", "import '\\u12", "import ("]
        {
            let _ = found(text);
        }
    }
}
