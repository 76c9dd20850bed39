//! A run, while it goes: a bar on a terminal, a plain line for each end in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::apply::{Event, StepResult};

use super::Printer;
use super::plan::sign;

/// Shows events on stderr.
pub struct Progress {
    printer: Printer,
    bar: Option<ProgressBar>,
    done: usize,
    total: usize,
    quiet: bool,
}

impl Progress {
    /// For a run of `total` steps.
    #[must_use]
    pub fn new(printer: Printer, total: usize, quiet: bool) -> Self {
        let bar = (printer.live && !quiet && total > 0).then(|| {
            let style = ProgressStyle::with_template("{pos}/{len} {wide_bar} {elapsed} {msg}");
            let bar = ProgressBar::new(total as u64);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { printer, bar, done: 0, total, quiet }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Accepted { .. } => {}
            Event::Waiting { key, reason } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{key}: {reason}"));
                }
            }
            Event::StillWaiting { key, reason, seconds } => self.line(&format!("  · {key}: {reason}  {seconds} s")),
            Event::Note(note) => self.line(&format!("  ! {note}")),
            Event::Done { key, action, result } => {
                self.done += 1;
                if let Some(bar) = &self.bar {
                    bar.set_position(self.done as u64);
                }
                let action = sign(*action);
                self.line(&match result {
                    StepResult::Succeeded => format!("  ✓ {action} {key}"),
                    StepResult::Joined => {
                        format!("  ✓ {action} {key}  was there before us: kept when it leaves the graph")
                    }
                    StepResult::Failed { message, .. } => format!("  ✗ {action} {key}: {message}"),
                    StepResult::Skipped => format!("  · {action} {key}: not tried, what it waits for failed"),
                });
            }
        }
    }

    /// Ends the display.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        debug_assert!(self.done <= self.total, "each step ends once");
    }

    fn line(&self, line: &str) {
        match &self.bar {
            _ if self.quiet => {}
            Some(bar) => bar.println(line),
            None => self.printer.say(line),
        }
    }
}
