//! A version of Kubernetes, as far as its API depends on it: the minor release.

use std::fmt;
use std::str::FromStr;

/// `1.37`; patches have the same API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion(u32);

/// Text that is no version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of Kubernetes: write 1.37, for example")]
pub struct KubernetesVersionError(String);

impl KubernetesVersion {
    /// The minor release of Kubernetes 1.
    #[must_use]
    pub const fn of_minor(minor: u32) -> Self {
        Self(minor)
    }

    /// The number behind `1.`.
    #[must_use]
    pub const fn minor(self) -> u32 {
        self.0
    }
}

/// Takes `1.37`, `v1.37`, `1.37.2`, and what servers add: `1.37+`, `v1.37.2-gke.100`.
impl FromStr for KubernetesVersion {
    type Err = KubernetesVersionError;

    fn from_str(text: &str) -> Result<Self, KubernetesVersionError> {
        let rest = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.");
        let digits = rest.map(|rest| rest.split(['.', '+', '-']).next().unwrap_or_default());
        let minor = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        minor.and_then(|digits| digits.parse().ok()).map(Self).ok_or_else(|| KubernetesVersionError(text.to_owned()))
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "1.{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_release_counts() {
        for text in ["1.37", "v1.37", "1.37.2", "1.37+", "v1.37.2-gke.100"] {
            assert_eq!(text.parse(), Ok(KubernetesVersion::of_minor(37)), "{text}");
        }
        for text in ["", "37", "2.0", "1.", "1.x", "1.-1", "latest", "1.99999999999"] {
            assert!(text.parse::<KubernetesVersion>().is_err(), "{text}");
        }
        assert_eq!(KubernetesVersion::of_minor(37).to_string(), "1.37");
    }
}
