//! Years of a real application: every commit of it compiles to the same graph however it is compiled, and its releases
//! go to a real cluster, one after another and back, as kubectl itself sees it.
//!
//! The history is the bundle `git/microservices-demo.bundle` below `GITOPS_CORPUS`, or below `shared/corpus` beside the
//! checkout. It is no part of the product: where it is absent, the tests say so and pass. `GITOPS_LONG=1` takes all of
//! it; else a slice of the commits, and fewer releases.

#[path = "../support/mod.rs"]
mod support;

mod application;
mod compiling;
mod foreign;
mod releases;
mod witness;

use support::corpus::{is_long, say};
