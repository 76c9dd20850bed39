//! Why there is no program: one clause for the person who waits for it, the cause behind it as source.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// What can go wrong between the sources of a Go module and its program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no Go, or one that is too old.
    #[error("building {what} needs Go 1.26 or newer (https://go.dev/dl/){otherwise}")]
    Missing {
        /// What was to be built.
        what: &'static str,
        /// What else there is to do, after a semicolon; may be empty.
        otherwise: &'static str,
    },
    /// Go could not build it.
    #[error("`{command}` failed ({status}):\n{output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it printed.
        output: String,
    },
    /// Go could not be started.
    #[error("cannot start `{command}`")]
    Start {
        /// The command line.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Neither a cache directory nor a home is known.
    #[error("no place for {what}, once built: set GITOPS_CLUSTER_CACHE, XDG_CACHE_HOME or HOME")]
    NoCache {
        /// What was to be built.
        what: &'static str,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was tried with which file.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }
}
