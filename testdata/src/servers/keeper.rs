//! The processes and files of one server, which end together.
//!
//! In: programs to run. Out: processes in one group, in a temporary directory, with a cleared environment and a log each.
//!
//! Tests panic and get killed, and what is in a `static` is never dropped, so the group is led by a shell that waits for
//! the end of its input: a pipe, which the system closes when the owner ends in whatever way. It then deletes the
//! directory and kills its group. Where the owner drops it, all of this has happened when the drop is over.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::error::{Error, last_lines};

/// How long a server may take to become ready; a machine that is busy compiling takes its time.
const PATIENCE: Duration = Duration::from_mins(1);
/// The time between two looks at something that will happen soon.
const SOON: Duration = Duration::from_millis(5);
/// What the leader of a group does: waits, tidies up, and ends the group with itself.
const LEADER: &str = "read -r _; rm -rf -- \"$1\"; kill -KILL 0";

/// What keeps the processes and files of a server, and ends them.
#[derive(Debug)]
pub(super) struct Keeper {
    leader: Child,
    programs: Vec<Program>,
    directory: TempDir,
}

/// A program that runs until it is killed.
#[derive(Debug)]
struct Program {
    name: String,
    log: PathBuf,
    process: Child,
}

impl Keeper {
    /// Makes an empty directory, and a group for what will run in it.
    pub(super) fn start() -> Result<Self, Error> {
        let made = tempfile::Builder::new().prefix("kubectl-gitops-server-").tempdir();
        let directory = made.map_err(Error::file("create a directory in", &env::temp_dir()))?;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", LEADER, "keeper"]).arg(directory.path()).current_dir("/").process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let leader = clear(&mut shell).spawn().map_err(Error::spawn("/bin/sh"))?;
        Ok(Self { leader, programs: Vec::new(), directory })
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a folder in the directory.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path().join(name);
        fs::create_dir(&path).map_err(Error::file("create", &path))?;
        Ok(path)
    }

    /// Writes a file of the directory.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path().join(name);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
        Ok(path)
    }

    /// Copies a file into the directory, under its own name.
    pub(super) fn copy(&self, file: &Path) -> Result<PathBuf, Error> {
        let path = self.path().join(file.file_name().unwrap_or_default());
        fs::copy(file, &path).map_err(Error::file("copy", file))?;
        Ok(path)
    }

    /// A command that will run in the directory and the group, with nothing of the environment but PATH.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // A process id fits, as the system's own type for it has a sign.
        command.current_dir(self.path()).stdin(Stdio::null()).process_group(self.leader.id().cast_signed());
        clear(&mut command).env("HOME", self.path());
        command
    }

    /// Starts a program that runs until it is killed; its log is `NAME.log`.
    pub(super) fn run(&mut self, program: &Path, arguments: &[&str]) -> Result<(), Error> {
        self.run_on(Stdio::null(), program, arguments)
    }

    /// Like [`Self::run`], for a program that takes connections from its standard input.
    pub(super) fn run_on(&mut self, input: Stdio, program: &Path, arguments: &[&str]) -> Result<(), Error> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = self.path().join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log).map_err(Error::file("open", &log))?;
        let errors = output.try_clone().map_err(Error::file("open", &log))?;
        let mut command = self.command(program);
        command.args(arguments).stdin(input).stdout(output).stderr(errors);
        let process = command.spawn().map_err(Error::spawn(program))?;
        self.programs.push(Program { name, log, process });
        Ok(())
    }

    /// Waits for an answer of what was started last.
    pub(super) fn wait_for<T>(&mut self, answer: impl Fn() -> Option<T>) -> Result<T, Error> {
        let begun = Instant::now();
        loop {
            if let Some(answer) = answer() {
                return Ok(answer);
            }
            if let Some(error) = self.programs.last_mut().and_then(|program| program.failure(begun.elapsed())) {
                return Err(error);
            }
            thread::sleep(SOON);
        }
    }

    /// Kills the group, and what was started by it and left it.
    pub(super) fn end(&self) {
        let Some(leader) = Pid::from_raw(self.leader.id().cast_signed()) else { return };
        let others = strays(leader);
        // Both fail only for what has ended already. The leader stays known to the system until it is waited for.
        let _ = kill_process_group(leader, Signal::KILL);
        for process in others {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
        for program in &mut self.programs {
            // It fails for no child of ours.
            let _ = program.process.wait();
        }
        let _ = self.leader.wait();
    }
}

impl Program {
    /// Why there will be no answer any more, after `waited`.
    fn failure(&mut self, waited: Duration) -> Option<Error> {
        let log = || last_lines(&fs::read(&self.log).unwrap_or_default());
        let program = self.name.clone();
        if let Ok(Some(status)) = self.process.try_wait() {
            return Some(Error::Ended { program, status, log: log() });
        }
        let seconds = PATIENCE.as_secs();
        (waited > PATIENCE).then(|| Error::NotReady { program, seconds, log: log() })
    }
}

/// Leaves PATH only.
pub(super) fn clear(command: &mut Command) -> &mut Command {
    command.env_clear();
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// The processes outside of a group that descend from it. Only Linux tells; nothing of ours leaves its group elsewhere.
fn strays(group: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let mut others: Vec<Stat> = stats.filter_map(|text| Stat::parse(&text)).collect();
    let of_group = |stat: &Stat| stat.group == group.as_raw_nonzero().get();
    let mut family: BTreeSet<i32> = others.extract_if(.., |stat| of_group(stat)).map(|stat| stat.id).collect();
    let mut strays = Vec::new();
    // Each round finds the children of those found before.
    loop {
        let children: Vec<_> = others.extract_if(.., |stat| family.contains(&stat.parent)).collect();
        if children.is_empty() {
            return strays;
        }
        family.extend(children.iter().map(|stat| stat.id));
        strays.extend(children.iter().filter_map(|stat| Pid::from_raw(stat.id)));
    }
}

/// What `/proc/ID/stat` says of a process.
struct Stat {
    id: i32,
    parent: i32,
    group: i32,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name stands in brackets, and may have some itself.
        let (before, after) = text.rsplit_once(')')?;
        let id = before.split(' ').next()?.parse().ok()?;
        let mut fields = after.split_whitespace().skip(1).map(str::parse);
        Some(Self { id, parent: fields.next()?.ok()?, group: fields.next()?.ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = Stat::parse("17 (a) b) S 4 5 6 0").expect("it has all fields");
        assert_eq!((stat.id, stat.parent, stat.group), (17, 4, 5));
    }

    #[test]
    fn what_left_the_group_ends_too() {
        let mut keeper = Keeper::start().expect("there is a shell");
        keeper.run(Path::new("/bin/sh"), &["-c", "setsid sleep 1000 & wait"]).expect("there is a shell");
        let leader = Pid::from_raw(keeper.leader.id().cast_signed()).expect("it runs");
        let directory = keeper.path().to_owned();
        let stray = keeper.wait_for(|| strays(leader).pop()).expect("it leaves the group");
        drop(keeper);
        let begun = Instant::now();
        while Path::new(&format!("/proc/{}/exe", stray.as_raw_nonzero())).read_link().is_ok() {
            assert!(begun.elapsed() < PATIENCE, "it still runs");
            thread::sleep(SOON);
        }
        assert!(!directory.exists());
    }

    #[test]
    fn all_ends_when_the_owner_does() {
        let mut keeper = Keeper::start().expect("there is a shell");
        keeper.run(Path::new("/bin/sleep"), &["1000"]).expect("it is there");
        // What the system does for an owner that is killed.
        drop(keeper.leader.stdin.take());
        let error = keeper.wait_for(|| None::<()>).expect_err("it is killed");
        assert!(matches!(error, Error::Ended { .. }), "{error}");
        assert!(!keeper.path().exists());
    }
}
