//! Writing the canonical encoding.
//!
//! In: values and the parts of our own records. Out: bytes as the table in [`super`] says.

use super::{Map, Value};

/// Appends canonical CBOR to a buffer.
///
/// The caller opens lists and maps with their lengths and writes the items after; the keys of a map that is written
/// by hand must come in canonical order (shorter first, then by bytes), as [`Encoder::value`] does by itself.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer that takes so many bytes without growing.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// The bytes written so far.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// The canonical bytes of one value.
    #[must_use]
    pub fn encode(value: &Value) -> Vec<u8> {
        let mut encoder = Self::new();
        encoder.value(value);
        encoder.finish()
    }

    /// Writes any value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes.push(0xf6),
            Value::Bool(truth) => self.bytes.push(0xf4 + u8::from(*truth)),
            Value::Int(number) => self.int(*number),
            Value::Float(number) => self.float(*number),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.list(items.len());
                for item in items {
                    self.value(item);
                }
            }
            Value::Map(map) => self.fields(map),
        }
    }

    /// Writes a signed integer in its shortest form.
    pub fn int(&mut self, number: i64) {
        if number < 0 {
            self.head(1, number.unsigned_abs() - 1);
        } else {
            self.head(0, number.unsigned_abs());
        }
    }

    /// Writes an unsigned integer in its shortest form.
    pub fn unsigned(&mut self, number: u64) {
        self.head(0, number);
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Writes a digest or other raw bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.head(2, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Opens a list of `length` items.
    pub fn list(&mut self, length: usize) {
        self.head(4, length as u64);
    }

    /// Opens a map of `length` pairs.
    pub fn map(&mut self, length: usize) {
        self.head(5, length as u64);
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.bytes.push(0xf6);
    }

    /// Writes bytes that are canonical already: what [`Encoder::encode`] or [`super::Decoder::skip`] gave.
    pub(crate) fn canonical(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn fields(&mut self, map: &Map) {
        self.map(map.len());
        let mut sorted: Vec<_> = map.iter().collect();
        // The sort is stable and the input is sorted by bytes: ordering by length is all that is left.
        sorted.sort_by_key(|(key, _)| key.len());
        for (key, value) in sorted {
            self.text(key);
            self.value(value);
        }
    }

    fn float(&mut self, number: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "compared with the original right after")]
        let single = number as f32;
        if f64::from(single).to_bits() != number.to_bits() {
            self.bytes.push(0xfb);
            self.bytes.extend_from_slice(&number.to_be_bytes());
        } else if let Some(half) = half_from_single(single) {
            self.bytes.push(0xf9);
            self.bytes.extend_from_slice(&half.to_be_bytes());
        } else {
            self.bytes.push(0xfa);
            self.bytes.extend_from_slice(&single.to_be_bytes());
        }
    }

    /// The initial byte and the argument (RFC 8949, section 3), in the fewest bytes.
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        let bytes = argument.to_be_bytes();
        match argument {
            0..24 => self.bytes.push(major | bytes[7]),
            24..=0xff => self.bytes.extend_from_slice(&[major | 24, bytes[7]]),
            0x100..=0xffff => {
                self.bytes.push(major | 25);
                self.bytes.extend_from_slice(&bytes[6..]);
            }
            0x1_0000..=0xffff_ffff => {
                self.bytes.push(major | 26);
                self.bytes.extend_from_slice(&bytes[4..]);
            }
            _ => {
                self.bytes.push(major | 27);
                self.bytes.extend_from_slice(&bytes);
            }
        }
    }
}

/// The half-precision bits of `single`, where they hold it exactly. Subnormal halves count; NaN never comes here.
fn half_from_single(single: f32) -> Option<u16> {
    let bits = single.to_bits();
    let sign = u16::try_from(bits >> 31).ok()? << 15;
    let exponent = i32::try_from((bits >> 23) & 0xff).ok()? - 127;
    let fraction = bits & 0x007f_ffff;
    match exponent {
        -14..=15 if fraction.trailing_zeros() >= 13 => {
            let biased = u16::try_from(exponent + 15).ok()? << 10;
            Some(sign | biased | u16::try_from(fraction >> 13).ok()?)
        }
        -24..=-15 => {
            let shift = u32::try_from(-exponent - 1).ok()?;
            let significand = fraction | 0x0080_0000;
            let lost = significand & ((1 << shift) - 1);
            (lost == 0).then_some(sign | u16::try_from(significand >> shift).ok()?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn hex(value: &Value) -> String {
        Encoder::encode(value).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The vectors of RFC 8949, appendix A, that are in our subset.
    #[test]
    fn numbers_are_encoded_as_in_the_rfc() {
        let int = |number| hex(&Value::Int(number));
        for (number, bytes) in [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (100, "1864"),
            (1000, "1903e8"),
            (1_000_000, "1a000f4240"),
            (1_000_000_000_000, "1b000000e8d4a51000"),
            (-1, "20"),
            (-100, "3863"),
            (-1000, "3903e7"),
            (i64::MIN, "3b7fffffffffffffff"),
        ] {
            assert_eq!(int(number), bytes);
        }
        let float = |number| hex(&Value::Float(number));
        for (number, bytes) in [
            (1.1, "fb3ff199999999999a"),
            (1.5, "f93e00"),
            (5.960_464_477_539_063e-8, "f90001"),
            (0.000_061_035_156_25, "f90400"),
            (-4.1, "fbc010666666666666"),
            (3.402_823_466_385_288_6e38, "fa7f7fffff"),
            (1.0e300, "fb7e37e43c8800759c"),
        ] {
            assert_eq!(float(number), bytes);
        }
    }

    #[test]
    fn keys_are_sorted_by_their_encoded_bytes() {
        let map = ["aa", "b", "", "a"].map(|key| (key.to_owned(), Value::Null));
        assert_eq!(hex(&Value::Map(Map::from(map))), "a460f66161f66162f6626161f6");
    }

    #[test]
    fn text_and_lists_are_as_in_the_rfc() {
        assert_eq!(hex(&Value::from("\u{6c34}")), "63e6b0b4");
        assert_eq!(hex(&Value::Array(vec![Value::Int(1), Value::Bool(true), Value::Null])), "8301f5f6");
    }
}
