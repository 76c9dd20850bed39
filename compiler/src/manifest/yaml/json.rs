//! JSON as Go's encoding/json and sigs.k8s.io/json read it.
//!
//! In: a text that holds JSON values one after the other. Out: the nodes of one value, into the same [`Sink`] as YAML.
//! Guarantees: Go's grammar and nothing else; half of a surrogate pair becomes U+FFFD; no recursion.

use super::event::{Fault, Shape, Sink};
use super::scalar::Raw;

/// Why no value could be read.
#[derive(Debug)]
pub(super) enum Failure {
    /// This is not JSON; kubectl may then read it as YAML.
    Syntax(Fault),
    /// It is, but the sink does not want it.
    Refused(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

/// Skips white space between values.
pub(super) fn skip_space(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// Reads the value that starts at `from`, and tells where it ends.
pub(super) fn value<S: Sink>(text: &str, from: usize, sink: &mut S) -> Result<usize, Failure> {
    let mut reader = Reader { text, at: from };
    let mut open: Vec<Shape> = Vec::new();
    loop {
        // A value is due here.
        match reader.start(sink)? {
            Some(shape) if reader.accept(closing(shape)) => sink.close()?,
            Some(shape) => {
                open.push(shape);
                reader.key_of(shape, sink)?;
                continue;
            }
            None => {}
        }
        // A value has ended, and with it perhaps what it is in.
        loop {
            let Some(shape) = open.last().copied() else { return Ok(reader.at) };
            if reader.accept(b',') {
                reader.key_of(shape, sink)?;
                break;
            }
            if !reader.accept(closing(shape)) {
                return Err(reader.syntax(match shape {
                    Shape::List => "expected `,` or `]` after an item",
                    Shape::Map => "expected `,` or `}` after a value",
                }));
            }
            sink.close()?;
            open.pop();
        }
    }
}

fn closing(shape: Shape) -> u8 {
    match shape {
        Shape::List => b']',
        Shape::Map => b'}',
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn syntax(&self, message: &str) -> Failure {
        Failure::Syntax(Fault::new(self.at.min(self.text.len()), format!("not JSON: {message}")))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes a byte that may have white space before it.
    fn accept(&mut self, byte: u8) -> bool {
        self.at = skip_space(self.text, self.at);
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    /// Reads a scalar, or opens a container and returns its shape.
    fn start<S: Sink>(&mut self, sink: &mut S) -> Result<Option<Shape>, Failure> {
        self.at = skip_space(self.text, self.at);
        let at = self.at;
        let shape = match self.peek() {
            Some(b'{') => Shape::Map,
            Some(b'[') => Shape::List,
            Some(b'"') => {
                let text = self.string()?;
                sink.scalar(Raw { text, tag: None, implicit: false }, None, at)?;
                return Ok(None);
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number(sink)?;
                return Ok(None);
            }
            Some(_) => {
                let text = self.literal()?;
                sink.scalar(Raw { text, tag: None, implicit: true }, None, at)?;
                return Ok(None);
            }
            None => return Err(self.syntax("it ends where a value should stand")),
        };
        self.at += 1;
        sink.open(shape, None, at)?;
        Ok(Some(shape))
    }

    /// Reads the key and the colon before a value of a map; a list has none.
    fn key_of<S: Sink>(&mut self, shape: Shape, sink: &mut S) -> Result<(), Failure> {
        if shape == Shape::List {
            return Ok(());
        }
        self.at = skip_space(self.text, self.at);
        if self.peek() != Some(b'"') {
            return Err(self.syntax("expected a key in double quotes"));
        }
        let at = self.at;
        let text = self.string()?;
        sink.scalar(Raw { text, tag: None, implicit: false }, None, at)?;
        if self.accept(b':') { Ok(()) } else { Err(self.syntax("expected `:` after a key")) }
    }

    fn literal(&mut self) -> Result<String, Failure> {
        let rest = &self.text[self.at..];
        for word in ["true", "false", "null"] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(word.to_owned());
            }
        }
        Err(self.syntax("expected a value"))
    }

    fn digits(&mut self) -> Result<(), Failure> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        if length == 0 { Err(self.syntax("expected a digit")) } else { Ok(()) }
    }

    fn number<S: Sink>(&mut self, sink: &mut S) -> Result<(), Failure> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        // A zero stands alone: `01` is two numbers.
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.text[start..self.at].to_owned();
        if text.parse::<f64>().is_ok_and(f64::is_finite) {
            sink.scalar(Raw { text, tag: None, implicit: true }, None, start)?;
        } else {
            sink.refuse(start, format!("`{text}` is too large for a number"))?;
        }
        Ok(())
    }

    /// Reads a string whose quote is next.
    fn string(&mut self) -> Result<String, Failure> {
        self.at += 1;
        let mut decoded = String::new();
        loop {
            let rest = &self.text[self.at..];
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
            let length = rest.as_bytes().iter().position(special).unwrap_or(rest.len());
            decoded.push_str(&rest[..length]);
            self.at += length;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(decoded);
                }
                Some(b'\\') => decoded.push(self.escape()?),
                Some(_) => return Err(self.syntax("a control character must be escaped in a string")),
                None => return Err(self.syntax("it ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Failure> {
        self.at += 1;
        let escaped = match self.peek() {
            Some(b'u') => return self.unicode(),
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.syntax("unknown escape in a string")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// Reads `u` and four hexadecimal digits, and a second one where they make a pair.
    fn unicode(&mut self) -> Result<char, Failure> {
        let high = self.unit(self.at).ok_or_else(|| self.syntax("`\\u` needs four hexadecimal digits"))?;
        self.at += 5;
        if let Some(c) = char::from_u32(high) {
            return Ok(c);
        }
        let low = if self.peek() == Some(b'\\') { self.unit(self.at + 1) } else { None };
        if let (0xD800..0xDC00, Some(low @ 0xDC00..0xE000)) = (high, low) {
            self.at += 6;
            let pair = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            return Ok(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    /// The number behind a `u` at an offset.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..)?.strip_prefix('u')?.get(..4)?;
        if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::super::load::Loader;
    use super::*;
    use crate::canon::Value;

    fn read(text: &str) -> Result<(Value, usize), Failure> {
        let mut loader = Loader::new(Limits::default());
        let end = value(text, 0, &mut loader)?;
        Ok((loader.root.expect("a value was read"), end))
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = r#" {"a": [1, -0.5, 1e3, true, false, null], "b": {}, "c": [], "d": "x"} rest"#;
        let (value, end) = read(text).expect("it is JSON");
        let expected = serde_json::json!({"a": [1, -0.5, 1000, true, false, null], "b": {}, "c": [], "d": "x"});
        assert_eq!(value, Value::from(expected));
        assert_eq!(&text[end..], " rest");
    }

    #[test]
    fn escapes_are_decoded_and_half_pairs_replaced() {
        for (text, expected) in [
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
            (r#""\u00e9\u0000""#, "é\0"),
            (r#""\ud83d\ude80""#, "\u{1F680}"),
            (r#""\ud83dx""#, "\u{FFFD}x"),
            (r#""\ud83d\ud83d\ude80""#, "\u{FFFD}\u{1F680}"),
            (r#""\ude80""#, "\u{FFFD}"),
        ] {
            assert_eq!(read(text).expect(text).0, Value::from(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_json() {
        for text in [
            "",
            "{",
            "[",
            "[1",
            "{a: 1}",
            "{\"a\" 1}",
            "{\"a\": 1,}",
            "[1,]",
            "[1 2]",
            "\"a",
            "\"a\nb\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "-",
            "1.",
            "1e",
            ".5",
            "+1",
            "tru",
            "'a'",
            "{\"a\": 1 \"b\": 2}",
            "[}",
            "{\"a\"]",
        ] {
            assert!(matches!(read(text), Err(Failure::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn numbers_that_no_float_holds_are_errors_of_the_value() {
        let mut loader = Loader::new(Limits::default());
        assert_eq!(value("[1e400, -1e400]", 0, &mut loader).ok(), Some(15));
        assert_eq!(loader.faults.len(), 2);
    }
}
