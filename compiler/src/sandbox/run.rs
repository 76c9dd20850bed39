//! Our half: starts the helper, feeds it, collects what it writes, and ends it when it may go on no longer.
//!
//! In: a [`Job`]. Out: an [`Output`], or the reason why there is none.
//!
//! Three threads move bytes, so that none of the three pipes can block another; this one looks at the process in between.
//! The helper ends when the thread that started it does, so this must be the one that waits for it.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::enter::ARGUMENT;
use super::limit::{Limit, Limits};
use super::order::{self, Enforced, Order, Report, Run};
use super::scratch::Scratch;
use super::watch::{self, Watch};
use super::{Error, Job, Output, Sandbox, Task};

/// The time between two looks at a process.
const LOOK: Duration = Duration::from_millis(20);
/// How long pipes may stay open that a process left to another which we cannot end.
const LEFT_OPEN: Duration = Duration::from_secs(1);

/// Runs a job, which spends of its budget, if it has one.
pub(super) fn run(sandbox: &Sandbox, mut job: Job) -> Result<Output, Error> {
    let Some(budget) = job.budget.take() else { return run_alone(sandbox, job) };
    let (left, own) = (budget.left(), job.limits.time);
    let together = || Error::Limit(Limit::Together(budget.most()));
    if left.is_zero() {
        return Err(together());
    }
    job.limits.time = own.min(left);
    let started = Instant::now();
    let ended = run_alone(sandbox, job);
    budget.spend(started.elapsed());
    match ended {
        Err(Error::Limit(Limit::Time(_))) if left < own => Err(together()),
        ended => ended,
    }
}

fn run_alone(sandbox: &Sandbox, job: Job) -> Result<Output, Error> {
    let Job { task, arguments, environment, layout, scratch, stdin, limits, budget: _, least } = job;
    let run = match task {
        Task::Worker(name) => Run::Worker(name.to_owned()),
        Task::Program { path, libraries } => {
            Run::Program { path: path.into(), arguments, libraries: libraries.into_iter().map(Into::into).collect() }
        }
    };
    let layout = layout.map(Into::into);
    let folder = scratch.as_ref().map(|scratch| scratch.path().into());
    let parent = std::process::id();
    let order = Order { parent, run, environment, layout, scratch: folder, limits, least };
    let mut input = order::encode(&order).map_err(Error::Start)?;
    input.extend(stdin);
    let process = Process::start(sandbox).map_err(Error::Start)?;
    // The private folder goes after the process.
    process.follow(input, &order.limits, scratch.as_ref())
}

/// A helper that was started. Where this is dropped nothing of it is left.
pub(super) struct Process {
    child: Child,
    started: Instant,
    /// Once it was waited for, when its number may be another's.
    status: Option<ExitStatus>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Who drops it has an error to tell already.
        let _ = self.end();
    }
}

/// What the threads tell.
enum Event {
    Report(io::Result<Report>),
    Output(Vec<u8>),
    Messages(Vec<u8>),
    Exceeded(Limit),
}

/// What is known so far.
#[derive(Default)]
struct Collected {
    report: Option<Report>,
    /// None until it is whole.
    output: Option<Vec<u8>>,
    messages: Vec<u8>,
    exceeded: Option<Limit>,
}

impl Process {
    pub(super) fn start(sandbox: &Sandbox) -> io::Result<Self> {
        let mut command = Command::new(&sandbox.executable);
        command.arg(ARGUMENT).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Self { child: command.spawn()?, started: Instant::now(), status: None })
    }

    fn follow(mut self, input: Vec<u8>, limits: &Limits, scratch: Option<&Scratch>) -> Result<Output, Error> {
        let events = self.move_bytes(input, limits);
        let watch = Watch::new(self.child.id(), self.started, limits, scratch);
        let mut collected = Collected::default();
        let mut pause = Duration::from_millis(1);
        while collected.exceeded.is_none() && !has_ended(&mut self.child) {
            match events.recv_timeout(LOOK) {
                Ok(event) => collected.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                // All pipes are closed: it ends at once, or goes on in silence.
                Err(RecvTimeoutError::Disconnected) => {
                    thread::sleep(pause);
                    pause = LOOK.min(pause * 2);
                }
            }
            collected.exceeded = collected.exceeded.or_else(|| watch.exceeded());
        }
        // As long as it was not waited for its number is nobody else's.
        collected.exceeded = collected.exceeded.or_else(|| watch.exceeded_at_end());
        let status = self.end().map_err(Error::Start)?;
        collected.take_rest(&events);
        collected.output(status)
    }

    /// Feeds stdin, and reads the two others.
    fn move_bytes(&mut self, input: Vec<u8>, limits: &Limits) -> Receiver<Event> {
        let (events, received) = mpsc::channel();
        if let Some(mut stdin) = self.child.stdin.take() {
            // Who does not read to the end has read enough.
            thread::spawn(move || stdin.write_all(&input));
        }
        if let Some(mut stdout) = self.child.stdout.take() {
            let (events, most) = (events.clone(), limits.output);
            thread::spawn(move || {
                // Nobody listens any more where the job is over.
                let _ = events.send(Event::Report(order::read(&mut stdout)));
                read_up_to(stdout, most, &events, Event::Output, Limit::Output(most));
            });
        }
        if let Some(stderr) = self.child.stderr.take() {
            let most = limits.messages;
            thread::spawn(move || read_up_to(stderr, most, &events, Event::Messages, Limit::Messages(most)));
        }
        received
    }

    /// Its stdin, stdout and stderr, once.
    pub(super) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take())
    }

    /// How long it has computed; none where the kernel does not say.
    pub(super) fn processor_time(&self) -> Option<Duration> {
        watch::processor_time(self.child.id())
    }

    /// Ends the process and all of its group.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        // Both may be gone already. The group is first, while its number is still taken.
        end_group(&self.child);
        let _ = self.child.kill();
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }
}

fn read_up_to(pipe: impl Read, most: u64, events: &Sender<Event>, event: fn(Vec<u8>) -> Event, limit: Limit) {
    let mut bytes = Vec::new();
    // What was read before an error is all there is.
    let _ = pipe.take(most.saturating_add(1)).read_to_end(&mut bytes);
    let exceeded = bytes.len() as u64 > most;
    let _ = events.send(if exceeded { Event::Exceeded(limit) } else { event(bytes) });
}

#[cfg(unix)]
fn has_ended(child: &mut Child) -> bool {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

#[cfg(unix)]
fn end_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_: &Child) {}

impl Collected {
    fn take(&mut self, event: Event) {
        match event {
            Event::Report(report) => self.report = report.ok(),
            Event::Output(bytes) => self.output = Some(bytes),
            Event::Messages(bytes) => self.messages = bytes,
            Event::Exceeded(limit) => self.exceeded = self.exceeded.or(Some(limit)),
        }
    }

    /// Takes what is still in the pipes. Where not all is enforced a process may have left the group and hold them open.
    fn take_rest(&mut self, events: &Receiver<Event>) {
        let until = Instant::now() + LEFT_OPEN;
        while let Ok(event) = events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.take(event);
        }
    }

    fn output(self, status: ExitStatus) -> Result<Output, Error> {
        let stderr = shown(&self.messages);
        let enforced: Enforced = match self.report {
            Some(Report::Ready(enforced)) => enforced,
            Some(Report::TooWeak(enforced)) => return Err(Error::TooWeak(enforced)),
            Some(Report::Failed(reason)) => return Err(Error::Setup(reason)),
            None if self.exceeded.is_none() => return Err(Error::Died(stderr)),
            None => Enforced::default(),
        };
        match (self.exceeded, self.output) {
            (Some(limit), _) => Err(Error::Limit(limit)),
            (None, Some(stdout)) => Ok(Output { stdout, stderr, status, enforced }),
            // Nothing is known of it: that is not the same as nothing.
            (None, None) => Err(Error::LeftOpen),
        }
    }
}

/// Text of others, which must not speak to a terminal: control characters are spelled out.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for c in String::from_utf8_lossy(bytes).trim_end().chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            // Also what turns the direction of text.
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                shown.extend(c.escape_default());
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_do_not_speak_to_a_terminal() {
        assert_eq!(shown(b"a\tb\nc\n\n"), "a\tb\nc");
        assert_eq!(shown(b"\x1b[2Jx\r\x07\xff"), "\\u{1b}[2Jx\\r\\u{7}\u{fffd}");
        assert_eq!(shown("a\u{202e}b\u{9b}".as_bytes()), "a\\u{202e}b\\u{9b}");
    }

    #[test]
    fn a_helper_that_is_none_is_told_of() {
        let room = tempfile::tempdir().expect("a folder");
        let job = || Job::new(Task::Worker("x"));
        let missing = Sandbox::new("/nonexistent", room.path()).run(job());
        assert!(matches!(missing, Err(Error::Start(_))), "{missing:?}");
        let other = Sandbox::new("/bin/true", room.path()).run(job());
        assert!(matches!(other, Err(Error::Died(_))), "{other:?}");
    }
}
