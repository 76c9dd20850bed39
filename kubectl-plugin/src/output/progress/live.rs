//! Drawing the table of a run again and again.
//!
//! In: events, as they come. Out: on stderr, the lines of what is over, once each, and below them the table as it is now.
//! A thread of its own draws, some times a second and only what has changed, so that no event waits for a terminal. No mode
//! of the terminal is changed, and the cursor stays visible below the table: there is nothing to set right when this
//! process dies. On Ctrl-Z the table goes before the process stops, so that what a shell writes then is not drawn over; it
//! is drawn anew when the process goes on.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use console::{Term, measure_text_width};
use gitops_compiler::plan::Plan;

use crate::apply::Event;
use crate::apply::standing::Standing;
use crate::output::paint;

use super::frame::{Size, frame};
use super::stop::Stop;

/// How long a picture stands at least.
const INTERVAL: Duration = Duration::from_millis(100);

/// Of a terminal that does not say it.
const USUAL: Size = Size { rows: 24, columns: 80 };

/// Lines to be shown above the table, while there is one. Whoever says something does so by way of these: what is written
/// into the table would be drawn over.
static ABOVE: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// Says something above the table; gives whether there is one.
pub(in crate::output) fn say_above(text: &str) -> bool {
    let mut above = locked(&ABOVE);
    let Some(lines) = above.as_mut() else { return false };
    lines.extend(text.lines().map(str::to_owned));
    true
}

/// A table on the terminal. It goes when this is dropped.
pub(super) struct Live {
    run: Arc<Run>,
    thread: Option<JoinHandle<()>>,
}

struct Run {
    standing: Mutex<Standing>,
    started: Instant,
    is_over: AtomicBool,
    stop: Arc<Stop>,
    colour: bool,
}

impl Live {
    /// Begins to draw.
    pub(super) fn start(plan: &Plan, colour: bool) -> Self {
        let (standing, is_over) = (Mutex::new(Standing::new(plan)), AtomicBool::new(false));
        let run = Run { standing, started: Instant::now(), is_over, stop: Arc::default(), colour };
        let run = Arc::new(run);
        *locked(&ABOVE) = Some(Vec::new());
        let drawn = Arc::clone(&run);
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(move || drawn.draw()).ok();
        match &thread {
            Some(thread) => run.stop.listen(thread.thread().clone()),
            None => *locked(&ABOVE) = None,
        }
        Self { run, thread }
    }

    /// Takes an event.
    pub(super) fn take(&self, event: &Event) {
        let at = self.run.started.elapsed();
        locked(&self.run.standing).take(event, at);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.run.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        self.run.stop.end();
        // Where the thread has died, what was said meanwhile is still there.
        for line in locked(&ABOVE).take().unwrap_or_default() {
            write(&format!("{line}\n"));
        }
    }
}

impl Run {
    fn draw(&self) {
        let mut picture = Picture::default();
        while !self.is_over.load(Ordering::Acquire) {
            let size = size();
            let lines = locked(&ABOVE).as_mut().map(std::mem::take).unwrap_or_default();
            let table = frame(&mut locked(&self.standing), self.started.elapsed(), size);
            let is_asked = self.stop.is_asked();
            let table = if is_asked { Vec::new() } else { table };
            write(&picture.change(&lines, table, size, self.colour));
            if is_asked {
                self.stop.answer();
            }
            thread::park_timeout(INTERVAL);
        }
        // Until the table is gone, nobody may write below it.
        let mut above = locked(&ABOVE);
        let lines = above.take().unwrap_or_default();
        write(&picture.change(&lines, Vec::new(), size(), self.colour));
    }
}

/// What the table on the terminal looks like.
#[derive(Debug, Default)]
struct Picture {
    table: Vec<String>,
    columns: usize,
}

impl Picture {
    /// What to write so that `lines` stand above the table, and the table is as given; nothing where nothing changes.
    fn change(&mut self, lines: &[String], table: Vec<String>, size: Size, colour: bool) -> String {
        let mut text = String::new();
        if lines.is_empty() && table == self.table && size.columns == self.columns {
            return text;
        }
        // A terminal that got narrower has broken what was too wide for it into more lines.
        let taken = |line: &String| measure_text_width(line).div_ceil(size.columns.max(1)).max(1);
        match self.table.iter().map(taken).sum::<usize>() {
            0 => {}
            up => {
                let _ = write!(text, "\r\u{1b}[{up}A\u{1b}[J");
            }
        }
        for line in lines.iter().chain(&table) {
            let line: String = line.chars().filter(|character| !character.is_control()).collect();
            text.push_str(&if colour { paint(&line) } else { line });
            text.push('\n');
        }
        (self.table, self.columns) = (table, size.columns);
        text
    }
}

fn size() -> Size {
    let size = Term::stderr().size_checked();
    size.map_or(USUAL, |(rows, columns)| Size { rows: rows.into(), columns: columns.into() })
}

fn write(text: &str) {
    if !text.is_empty() {
        // A terminal that went away wants no more.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// What a thread that panicked has left is good enough to be shown.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { rows: 24, columns: 20 };

    fn table(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn only_what_changes_is_written() {
        let mut picture = Picture::default();
        assert_eq!(picture.change(&[], table(&["a", "b"]), SIZE, false), "a\nb\n");
        assert_eq!(picture.change(&[], table(&["a", "b"]), SIZE, false), "");
        assert_eq!(picture.change(&table(&["x"]), table(&["b"]), SIZE, false), "\r\u{1b}[2A\u{1b}[Jx\nb\n");
        assert_eq!(picture.change(&[], Vec::new(), SIZE, false), "\r\u{1b}[1A\u{1b}[J");
        assert_eq!(picture.change(&table(&["y"]), Vec::new(), SIZE, false), "y\n", "there is nothing to take away");
    }

    #[test]
    fn what_a_narrower_terminal_has_broken_is_taken_away_as_a_whole() {
        let mut picture = Picture::default();
        picture.change(&[], table(&["twelve wide!", "日本語", ""]), SIZE, false);
        let narrow = Size { columns: 5, ..SIZE };
        assert_eq!(picture.change(&[], table(&["a"]), narrow, false), "\r\u{1b}[6A\u{1b}[Ja\n");
    }

    #[test]
    fn nothing_steers_the_terminal_but_we() {
        let mut picture = Picture::default();
        let told = picture.change(&table(&["  ✗ + a: \u{1b}[2J\r"]), table(&["  · + b"]), SIZE, true);
        assert_eq!(told, "  \u{1b}[31m✗\u{1b}[0m + a: [2J\n  \u{1b}[33m·\u{1b}[0m + b\n");
    }
}
