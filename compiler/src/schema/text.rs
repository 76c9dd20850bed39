//! Values that are text to YAML and more to Kubernetes: quantities, times, base64.
//!
//! In: text. Out: whether the server takes it. Where the server's own reading has corners that nobody writes, these let
//! through what they are not sure of.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::manifest::is_rfc3339;

/// Base64 as Go decodes it: padded, whatever the bits behind the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Whether this is `500m`, `1.5Gi`, `1e3` and so on.
pub(super) fn is_quantity(text: &str) -> bool {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let text = text.trim();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let rest = &unsigned[digits(unsigned)..];
    let suffix = rest.strip_prefix('.').map_or(rest, |fraction| &fraction[digits(fraction)..]);
    !text.is_empty() && is_suffix(suffix)
}

fn is_suffix(suffix: &str) -> bool {
    if let Some(exponent) = suffix.strip_prefix(['e', 'E'])
        && !exponent.is_empty()
        && exponent != "i"
    {
        return exponent.parse::<i64>().is_ok();
    }
    matches!(suffix, "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei")
}

/// Whether Go's decoder takes it; line breaks do not count.
pub(super) fn is_base64(text: &str) -> bool {
    if text.contains(['\n', '\r']) {
        return is_base64(&text.replace(['\n', '\r'], ""));
    }
    BASE64.decode(text).is_ok()
}

/// Whether this is a time of RFC 3339.
pub(super) fn is_time(text: &str) -> bool {
    is_rfc3339(text)
}

/// Whether this is a time with six digits behind the second, which is how Leases have it.
pub(super) fn is_micro_time(text: &str) -> bool {
    let fraction = text.split_once('.').map(|(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    is_rfc3339(text) && fraction == Some(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_numbers_with_a_unit() {
        for text in
            ["0", "1", "-1", "+1.5", "1.", ".5", "500m", "1Gi", "1.5E", "1e3", "1E-3", "12Ei", " 1 ", "100n", "007"]
        {
            assert!(is_quantity(text), "{text}");
        }
        for text in ["", "a", "1 Gi", "1gi", "1GB", "1K", "1e", "1e1.5", "1eE", "0x1", "1,5", "--1", "1i", "1mm"] {
            assert!(!is_quantity(text), "{text}");
        }
    }

    #[test]
    fn base64_is_as_go_decodes_it() {
        for text in ["", "YQ==", "YWJj\nYWJj\r\n", "YR=="] {
            assert!(is_base64(text), "{text}");
        }
        for text in ["!!", "YQ", "_-8=", "YQ= =", " YQ=="] {
            assert!(!is_base64(text), "{text}");
        }
    }

    #[test]
    fn times_have_six_digits_or_any() {
        assert!(is_time("2020-01-01T00:00:00Z") && is_micro_time("2020-01-01T00:00:00.000000+01:00"));
        for text in ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z", "2020-01-01", ""] {
            assert!(!is_micro_time(text), "{text}");
        }
    }
}
