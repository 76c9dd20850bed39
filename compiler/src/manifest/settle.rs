//! Settling what a server would refuse or lose, and nothing else.
//!
//! In: a body as written. Out: the body that is hashed and sent. Ids must not depend on a Kubernetes version, so this
//! touches only what every server treats alike: `stringData` becomes `data`, metadata that the server sets is
//! dropped, and of list items with one merge key the last wins (server-side apply answers 500 to two of them).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;

use crate::canon::{Map, Value};
use crate::diagnostic::{Diagnostic, Origin};
use crate::name::ResourceKey;

use super::pod_spec_of;

/// Fields of ObjectMeta that only the server sets. Sending them is an error (managedFields), a precondition that
/// nobody meant (uid, resourceVersion) or without effect.
const SERVER_SET: [&str; 7] =
    ["creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// A body that was encrypted until now, settled as others were when they were read. There is nobody to tell of it: what
/// was encrypted is in no message.
#[must_use]
pub fn settled(mut body: Value, key: &ResourceKey) -> Value {
    let nowhere = Origin::of_file(String::new());
    settle(&mut body, key, &nowhere, &mut Vec::new());
    body
}

pub(super) fn settle(body: &mut Value, key: &ResourceKey, origin: &Origin, findings: &mut Vec<Diagnostic>) {
    drop_server_set(body, key, origin, findings);
    if key.is("", "Secret") {
        merge_string_data(body);
    }
    let mut duplicates = Vec::new();
    if key.is("", "Service")
        && let Some(spec) = field_mut(body, "spec")
    {
        keep_last(spec, "ports", &["port", "protocol"], "spec.ports", &mut duplicates);
    }
    if let Some(pod_spec) = pod_spec_of(key, body) {
        for list in ["containers", "initContainers"] {
            let Some(Value::Array(containers)) = pod_spec.get_mut(list) else { continue };
            for container in containers.iter_mut().filter_map(Value::as_map_mut) {
                let place = format!("{list}[{}]", container.get("name").and_then(Value::as_str).unwrap_or_default());
                keep_last(container, "env", &["name"], &format!("{place}.env"), &mut duplicates);
                keep_last(
                    container,
                    "ports",
                    &["containerPort", "protocol"],
                    &format!("{place}.ports"),
                    &mut duplicates,
                );
            }
        }
    }
    for place in duplicates {
        let message = format!("{key}: {place} is there more than once; the last one wins");
        findings.push(Diagnostic::lint(origin.clone(), "duplicate-list-key", message));
    }
}

fn drop_server_set(body: &mut Value, key: &ResourceKey, origin: &Origin, findings: &mut Vec<Diagnostic>) {
    let Some(metadata) = field_mut(body, "metadata") else { return };
    for field in SERVER_SET {
        // Generators write `creationTimestamp: null` into everything; there is nothing to tell about it.
        if metadata.remove(field).is_some_and(|value| value != Value::Null) {
            let message = format!("{key}: metadata.{field} is set by the server; it is left out");
            findings.push(Diagnostic::lint(origin.clone(), "server-set-metadata", message));
        }
    }
}

/// `stringData` over `data`, encoded, as the server does on a write; server-side apply would own both fields.
fn merge_string_data(body: &mut Value) {
    let Some(fields) = body.as_map_mut() else { return };
    match fields.remove("stringData") {
        Some(Value::Map(plain)) => {
            let data = fields.entry("data".to_owned()).or_insert_with(|| Value::Map(Map::new()));
            if *data == Value::Null {
                *data = Value::Map(Map::new());
            }
            let Some(data) = data.as_map_mut() else { return };
            for (key, value) in plain {
                let encoded = match value {
                    Value::String(text) => Value::String(BASE64.encode(text)),
                    other => other,
                };
                data.insert(key, encoded);
            }
        }
        // Not a map: the server says so better than we can.
        Some(other) if other != Value::Null => {
            fields.insert("stringData".to_owned(), other);
        }
        _ => {}
    }
}

/// Keeps, of the items of `list` with equal merge keys, the last, at the place of the first.
fn keep_last(parent: &mut Map, list: &str, merge_keys: &[&str], place: &str, duplicates: &mut Vec<String>) {
    let Some(Value::Array(items)) = parent.get_mut(list) else { return };
    let merge_key = |item: &Value| {
        let fields = item.as_map()?;
        // `protocol` defaults to TCP; the other keys must be there for two items to be the same.
        let part = |name: &&str| match fields.get(*name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Int(number)) => Some(number.to_string()),
            None if *name == "protocol" => Some("TCP".to_owned()),
            _ => None,
        };
        merge_keys.iter().map(part).collect::<Option<Vec<_>>>()
    };
    let mut first_at: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        match merge_key(&item).map(|key| (first_at.get(&key).copied(), key)) {
            Some((Some(index), key)) => {
                duplicates.push(format!("{place}[{}]", key.join("/")));
                kept[index] = item;
            }
            Some((None, key)) => {
                first_at.insert(key, kept.len());
                kept.push(item);
            }
            None => kept.push(item),
        }
    }
    *items = kept;
}

fn field_mut<'a>(body: &'a mut Value, field: &str) -> Option<&'a mut Map> {
    body.as_map_mut()?.get_mut(field)?.as_map_mut()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settled(body: serde_json::Value, key: &ResourceKey) -> (serde_json::Value, Vec<String>) {
        let mut body = Value::from(body);
        let mut findings = Vec::new();
        let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
        settle(&mut body, key, &origin, &mut findings);
        (serde_json::Value::from(&body), findings.into_iter().filter_map(|finding| finding.rule).collect())
    }

    #[test]
    fn string_data_wins_over_data() {
        let key = ResourceKey::new("", "Secret", ".", "s");
        let (body, lints) = settled(json!({"data": {"a": "eA==", "b": "eA=="}, "stringData": {"a": "foo"}}), &key);
        assert_eq!(body, json!({"data": {"a": "Zm9v", "b": "eA=="}}));
        assert!(lints.is_empty());
    }

    #[test]
    fn server_set_metadata_is_dropped_and_told_unless_null() {
        let key = ResourceKey::new("", "ConfigMap", ".", "c");
        let (body, lints) = settled(json!({"metadata": {"name": "c", "uid": "x", "creationTimestamp": null}}), &key);
        assert_eq!(body, json!({"metadata": {"name": "c"}}));
        assert_eq!(lints, ["server-set-metadata"]);
    }

    #[test]
    fn the_last_of_two_env_entries_wins() {
        let key = ResourceKey::new("", "Pod", ".", "p");
        let env = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "1"}, {"name": "A", "value": "2"}]);
        let (body, lints) = settled(json!({"spec": {"containers": [{"name": "c", "env": env}]}}), &key);
        assert_eq!(
            body["spec"]["containers"][0]["env"],
            json!([{"name": "A", "value": "2"}, {"name": "B", "value": "1"}])
        );
        assert_eq!(lints, ["duplicate-list-key"]);
    }
}
