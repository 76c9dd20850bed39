//! kapp's change groups and change rules.
//!
//! In: `kapp.k14s.io/change-group[.x]: GROUP` and `kapp.k14s.io/change-rule[.x]: upsert (before|after) upserting GROUP`,
//! both with the placeholders `{api-group}`, `{kind}`, `{name}`, `{namespace}`, `{crd-kind}`, `{crd-group}`. Out: one
//! barrier behind each group that somebody waits for, and one before each that waits. As in kapp, a rule for a group
//! that the object itself is in is a circle. `delete (before|after) deleting GROUP` is the same for deletion, with
//! barriers of its own. All objects are deleted after all others are applied: a rule that says so is met, and one that
//! asks for the reverse is told not to count. kapp's own groups, which it gives to all objects of some kinds, are not
//! ours: what they order, our other rules order better.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::manifest::{Definition, Manifest};

use super::edges::Edges;
use super::{Annotated, Barrier, Edge, Node, Rule, State, Strength, beginning_with};

const PREFIX: &str = "kapp.k14s.io/change-";

pub(super) const RULE: Rule = Rule { name: "change-rule", version: 1, reason: "a change rule says so" };
pub(super) const MEMBER: Rule = Rule { name: "change-group", version: 1, reason: "that is in this change group" };
pub(super) const BEFORE: Rule =
    Rule { name: "before-change-group", version: 1, reason: "that goes before its change group" };
pub(super) const DELETION: Rule =
    Rule { name: "delete-change-rule", version: 1, reason: "a change rule for deletion says so" };

/// A change rule, read.
#[derive(Debug, PartialEq, Eq)]
struct ChangeRule {
    /// Of a deletion or of a creation.
    deletes: bool,
    before: bool,
    /// Of the group.
    target_deletes: bool,
    group: String,
}

pub(super) fn infer(
    manifests: &[Manifest],
    annotated: &Annotated<'_>,
    edges: &mut Edges,
    findings: &mut Vec<Diagnostic>,
) {
    let mut groups: BTreeMap<String, Vec<Node>> = BTreeMap::new();
    let mut rules: Vec<(Node, &str, ChangeRule)> = Vec::new();
    for &(node, annotations) in annotated {
        let manifest = &manifests[node];
        for (annotation, text) in beginning_with(annotations, PREFIX) {
            let named =
                |name: &str| annotation == name || annotation.strip_prefix(name).is_some_and(|x| x.starts_with('.'));
            let expanded = expand(text, manifest);
            let read = if named("kapp.k14s.io/change-group") {
                expanded.map(|group| groups.entry(group).or_default().push(node))
            } else if named("kapp.k14s.io/change-rule") {
                expanded.and_then(|text| read_rule(&text)).map(|rule| rules.push((node, annotation, rule)))
            } else {
                continue;
            };
            if let Err(reason) = read {
                let message = format!("{}: {annotation}: `{text}`: {reason}", manifest.key);
                findings.push(Diagnostic::error(manifest.origin.clone(), message));
            }
        }
    }
    let mut used = BTreeSet::new();
    for (node, annotation, rule) in &rules {
        let reason = match (rule.deletes, rule.before, rule.target_deletes) {
            (true, true, false) | (false, false, true) => {
                "objects are deleted after all others are applied; this rule changes nothing"
            }
            // That is how it is.
            (true, false, false) | (false, true, true) => continue,
            _ if groups.contains_key(&rule.group) => {
                used.insert((rule.deletes, rule.before, rule.group.as_str()));
                rule.add(*node, annotation, edges);
                continue;
            }
            _ => "no object of this application is in that change group; this rule changes nothing",
        };
        let manifest = &manifests[*node];
        let message = format!("{}: {annotation}: {reason}", manifest.key);
        findings.push(Diagnostic::lint(manifest.origin.clone(), "change-rule-ignored", message));
    }
    for (deletes, before, group) in used {
        for member in &groups[group] {
            let barrier = edges.barrier(barrier(deletes, before, group));
            let (from, to, rule) = if before { (*member, barrier, BEFORE) } else { (barrier, *member, MEMBER) };
            edges.add(edge(deletes, from, to, rule, String::new()));
        }
    }
}

impl ChangeRule {
    /// The edge between the object that has the rule and the barrier of the group.
    fn add(&self, node: Node, annotation: &str, edges: &mut Edges) {
        let barrier = edges.barrier(barrier(self.deletes, self.before, &self.group));
        let (from, to) = if self.before { (barrier, node) } else { (node, barrier) };
        let rule = if self.deletes { DELETION } else { RULE };
        edges.add(edge(self.deletes, from, to, rule, format!("annotation {annotation}")));
    }
}

fn barrier(deletes: bool, before: bool, group: &str) -> Barrier {
    let kind = match (deletes, before) {
        (false, false) => Barrier::Group,
        (false, true) => Barrier::BeforeGroup,
        (true, false) => Barrier::GroupGone,
        (true, true) => Barrier::BeforeGroupGoes,
    };
    kind(group.to_owned())
}

fn edge(deletes: bool, from: Node, to: Node, rule: Rule, field: String) -> Edge {
    let state = if deletes { State::Absent } else { State::Ready };
    Edge { from, to, state, strength: Strength::Hard, rule, field }
}

fn read_rule(text: &str) -> Result<ChangeRule, String> {
    const MALFORMED: &str = "write `upsert after upserting GROUP`, or `before` for `after`";
    let parts: Vec<&str> = text.split(' ').collect();
    let [action @ ("upsert" | "delete"), order @ ("before" | "after"), target @ ("upserting" | "deleting"), group] =
        parts[..]
    else {
        return Err(MALFORMED.to_owned());
    };
    if group.is_empty() {
        return Err(MALFORMED.to_owned());
    }
    let (deletes, before, target_deletes) = (action == "delete", order == "before", target == "deleting");
    Ok(ChangeRule { deletes, before, target_deletes, group: group.to_owned() })
}

/// Puts the object's own values in the place of placeholders.
fn expand(text: &str, manifest: &Manifest) -> Result<String, String> {
    let key = &manifest.key;
    let definition = Definition::of(key, &manifest.body);
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((placeholder, after)) = after.split_once('}') else { break };
        let value = match placeholder {
            "api-group" => &key.group,
            "kind" => &key.kind,
            "name" => &key.name,
            "namespace" => key.scope.namespace().unwrap_or_default(),
            "crd-kind" => definition.map(|definition| definition.kind).unwrap_or_default(),
            "crd-group" => definition.map(|definition| definition.group).unwrap_or_default(),
            _ => return Err(format!("there is no placeholder {{{placeholder}}}")),
        };
        if value.is_empty() {
            return Err(format!("{{{placeholder}}} has no value for this object"));
        }
        expanded.push_str(before);
        expanded.push_str(value);
        rest = after;
    }
    expanded.push_str(rest);
    if expanded.is_empty() { Err("it is empty".to_owned()) } else { Ok(expanded) }
}
