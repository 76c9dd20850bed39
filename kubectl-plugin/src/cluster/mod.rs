//! The only way to the API server: requests, their failures, their number.
//!
//! In: keys, bodies, preconditions. Out: what the server answered, as JSON. Guarantees: each request has a timeout and
//! is counted; what is repeated after a failure is only what can be repeated safely.

mod bearing;
mod connect;
mod discovery;
mod failure;
mod field_path;
mod follow;
mod given;
mod kinds;
mod kubeconfig;
mod list;
mod metadata;
mod request;
mod watch;

pub use bearing::PatchForm;
pub use connect::{ConnectError, ConnectOptions, Connection, connect, connect_bare};
pub use failure::{Conflict, Failure};
pub use field_path::take_out;
pub use follow::{Followed, Versioned};
pub use given::{Access, Identity};
pub use kinds::{Kinds, Served, collection};
pub use kubeconfig::{Described, describe};
pub use list::Listed;
pub use metadata::LAST_APPLIED;
pub use request::{AppliedObject, ApplyOptions, Cluster, Deleted, ManagedFields, ObjectMeta, PartialObject};
pub use watch::{WatchEvent, Watched};

/// Label by which members of an ApplySet are found (KEP-3659).
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";
