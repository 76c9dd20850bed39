//! Compiles a Git tree of Kubernetes manifests into an immutable, dependency-ordered resource graph.
//!
//! Deterministic and synchronous: no cluster, no network. It reads files, starts renderers in the sandbox, and keeps what it
//! found in a store; neither these nor the clock nor the environment is in anything that it gives (the clock only tells
//! which files may still change unseen, and ends renders that take too long). A guided tour; a module uses only what stands
//! before it, and `cargo verify` holds it to that:
//!
//! 1. [`name`] and [`canon`]: names that are valid by construction; canonical values, their bytes, typed ids.
//! 2. [`diagnostic`]: errors and lints with their places; [`sandbox`]: where computations run that others have written.
//! 3. [`tree`]: the files of a commit or of the working tree.
//! 4. [`manifest`]: text to objects, exactly as kubectl reads it.
//! 5. [`app`]: what to compile; [`lock`]: what inputs from elsewhere are; [`schema`]: what the API server would refuse, found without one; [`render`]: files to
//!    manifests by a closed recipe; [`lint`]: findings with names, whose levels the user chooses.
//! 6. [`depend`]: which object waits for which, and why.
//! 7. [`graph`]: the immutable graph, its ids, its canonical order.
//! 8. [`store`]: graphs as files; [`diff`]: what changed, field by field.
//! 9. [`compile`]: the driver that ties all of this together; [`plan`]: the steps from one state of a target to another;
//!    [`review`]: what a change does, for whoever has to agree to it; [`snapshot`]: graphs as lines that are kept in Git;
//!    [`bundle`]: a graph as files that anybody can make again, bit for bit.

pub mod app;
pub mod bundle;
pub mod canon;
pub mod compile;
pub mod depend;
pub mod diagnostic;
pub mod diff;
pub mod graph;
pub mod lint;
pub mod lock;
pub mod manifest;
pub mod name;
pub mod plan;
pub mod render;
pub mod review;
pub mod sandbox;
pub mod schema;
pub mod snapshot;
pub mod store;
pub mod tree;
