//! Reading the canonical encoding back.
//!
//! In: bytes from a store, a record or a bundle, possibly hostile. Out: values, or an error that says where.
//! Guarantees: accepts only what [`super::Encoder`] writes (one spelling for each value), never panics, never
//! allocates more than the input is long, and nests at most 10,000 deep. [`Decoder::text_at`] and [`Decoder::has_text`]
//! look into bytes that were accepted before: of others what they say means nothing, and they neither panic nor go on for ever.

use super::{Map, Value};

/// How deep lists and maps may nest: as deep as kubectl reads, deeper than our own readers go.
const MAX_DEPTH: usize = 10_000;

/// Bytes that are not the canonical encoding of anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {reason}")]
pub struct DecodeError {
    /// Where, from the start of the input.
    pub offset: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

/// Reads canonical CBOR from a slice, front to back.
#[derive(Debug)]
pub struct Decoder<'a> {
    input: &'a [u8],
    offset: usize,
}

/// A container that is being filled: what is still missing, and what came so far.
enum Open<'a> {
    List(Vec<Value>, usize),
    Map(Map, usize, Option<&'a str>),
}

/// A container that is being stepped over: how many items are missing, and for a map its last key.
struct Skipped<'a> {
    missing: usize,
    map: bool,
    key: Option<&'a str>,
}

impl<'a> Decoder<'a> {
    /// Starts at the front of `input`.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, offset: 0 }
    }

    /// Decodes exactly one value that fills the whole input.
    pub fn decode(input: &'a [u8]) -> Result<Value, DecodeError> {
        let mut decoder = Self::new(input);
        let value = decoder.value()?;
        decoder.end()?;
        Ok(value)
    }

    /// Ensures that nothing follows.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.offset == self.input.len() { Ok(()) } else { Err(self.error("something follows the end")) }
    }

    /// Reads any value, on an explicit stack.
    pub fn value(&mut self) -> Result<Value, DecodeError> {
        let mut stack: Vec<Open<'a>> = Vec::new();
        loop {
            let mut done = match self.scalar_or_open()? {
                Ok(value) => value,
                Err(open) => {
                    if stack.len() >= MAX_DEPTH {
                        return Err(self.error("nested too deeply"));
                    }
                    match open {
                        Open::List(items, 0) => Value::Array(items),
                        Open::Map(map, 0, _) => Value::Map(map),
                        open => {
                            stack.push(self.with_key(open)?);
                            continue;
                        }
                    }
                }
            };
            loop {
                let Some(open) = stack.pop() else { return Ok(done) };
                match self.insert(open, done)? {
                    Ok(closed) => done = closed,
                    Err(open) => {
                        stack.push(self.with_key(open)?);
                        break;
                    }
                }
            }
        }
    }

    /// Steps over any value, checking all that [`Decoder::value`] checks, and gives its bytes.
    pub fn skip(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.offset;
        let mut stack: Vec<Skipped<'a>> = Vec::new();
        loop {
            let (major, argument) = self.head()?;
            match major {
                0 | 1 => drop(self.int(argument)?),
                3 => drop(self.text_of(argument)?),
                4 | 5 => {
                    if stack.len() >= MAX_DEPTH {
                        return Err(self.error("nested too deeply"));
                    }
                    stack.push(Skipped { missing: self.length(argument)?, map: major == 5, key: None });
                }
                7 => drop(self.simple()?),
                _ => return Err(self.error("no value has this type")),
            }
            // Scalars and empty containers end here; each end may end what holds it.
            while stack.last().is_some_and(|open| open.missing == 0) {
                stack.pop();
            }
            let Some(open) = stack.last_mut() else { return Ok(&self.input[start..self.offset]) };
            open.missing -= 1;
            if open.map {
                let previous = open.key;
                let key = self.next_key(previous)?;
                if let Some(open) = stack.last_mut() {
                    open.key = Some(key);
                }
            }
        }
    }

    /// How far the input was read.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The text at `path` of the value that comes next, each part a key of a map: found without reading the rest. The
    /// value was checked before: by [`Decoder::skip`], or because it was encoded here.
    #[must_use]
    pub fn text_at(mut self, path: &[&str]) -> Option<&'a str> {
        for part in path {
            let (5, pairs) = self.head().ok()? else { return None };
            let mut found = false;
            for _ in 0..pairs {
                let key = self.text().ok()?;
                if key == *part {
                    found = true;
                    break;
                }
                self.pass(|_| false).ok()?;
            }
            if !found {
                return None;
            }
        }
        self.text().ok()
    }

    /// Whether `is_wanted` says so of some text of the value that comes next, be it a key or a value. The value was checked
    /// before, as for [`Decoder::text_at`].
    #[must_use]
    pub fn has_text(mut self, is_wanted: impl Fn(&[u8]) -> bool) -> bool {
        self.pass(is_wanted).unwrap_or(false)
    }

    /// Steps over any value as far as the first text of which `is_found` says so, and says whether there is one. Checks
    /// lengths alone, and is several times as fast as [`Decoder::skip`], which checks all the rest.
    fn pass(&mut self, is_found: impl Fn(&[u8]) -> bool) -> Result<bool, DecodeError> {
        let mut missing: usize = 1;
        while missing > 0 {
            missing -= 1;
            let (major, argument) = self.head()?;
            match major {
                0 | 1 => {}
                3 => {
                    if is_found(self.take(self.length(argument)?)?) {
                        return Ok(true);
                    }
                }
                4 => missing = missing.saturating_add(self.length(argument)?),
                5 => missing = missing.saturating_add(self.length(argument)?.saturating_mul(2)),
                7 => drop(self.simple()?),
                _ => return Err(self.error("no value has this type")),
            }
        }
        Ok(false)
    }

    /// Reads text.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.expect(3, "expected text")?;
        self.text_of(length as u64)
    }

    fn text_of(&mut self, length: u64) -> Result<&'a str, DecodeError> {
        let bytes = self.take(self.length(length)?)?;
        std::str::from_utf8(bytes).map_err(|_| self.error("text is not UTF-8"))
    }

    /// Reads raw bytes.
    pub fn raw(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.expect(2, "expected bytes")?;
        self.take(length)
    }

    /// Reads a digest of 32 bytes.
    pub fn digest(&mut self) -> Result<[u8; 32], DecodeError> {
        self.raw()?.try_into().map_err(|_| self.error("a digest has 32 bytes"))
    }

    /// Reads an unsigned integer.
    pub fn unsigned(&mut self) -> Result<u64, DecodeError> {
        let (major, argument) = self.head()?;
        if major == 0 { Ok(argument) } else { Err(self.error("expected an unsigned integer")) }
    }

    /// Reads the start of a list and gives its length, which the input is long enough for.
    pub fn list(&mut self) -> Result<usize, DecodeError> {
        self.expect(4, "expected a list")
    }

    /// Reads the start of a list that must have `length` items.
    pub fn list_of(&mut self, length: usize) -> Result<(), DecodeError> {
        if self.list()? == length { Ok(()) } else { Err(self.error("the list has another length")) }
    }

    /// Whether `null` comes next; steps over it if so.
    pub fn null(&mut self) -> bool {
        let found = self.input.get(self.offset) == Some(&0xf6);
        self.offset += usize::from(found);
        found
    }

    fn scalar_or_open(&mut self) -> Result<Result<Value, Open<'a>>, DecodeError> {
        let (major, argument) = self.head()?;
        Ok(match major {
            0 => Ok(Value::Int(self.int(argument)?)),
            1 => Ok(Value::Int(-1 - self.int(argument)?)),
            3 => Ok(Value::from(self.text_of(argument)?)),
            4 => Err(Open::List(Vec::new(), self.length(argument)?)),
            5 => Err(Open::Map(Map::new(), self.length(argument)?, None)),
            7 => Ok(self.simple()?),
            _ => return Err(self.error("no value has this type")),
        })
    }

    fn insert(&self, open: Open<'a>, value: Value) -> Result<Result<Value, Open<'a>>, DecodeError> {
        Ok(match open {
            Open::List(mut items, missing) => {
                items.push(value);
                if missing == 1 { Ok(Value::Array(items)) } else { Err(Open::List(items, missing - 1)) }
            }
            Open::Map(mut map, missing, key) => {
                let key = key.ok_or_else(|| self.error("a value without a key"))?;
                map.insert(key.to_owned(), value);
                if missing == 1 { Ok(Value::Map(map)) } else { Err(Open::Map(map, missing - 1, Some(key))) }
            }
        })
    }

    /// Reads the next key of an open map; it must come after the one before.
    fn with_key(&mut self, open: Open<'a>) -> Result<Open<'a>, DecodeError> {
        match open {
            Open::Map(map, missing, previous) => Ok(Open::Map(map, missing, Some(self.next_key(previous)?))),
            list @ Open::List(..) => Ok(list),
        }
    }

    fn next_key(&mut self, previous: Option<&str>) -> Result<&'a str, DecodeError> {
        let key = self.text()?;
        if previous.is_some_and(|previous| (previous.len(), previous) >= (key.len(), key)) {
            return Err(self.error("keys are out of order"));
        }
        Ok(key)
    }

    fn simple(&mut self) -> Result<Value, DecodeError> {
        let initial = self.input[self.offset - 1];
        let start = self.offset;
        let number = match initial {
            0xf4 => return Ok(Value::Bool(false)),
            0xf5 => return Ok(Value::Bool(true)),
            0xf6 => return Ok(Value::Null),
            0xf9 => half_to_double(u16::from_be_bytes(self.array()?)),
            0xfa => f64::from(f32::from_be_bytes(self.array()?)),
            0xfb => f64::from_be_bytes(self.array()?),
            _ => return Err(self.error("no value has this type")),
        };
        match Value::from_f64(number) {
            Some(value @ Value::Float(_)) if super::Encoder::encode(&value)[1..] == self.input[start..self.offset] => {
                Ok(value)
            }
            _ => Err(self.error("a number in another than its shortest form")),
        }
    }

    fn expect(&mut self, major: u8, reason: &'static str) -> Result<usize, DecodeError> {
        let (found, argument) = self.head()?;
        if found == major { self.length(argument) } else { Err(self.error(reason)) }
    }

    fn head(&mut self) -> Result<(u8, u64), DecodeError> {
        let [initial] = self.array()?;
        let (major, short) = (initial >> 5, initial & 0x1f);
        if major == 7 {
            return Ok((7, 0));
        }
        let argument = match short {
            0..24 => return Ok((major, u64::from(short))),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.array()?), 0x1_0000_0000),
            _ => return Err(self.error("indefinite lengths are not canonical")),
        };
        let (argument, least) = argument;
        if argument < least {
            Err(self.error("a length in another than its shortest form"))
        } else {
            Ok((major, argument))
        }
    }

    fn int(&self, argument: u64) -> Result<i64, DecodeError> {
        i64::try_from(argument).map_err(|_| self.error("an integer beyond 64 bits"))
    }

    /// A length that the rest of the input can hold: each item takes one byte or more.
    fn length(&self, argument: u64) -> Result<usize, DecodeError> {
        usize::try_from(argument)
            .ok()
            .filter(|length| *length <= self.input.len() - self.offset)
            .ok_or_else(|| self.error("longer than the input"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let bytes = self.input.get(self.offset..self.offset + length).ok_or_else(|| self.error("the input ends"))?;
        self.offset += length;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.error("the input ends"))
    }

    fn error(&self, reason: &'static str) -> DecodeError {
        DecodeError { offset: self.offset, reason }
    }
}

/// RFC 8949, appendix D.
fn half_to_double(half: u16) -> f64 {
    let exponent = i32::from((half >> 10) & 0x1f);
    let fraction = f64::from(half & 0x3ff);
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2f64.powi(exponent - 25),
    };
    if half >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::super::Encoder;
    use super::*;
    use proptest::prelude::*;

    pub(super) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_filter_map("finite", Value::from_f64),
            any::<f32>().prop_filter_map("finite", |number| Value::from_f64(f64::from(number))),
            ".{0,12}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in any_value()) {
            prop_assert_eq!(Decoder::decode(&Encoder::encode(&value)), Ok(value));
        }

        #[test]
        fn stepping_over_accepts_just_what_reading_does(value in any_value(), at in any::<usize>(), flip in any::<u8>()) {
            let mut bytes = Encoder::encode(&value);
            prop_assert_eq!(Decoder::new(&bytes).skip(), Ok(&bytes[..]));
            let index = at % bytes.len();
            bytes[index] ^= flip;
            let (mut reading, mut stepping) = (Decoder::new(&bytes), Decoder::new(&bytes));
            let read = reading.value().map(|_| reading.offset);
            prop_assert_eq!(read.ok(), stepping.skip().ok().map(<[u8]>::len));
        }

        #[test]
        fn text_is_found_where_the_value_has_it(value in any_value(), keys in prop::collection::vec(".{0,2}", 1..3)) {
            let path: Vec<&str> = keys.iter().map(String::as_str).collect();
            let mut whole = Map::from([("b".to_owned(), value)]);
            whole.insert(keys[0].clone(), Value::Map(Map::from([("x".to_owned(), Value::from("text"))])));
            let whole = Value::Map(whole);
            let bytes = Encoder::encode(&whole);
            for path in [&path[..], &[path[0], "x"]] {
                let expected = whole.at(path).and_then(Value::as_str);
                prop_assert_eq!(Decoder::new(&bytes).text_at(path), expected);
            }
        }

        #[test]
        fn what_is_said_of_texts_without_decoding_is_true(value in any_value(), wanted in ".{0,2}", junk in any::<u8>()) {
            fn has(value: &Value, wanted: &str) -> bool {
                match value {
                    Value::String(text) => text == wanted,
                    Value::Array(items) => items.iter().any(|item| has(item, wanted)),
                    Value::Map(map) => map.iter().any(|(key, value)| key == wanted || has(value, wanted)),
                    _ => false,
                }
            }
            let mut bytes = Encoder::encode(&value);
            let length = bytes.len();
            bytes.push(junk);
            prop_assert_eq!(Decoder::new(&bytes).has_text(|text| text == wanted.as_bytes()), has(&value, &wanted));
            let mut decoder = Decoder::new(&bytes);
            prop_assert_eq!(decoder.pass(|_| false), Ok(false));
            prop_assert_eq!(decoder.offset, length);
        }

        #[test]
        fn unchecked_bytes_are_no_panic_and_no_endless_walk(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Decoder::new(&bytes).has_text(<[u8]>::is_empty);
            let _ = Decoder::new(&bytes).text_at(&["a", "b"]);
        }

        #[test]
        fn bytes_that_decode_are_the_only_spelling(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = Decoder::decode(&bytes) {
                prop_assert_eq!(Encoder::encode(&value), bytes);
            }
        }
    }

    #[test]
    fn a_deep_input_is_an_error_not_an_overflow() {
        let bytes = vec![0x81; 100_000];
        assert!(Decoder::decode(&bytes).is_err());
        assert!(Decoder::new(&bytes).skip().is_err());
    }
}
