//! Where a bundle is: on this machine, or in a registry.
//!
//! In: what the user wrote. Out: its files, read or pulled, and verified.

use std::fmt;
use std::path::PathBuf;

use gitops_compiler::bundle::{Bundle, Files, Read};

use crate::bundle;
use crate::error::CommandError;
use crate::fetch::ArtifactAddress;
use crate::settings::{RegistryArgs, Session, SourceArgs};

/// Where a bundle is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A folder, or a tar.
    Path(PathBuf),
    /// A tag or a digest in a repository.
    Registry(ArtifactAddress),
}

/// The address of a registry's repository. It is no argument of its own: what is wrong with those is told with their text, in which
/// there may be a password.
pub(super) fn address(text: &str) -> Result<ArtifactAddress, CommandError> {
    text.parse().map_err(CommandError::user)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Registry(address) => address.fmt(f),
        }
    }
}

impl Place {
    /// What the user wrote.
    pub(super) fn named(text: &str) -> Result<Self, CommandError> {
        if ArtifactAddress::is_meant(text) {
            address(text).map(Self::Registry)
        } else {
            Ok(Self::Path(PathBuf::from(text)))
        }
    }

    /// Its files, whatever they are.
    pub(super) fn files(&self, session: &Session, registry: &RegistryArgs) -> Result<Files, CommandError> {
        match self {
            Self::Path(path) => bundle::read(path),
            Self::Registry(address) => {
                bundle::pull(&registry.reading(address)?, address, |message| session.printer.warn(message))
            }
        }
    }

    /// Its files, of which every byte is what the graph in them gives. Nothing is written.
    pub(super) fn verified(&self, session: &Session, registry: &RegistryArgs) -> Result<(Files, Read), CommandError> {
        verified(self.files(session, registry)?)
    }

    /// The same with the flags of a command that compiles, too: a registry is asked as of [`SourceArgs::registry`].
    pub(super) fn verified_by(&self, session: &Session, source: &SourceArgs) -> Result<(Files, Read), CommandError> {
        match self {
            Self::Path(path) => verified(bundle::read(path)?),
            Self::Registry(_) => self.verified(session, &source.registry()?),
        }
    }
}

pub(super) fn verified(files: Files) -> Result<(Files, Read), CommandError> {
    let read = Bundle::read(&files).map_err(|error| super::told(&[error]))?;
    Ok((files, read))
}
