//! Who can be reached, and by whom.
//!
//! In: Services, Ingresses and webhooks that differ. Out: findings about what opens, and about what answers no more.

use std::collections::{BTreeSet, HashMap};

use crate::canon::{Map, Value};
use crate::graph::GraphResource;
use crate::name::{ResourceKey, Scope};

use super::super::compared::Changed;
use super::super::pods::labels;
use super::super::rule::{ROUTE_REMOVED, SELECTS_NOTHING, SERVICE_EXPOSED, TLS_REMOVED, WEBHOOK_FAILS_CLOSED};
use super::{Context, Finding};

/// Types of Services that can be reached from outside.
const OUTSIDE: [&str; 2] = ["LoadBalancer", "NodePort"];

pub(super) fn look_at(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let key = change.key();
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Service") => exposed(context, change),
        ("networking.k8s.io" | "extensions", "Ingress") => ingress(context, change),
        ("admissionregistration.k8s.io", kind) if kind.ends_with("WebhookConfiguration") => webhooks(context, change),
        _ => {}
    }
}

/// Services that lost all their Pods, whether they differ or the Pods do.
pub(super) fn find(context: &mut Context<'_, '_>) {
    let compared = context.compared;
    // Only what selects another set, and what is selected no more, can be the cause.
    let differ = compared.changes.iter().any(|change| {
        let key = change.key();
        let was = change.old_body().and_then(|body| labels(key, body));
        let is = change.new_body().and_then(|body| labels(key, body));
        let selects = key.is("", "Service") && change.old_body().map(selector) != change.new_body().map(selector);
        selects || (was.is_some() && was != is)
    });
    let (Some(old), Some(new)) = (compared.old, compared.new) else { return };
    if !differ {
        return;
    }
    let (before, after) = (Labels::of(old.graph.resources()), Labels::of(new.graph.resources()));
    for (node, service) in new.graph.resources().iter().enumerate().filter(|(_, found)| found.key.is("", "Service")) {
        let Some(selector) = selector(&service.body) else { continue };
        let Some(was) = old.graph.resource(&service.key).and_then(|was| selector_of(was)) else { continue };
        let scope = &service.key.scope;
        if before.has(scope, was) && !after.has(scope, selector) {
            let origin = new.origin(node).cloned();
            let evidence = "selects no Pods of this application any more".to_owned();
            let (rule, path) = (SELECTS_NOTHING, Some("spec.selector".to_owned()));
            context.found.push(Finding { rule, resource: Some(service.key.clone()), path, evidence, origin });
        }
    }
}

fn selector(body: &Value) -> Option<&Map> {
    body.at(&["spec", "selector"])?.as_map().filter(|selector| !selector.is_empty())
}

fn selector_of(resource: &GraphResource) -> Option<&Map> {
    selector(&resource.body)
}

/// The labels of all Pods of a side, by each one of them: thousands of Services are looked up among thousands of Pods.
struct Labels<'a>(HashMap<(&'a Scope, &'a str, &'a str), Vec<&'a Map>>);

impl<'a> Labels<'a> {
    fn of(resources: &'a [GraphResource]) -> Self {
        let is_workload = |key: &ResourceKey| crate::manifest::pod_spec_path(key).is_some();
        let mut by_label: HashMap<_, Vec<&Map>> = HashMap::new();
        for resource in resources.iter().filter(|resource| is_workload(&resource.key)) {
            let Some(labels) = labels(&resource.key, &resource.body).and_then(Value::as_map) else { continue };
            for (name, value) in labels {
                let Some(value) = value.as_str() else { continue };
                by_label.entry((&resource.key.scope, name.as_str(), value)).or_default().push(labels);
            }
        }
        Self(by_label)
    }

    /// Whether some Pod has all labels of a selector; what is no text is no label.
    fn has(&self, scope: &Scope, selector: &Map) -> bool {
        let Some((name, value)) = selector.iter().next() else { return false };
        let some = value.as_str().and_then(|value| self.0.get(&(scope, name.as_str(), value)));
        let fits = |labels: &&Map| selector.iter().all(|(name, value)| labels.get(name) == Some(value));
        some.is_some_and(|some| some.iter().any(fits))
    }
}

fn exposed(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let type_of = |body: Option<&'_ Value>| -> String {
        body.and_then(|body| body.at(&["spec", "type"])?.as_str()).unwrap_or("ClusterIP").to_owned()
    };
    let (was, is) = (type_of(change.old_body()), type_of(change.new_body()));
    if OUTSIDE.contains(&is.as_str()) && !OUTSIDE.contains(&was.as_str()) {
        let before = if change.old.is_some() { format!(", and was {was}") } else { String::new() };
        context.push(SERVICE_EXPOSED, change, Some("spec.type".to_owned()), format!("is {is}{before}"));
    }
}

fn ingress(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let (Some(old), Some(new)) = (change.old_body(), change.new_body()) else { return };
    let (before, after) = (routes(old), routes(new));
    for route in before.iter().filter(|route| !after.iter().any(|other| other.serves(route))) {
        let host = if route.host.is_empty() { "any host" } else { &route.host };
        let evidence = format!("{host}{} is served no more", route.path);
        context.push(ROUTE_REMOVED, change, Some("spec.rules".to_owned()), evidence);
    }
    let served: BTreeSet<&str> = after.iter().map(|route| route.host.as_str()).collect();
    let (before, after) = (secure(old), secure(new));
    for host in before.difference(&after).filter(|host| served.contains(host.as_str())) {
        context.push(TLS_REMOVED, change, Some("spec.tls".to_owned()), format!("{host} has no TLS any more"));
    }
}

struct Route {
    host: String,
    path: String,
}

impl Route {
    /// Whether who asks for the other gets an answer here; a path serves all that begins with it.
    fn serves(&self, other: &Self) -> bool {
        self.host == other.host && (self.path == other.path || self.path == "/")
    }
}

fn routes(body: &Value) -> Vec<Route> {
    let mut found = Vec::new();
    for rule in body.at(&["spec", "rules"]).map(Value::items).unwrap_or_default() {
        let host = rule.get("host").and_then(Value::as_str).unwrap_or_default().to_owned();
        for path in rule.at(&["http", "paths"]).map(Value::items).unwrap_or_default() {
            let path = path.get("path").and_then(Value::as_str).unwrap_or("/").to_owned();
            found.push(Route { host: host.clone(), path });
        }
    }
    found
}

/// The hosts that are served with TLS.
fn secure(body: &Value) -> BTreeSet<String> {
    let entries = body.at(&["spec", "tls"]).map(Value::items).unwrap_or_default().iter();
    let hosts = entries.flat_map(|entry| entry.get("hosts").map(Value::items).unwrap_or_default());
    hosts.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn webhooks(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let closed = |body: Option<&'_ Value>| -> BTreeSet<String> {
        let hooks = body.and_then(|body| body.get("webhooks")).map(Value::items).unwrap_or_default().iter();
        let fails =
            |hook: &&Value| hook.get("failurePolicy").and_then(Value::as_str).is_none_or(|policy| policy == "Fail");
        let is_empty = |hook: &Value, field: &str| {
            hook.get(field).is_none_or(|selector| selector.as_map().is_none_or(Map::is_empty))
        };
        let is_wide = |hook: &&Value| ["namespaceSelector", "objectSelector"].iter().all(|field| is_empty(hook, field));
        let touches = |hook: &&Value| {
            let rules = hook.get("rules").map(Value::items).unwrap_or_default().iter();
            let mut groups = rules.flat_map(|rule| rule.get("apiGroups").map(Value::items).unwrap_or_default());
            groups.any(|group| matches!(group.as_str(), Some("" | "*" | "apps")))
        };
        let found = hooks.filter(fails).filter(is_wide).filter(touches);
        found.filter_map(|hook| Some(hook.get("name")?.as_str()?.to_owned())).collect()
    };
    let (before, after) = (closed(change.old_body()), closed(change.new_body()));
    for name in after.difference(&before) {
        let evidence = format!("{name} refuses all that it is asked about while it does not answer, in all namespaces");
        context.push(WEBHOOK_FAILS_CLOSED, change, Some(format!("webhooks[{name}]")), evidence);
    }
}
