//! What changed between two bodies or two graphs, field by field.
//!
//! In: two values, or two graphs. Out: changes by field path, with the items of lists matched by their keys as people
//! think of them (`containers[cart]`), and equal parts left out. The values of Secrets never come out.

mod fields;

pub use fields::{FieldChange, fields};

use std::collections::BTreeSet;

use crate::canon::Value;
use crate::graph::ResourceGraph;
use crate::name::ResourceKey;

/// What became of one resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Only the new graph has it.
    Added,
    /// Only the old graph has it.
    Removed,
    /// Both have it, with other bodies.
    Changed(Vec<FieldChange>),
}

/// The resources in which two graphs differ, by key.
#[must_use]
pub fn graphs(old: &ResourceGraph, new: &ResourceGraph) -> Vec<(ResourceKey, Change)> {
    if (old.content_root(), old.hook_root()) == (new.content_root(), new.hook_root()) {
        return Vec::new();
    }
    let keys: BTreeSet<&ResourceKey> =
        old.resources().iter().chain(new.resources()).map(|resource| &resource.key).collect();
    let change = |key: &ResourceKey| match (old.resource(key), new.resource(key)) {
        (Some(old), Some(new)) if old.id == new.id => None,
        (Some(old), Some(new)) => Some(Change::Changed(bodies(key, &old.body, &new.body))),
        (Some(_), None) => Some(Change::Removed),
        (None, _) => Some(Change::Added),
    };
    keys.into_iter().filter_map(|key| Some((key.clone(), change(key)?))).collect()
}

/// The fields in which two bodies of one resource differ; of a Secret's values only that they do.
#[must_use]
pub fn bodies(key: &ResourceKey, old: &Value, new: &Value) -> Vec<FieldChange> {
    let mut changes = fields(old, new);
    if key.is("", "Secret") {
        for change in &mut changes {
            if change.path.starts_with("data") || change.path.starts_with("stringData") {
                change.mask();
            }
        }
    }
    changes
}

/// A body as it may be shown: the values of a Secret are replaced by their length.
#[must_use]
pub fn shown_body(key: &ResourceKey, body: &Value) -> Value {
    let mut shown = body.clone();
    if key.is("", "Secret") {
        for field in ["data", "stringData"] {
            let values = shown.as_map_mut().and_then(|body| body.get_mut(field)).and_then(Value::as_map_mut);
            for value in values.into_iter().flat_map(std::collections::BTreeMap::values_mut) {
                *value = fields::masked(value);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_secrets_are_masked() {
        let key = ResourceKey::new("", "Secret", ".", "s");
        let old = json!({"data": {"a": "c2VjcmV0"}, "type": "Opaque"}).into();
        let new = json!({"data": {"a": "b3RoZXI=", "b": "eA=="}, "type": "Opaque"}).into();
        let lines: Vec<String> = bodies(&key, &old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["data.a  (secret) changed", "data.b  + (secret)"]);
        assert_eq!(shown_body(&key, &old).at(&["data", "a"]), Some(&Value::from("(secret)")));
    }
}
