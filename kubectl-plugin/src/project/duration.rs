//! Durations as Go writes them: `1h30m`, `1.5h`, `90s`.

use jiff::SignedDuration;

/// Units, the longer words first where one begins with another.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration of Go's `time.ParseDuration`. None where it is none, or longer than 292 years, as there.
#[must_use]
pub fn duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds = 0_u64;
    while !rest.is_empty() {
        let (part, after) = one(rest)?;
        nanoseconds = nanoseconds.checked_add(part)?;
        rest = after;
    }
    let nanoseconds = i64::try_from(nanoseconds).ok()?;
    Some(SignedDuration::from_nanos(if negative { -nanoseconds } else { nanoseconds }))
}

/// `1.5h` as nanoseconds, and what comes after it.
fn one(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let (_, unit) = UNITS.iter().find(|(word, _)| *word == unit)?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut value = whole.checked_mul(*unit)?;
    let mut share = *unit;
    for digit in fraction.bytes() {
        share /= 10;
        value = value.checked_add(u64::from(digit - b'0') * share)?;
    }
    Some((value, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_does() {
        for (text, seconds) in [
            ("1h30m", Some(5_400.0)),
            ("1.5h", Some(5_400.0)),
            (".5m", Some(30.0)),
            ("2m3.25s", Some(123.25)),
            ("250ms", Some(0.25)),
            ("0", Some(0.0)),
            ("-1h", Some(-3_600.0)),
            ("+2s", Some(2.0)),
            ("", None),
            ("-", None),
            ("8", None),
            ("1d", None),
            ("h", None),
            (".s", None),
            ("1 h", None),
            ("1h-30m", None),
            ("9223372036854775807h", None),
            ("2562048h", None),
        ] {
            assert_eq!(duration(text).map(|duration| duration.as_secs_f64()), seconds, "{text}");
        }
    }
}
