//! One component as a process that dies with its supervisor.
//!
//! In: a component and its arguments. Out: a running process with a log file.
//!
//! A parent-death signal can only be asked for by the child itself, between fork and exec, and code of ours there would
//! be `unsafe`. So the supervisor starts its own program again, as `local-cluster component`, which asks for the signal
//! and then becomes the component ([`become_component`]). Linux sends the signal when the *thread* that forked ends:
//! components are started by the main thread only.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::build::Installation;
use super::components::{Component, Setting};
use super::directory::LOGS;
use super::error::Error;

/// How much of a log is shown when its component ends too early.
const SHOWN_LINES: usize = 15;

/// A component that was started.
pub(super) struct Process {
    component: Component,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `component` in the data directory. To be called by the main thread.
    pub(super) fn start(
        component: Component,
        installation: &Installation,
        directory: &Path,
        setting: Setting,
    ) -> Result<Self, Error> {
        let log = directory.join(LOGS).join(format!("{}.log", component.name()));
        let open = File::options().create(true).append(true).open(&log);
        let output = open.map_err(Error::file("open", &log))?;
        let errors = output.try_clone().map_err(Error::file("open", &log))?;
        let mut command = Command::new(this_program()?);
        command
            .arg("component")
            .arg(std::process::id().to_string())
            .arg(installation.program(component.name()))
            .args(component.arguments(setting))
            .current_dir(directory)
            // Neither proxies nor kubeconfigs of the user's.
            .env_clear()
            .env("HOME", directory)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C is for the supervisor, which then ends the components.
            .process_group(0);
        let child = command.spawn();
        let child = child.map_err(|source| Error::Spawn { what: component.name().into(), source })?;
        Ok(Self { component, child, log })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        // It fails for no child of ours.
        self.child.try_wait().ok().flatten()
    }

    /// The error that says so, with the end of the log.
    pub(super) fn error(&self, status: ExitStatus) -> Error {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        let log = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        Error::Ended { component: self.component.name(), status, log }
    }

    /// Ends it at once, as its data is of no use to anybody; returns the id that it had.
    pub(super) fn kill(mut self) -> u32 {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child.id()
    }
}

/// The program to start again.
fn this_program() -> Result<PathBuf, Error> {
    if cfg!(target_os = "linux") {
        // Also right after Cargo has put a newer one in its place.
        return Ok("/proc/self/exe".into());
    }
    let what = || "the local cluster's own program".to_owned();
    std::env::current_exe().map_err(|source| Error::Spawn { what: what(), source })
}

/// Becomes `program`, to be killed when `supervisor`, the process that started this one, ends. Returns only on failure.
#[must_use]
pub fn become_component(supervisor: u32, program: &Path, arguments: &[String]) -> Error {
    let error = match die_with(supervisor) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    };
    Error::Spawn { what: program.display().to_string(), source: error }
}

/// Leaves the terminal and the process group of whoever started this process, so as not to end with them.
///
/// # Errors
/// When this process leads a group already.
pub fn leave_session() -> Result<(), Error> {
    let left = rustix::process::setsid().map_err(io::Error::from);
    left.map(drop).map_err(|source| Error::Spawn { what: "a session".to_owned(), source })
}

#[cfg(target_os = "linux")]
fn die_with(supervisor: u32) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Had it ended before the signal was asked for, the signal would never come.
    let parent = getppid().map(|parent| parent.as_raw_nonzero().get().cast_unsigned());
    if parent == Some(supervisor) { Ok(()) } else { Err(io::Error::other("the supervisor has ended")) }
}

/// Elsewhere there is no such signal: components end with the supervisor unless that one is killed.
#[cfg(not(target_os = "linux"))]
fn die_with(_supervisor: u32) -> io::Result<()> {
    Ok(())
}
