//! The formats of schemas, as the server checks them: those of apiextensions-apiserver's list, any other is no format.
//!
//! In: the type and the format of a schema; a value. Out: a [`Verdict`]. The server's reading of some formats (mail
//! addresses, URIs) is larger than this one: what is neither plainly right nor plainly wrong is not judged.

use std::net::Ipv6Addr;

use crate::canon::Value;

use super::number_text::{is_credit_card, is_isbn10, is_isbn13, is_social_security_number};
use super::verdict::Verdict;

/// A format that the server knows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    /// Of text: what it is called in messages, and whether it is one; none where only the server knows.
    Text(&'static str, fn(&str) -> Option<bool>),
    /// A whole number of 32 bits.
    Int32,
    /// A number that single precision can hold.
    Float,
}

type Known = (&'static str, &'static str, fn(&str) -> Option<bool>);

/// By name, without dashes, which do not count.
const TEXTS: &[Known] = &[
    ("bsonobjectid", "24 hexadecimal digits", |text| Some(text.len() == 24 && is_hex(text))),
    ("byte", "base64 that is not empty", |text| Some(is_base64(text))),
    ("cidr", "an address range like \"10.0.0.0/8\"", is_cidr),
    ("creditcard", "the number of a credit card", |text| Some(is_credit_card(text))),
    ("date", "a date like \"2006-01-02\"", |text| Some(is_date(text))),
    ("datetime", "a time like \"2006-01-02T15:04:05Z\"", is_date_time),
    ("duration", "a duration like \"1h30m\"", is_duration),
    ("email", "a mail address", is_email),
    ("hexcolor", "a colour like \"#ff0000\"", |text| Some(is_hex_color(text))),
    ("hostname", "a host name", is_hostname),
    ("ipv4", "an address like \"10.0.0.1\"", is_ipv4),
    ("ipv6", "an address like \"fd00::1\"", is_ipv6),
    ("isbn", "an ISBN", |text| Some(is_isbn10(text) || is_isbn13(text))),
    ("isbn10", "an ISBN of 10 digits", |text| Some(is_isbn10(text))),
    ("isbn13", "an ISBN of 13 digits", |text| Some(is_isbn13(text))),
    ("k8slongname", "a name like \"web.example\", in lower case", |text| Some(is_long_name(text))),
    ("k8sshortname", "a name like \"web-1\", in lower case", |text| Some(text.len() <= 63 && is_label(text))),
    ("mac", "an address like \"00:00:5e:00:53:01\"", |text| Some(is_mac(text))),
    ("password", "any text", |_| Some(true)),
    ("rgbcolor", "a colour like \"rgb(255,0,0)\"", is_rgb_color),
    ("ssn", "a number like \"123-45-6789\"", |text| Some(is_social_security_number(text))),
    ("uri", "a URI with a scheme or from a slash on", is_uri),
    ("uuid", "a UUID", |text| Some(uuid(text).is_some())),
    ("uuid3", "a UUID of version 3", |text| Some(uuid(text).is_some_and(|uuid| uuid[12] == b'3'))),
    ("uuid4", "a UUID of version 4", |text| {
        Some(uuid(text).is_some_and(|uuid| uuid[12] == b'4' && is_variant(uuid[16])))
    }),
    ("uuid5", "a UUID of version 5", |text| {
        Some(uuid(text).is_some_and(|uuid| uuid[12] == b'5' && is_variant(uuid[16])))
    }),
];

impl Format {
    /// The format of a schema, where the server checks it.
    pub(super) fn of(kind: Option<&str>, name: &str) -> Option<Self> {
        match (kind, name) {
            (Some("integer"), "int32") => Some(Self::Int32),
            (Some("number"), "float") => Some(Self::Float),
            (None | Some("string"), name) => {
                let name = name.replace('-', "");
                let found = TEXTS.binary_search_by_key(&name.as_str(), |(known, ..)| known);
                let (_, words, is) = TEXTS.get(found.ok()?)?;
                Some(Self::Text(words, *is))
            }
            _ => None,
        }
    }

    pub(super) fn verdict(self, value: &Value) -> Verdict<'_> {
        let words = match (self, value) {
            (Self::Text(words, is), Value::String(text)) => match is(text) {
                Some(true) => return Verdict::Holds,
                Some(false) => words,
                None => return Verdict::Unknown,
            },
            (Self::Int32, Value::Int(number)) if i32::try_from(*number).is_err() => "a whole number of 32 bits",
            (Self::Float, Value::Float(number)) if number.abs() > f64::from(f32::MAX) * (1.0 + 1e-7) => {
                "a number of single precision"
            }
            _ => return Verdict::Holds,
        };
        Verdict::fails(value, format!("expected {words}"))
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_base64(text: &str) -> bool {
    let letters = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !text.is_empty() && text.len().is_multiple_of(4) && letters.bytes().all(known)
}

fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && is_hex(digits)
}

/// Each part from 0 to 255, without leading zeros, with white space around it.
fn is_rgb_color(text: &str) -> Option<bool> {
    let Some(parts) = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) else { return Some(false) };
    if text.contains('\u{b}') {
        return None;
    }
    let is_part = |part: &str| {
        let part = part.trim_matches(|letter: char| letter.is_ascii_whitespace());
        is_digits(part) && (part == "0" || !part.starts_with('0')) && part.parse::<u8>().is_ok()
    };
    let parts: Vec<&str> = parts.split(',').collect();
    Some(parts.len() == 3 && parts.into_iter().all(is_part))
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(inner)
}

fn is_long_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A single label has at most one dash, behind its first letter; with dots, the last label is two or more letters.
fn is_hostname(text: &str) -> Option<bool> {
    if !text.is_ascii() {
        return None;
    }
    // Symbols in the sense of Unicode are taken too.
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"$+<=>^`|~".contains(&byte);
    let short = |label: &str| (1..=63).contains(&label.len());
    let Some((labels, last)) = text.rsplit_once('.') else {
        let rest = text.get(1..).unwrap_or_default();
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        return Some(short(text) && text.bytes().next().is_some_and(letter) && rest.bytes().all(letter));
    };
    let is_label = |label: &str| {
        let edge = |byte: Option<u8>| byte.is_some_and(letter);
        let inner = label.bytes().all(|byte| letter(byte) || byte == b'-');
        short(label) && edge(label.bytes().next()) && edge(label.bytes().last()) && inner
    };
    let is_last = short(last) && last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    Some(text.len() <= 255 && is_last && labels.split('.').all(is_label))
}

/// Leading zeros are taken, and do not make it octal.
fn is_dotted(text: &str) -> bool {
    let is_part = |part: &str| {
        let part = if is_digits(part) { part.trim_start_matches('0') } else { "x" };
        part.is_empty() || part.parse::<u8>().is_ok()
    };
    text.split('.').count() == 4 && text.split('.').all(is_part)
}

/// Older readings, which servers may follow, take more digits in a group, and leading zeros in a dotted end.
fn is_colons(text: &str) -> Option<bool> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some(true);
    }
    let unsure = text.split(':').any(|group| group.len() > 4);
    (!unsure).then_some(false)
}

fn is_ipv4(text: &str) -> Option<bool> {
    match (text.contains('.'), text.contains(':')) {
        (false, _) => Some(false),
        (true, false) => Some(is_dotted(text)),
        // An address of the other kind with a dotted end counts.
        (true, true) => is_colons(text),
    }
}

fn is_ipv6(text: &str) -> Option<bool> {
    if text.contains(':') { is_colons(text) } else { Some(false) }
}

fn is_cidr(text: &str) -> Option<bool> {
    let Some((address, length)) = text.split_once('/') else { return Some(false) };
    let (is_address, most) =
        if address.contains(':') { (is_colons(address), 128) } else { (Some(is_dotted(address)), 32) };
    let length = length.parse::<u32>().ok().filter(|_| is_digits(length));
    if length.is_some_and(|length| length <= most) { is_address } else { Some(false) }
}

/// 6, 8 or 20 bytes: pairs of digits between colons or dashes, or fours between dots.
fn is_mac(text: &str) -> bool {
    let groups = |separator: char, width: usize| {
        let groups: Vec<&str> = text.split(separator).collect();
        let right = groups.iter().all(|group| group.len() == width && is_hex(group));
        right && matches!(groups.len() * width / 2, 6 | 8 | 20)
    };
    groups(':', 2) || groups('-', 2) || groups('.', 4)
}

/// The digits of a UUID, whose dashes may be left out one by one.
fn uuid(text: &str) -> Option<[u8; 32]> {
    let mut rest = text;
    let mut digits = Vec::with_capacity(32);
    for (index, width) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let group = rest.get(..width).filter(|group| is_hex(group))?;
        digits.extend(group.bytes());
        rest = &rest[width..];
    }
    if rest.is_empty() { digits.try_into().ok() } else { None }
}

fn is_variant(digit: u8) -> bool {
    matches!(digit.to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b')
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |part: &str, width: usize| {
        let right = part.len() == width && is_digits(part);
        right.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Any letter may stand before the fraction, and what follows a second `t` is not looked at.
fn is_date_time(text: &str) -> Option<bool> {
    if !text.is_ascii() {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return Some(false) };
    let part = |range: std::ops::Range<usize>, most: u32| {
        let part = time.get(range).filter(|part| is_digits(part));
        part.and_then(|part| part.parse::<u32>().ok()).is_some_and(|number| number <= most)
    };
    let colons = [2, 5].iter().all(|place| time.as_bytes().get(*place) == Some(&b':'));
    let right = is_date(date) && colons && part(0..2, 23) && part(3..5, 59) && part(6..8, 59);
    let rest = time.get(8..).unwrap_or_default();
    let is_zone = |zone: &str| {
        let offset = zone.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'));
        zone == "z"
            || offset
                .is_some_and(|(hours, minutes)| [hours, minutes].iter().all(|part| part.len() == 2 && is_digits(part)))
    };
    let fraction = rest.get(1..).filter(|_| !rest.starts_with('\n')).and_then(|digits| {
        let zone = digits.trim_start_matches(|letter: char| letter.is_ascii_digit());
        (zone.len() < digits.len()).then_some(zone)
    });
    Some(right && (is_zone(rest) || fraction.is_some_and(is_zone)))
}

/// Somewhere in it a number with a unit, whatever stands around: the server goes on from Go's reading to that.
fn is_duration(text: &str) -> Option<bool> {
    const UNITS: [&str; 18] = [
        "ns", "us", "ms", "s", "m", "h", "d", "w", "hr", "wk", "nano", "micro", "milli", "sec", "min", "hour", "day",
        "week",
    ];
    // These may begin longer words.
    const STEMS: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    if !text.is_ascii() || text.len() > 64 || text.contains('\u{b}') {
        return None;
    }
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let behind = rest[start..].trim_start_matches(|letter: char| letter.is_ascii_digit());
        if rest.len() - start - behind.len() > 18 {
            return None;
        }
        let word = behind.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
        let length = word.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(word.len());
        let unit = word[..length].to_ascii_lowercase();
        if UNITS.contains(&unit.as_str()) || STEMS.iter().any(|stem| unit.starts_with(stem)) {
            return Some(true);
        }
        rest = behind;
    }
    // Go takes a bare zero, and `1.h`.
    let certain = !text.contains('.') && !text.trim_start_matches(['+', '-']).starts_with('0');
    certain.then_some(false)
}

fn is_email(text: &str) -> Option<bool> {
    let Some((name, host)) = text.split_once('@') else { return Some(false) };
    let plain = |part: &str, more: &[u8]| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
        part.split('.').all(|label| !label.is_empty() && label.bytes().all(letter))
    };
    (plain(name, b"_+-") && plain(host, b"-")).then_some(true)
}

/// As Go's `ParseRequestURI` takes it.
fn is_uri(text: &str) -> Option<bool> {
    if text.is_empty() || text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Some(false);
    }
    let scheme = text.split_once(':').filter(|(scheme, _)| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) && scheme.bytes().all(inner)
    });
    let rest = match scheme {
        Some((_, rest)) => rest,
        None if text.starts_with('/') => text,
        None if text == "*" => return Some(true),
        None => return Some(false),
    };
    let path = rest.split('?').next().unwrap_or_default();
    let path = match (scheme, path.strip_prefix("//")) {
        (Some(_), Some(rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
            if !host.bytes().all(plain) || !(port.is_empty() || is_digits(port)) {
                return None;
            }
            path
        }
        // Without a slash it is taken as it is.
        (Some(_), None) if !path.starts_with('/') => return Some(true),
        _ => path,
    };
    let escapes = path.split('%').skip(1);
    Some(escapes.into_iter().all(|escape| escape.get(..2).is_some_and(is_hex)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_sorted() {
        assert!(TEXTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    type Texts = &'static [&'static str];

    /// Taken, not taken, and not judged. What the server says of most of these is compared in `kubectl-plugin/tests`.
    const CASES: &[(&str, Texts, Texts, Texts)] = &[
        ("byte", &["YQ==", "YWJj"], &["", "YQ=", "YQ==\n", "_-8="], &[]),
        (
            "cidr",
            &["10.0.0.0/8", "010.0.0.0/08", "fd00::/8"],
            &["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "x/8", "fd00::/129", "10.0.0.0/+8"],
            &["00001::/8"],
        ),
        ("date", &["2024-02-29"], &["2023-02-29", "2024-2-29", "2024-13-01", "2024-00-01", "x"], &[]),
        (
            "date-time",
            &["2024-01-01T00:00:00Z", "2024-01-01t23:59:59.5+01:00", "2024-01-01T00:00:00x5Z"],
            &[
                "2024-01-01",
                "2024-01-01T24:00:00Z",
                "2024-01-01T00:00:00",
                "2024-01-01T00:00:00.Z",
                "2024-01-01T0:00:00Z",
            ],
            &["2024-01-01T00:00:00ä5Z"],
        ),
        ("duration", &["1h30m", "22 ns", "5 minutes", "a 1s b", "1.5h"], &["", "1", "h", "1 x"], &["0", "1.h", "1µs"]),
        ("email", &["a@b", "a.b+c@d.example"], &["a", ""], &["a b@c", "a@", "<a@b>"]),
        (
            "hostname",
            &["a", "a-b", "web1", "a.example", "a-1.b-2.example"],
            &["", "web-1", "-a", "a.b1", "a_b", "a.b.", "a..example"],
            &["ä"],
        ),
        (
            "ipv4",
            &["10.0.0.1", "010.0.0.1", "::ffff:1.2.3.4"],
            &["10.0.0", "10.0.0.256", "a", "::1", "1.2.3.4.5", "1..2.3"],
            &["::ffff:1.2.3.04"],
        ),
        ("ipv6", &["::", "fd00::1", "::ffff:1.2.3.4"], &["10.0.0.1", ":::", "g::", "1:2"], &["00001::"]),
        (
            "mac",
            &["00:00:5e:00:53:01", "00-00-5E-00-53-01", "0000.5e00.5301"],
            &["00:00:5e:00:53", "00:00-5e:00:53:01", "0:0:5e:0:53:1"],
            &[],
        ),
        ("rgbcolor", &["rgb(0, 10 ,255)"], &["rgb(0,0)", "rgb(256,0,0)", "rgb(00,0,0)", "rgb 0,0,0"], &[]),
        (
            "uri",
            &["https://a.example:8080/x%20y?z=%", "/a", "mailto:a", "*", "file:///a"],
            &["", "a", "a/b", ":x", "/%zz", "/a\n"],
            &["https://[::1]/", "https://a@b/"],
        ),
        (
            "uuid",
            &[
                "00000000-0000-0000-0000-000000000000",
                "0000000000000000000000000000ABCD",
                "00000000-000000000000-000000000000",
            ],
            &["0", "00000000-0000-0000-0000-00000000000g", "0-0000000000000000000000000000000"],
            &[],
        ),
        (
            "uuid4",
            &["00000000-0000-4000-a000-000000000000"],
            &["00000000-0000-3000-a000-000000000000", "00000000-0000-4000-c000-000000000000"],
            &[],
        ),
        ("k8s-short-name", &["a", "web-1"], &["", "a.b", "-a", "A"], &[]),
        ("k8s-long-name", &["a", "a.b-1"], &["", "a..b", "a.", "A"], &[]),
        ("hexcolor", &["#fff", "00FF00"], &["#ffff", "red"], &[]),
        ("bsonobjectid", &["000000000000000000000abc"], &["0"], &[]),
        ("password", &["", "x"], &[], &[]),
    ];

    #[test]
    fn formats_are_as_the_server_has_them() {
        for (name, good, bad, unsure) in CASES {
            let Some(Format::Text(_, is)) = Format::of(Some("string"), name) else { panic!("{name}") };
            for (texts, verdict) in [(good, Some(true)), (bad, Some(false)), (unsure, None)] {
                for text in *texts {
                    assert_eq!(is(text), verdict, "{name}: {text:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_format_is_left_out() {
        for (kind, name) in [
            (Some("string"), "ip"),
            (Some("string"), "int32"),
            (Some("integer"), "int64"),
            (Some("object"), "date"),
            (None, "float"),
        ] {
            assert!(Format::of(kind, name).is_none(), "{name}");
        }
        assert!(matches!(Format::of(Some("integer"), "int32"), Some(Format::Int32)));
        let fails = |format: Format, value: Value| matches!(format.verdict(&value), Verdict::Fails(_));
        assert!(fails(Format::Int32, Value::Int(1 << 31)) && !fails(Format::Int32, Value::Int((1 << 31) - 1)));
        assert!(fails(Format::Float, Value::Float(1e39)) && !fails(Format::Float, Value::Float(3.4e38)));
    }
}
