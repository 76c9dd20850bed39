//! Where an artifact is in a registry: `oci://HOST/REPOSITORY[:TAG|@DIGEST]`.
//!
//! In: text of a user's. Out: an [`ArtifactAddress`], or why the text is none. Guarantees: a tag is one, and a digest is of
//! SHA-256; whether the address may be asked is another question.

use std::fmt;
use std::str::FromStr;

use gitops_compiler::lock::Digest;

use super::address::shown_text;
use super::registry::{is_tag, split_tag};

/// How such an address begins.
const SCHEME: &str = "oci://";

/// An artifact of a repository, or the repository where nothing says which.
#[derive(Clone, PartialEq, Eq)]
pub struct ArtifactAddress {
    /// `oci://HOST/REPOSITORY`. It may have a password in it: not for output.
    pub repository: String,
    /// Which.
    pub reference: Option<Reference>,
}

/// What names a manifest in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// What it is called now.
    Tag(String),
    /// What it is.
    Digest(Digest),
}

impl Reference {
    /// As it is a part of a path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag,
            Self::Digest(digest) => digest.as_str(),
        }
    }
}

impl ArtifactAddress {
    /// Whether a text is meant to be one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }
}

impl FromStr for ArtifactAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown = || shown_text(text);
        if !Self::is_meant(text) {
            return Err(format!("`{}` is no address of a registry: that is oci://HOST/REPOSITORY", shown()));
        }
        let place = &text[SCHEME.len()..];
        let host = place.find('/').unwrap_or(place.len());
        // A password has an `@` behind it, as a digest has one before it.
        let (who, place) = place.split_at(place[..host].rfind('@').map_or(0, |at| at + 1));
        let (name, reference) = match split_tag(place) {
            (name, reference) if name.contains('/') => (name, reference),
            // The port of a host without a repository.
            _ => (place, None),
        };
        let reference = match reference {
            None => None,
            Some(digest) if digest.starts_with("sha256:") => Some(Reference::Digest(digest.parse()?)),
            Some(tag) if is_tag(tag) => Some(Reference::Tag(tag.to_owned())),
            Some(_) => return Err(format!("`{}` names no tag and no digest of SHA-256", shown())),
        };
        Ok(Self { repository: format!("{SCHEME}{who}{name}"), reference })
    }
}

/// Without what is secret.
impl fmt::Display for ArtifactAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_text(&self.repository))?;
        match &self.reference {
            None => Ok(()),
            Some(Reference::Tag(tag)) => write!(f, ":{tag}"),
            Some(Reference::Digest(digest)) => write!(f, "@{digest}"),
        }
    }
}

impl fmt::Debug for ArtifactAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_digests_are_told_from_ports_and_passwords() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let by_digest = format!("oci://a/shop@{digest}");
        for (text, shown, reference) in [
            ("oci://a.example.com/shop", "oci://a.example.com/shop", None),
            ("OCI://a:5000/x/shop:v1", "oci://a:5000/x/shop:v1", Some("v1")),
            ("oci://anna:s3cret@a:5000/shop", "oci://a:5000/shop", None),
            ("oci://anna:s3cret@a:5000/shop:v1", "oci://a:5000/shop:v1", Some("v1")),
            (by_digest.as_str(), by_digest.as_str(), Some(digest.as_str())),
        ] {
            let read: ArtifactAddress = text.parse().expect("an address");
            assert_eq!(read.reference.as_ref().map(Reference::as_str), reference, "{text}");
            assert_eq!((read.to_string().as_str(), format!("{read:?}").as_str()), (shown, shown), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told_without_secrets() {
        for text in ["a.example.com/shop", "https://u:s3cret@a/x", "oci://a/shop@sha256:00", "oci://a/shop:-x", "oci"] {
            let why = text.parse::<ArtifactAddress>().expect_err(text);
            assert!(!why.contains("s3cret"), "{why}");
        }
    }
}
