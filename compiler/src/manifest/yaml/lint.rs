//! Lints: places where kubectl reads something else than most people would.
//!
//! In: what the loader saw. Out: notes that say what kubectl reads there, under a rule's name.
//! Guarantees: a lint never changes what is read.

use super::number;
use super::scalar::{self, Scalar};
use crate::canon::Value;

/// The same key twice in a map.
pub const DUPLICATE_KEY: &str = "duplicate-key";
/// `yes`, `on`, `y` and their like, which only YAML 1.1 takes for booleans.
pub const YAML_1_1_BOOLEAN: &str = "yaml-1.1-boolean";
/// A leading zero that means base 8.
pub const OCTAL_INTEGER: &str = "octal-integer";
/// Text that kubectl drops, because it reads one document between two separators.
pub const DROPPED_TEXT: &str = "dropped-text";
/// A `<<` that replaces keys which stand before it.
pub const MERGE_AFTER_KEY: &str = "merge-after-key";
/// A number or boolean as a key that is read as another text than the one written.
pub const NON_STRING_KEY: &str = "non-string-key";
/// An integer that not every reader of JSON keeps exactly.
pub const INTEGER_BEYOND_2_53: &str = "integer-beyond-2^53";
/// A float that arrives as an integer.
pub const FLOAT_TO_INTEGER: &str = "float-to-integer";

/// How many lints one document may have: enough for every reader of them.
pub(super) const MOST: usize = 1_000;

/// A lint at a byte offset.
#[derive(Debug, PartialEq)]
pub(super) struct Note {
    pub(super) rule: &'static str,
    pub(super) at: usize,
    pub(super) message: String,
}

pub(super) fn duplicate_key(key: &str, at: usize) -> Note {
    let key = excerpt(key);
    Note { rule: DUPLICATE_KEY, at, message: format!("`{key}` is set again: kubectl reads this last value only") }
}

pub(super) fn merge_after_key(key: &str, at: usize) -> Note {
    let key = excerpt(key);
    let message = format!("`<<` replaces `{key}`, which stands before it: put `<<` first to keep it");
    Note { rule: MERGE_AFTER_KEY, at, message }
}

/// Looks at a plain scalar that is not text.
pub(super) fn scalar(text: &str, read: &Scalar, is_key: bool, at: usize) -> Option<Note> {
    let note = |rule, message| Some(Note { rule, at, message });
    if let Scalar::Bool(truth) = read
        && !text.eq_ignore_ascii_case("true")
        && !text.eq_ignore_ascii_case("false")
    {
        let means = if is_key { format!("the key `{truth}`") } else { format!("the boolean {truth}") };
        return note(YAML_1_1_BOOLEAN, format!("kubectl reads `{text}` as {means}: quote it if text is meant"));
    }
    if is_key {
        let key = scalar::key(read.clone()).ok().filter(|key| key != text)?;
        return note(NON_STRING_KEY, format!("kubectl reads the key `{text}` as `{key}`: quote it if text is meant"));
    }
    value(text, read).and_then(|(rule, message)| note(rule, message))
}

fn value(text: &str, read: &Scalar) -> Option<(&'static str, String)> {
    const EXACT: u64 = 1 << 53;
    match read {
        Scalar::Int(number) if is_octal(text) && *number != decimal(text) => {
            Some((OCTAL_INTEGER, format!("kubectl reads `{text}` as {number}, in base 8: quote it if text is meant")))
        }
        Scalar::Int(number) if number.unsigned_abs() > EXACT => Some((
            INTEGER_BEYOND_2_53,
            format!(
                "kubectl reads {number} exactly, readers of JSON that use floats do not: quote it if text is meant"
            ),
        )),
        Scalar::Unsigned(number) => {
            #[expect(clippy::cast_precision_loss, reason = "the loss is what the lint is about")]
            let float = number::json_text(*number as f64);
            Some((
                INTEGER_BEYOND_2_53,
                format!("kubectl reads `{text}` as the float {float}: quote it if text is meant"),
            ))
        }
        Scalar::Float(number) => match number::value(*number).ok()? {
            Value::Int(number) => Some((
                FLOAT_TO_INTEGER,
                format!("kubectl reads `{text}` as the integer {number}: quote it if text is meant"),
            )),
            _ if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'_')) => {
                let float = number::json_text(*number);
                Some((
                    INTEGER_BEYOND_2_53,
                    format!("kubectl reads `{text}` as the float {float}: quote it if text is meant"),
                ))
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_octal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// What the digits say in base 10, or something else than they say in base 8 where that is too much.
fn decimal(text: &str) -> i64 {
    text.replace('_', "").parse().unwrap_or(i64::MIN)
}

/// Looks for text behind the end of the document.
pub(super) fn dropped_text(text: &str, end: usize) -> Option<Note> {
    let mut at = end;
    for line in text.get(end..)?.split_inclusive('\n') {
        let content = line.trim();
        if !(content.is_empty() || content.starts_with('#') || content == "...") {
            at += line.len() - line.trim_start().len();
            let message = "kubectl drops everything from here to the next `---`".to_owned();
            return Some(Note { rule: DROPPED_TEXT, at, message });
        }
        at += line.len();
    }
    None
}

/// The start of a long text.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str, is_key: bool) -> Option<&'static str> {
        scalar(text, &scalar::plain(text)?, is_key, 0).map(|note| note.rule)
    }

    #[test]
    fn values_that_surprise_are_noted() {
        for (text, expected) in [
            ("yes", YAML_1_1_BOOLEAN),
            ("Off", YAML_1_1_BOOLEAN),
            ("n", YAML_1_1_BOOLEAN),
            ("0644", OCTAL_INTEGER),
            ("-0_12", OCTAL_INTEGER),
            ("9007199254740993", INTEGER_BEYOND_2_53),
            ("18446744073709551615", INTEGER_BEYOND_2_53),
            ("99999999999999999999", INTEGER_BEYOND_2_53),
            ("1.0", FLOAT_TO_INTEGER),
            ("1e3", FLOAT_TO_INTEGER),
        ] {
            assert_eq!(rule(text, false), Some(expected), "{text}");
        }
        for text in
            ["true", "TRUE", "False", "null", "", "07", "0", "0o17", "0x1F", "1.5", "1e30", "9007199254740992", "x"]
        {
            assert_eq!(rule(text, false), None, "{text}");
        }
    }

    #[test]
    fn keys_that_are_read_as_another_text_are_noted() {
        for (text, expected) in [
            ("on", YAML_1_1_BOOLEAN),
            ("True", NON_STRING_KEY),
            ("01", NON_STRING_KEY),
            ("1.0", NON_STRING_KEY),
            ("1234567.5", NON_STRING_KEY),
        ] {
            assert_eq!(rule(text, true), Some(expected), "{text}");
        }
        for text in ["true", "8080", "1.5", "-1", "name"] {
            assert_eq!(rule(text, true), None, "{text}");
        }
    }

    #[test]
    fn text_behind_the_end_is_noted_unless_it_is_a_comment() {
        let text = "a: 1\n... \n# c\n...\n\n  b: 2\n";
        assert_eq!(dropped_text(text, 8).map(|note| note.at), text.find('b'));
        assert_eq!(dropped_text("a: 1\n... \n# c\n", 8), None);
    }

    #[test]
    fn long_keys_are_shortened_in_messages() {
        assert_eq!(excerpt(&"ä".repeat(61)), format!("{}…", "ä".repeat(60)));
        assert_eq!(excerpt("short"), "short");
    }
}
