//! How the programs that judge signatures are run.
//!
//! In: a program, its arguments, files that it may read. Out: what it said. It runs in a folder of its own, which is also its
//! home and is gone afterwards, with an environment that has nothing but the way to programs.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::child::{self, Ended};

use super::Fault;

/// How long one command may take.
const TIME: Duration = Duration::from_mins(1);
/// How much it may say.
const MOST: usize = 1 << 20;

/// A folder for one judgement.
pub(super) struct Room(TempDir);

impl Room {
    pub(super) fn new() -> Result<Self, Fault> {
        tempfile::tempdir().map(Self).map_err(|error| lost(&format!("there is no place for keys: {error}")))
    }

    /// Writes a file that the programs may read.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Fault> {
        let path = self.0.path().join(name);
        let written = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written = written.and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| lost(&format!("a key cannot be written: {error}")))?;
        Ok(path)
    }

    /// Runs a program in the folder; `input` is the name of a file there.
    pub(super) fn run(&self, program: &str, arguments: &[&str], input: Option<&str>) -> Result<Ended, Fault> {
        let input = match input.map(|name| File::open(self.0.path().join(name))) {
            Some(Ok(file)) => file.into(),
            Some(Err(error)) => return Err(lost(&error.to_string())),
            None => Stdio::null(),
        };
        let mut command = Command::new(program);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", self.0.path()).env("GNUPGHOME", self.0.path()).env("LC_ALL", "C").env("TZ", "UTC");
        command.args(arguments).current_dir(self.0.path()).process_group(0);
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child =
            command.spawn().map_err(|error| lost(&format!("the program {program} cannot be started: {error}")))?;
        let seconds = TIME.as_secs();
        let ended = child::follow(child, TIME, MOST);
        ended.ok_or_else(|| lost(&format!("{program} did not end within {seconds} s")))
    }
}

/// Nobody can tell.
fn lost(why: &str) -> Fault {
    Fault::new(format!("cannot be checked: {why}"))
}
