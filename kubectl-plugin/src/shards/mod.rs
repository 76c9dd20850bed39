//! Who of several replicas looks after which application.
//!
//! In: a cluster, the namespace that the replicas run in. Out: [`Members`], of which each replica asks whether an application
//! is its own, each time before it does something for it. Guarantees: no two replicas own an application at one instant; a
//! replica that is cut off, frozen or put to sleep owns nothing as soon as others may take over, by its own clock and without
//! being told; what a replica owned that ends well is taken over at once, and that of one that dies within about 12 s. What was sent
//! before an application changed hands is fenced by the lock of its record (`apply::lease`).
//!
//! Each replica has a Lease in the namespace, renews it every 2 s and lists those of the others; nobody is elected, and nothing
//! is written for any application. An application belongs to the member that weighs most for its uid. In the order in which
//! the parts use each other:
//!
//! | file | what |
//! |---|---|
//! | `rendezvous` | whose an application is; pure |
//! | `membership` | who is a member, by what was sent and seen; pure. The rules and why they hold are there |
//! | `lease` | a Lease as it is written and read |
//! | `members` | what replicas ask |
//! | `sharding` | renews, lists, tells of changes, ends |
//!
//! docs/scale.md has figures.

mod lease;
mod members;
mod membership;
mod rendezvous;
mod sharding;
#[cfg(test)]
mod tests;

pub use members::Members;
pub use membership::{Standing, Timing};
pub use sharding::{JoinError, Settings, Sharding};
