//! Many cases, some of them at a time, and a table of what became of them.
//!
//! In: cases by name. Out: what is wrong and a table, on stderr; and a panic where anything is wrong. `GITOPS_FAULTS` runs only
//! the cases whose names contain it; `GITOPS_LONG` runs all of them, else a sample that a seed chooses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};

use gitops_testdata::random::SplitMix64;

/// So many cases run at a time, whichever tests they are of.
const LANES: usize = 8;

/// After so many cases it is told how many are done.
const PROGRESS: usize = 50;

/// The choice of this day. Any other does as well.
const SEED: u64 = 20_261_126;

/// A case, to be run.
pub(crate) struct Work<'a> {
    /// A name that no other has.
    pub(crate) name: String,
    /// The row of the table.
    pub(crate) row: String,
    /// Gives what happened, by the columns of the table; or what is wrong.
    pub(crate) run: Box<Run<'a>>,
}

/// Runs a case under its name.
pub(crate) type Run<'a> = dyn Fn(&str) -> Result<Counts, String> + Sync + Send + 'a;

/// What happened in a case: column and number.
pub(crate) type Counts = Vec<(&'static str, usize)>;

/// A sample of a list, spread over all of it: `usual` of them, or `long` where there is time. All of it where cases are
/// named, and where `GITOPS_LONG` is `all`.
pub(crate) fn sample<T>(mut all: Vec<T>, usual: usize, long: usize) -> Vec<T> {
    let time = std::env::var("GITOPS_LONG").ok();
    let most = if time.is_some() { long } else { usual };
    if all.len() <= most || time.as_deref() == Some("all") || std::env::var_os("GITOPS_FAULTS").is_some() {
        return all;
    }
    let mut random = SplitMix64::new(SEED);
    let (count, mut chosen) = (all.len(), Vec::new());
    // One of each stretch, from the end, so that what is left keeps its place.
    for stretch in (0..most).rev() {
        let (from, to) = (count * stretch / most, count * (stretch + 1) / most);
        chosen.push(all.swap_remove(from + random.below(to - from)));
        all.truncate(from);
    }
    chosen.reverse();
    chosen
}

/// Runs cases, and tells what became of them under a title.
pub(crate) fn run(title: &str, all: usize, works: &[Work<'_>]) {
    let only = std::env::var("GITOPS_FAULTS").unwrap_or_default();
    let works: Vec<&Work<'_>> = works.iter().filter(|work| work.name.contains(&only)).collect();
    let next = Mutex::new(works.iter());
    let table = Mutex::new(BTreeMap::<&str, BTreeMap<&str, usize>>::new());
    let wrong = Mutex::new(Vec::<String>::new());
    std::thread::scope(|scope| {
        for _ in 0..LANES.min(works.len()) {
            scope.spawn(|| {
                loop {
                    // Not held while the case runs, as it would be by `while let`.
                    let Some(work) = lock(&next).next() else { break };
                    let result = in_a_lane(|| (work.run)(&work.name));
                    let counts = result.unwrap_or_else(|message| {
                        say(&format!("WRONG {}\n{message}", work.name));
                        lock(&wrong).push(work.name.clone());
                        vec![("wrong", 1)]
                    });
                    let mut table = lock(&table);
                    let row = table.entry(&work.row).or_default();
                    *row.entry("cases").or_default() += 1;
                    for (column, count) in counts {
                        *row.entry(column).or_default() += count;
                    }
                    let done: usize = table.values().filter_map(|row| row.get("cases")).sum();
                    if done.is_multiple_of(PROGRESS) {
                        say(&format!("{title}: {done} of {}", works.len()));
                    }
                }
            });
        }
    });
    tell(title, works.len(), all, &lock(&table));
    let wrong = lock(&wrong);
    assert!(wrong.is_empty(), "{} of {} cases are wrong: {}", wrong.len(), works.len(), wrong.join(", "));
}

/// Waits until a lane is free. What panics is wrong.
fn in_a_lane(work: impl FnOnce() -> Result<Counts, String>) -> Result<Counts, String> {
    static FREE: (Mutex<usize>, Condvar) = (Mutex::new(LANES), Condvar::new());
    let (free, freed) = &FREE;
    let mut lanes = freed.wait_while(lock(free), |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
    *lanes -= 1;
    drop(lanes);
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    });
    *lock(free) += 1;
    freed.notify_one();
    result
}

fn tell(title: &str, run: usize, all: usize, table: &BTreeMap<&str, BTreeMap<&str, usize>>) {
    let mut columns: Vec<&str> = table.values().flat_map(|row| row.keys().copied()).collect();
    columns.sort_unstable();
    columns.dedup();
    columns.sort_by_key(|column| (*column != "cases", *column == "wrong"));
    let width = table.keys().map(|row| row.len()).max().unwrap_or_default();
    let mut text = format!("\n{title}: {run} of {all} cases, seed {SEED}\n{:width$}", "");
    for column in &columns {
        text.push_str("  ");
        text.push_str(column);
    }
    for (name, row) in table {
        let _ = write!(text, "\n{name:width$}");
        for column in &columns {
            let count = row.get(column).copied().unwrap_or_default();
            let _ = write!(text, "  {count:>width$}", width = column.len());
        }
    }
    say(&text);
}

/// Not by a macro, whose output the test runner keeps to itself.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
