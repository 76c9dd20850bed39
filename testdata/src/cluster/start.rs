//! The caller's end of a cluster: starts the supervisor and holds the pipe that keeps it alive.
//!
//! In: [`Options`]. Out: a [`LocalCluster`] that is ready, gone when it is dropped or this process ends in any way; or,
//! detached, the [`Connection`] of one that stays until it is stopped.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::build::build;
use super::components::Component;
use super::directory::{Connection, Options};
use super::error::Error;
use crate::binary;

/// How long a supervisor may take to end the components before it is killed itself, which ends them also.
const TIME_TO_END: Duration = Duration::from_secs(10);

/// A cluster of this process alone.
#[derive(Debug)]
pub struct LocalCluster {
    connection: Connection,
    supervisor: Child,
    /// None once it was closed, which ends the cluster.
    wishes: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The first line that a supervisor prints.
#[derive(Deserialize)]
#[serde(untagged)]
enum Report {
    Ready(Box<Connection>),
    Failed { error: String },
}

impl LocalCluster {
    /// Starts a cluster and waits until it is ready; builds it first where that was never done.
    ///
    /// # Errors
    /// Where Go is missing, the build fails, or the cluster does not become ready.
    pub fn start(options: &Options) -> Result<Self, Error> {
        // Here rather than in the supervisor, so that Ctrl-C ends the build.
        build()?;
        let mut command = supervisor("run", options)?;
        command.stdin(Stdio::piped()).process_group(0);
        let mut supervisor = spawn(&mut command)?;
        let wishes = supervisor.stdin.take();
        let mut answers = BufReader::new(supervisor.stdout.take().ok_or(Error::Silent)?);
        let connection = read_report(&mut answers)?;
        Ok(Self { connection, supervisor, wishes, answers })
    }

    /// How to reach it.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// kubectl as the administrator.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        self.connection.kubectl()
    }

    /// Kills a component, for tests of what happens then. The API server's port stays taken.
    pub fn kill(&mut self, component: Component) -> Result<(), Error> {
        self.ask("kill", component)?;
        self.connection.components.remove(component.name());
        Ok(())
    }

    /// Starts a component that was killed; the API server is ready when this returns.
    pub fn start_again(&mut self, component: Component) -> Result<(), Error> {
        let id = self.ask("start", component)?;
        self.connection.components.insert(component.name().to_owned(), id);
        Ok(())
    }

    /// Ends it and waits until everything of it is gone; as dropping it does.
    pub fn stop(self) {}

    /// Has the supervisor do something to a component; returns the id of the component's process.
    fn ask(&mut self, verb: &str, component: Component) -> Result<u32, Error> {
        let wishes = self.wishes.as_mut().ok_or(Error::Silent)?;
        writeln!(wishes, "{verb} {}", component.name()).map_err(|_| Error::Silent)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(|_| Error::Silent)?;
        answer.trim().parse().map_err(|_| Error::Reported(answer.trim().to_owned()))
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        drop(self.wishes.take());
        let begun = Instant::now();
        while let Ok(None) = self.supervisor.try_wait() {
            if begun.elapsed() > TIME_TO_END {
                // The components die with it.
                let _ = self.supervisor.kill();
                let _ = self.supervisor.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Starts a cluster that outlives this process, until [`super::stop()`] is called with its directory.
///
/// # Errors
/// As [`LocalCluster::start`].
pub fn start_detached(options: &Options) -> Result<Connection, Error> {
    build()?;
    let mut command = supervisor("detached", options)?;
    // Whoever reads our stderr to its end should not have to wait for the cluster's end.
    let nowhere = File::options().write(true).open("/dev/null");
    let nowhere = nowhere.map_err(Error::file("open", "/dev/null".as_ref()))?;
    let mut supervisor = spawn(command.stdin(Stdio::null()).stderr(nowhere))?;
    let stdout = supervisor.stdout.take().ok_or(Error::Silent)?;
    read_report(&mut BufReader::new(stdout))
}

fn supervisor(subcommand: &str, options: &Options) -> Result<Command, Error> {
    let mut command = Command::new(binary::path("local-cluster")?);
    command.args([subcommand, "--options", &options.to_json()]).stdout(Stdio::piped());
    Ok(command)
}

fn spawn(command: &mut Command) -> Result<Child, Error> {
    let what = || "the supervisor of the local cluster".to_owned();
    command.spawn().map_err(|source| Error::Spawn { what: what(), source })
}

fn read_report(answers: &mut impl BufRead) -> Result<Connection, Error> {
    let mut line = String::new();
    answers.read_line(&mut line).map_err(|_| Error::Silent)?;
    match serde_json::from_str(&line) {
        Ok(Report::Ready(connection)) => Ok(*connection),
        Ok(Report::Failed { error }) => Err(Error::Reported(error)),
        Err(_) => Err(Error::Silent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_supervisor_says_is_what_the_caller_hears() {
        let failed = read_report(&mut "{\"error\":\"no port\"}\n".as_bytes());
        assert_eq!(failed.expect_err("it failed").to_string(), "no port");
        let silent = read_report(&mut "".as_bytes());
        assert!(matches!(silent, Err(Error::Silent)));
    }
}
