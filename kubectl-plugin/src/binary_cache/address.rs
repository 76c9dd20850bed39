//! Where a binary cache is.
//!
//! In: text, as a flag has it. Out: a [`CacheAddress`], or what is wrong with the text. What is secret in it is not shown.
//!
//! ```text
//! file:///FOLDER              a folder that machines share, or that a job hands on to the next
//! oci://HOST/REPOSITORY       a repository of a registry
//! ```

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::fetch::{ArtifactAddress, shown_text};

/// Where a binary cache is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheAddress {
    /// A folder.
    Folder(PathBuf),
    /// A repository of a registry.
    Registry(ArtifactAddress),
}

/// A text that is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacheAddressError {
    /// Another scheme, or none.
    #[error("a cache is at file:///FOLDER or oci://HOST/REPOSITORY, not at `{0}`")]
    Scheme(String),
    /// A folder that is not named from the root.
    #[error("the folder of a cache is named from the root: file:///FOLDER, not `{0}`")]
    Relative(String),
    /// A repository that is none, or more than one.
    #[error("{0}")]
    Repository(String),
}

impl FromStr for CacheAddress {
    type Err = CacheAddressError;

    fn from_str(text: &str) -> Result<Self, CacheAddressError> {
        match text.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Folder(PathBuf::from(path))),
            Some(("file", _)) => Err(CacheAddressError::Relative(text.to_owned())),
            Some(("oci", _)) => {
                let address: ArtifactAddress = text.parse().map_err(CacheAddressError::Repository)?;
                match address.reference {
                    None => Ok(Self::Registry(address)),
                    Some(_) => Err(CacheAddressError::Repository(format!(
                        "a cache is a whole repository, without a tag: oci://HOST/REPOSITORY, not `{address}`"
                    ))),
                }
            }
            _ => Err(CacheAddressError::Scheme(shown_text(text))),
        }
    }
}

impl fmt::Display for CacheAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(formatter, "file://{}", path.display()),
            Self::Registry(address) => fmt::Display::fmt(address, formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_told_alike() {
        for text in ["file:///var/cache/shop", "oci://registry.example.com:5000/team/cache"] {
            let address: CacheAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_none_is_refused_and_passwords_are_not_repeated() {
        for (text, wanted) in [
            ("/var/cache", "file:///FOLDER or oci://HOST/REPOSITORY"),
            ("https://anna:hunter2@example.com/x", "file:///FOLDER or oci://HOST/REPOSITORY"),
            ("file://var/cache", "named from the root"),
            ("file://", "named from the root"),
            ("oci://registry.example.com/x:v1", "without a tag"),
            ("oci://anna:hunter2@registry.example.com/x:v1", "without a tag"),
        ] {
            let error = text.parse::<CacheAddress>().expect_err(text).to_string();
            assert!(error.contains(wanted) && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
