//! The helper's half: the first thing that `main` does, in a process that we started for a job.
//!
//! In: the arguments of the process; the [`Worker`]s there are. Out: nothing where this is no such process. Otherwise the
//! order is read from stdin, rights are taken away, the report is written, and this process becomes the program, or works
//! and ends.
//!
//! # Guarantees
//! Nothing runs before the report, and nothing at all where less is enforced than was ordered.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use super::order::{self, Order, Report, Run};

#[cfg(target_os = "linux")]
use super::confine::{self, Confined};
#[cfg(not(target_os = "linux"))]
use super::unconfined::{self as confine, Confined};

/// The first argument of a process that is a helper.
pub(super) const ARGUMENT: &str = "__sandbox";

/// The exit code of a worker that failed, and of a program that could not be executed.
const FAILED: u8 = 1;
const NOT_EXECUTED: u8 = 126;

/// What a worker does: it reads a request, and writes an answer. Its error goes to stderr.
pub type Work = fn(&mut dyn Read, &mut dyn Write) -> Result<(), String>;

/// A computation of ours that cannot be stopped, and so has a process of its own.
#[derive(Debug, Clone, Copy)]
pub struct Worker {
    /// What jobs call it.
    pub name: &'static str,
    /// What it does.
    pub work: Work,
}

/// Becomes what was ordered, where this process is a helper. To be called first in `main`, before there is any thread.
#[must_use]
pub fn enter(arguments: impl IntoIterator<Item = OsString>, workers: &[Worker]) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let closed = arguments.next().is_some();
    Some(helper(closed, workers).unwrap_or_else(|error| {
        // Whoever ordered this is not there, or no longer.
        say(&format!("this is not a command: {error}"));
        ExitCode::from(FAILED)
    }))
}

fn helper(closed: bool, workers: &[Worker]) -> io::Result<ExitCode> {
    // Before anything is read: this may start the helper once more.
    confine::close_inherited(closed)?;
    let (mut stdin, mut stdout) = (descriptor(&io::stdin())?, descriptor(&io::stdout())?);
    let order: Order = order::read(&mut stdin)?;
    let worker = match &order.run {
        Run::Worker(name) => workers.iter().find(|worker| worker.name == *name),
        Run::Program { .. } => None,
    };
    let confined = match confine::confine(&order) {
        Ok(confined) if confined.enforced.strength() < order.least => {
            order::write(&mut stdout, &Report::TooWeak(confined.enforced))?;
            return Ok(ExitCode::from(FAILED));
        }
        Ok(confined) => confined,
        Err(reason) => return fail(&mut stdout, reason),
    };
    match (&order.run, worker) {
        (Run::Worker(name), None) => fail(&mut stdout, format!("there is no worker `{name}`")),
        (Run::Worker(_), Some(worker)) => {
            order::write(&mut stdout, &Report::Ready(confined.enforced))?;
            Ok(work(*worker, stdin, stdout))
        }
        (Run::Program { path, arguments, .. }, _) => {
            order::write(&mut stdout, &Report::Ready(confined.enforced.clone()))?;
            // The place that is executed is not what the program is called.
            let name = PathBuf::from(path).file_name().map(ToOwned::to_owned).unwrap_or_default();
            let error = execute(confined, &name, arguments, &order);
            say(&format!("cannot execute {}: {error}", name.display()));
            Ok(ExitCode::from(NOT_EXECUTED))
        }
    }
}

fn fail(stdout: &mut File, reason: String) -> io::Result<ExitCode> {
    order::write(stdout, &Report::Failed(reason))?;
    Ok(ExitCode::from(FAILED))
}

fn work(worker: Worker, stdin: File, stdout: File) -> ExitCode {
    let (mut stdin, mut stdout) = (BufReader::new(stdin), BufWriter::new(stdout));
    let result =
        (worker.work)(&mut stdin, &mut stdout).and_then(|()| stdout.flush().map_err(|error| error.to_string()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&message);
            ExitCode::from(FAILED)
        }
    }
}

/// Becomes the program; gives the error where it does not.
#[cfg(unix)]
fn execute(confined: Confined, name: &std::ffi::OsStr, arguments: &[OsString], order: &Order) -> io::Error {
    use std::os::unix::process::CommandExt;
    let environment = order.environment.iter().map(|(name, value)| (name, value));
    Command::new(confined.program).arg0(name).args(arguments).env_clear().envs(environment).exec()
}

/// Runs the program; gives the error where that is not possible.
#[cfg(not(unix))]
fn execute(confined: Confined, _: &std::ffi::OsStr, arguments: &[OsString], order: &Order) -> io::Error {
    let environment = order.environment.iter().map(|(name, value)| (name, value));
    let mut command = Command::new(confined.program);
    match command.args(arguments).env_clear().envs(environment).status() {
        Ok(status) => io::Error::other(format!("it ended with {status}")),
        Err(error) => error,
    }
}

/// One of our descriptors, without a buffer in between: what is not read of stdin is the program's.
#[cfg(unix)]
fn descriptor(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn descriptor(stream: &impl std::os::windows::io::AsHandle) -> io::Result<File> {
    Ok(File::from(stream.as_handle().try_clone_to_owned()?))
}

fn say(message: &str) {
    // There is nobody else to tell.
    let _ = writeln!(io::stderr(), "{message}");
}
