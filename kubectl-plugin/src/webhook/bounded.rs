//! What is taken from a payload: texts and lists, each up to a limit, whatever the payload holds.
//!
//! In: JSON that a stranger may have written. Out: [`Text`] and [`Bounded`], as types for serde; and [`read`], whose errors say
//! where something is wrong and never what was written there.
//!
//! Guarantees: of a body of any size, no more is kept than the limits say; all the rest is skipped without being stored.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::refused::Malformed;

/// How long a text may be: names, refs, ids, addresses.
const LONGEST: usize = 2048;
/// How many entries of a list are kept.
const MOST: usize = 64;

/// Reads a body, which must be an object.
pub(super) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Malformed> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Malformed { line: 1, column: 1 });
    }
    serde_json::from_slice(body).map_err(|error| Malformed { line: error.line(), column: error.column() })
}

/// A text that is not too long; an error where it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Text(String);

impl Text {
    /// The text of a field that may not be there, or null: then it is empty.
    pub(super) fn of(field: Option<&Self>) -> &str {
        field.map_or("", |text| &text.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shorter;
        impl Visitor<'_> for Shorter {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of at most {LONGEST} bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                if text.len() > LONGEST {
                    return Err(E::invalid_length(text.len(), &self));
                }
                Ok(Text(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Shorter)
    }
}

/// The first entries of a list.
#[derive(Debug, Clone)]
pub(super) struct Bounded<T> {
    kept: Vec<T>,
    is_cut: bool,
}

impl<T> Bounded<T> {
    /// The entries of a field that may not be there, or null.
    pub(super) fn of(field: Option<&Self>) -> &[T] {
        field.map_or(&[], |list| &list.kept)
    }

    /// Whether there were more.
    pub(super) fn is_cut(field: Option<&Self>) -> bool {
        field.is_some_and(|list| list.is_cut)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for First<T> {
            type Value = Bounded<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded<T>, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MOST {
                    let Some(entry) = list.next_element::<Option<T>>()? else {
                        return Ok(Bounded { kept, is_cut: false });
                    };
                    // A null among entries says nothing.
                    kept.extend(entry);
                }
                let mut is_cut = false;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    is_cut = true;
                }
                Ok(Bounded { kept, is_cut })
            }
        }
        deserializer.deserialize_seq(First(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Payload {
        text: Option<Text>,
        list: Option<Bounded<Text>>,
    }

    fn of(body: &str) -> Result<Payload, Malformed> {
        read(body.as_bytes())
    }

    #[test]
    fn what_is_missing_or_null_is_empty() {
        for body in ["{}", r#"{"text": null, "list": null}"#, r#"{"list": [null, null], "other": [{"a": [1.5e999]}]}"#]
        {
            let payload = of(body).expect("it is read");
            assert_eq!(Text::of(payload.text.as_ref()), "", "{body}");
            assert!(Bounded::of(payload.list.as_ref()).is_empty() && !Bounded::is_cut(payload.list.as_ref()), "{body}");
        }
    }

    #[test]
    fn texts_have_a_limit() {
        assert!(of(&format!(r#"{{"text": "{}"}}"#, "a".repeat(LONGEST))).is_ok());
        assert!(of(&format!(r#"{{"text": "{}"}}"#, "a".repeat(LONGEST + 1))).is_err());
        assert!(of(&format!(r#"{{"other": "{}"}}"#, "a".repeat(LONGEST + 1))).is_ok(), "nobody keeps it");
    }

    #[test]
    fn lists_have_a_limit() {
        let list =
            |count: usize| of(&format!(r#"{{"list": [{}]}}"#, vec![r#""a""#; count].join(", "))).expect("it is read");
        let (whole, cut) = (list(MOST).list, list(MOST + 1).list);
        assert!(Bounded::of(whole.as_ref()).len() == MOST && !Bounded::is_cut(whole.as_ref()));
        assert!(Bounded::of(cut.as_ref()).len() == MOST && Bounded::is_cut(cut.as_ref()));
    }

    #[test]
    fn errors_say_where_and_not_what() {
        let error = of("{\"text\":\n  {\"password\": 1}}").expect_err("no text").to_string();
        assert!(error.contains("line 2") && !error.contains("password"), "{error}");
        for body in ["", "[]", "nonsense", "{\"text\": \"\u{1}\"}", r#"{"text": 1}"#, r#"{"list": {}}"#] {
            assert!(of(body).is_err(), "{body}");
        }
        assert!(read::<Payload>(b"{\"text\": \"\xff\"}").is_err());
        assert!(of(&"[".repeat(1 << 20)).is_err());
        assert!(of(&format!("{{\"other\": {}{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20))).is_ok(), "it is skipped");
    }
}
