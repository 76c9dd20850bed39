//! Why the demo ended early: one clause, the cause behind it as source.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::{binary, cluster, shop};

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// kubectl-gitops could not be built.
    #[error("cannot build kubectl-gitops")]
    Build(#[from] binary::Error),
    /// There is no local cluster.
    #[error("cannot start the local cluster")]
    Cluster(#[from] cluster::Error),
    /// The repository could not be written.
    #[error("cannot make the example repository")]
    Shop(#[from] shop::Error),
    /// A file or folder of the demo could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A command could not be started.
    #[error("cannot run `{command}`")]
    Start {
        /// The command line.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A command ended otherwise than it should.
    #[error("`{command}` ended with {status}, not with exit code {expected} as it should")]
    Unexpected {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The exit code that was expected.
        expected: u8,
    },
    /// What the cluster has is not what the demo expects at this point.
    #[error("{what}: {found}")]
    Found {
        /// What is wrong with it.
        what: &'static str,
        /// What was found.
        found: String,
    },
    /// The user wanted the demo to end.
    #[error("interrupted")]
    Interrupted,
}
