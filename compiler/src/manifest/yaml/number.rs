//! Numbers as Go reads and writes them.
//!
//! In: the text of a plain scalar that starts with a digit, a sign or a dot; or a float.
//! Out: an integer, a float or nothing (then it is text); or what the float is in JSON, or Go's spelling of it.
//! Guarantees: agrees with Go's `ParseInt(_, 0, 64)`, `ParseUint`, `ParseFloat` and `FormatFloat` as far as yaml.v2,
//! sigs.k8s.io/yaml and encoding/json use them.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::scalar::Scalar;
use crate::canon::Value;

/// A scalar that starts with a digit or a sign. All underscores are dropped first, wherever they are.
pub(super) fn number(text: &str) -> Option<Scalar> {
    let text: Cow<str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    integer(&text)
        .or_else(|| decimal(&text).map(Scalar::Float))
        // yaml.v2 still tries binary by hand, which lets a sign follow the prefix.
        .or_else(|| i64::from_str_radix(text.strip_prefix("0b")?, 2).ok().map(Scalar::Int))
}

fn integer(text: &str) -> Option<Scalar> {
    let (sign, digits) = match text.as_bytes().first()? {
        sign @ (b'+' | b'-') => (Some(*sign), &text[1..]),
        _ => (None, text),
    };
    let (radix, digits) = radix(digits);
    if digits.starts_with('+') {
        // Rust's parser would take a second sign.
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (i64::try_from(magnitude), sign) {
        (Ok(number), Some(b'-')) => Some(Scalar::Int(-number)),
        (Ok(number), _) => Some(Scalar::Int(number)),
        (Err(_), Some(b'-')) if magnitude == i64::MIN.unsigned_abs() => Some(Scalar::Int(i64::MIN)),
        // Go's ParseUint takes no sign.
        (Err(_), None) => Some(Scalar::Unsigned(magnitude)),
        (Err(_), Some(_)) => None,
    }
}

/// Base 0: the prefix decides, and a leading zero alone means octal.
fn radix(digits: &str) -> (u32, &str) {
    match digits.as_bytes() {
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    }
}

/// yaml.v2's float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, where it is finite.
fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let sound = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent));
    if sound { finite(text) } else { None }
}

/// A float that starts with a dot goes straight to Go's `ParseFloat`, which lets underscores stand between digits.
pub(super) fn dotted(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return decimal(text);
    }
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        digit(at.checked_sub(1)) && digit(at.checked_add(1))
    };
    let sound = text.match_indices('_').all(|(at, _)| between_digits(at));
    if sound { decimal(&text.replace('_', "")) } else { None }
}

/// Overflow is no float at all; underflow is zero.
fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A float as a key: Go's `FormatFloat(f, 'g', -1, 32)`, so through a float32, and the infinities as YAML spells them.
pub(super) fn key_text(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "sigs.k8s.io/yaml rounds keys to float32")]
    let number = number as f32;
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let (mantissa, exponent) = shortest(&format!("{number:e}"), number.into(), |text| {
        text.parse::<f32>().is_ok_and(|read| read.to_bits() == number.to_bits())
    });
    // `%g` turns to exponents below 1e-4 and, for shortest digits, from 1e6 (21 digits are for JSON only).
    if (-4..6).contains(&exponent) { positional(&mantissa, exponent) } else { scientific(&mantissa, exponent) }
}

/// A float as it arrives at who reads Go's JSON: what is printed without a fraction is an integer there. From 2^53 on
/// that is not the integer that the float is, because Go prints zeros for the digits that a float does not need.
pub(super) fn value(number: f64) -> Result<Value, String> {
    let sent = json_text(number);
    if let Ok(integer) = sent.parse() {
        return Ok(Value::Int(integer));
    }
    Value::from_f64(number)
        .ok_or_else(|| format!("`{}` is no number for JSON: quote it if text is meant", key_text(number)))
}

/// A float as Go's encoding/json writes it, and so as `kubectl -o json` prints it.
pub(super) fn json_text(number: f64) -> String {
    let (mantissa, exponent) = shortest(&format!("{number:e}"), number, |text| {
        text.parse::<f64>().is_ok_and(|read| read.to_bits() == number.to_bits())
    });
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        positional(&mantissa, exponent)
    } else if exponent < 0 && exponent > -10 {
        // The one spot where encoding/json departs from `%e`: e-09 becomes e-9.
        format!("{mantissa}e{exponent}")
    } else {
        scientific(&mantissa, exponent)
    }
}

/// The parts of Rust's `{:e}`, whose digits are the shortest that read back, as Go's are. Of two such texts that are
/// equally near, Go takes the one whose last digit is even; Rust takes the larger.
fn shortest(text: &str, exact: f64, reads_back: impl Fn(&str) -> bool) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let parts = |mantissa: &str| (mantissa.to_owned(), exponent.parse().unwrap_or(0));
    let Some(last) = mantissa.bytes().last().filter(|last| last.is_ascii_digit() && last % 2 == 1) else {
        return parts(mantissa);
    };
    let even = format!("{}{}", &mantissa[..mantissa.len() - 1], char::from(last - 1));
    // Between the two lies what has one digit more, a five.
    let middle = format!("{exact:.40e}").replace('.', "");
    let rest = middle.split('e').next().and_then(|digits| digits.strip_prefix(&format!("{even}5").replace('.', "")));
    let is_between = rest.is_some_and(|rest| rest.bytes().all(|digit| digit == b'0'));
    if is_between && reads_back(&format!("{even}e{exponent}")) { parts(&even) } else { parts(mantissa) }
}

/// The digits with their point where the exponent has it.
fn positional(mantissa: &str, exponent: i32) -> String {
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let digits = digits.replace('.', "");
    let Ok(whole) = usize::try_from(exponent) else {
        let zeros = usize::try_from(-1 - exponent).unwrap_or_default();
        return format!("{sign}0.{}{digits}", "0".repeat(zeros));
    };
    match digits.split_at_checked(whole + 1) {
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{digits}{}", "0".repeat(whole + 1 - digits.len())),
    }
}

/// Go's exponent: signed, and at least two digits.
fn scientific(mantissa: &str, exponent: i32) -> String {
    let mut text = mantissa.to_owned();
    let sign = if exponent < 0 { '-' } else { '+' };
    // Writing to a String cannot fail.
    let _ = write!(text, "e{sign}{:02}", exponent.unsigned_abs());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_know_every_base_of_go() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("+7", 7),
            ("0777", 511),
            ("00", 0),
            ("0o17", 15),
            ("0O17", 15),
            ("0x1F", 31),
            ("0X1f", 31),
            ("-0x10", -16),
            ("0b101", 5),
            ("0B11", 3),
            ("+0b101", 5),
            ("0b-101", -5),
            ("1_000", 1000),
            ("1__0", 10),
            ("1_", 1),
            ("-_1", -1),
            ("0_7", 7),
            ("-9223372036854775808", i64::MIN),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(number(text), Some(Scalar::Int(expected)), "{text}");
        }
    }

    #[test]
    fn integers_above_i64_are_unsigned_without_a_sign_and_floats_beyond() {
        assert_eq!(number("18446744073709551615"), Some(Scalar::Unsigned(u64::MAX)));
        assert_eq!(number("0o1777777777777777777777"), Some(Scalar::Unsigned(u64::MAX)));
        assert_eq!(number("18446744073709551616"), Some(Scalar::Float(18_446_744_073_709_551_616.0)));
        assert_eq!(number("+9223372036854775808"), Some(Scalar::Float(9_223_372_036_854_775_808.0)));
        assert_eq!(number("-9223372036854775809"), Some(Scalar::Float(-9_223_372_036_854_775_808.0)));
    }

    #[test]
    fn floats_follow_the_pattern_of_yaml_v2() {
        for (text, expected) in [
            ("1.0", 1.0),
            ("1.", 1.0),
            ("1.e2", 100.0),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
            ("-.5", -0.5),
            ("08", 8.0),
            ("0777.5", 777.5),
            ("1_0e1_0", 1e11),
        ] {
            assert_eq!(number(text), Some(Scalar::Float(expected)), "{text}");
        }
        for (text, expected) in [(".5", 0.5), (".5e1", 5.0), (".5_0", 0.5), (".1_0e1_0", 1e9)] {
            assert_eq!(dotted(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_text() {
        for text in [
            "+",
            "-",
            "0x",
            "0b",
            "0o",
            "0x_",
            "0xG",
            "0b2",
            "1e",
            "1e+",
            "1.2.3",
            "1e400",
            "-1e400",
            "12:30:45",
            "+-1",
            "--1",
            "0b+-1",
            "1 ",
            "0x1p4",
            "2001-01-01",
            "1,0",
            "0o8",
            "1.5_0.1",
            "infinity",
            "e1",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        for text in [".", "..", ".e1", "._5", ".5_", ".5__0", ".5e_1", ".5_e1", ".5e", ".5p1", ".1e400", ".5.5"] {
            assert_eq!(dotted(text), None, "{text}");
        }
    }

    #[test]
    fn float_keys_are_printed_as_float32() {
        for (number, expected) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (16_777_217.5, "1.6777218e+07"),
            (0.0001, "0.0001"),
            (1_234_567.25, "1.2345672e+06"),
            (1_234_567.75, "1.2345678e+06"),
            (-12_345.5, "-12345.5"),
            (0.00001, "1e-05"),
            (-2.5e-10, "-2.5e-10"),
            (1e21, "1e+21"),
            (1e39, ".inf"),
            (-1e39, "-.inf"),
            (1e-60, "0"),
            (-0.0, "-0"),
            (f64::NAN, ".nan"),
        ] {
            assert_eq!(key_text(number), expected);
        }
    }

    #[test]
    fn floats_arrive_as_they_are_printed() {
        for (number, expected) in [
            (1.0, Value::Int(1)),
            (-0.0, Value::Int(0)),
            (1e18, Value::Int(1_000_000_000_000_000_000)),
            (6_688_124_623_769_260_032.0, Value::Int(6_688_124_623_769_260_000)),
            (9_223_372_036_854_774_784.0, Value::Int(9_223_372_036_854_775_000)),
            (9_223_372_036_854_775_808.0, Value::Float(9_223_372_036_854_775_808.0)),
            (1e19, Value::Float(1e19)),
            (0.5, Value::Float(0.5)),
            (f64::MIN_POSITIVE, Value::Float(f64::MIN_POSITIVE)),
            (5e-324, Value::Float(5e-324)),
        ] {
            assert_eq!(value(number), Ok(expected), "{number:e}");
        }
        for number in [f64::NAN, f64::INFINITY] {
            assert!(value(number).is_err(), "{number:e}");
        }
    }

    #[test]
    fn floats_are_printed_as_go_prints_json() {
        for (number, expected) in [
            (0.5, "0.5"),
            (0.0, "0"),
            (100.0, "100"),
            (-0.001_25, "-0.00125"),
            (825_529_964_836_163.2, "825529964836163.2"),
            (825_529_964_836_163.8, "825529964836163.8"),
            (-1_000.25, "-1000.25"),
            (1e19, "10000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (0.000_001, "0.000001"),
            (0.000_000_1, "1e-7"),
            (2.5e-10, "2.5e-10"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(json_text(number), expected);
        }
    }
}
