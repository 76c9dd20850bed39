//! Sources as Applications have them, rendered by the program as a user runs it, beside what the renderers themselves
//! give: `kubectl kustomize`, `helm template`.
//!
//! The programs are those of the local cluster and of `testdata/helm`, built first where the cache does not have
//! them. What is said to be outside of the sandbox's reach is in the tests of `sandbox`.

mod application;
mod check;
mod corpus;
mod helm;
mod jsonnet;
mod kustomize;
#[path = "../support/corpus.rs"]
#[allow(dead_code, reason = "each test program uses a part of this")]
mod material;
mod recursive;
mod world;
