//! What the tests, the benchmarks and `cargo demo` stand on; never part of a release.
//!
//! - [`cluster`]: Kubernetes itself on this machine, built from source once and ready in seconds.
//! - [`faults`]: a way to its API server on which things go wrong, request by request.
//! - [`oracle`]: kubectl's own reading of files, and documents to try it with.
//! - [`lifecycle`]: when API versions are deprecated and removed, from Kubernetes' Go types, for the compiler.
//! - [`escape`]: a program that tries to get out of a sandbox.
//! - [`helm`]: a renderer to run and to compare with.
//! - [`sops`]: programs that encrypt.
//! - [`cosign`]: a program that signs and verifies, and the services that it asks.
//! - [`golang`]: how the Go programs of all of these are built.
//! - [`fuzz`]: hostile bytes by the million, and what memory they may take.
//! - [`openapi`]: Kubernetes' own schemas, from its API server, for the compiler.
//! - [`repository`]: Git repositories made in a test, with the same object ids on every machine.
//! - [`schema`]: whether documents are what our schemas say.
//! - [`servers`]: nginx, sshd, Redis and an OCI registry on the loopback interface, and servers that mean harm.
//! - [`random`]: numbers from a seed, the same on every machine.
//! - [`services`]: the set of 1,001 objects that speed is measured with, in any size.
//! - [`verify`]: every check of this repository, behind `cargo verify`.
//! - [`shop`]: the example repository, a shop of twelve services with a history.
//! - [`demo`]: `cargo demo`, the whole way of that shop.
//! - [`binary`]: the path of a program of this workspace, built first where it is not up to date.
//! - [`causes`]: how errors of all of these are told.
//!
//! Nothing here reads the user's own configuration of Git or kubectl.

pub mod binary;
pub mod causes;
mod certificates;
pub mod cluster;
pub mod cosign;
pub mod demo;
pub mod escape;
pub mod faults;
pub mod fuzz;
pub mod golang;
pub mod helm;
pub mod lifecycle;
pub mod openapi;
pub mod oracle;
mod port;
pub mod random;
pub mod repository;
pub mod schema;
pub mod servers;
pub mod services;
pub mod shop;
pub mod sops;
pub mod verify;
