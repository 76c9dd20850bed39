//! All that `cargo verify` says, on stdout, so that it stands in order with the output of failed checks.
//!
//! In: results. Out: lines, the last of them `N passed, N failed`, with `, N skipped` where any was.
//! A reader who closed stdout does not want more: what cannot be written is not.

use std::io::{self, Write};
use std::time::Duration;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed,
    /// It was not run.
    Skipped,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// A line of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    pub(super) elapsed: Duration,
    /// What was checked, or why it failed.
    pub(super) detail: String,
    /// What its failed tests said.
    pub(super) failed_tests: String,
}

impl Row {
    pub(super) fn skipped(name: &'static str) -> Self {
        Self {
            name,
            outcome: Outcome::Skipped,
            elapsed: Duration::ZERO,
            detail: String::new(),
            failed_tests: String::new(),
        }
    }
}

/// A line of `--list`.
pub(super) fn check(name: &str, about: &str) {
    line(&format!("{name:<12} {about}"));
}

pub(super) fn headline(name: &str, about: &str) {
    line(&format!("== {name}: {about}"));
}

/// That a check goes on, and the last line that it printed.
pub(super) fn goes_on(name: &str, elapsed: Duration, last_line: &str) {
    line(&format!("   {name} goes on ({} s): {last_line}", elapsed.as_secs()));
}

pub(super) fn passed(name: &str, elapsed: Duration, detail: &str) {
    line(format!("passed {name} in {:.1} s  {detail}", elapsed.as_secs_f32()).trim_end());
}

pub(super) fn failed(name: &str, elapsed: Duration, log: &[u8], why: &str) {
    bytes(log);
    line(&format!("FAILED {name} after {:.1} s: {why}", elapsed.as_secs_f32()));
}

pub(super) fn skipped(name: &str) {
    line(&format!("SKIPPED {name}"));
}

/// What failed tests said, the table, and the closing line, which CI looks for.
pub(super) fn summary(rows: &[Row]) {
    for Row { name, failed_tests, .. } in rows.iter().filter(|row| !row.failed_tests.is_empty()) {
        bytes(format!("\n== what failed in {name}\n{failed_tests}").as_bytes());
    }
    bytes(format!("\n{}", table(rows)).as_bytes());
    line(&closing_line(rows));
}

fn line(line: &str) {
    bytes(format!("{line}\n").as_bytes());
}

fn bytes(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<12} {:<8} {:>8}\n", "check", "result", "seconds");
    for Row { name, outcome, elapsed, detail, .. } in rows {
        let seconds = match outcome {
            Outcome::Skipped => "-".to_owned(),
            Outcome::Passed | Outcome::Failed => format!("{:.1}", elapsed.as_secs_f32()),
        };
        let line = format!("{name:<12} {:<8} {seconds:>8}  {detail}", outcome.word());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let total: Duration = rows.iter().map(|row| row.elapsed).sum();
    text + &format!("{:<21} {:>8.1}\n", "all", total.as_secs_f32())
}

fn closing_line(rows: &[Row]) -> String {
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let line = format!("{} passed, {} failed", count(Outcome::Passed), count(Outcome::Failed));
    match count(Outcome::Skipped) {
        0 => line,
        skipped => format!("{line}, {skipped} skipped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, outcome: Outcome, detail: &str) -> Row {
        Row {
            name,
            outcome,
            elapsed: Duration::from_millis(1250),
            detail: detail.to_owned(),
            failed_tests: String::new(),
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_check() {
        let rows = [
            row("format", Outcome::Passed, ""),
            row("unit", Outcome::Failed, "no tests were run"),
            Row::skipped("cluster"),
        ];
        let expected = "\
check        result    seconds
format       passed        1.2
unit         FAILED        1.2  no tests were run
cluster      SKIPPED         -
all                        2.5
";
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn the_closing_line_counts_checks() {
        let passed = row("format", Outcome::Passed, "");
        assert_eq!(closing_line(std::slice::from_ref(&passed)), "1 passed, 0 failed");
        assert_eq!(closing_line(&[passed, Row::skipped("unit")]), "1 passed, 0 failed, 1 skipped");
    }
}
