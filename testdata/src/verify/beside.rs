//! Commands of one check that run beside each other: tests wait for clusters far more than they use processors.
//!
//! In: how many commands and places there are, and how to make each command for a place. Out: whether all succeeded; what
//! each printed, in the log of the check in one piece when it ends.
//!
//! # Guarantees
//! A place has one command at a time, and none is left out because another failed. When the check ends early, all that
//! still runs is ended as [`Job`] ends its commands.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use super::failure::Failure;
use super::job::{Job, PAUSE, end, line_of};

/// A command that runs, and what it printed. It does not outlive this.
struct Running {
    line: String,
    child: Child,
    begun: Instant,
    log: File,
}

impl Running {
    fn start(mut command: Command) -> Result<Self, Failure> {
        let unreadable = || Failure::unreadable("a temporary file");
        let log = tempfile::tempfile().map_err(unreadable())?;
        let [stdout, stderr] = [log.try_clone().map_err(unreadable())?, log.try_clone().map_err(unreadable())?];
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
        let line = line_of(&command);
        let child = command.spawn().map_err(|source| Failure::Start { command: line.clone(), source })?;
        Ok(Self { line, child, begun: Instant::now(), log })
    }

    /// Ends it where it still runs. What it printed, below the command itself, with how long it took.
    fn end(mut self) -> Vec<u8> {
        self.end_child();
        let command = format!("$ {} ({:.1} s)\n", self.line, self.begun.elapsed().as_secs_f32());
        let length = self.log.metadata().map_or(0, |metadata| metadata.len());
        let mut printed = vec![0; usize::try_from(length).unwrap_or(0)];
        // By offset, as the place to write at is the command's. Without it a failure is harder to read, and nothing passes.
        let read = self.log.read_exact_at(&mut printed, 0);
        if read.is_err() {
            printed.clear();
        }
        [command.into_bytes(), printed].concat()
    }

    fn end_child(&mut self) {
        // What has ended is not looked for again: its number may be another's by now.
        if matches!(self.child.try_wait(), Ok(None)) {
            end(&mut self.child);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end_child();
    }
}

impl Job<'_> {
    /// Runs `count` commands, as many at a time as there are `places`; `command` makes one, by its number and its place.
    pub(super) fn run_beside(
        &mut self,
        count: usize,
        places: usize,
        command: impl Fn(usize, usize) -> Command,
    ) -> Result<(), Failure> {
        let mut numbers = 0..count;
        let mut running: Vec<Option<Running>> = (0..places).map(|_| None).collect();
        let mut failures = Vec::new();
        let ended = loop {
            if let Err(failure) = self.look_at(&mut running, &mut numbers, &command, &mut failures) {
                break Err(failure);
            }
            if running.iter().all(Option::is_none) {
                break Ok(());
            }
            let with_what =
                |_: &Self| running.iter().flatten().map(|one| one.line.as_str()).collect::<Vec<_>>().join("; ");
            if let Err(failure) = self.may_go_on(&with_what) {
                break Err(failure);
            }
            thread::sleep(PAUSE);
        };
        for one in running.into_iter().flatten() {
            self.add(&one.end());
        }
        ended?;
        match failures.len() {
            0 => Ok(()),
            _ => Err(Failure::Commands(failures)),
        }
    }

    /// Takes what has ended out of its place, and starts what comes next there.
    fn look_at(
        &mut self,
        running: &mut [Option<Running>],
        numbers: &mut std::ops::Range<usize>,
        command: &impl Fn(usize, usize) -> Command,
        failures: &mut Vec<String>,
    ) -> Result<(), Failure> {
        for (place, at) in running.iter_mut().enumerate() {
            if let Some(one) = at {
                let status = one.child.try_wait().map_err(Failure::unreadable("how a process ended"))?;
                let Some(status) = status else { continue };
                if !status.success() {
                    failures.push(format!("`{}` ({status})", one.line));
                }
                if let Some(ended) = at.take() {
                    self.add(&ended.end());
                }
            }
            if let Some(number) = numbers.next() {
                *at = Some(Running::start(command(number, place))?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::verify::job::tests::{never, shell};

    #[test]
    fn each_command_is_run_once_whatever_the_others_do_and_its_output_stays_together() {
        let interrupt = never();
        let mut job = Job::begin("x", &interrupt).expect("a temporary file");
        let script = |number, place| {
            assert!(place < 2);
            shell(&format!("echo begin {number}; sleep 0.05; echo end {number} >&2; exit {}", number % 3))
        };
        let failure = job.run_beside(5, 2, script).expect_err("three of them fail");
        assert_eq!(failure.to_string().matches("exit status: ").count(), 3, "{failure}");
        let log = String::from_utf8(job.log()).expect("text");
        let lines: Vec<_> = log.lines().filter(|line| !line.starts_with('$')).collect();
        let mut pairs: Vec<String> = lines.chunks(2).map(|pair| pair.join(", ")).collect();
        pairs.sort();
        let expected: Vec<String> = (0..5).map(|number| format!("begin {number}, end {number}")).collect();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn as_many_run_at_a_time_as_there_are_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let interrupt = never();
        let mut job = Job::begin("x", &interrupt).expect("a temporary file");
        // Each makes a folder of its place, which must not be there.
        let script = |_, place| {
            let mut command = shell(&format!("mkdir {place} && sleep 0.05 && rmdir {place}"));
            command.current_dir(folder.path());
            command
        };
        job.run_beside(6, 3, script).expect("no place has two");
    }

    #[test]
    fn all_are_ended_when_the_check_takes_too_long() {
        let interrupt = never();
        let mut job = Job::begin("x", &interrupt).expect("a temporary file");
        job.limit_time(Duration::from_secs(3));
        let failure = job.run_beside(2, 2, |number, _| shell(&format!("echo {number}; exec sleep 60")));
        assert!(matches!(failure, Err(Failure::TimedOut { .. })), "{failure:?}");
        let log = String::from_utf8(job.log()).expect("text");
        assert_eq!(log.lines().filter(|line| !line.starts_with('$')).collect::<String>(), "01");
    }
}
