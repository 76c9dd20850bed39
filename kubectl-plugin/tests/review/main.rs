//! Reviews and snapshots from end to end, without a cluster: what a side may be, exit codes, whose settings count, what a
//! stranger's branch can do; the jobs that the page has for CI; every commit of a real history.

#[path = "../support/corpus.rs"]
mod corpus;

mod ci;
mod history;
mod hostile;
mod sides;
mod snapshots;
mod world;
