//! Objects without the values of Secrets. Pure.
//!
//! In: an object of any kind. Out: the same, with its keys and without its values, where it is a Secret; never with
//! `managedFields`, nor with kubectl's copy of what it applied, which has the values again.

use serde_json::Value as Json;

use super::shown::MASK;
use crate::cluster::LAST_APPLIED;

/// Masks an object.
pub(super) fn masked(mut object: Json) -> Json {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Json::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    if object["kind"] == "Secret" {
        for field in ["data", "stringData"] {
            match object.get_mut(field) {
                Some(Json::Object(values)) => values.values_mut().for_each(|value| *value = MASK.into()),
                // Whatever it is, it is no place for anything to be shown.
                Some(other) => *other = Json::Null,
                None => {}
            }
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_keeps_its_keys_and_nothing_else() {
        for field in ["data", "stringData"] {
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", field: {"a": "hunter2", "b": ["hunter2"]},
                "metadata": {"annotations": {LAST_APPLIED: "hunter2", "c": "d"}, "managedFields": ["hunter2"]},
            });
            let shown = masked(secret);
            assert_eq!(shown[field], json!({"a": MASK, "b": MASK}));
            assert!(!shown.to_string().contains("hunter2") && shown["metadata"]["annotations"]["c"] == "d");
        }
        assert_eq!(masked(json!({"kind": "Secret", "data": "hunter2"}))["data"], Json::Null);
        let other = json!({"kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(masked(other.clone())["data"], other["data"]);
    }
}
