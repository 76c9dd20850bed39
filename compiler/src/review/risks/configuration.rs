//! Configuration, secrets, namespaces, claims, and fields that cannot change.
//!
//! In: what differs. Out: findings.

use std::collections::BTreeSet;

use crate::canon::Value;
use crate::diff::{self, quantity};
use crate::graph::GraphResource;
use crate::manifest::sops;
use crate::name::{ResourceKey, Scope};
use crate::plan;

use super::super::compared::{Changed, Found};
use super::super::pods::{naming, read_at_start};
use super::super::rule::{
    CLAIM_SHRINKS, CONFIG_NOT_RELOADED, ENCRYPTED_UNSEEN, FINALIZER_ADDED, IMMUTABLE_FIELD, PLAIN_SECRET,
    POD_SECURITY_LOWERED,
};
use super::Context;

/// The label of a Namespace that says which standard its Pods must meet.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

pub(super) fn look_at(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let key = change.key();
    if key.is("", "Namespace") {
        pod_security(context, change);
    }
    if key.is("", "PersistentVolumeClaim") {
        shrinks(context, change);
    }
    let is_plain = |found: Option<Found<'_>>| found.is_some_and(|found| found.resource.is_plain_secret());
    if is_plain(change.new) && !is_plain(change.old) {
        context.push(PLAIN_SECRET, change, None, "its values lie open in Git");
    }
    finalizers(context, change);
    encrypted(context, change);
    if let (Some(_), Some(body)) = (change.old, change.new_body())
        && !change.is_replaced()
        && !plan::recreates_freely(key)
        && let Some(field) = plan::immutable_field(key, body, change.differences.iter().map(|found| &found.change))
    {
        let evidence = format!("{field} cannot change: the server refuses it");
        context.push(IMMUTABLE_FIELD, change, Some(field), evidence);
    }
}

fn pod_security(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let level = |body: Option<&Value>| match body.and_then(|body| body.at(&["metadata", "labels", ENFORCE])?.as_str()) {
        Some("restricted") => 2,
        Some("baseline") => 1,
        _ => 0,
    };
    let (was, is) = (level(change.old_body()), level(change.new_body()));
    if change.old.is_some() && change.new.is_some() && is < was {
        let word = |level: usize| ["privileged", "baseline", "restricted"][level.min(2)];
        let path = Some(format!("metadata.labels[{ENFORCE}]"));
        context.push(POD_SECURITY_LOWERED, change, path, format!("enforces {} instead of {}", word(is), word(was)));
    }
}

fn shrinks(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let size = |body: Option<&Value>| quantity(body?.at(&["spec", "resources", "requests", "storage"]));
    let (Some(was), Some(is)) = (size(change.old_body()), size(change.new_body())) else { return };
    if is < was {
        let path = "spec.resources.requests.storage";
        let found = change.differences.iter().find(|found| found.change.path == path);
        let evidence = found.map(|found| found.change.to_string()).unwrap_or_default();
        context.push(CLAIM_SHRINKS, change, Some(path.to_owned()), evidence);
    }
}

/// What holds configuration, and nothing that acts by itself.
fn is_configuration(key: &ResourceKey) -> bool {
    key.is("", "ConfigMap") || key.is("", "Secret")
}

/// Values that nobody can read, where they are more than a word that is to be secret.
fn encrypted(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let Some(new) = change.new_body().filter(|new| sops::is_sops(new) && !is_configuration(change.key())) else {
        return;
    };
    let mut before = BTreeSet::new();
    ciphertexts(change.old_body(), String::new(), &mut before);
    let mut after = BTreeSet::new();
    ciphertexts(Some(new), String::new(), &mut after);
    let gained: Vec<&str> = after.difference(&before).map(|(path, _)| path.as_str()).collect();
    if let Some(first) = gained.first() {
        let more = if gained.len() > 1 { format!(" and {} more are", gained.len() - 1) } else { " is".to_owned() };
        context.push(ENCRYPTED_UNSEEN, change, Some((*first).to_owned()), format!("{first}{more} encrypted"));
    }
}

/// The encrypted values of a body, by their paths.
fn ciphertexts<'a>(value: Option<&'a Value>, path: String, found: &mut BTreeSet<(String, &'a str)>) {
    match value {
        Some(Value::String(text)) if sops::is_ciphertext(text) => {
            found.insert((path, text));
        }
        Some(Value::Map(map)) => {
            let open = map.iter().filter(|(name, _)| !path.is_empty() || *name != sops::SOPS);
            open.for_each(|(name, value)| ciphertexts(Some(value), diff::join(&path, name), found));
        }
        Some(Value::Array(items)) => {
            let items = items.iter().enumerate();
            items.for_each(|(at, value)| ciphertexts(Some(value), format!("{path}[{at}]"), found));
        }
        _ => {}
    }
}

fn finalizers(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let of = |body: Option<&'_ Value>| -> BTreeSet<String> {
        let items = body.and_then(|body| body.at(&["metadata", "finalizers"])).map(Value::items).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let added: Vec<String> = of(change.new_body()).difference(&of(change.old_body())).cloned().collect();
    if !added.is_empty() {
        let path = Some("metadata.finalizers".to_owned());
        context.push(FINALIZER_ADDED, change, path, format!("gains {}", added.join(", ")));
    }
}

/// ConfigMaps and Secrets that differ while the Pods that read them at their start stay as they are.
pub(super) fn find(context: &mut Context<'_, '_>) {
    let compared = context.compared;
    let is_data = |path: &str| ["data", "binaryData", "stringData", "sops"].iter().any(|field| path.starts_with(field));
    let differs = |change: &&Changed<'_>| change.differences.iter().any(|found| is_data(&found.change.path));
    let configuration: Vec<&Changed<'_>> = compared
        .changes
        .iter()
        .filter(|change| is_configuration(change.key()) && !change.is_replaced())
        .filter(differs)
        .collect();
    if configuration.is_empty() {
        return;
    }
    let restarted: BTreeSet<&ResourceKey> = compared
        .changes
        .iter()
        .filter(|change| change.differences.iter().any(|found| found.change.path.starts_with("spec.template")))
        .map(Changed::key)
        .collect();
    let mut stale: std::collections::BTreeMap<(&Scope, &str, &str), Vec<String>> = std::collections::BTreeMap::new();
    let names = configuration.iter().map(|change| change.key().name.as_str()).collect();
    let is_rolling = |resource: &GraphResource| resource.key.group == "apps" && !restarted.contains(&resource.key);
    for (resource, spec) in naming(compared.new_resources(), &names).filter(|(resource, _)| is_rolling(resource)) {
        for (kind, name) in read_at_start(spec) {
            stale.entry((&resource.key.scope, kind, name)).or_default().push(resource.key.to_string());
        }
    }
    for change in configuration {
        let key = change.key();
        if let Some(who) = stale.get(&(&key.scope, key.kind.as_str(), key.name.as_str())) {
            let verb = if who.len() == 1 { "reads it at its start, and is" } else { "read it at their start, and are" };
            let evidence = format!("{} {verb} not restarted", who.join(", "));
            context.push(CONFIG_NOT_RELOADED, change, None, evidence);
        }
    }
}
