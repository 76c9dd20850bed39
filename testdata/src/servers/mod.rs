//! Real servers on the loopback interface, for tests of fetching; and servers that mean harm.
//!
//! In: files, Git repositories and charts of a test. Out: addresses, what a client needs to trust and to prove itself,
//! and what each server was asked. One file each:
//!
//! | | is | gives |
//! |---|---|---|
//! | [`WebServer`] | nginx with TLS, `git http-backend` and a server of Git LFS behind it | files, Git repositories with their large files, redirects; with and without a password |
//! | [`SshServer`] | OpenSSH's sshd | Git repositories for whoever has the key, and where their large files are |
//! | [`Registry`] | go-containerregistry's registry with TLS, in memory | charts; open, with a password, with tokens |
//! | [`ObjectStorage`] | versitygw with TLS | buckets for whoever has the key |
//! | [`RedisServer`] | Redis, alone or with a sentinel; with a password, with or without TLS | a cache that can be killed and comes back empty |
//! | [`OidcProvider`] | `oidc-provider` from npm with TLS | ID tokens for whoever asks, and clients |
//! | [`Sigstore`] | Fulcio, Rekor and the timestamp authority | certificates, entries of a log and times, for cosign |
//! | [`Collector`] | a few lines of ours | the traces that it was sent |
//! | [`Relay`] | a way to another server | what a network does that is cut and mended |
//! | [`Hung`], [`Lying`] | a few lines of ours | no answer, answers without end, nonsense |
//!
//! [`schemathesis()`] is no server: it asks one; nor is [`faketime()`], which gives a program another clock.
//!
//! nginx, fcgiwrap, sshd, Redis and git-lfs, with which tests make repositories, come from Debian's packages, see [`programs()`];
//! the registry, the object storage and the services of Sigstore are built from `testdata/registry`, `testdata/s3` and
//! `testdata/cosign`, and what [`crate::golang`] guarantees of a build holds for it.
//!
//! # Guarantees
//! - A server takes requests when its `start` returns, on a port of 127.0.0.1 that nobody else had.
//! - Nothing of the machine goes in: programs run with a cleared environment (only `PATH`), in a temporary directory.
//! - A server that is dropped is gone, with all of its processes and files. So it is when its owner ends in another way
//!   (see `keeper`); only a session of sshd then lasts until its client ends.

mod certificates;
mod collector;
mod distribution;
mod error;
mod hostile;
mod install;
mod keeper;
mod lfs;
mod listener;
pub mod oidc;
mod programs;
mod redis;
mod registry;
mod relay;
mod requests;
mod schemathesis;
mod sigstore;
mod ssh;
mod storage;
mod web;

pub use certificates::Certificates;
pub use collector::{Collector, Span};
pub use distribution::Distribution;
pub use error::Error;
pub use hostile::{Hung, Lie, Lying};
pub use oidc::OidcProvider;
pub use programs::{Browser, Programs, browser, faketime, programs};
pub use redis::RedisServer;
pub use registry::{Access, Registry, RegistryLie, RegistryOptions};
pub use relay::Relay;
pub use schemathesis::schemathesis;
pub use sigstore::Sigstore;
pub use ssh::SshServer;
pub use storage::ObjectStorage;
pub use web::WebServer;

pub(crate) use install::may_use_apt;
pub(crate) use listener::Listener;

/// Who may read what is private, on every server with passwords.
const USER: &str = "reader";

/// A password that nobody else has, so that it can be looked for where it does not belong.
fn password() -> Result<String, Error> {
    Ok(format!("secret-{:016x}", getrandom::u64()?))
}
