//! The kubectl plugin: applies compiled graphs to clusters, in topological order, and remembers what it did.
//!
//! An async shell over the compiler, never the reverse. Data flows from [`cli`] to [`settings`] (an application, opened),
//! through the compiler, to [`apply`] and [`record`]. Here in the order in which modules use each other:
//!
//! 0. [`trace`]: what follows from what, told to a collector.
//! 1. [`cluster`]: the only way to the API server. Workers of ours in the sandbox that are asked again and again (`worker`).
//! 2. [`fetch`]: the only way to what lies in no repository on this machine: charts, and other remote
//!    inputs. Programs that it needs are run within bounds (`child`).
//! 3. [`signature`]: whether a commit was signed by one of the right people.
//! 4. [`health`]: whether an object works, pure.
//! 5. [`record`]: what we applied, kept in the target cluster.
//! 6. [`sops`]: what SOPS encrypted, opened just before it is sent.
//! 7. [`apply`]: from a plan to a changed cluster and a release in the record.
//! 8. [`application`]: `Application` objects as a controller meets them; [`json`]: what `-o json` prints, as types.
//! 9. [`error`], [`output`]: exit codes, how the command line speaks. [`bundle`]: bundles as files, and keys. [`cache`]: what
//!    replicas of a controller need not work out twice; [`binary_cache`]: what others compiled and signed. [`settings`]: what
//!    flags become.
//! 10. [`project`]: what applications of a project may do, pure.
//! 11. [`webhook`]: what webhooks say, who sent them, which applications they concern.
//! 12. [`shards`]: which replica of a controller looks after what.
//! 13. [`controller`]: Git and the cluster compared all the time.
//! 14. [`access`]: who asks, and what they may; [`oidc`]: people who sign in with a browser; [`api`]: what Argo CD's API server
//!     answers, and what only we know.
//! 15. [`ui`]: the pages of the web UI, embedded; [`http`]: the server that takes webhooks, answers the API and shows those
//!     pages, and tells of health and metrics.
//! 16. [`install`]: the controller's own manifests, pure.
//! 17. [`commands`]: one file for each command; [`cli`]: the list of them. `cli::main` first asks whether this process was
//!     started to run something in the sandbox, and then does nothing else.

pub mod access;
pub mod api;
pub mod application;
pub mod apply;
pub mod binary_cache;
pub mod bundle;
pub mod cache;
mod child;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod controller;
pub mod error;
pub mod fetch;
pub mod health;
pub mod http;
pub mod install;
pub mod json;
pub mod oidc;
pub mod output;
pub mod project;
pub mod record;
pub mod settings;
pub mod shards;
pub mod signature;
pub mod sops;
pub mod trace;
pub mod ui;
pub mod webhook;
mod worker;
