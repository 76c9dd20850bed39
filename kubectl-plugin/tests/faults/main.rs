//! What a run survives, request by request, against the real API server: its own death, lost and late answers, refusals,
//! watches that end, tokens that expire, an API server that goes away.
//!
//! Every case has an application in a namespace of its own, and speaks to the API server on a way on which one thing goes
//! wrong at one request. In the end the cluster is what was wanted last and nothing else, whatever went wrong; the table
//! that each test prints says how often that was tried. `GITOPS_LONG=1` tries it at every request; else at a sample.

#[path = "../support/mod.rs"]
mod support;

mod application;
mod case;
mod credentials;
mod frozen;
mod kills;
mod lanes;
mod replies;
mod verdict;
mod watches;
