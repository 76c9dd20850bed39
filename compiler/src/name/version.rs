//! A version of a chart or a tag, read as leniently as Helm and Argo CD read it.
//!
//! In: text such as `1`, `v1.2`, `1.2.3-rc.1+build`. Out: a [`Version`] with the order of semantic versions. It is the
//! reading of Masterminds/semver, Go's usual library, which both of them use; `version_range` is the other half of it.
//!
//! The crate `semver` is not used: it has strict versions only, counts build metadata when it orders them, and has no
//! bound for numbers in prereleases where the library of Go has one.

use std::cmp::Ordering;

/// The longest text that is read as a version.
const LONGEST: usize = 256;

/// A version. Equal are versions that neither is older than the other: metadata behind `+` does not count.
#[derive(Debug, Clone)]
pub struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    /// Without its hyphen; empty where this is a release.
    pub(super) prerelease: String,
}

impl Version {
    /// Reads a version: missing parts are 0, a leading `v` and leading zeros are allowed.
    ///
    /// # Errors
    /// Where the text is no version; the message says so.
    pub fn parse(text: &str) -> Result<Self, String> {
        read(text).ok_or_else(|| format!("`{text}` is no version: write 1.2.3, for example"))
    }

    /// Its first number.
    #[must_use]
    pub fn major(&self) -> u64 {
        self.major
    }

    /// Its second number.
    #[must_use]
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// Whether this is something before a release, such as `1.2.3-rc.1`.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }
}

fn read(text: &str) -> Option<Version> {
    if text.len() > LONGEST {
        return None;
    }
    let rest = text.strip_prefix('v').unwrap_or(text);
    let (rest, metadata) = cut(rest, '+');
    let (core, prerelease) = cut(rest, '-');
    let is_sound = metadata.is_none_or(|text| text.split('.').all(is_identifier))
        && prerelease.is_none_or(|text| text.split('.').all(is_identifier_of_prerelease));
    let mut parts = core.split('.').map(number);
    let (major, minor, patch) = (parts.next()??, parts.next(), parts.next());
    if !is_sound || parts.next().is_some() {
        return None;
    }
    let prerelease = prerelease.unwrap_or_default().to_owned();
    Some(Version { major, minor: minor.unwrap_or(Some(0))?, patch: patch.unwrap_or(Some(0))?, prerelease })
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Digits alone: what Rust reads as a number may also have a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_identifier_of_prerelease(text: &str) -> bool {
    let has_leading_zero = text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    is_identifier(text) && !has_leading_zero
}

/// The order of prereleases alone; none at all is before every other here.
pub(super) fn compare_prereleases(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (one, other) => compare_identifiers(one.unwrap_or_default(), other.unwrap_or_default()),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Numbers are before words; what is too large for a number is a word.
fn compare_identifiers(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        (false, false) => {}
    }
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch));
        numbers.then_with(|| match (self.is_prerelease(), other.is_prerelease()) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            _ => compare_prereleases(&self.prerelease, &other.prerelease),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    #[test]
    fn versions_are_read_leniently() {
        assert_eq!(version("v1"), version("1.0.0"));
        assert_eq!(version("1.02+a.b-c"), version("1.2.0+other"));
        for text in
            ["", "v", "x", "1.", "1.2.3.4", "1.2.3-", "1.2.3-01", "1.2.3+", "1.+2", "V1", "1 ", "-1", "1.2.3-a..b"]
        {
            assert!(Version::parse(text).is_err(), "{text}");
        }
        assert!(Version::parse("99999999999999999999").is_err());
        assert!(Version::parse(&format!("1.0.0-{}", "a".repeat(300))).is_err());
    }

    #[test]
    fn the_order_is_that_of_semantic_versions() {
        let ordered = [
            "1.0.0-1",
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta",
            "1.0.0",
            "1.0.1",
            "1.1",
            "2",
        ];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }
}
