//! Runs commands as a user would type them, and prints them with what they print.
//!
//! In: command lines for `sh`, each with the exit code that it should have. Out: the transcript on stdout; stderr of
//! the commands goes there too, so that both stay in the order in which they came. On a terminal the commands see the
//! terminal itself, so they show progress and colour as always.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::Error;
use super::interrupt::Interrupt;

/// What of the user's environment would lead Git to another repository.
const OF_OTHER_REPOSITORIES: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

/// Where commands run, and with what.
pub(super) struct Shell {
    /// What every command finds in its environment, beside the user's own.
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// What every command that speaks to the cluster ends with: `" --context NAME"`, or nothing.
    pub(super) cluster_flags: String,
    pub(super) interrupt: Interrupt,
}

impl Shell {
    /// Runs a command in `folder` that needs no cluster.
    pub(super) fn offline(&self, folder: &Path, line: &str, expected: u8) -> Result<(), Error> {
        self.run(folder, line.to_owned(), expected)
    }

    /// Runs a command in `folder` that speaks to the cluster.
    pub(super) fn online(&self, folder: &Path, line: &str, expected: u8) -> Result<(), Error> {
        self.run(folder, format!("{line}{}", self.cluster_flags), expected)
    }

    fn run(&self, folder: &Path, line: String, expected: u8) -> Result<(), Error> {
        if self.interrupt.is_raised() {
            return Err(Error::Interrupted);
        }
        print(&format!("$ {line}\n"))?;
        let mut command = self.command(folder, &line);
        command.stdout(our_stdout()?).stderr(our_stdout()?);
        let spawned = command.spawn().and_then(|mut child| self.interrupt.wait(&mut child));
        let status = spawned.map_err(|source| Error::Start { command: line.clone(), source })?;
        if self.interrupt.is_raised() {
            Err(Error::Interrupted)
        } else if status.code() == Some(expected.into()) {
            Ok(())
        } else {
            Err(Error::Unexpected { command: line, status, expected })
        }
    }

    /// Runs a command that speaks to the cluster and returns its stdout, without a word in the transcript. It should
    /// succeed.
    pub(super) fn ask(&self, line: &str) -> Result<String, Error> {
        let line = format!("{line}{}", self.cluster_flags);
        let output = self.command(Path::new("."), &line).stderr(Stdio::inherit()).output();
        let output = output.map_err(|source| Error::Start { command: line.clone(), source })?;
        if self.interrupt.is_raised() {
            return Err(Error::Interrupted);
        }
        if !output.status.success() {
            return Err(Error::Unexpected { command: line, status: output.status, expected: 0 });
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self, folder: &Path, line: &str) -> Command {
        let mut command = Command::new("sh");
        // In the shell's place, so that a signal to the child is one to the command.
        command.arg("-c").arg(format!("exec {line}")).current_dir(folder).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        for name in OF_OTHER_REPOSITORIES {
            command.env_remove(name);
        }
        command
    }
}

/// Prints what the next commands are about.
pub(super) fn headline(text: &str) -> Result<(), Error> {
    let bold = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    print(&format!("\n{on}# {text}{off}\n"))
}

/// Prints a part of the transcript. Whoever closed stdout ends the demo.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(stdout_failed)
}

fn our_stdout() -> Result<Stdio, Error> {
    let ours = io::stdout().as_fd().try_clone_to_owned();
    ours.map(Stdio::from).map_err(stdout_failed)
}

fn stdout_failed(source: io::Error) -> Error {
    Error::Write { path: "/dev/stdout".into(), source }
}

/// Says something to whoever waits; no part of the transcript.
pub(super) fn say(text: &str) {
    // Nobody may be listening.
    let _ = writeln!(io::stderr(), "{text}");
}

/// `text` as one word for `sh`.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_need_it() {
        assert_eq!(quoted("kind-kind"), "kind-kind");
        assert_eq!(quoted("arn:aws:eks/x@y"), "arn:aws:eks/x@y");
        assert_eq!(quoted("it's mine; rm"), r"'it'\''s mine; rm'");
        assert_eq!(quoted(""), "''");
    }
}
