//! Why a check failed, in one line; what its commands printed stands above it.

use std::io;
use std::process::ExitStatus;

use crate::cluster;

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A command of it failed.
    #[error("`{command}` failed ({status})")]
    Command { command: String, status: ExitStatus },
    /// Some of its commands failed.
    #[error("failed: {}", .0.join("; "))]
    Commands(Vec<String>),
    /// A command of it could not be started.
    #[error("cannot run `{command}`")]
    Start {
        command: String,
        #[source]
        source: io::Error,
    },
    /// It printed a line for each thing that is wrong.
    #[error("{}", count(*.0, "finding"))]
    Findings(usize),
    /// It took too long, and was killed.
    #[error("took more than {minutes} minutes and was killed")]
    TimedOut { minutes: u64 },
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// There was nothing to run.
    #[error("no tests were run")]
    NoTests,
    /// Cargo says nothing of tests that there are.
    #[error("Cargo did not build the tests of {0}")]
    NotBuilt(String),
    /// What the checks need is not there.
    #[error("this machine lacks {}", .0.join("; "))]
    Missing(Vec<String>),
    /// The list of files, or of packages, is not what it should be.
    #[error("cannot read {what}")]
    Unreadable {
        what: String,
        #[source]
        source: io::Error,
    },
    /// There is no cluster to test with.
    #[error("no cluster")]
    Cluster(#[from] cluster::Error),
}

impl Failure {
    /// For `map_err`: what could not be read.
    pub(super) fn unreadable(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unreadable { what: what.into(), source }
    }
}

/// `1 finding`, `2 findings`.
pub(super) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
