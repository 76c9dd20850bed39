//! What happens during a run, for whoever shows it.

use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::Action;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step's request was accepted.
    Accepted {
        /// The object.
        key: ResourceKey,
        /// What was done.
        action: Action,
    },
    /// An object is waited for; told again when the reason changes.
    Waiting {
        /// The object.
        key: ResourceKey,
        /// What is missing.
        reason: String,
    },
    /// An object has been waited for rather long; told after 5 s, and then ever more rarely.
    StillWaiting {
        /// The object.
        key: ResourceKey,
        /// What is missing.
        reason: String,
        /// For how long.
        seconds: u64,
    },
    /// A step is over.
    Done {
        /// The object.
        key: ResourceKey,
        /// What was done.
        action: Action,
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
