//! Secrets that SOPS itself encrypted, against the real cluster: they are opened just before they are sent, and nothing
//! that was in them is anywhere else.

#[path = "../support/mod.rs"]
mod support;

mod keys;
mod nowhere;
mod opened;
mod pgp;
mod refused;
