//! kapp's change groups and change rules.
//!
//! In: `kapp.k14s.io/change-group[.x]: GROUP` and `kapp.k14s.io/change-rule[.x]: upsert (before|after) upserting GROUP`,
//! both with the placeholders `{api-group}`, `{kind}`, `{name}`, `{namespace}`, `{crd-kind}`, `{crd-group}`. Out: one
//! barrier behind each group that somebody waits for, and one before each that waits. As in kapp, a rule for a group
//! that the object itself is in is a circle. Rules for deletion need no edge where they say the reverse of creation,
//! which is how we delete; others are told not to count. kapp's own groups, which it gives to all objects of some
//! kinds, are not ours: what they order, our other rules order better.

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

/// A change rule, read.
#[derive(Debug, PartialEq, Eq)]
struct ChangeRule {
    deletes: bool,
    before: bool,
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
    // What the rules about creation say of deletion, which goes in the reverse order.
    let reversed: BTreeSet<(Node, bool, &str)> = rules
        .iter()
        .filter(|(_, _, rule)| !rule.deletes && !rule.target_deletes)
        .map(|(node, _, rule)| (*node, !rule.before, rule.group.as_str()))
        .collect();
    let mut used = BTreeSet::new();
    for (node, annotation, rule) in &rules {
        let reason = if rule.deletes || rule.target_deletes {
            if rule.deletes && rule.target_deletes && reversed.contains(&(*node, rule.before, &rule.group)) {
                continue;
            }
            "objects are deleted after all others are applied, in the reverse order; this rule changes nothing"
        } else if groups.contains_key(&rule.group) {
            used.insert((rule.before, rule.group.as_str()));
            rule.add(*node, annotation, edges);
            continue;
        } else {
            "no object of this application is in that change group; this rule changes nothing"
        };
        let manifest = &manifests[*node];
        let message = format!("{}: {annotation}: {reason}", manifest.key);
        findings.push(Diagnostic::lint(manifest.origin.clone(), "change-rule-ignored", message));
    }
    for (before, group) in used {
        for member in &groups[group] {
            let (from, to, rule) = if before {
                (*member, edges.barrier(Barrier::BeforeGroup(group.to_owned())), BEFORE)
            } else {
                (edges.barrier(Barrier::Group(group.to_owned())), *member, MEMBER)
            };
            let (state, strength, field) = (State::Ready, Strength::Hard, String::new());
            edges.add(Edge { from, to, state, strength, rule, field });
        }
    }
}

impl ChangeRule {
    /// The edge between the object that has the rule and the barrier of the group.
    fn add(&self, node: Node, annotation: &str, edges: &mut Edges) {
        let (from, to) = if self.before {
            (edges.barrier(Barrier::BeforeGroup(self.group.clone())), node)
        } else {
            (node, edges.barrier(Barrier::Group(self.group.clone())))
        };
        let (state, strength, field) = (State::Ready, Strength::Hard, format!("annotation {annotation}"));
        edges.add(Edge { from, to, state, strength, rule: RULE, field });
    }
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
