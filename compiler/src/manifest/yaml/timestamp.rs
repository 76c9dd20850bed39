//! Timestamps, which matter only behind an explicit `!!timestamp`: yaml.v2 checks them and then keeps their text.
//!
//! In: text. Out: whether it is one of yaml.v2's four layouts, as Go's `time.Parse` takes them (one or two digits for
//! month, day, hour, minute and second; a fraction of any length; days checked against the month).

/// Whether `text` is a timestamp.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_at_checked(4) else { return false };
    if !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    parse(year, rest).is_some()
}

fn parse(year: &str, rest: &str) -> Option<()> {
    let (month, rest) = number(rest.strip_prefix('-')?)?;
    let (day, rest) = number(rest.strip_prefix('-')?)?;
    if !(1..=12).contains(&month) || day < 1 || day > days(year.parse().ok()?, month) {
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
    let rest = clock(rest)?;
    let rest = if zoned { zone(rest)? } else { rest };
    rest.is_empty().then_some(())
}

fn clock(text: &str) -> Option<&str> {
    let (hour, rest) = number(text)?;
    let (minute, rest) = number(rest.strip_prefix(':')?)?;
    let (second, rest) = number(rest.strip_prefix(':')?)?;
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
    let (hours, rest) = rest.split_at_checked(2)?;
    let (minutes, rest) = rest.strip_prefix(':')?.split_at_checked(2)?;
    let two = |text: &str, most: u32| {
        text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok_and(|number| number <= most)
    };
    (two(hours, 24) && two(minutes, 60)).then_some(rest)
}

/// One or two digits.
fn number(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    Some((digits.parse().ok()?, rest))
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
    use super::is_timestamp;

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
