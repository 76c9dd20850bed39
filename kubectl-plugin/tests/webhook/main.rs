//! Webhooks from outside: Argo CD's payloads, bytes by the million, and a server with real sockets that some try to hurt.
//!
//! The heap of the whole program is counted (`gitops_testdata::fuzz`), so that tests take turns. `GITOPS_LONG=1` makes a
//! million runs of each target, and a minute of ten thousand requests a second; else a short slice of both. The parsers are
//! of this crate and not of `gitops-compiler`, whose fuzz targets cannot name them: `mutations` is what stands for one here.

#[path = "../support/corpus.rs"]
mod corpus;
#[path = "../hostile/json.rs"]
mod json;

mod answers;
mod flood;
mod mutations;
mod payloads;
mod sender;

use gitops_testdata::fuzz::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;
