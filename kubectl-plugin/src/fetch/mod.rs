//! Remote inputs: the only way to what lies in no repository on this machine.
//!
//! In: [`Access`], which says what may be fetched and who we are; addresses, names of charts, versions. Out: bytes, whose
//! digest was checked where one is known. Synchronous, callable from anywhere. In the order in which the parts use each
//! other:
//!
//! | file | what |
//! |---|---|
//! | `secret`, `address`, `reach`, `globs` | texts that are not shown; addresses; how far away hosts are; patterns |
//! | `credential_helper`, `credentials`, `secret_file`, `registry_config` | who we are, as Argo CD keeps it in Secrets, and Docker in a file or by a program |
//! | `access` | what may be asked, and where a server may send us |
//! | `error` | why something could not be fetched |
//! | `resolver`, `client`, `transfer`, `web` | from names to bytes, by HTTP |
//! | `github_app` | tokens of GitHub Apps |
//! | `archive`, `archive_entry` | archives of charts and artifacts, unpacked |
//! | `chart_repository` | charts with an `index.yaml` |
//! | `challenge`, `registry_login`, `manifest`, `registry` | charts and artifacts in OCI registries |
//! | `charts`, `artifacts` | charts, wherever they are; artifacts that may be anything |
//! | `artifact_address`, `artifact_repository`, `artifact_referrers` | artifacts put and taken whole, with what is said about them |
//! | `aws_signature`, `aws_identity`, `object_storage` | objects of object storage, put and taken |
//! | `mirrors`, `git_program`, `git`, `git_ssh` | repositories, by the program `git`, and what their servers say by SSH |
//! | `lfs_batch`, `lfs`, `lfs_together` | what Git LFS keeps |
//!
//! # Guarantees
//!
//! - Everything has a limit: bytes, entries, pages, redirects, time.
//! - A server decides neither whom we ask inside nor who learns our credentials (`access`, `transfer`,
//!   `registry_login`).
//! - No secret is in an error or in debug output.

mod access;
mod address;
mod archive;
mod archive_entry;
mod artifact_address;
mod artifact_referrers;
mod artifact_repository;
mod artifacts;
mod aws_identity;
mod aws_signature;
mod challenge;
mod chart_repository;
mod charts;
mod client;
mod credential_helper;
mod credentials;
mod error;
mod git;
mod git_program;
mod git_ssh;
mod github_app;
mod globs;
mod lfs;
mod lfs_batch;
mod lfs_together;
mod manifest;
mod mirrors;
mod object_storage;
mod reach;
mod registry;
mod registry_config;
mod registry_login;
mod resolver;
mod secret;
mod secret_file;
#[cfg(test)]
mod tests;
mod transfer;
mod web;

pub(crate) use address::{canonical, normalised, other_spelling, shown_text};
pub(crate) use globs::{Star, expression};

pub use access::{Access, Refused, Timeouts};
pub use archive::{Unpacked, digest, unpack_chart};
pub use artifact_address::{ArtifactAddress, Reference};
pub use artifact_referrers::Listed;
pub use artifact_repository::{ArtifactRepository, RawManifest};
pub use artifacts::{ArtifactFound, unpack_artifact};
pub use aws_identity::{AwsIdentity, PLATFORM_HOSTS};
pub use aws_signature::AwsKey;
pub use charts::{ChartFound, ChartRepository, Charts};
pub use credentials::{Credential, Credentials};
pub use error::{FailureKind, FetchError, Part};
pub use git::Git;
pub use lfs::Lfs;
pub use lfs_together::Getting;
pub use mirrors::Mirrors;
pub use object_storage::{ObjectStorage, ObjectStorageSettings};
pub use reach::leads_inward;
pub use secret::Secret;
pub use web::Web;
