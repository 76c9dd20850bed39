//! Why an object that is deleted is not gone yet.
//!
//! In: the object as it is now, or its metadata alone. Out: words, or none where it says nothing. Pure. A namespace tells what is
//! left in it by its conditions (`status.conditions` of a Namespace, as its controller writes them); everything else is held by
//! `metadata.finalizers`.

use serde_json::Value as Json;

use crate::health::printable;

/// So much is told of what a controller says.
const MOST_LETTERS: usize = 300;

/// What holds an object.
pub(super) fn held_by(object: &Json) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let remaining = conditions.filter(|condition| {
        let kind = condition["type"].as_str().unwrap_or_default();
        object["kind"] == "Namespace" && kind.starts_with("Namespace") && condition["status"] == "True"
    });
    let told: Vec<&str> = remaining.filter_map(|condition| condition["message"].as_str()).collect();
    if !told.is_empty() {
        return Some(printable(&told.join("; ")).chars().take(MOST_LETTERS).collect());
    }
    let finalizers: Vec<&str> =
        object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    match finalizers.as_slice() {
        [] => None,
        [one] => Some(printable(&format!("the finalizer {one} holds it"))),
        several => Some(printable(&format!("the finalizers {} hold it", several.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finalizers_are_named_and_namespaces_say_what_is_left_in_them() {
        let with = |finalizers: Json| held_by(&json!({"kind": "ConfigMap", "metadata": {"finalizers": finalizers}}));
        assert_eq!(with(json!([])), None);
        assert_eq!(held_by(&json!({})), None);
        assert_eq!(with(json!(["a.io/x"])).as_deref(), Some("the finalizer a.io/x holds it"));
        assert_eq!(with(json!(["a.io/x", "b"])).as_deref(), Some("the finalizers a.io/x, b hold it"));
        let condition =
            |kind: &str, status: &str, message: &str| json!({"type": kind, "status": status, "message": message});
        let namespace = json!({
            "kind": "Namespace",
            "metadata": {"finalizers": ["a.io/x"]},
            "status": {"conditions": [
                condition("NamespaceDeletionDiscoveryFailure", "False", "All resources successfully discovered"),
                condition("NamespaceContentRemaining", "True", "Some resources are remaining: pods. has 1 resource instances"),
                condition("NamespaceFinalizersRemaining", "True", "Some content has finalizers remaining: b in 1\nresource"),
            ]},
        });
        let told = held_by(&namespace).expect("something is left");
        assert!(
            told.starts_with("Some resources are remaining: pods. has 1 resource instances; Some content"),
            "{told}"
        );
        assert!(!told.contains('\n'), "{told}");
    }
}
