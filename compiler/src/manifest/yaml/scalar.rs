//! What a scalar means to kubectl: go.yaml.in/yaml/v2's resolver, rule by rule.
//!
//! In: the text of a scalar, its tag, and whether it may mean anything but its text. Out: a [`Scalar`].
//! Guarantees: the same type and value as `resolve.go` of yaml.v2 v2.4 gives; never panics.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::{number, split, timestamp};

/// A scalar as the parser saw it.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) text: String,
    /// The whole tag, `tag:yaml.org,2002:int` for `!!int`.
    pub(super) tag: Option<String>,
    /// Written without quotes and without a tag (or with `!`), so its text decides what it is.
    pub(super) implicit: bool,
}

/// A scalar after resolving. What JSON cannot hold is still apart here, because keys and values treat it differently.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer above `i64`.
    Unsigned(u64),
    /// Any float, NaN and the infinities included.
    Float(f64),
    Text(String),
}

const CORE: &str = "tag:yaml.org,2002:";

/// Go's `base64.StdEncoding`, which wants padding but does not look at unused bits.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

impl Raw {
    /// Whether this scalar, as a key, merges another map into its own.
    pub(super) fn is_merge(&self) -> bool {
        self.text == "<<"
            && (self.implicit || self.tag.as_deref().and_then(|tag| tag.strip_prefix(CORE)) == Some("merge"))
    }

    /// Whether this was written plainly: what it is read as may surprise.
    pub(super) fn is_plain(&self) -> bool {
        self.implicit && self.tag.is_none()
    }
}

/// Resolves a scalar; the error is for the user.
pub(super) fn resolve(raw: Raw) -> Result<Scalar, String> {
    match raw.tag.as_deref() {
        None if raw.implicit => Ok(plain(&raw.text).unwrap_or(Scalar::Text(raw.text))),
        None => Ok(Scalar::Text(raw.text)),
        Some(tag) => match tag.strip_prefix(CORE) {
            Some("binary") => binary(&raw.text),
            Some(name @ ("bool" | "int" | "float" | "null" | "timestamp")) => typed(name, raw.text),
            // `!!str`, `!`, and every tag that yaml.v2 does not know.
            _ => Ok(Scalar::Text(raw.text)),
        },
    }
}

fn binary(text: &str) -> Result<Scalar, String> {
    // Go skips line ends, wherever they are.
    let bytes = BASE64.decode(text.replace(['\r', '\n'], "")).map_err(|_| "`!!binary` needs base64")?;
    Ok(Scalar::Text(split::replaced(&bytes)))
}

fn typed(name: &str, text: String) -> Result<Scalar, String> {
    let scalar = plain(&text);
    match (name, scalar) {
        ("bool", Some(found @ Scalar::Bool(_)))
        | ("int", Some(found @ (Scalar::Int(_) | Scalar::Unsigned(_))))
        | ("float", Some(found @ Scalar::Float(_)))
        | ("null", Some(found @ Scalar::Null)) => Ok(found),
        #[expect(clippy::cast_precision_loss, reason = "yaml.v2 converts in the same way")]
        ("float", Some(Scalar::Int(number))) => Ok(Scalar::Float(number as f64)),
        // A timestamp is checked and then kept as it is written.
        ("timestamp", None) if timestamp::is_timestamp(&text) => Ok(Scalar::Text(text)),
        _ => Err(format!("`{text}` is not a `!!{name}`")),
    }
}

/// What a scalar without quotes and tag means, where it is not just its text.
pub(super) fn plain(text: &str) -> Option<Scalar> {
    match text.as_bytes().first() {
        None | Some(b'~' | b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => word(text),
        Some(b'.') => special(text).or_else(|| number::dotted(text)).map(Scalar::Float),
        Some(b'0'..=b'9') => number::number(text),
        Some(b'+' | b'-') => special(text).map(Scalar::Float).or_else(|| number::number(text)),
        _ => None,
    }
}

fn word(text: &str) -> Option<Scalar> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Scalar::Null),
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(Scalar::Bool(true)),
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Some(Scalar::Bool(false))
        }
        _ => None,
    }
}

fn special(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// The text of a scalar as a key; the error says why it cannot be one.
pub(super) fn key(scalar: Scalar) -> Result<String, &'static str> {
    match scalar {
        Scalar::Text(text) => Ok(text),
        Scalar::Bool(truth) => Ok(truth.to_string()),
        Scalar::Int(number) => Ok(number.to_string()),
        Scalar::Float(number) => Ok(number::key_text(number)),
        Scalar::Null => Err("a key cannot be null: quote it if text is meant"),
        Scalar::Unsigned(_) => Err("a key cannot be a number above 9223372036854775807: quote it if text is meant"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(name: &str, text: &str) -> Result<Scalar, String> {
        let tag = if name.starts_with('!') { name.to_owned() } else { format!("{CORE}{name}") };
        resolve(Raw { text: text.to_owned(), tag: Some(tag), implicit: false })
    }

    #[test]
    fn booleans_of_yaml_1_1_are_booleans() {
        for text in "y Y yes Yes YES true True TRUE on On ON".split(' ') {
            assert_eq!(plain(text), Some(Scalar::Bool(true)), "{text}");
        }
        for text in "n N no No NO false False FALSE off Off OFF".split(' ') {
            assert_eq!(plain(text), Some(Scalar::Bool(false)), "{text}");
        }
        for text in "yES tRUE oN nO yess nope offf".split(' ') {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn nulls_are_the_empty_text_and_four_words() {
        for text in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(plain(text), Some(Scalar::Null), "{text}");
        }
        for text in ["nULL", "~~", "nil", "None"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn special_floats_have_three_spellings_each() {
        assert!(matches!(plain(".NaN"), Some(Scalar::Float(number)) if number.is_nan()));
        assert_eq!(plain("+.INF"), Some(Scalar::Float(f64::INFINITY)));
        assert_eq!(plain("-.Inf"), Some(Scalar::Float(f64::NEG_INFINITY)));
        for text in [".iNf", "+.nan", "-.nan", ".infinity", "nan", "inf"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn quotes_and_unknown_tags_keep_the_text() {
        for tag in ["str", "set", "map", "!", "!Ref"] {
            assert_eq!(tagged(tag, "yes"), Ok(Scalar::Text("yes".into())), "{tag}");
        }
        let quoted = Raw { text: "1".into(), tag: None, implicit: false };
        assert_eq!(resolve(quoted), Ok(Scalar::Text("1".into())));
    }

    #[test]
    fn known_tags_are_checked() {
        assert_eq!(tagged("bool", "off"), Ok(Scalar::Bool(false)));
        assert_eq!(tagged("int", "0x1F"), Ok(Scalar::Int(31)));
        assert_eq!(tagged("float", "010"), Ok(Scalar::Float(8.0)));
        assert_eq!(tagged("null", ""), Ok(Scalar::Null));
        assert_eq!(tagged("timestamp", "2001-1-1"), Ok(Scalar::Text("2001-1-1".into())));
        for (tag, text) in
            [("bool", "1"), ("int", "1.0"), ("int", ""), ("float", "x"), ("null", "0"), ("timestamp", "2001-13-01")]
        {
            assert!(tagged(tag, text).is_err(), "!!{tag} {text}");
        }
        // yaml.v2 widens signed integers only.
        assert!(tagged("float", "18446744073709551615").is_err());
    }

    #[test]
    fn binary_is_decoded() {
        assert_eq!(tagged("binary", "aGk="), Ok(Scalar::Text("hi".into())));
        assert_eq!(tagged("binary", "4oI="), Ok(Scalar::Text("\u{FFFD}\u{FFFD}".into())));
        assert_eq!(tagged("binary", "Zm9v\nYg=\r\n="), Ok(Scalar::Text("foob".into())));
        assert_eq!(tagged("binary", "Zh=="), Ok(Scalar::Text("f".into())));
        for text in ["aGk", "Zg=", "Z===", "Zg==Zg==", "Zm9v ", "Zm-_", "="] {
            assert!(tagged("binary", text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_become_text_or_are_refused() {
        assert_eq!(key(Scalar::Bool(true)), Ok("true".into()));
        assert_eq!(key(Scalar::Int(-7)), Ok("-7".into()));
        assert_eq!(key(Scalar::Float(1.0)), Ok("1".into()));
        assert!(key(Scalar::Null).is_err());
        assert!(key(Scalar::Unsigned(u64::MAX)).is_err());
    }
}
