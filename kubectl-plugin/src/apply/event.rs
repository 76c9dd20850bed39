//! What happens during a run, for whoever shows it.
//!
//! In: nothing. Out: [`Event`]s. Steps are named by their index in the plan, since a hook may have a step in each of its
//! phases. A step that was started ends exactly once, but for a process that dies; one that was skipped ends without
//! having been started, and one that a stopped run never came to does neither.

use gitops_compiler::name::ResourceKey;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// All that a step waits for is there, and its first request is sent.
    Started {
        /// The step.
        step: usize,
    },
    /// A step's request was accepted.
    Accepted {
        /// The step.
        step: usize,
    },
    /// The object of a step is waited for; told again when the reason changes.
    Waiting {
        /// The step.
        step: usize,
        /// Its object, with the name that it has in the cluster.
        object: ResourceKey,
        /// What is missing.
        reason: String,
    },
    /// An object has been waited for rather long; told after 5 s, and then ever more rarely.
    StillWaiting {
        /// The step.
        step: usize,
        /// Its object, with the name that it has in the cluster.
        object: ResourceKey,
        /// What is missing.
        reason: String,
        /// For how long.
        seconds: u64,
    },
    /// A step is over.
    Done {
        /// The step.
        step: usize,
        /// How it ended.
        result: StepResult,
    },
    /// Something that a person should know, about no step in particular.
    Note(String),
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// As planned; the object is ready, or gone.
    Succeeded,
    /// As planned, but the object had been there before us: it is kept when it leaves the graph.
    Joined,
    /// Not as planned.
    Failed {
        /// Why.
        message: String,
        /// Whether a field or the object belongs to another: nothing was changed.
        conflict: bool,
    },
    /// Not tried, since a step that it waits for failed.
    Skipped,
}
