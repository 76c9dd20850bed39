//! Says on stderr what a long step is doing: one live line on a terminal, a plain line now and then elsewhere.
//!
//! In: a title and, as they come, notes. Out: `title: 1m20s, note`. Nothing is said of a step shorter than a second.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// How often a line is printed where stderr is not a terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(15);
/// How often the live line is drawn again.
const LIVE_INTERVAL: Duration = Duration::from_millis(200);

/// A step that takes a while.
pub(super) struct Progress {
    title: String,
    begun: Instant,
    said: Option<Instant>,
    live: bool,
}

impl Progress {
    pub(super) fn begin(title: impl Into<String>) -> Self {
        let live = stderr().is_terminal();
        Self { title: title.into(), begun: Instant::now(), said: None, live }
    }

    /// To be called every now and then; prints when it is time to.
    pub(super) fn tick(&mut self, note: &str) {
        let interval = if self.live { LIVE_INTERVAL } else { PLAIN_INTERVAL };
        let quiet_since = self.said.map_or(interval, |said| said.elapsed());
        if quiet_since < interval || self.begun.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.said = Some(Instant::now());
        self.print(note);
    }

    /// Prints the last line, where any was printed before.
    pub(super) fn end(self, note: &str) {
        if self.said.is_some() {
            self.print(note);
            if self.live {
                // Words nobody can read do not matter: stderr may be closed.
                let _ = writeln!(stderr());
            }
        }
    }

    fn print(&self, note: &str) {
        let line = format!("{}: {}, {note}", self.title, duration(self.begun.elapsed()));
        let _ = if self.live {
            write!(stderr(), "\r\x1b[2K{line}").and_then(|()| stderr().flush())
        } else {
            writeln!(stderr(), "{line}")
        };
    }
}

/// `42s`, `1m20s`.
fn duration(elapsed: Duration) -> String {
    match (elapsed.as_secs() / 60, elapsed.as_secs() % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_secs(9)), "9s");
        assert_eq!(duration(Duration::from_millis(80_900)), "1m20s");
        assert_eq!(duration(Duration::from_mins(61)), "61m00s");
    }
}
