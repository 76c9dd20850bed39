//! Where a binary cache is.
//!
//! In: text, as a flag has it. Out: a [`BinaryCacheAddress`], or what is wrong with the text. What is secret in it is not shown.
//!
//! ```text
//! file:///FOLDER              a folder that machines share, or that a job hands on to the next
//! oci://HOST/REPOSITORY       a repository of a registry
//! s3://BUCKET[/PREFIX]        object storage; which, the environment says
//! ```

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::fetch::{ArtifactAddress, shown_text};

/// Where a binary cache is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BinaryCacheAddress {
    /// A folder.
    Folder(PathBuf),
    /// A repository of a registry.
    Registry(ArtifactAddress),
    /// A bucket of object storage, and what the keys of objects begin with; empty for nothing.
    Bucket {
        /// The bucket.
        bucket: String,
        /// Parts of a path.
        prefix: String,
    },
}

/// A text that is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinaryCacheAddressError {
    /// Another scheme, or none.
    #[error("a cache is at file:///FOLDER, oci://HOST/REPOSITORY or s3://BUCKET/PREFIX, not at `{0}`")]
    Scheme(String),
    /// A folder that is not named from the root.
    #[error("the folder of a cache is named from the root: file:///FOLDER, not `{0}`")]
    Relative(String),
    /// A bucket or a prefix that cannot be.
    #[error(
        "a bucket has lower-case letters, digits, `.` and `-`, and a prefix letters, digits and `._-/`: \
         s3://BUCKET/PREFIX, not `{0}`"
    )]
    Bucket(String),
    /// A repository that is none, or more than one.
    #[error("{0}")]
    Repository(String),
}

impl FromStr for BinaryCacheAddress {
    type Err = BinaryCacheAddressError;

    fn from_str(text: &str) -> Result<Self, BinaryCacheAddressError> {
        match text.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Folder(PathBuf::from(path))),
            Some(("file", _)) => Err(BinaryCacheAddressError::Relative(text.to_owned())),
            Some(("oci", _)) => {
                let address: ArtifactAddress = text.parse().map_err(BinaryCacheAddressError::Repository)?;
                match address.reference {
                    None => Ok(Self::Registry(address)),
                    Some(_) => Err(BinaryCacheAddressError::Repository(format!(
                        "a cache is a whole repository, without a tag: oci://HOST/REPOSITORY, not `{address}`"
                    ))),
                }
            }
            Some(("s3", place)) => bucket(place).ok_or_else(|| BinaryCacheAddressError::Bucket(shown_text(text))),
            _ => Err(BinaryCacheAddressError::Scheme(shown_text(text))),
        }
    }
}

/// A bucket and a prefix, of which no part must be encoded in a path.
fn bucket(place: &str) -> Option<BinaryCacheAddress> {
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let prefix = prefix.trim_end_matches('/');
    let is_of_bucket = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    let is_of_prefix = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_part = |part: &str| !part.trim_matches('.').is_empty() && part.chars().all(is_of_prefix);
    let is_bucket = (3..=63).contains(&bucket.len())
        && bucket.chars().all(is_of_bucket)
        && bucket.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_sound = is_bucket && (prefix.is_empty() || prefix.split('/').all(is_part));
    is_sound.then(|| BinaryCacheAddress::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

impl fmt::Display for BinaryCacheAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(formatter, "file://{}", path.display()),
            Self::Registry(address) => fmt::Display::fmt(address, formatter),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(formatter, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(formatter, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_told_alike() {
        for text in
            ["file:///var/cache/shop", "oci://registry.example.com:5000/team/cache", "s3://shop", "s3://shop/a/B_c"]
        {
            let address: BinaryCacheAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_none_is_refused_and_passwords_are_not_repeated() {
        for (text, wanted) in [
            ("/var/cache", "file:///FOLDER, oci://HOST/REPOSITORY or s3://BUCKET/PREFIX"),
            ("https://anna:hunter2@example.com/x", "file:///FOLDER, oci://HOST/REPOSITORY or s3://BUCKET/PREFIX"),
            ("file://var/cache", "named from the root"),
            ("file://", "named from the root"),
            ("s3://", "a bucket has"),
            ("s3://Shop", "a bucket has"),
            ("s3://ab", "a bucket has"),
            ("s3://anna:hunter2@shop", "a bucket has"),
            ("s3://shop/../x", "a bucket has"),
            ("s3://shop/a//x", "a bucket has"),
            ("s3://shop/a b", "a bucket has"),
            ("oci://registry.example.com/x:v1", "without a tag"),
            ("oci://anna:hunter2@registry.example.com/x:v1", "without a tag"),
        ] {
            let error = text.parse::<BinaryCacheAddress>().expect_err(text).to_string();
            assert!(error.contains(wanted) && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
