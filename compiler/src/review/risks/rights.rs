//! Who may do what: roles by their effect, and who holds them.
//!
//! In: a role or binding that differs. Out: findings about what is more than before.

use std::collections::BTreeSet;

use crate::canon::Value;

use super::super::compared::Changed;
use super::super::rule::{CLUSTER_ADMIN_BOUND, EVERYBODY_BOUND, RIGHTS_ESCALATE, RIGHTS_WIDENED, SUBJECT_ADDED};
use super::Context;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Groups that everybody is in, or everybody who is logged in.
const EVERYBODY: [&str; 3] = ["system:authenticated", "system:serviceaccounts", "system:unauthenticated"];

/// Verbs with which more rights can be had.
const MORE: [&str; 3] = ["bind", "escalate", "impersonate"];

/// So many single rights of a role are compared.
const MOST: usize = 20_000;

/// So many rights are named.
const NAMED: usize = 5;

pub(super) fn look_at(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    if change.key().group != RBAC || change.new_body().is_none() {
        return;
    }
    match change.key().kind.as_str() {
        "Role" | "ClusterRole" => role(context, change),
        "RoleBinding" | "ClusterRoleBinding" => binding(context, change),
        _ => {}
    }
}

/// One right: a verb, on a resource of a group, on one object or (empty) on all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    verb: String,
    group: String,
    resource: String,
    name: String,
}

fn role(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let (old, new) = (rights(change.old_body()), rights(change.new_body()));
    // A new role is no risk by itself: somebody must be bound to it. What it could do is told where that is much.
    let added: Vec<&Right> = new.iter().filter(|right| !old.iter().any(|known| known.covers(right))).collect();
    let is_cluster = change.key().kind == "ClusterRole";
    let escalating: Vec<&Right> = added.iter().copied().filter(|right| right.escalates(is_cluster)).collect();
    let path = || Some("rules".to_owned());
    if !escalating.is_empty() {
        context.push(RIGHTS_ESCALATE, change, path(), format!("gains {}", told(&escalating)));
    } else if !added.is_empty() && change.old.is_some() {
        context.push(RIGHTS_WIDENED, change, path(), format!("gains {}", told(&added)));
    }
}

fn rights(role: Option<&Value>) -> BTreeSet<Right> {
    let mut found = BTreeSet::new();
    let texts = |rule: &Value, field: &str| -> Vec<String> {
        let items = rule.get(field).map(Value::items).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    for rule in role.and_then(|role| role.get("rules")).map(Value::items).unwrap_or_default() {
        let or_all = |texts: Vec<String>| if texts.is_empty() { vec![String::new()] } else { texts };
        let names = or_all(texts(rule, "resourceNames"));
        let mut resources: Vec<(String, String)> = Vec::new();
        for group in or_all(texts(rule, "apiGroups")) {
            resources.extend(texts(rule, "resources").into_iter().map(|resource| (group.clone(), resource)));
        }
        resources.extend(texts(rule, "nonResourceURLs").into_iter().map(|url| (String::new(), url)));
        for verb in texts(rule, "verbs") {
            for (group, resource) in &resources {
                for name in &names {
                    if found.len() >= MOST {
                        return found;
                    }
                    let (verb, group) = (verb.clone(), group.clone());
                    found.insert(Right { verb, group, resource: resource.clone(), name: name.clone() });
                }
            }
        }
    }
    found
}

impl Right {
    /// Whether who has this has the other.
    fn covers(&self, other: &Self) -> bool {
        let is = |mine: &str, theirs: &str| mine == "*" || mine == theirs;
        let is_resource = is(&self.resource, &other.resource)
            // `*/scale` is that part of all, and `pods/*` are all parts of one.
            || self.resource.split_once('/').zip(other.resource.split_once('/')).is_some_and(|(mine, theirs)| {
                is(mine.0, theirs.0) && is(mine.1, theirs.1)
            });
        is(&self.verb, &other.verb)
            && is(&self.group, &other.group)
            && is_resource
            && (self.name.is_empty() || self.name == other.name)
    }

    fn escalates(&self, is_cluster: bool) -> bool {
        let is_verb = |verbs: &[&str]| self.verb == "*" || verbs.contains(&self.verb.as_str());
        let is_url = self.resource.starts_with('/');
        let resource = |name: &str| self.resource == name || self.resource == "*";
        let is_core = self.group.is_empty() || self.group == "*";
        let all = self.verb == "*" && self.resource == "*" && !is_url;
        let reads_secrets = is_core && resource("secrets") && is_verb(&["get", "list", "watch"]);
        // One Secret by its name is what many programs need.
        let reads_secrets = reads_secrets && self.name.is_empty() && (is_cluster || self.verb != "get");
        let enters = is_core
            && ["pods/exec", "pods/attach", "nodes/proxy", "serviceaccounts/token"].contains(&self.resource.as_str())
            && is_verb(&["create", "get"]);
        all || MORE.contains(&self.verb.as_str()) || reads_secrets || enters
    }
}

fn told(rights: &[&Right]) -> String {
    let one = |right: &&Right| {
        let group = if right.group.is_empty() { String::new() } else { format!(".{}", right.group) };
        let name = if right.name.is_empty() { String::new() } else { format!(" {}", right.name) };
        format!("{} {}{group}{name}", right.verb, right.resource)
    };
    let named: Vec<String> = rights.iter().take(NAMED).map(one).collect();
    let more = rights.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

fn binding(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let role = |body: Option<&Value>| -> Option<(String, String)> {
        let reference = body?.get("roleRef")?;
        let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((text("kind"), text("name")))
    };
    let (was, is) = (role(change.old_body()), role(change.new_body()));
    let Some((kind, name)) = is.clone() else { return };
    let before = if was == is { subjects(change.old_body()) } else { BTreeSet::new() };
    let added: Vec<String> = subjects(change.new_body()).difference(&before).cloned().collect();
    if added.is_empty() {
        return;
    }
    let path = || Some("subjects".to_owned());
    let who = added.join(", ");
    let everybody: Vec<&str> =
        EVERYBODY.into_iter().filter(|group| added.contains(&format!("Group {group}"))).collect();
    let anonymous = added.contains(&"User system:anonymous".to_owned());
    if !everybody.is_empty() || anonymous {
        context.push(EVERYBODY_BOUND, change, path(), format!("{who} get the {kind} {name}"));
    } else if kind == "ClusterRole" && (name == "cluster-admin" || is_almighty(context, &name)) {
        context.push(CLUSTER_ADMIN_BOUND, change, path(), format!("{who} gets the {kind} {name}"));
    } else if change.old.is_some() {
        context.push(SUBJECT_ADDED, change, path(), format!("{who} gets the {kind} {name}"));
    }
}

/// Whether a role among the manifests may do everything.
fn is_almighty(context: &Context<'_, '_>, name: &str) -> bool {
    let resources = context.compared.new_resources().iter();
    let mut roles = resources.filter(|resource| resource.key.is(RBAC, "ClusterRole") && resource.key.name == name);
    roles.any(|role| {
        let is_all = |right: &Right| right.verb == "*" && right.resource == "*" && right.group == "*";
        rights(Some(&role.body)).iter().any(is_all)
    })
}

fn subjects(binding: Option<&Value>) -> BTreeSet<String> {
    let items = binding.and_then(|binding| binding.get("subjects")).map(Value::items).unwrap_or_default();
    let text = |subject: &Value, field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let one = |subject: &Value| {
        let namespace = text(subject, "namespace");
        let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        format!("{} {place}{}", text(subject, "kind"), text(subject, "name"))
    };
    items.iter().map(one).collect()
}
