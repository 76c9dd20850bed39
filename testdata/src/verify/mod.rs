//! `cargo verify`: every check of this repository, run one after another.
//!
//! In: [`Options`]. Out: on stdout, what happened; an exit code. The steps, one file each: `set_up` finds or installs
//! what the checks need → `check` is the list of them in their order → `workspace` is what they read of the
//! repository, `licences`, `structure` and `suites` are those that are more than one command → `job` runs their
//! commands, in `environment`, `beside` several of them at a time → `failed_tests` finds in their log what failed → `printer` tells.
//!
//! # Guarantees
//! - A failure never hides another: the checks after it are run also, and all output of a failed one is shown; what its
//!   failed tests said stands above the table once more.
//! - Nothing hangs: a check has 50 minutes (`job::TIME_LIMIT`), two and a half hours with full counts, then its processes
//!   are killed. Ctrl-C kills them at once.
//! - A check that runs no test, or does not know a module or a licence, fails. Nothing passes by not being looked at.

mod beside;
mod check;
mod environment;
mod failed_tests;
mod failure;
mod job;
mod licences;
mod printer;
mod set_up;
mod structure;
mod suites;
mod workspace;

use std::process::ExitCode;

use crate::causes::with_causes;

pub use check::Check;

use failure::Failure;
use job::{Interrupt, Job};
use printer::{Outcome, Row};

/// Which checks to run, and how much of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Checks to leave out.
    pub without: Vec<Check>,
    /// The only checks to run; all where there are none.
    pub only: Vec<Check>,
    /// Whether tests run their full counts.
    pub long: bool,
}

impl Options {
    fn wants(&self, check: Check) -> bool {
        (self.only.is_empty() || self.only.contains(&check)) && !self.without.contains(&check)
    }
}

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Prints the checks in their order, with what each does.
pub fn list() {
    for check in Check::ALL {
        printer::check(check.name(), check.about());
    }
}

/// Runs the checks and tells how they went; the exit code is 1 where one failed.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    let interrupt = Interrupt::listen();
    let wanted: Vec<Check> = Check::ALL.into_iter().filter(|check| options.wants(*check)).collect();
    let set_up = run_one(&interrupt, "set-up", "what the checks need", |job| set_up::run(job, &wanted));
    if let Outcome::Failed = set_up.outcome {
        printer::summary(&[set_up]);
        return exit_code(&interrupt, false);
    }
    let mut rows = Vec::new();
    for check in Check::ALL {
        rows.push(if options.wants(check) && !interrupt.happened() {
            run_one(&interrupt, check.name(), check.about(), |job| check.run(job, options.long))
        } else {
            printer::skipped(check.name());
            Row::skipped(check.name())
        });
    }
    printer::summary(&rows);
    exit_code(&interrupt, !rows.iter().any(|row| row.outcome == Outcome::Failed))
}

fn exit_code(interrupt: &Interrupt, passed: bool) -> ExitCode {
    match (interrupt.happened(), passed) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    }
}

/// Runs one check, between its headline and its result.
fn run_one(
    interrupt: &Interrupt,
    name: &'static str,
    about: &str,
    check: impl FnOnce(&mut Job<'_>) -> Result<String, Failure>,
) -> Row {
    printer::headline(name, about);
    let job = Job::begin(name, interrupt);
    let (result, elapsed, log) = match job {
        Ok(mut job) => {
            let result = check(&mut job);
            (result, job.elapsed(), job.into_log())
        }
        Err(failure) => (Err(failure), std::time::Duration::ZERO, Vec::new()),
    };
    match result {
        Ok(detail) => {
            printer::passed(name, elapsed, &detail);
            Row { name, outcome: Outcome::Passed, elapsed, detail, failed_tests: String::new() }
        }
        Err(failure) => {
            let detail = with_causes(&failure);
            printer::failed(name, elapsed, &log, &detail);
            Row { name, outcome: Outcome::Failed, elapsed, detail, failed_tests: failed_tests::of_log(&log) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_leaves_out_and_only_leaves_nothing_else() {
        let all = Options::default();
        assert!(Check::ALL.into_iter().all(|check| all.wants(check)));
        let without = Options { without: vec![Check::Cluster], ..Options::default() };
        assert!(!without.wants(Check::Cluster) && without.wants(Check::Unit));
        let only = Options { only: vec![Check::Docs], ..Options::default() };
        assert!(only.wants(Check::Docs) && !only.wants(Check::Unit));
    }
}
