//! How a text may be written in YAML so that kubectl reads the same text back.
//!
//! In: a text. Out: its [`Style`], and the text in that style.
//! Guarantees: yaml.v2's own rule (plain where the resolver gives text back and no indicator is in the way), narrowed:
//! `<<` and whatever starts like a separator is quoted, and literal blocks are used only where every line survives.

use std::fmt::Write as _;

use super::{scalar, timestamp};

/// The ways to write a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is.
    Plain,
    /// In single quotes, on one line.
    Single,
    /// In double quotes, on one line, with escapes.
    Double,
    /// As a literal block.
    Literal,
}

/// The style for a text; a key cannot be a block.
pub(super) fn style(text: &str, is_key: bool) -> Style {
    if !is_key && fits_literal(text) {
        return Style::Literal;
    }
    if text.chars().any(needs_escape) || is_read_as_other(text) {
        return Style::Double;
    }
    if fits_plain(text) { Style::Plain } else { Style::Single }
}

/// Whether the text without quotes would be something else than a text, for kubectl or for its near relatives.
fn is_read_as_other(text: &str) -> bool {
    scalar::plain(text).is_some()
        || text == "<<"
        || text == "="
        || is_sexagesimal(text)
        || timestamp::is_timestamp(text)
}

/// YAML 1.1's numbers in base 60, `12:30:45`: kubectl reads them as text, other readers may not.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    text.contains(':')
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'_' | b'.'))
}

/// What no scalar on one line may hold unescaped.
fn needs_escape(c: char) -> bool {
    match c {
        // Breaks of lines (three of them only for YAML 1.1), tabs, and invisible marks.
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => true,
        _ => c.is_control(),
    }
}

fn fits_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let starts_well = match first {
        // An item or a key would need a blank behind it, a separator two more of its kind.
        '-' => text[1..].starts_with(|c| c != ' ') && !text.starts_with("---"),
        '.' => !text.starts_with("..."),
        // Blanks of Unicode are no blanks of YAML; but before a brace they make kubectl try JSON first.
        first if first.is_whitespace() => false,
        _ => !" ?:,[]{}#&*!|>'\"%@`".contains(first),
    };
    starts_well && !text.ends_with([' ', ':']) && !text.contains(": ") && !text.contains(" #")
}

/// Whether a text of several lines can be a literal block whose indentation shows by itself.
fn fits_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.chars().any(|c| needs_escape(c) && c != '\n' && c != '\t')
}

/// The header of a literal block: what becomes of the line ends behind the text.
pub(super) fn literal_header(text: &str) -> &'static str {
    if text.ends_with("\n\n") {
        "|+"
    } else if text.ends_with('\n') {
        "|"
    } else {
        "|-"
    }
}

/// Appends a text that is no literal block.
pub(super) fn push_flow(out: &mut String, text: &str, style: Style) {
    match style {
        Style::Plain | Style::Literal => out.push_str(text),
        Style::Single => {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        }
        Style::Double => {
            out.push('"');
            text.chars().for_each(|c| push_escaped(out, c));
            out.push('"');
        }
    }
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        // Writing to a String cannot fail.
        _ if needs_escape(c) && u32::from(c) < 0x100 => drop(write!(out, "\\x{:02X}", u32::from(c))),
        _ if needs_escape(c) => drop(write!(out, "\\u{:04X}", u32::from(c))),
        _ => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_texts_stay_plain() {
        for text in [
            "nginx",
            "nginx:1.25",
            "--flag=x",
            "-x",
            "http://a/b?c#d",
            "a b",
            "1.2.3",
            "v1",
            "10Gi",
            "500m",
            "a: b".trim_end_matches(" b"),
            "日本",
            "a'b",
            "a\"b",
            "{{ x".trim_start_matches("{{ "),
            "x{}",
            "é\u{A0}",
            "yess",
            "0x",
            "🚀",
        ] {
            let expected = if text.ends_with(':') { Style::Single } else { Style::Plain };
            assert_eq!(style(text, false), expected, "{text}");
        }
    }

    #[test]
    fn what_would_be_another_type_is_in_double_quotes() {
        for text in [
            "",
            "~",
            "null",
            "yes",
            "y",
            "No",
            "true",
            "1",
            "0777",
            "0o17",
            "0x1F",
            "0b1",
            "1_000",
            "1e3",
            ".5",
            ".5_0",
            "1.0",
            ".inf",
            "-.INF",
            ".NaN",
            "<<",
            "=",
            "12:30:45",
            "2001-01-01",
            "18446744073709551615",
            "08",
            "+1",
            "0b-1",
        ] {
            assert_eq!(style(text, false), Style::Double, "{text}");
        }
    }

    #[test]
    fn indicators_are_in_single_quotes() {
        for text in [
            "*",
            "&a",
            "!x",
            "- a",
            "-",
            "? a",
            "?",
            ": a",
            ":",
            "a: b",
            "a:",
            "a #b",
            "#",
            " a",
            "a ",
            "[",
            "]a",
            "{}",
            ",",
            "%a",
            "@a",
            "`a",
            "|",
            ">",
            "'",
            "\"a\"",
            "---",
            "--- a",
            "...",
            "...a",
            "---a",
            "\u{a0}{{ .x }}",
            "\u{3000}a",
        ] {
            assert_eq!(style(text, false), Style::Single, "{text}");
        }
    }

    #[test]
    fn invisible_characters_are_escaped() {
        for text in [
            "\t",
            "a\tb",
            "\r",
            "\0",
            "\u{7F}",
            "\u{85}",
            "\u{2028}",
            "\u{FEFF}",
            "a\u{FFFF}",
            "\n",
            " \na",
            "\ta\nb",
            "a\r\nb",
        ] {
            assert_eq!(style(text, false), Style::Double, "{text:?}");
        }
        let mut out = String::new();
        push_flow(&mut out, "\"\\\n\t\r\0\u{85}\u{2028}🚀", Style::Double);
        assert_eq!(out, r#""\"\\\n\t\r\x00\x85\u2028🚀""#);
    }

    #[test]
    fn texts_of_lines_are_blocks_but_not_as_keys() {
        for (text, header) in [("a\nb", "|-"), ("a\n", "|"), ("a\n\n", "|+"), ("a\n \n\tb\n", "|"), ("yes\n", "|")] {
            assert_eq!(style(text, false), Style::Literal, "{text:?}");
            assert_eq!(literal_header(text), header, "{text:?}");
            assert_eq!(style(text, true), Style::Double, "{text:?}");
        }
    }
}
