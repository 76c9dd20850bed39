//! `verify`, the program behind `cargo verify`: runs every check of this repository, in a fixed order.
//!
//! In: which checks, if not all. Out: on stdout, a headline and a result for each, the whole output of those that
//! failed, a table, and `N passed, N failed` as the last line; exit code 1 where any failed.

use std::process::ExitCode;

use clap::Parser;
use gitops_testdata::verify::{self, Check, Options};

/// Runs every check of this repository in a fixed order, goes on after a failure, and sums up at the end.
#[derive(Parser)]
#[command(name = "cargo verify", bin_name = "cargo verify")]
struct Arguments {
    /// Leave a check out (may be repeated); the summary says so
    #[arg(long, value_name = "NAME")]
    without: Vec<Check>,
    /// Run this check alone (may be repeated)
    #[arg(long, value_name = "NAME", conflicts_with = "without")]
    only: Vec<Check>,
    /// Run the full counts of crash, fuzz and measuring tests, not a short slice of them
    #[arg(long)]
    long: bool,
    /// Print the names of the checks and what they do, and run none
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let Arguments { without, only, long, list } = Arguments::parse();
    if list {
        verify::list();
        return ExitCode::SUCCESS;
    }
    verify::run(&Options { without, only, long })
}
