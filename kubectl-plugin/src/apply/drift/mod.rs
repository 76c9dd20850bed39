//! Drift: where the cluster differs from what we applied, and who did it.
//!
//! In: bodies as they were applied, live objects. Out: [`Findings`] of each object. An object is looked at only where its
//! metadata say that it may have been touched: our label, or our own entry of managedFields, is not as recorded. What others
//! add beside our fields, defaults of the server, status and the like is no drift, since none of it is a field of ours.
//!
//! | module | what |
//! |---|---|
//! | `owner` | who wrote a field, pure |
//! | [`compare`] | what of an object is not as it was applied, pure |
//! | `place` | places in a document, pure |
//! | `jq` | paths of jq, in the sandbox |
//! | [`ignored`] | differences that do not count |
//! | [`look`] | reading the objects that are in doubt |

pub mod compare;
pub mod ignored;
mod jq;
pub mod look;
mod owner;
mod place;

pub use compare::{DriftedField, Findings, Writer};
pub use ignored::{Ignored, IgnoredFields};
pub use jq::JQ_WORKER;
