//! Argo CD's own test material against the real cluster: what ours says of each pair of objects that it tests its diff with,
//! and whether its applications with hooks and waves come and go in the order of its rules.
//!
//! The material is below `argocd` of the corpus. It is no part of the product: where it is absent, the tests say so and pass.
//! `GITOPS_LONG=1` takes all applications; else a few.

#[path = "../support/mod.rs"]
mod support;

mod application;
mod applications;
mod asked;
mod manifest;
mod observed;
mod pair;
mod pairs;
mod rules;
