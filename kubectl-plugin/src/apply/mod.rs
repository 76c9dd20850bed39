//! From a plan to a changed cluster, and a record of it.
//!
//! In: a target, a plan. Out: events while it runs, an outcome for each step, a release in the record.
//!
//! | module | what |
//! |---|---|
//! | [`target`] | all that is known of a target before planning |
//! | [`observe`] | what is in the cluster now: one metadata LIST for each kind |
//! | [`schedule`] | which step may go next, pure |
//! | [`lease`] | holding the lock while a run lasts |
//! | [`readiness`] | watches that tell when objects are ready or gone |
//! | [`step`] | one step: its requests and what their failures mean |
//! | [`run`] | the loop that ties these together |
//! | [`commit`] | the write-ahead before a run and the release after it |

pub mod commit;
pub mod event;
pub mod lease;
pub mod observe;
pub mod readiness;
pub mod run;
pub mod schedule;
pub mod step;
pub mod target;

pub use commit::{Applied, ApplyError, Options, apply};
pub use event::{Event, StepResult};
pub use target::{Destination, Target, TargetError};
