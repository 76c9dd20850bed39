//! Real material to run against, and where it is: below `GITOPS_CORPUS`, or below `shared/corpus` beside the checkout.
//!
//! It is no part of the product: where it is nowhere, tests say so and pass; where `GITOPS_CORPUS` says that it is somewhere,
//! it must be there.

use std::io::Write as _;
use std::path::PathBuf;

/// A file or folder of the corpus; says so where it is nowhere.
pub(crate) fn part(name: &str) -> Option<PathBuf> {
    let told = std::env::var_os("GITOPS_CORPUS").map(PathBuf::from);
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus"));
    let path = told.clone().unwrap_or_else(beside).join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(told.is_none(), "GITOPS_CORPUS is set, and there is no {}", path.display());
    say(&format!("SKIPPED: there is no {}", path.display()));
    None
}

/// Printed whether the test passes or not: not by a macro, whose output the test runner keeps to itself.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Whether all of it is asked for, however long it takes.
pub(crate) fn is_long() -> bool {
    std::env::var_os("GITOPS_LONG").is_some()
}
