//! How much a job may use, and what is said of one that wanted more.
//!
//! In: nothing. Out: [`Limits`] with defaults for renders; a [`Budget`] of time that several jobs have together; a [`Limit`],
//! the one that was hit.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// How much a job may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From start to end.
    pub time: Duration,
    /// Of all threads together.
    pub processor_time: Duration,
    /// Address space in bytes. Programs in Go do not start with less than 0.6 GiB.
    pub memory: u64,
    /// Bytes on stdout.
    pub output: u64,
    /// Bytes on stderr.
    pub messages: u64,
    /// Bytes in the private folder.
    pub scratch: u64,
    /// Files and folders in the private folder.
    pub files: u64,
    /// Threads at once.
    pub threads: u64,
    /// Open files.
    pub descriptors: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_mins(2),
            processor_time: Duration::from_mins(2),
            memory: 4096 * MIB,
            output: 256 * MIB,
            messages: MIB,
            scratch: 256 * MIB,
            files: 10_000,
            threads: 512,
            descriptors: 1024,
        }
    }
}

/// Time that several jobs have together. Jobs that run at the same time may end a little after it is spent: each began while
/// there was some.
#[derive(Debug)]
pub struct Budget {
    most: Duration,
    spent: Mutex<Duration>,
}

impl Budget {
    /// So much time, of which nothing is spent.
    #[must_use]
    pub fn new(most: Duration) -> Self {
        Self { most, spent: Mutex::default() }
    }

    /// All of it.
    #[must_use]
    pub fn most(&self) -> Duration {
        self.most
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.most.saturating_sub(*self.spent())
    }

    pub(super) fn spend(&self, time: Duration) {
        let mut spent = self.spent();
        *spent = spent.saturating_add(time);
    }

    fn spent(&self) -> MutexGuard<'_, Duration> {
        // A sum is right, whatever happened to the thread that held this.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A limit that was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// It took too long.
    Time(Duration),
    /// It took too long with the other jobs of its budget.
    Together(Duration),
    /// It computed too long.
    ProcessorTime(Duration),
    /// It wrote too much to stdout.
    Output(u64),
    /// It wrote too much to stderr.
    Messages(u64),
    /// It wrote too much to its private folder.
    Scratch(u64),
    /// It made too many files there.
    Files(u64),
    /// It made a folder there that we cannot read, and so not measure.
    UnreadableFolder,
    /// It had too many threads.
    Threads(u64),
}

/// As the end of a sentence about who hit it.
impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(most) => write!(formatter, "took longer than {}", seconds(*most)),
            Self::Together(most) => {
                write!(formatter, "took, with all other renders of its application, longer than {}", seconds(*most))
            }
            Self::ProcessorTime(most) => write!(formatter, "used more than {} of processor time", seconds(*most)),
            Self::Output(most) => write!(formatter, "wrote more than {} to its output", size(*most)),
            Self::Messages(most) => write!(formatter, "wrote more than {} of messages", size(*most)),
            Self::Scratch(most) => write!(formatter, "wrote more than {} to its private folder", size(*most)),
            Self::Files(most) => write!(formatter, "made more than {most} files in its private folder"),
            Self::UnreadableFolder => formatter.write_str("made a folder that cannot be read in its private folder"),
            Self::Threads(most) => write!(formatter, "had more than {most} threads"),
        }
    }
}

fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..MIB => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_in_plain_numbers() {
        let told = |limit: Limit| limit.to_string();
        assert_eq!(told(Limit::Time(Duration::from_mins(2))), "took longer than 120 s");
        assert_eq!(told(Limit::Time(Duration::from_millis(1500))), "took longer than 1500 ms");
        let together = "took, with all other renders of its application, longer than 600 s";
        assert_eq!(told(Limit::Together(Duration::from_mins(10))), together);
        assert_eq!(told(Limit::Output(256 * MIB)), "wrote more than 256 MiB to its output");
        assert_eq!(told(Limit::Messages(64 * 1024)), "wrote more than 64 KiB of messages");
    }

    #[test]
    fn a_budget_is_spent_by_all_together() {
        let budget = Budget::new(Duration::from_secs(3));
        budget.spend(Duration::from_secs(2));
        assert_eq!(budget.left(), Duration::from_secs(1));
        budget.spend(Duration::MAX);
        assert_eq!((budget.left(), budget.most()), (Duration::ZERO, Duration::from_secs(3)));
    }
}
