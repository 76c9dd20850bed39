//! The line of an event.

use gitops_compiler::plan::Plan;

use crate::apply::{Event, StepResult};
use crate::output::plan::sign;

/// What is said of an event, in one line; nothing of those that come before the end of a step.
pub(super) fn of(plan: &Plan, event: &Event) -> Option<String> {
    match event {
        Event::Started { .. } | Event::Accepted { .. } | Event::Waiting { .. } => None,
        Event::StillWaiting { object, reason, seconds, .. } => Some(format!("  · {object}: {reason}  {seconds} s")),
        Event::Note(note) => Some(format!("  ! {note}")),
        Event::Done { step, result } => {
            let step = &plan.steps[*step];
            let (action, key) = (sign(step.action), &step.key);
            Some(match result {
                StepResult::Succeeded => format!("  ✓ {action} {key}"),
                StepResult::Joined => {
                    format!("  ✓ {action} {key}  was there before us: kept when it leaves the graph")
                }
                StepResult::Failed { message, .. } => format!("  ✗ {action} {key}: {message}"),
                StepResult::Skipped => format!("  · {action} {key}: not tried, what it waits for failed"),
            })
        }
    }
}
