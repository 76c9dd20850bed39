//! A plan, as people and programs read it.

use std::cmp::Reverse;
use std::fmt::Write as _;

use gitops_compiler::depend::State;
use gitops_compiler::plan::{Action, Cause, Forgotten, Plan, Step, Wait};
use serde_json::{Value as Json, json};

use super::table;

/// So many changed fields of one object are shown; `diff` shows all.
const SHOWN_FIELDS: usize = 3;

/// One line for each step, in order, with what changes and what it waits for.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let mut rows = Vec::new();
    let node_of_step = plan.step_nodes();
    let mut by_layer: Vec<(usize, &Step)> = plan.steps.iter().enumerate().collect();
    by_layer.sort_by_key(|(index, step)| (step.layer, *index));
    for (index, step) in by_layer {
        let mut row = vec![
            format!("{:>3}", step.layer),
            format!("{} {}", sign(step.action), step.key.qualified_kind()),
            step.key.place(),
        ];
        let mut notes: Vec<String> = reason(step).into_iter().collect();
        notes.extend(step.changes.iter().take(SHOWN_FIELDS).map(ToString::to_string));
        if step.changes.len() > SHOWN_FIELDS {
            notes.push(format!("{} more fields", step.changes.len() - SHOWN_FIELDS));
        }
        notes.extend(after(&waits(plan, node_of_step[index])));
        row.push(notes.first().cloned().unwrap_or_default());
        rows.push(row);
        rows.extend(notes.into_iter().skip(1).map(|note| vec![String::new(), String::new(), String::new(), note]));
    }
    table(&rows) + &plan_summary(plan)
}

/// What is no step, and how many of each there are: `1 to create, 3 to change, 410 unchanged.`
#[must_use]
pub fn plan_summary(plan: &Plan) -> String {
    let mut text = String::new();
    for Forgotten { key, reason, .. } in &plan.forgotten {
        let _ = writeln!(text, "  = {key}  leaves the record: {reason}");
    }
    let count = |action| plan.count(action);
    let [created, changed, deleted] = [Action::Create, Action::Update, Action::Delete].map(count);
    let parts = [
        (created, "to create"),
        (changed, "to change"),
        (deleted, "to delete"),
        (plan.forgotten.len(), "to forget"),
        (plan.unchanged, "unchanged"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    text + &if parts.is_empty() { "Nothing to do.\n".to_owned() } else { format!("{}.\n", parts.join(", ")) }
}

fn sign(action: Action) -> char {
    match action {
        Action::Create => '+',
        Action::Update => '~',
        Action::Delete => '-',
    }
}

/// Why, where it is not plain from the change itself.
fn reason(step: &Step) -> Option<String> {
    let text = match step.cause {
        Cause::New | Cause::Changed | Cause::Removed => return None,
        Cause::Exists => "is there already, from somebody else",
        Cause::Missing => "was deleted by somebody",
        Cause::Drifted => "was changed by somebody",
        Cause::Replaced => "was replaced by another object of its name",
        Cause::Resumed => "may have been changed by a run that did not succeed",
    };
    Some(text.to_owned())
}

/// A step that another waits for.
struct Waited<'a> {
    step: &'a Step,
    wait: &'a Wait,
    reason: &'static str,
}

/// The steps that the step of a node waits for, by the edges of the graph: those that go last first.
fn waits(plan: &Plan, node: usize) -> Vec<Waited<'_>> {
    let waits = plan.nodes.get(node).map(|node| node.waits.as_slice()).unwrap_or_default();
    let mut found: Vec<Waited<'_>> = waits
        .iter()
        .filter_map(|wait| {
            let step = plan.nodes.get(wait.node)?.step?;
            Some(Waited { step: plan.steps.get(step)?, wait, reason: wait.rule.as_ref()?.reason })
        })
        .collect();
    // That everything waits for its namespace tells the least.
    found.sort_by_key(|waited| (Reverse(waited.step.layer), waited.step.key.is("", "Namespace")));
    found
}

fn after(found: &[Waited<'_>]) -> Option<String> {
    let Waited { step, wait, reason } = found.first()?;
    let more = if found.len() > 1 { format!(" and {} more", found.len() - 1) } else { String::new() };
    let ready = if wait.state == State::Ready { " is ready" } else { "" };
    Some(format!("after {}{ready} ({reason}){more}", step.key))
}

/// The steps as data.
#[must_use]
pub fn plan_json(plan: &Plan) -> Json {
    let node_of_step = plan.step_nodes();
    let step = |(index, step): (usize, &Step)| {
        let waits: Vec<Json> = waits(plan, node_of_step[index])
            .iter()
            .map(|waited| json!({"resource": waited.step.key, "state": waited.wait.state, "reason": waited.reason}))
            .collect();
        json!({
            "resource": step.key,
            "action": step.action,
            "cause": step.cause,
            "layer": step.layer,
            "changes": step.changes,
            "waitsFor": waits,
        })
    };
    let forgotten = |gone: &Forgotten| json!({"resource": gone.key, "reason": gone.reason});
    json!({
        "steps": plan.steps.iter().enumerate().map(step).collect::<Vec<_>>(),
        "unchanged": plan.unchanged,
        "forgotten": plan.forgotten.iter().map(forgotten).collect::<Vec<_>>(),
        "guards": plan.guards.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
