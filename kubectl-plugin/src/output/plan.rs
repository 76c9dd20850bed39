//! A plan, as people and programs read it.

use std::fmt::Write as _;

use gitops_compiler::depend::State;
use gitops_compiler::manifest::{HookPhase, Write};
use gitops_compiler::plan::{Action, Behind, Cause, Forgotten, HookStep, Plan, Step, Waited, immutable_change};

use super::table;

/// So many changed fields of one object are shown; `diff` shows all.
const SHOWN_FIELDS: usize = 3;

/// One line for each step, in order, with what changes and what it waits for.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let mut rows = Vec::new();
    let waits = plan.waits();
    let mut by_layer: Vec<(usize, &Step)> = plan.steps.iter().enumerate().collect();
    by_layer.sort_by_key(|(index, step)| (step.layer, *index));
    for (index, step) in by_layer {
        let mut row = vec![
            format!("{:>3}", step.layer),
            format!("{} {}", sign(step.action), step.key.qualified_kind()),
            step.key.place(),
        ];
        let mut notes: Vec<String> = step.hook.iter().map(told_hook).chain(reason(step)).collect();
        notes.extend(told_rewrite(step));
        notes.extend(step.changes.iter().take(SHOWN_FIELDS).map(ToString::to_string));
        if step.changes.len() > SHOWN_FIELDS {
            notes.push(format!("{} more fields", step.changes.len() - SHOWN_FIELDS));
        }
        notes.extend(after(&waits[index]));
        row.push(notes.first().cloned().unwrap_or_default());
        rows.push(row);
        rows.extend(notes.into_iter().skip(1).map(|note| vec![String::new(), String::new(), String::new(), note]));
    }
    table(&rows) + &plan_summary(plan)
}

/// What is no step, what is lost for good, and how many of each there are: `1 to create, 3 to change, 410 unchanged.`
#[must_use]
pub fn plan_summary(plan: &Plan) -> String {
    let mut text = String::new();
    for Forgotten { key, reason, .. } in &plan.forgotten {
        let _ = writeln!(text, "  = {key}  leaves the record: {reason}");
    }
    for key in &plan.kept {
        let _ = writeln!(text, "  = {key}  left the graph, and is kept as it asks for (Prune=false)");
    }
    for loss in plan.losses() {
        let _ = writeln!(text, "  ! {loss}");
    }
    let count = |action| plan.count(action);
    let [created, changed, deleted, hooks] = [Action::Create, Action::Update, Action::Delete, Action::Hook].map(count);
    let parts = [
        (created, "to create"),
        (changed, "to change"),
        (deleted, "to delete"),
        (hooks, if hooks == 1 { "hook" } else { "hooks" }),
        (plan.forgotten.len(), "to forget"),
        (plan.kept.len(), "kept"),
        (plan.unchanged, "unchanged"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    text + &if parts.is_empty() { "Nothing to do.\n".to_owned() } else { format!("{}.\n", parts.join(", ")) }
}

/// How an action is written.
pub(super) fn sign(action: Action) -> char {
    match action {
        Action::Create => '+',
        Action::Update => '~',
        Action::Delete => '-',
        Action::Hook => '>',
    }
}

/// Whether more than an apply is needed.
fn told_rewrite(step: &Step) -> Option<String> {
    match (step.policy.write, immutable_change(step)) {
        _ if step.action != Action::Update => None,
        (Write::Recreate, _) => Some("± deleted and made again, as it asks for".to_owned()),
        (Write::Replace, _) => Some("replaced as a whole, as it asks for".to_owned()),
        (_, Some(field)) => Some(format!("± deleted and made again: {field} cannot change")),
        (_, None) => None,
    }
}

fn told_hook(hook: &HookStep) -> String {
    match hook.phase {
        HookPhase::SyncFail => "SyncFail hook, only where something fails".to_owned(),
        phase if hook.started.is_some() => format!("{phase} hook, which the run before started: waits for its end"),
        phase => format!("{phase} hook"),
    }
}

/// Why, where it is not plain from the change itself.
fn reason(step: &Step) -> Option<String> {
    let text = match step.cause {
        _ if step.hook.as_ref().is_some_and(|hook| hook.again) => "ran before, and failed or was lost",
        Cause::Resumed if step.hook.is_some() => return None,
        Cause::New | Cause::Changed | Cause::Removed => return None,
        Cause::Exists => "is there already, from somebody else",
        Cause::Missing => "was deleted by somebody",
        Cause::Leaving => "is being deleted by somebody: its end is waited for",
        Cause::Drifted => "was changed by somebody",
        Cause::Replaced => "was replaced by another object of its name",
        Cause::Resumed => "may have been changed by a run that did not succeed",
    };
    Some(text.to_owned())
}

fn after(found: &[Waited<'_>]) -> Option<String> {
    let Waited { step, state, reason, behind } = found.first()?;
    let more = if found.len() > 1 { format!(" and {} more", found.len() - 1) } else { String::new() };
    let state = match state {
        State::Present => "",
        State::Ready => " is ready",
        State::Absent => " is gone",
    };
    let reason = match behind {
        None => (*reason).to_owned(),
        Some(Behind { barrier, steps: 1 }) => format!("{barrier}: {reason}"),
        Some(Behind { barrier, steps }) => format!("the last of {steps} in {barrier}: {reason}"),
    };
    Some(format!("after {}{state} ({reason}){more}", step.key))
}
