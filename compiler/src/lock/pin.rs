//! What an input is: hashes of it, in one spelling each.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canon::{Id, Layout};

/// What a request stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// A chart.
    Chart {
        /// The version that it has.
        version: String,
        /// SHA-256 of the archive, as chart repositories and registries name it.
        digest: Digest,
        /// The files in it, however they are packed.
        content: Id<Layout>,
    },
    /// A commit of a repository.
    Git {
        /// Its oid.
        commit: Oid,
    },
    /// A file.
    File {
        /// SHA-256 of its bytes.
        digest: Digest,
    },
    /// An artifact of a registry.
    Oci {
        /// The tag that it has; where it was asked for by digest, that.
        tag: String,
        /// SHA-256 of its manifest.
        manifest: Digest,
        /// SHA-256 of its one layer with files.
        digest: Digest,
        /// The media type of that layer, which says how it is unpacked.
        media: String,
        /// The files in it, however they are packed.
        content: Id<Layout>,
    },
}

impl fmt::Display for Pin {
    /// The short of it, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chart { version, .. } => f.write_str(version),
            Self::Git { commit } => f.write_str(&commit.as_str()[..12]),
            Self::File { digest } => f.write_str(&digest.as_str()[..19]),
            Self::Oci { tag, manifest, .. } if tag == manifest.as_str() => f.write_str(&manifest.as_str()[..19]),
            // Tags may move.
            Self::Oci { tag, manifest, .. } => write!(f, "{tag} ({})", &manifest.as_str()[..19]),
        }
    }
}

/// `sha256:` and 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^sha256:[0-9a-f]{64}$"))]
pub struct Digest(String);

impl Digest {
    /// Of a SHA-256.
    #[must_use]
    pub fn of(sha256: [u8; 32]) -> Self {
        Self(sha256.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}")))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && is_lower_hex(hex) => Ok(Self(text)),
            _ => Err(format!("`{text}` is no digest: that is sha256: and 64 hexadecimal digits in lower case")),
        }
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The whole oid of a commit: 40 or 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^([0-9a-f]{40}|[0-9a-f]{64})$"))]
pub struct Oid(String);

impl Oid {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Oid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if matches!(text.len(), 40 | 64) && is_lower_hex(&text) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is no commit: that is 40 or 64 hexadecimal digits in lower case"))
        }
    }
}

impl FromStr for Oid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
