//! Taking over what is there, as release 0: before anything is applied, what other tools have applied is on record.
//!
//! In: the graph that is wanted, the objects of its keys that the cluster has. Out: the graph that they make, and steps that
//! make them ours without changing a value or making anything again. A rollback to release 0 gives back what was there
//! before the first apply.
//!
//! | module | what |
//! |---|---|
//! | `managers` | tools that are left behind, and people, pure |
//! | `owned` | the part of an object that somebody owns, pure |
//! | `body` | an object as a manifest of it would be, pure |
//! | [`look`] | the graph of what is there |
//! | `take` | one step: applied as it is, and only then taken from the others |
//!
//! # Why nothing changes
//!
//! A body has only what the object has, with the same values: applying it adds our entry to `managedFields`, and our label.
//! After that the entries of the others become ours, which is a change of metadata. Where a run dies between the two, the
//! next one finds both entries, and makes the same body of them.

mod body;
pub mod look;
pub(super) mod managers;
pub(super) mod owned;
pub(super) mod take;
