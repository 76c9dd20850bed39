//! What goes, and what goes with it.
//!
//! In: what is removed. Out: findings about data, about what is inside, and about what still needs it.

use std::collections::{BTreeMap, BTreeSet};

use crate::canon::Value;
use crate::manifest::Definition;
use crate::name::{ResourceKey, Scope};

use super::super::compared::{Changed, nameless};
use super::super::pods::{labels, naming, needed};
use super::super::rule::{
    CLAIM_REMOVED, DEFINITION_REMOVED, DISRUPTION_BUDGET_REMOVED, LARGE_CHANGE, MANY_REMOVED, NAMESPACE_REMOVED,
    NETWORK_POLICY_REMOVED, REFERENCE_DANGLES, RENAMED, RiskRule, STATEFUL_SET_REMOVED, VOLUME_REMOVED,
};
use super::{Context, Finding};

/// So many removals, and more than half of all, are a mistake more often than a wish.
const MANY: usize = 10;

/// So many resources nobody reads.
const LARGE: usize = 60;

pub(super) fn find(context: &mut Context<'_, '_>) {
    let compared = context.compared;
    let removed: Vec<&Changed<'_>> = compared.changes.iter().filter(|change| change.removed().is_some()).collect();
    let renamed = renamed(&compared.changes);
    for change in &removed {
        match renamed.get(change.key()) {
            Some(new) => context.push(RENAMED, change, None, format!("is {new} now: it is deleted, and made anew")),
            None => one(context, change),
        }
        // A claim that is renamed loses its data, too.
        if renamed.contains_key(change.key()) && is_data(change.key()) {
            one(context, change);
        }
    }
    dangling(context, &removed);
    let all = compared.old_resources().len();
    if removed.len() >= MANY && removed.len() * 2 > all {
        whole(context, MANY_REMOVED, format!("{} of {all} resources go", removed.len()));
    }
    let count = compared.changes.len();
    if count >= LARGE && compared.old.is_some() {
        whole(context, LARGE_CHANGE, format!("{count} resources differ"));
    }
}

/// About the application as a whole.
fn whole(context: &mut Context<'_, '_>, rule: RiskRule, evidence: String) {
    context.found.push(Finding { rule, resource: None, path: None, evidence, origin: None });
}

fn is_data(key: &ResourceKey) -> bool {
    key.is("", "PersistentVolumeClaim") || key.is("", "PersistentVolume") || key.is("", "Namespace")
}

fn one(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let Some(body) = change.removed() else { return };
    let (rule, evidence) = match (change.key().group.as_str(), change.key().kind.as_str()) {
        ("", "PersistentVolumeClaim") => {
            (CLAIM_REMOVED, "is deleted; its volume as well, where the reclaim policy is Delete".to_owned())
        }
        ("", "PersistentVolume") => (VOLUME_REMOVED, "is deleted, and its claim loses it".to_owned()),
        ("", "Namespace") => (NAMESPACE_REMOVED, "is deleted with everything inside".to_owned()),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let kind = Definition::of(change.key(), body).map_or("its kind", |found| found.kind);
            (DEFINITION_REMOVED, format!("is deleted with all objects of the kind {kind}"))
        }
        ("apps", "StatefulSet") => (STATEFUL_SET_REMOVED, "is deleted; its claims stay".to_owned()),
        ("networking.k8s.io", "NetworkPolicy") => {
            (NETWORK_POLICY_REMOVED, "is deleted: what it kept apart may talk".to_owned())
        }
        ("policy", "PodDisruptionBudget") if selects(context, change, body) => {
            (DISRUPTION_BUDGET_REMOVED, "is deleted, and its Pods are not".to_owned())
        }
        _ => return,
    };
    context.push(rule, change, None, evidence);
}

/// Whether there are Pods that a budget was for; of a selector that is more than labels nobody knows.
fn selects(context: &Context<'_, '_>, change: &Changed<'_>, budget: &Value) -> bool {
    let Some(wanted) = budget.at(&["spec", "selector", "matchLabels"]).and_then(Value::as_map) else { return true };
    context.compared.new_resources().iter().filter(|resource| resource.key.scope == change.key().scope).any(
        |resource| {
            let labels = labels(&resource.key, &resource.body);
            labels.is_some_and(|labels| wanted.iter().all(|(name, value)| labels.get(name) == Some(value)))
        },
    )
}

/// What goes and comes back alike, by its old key.
fn renamed(changes: &[Changed<'_>]) -> BTreeMap<ResourceKey, ResourceKey> {
    let mut added: BTreeMap<(&str, &str, Vec<u8>), Vec<&ResourceKey>> = BTreeMap::new();
    if !changes.iter().any(|change| change.removed().is_some_and(|body| has_spec(change.key(), body))) {
        return BTreeMap::new();
    }
    for change in changes.iter().filter(|change| change.old.is_none()) {
        let Some(body) = change.new_body().filter(|body| has_spec(change.key(), body)) else { continue };
        let key = change.key();
        added.entry((key.group.as_str(), key.kind.as_str(), nameless(body))).or_default().push(key);
    }
    let mut found = BTreeMap::new();
    for change in changes {
        let Some(body) = change.removed().filter(|body| has_spec(change.key(), body)) else { continue };
        let key = change.key();
        let Some(new) = added.get_mut(&(key.group.as_str(), key.kind.as_str(), nameless(body))).and_then(Vec::pop)
        else {
            continue;
        };
        // Where the namespace is left to the destination it may be the same object as before.
        let is_maybe_same = key.name == new.name && (key.scope == Scope::Unbound || new.scope == Scope::Unbound);
        if !is_maybe_same {
            found.insert(key.clone(), new.clone());
        }
    }
    found
}

/// Whether an object has enough in it to be recognised. That two Secrets are alike is not told.
fn has_spec(key: &ResourceKey, body: &Value) -> bool {
    !key.is("", "Secret") && body.get("spec").and_then(Value::as_map).is_some_and(|spec| !spec.is_empty())
}

/// What goes while a workload still names it.
fn dangling(context: &mut Context<'_, '_>, removed: &[&Changed<'_>]) {
    const NAMED: [&str; 4] = ["ConfigMap", "PersistentVolumeClaim", "Secret", "ServiceAccount"];
    let gone =
        removed.iter().filter(|change| change.key().group.is_empty() && NAMED.contains(&change.key().kind.as_str()));
    let gone: BTreeMap<(&Scope, &str, &str), &Changed<'_>> = gone
        .map(|change| ((&change.key().scope, change.key().kind.as_str(), change.key().name.as_str()), *change))
        .collect();
    if gone.is_empty() {
        return;
    }
    let compared = context.compared;
    let mut found: BTreeMap<&ResourceKey, (&Changed<'_>, BTreeSet<String>)> = BTreeMap::new();
    let names = gone.keys().map(|(_, _, name)| *name).collect();
    for (resource, spec) in naming(compared.new_resources(), &names) {
        for (kind, name) in needed(spec) {
            if let Some(change) = gone.get(&(&resource.key.scope, kind, name)) {
                let entry = found.entry(change.key()).or_insert_with(|| (change, BTreeSet::new()));
                entry.1.insert(resource.key.to_string());
            }
        }
    }
    for (_, (change, who)) in found {
        let who: Vec<String> = who.into_iter().collect();
        let verb = if who.len() == 1 { "names" } else { "name" };
        context.push(REFERENCE_DANGLES, change, None, format!("goes, and {} still {verb} it", who.join(", ")));
    }
}
