//! A plan, as people and programs read it.

use std::fmt::Write as _;

use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Cause, Plan, Step};
use serde_json::{Value as Json, json};

use super::table;

/// So many changed fields of one object are shown; `diff` shows all.
const SHOWN_FIELDS: usize = 3;

/// One line for each step, in order, with what changes and what it waits for.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let mut rows = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
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
        notes.extend(after(plan, index));
        row.push(notes.first().cloned().unwrap_or_default());
        rows.push(row);
        rows.extend(notes.into_iter().skip(1).map(|note| vec![String::new(), String::new(), String::new(), note]));
    }
    let mut text = table(&rows);
    for (key, reason) in &plan.forgotten {
        let _ = writeln!(text, "  = {key}  leaves the record: {reason}");
    }
    text.push_str(&summary(plan));
    text
}

/// `1 to create, 3 to change, 2 to delete.`
fn summary(plan: &Plan) -> String {
    let count = |action| plan.count(action);
    let [created, changed, deleted] = [Action::Create, Action::Update, Action::Delete].map(count);
    let unchanged = plan.unchanged;
    format!("{created} to create, {changed} to change, {deleted} to delete, {unchanged} unchanged.\n")
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
        Cause::Resumed => "may have been touched by a run that did not finish",
    };
    Some(text.to_owned())
}

/// The steps that a step waits for, by the edges of the graph.
fn waits(plan: &Plan, index: usize) -> impl Iterator<Item = (&ResourceKey, &'static str)> {
    let node = plan.nodes.iter().find(move |node| node.step == Some(index));
    node.into_iter().flat_map(|node| &node.waits).filter_map(|wait| {
        let step = plan.nodes.get(wait.node)?.step?;
        Some((&plan.steps.get(step)?.key, wait.rule?.reason))
    })
}

fn after(plan: &Plan, index: usize) -> Option<String> {
    let found: Vec<_> = waits(plan, index).collect();
    let (first, reason) = found.first()?;
    let more = if found.len() > 1 { format!(" and {} more", found.len() - 1) } else { String::new() };
    Some(format!("after {first} ({reason}){more}"))
}

/// The steps as data.
#[must_use]
pub fn plan_json(plan: &Plan) -> Json {
    let step = |(index, step): (usize, &Step)| {
        let waits: Vec<Json> =
            waits(plan, index).map(|(key, reason)| json!({"resource": key, "reason": reason})).collect();
        json!({
            "resource": step.key,
            "action": step.action,
            "cause": step.cause,
            "layer": step.layer,
            "changes": step.changes,
            "waitsFor": waits,
        })
    };
    json!({
        "steps": plan.steps.iter().enumerate().map(step).collect::<Vec<_>>(),
        "unchanged": plan.unchanged,
        "forgotten": plan.forgotten.iter().map(|(key, reason)| json!({"resource": key, "reason": reason})).collect::<Vec<_>>(),
        "guards": plan.guards.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
