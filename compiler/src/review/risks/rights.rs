//! Who may do what: roles by their effect, and who holds them.
//!
//! In: a role or binding that differs. Out: findings about what is more than before, and who holds it.

use std::collections::BTreeSet;
use std::fmt;

use crate::canon::Value;

use super::super::compared::Changed;
use super::super::rule::{CLUSTER_ADMIN_BOUND, EVERYBODY_BOUND, RIGHTS_ESCALATE, RIGHTS_WIDENED, SUBJECT_ADDED};
use super::Context;
use super::roles::{MOST, RBAC, Rule, count, is_of_everybody, reference, rules, subjects};

/// Verbs with which more rights can be had.
const MORE: [&str; 3] = ["bind", "escalate", "impersonate"];

/// What leads into Pods, nodes and accounts: of everything, of a part of everything, and by name.
const ENTRIES: [&str; 9] = [
    "*",
    "*/exec",
    "*/attach",
    "*/proxy",
    "*/token",
    "pods/exec",
    "pods/attach",
    "nodes/proxy",
    "serviceaccounts/token",
];

/// The label of a role whose rules are those of another, too.
const AGGREGATE: &str = "rbac.authorization.k8s.io/aggregate-to-";

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

/// One right: a verb, on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Right<'a> {
    verb: &'a str,
    on: On<'a>,
}

/// What a right is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum On<'a> {
    /// A resource of a group: one object, or (empty) all.
    Resource { group: &'a str, resource: &'a str, name: &'a str },
    /// A path of the API server that is no resource.
    Url(&'a str),
}

fn role(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    aggregated(context, change);
    let written = |body: Option<&'_ Value>| body.and_then(|body| body.get("rules")).cloned();
    if change.old.is_some() && written(change.old_body()) == written(change.new_body()) {
        return;
    }
    let (old, new) = (rules(change.old_body()), rules(change.new_body()));
    let path = || Some("rules".to_owned());
    if count(&new) > MOST {
        let evidence = format!("has more than {MOST} rights, and nobody can say which it gains");
        return context.push(RIGHTS_ESCALATE, change, path(), evidence);
    }
    let (old, new) = (Held::new(rights(&old)), rights(&new));
    // A new role is no risk by itself: somebody must be bound to it. What it could do is told where that is much.
    let added: Vec<Right<'_>> = new.into_iter().filter(|right| !old.have(right)).collect();
    let is_cluster = change.key().kind == "ClusterRole";
    let escalating: Vec<Right<'_>> = added.iter().copied().filter(|right| right.escalates(is_cluster)).collect();
    let gains = |rights: &[Right<'_>]| format!("gains {}{}", told(rights), context.roles().held_by(change.key()));
    if !escalating.is_empty() {
        let evidence = gains(&escalating);
        context.push(RIGHTS_ESCALATE, change, path(), evidence);
    } else if !added.is_empty() && change.old.is_some() {
        let evidence = gains(&added);
        context.push(RIGHTS_WIDENED, change, path(), evidence);
    }
}

/// Roles that take over the rules of others, and those whose rules others take over: nobody needs to be bound to these.
fn aggregated(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let rule = |body: Option<&'_ Value>| body.and_then(|body| body.get("aggregationRule")).cloned();
    let new = rule(change.new_body()).filter(|new| *new != Value::Null);
    if new.is_some() && new != rule(change.old_body()) {
        let evidence = "gains the rights of all roles that its aggregationRule selects";
        context.push(RIGHTS_ESCALATE, change, Some("aggregationRule".to_owned()), evidence);
    }
    let joined = |body: Option<&'_ Value>| -> BTreeSet<String> {
        let labels = body.and_then(|body| body.at(&["metadata", "labels"])).and_then(Value::as_map);
        let labels = labels.into_iter().flatten().filter(|(_, value)| value.as_str() == Some("true"));
        labels.filter_map(|(label, _)| label.strip_prefix(AGGREGATE).map(str::to_owned)).collect()
    };
    let gained: Vec<String> = joined(change.new_body()).difference(&joined(change.old_body())).cloned().collect();
    if !gained.is_empty() {
        let evidence = format!("its rights become those of {}", gained.join(", "));
        context.push(RIGHTS_WIDENED, change, Some("metadata.labels".to_owned()), evidence);
    }
}

/// All rights of rules, up to [`MOST`]: what an older role has beyond counts as gained.
fn rights<'a>(rules: &[Rule<'a>]) -> BTreeSet<Right<'a>> {
    let mut found = BTreeSet::new();
    for rule in rules {
        let names: Vec<&str> = if rule.names.is_empty() { vec![""] } else { rule.names.iter().copied().collect() };
        for verb in rule.verbs.iter().copied() {
            let objects = rule.groups.iter().flat_map(|group| rule.resources.iter().map(move |what| (*group, *what)));
            let objects = objects
                .flat_map(|(group, resource)| names.iter().map(move |name| On::Resource { group, resource, name }));
            let on = objects.chain(rule.urls.iter().map(|url| On::Url(url)));
            found.extend(on.map(|on| Right { verb, on }).take(MOST.saturating_sub(found.len())));
        }
    }
    found
}

/// The rights that a role had.
struct Held<'a> {
    rights: BTreeSet<Right<'a>>,
    /// How long the beginnings of paths are that end in `*`: with `/healthz/*` goes all below.
    lengths: BTreeSet<usize>,
}

impl<'a> Held<'a> {
    fn new(rights: BTreeSet<Right<'a>>) -> Self {
        let start = |right: &Right<'_>| match right.on {
            On::Url(url) => url.strip_suffix('*').map(str::len),
            On::Resource { .. } => None,
        };
        let lengths = rights.iter().filter_map(start).collect();
        Self { rights, lengths }
    }

    /// Whether who has these has another one: as the authorizer of the API server compares rules with requests.
    fn have(&self, right: &Right<'_>) -> bool {
        let has = |on: On<'_>| [right.verb, "*"].into_iter().any(|verb| self.rights.contains(&Right { verb, on }));
        match right.on {
            On::Resource { .. } if self.rights.is_empty() => false,
            On::Resource { group, resource, name } => {
                // `*/scale` is that part of all.
                let part = resource.split_once('/').map(|(_, part)| format!("*/{part}"));
                let resources = [Some(resource), Some("*"), part.as_deref()];
                resources.into_iter().flatten().any(|resource| {
                    let places = [(group, name), (group, ""), ("*", name), ("*", "")];
                    places.into_iter().any(|(group, name)| has(On::Resource { group, resource, name }))
                })
            }
            On::Url(url) => {
                let mut starts = self.lengths.range(..=url.len()).filter_map(|length| url.get(..*length));
                has(On::Url(url)) || starts.any(|start| has(On::Url(&format!("{start}*"))))
            }
        }
    }
}

impl Right<'_> {
    fn escalates(&self, is_cluster: bool) -> bool {
        let On::Resource { group, resource, name } = self.on else { return false };
        let is_verb = |verbs: &[&str]| self.verb == "*" || verbs.contains(&self.verb);
        let is_core = group.is_empty() || group == "*";
        let all = self.verb == "*" && resource == "*";
        let reads_secrets = is_core && ["secrets", "*"].contains(&resource) && is_verb(&["get", "list", "watch"]);
        // One Secret by its name is what many programs need.
        let reads_secrets = reads_secrets && name.is_empty() && (is_cluster || self.verb != "get");
        let enters = is_core && ENTRIES.contains(&resource) && is_verb(&["create", "get"]);
        all || MORE.contains(&self.verb) || reads_secrets || enters
    }
}

impl fmt::Display for Right<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (separator, verb) = (|text: &str| if text.is_empty() { "" } else { "." }, self.verb);
        match self.on {
            On::Resource { group, resource, name: "" } => write!(f, "{verb} {resource}{}{group}", separator(group)),
            On::Resource { group, resource, name } => {
                write!(f, "{verb} {resource}{}{group} {name}", separator(group))
            }
            On::Url(url) => write!(f, "{verb} {url}"),
        }
    }
}

fn told(rights: &[Right<'_>]) -> String {
    let named: Vec<String> = rights.iter().take(NAMED).map(ToString::to_string).collect();
    let more = rights.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

fn binding(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let role = |body: Option<&Value>| body.and_then(reference).map(|(kind, name)| (kind.to_owned(), name.to_owned()));
    let (was, is) = (role(change.old_body()), role(change.new_body()));
    let Some((kind, name)) = is.clone() else { return };
    let before = if was == is { subjects(change.old_body()) } else { BTreeSet::new() };
    let added: Vec<String> = subjects(change.new_body()).difference(&before).cloned().collect();
    if added.is_empty() {
        return;
    }
    let path = || Some("subjects".to_owned());
    let who = added.join(", ");
    if added.iter().any(|subject| is_of_everybody(subject)) {
        context.push(EVERYBODY_BOUND, change, path(), format!("{who} get the {kind} {name}"));
    } else if kind == "ClusterRole" && (name == "cluster-admin" || context.roles().is_almighty(&name)) {
        context.push(CLUSTER_ADMIN_BOUND, change, path(), format!("{who} gets the {kind} {name}"));
    } else if change.old.is_some() {
        context.push(SUBJECT_ADDED, change, path(), format!("{who} gets the {kind} {name}"));
    }
}
