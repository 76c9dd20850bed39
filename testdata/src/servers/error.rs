//! Why there is no server: one clause for the person who waits for it, the cause behind it as source.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::golang;

/// What can go wrong between nothing and a server that takes requests.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Programs are missing that others have to install.
    #[error("the servers for tests need {programs}: apt-get install --no-install-recommends {packages}")]
    Missing {
        /// Which programs.
        programs: String,
        /// The packages of Debian that have them.
        packages: String,
    },
    /// A program that is done at once failed.
    #[error("`{command}` failed ({status}):\n{output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it printed.
        output: String,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`")]
    Spawn {
        /// Which program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A server ended before it was ready.
    #[error("{program} ended ({status}); the end of its log:\n{log}")]
    Ended {
        /// Which program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// A server did not become ready.
    #[error("{program} was not ready within {seconds} seconds; the end of its log:\n{log}")]
    NotReady {
        /// Which program.
        program: String,
        /// How long was waited.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// The program of the registry could not be built.
    #[error(transparent)]
    Build(#[from] golang::Error),
    /// No certificate could be made.
    #[error("cannot make the certificates of a server")]
    Certificate(#[from] rcgen::Error),
    /// The system gave no random bytes.
    #[error("no random numbers for a password")]
    Random(#[from] getrandom::Error),
    /// There is no port to listen on.
    #[error("no free port on the loopback interface")]
    Port(#[source] io::Error),
    /// The registry did not take a chart.
    #[error("the registry did not take {what}: {answer}")]
    Refused {
        /// Which chart or artifact, and its version.
        what: String,
        /// What the registry said.
        answer: String,
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
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    /// For `map_err`: which program was to be started.
    pub(super) fn spawn(program: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Spawn { program: program.as_ref().display().to_string(), source }
    }
}

/// How much of a log is shown.
const SHOWN_LINES: usize = 20;

/// The end of what a program printed.
pub(super) fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}
