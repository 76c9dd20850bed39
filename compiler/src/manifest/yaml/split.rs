//! From bytes to the texts of single documents, as kubectl cuts a file before any YAML is parsed.
//!
//! In: a file. Out: its text, and for YAML the chunks between separator lines.
//! Guarantees: the byte order mark decides the encoding and what is not UTF-8 becomes U+FFFD (cli-runtime's
//! `FileVisitor`); lines end in `\n`; a line that starts with `---` separates (apimachinery's `YAMLReader`).

use std::borrow::Cow;

/// How far kubectl looks for the brace that makes a file JSON.
const SNIFFED: usize = 4096;

/// What stands between two separators.
#[derive(Debug, PartialEq)]
pub(super) enum Chunk<'t> {
    /// A text that starts at an offset and on a line, which count from 0 and 1. It begins with its own separator where
    /// nothing stood before it.
    Text { start: usize, text: &'t str, line: usize },
    /// A line that starts with `---` but goes on with neither blanks nor a comment.
    BadSeparator { line: usize, text: &'t str },
}

/// A decoded file, without its byte order mark.
#[derive(Debug, PartialEq)]
pub(super) struct Decoded<'b> {
    pub(super) text: Cow<'b, str>,
    /// The text is not what its byte order mark says. kubectl passes such a file on as it is, so JSON gets U+FFFD for
    /// what is wrong, but YAML an error; without the mark both get U+FFFD.
    pub(super) broken: bool,
}

/// Decodes a file.
pub(super) fn decode(bytes: &[u8]) -> Decoded<'_> {
    let sound = |text| Decoded { text, broken: false };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => sound(utf16(rest, u16::from_le_bytes).into()),
        [0xFE, 0xFF, rest @ ..] => sound(utf16(rest, u16::from_be_bytes).into()),
        [0xEF, 0xBB, 0xBF, rest @ ..] => match str::from_utf8(rest) {
            Ok(text) => sound(text.into()),
            Err(_) => Decoded { text: replaced(rest).into(), broken: true },
        },
        _ => sound(String::from_utf8_lossy(bytes)),
    }
}

/// Text with one U+FFFD for every byte that is not UTF-8, as Go's JSON reads and writes it.
pub(super) fn replaced(bytes: &[u8]) -> String {
    let text = |chunk: std::str::Utf8Chunk| [chunk.valid(), &"\u{FFFD}".repeat(chunk.invalid().len())].concat();
    bytes.utf8_chunks().map(text).collect()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text: String = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

/// Whether kubectl tries JSON first.
pub(super) fn looks_like_json(text: &str) -> bool {
    text.find(|c: char| !c.is_whitespace()).is_some_and(|at| at < SNIFFED && text[at..].starts_with('{'))
}

/// Where YAML starts after JSON ended at `from`: kubectl eats white space up to and including one line end. `None`
/// where it gives up instead, because it always reads four bytes ahead.
pub(super) fn after_json(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    for (at, c) in rest.char_indices() {
        if rest.len() - at < 4 || c == char::REPLACEMENT_CHARACTER {
            return None;
        }
        if c == '\n' {
            return Some(from + at + 1);
        }
        if !c.is_whitespace() {
            return Some(from + at);
        }
    }
    None
}

/// Line ends as kubectl's line reader leaves them: no `\r` before `\n`, and a `\n` at the end.
pub(super) fn normalise(text: &str) -> Cow<'_, str> {
    let mut text: Cow<str> = if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text.into() };
    if !text.is_empty() && !text.ends_with('\n') {
        text.to_mut().push('\n');
    }
    text
}

/// Cuts a normalised text whose first line has number `line`.
pub(super) fn chunks(text: &str, mut line: usize) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    // Where the chunk being collected starts, and on which line.
    let mut start = (0, line);
    let mut at = 0;
    for row in text.split_inclusive('\n') {
        let next = at + row.len();
        if let Some(after) = row.strip_prefix("---") {
            let after = after.trim();
            let sound = after.is_empty() || after.starts_with('#');
            // The first separator of a chunk is part of it.
            if at > start.0 || !sound {
                if at > start.0 {
                    chunks.push(Chunk::Text { start: start.0, text: &text[start.0..at], line: start.1 });
                }
                if !sound {
                    chunks.push(Chunk::BadSeparator { line, text: row });
                }
                start = (next, line + 1);
            }
        }
        at = next;
        line += 1;
    }
    if at > start.0 {
        chunks.push(Chunk::Text { start: start.0, text: &text[start.0..], line: start.1 });
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(&str, usize)> {
        chunks(text, 1)
            .into_iter()
            .map(|chunk| match chunk {
                Chunk::Text { text, line, .. } => (text, line),
                Chunk::BadSeparator { line, .. } => ("BAD", line),
            })
            .collect()
    }

    #[test]
    fn byte_order_marks_decide_the_encoding() {
        assert_eq!(decode(b"\xEF\xBB\xBFa").text, "a");
        assert_eq!(decode(b"\xFF\xFEa\0\x3D\xD8\x80\xDE").text, "a\u{1F680}");
        assert_eq!(decode(b"\xFE\xFF\0a").text, "a");
    }

    #[test]
    fn what_cannot_be_decoded_is_replaced() {
        assert_eq!(decode(b"caf\xE9!"), Decoded { text: "caf\u{FFFD}!".into(), broken: false });
        assert_eq!(decode(b"\xFF\xFE\x3D\xD8a\0b"), Decoded { text: "\u{FFFD}a\u{FFFD}".into(), broken: false });
        assert_eq!(decode(b"\xEF\xBB\xBFcaf\xE9!"), Decoded { text: "caf\u{FFFD}!".into(), broken: true });
        assert_eq!(replaced(b"\xE2\x82!"), "\u{FFFD}\u{FFFD}!");
    }

    #[test]
    fn separators_may_be_followed_by_blanks_and_comments_only() {
        assert_eq!(texts("a: 1\n--- # next\nb: 1\n---\t \nc: 1\n"), [("a: 1\n", 1), ("b: 1\n", 3), ("c: 1\n", 5)]);
        assert_eq!(texts("a: 1\n--- {b: 1}\nc: 1\n"), [("a: 1\n", 1), ("BAD", 2), ("c: 1\n", 3)]);
        assert_eq!(texts("---foo\n"), [("BAD", 1)]);
        assert_eq!(texts(" ---\n"), [(" ---\n", 1)]);
    }

    #[test]
    fn a_separator_with_nothing_before_it_stays_in_its_chunk() {
        assert_eq!(texts("---\na: 1\n---\n---\nb: 1\n"), [("---\na: 1\n", 1), ("---\nb: 1\n", 4)]);
        assert_eq!(texts(""), []);
        assert_eq!(texts("---\n"), [("---\n", 1)]);
    }

    #[test]
    fn line_ends_become_line_feeds_and_the_last_is_added() {
        assert_eq!(normalise("a\r\nb\rc\r\r\nd"), "a\nb\rc\r\nd\n");
        assert_eq!(normalise(""), "");
        assert!(matches!(normalise("a\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_is_tried_when_the_first_four_kilobytes_hold_the_brace() {
        assert!(looks_like_json(" \n\u{A0}{"));
        assert!(!looks_like_json("[{"));
        assert!(!looks_like_json(""));
        assert!(looks_like_json(&format!("{}{{", " ".repeat(4095))));
        assert!(!looks_like_json(&format!("{}{{", " ".repeat(4096))));
    }

    #[test]
    fn yaml_after_json_starts_behind_one_line_end_and_needs_four_bytes() {
        assert_eq!(after_json("{} \n\n---", 2), Some(4));
        assert_eq!(after_json("{}abcd", 2), Some(2));
        assert_eq!(after_json("{}abc", 2), None);
        assert_eq!(after_json("{}  ", 2), None);
    }
}
