//! Timestamps. They matter behind an explicit `!!timestamp`, where yaml.v2 checks them and then keeps their text, and in
//! an object's metadata.
//!
//! In: text. Out: whether it is one of yaml.v2's four layouts, as Go's `time.Parse` takes them (one or two digits for
//! month, day, hour, minute and second; a fraction of any length; days checked against the month), or RFC 3339, of
//! which Go takes a little more also: hours of one digit, a comma before the fraction.

/// Whether `text` is a timestamp.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_at_checked(4) else { return false };
    if !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    parse(year, rest).is_some()
}

/// Whether `text` is a time as Go's `time.RFC3339` has it.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    let padded = || {
        let (year, rest) = text.split_at_checked(4)?;
        let (month, rest) = two_digits(rest.strip_prefix('-')?)?;
        let (day, rest) = two_digits(rest.strip_prefix('-')?)?;
        let is_year = year.bytes().all(|byte| byte.is_ascii_digit());
        let is_date = is_year && is_day(year.parse().ok()?, month, day);
        let rest = zone(clock(rest.strip_prefix('T')?, two_digits)?)?;
        (is_date && rest.is_empty()).then_some(())
    };
    padded().is_some()
}

fn parse(year: &str, rest: &str) -> Option<()> {
    let (month, rest) = number(rest.strip_prefix('-')?)?;
    let (day, rest) = number(rest.strip_prefix('-')?)?;
    if !is_day(year.parse().ok()?, month, day) {
        return None;
    }
    let zoned = match rest.as_bytes().first() {
        None => return Some(()),
        Some(b'T' | b't') => true,
        Some(b' ') => false,
        Some(_) => return None,
    };
    // Go skips further blanks where its layout has one.
    let rest = if zoned { &rest[1..] } else { rest.trim_start_matches(' ') };
    let rest = clock(rest, number)?;
    let rest = if zoned { zone(rest)? } else { rest };
    rest.is_empty().then_some(())
}

/// Hours of one or two digits in any case; minutes and seconds as `minutes` reads them.
fn clock(text: &str, minutes: fn(&str) -> Option<(u32, &str)>) -> Option<&str> {
    let (hour, rest) = number(text)?;
    let (minute, rest) = minutes(rest.strip_prefix(':')?)?;
    let (second, rest) = minutes(rest.strip_prefix(':')?)?;
    let rest = match rest.strip_prefix(['.', ',']) {
        Some(fraction) if fraction.starts_with(|digit: char| digit.is_ascii_digit()) => {
            fraction.trim_start_matches(|digit: char| digit.is_ascii_digit())
        }
        _ => rest,
    };
    (hour < 24 && minute < 60 && second < 60).then_some(rest)
}

fn zone(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some(rest);
    }
    let rest = text.strip_prefix(['+', '-'])?;
    let (hours, rest) = two_digits(rest)?;
    let (minutes, rest) = two_digits(rest.strip_prefix(':')?)?;
    (hours <= 24 && minutes <= 60).then_some(rest)
}

/// One or two digits.
fn number(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    Some((digits.parse().ok()?, rest))
}

fn two_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { Some((digits.parse().ok()?, rest)) } else { None }
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    (1..=12).contains(&month) && (1..=days(year, month)).contains(&day)
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_rfc3339, is_timestamp};

    #[test]
    fn the_four_layouts_are_known() {
        for text in [
            "2001-01-01",
            "2001-1-1",
            "2000-02-29",
            "2001-12-14T21:59:43.10Z",
            "2001-12-14t21:59:43.1234567890123-05:00",
            "2001-12-14 1:2:3",
            "2001-12-14 21:59:43.10",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
    }

    #[test]
    fn rfc_3339_is_padded_but_for_its_hours() {
        for text in ["2006-01-02T15:04:05Z", "0000-02-29T1:00:00,5+24:60", "2006-01-02T15:04:05.123456789123-07:00"] {
            assert!(is_rfc3339(text), "{text}");
        }
        for text in [
            "",
            "2006-01-02",
            "2006-01-02T15:04:05",
            "2006-1-02T15:04:05Z",
            "2006-01-02t15:04:05Z",
            "2006-01-02 15:04:05Z",
            "2006-01-02T15:4:05Z",
            "2006-01-02T15:04:05.Z",
            "2006-01-02T24:04:05Z",
            "2006-02-29T15:04:05Z",
            "2006-01-02T15:04:05+25:00",
            "2006-01-02T15:04:05Zx",
            "é006-01-02T15:04:05Z",
        ] {
            assert!(!is_rfc3339(text), "{text}");
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "2001",
            "2001-",
            "2001-13-01",
            "2001-02-29",
            "1900-02-29",
            "2001-01-32",
            "2001-01-01T",
            "01-01-2001",
            "2001-12-14T21:59:43",
            "2001-12-14 21:59:43Z",
            "2001-12-14 24:00:00",
            "2001-12-14T21:59:43.10 -5",
            "2001-12-14T21:59:43+5:00",
            "2001-1-1x",
            "日本-1-1",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
