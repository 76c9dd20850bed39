//! Sizes as people write and read them.
//!
//! In: text as Kubernetes has quantities of memory (`500M`, `2Gi`), or a number of bytes. Out: the other. What is
//! shown has three digits at most, and no more than it knows.

use std::str::FromStr;

/// A size that a user gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// In bytes.
    pub bytes: u64,
}

const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("k", 1000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = UNITS.iter().find(|(name, _)| *name == unit);
        let bytes = number.parse::<u64>().ok().zip(unit).and_then(|(number, (_, unit))| number.checked_mul(*unit));
        let wanted = "a size is a whole number of bytes, or one with k, M, G, T, Ki, Mi, Gi or Ti, as in 500M or 2Gi";
        bytes.map(|bytes| Self { bytes }).ok_or_else(|| wanted.to_owned())
    }
}

/// `17 B`, `1.5 KiB`, `230 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [("TiB", 1_u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        None => format!("{bytes} B"),
        Some((name, unit)) if bytes / unit >= 10 => format!("{} {name}", bytes / unit),
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_has_them() {
        let bytes = |text: &str| text.parse::<Size>().ok().map(|size| size.bytes);
        assert_eq!([bytes("0"), bytes("1500")], [Some(0), Some(1500)]);
        assert_eq!([bytes("500M"), bytes("2Gi"), bytes("3k")], [Some(500_000_000), Some(2 << 30), Some(3000)]);
        for wrong in ["", "M", "-1", "1.5G", "1 G", "1GB", "1m", "99999999999T", "18446744073709551616"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_shown_short() {
        let shown = [0, 1023, 1024, 1536, 10_239, 10 << 10, (1 << 20) - 1, 5 << 30, u64::MAX].map(size);
        let short = ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "9.9 KiB", "10 KiB", "1023 KiB", "5.0 GiB", "16777215 TiB"];
        assert_eq!(shown, short);
    }
}
