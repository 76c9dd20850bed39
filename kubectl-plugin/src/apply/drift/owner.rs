//! Who wrote a field.
//!
//! In: a live object with its `managedFields`, and the path of a field as `diff` writes it. Out: the manager whose entry has
//! that field, or one below or above it; the newest where several do. Pure.
//!
//! `diff` names items of lists as people do (`ports[http]`), the server by what they are merged by (`port` and `protocol`).
//! Which item is meant is looked up in the live object; of one that is gone only the name is known.

use gitops_compiler::diff::KEYS;
use serde_json::Value as Json;

use crate::cluster::{ManagedFields, ObjectMeta};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A field.
    Field(String),
    /// A key with dots, or the item of a list by what identifies it, or its place.
    Item(String),
}

/// The entry that has a field, but for those of `ours`.
pub(super) fn of<'a>(live: &Json, metadata: &'a ObjectMeta, ours: &str, path: &str) -> Option<&'a ManagedFields> {
    let steps = steps(path);
    let others = metadata.managed_fields.iter().filter(|entry| entry.manager != ours);
    let owners = others.filter(|entry| has(&entry.fields_v1, &steps, Some(live)));
    // Times of this form sort as text.
    owners.max_by(|left, right| left.time.cmp(&right.time))
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (item, after) = inside.split_once(']').unwrap_or((inside, ""));
            steps.push(Step::Item(item.to_owned()));
            rest = after.strip_prefix('.').unwrap_or(after);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Field(rest[..end].to_owned()));
            rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        }
    }
    steps
}

/// Whether a set of fields has a path, or one that begins or ends it: a list may be owned as a whole. `live` is what stands
/// at the place, where anything does.
fn has(fields: &Json, steps: &[Step], live: Option<&Json>) -> bool {
    let Some((first, rest)) = steps.split_first() else { return true };
    let Some(map) = fields.as_object() else { return true };
    // A leaf: what is inside of it is owned with it.
    if map.keys().all(|key| key == ".") {
        return !map.is_empty() || fields.as_object().is_some_and(serde_json::Map::is_empty);
    }
    let below = live.and_then(|live| step_into(live, first));
    map.iter().any(|(key, fields)| names(key, first, below) && has(fields, rest, below))
}

/// What a step leads to.
fn step_into<'a>(live: &'a Json, step: &Step) -> Option<&'a Json> {
    let (Step::Field(name) | Step::Item(name)) = step;
    let Some(items) = live.as_array() else { return live.get(name) };
    let named = |key: &&str| items.iter().find(|item| item.get(*key).is_some_and(|value| text(value) == *name));
    KEYS.iter().find_map(named).or_else(|| items.get(name.parse::<usize>().ok()?))
}

/// Whether an entry's key is about a step; `item` is what the step leads to.
fn names(key: &str, step: &Step, item: Option<&Json>) -> bool {
    match step {
        Step::Field(name) => key.strip_prefix("f:") == Some(name),
        Step::Item(name) => match key.split_once(':') {
            Some(("f", field)) => field == name,
            Some(("i", place)) => place == name,
            Some(("v", value)) => value.trim_matches('"') == name,
            Some(("k", keys)) => {
                let keys: Option<serde_json::Map<String, Json>> = serde_json::from_str(keys).ok();
                keys.is_some_and(|keys| match item {
                    Some(item) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
                    None => keys.values().any(|value| text(value) == *name),
                })
            }
            _ => false,
        },
    }
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(entries: Json) -> ObjectMeta {
        serde_json::from_value(json!({"managedFields": entries})).expect("metadata")
    }

    #[test]
    fn the_newest_manager_of_a_field_is_found() {
        let entry = |manager: &str, time: &str, fields: Json| json!({"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields});
        let image = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"main\"}": {".": {}, "f:image": {}}}}}}});
        let found = metadata(json!([
            entry("us", "3", image.clone()),
            entry("kubectl-edit", "2", image.clone()),
            entry("old", "1", image),
            entry("labels", "9", json!({"f:metadata": {"f:labels": {"f:a.b/c": {}}}})),
            entry("args", "9", json!({"f:spec": {"f:args": {}}})),
            entry(
                "port",
                "9",
                json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:name": {}}}}})
            ),
        ]));
        let live = json!({"spec": {
            "template": {"spec": {"containers": [{"name": "main", "image": "a"}, {"name": "other"}]}},
            "args": ["x"],
            "ports": [{"name": "dns", "port": 80, "protocol": "UDP"}, {"name": "web", "port": 80, "protocol": "TCP"}],
        }});
        let manager = |path: &str| of(&live, &found, "us", path).map(|entry| entry.manager.clone());
        assert_eq!(manager("spec.template.spec.containers[main].image").as_deref(), Some("kubectl-edit"));
        assert_eq!(manager("metadata.labels[a.b/c]").as_deref(), Some("labels"));
        assert_eq!(manager("spec.args[0]").as_deref(), Some("args"), "a list that is owned as a whole");
        assert_eq!(manager("spec.ports[web].name").as_deref(), Some("port"), "merged by port and protocol");
        assert_eq!(manager("spec.ports[dns].name"), None, "the other of this number");
        let of_none = |path: &str| of(&Json::Null, &found, "us", path).map(|entry| entry.manager.clone());
        assert_eq!(of_none("spec.ports[80].name").as_deref(), Some("port"), "all that is known of what is gone");
        assert_eq!(manager("spec.template.spec.containers[other].image"), None);
        assert_eq!(manager("data.a"), None);
    }
}
