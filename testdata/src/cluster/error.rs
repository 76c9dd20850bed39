//! Why there is no local cluster: one clause for the person who waits for it, the cause behind it as source.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::{binary, golang};

/// What can go wrong between nothing and a cluster that is ready, and back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be built.
    #[error(transparent)]
    Build(#[from] golang::Error),
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
    /// kwok's own stages are not as this version of ours expects them.
    #[error("kwok's stage `{stage}` has not the selector that ours extends; look at src/cluster/stages.rs")]
    Stage {
        /// The file of the stage.
        stage: &'static str,
    },
    /// No certificate could be made.
    #[error("cannot make the certificates of the cluster")]
    Certificate(#[from] rcgen::Error),
    /// The TLS client did not take the certificate.
    #[error("cannot use the certificates of the cluster")]
    Tls(#[from] rustls::Error),
    /// The system gave no random bytes.
    #[error("no random numbers for the tokens of the cluster")]
    Random(#[from] getrandom::Error),
    /// There is no port to listen on.
    #[error("no free port on the loopback interface")]
    Port(#[source] io::Error),
    /// A program could not be started.
    #[error("cannot start {what}")]
    Spawn {
        /// Which program.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A component ended before the cluster was ready.
    #[error("{component} ended ({status}); the end of its log:\n{log}")]
    Ended {
        /// Which component.
        component: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// The API server refused an object that every cluster here begins with.
    #[error("the API server answered {status} to {path}: {body}")]
    Refused {
        /// The path of the request.
        path: String,
        /// The status of the answer.
        status: u16,
        /// The answer itself.
        body: String,
    },
    /// The API server did not answer.
    #[error("no answer from the API server to {path}")]
    Request {
        /// The path of the request.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something that should come by itself did not.
    #[error("{what} did not happen within {seconds} seconds; the logs are in `{}`", logs.display())]
    NotReady {
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
        /// Where the components' logs are.
        logs: PathBuf,
    },
    /// The cluster is no longer wanted: its user is gone, or it was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// The program `local-cluster` could not be built.
    #[error("cannot build the supervisor of the local cluster")]
    Supervisor(#[from] binary::Error),
    /// The supervisor said why it gave up.
    #[error("{0}")]
    Reported(String),
    /// The supervisor ended, or broke off, without a word.
    #[error("the supervisor of the local cluster ended without an answer")]
    Silent,
    /// A directory that no local cluster made was to be deleted.
    #[error("`{}` is not the directory of a local cluster", .0.display())]
    NotACluster(PathBuf),
}

impl Error {
    /// For `map_err`: what was tried with which file.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    /// Whether nothing failed: the cluster was no longer wanted.
    #[must_use]
    pub fn is_interrupt(&self) -> bool {
        matches!(self, Self::Interrupted)
    }
}
