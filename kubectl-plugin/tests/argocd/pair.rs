//! One pair of Argo CD's: what is wanted, and what is there.
//!
//! In: two files. Out: the same two as this server takes them: without what a server sets, in the namespace of the test, of
//! versions that are served today. Nothing else of them is changed.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::support::World;

/// Who applied in Argo CD's name, as `managedFields` have it.
pub(crate) const CONTROLLER: &str = "argocd-controller";

/// kubectl's copy of what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a server sets by itself.
const OF_THE_SERVER: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// The object of a file.
pub(crate) fn read(path: &Path) -> Json {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The object as this server takes it.
pub(crate) fn adapted(object: &Json, world: &World) -> Json {
    let mut object = object.clone();
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let fields = object.as_object_mut().expect("an object");
    fields.remove("status");
    let metadata = fields["metadata"].as_object_mut().expect("metadata");
    metadata.retain(|field, _| !OF_THE_SERVER.contains(&field.as_str()));
    if metadata.contains_key("namespace") {
        metadata.insert("namespace".to_owned(), json!(world.name));
    }
    match kind.as_str() {
        "StatefulSet" => object["apiVersion"] = json!("apps/v1"),
        // The server gives them, to one Service in the whole cluster.
        "Service" => object["spec"]["ports"].as_array_mut().into_iter().flatten().for_each(|port| {
            port.as_object_mut().map(|port| port.remove("nodePort"));
        }),
        "ClusterRole" => rename(&mut object, world),
        "MutatingWebhookConfiguration" => {
            object["apiVersion"] = json!("admissionregistration.k8s.io/v1");
            rename(&mut object, world);
            for webhook in object["webhooks"].as_array_mut().expect("webhooks") {
                // This version has no defaults for these, and takes no other value for the first.
                webhook["sideEffects"] = json!("None");
                webhook["admissionReviewVersions"] = json!(["v1beta1"]);
            }
        }
        _ => {}
    }
    object
}

/// What lives outside of namespaces gets a name that nobody else has.
fn rename(object: &mut Json, world: &World) {
    let name = format!("{}-{}", object["metadata"]["name"].as_str().unwrap_or_default(), world.name);
    object["metadata"]["name"] = json!(name);
}

/// What had been applied in Argo CD's name when the live object was as it is: what its controller owns, else what kubectl's
/// copy says.
pub(crate) fn applied_before(live: &Json, wanted: &Json) -> Json {
    let entries = live["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(entry) = entries.iter().find(|entry| entry["manager"] == CONTROLLER) {
        let mut owned = part(&entry["fieldsV1"], live);
        for field in ["apiVersion", "kind"] {
            owned[field] = live[field].clone();
        }
        for field in ["name", "namespace"] {
            owned["metadata"][field] = live["metadata"][field].clone();
        }
        return owned;
    }
    let copy = live["metadata"]["annotations"][LAST_APPLIED].as_str().expect("kubectl's copy");
    let mut copy: Json = serde_json::from_str(copy).expect("JSON");
    // These kubectl adds itself.
    for field in ["annotations", "namespace"] {
        if wanted["metadata"][field].is_null() {
            copy["metadata"].as_object_mut().expect("metadata").remove(field);
        }
    }
    copy
}

/// The part of an object that an entry of `managedFields` owns.
fn part(fields: &Json, live: &Json) -> Json {
    let Some(map) = fields.as_object().filter(|map| map.keys().any(|key| key != ".")) else { return live.clone() };
    let mut owned = json!({});
    let mut items = Vec::new();
    for (key, below) in map {
        match key.split_once(':') {
            // Owned as a whole, while empty: what is in it now came from others.
            Some(("f", "annotations")) if below.as_object().is_some_and(serde_json::Map::is_empty) => {}
            Some(("f", name)) => {
                if let Some(live) = live.get(name) {
                    owned[name] = part(below, live);
                }
            }
            Some(("k", keys)) => {
                let keys: serde_json::Map<String, Json> = serde_json::from_str(keys).expect("keys of an item");
                let is_it = |item: &&Json| keys.iter().all(|(key, value)| item[key] == *value);
                let item = live.as_array().expect("a list").iter().find(is_it);
                items.extend(item.map(|item| part(below, item)));
            }
            _ => {}
        }
    }
    if items.is_empty() { owned } else { Json::Array(items) }
}
