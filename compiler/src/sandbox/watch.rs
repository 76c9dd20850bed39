//! Looks at a job while it runs, and finds the limits that the kernel does not keep for all of it together.
//!
//! In: a process, its limits, its private folder. Out: the limit that it exceeds now.

use std::path::Path;
use std::time::{Duration, Instant};

use super::limit::{Limit, Limits};
use super::scratch::{self, Scratch};

/// What is looked at.
pub(super) struct Watch<'a> {
    process: u32,
    started: Instant,
    limits: &'a Limits,
    scratch: Option<&'a Path>,
}

/// What the kernel says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usage {
    processor_time: Duration,
    threads: u64,
}

impl<'a> Watch<'a> {
    pub(super) fn new(process: u32, started: Instant, limits: &'a Limits, scratch: Option<&'a Scratch>) -> Self {
        Self { process, started, limits, scratch: scratch.map(Scratch::path) }
    }

    /// The limit that is exceeded now.
    pub(super) fn exceeded(&self) -> Option<Limit> {
        let limits = self.limits;
        if self.started.elapsed() > limits.time {
            return Some(Limit::Time(limits.time));
        }
        let used = usage(self.process);
        if used.is_some_and(|used| used.threads > limits.threads) {
            return Some(Limit::Threads(limits.threads));
        }
        self.too_much_processor_time(used).or_else(|| scratch::exceeded(self.scratch?, limits))
    }

    /// The limit that was exceeded, of a process that has ended and was not waited for.
    pub(super) fn exceeded_at_end(&self) -> Option<Limit> {
        // The kernel ends what used too much processor time between two looks.
        let processor_time = self.too_much_processor_time(usage(self.process));
        processor_time.or_else(|| scratch::exceeded(self.scratch?, self.limits))
    }

    fn too_much_processor_time(&self, used: Option<Usage>) -> Option<Limit> {
        let most = self.limits.processor_time;
        used.is_some_and(|used| used.processor_time > most).then_some(Limit::ProcessorTime(most))
    }
}

/// How long a process has computed; none where the kernel does not say.
pub(super) fn processor_time(process: u32) -> Option<Duration> {
    usage(process).map(|used| used.processor_time)
}

/// None where the kernel does not say.
#[cfg(target_os = "linux")]
fn usage(process: u32) -> Option<Usage> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    parse(&text, rustix::param::clock_ticks_per_second())
}

#[cfg(not(target_os = "linux"))]
fn usage(_: u32) -> Option<Usage> {
    None
}

/// See proc_pid_stat(5). The second field is a name, in brackets, of any characters.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has this text"))]
fn parse(text: &str, ticks_per_second: u64) -> Option<Usage> {
    let (_, fields) = text.rsplit_once(')')?;
    // Counted from the third.
    let field = |number: usize| fields.split_ascii_whitespace().nth(number - 3)?.parse::<u64>().ok();
    let ticks = field(14)?.saturating_add(field(15)?);
    let milliseconds = ticks.saturating_mul(1000) / ticks_per_second.max(1);
    Some(Usage { processor_time: Duration::from_millis(milliseconds), threads: field(20)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_understood() {
        let text = "42 (a) b (c)) R 1 42 42 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 7 0 123 4096 10 184";
        let usage = Usage { processor_time: Duration::from_millis(1750), threads: 7 };
        assert_eq!(parse(text, 100), Some(usage));
        assert_eq!(parse("", 100), None);
        assert_eq!(parse("1 (x) R 1 2", 100), None);
    }
}
