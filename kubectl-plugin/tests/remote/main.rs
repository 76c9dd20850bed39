//! Inputs from elsewhere, over real servers on the loopback interface: nginx with `git http-backend` and a chart repository,
//! OpenSSH, an OCI registry; and over servers that lie. What is pinned is compiled offline afterwards, and is what the
//! renderers give that fetch by themselves.

mod artifacts;
mod charts;
mod elsewhere;
mod git;
mod hostile;
mod keys;
mod lfs;
mod locking;
mod mirrors;
mod release;
mod signatures;
mod submodules;
#[expect(dead_code, reason = "the tests of renderers use more of it")]
#[path = "../render/world.rs"]
mod world;
