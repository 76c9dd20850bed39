//! One check as it runs: its commands, its log, its time limit.
//!
//! In: commands. Out: whether each succeeded; all that they printed, in one log in the order in which it was printed.
//!
//! # Guarantees
//! A command runs in a process group of its own. When the check takes too long, or Ctrl-C is pressed, the whole group
//! is ended: what the command started goes with it, unless it left the group. A local cluster did, and ends with its
//! user by itself.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::failure::Failure;
use super::printer;

/// How long a check may take.
pub(super) const TIME_LIMIT: Duration = Duration::from_mins(50);
/// The same where tests run their full counts.
pub(super) const LONG_TIME_LIMIT: Duration = Duration::from_mins(150);
/// How often a check that goes on says so.
const REMINDER: Duration = Duration::from_mins(1);
/// How long the processes of a check may take to end when they are asked to.
const TIME_TO_END: Duration = Duration::from_secs(5);
/// The time between two looks at a process.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// How much of a log is read, and shown, for a reminder.
const TAIL: (u64, usize) = (2048, 100);

/// Whether somebody pressed Ctrl-C.
#[derive(Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. A second Ctrl-C ends this program without further ado.
    pub(super) fn listen() -> Self {
        let happened = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Without a handler the signal ends this program at once, which is not wrong either.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&happened));
            let _ = signal_hook::flag::register(signal, Arc::clone(&happened));
        }
        Self(happened)
    }

    pub(super) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A check that runs.
pub(super) struct Job<'a> {
    name: &'static str,
    interrupt: &'a Interrupt,
    begun: Instant,
    reminded: Instant,
    time_limit: Duration,
    /// A file without a name, whose place to write at is shared with all commands.
    log: File,
}

impl<'a> Job<'a> {
    pub(super) fn begin(name: &'static str, interrupt: &'a Interrupt) -> Result<Self, Failure> {
        let log = tempfile::tempfile().map_err(Failure::unreadable("a temporary file"))?;
        let now = Instant::now();
        Ok(Self { name, interrupt, begun: now, reminded: now, time_limit: TIME_LIMIT, log })
    }

    /// Gives it another time limit.
    pub(super) fn limit_time(&mut self, limit: Duration) {
        self.time_limit = limit;
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// All that was printed.
    pub(super) fn into_log(self) -> Vec<u8> {
        self.log()
    }

    /// All that was printed so far.
    pub(super) fn log(&self) -> Vec<u8> {
        let length = self.log.metadata().map_or(0, |metadata| metadata.len());
        self.read_log(0, length)
    }

    fn read_log(&self, from: u64, to: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
        // By offset, as the place to write at is the commands'.
        let read = self.log.read_exact_at(&mut bytes, from);
        if read.is_ok() { bytes } else { Vec::new() }
    }

    /// Adds a line to the log.
    pub(super) fn say(&mut self, line: &str) {
        // A log that cannot be written to makes a failure harder to read, and nothing pass.
        let _ = writeln!(self.log, "{line}");
    }

    /// Adds what was printed elsewhere to the log.
    pub(super) fn add(&mut self, printed: &[u8]) {
        let _ = self.log.write_all(printed);
    }

    /// Adds a line to the log for each thing that is wrong; passes where there is none.
    pub(super) fn findings(&mut self, findings: impl IntoIterator<Item = String>) -> Result<String, Failure> {
        let mut count = 0;
        for finding in findings {
            self.say(&finding);
            count += 1;
        }
        if count == 0 { Ok(String::new()) } else { Err(Failure::Findings(count)) }
    }

    /// Runs a command whose output is for people.
    pub(super) fn run(&mut self, mut command: Command) -> Result<(), Failure> {
        self.say(&format!("$ {}", line_of(&command)));
        let stdout = self.log.try_clone().map_err(Failure::unreadable("a temporary file"))?;
        self.run_into(&mut command, stdout)
    }

    /// Runs a command and returns what it printed on stdout.
    pub(super) fn output(&mut self, mut command: Command) -> Result<String, Failure> {
        let unreadable = || Failure::unreadable("a temporary file");
        let mut stdout = tempfile::tempfile().map_err(unreadable())?;
        self.run_into(&mut command, stdout.try_clone().map_err(unreadable())?)?;
        stdout.rewind().map_err(unreadable())?;
        std::io::read_to_string(stdout).map_err(Failure::unreadable(format!("what `{}` printed", line_of(&command))))
    }

    fn run_into(&mut self, command: &mut Command, stdout: File) -> Result<(), Failure> {
        let stderr = self.log.try_clone().map_err(Failure::unreadable("a temporary file"))?;
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
        let line = line_of(command);
        let mut child = command.spawn().map_err(|source| Failure::Start { command: line.clone(), source })?;
        let status = self.wait(&mut child);
        if status.is_err() {
            end(&mut child);
        }
        match status? {
            status if status.success() => Ok(()),
            status => Err(Failure::Command { command: line, status }),
        }
    }

    fn wait(&mut self, child: &mut Child) -> Result<ExitStatus, Failure> {
        loop {
            if let Some(status) = child.try_wait().map_err(Failure::unreadable("how a process ended"))? {
                return Ok(status);
            }
            self.may_go_on(&|job| job.last_line())?;
            thread::sleep(PAUSE);
        }
    }

    /// Whether it may go on; once a minute that it does, and with what, is told.
    pub(super) fn may_go_on(&mut self, with_what: &dyn Fn(&Self) -> String) -> Result<(), Failure> {
        if self.interrupt.happened() {
            return Err(Failure::Interrupted);
        }
        if self.elapsed() > self.time_limit {
            return Err(Failure::TimedOut { minutes: self.time_limit.as_secs() / 60 });
        }
        if self.reminded.elapsed() > REMINDER {
            self.reminded = Instant::now();
            printer::goes_on(self.name, self.elapsed(), &with_what(self));
        }
        Ok(())
    }

    /// The last line of the log, as much of it as is worth showing.
    fn last_line(&self) -> String {
        let length = self.log.metadata().map_or(0, |metadata| metadata.len());
        let bytes = self.read_log(length.saturating_sub(TAIL.0), length);
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        line.unwrap_or("nothing printed yet").chars().take(TAIL.1).collect()
    }
}

/// Ends a command and all that it started.
pub(super) fn end(child: &mut Child) {
    let group = Pid::from_child(child);
    // Each step fails only where the processes are gone already.
    let _ = kill_process_group(group, Signal::TERM);
    let asked = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && asked.elapsed() < TIME_TO_END {
        thread::sleep(PAUSE);
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

/// A command as one would type it.
pub(super) fn line_of(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::verify) fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    pub(in crate::verify) fn never() -> Interrupt {
        Interrupt(Arc::new(AtomicBool::new(false)))
    }

    #[test]
    fn the_log_has_both_outputs_in_their_order() {
        let interrupt = never();
        let mut job = Job::begin("x", &interrupt).expect("a temporary file");
        job.run(shell("echo one; echo two >&2; echo three")).expect("it succeeds");
        job.say("four");
        let failure = job.run(shell("echo five; exit 3")).expect_err("it fails");
        assert!(failure.to_string().contains("exit status: 3"), "{failure}");
        let log = String::from_utf8(job.into_log()).expect("text");
        let lines: Vec<_> = log.lines().filter(|line| !line.starts_with('$')).collect();
        assert_eq!(lines, ["one", "two", "three", "four", "five"]);
    }

    #[test]
    fn output_is_stdout_alone() {
        let interrupt = never();
        let mut job = Job::begin("x", &interrupt).expect("a temporary file");
        assert_eq!(job.output(shell("echo one; echo two >&2")).expect("it succeeds"), "one\n");
        assert_eq!(job.log(), b"two\n");
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed_with_what_it_started() {
        let interrupt = never();
        let mut job = Job::begin("x", &interrupt).expect("a temporary file");
        job.limit_time(Duration::from_millis(300));
        // The sleep is a child of the shell's, whose end the shell waits for; it prints its own id first.
        let failure = job.run(shell("sleep 60 & echo $!; wait")).expect_err("it takes too long");
        assert!(matches!(failure, Failure::TimedOut { .. }), "{failure}");
        let log = String::from_utf8(job.into_log()).expect("text");
        let id = log.lines().last().expect("the id").to_owned();
        // Killed: it ends when it gets the processor, and who its parent is now may not have noticed yet.
        let state = || std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let is_over = |state: &str| state.is_empty() || state.contains(") Z ");
        let begun = std::time::Instant::now();
        while !is_over(&state()) && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(is_over(&state()), "{}", state());
    }

    #[test]
    fn ctrl_c_ends_a_command() {
        let interrupt = Interrupt(Arc::new(AtomicBool::new(true)));
        let mut job = Job::begin("x", &interrupt).expect("a temporary file");
        let failure = job.run(shell("sleep 60")).expect_err("it is interrupted");
        assert!(matches!(failure, Failure::Interrupted), "{failure}");
    }
}
