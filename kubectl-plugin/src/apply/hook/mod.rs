//! Running hooks.
//!
//! In: steps of hooks, the record. Out: objects of hooks in the cluster, and in the record what became of them.
//!
//! | module | what |
//! |---|---|
//! | `object` | the name and the marks of a hook's object, pure |
//! | [`progress`] | what is known of hooks before planning |
//! | [`start`] | making the object of a hook |
//! | [`finish`] | the end of a hook, and of its object |
//!
//! # Guarantees
//!
//! A hook is in the record before anything is made (with the graph that is attempted), when its object was made (with its
//! uid), and when it has ended (with its outcome). The object carries a finalizer of ours until the last of these is
//! written, and a mark that tells in which release it was made. So a run that comes after a crash knows of every hook
//! whether it ran: none is run twice without a word.

pub mod finish;
mod object;
pub mod progress;
pub mod start;

pub use progress::HookRecord;
