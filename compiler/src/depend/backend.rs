//! Who answers the API server: APIServices, webhooks and conversions wait for the Service that they name, and for the
//! workloads behind it.
//!
//! In: the edges to those Services (a table, as for any reference). Out: edges to the workloads whose pods the
//! Services select. A CRD is the exception: its conversion webhook is often a controller that does not run without the
//! CRD, and nobody asks it before there is an object in another version than the stored one. So the CRD itself waits
//! for the Service only, and objects in other versions wait for the workloads.

use std::collections::{BTreeMap, HashMap};

use crate::canon::{Map, Value};
use crate::manifest::{Manifest, pod_spec_path};

use super::edges::{Edges, MAX_STEPS};
use super::reference::{Reference, Target};
use super::served::version_of;
use super::{Edge, Index, Node, Rule, State, Strength, deletion};

pub(super) const SERVICE: Rule =
    Rule { name: "backend-service", version: 1, reason: "the API server sends its requests there" };
pub(super) const WORKLOAD: Rule =
    Rule { name: "backend-workload", version: 1, reason: "its pods answer the API server" };
pub(super) const CONVERSION: Rule =
    Rule { name: "conversion-backend", version: 1, reason: "its pods convert that version" };

const CRDS: &str = "apiextensions.k8s.io";
const CRD: &str = "CustomResourceDefinition";
const TO_SERVICE: Target = Target::Object("", "Service");

/// The Services; their edges are added with those of all other tables.
pub(super) const SERVICES: &[Reference] = &[
    Reference::soft("apiregistration.k8s.io", &["APIService"], "spec.service", TO_SERVICE, SERVICE),
    Reference::soft(CRDS, &[CRD], "spec.conversion.webhook.clientConfig.service", TO_SERVICE, SERVICE),
    // apiextensions.k8s.io/v1beta1
    Reference::soft(CRDS, &[CRD], "spec.conversion.webhookClientConfig.service", TO_SERVICE, SERVICE),
    Reference::soft(
        "admissionregistration.k8s.io",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        "webhooks[*].clientConfig.service",
        TO_SERVICE,
        SERVICE,
    ),
];

/// Adds the edges to workloads. All Services must have theirs already.
pub(super) fn infer(manifests: &[Manifest], index: &Index<'_>, edges: &mut Edges) {
    let to_services: Vec<Edge> = edges.list().iter().filter(|edge| edge.rule == SERVICE).cloned().collect();
    let Some(workloads) = workloads(manifests, to_services.iter().map(|edge| edge.to)) else {
        return edges.give_up();
    };
    let none = Vec::new();
    for edge in to_services {
        let behind = workloads.get(&edge.to).unwrap_or(&none);
        if manifests[edge.from].key.is(CRDS, CRD) {
            convert(manifests, index, edge.from, behind, edges);
            // The server reads the objects once more before it forgets their kind.
            for from in behind {
                let (to, state, field) = (edge.from, State::Absent, "labels of its pods".to_owned());
                edges.add(Edge { from: *from, to, state, rule: deletion::CONVERSION, field, ..edge.clone() });
            }
            continue;
        }
        for to in behind {
            if edges.is_full() {
                return;
            }
            edges.add(Edge { to: *to, state: State::Ready, rule: WORKLOAD, ..edge.clone() });
        }
    }
}

/// Objects that are written in another version than the stored one are converted when they come.
fn convert(manifests: &[Manifest], index: &Index<'_>, crd: Node, behind: &[Node], edges: &mut Edges) {
    let body = &manifests[crd].body;
    let text = |path: &[&str]| body.at(path).and_then(Value::as_str).unwrap_or_default();
    let versions = body.at(&["spec", "versions"]).map(Value::items).unwrap_or_default();
    let is_stored = |version: &&Value| version.get("storage").and_then(Value::as_bool) == Some(true);
    let stored = versions.iter().find(is_stored).and_then(|version| version.get("name")).and_then(Value::as_str);
    let Some(stored) = stored.filter(|_| text(&["spec", "conversion", "strategy"]) == "Webhook") else { return };
    for from in index.of_kind(text(&["spec", "group"]), text(&["spec", "names", "kind"])) {
        if edges.is_full() {
            return;
        }
        if version_of(&manifests[from]) == stored {
            continue;
        }
        for to in behind {
            let (state, strength, field) = (State::Ready, Strength::Soft, "apiVersion".to_owned());
            edges.add(Edge { from, to: *to, state, strength, rule: CONVERSION, field });
        }
    }
}

/// The workloads that each of these Services selects; `None` where that is too much to find out.
fn workloads(manifests: &[Manifest], services: impl Iterator<Item = Node>) -> Option<HashMap<Node, Vec<Node>>> {
    // Each Service stands under one label of its selector, so that a workload is compared with few of them.
    let mut by_label: BTreeMap<(&str, &str, &str), Vec<Node>> = BTreeMap::new();
    let mut selected: HashMap<Node, Vec<Node>> = HashMap::new();
    for service in services {
        if selected.insert(service, Vec::new()).is_none()
            && let Some((label, value)) = selector(&manifests[service]).and_then(BTreeMap::first_key_value)
            && let Some(value) = value.as_str()
        {
            let scope = manifests[service].key.scope.as_str();
            by_label.entry((scope, label, value)).or_default().push(service);
        }
    }
    if by_label.is_empty() {
        return Some(selected);
    }
    let mut steps = 0;
    for (node, manifest) in manifests.iter().enumerate() {
        let Some(labels) = pod_labels(manifest) else { continue };
        for (label, value) in labels {
            let place = (manifest.key.scope.as_str(), label.as_str(), value.as_str().unwrap_or_default());
            let candidates = by_label.get(&place).map(Vec::as_slice).unwrap_or_default();
            steps += candidates.len();
            if steps > MAX_STEPS {
                return None;
            }
            for service in candidates {
                let selects = |selector: &Map| selector.iter().all(|(label, value)| labels.get(label) == Some(value));
                if selector(&manifests[*service]).is_some_and(selects) {
                    selected.entry(*service).or_default().push(node);
                }
            }
        }
    }
    Some(selected)
}

fn selector(service: &Manifest) -> Option<&Map> {
    service.body.at(&["spec", "selector"]).and_then(Value::as_map)
}

/// The labels of the pods that a workload keeps running. Those of a Job end, and answer nobody.
fn pod_labels(manifest: &Manifest) -> Option<&Map> {
    let (_, template) = pod_spec_path(&manifest.key).filter(|_| manifest.key.group != "batch")?.split_last()?;
    manifest.body.at(template)?.at(&["metadata", "labels"]).and_then(Value::as_map)
}
