//! Where renderers and other computations run that a repository may have written: with nothing but what they are given.
//!
//! In: a [`Job`]: a program, or a [`Worker`] of ours, with its arguments, its environment, a folder that it may read, a
//! folder that it may write, what it reads on stdin, its [`Limits`]. Out: an [`Output`]: what it wrote, how it ended, and
//! how much of the sandbox this machine could enforce ([`Enforced`]); or an [`Error`] that names the limit it hit.
//!
//! # How
//! [`Sandbox::run`] starts our own executable once more, which takes rights from itself, step by step (`confine`), and
//! then becomes the program, or works. Doing so between fork and exec in our own process is not possible: it has threads.
//! The order comes on stdin, before what the program is to read; the first answer on stdout says what was enforced, before
//! the program can write anything.
//!
//! | step | what it is for |
//! |---|---|
//! | descriptors above 2 are closed | open files and connections of ours |
//! | session and process group of its own, killed with us | nothing is left behind, no terminal |
//! | another user where we are root, one for each job; no capabilities, no new privileges | what root may do, programs with rights of their own |
//! | limits of the kernel: address space, processor time, size of files, descriptors, processes | bombs |
//! | Landlock: reads the layout, executes one program, writes the private folder | every other file, TCP, abstract sockets |
//! | seccomp: a list of system calls, everything else is refused | sockets of any family, new processes, and the long tail of the kernel |
//!
//! What the kernel does not limit as a whole, we look at many times a second: time, processor time, threads, the size of
//! the private folder. Nothing can be deleted, renamed or linked in there, so what lies there is all that was written.
//!
//! [`Sandbox::serve`] keeps a worker of ours running, and asks it again and again (`serve`).
//!
//! # Guarantees
//! * Where a job asks for more than can be enforced it is not run.
//! * When `run` returns, no process of the job is left, and neither is its private folder. Where our process is killed its
//!   jobs end with it, and the next private folder that is made takes the place of those that it left.
//! * Time decides only whether a job is cut off, and that is an error: it never changes an output.
//!
//! # What it does not hide
//! Whether a file is there, and its size and time, can be seen by path as far as the user that the job runs as could: that
//! is no right that Landlock knows. The processor's caches are shared.
//!
//! On other systems than Linux nothing but the limits of time and output is enforced, and [`Enforced`] says so.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod confine;
mod enter;
#[cfg(target_os = "linux")]
mod files;
mod limit;
mod order;
mod run;
mod scratch;
mod serve;
#[cfg(not(target_os = "linux"))]
mod unconfined;
#[cfg(target_os = "linux")]
mod user;
mod watch;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

pub use enter::{Work, Worker, enter};
pub use limit::{Budget, Limit, Limits};
pub use order::{Enforced, Missing, Part, Strength};
pub use scratch::Scratch;
pub use serve::Service;

/// How jobs are started; one for a whole process.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// Our own executable, whose `main` calls [`enter()`] first.
    executable: PathBuf,
    /// Where private folders are made.
    room: PathBuf,
}

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// A program of others.
    Program {
        /// Its absolute path.
        path: PathBuf,
        /// What else of the system it reads and executes: its loader and its shared libraries. A static program has none.
        libraries: Vec<PathBuf>,
    },
    /// A worker of ours, by its name.
    Worker(&'static str),
}

/// One computation.
#[derive(Debug)]
pub struct Job {
    /// What is to be run.
    pub task: Task,
    /// Its arguments, for programs.
    pub arguments: Vec<OsString>,
    /// All of its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// A folder that it may read, and that it starts in. Where we are root it runs as another user, who must be allowed to
    /// read it.
    pub layout: Option<PathBuf>,
    /// A folder that it may write.
    pub scratch: Option<Scratch>,
    /// What it reads on stdin.
    pub stdin: Vec<u8>,
    /// How much it may use.
    pub limits: Limits,
    /// What it shares time with others of.
    pub budget: Option<Arc<Budget>>,
    /// What must be enforced for it to run at all.
    pub least: Strength,
}

impl Job {
    /// A job with nothing but its task, which must be wholly enforced.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self {
            task,
            arguments: Vec::new(),
            environment: Vec::new(),
            layout: None,
            scratch: None,
            stdin: Vec::new(),
            limits: Limits::default(),
            budget: None,
            least: Strength::Full,
        }
    }
}

/// What came of a job that ended by itself.
#[derive(Debug)]
pub struct Output {
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr, safe for a terminal.
    pub stderr: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it was kept from.
    pub enforced: Enforced,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("the sandbox cannot be started")]
    Start(#[source] io::Error),
    /// It ended before it was ready.
    #[error("the sandbox ended before anything ran in it{}", told(.0))]
    Died(String),
    /// Something that the job needs is not there.
    #[error("the sandbox cannot be set up: {0}")]
    Setup(String),
    /// Less can be enforced than the job asks for.
    #[error("the sandbox is {} here, and that is not enough: {}", .0.strength(), .0.reasons())]
    TooWeak(Enforced),
    /// It ended, and somebody still holds its output open.
    #[error("it ended, and its output did not")]
    LeftOpen,
    /// It was cut off.
    #[error("it {0}")]
    Limit(Limit),
}

fn told(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}

impl Sandbox {
    /// Jobs are run by `executable`, which must be our own, and their private folders are made in `room`.
    #[must_use]
    pub fn new(executable: impl Into<PathBuf>, room: impl Into<PathBuf>) -> Self {
        Self { executable: executable.into(), room: room.into() }
    }

    /// A new private folder.
    pub fn scratch(&self) -> io::Result<Scratch> {
        Scratch::new(&self.room)
    }

    /// Runs a job to its end.
    pub fn run(&self, job: Job) -> Result<Output, Error> {
        run::run(self, job)
    }
}
