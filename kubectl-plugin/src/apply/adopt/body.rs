//! An object as a manifest of it would be.
//!
//! In: a live object. Out: what tools that are left behind, and people, have written of it: its release 0. Pure.
//!
//! What they own by managed fields is there, what they once applied and another owns by now (`last-applied-configuration`),
//! and nothing that the server, a controller or we have added: so applying it changes nothing.

use gitops_compiler::name::{ResourceKey, Scope};
use serde_json::{Map, Value as Json, json};

use crate::cluster::{LAST_APPLIED, ManagedFields, PART_OF, PartialObject};

use super::managers::{is_hand, is_left_behind};
use super::owned::{filled, owned};

/// What others have written of an object.
#[derive(Debug, Default)]
pub(super) struct Written {
    sets: Vec<ManagedFields>,
    /// Of everybody else.
    others: Vec<ManagedFields>,
    applied: Option<Json>,
}

impl Written {
    /// Of a live object. `is_given` says of more managers that what they own counts.
    pub(super) fn of(live: &Json, is_given: impl Fn(&str) -> bool) -> Self {
        let PartialObject { metadata } = serde_json::from_value(live.clone()).unwrap_or_default();
        let counts = |name: &str| is_left_behind(name) || is_hand(name) || is_given(name);
        let applied = metadata.annotations.get(LAST_APPLIED);
        let applied = applied.and_then(|text| serde_json::from_str(text).ok()).filter(Json::is_object);
        let is_theirs = |entry: &ManagedFields| entry.subresource.is_empty() && counts(&entry.manager);
        let (sets, others) = metadata.managed_fields.into_iter().partition(is_theirs);
        Self { sets, others, applied }
    }

    /// Whether nobody who counts has written anything.
    pub(super) fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.applied.is_none()
    }

    /// The version in which most of it is written, where it is known and another than that of the object.
    pub(super) fn other_version(&self, live: &Json) -> Option<&str> {
        let own = live["apiVersion"].as_str().unwrap_or_default();
        let versions =
            || self.sets.iter().map(|entry| entry.api_version.as_str()).filter(|version| !version.is_empty());
        if versions().any(|version| version == own) { None } else { versions().next_back() }
    }

    /// The body, by the key that it has in a graph. `live` is the object in the version of the body.
    pub(super) fn body(&self, live: &Json, key: &ResourceKey) -> Json {
        let version = live["apiVersion"].as_str().unwrap_or_default();
        let [sets, others] = [&self.sets, &self.others].map(|entries| in_version(entries, version));
        let mut body = if sets.is_empty() { json!({}) } else { owned(live, &sets, &others) };
        if let Some(applied) = &self.applied {
            body = filled(Some(body), live, &without_what_no_manifest_says(applied));
        }
        (body["apiVersion"], body["kind"]) = (live["apiVersion"].clone(), live["kind"].clone());
        body["metadata"] = metadata(&body["metadata"], live, key);
        body
    }
}

fn in_version<'a>(entries: &'a [ManagedFields], version: &str) -> Vec<&'a Json> {
    entries.iter().filter(|entry| entry.api_version == version).map(|entry| &entry.fields_v1).collect()
}

fn without_what_no_manifest_says(applied: &Json) -> Json {
    let mut applied = applied.clone();
    if let Some(fields) = applied.as_object_mut() {
        fields.remove("status");
    }
    applied
}

/// The name, where it is, and what is written of the rest.
fn metadata(written: &Json, live: &Json, key: &ResourceKey) -> Json {
    let mut metadata = written.as_object().cloned().unwrap_or_default();
    for (field, not_theirs) in [("labels", PART_OF), ("annotations", LAST_APPLIED)] {
        let left = metadata.get_mut(field).and_then(Json::as_object_mut).map(|texts| {
            texts.remove(not_theirs);
            texts.is_empty()
        });
        if left == Some(true) {
            metadata.remove(field);
        }
    }
    metadata.remove("namespace");
    metadata.insert("name".to_owned(), live["metadata"]["name"].clone());
    if let Scope::Namespace(namespace) = &key.scope {
        metadata.insert("namespace".to_owned(), namespace.as_str().into());
    }
    Json::Object(metadata.into_iter().collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, version: &str, fields: Json) -> Json {
        json!({"manager": manager, "operation": "Update", "apiVersion": version, "fieldsV1": fields})
    }

    fn live(entries: Json, applied: &Json) -> Json {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "a", "namespace": "shop", "uid": "u", "managedFields": entries,
                "labels": {PART_OF: "set", "app": "a"},
                "annotations": {LAST_APPLIED: applied.to_string()},
            },
            "data": {"tool": "1", "hand": "2", "controller": "3", "taken": "4"},
        })
    }

    #[test]
    fn a_body_has_what_tools_and_people_wrote_and_nothing_else() {
        let data = |name: &str| json!({"f:data": {name: {}}});
        let annotations =
            json!({"f:annotations": {".": {}, format!("f:{LAST_APPLIED}"): {}}, "f:labels": {"f:app": {}}});
        let tool = json!({"f:data": {".": {}, "f:tool": {}}, "f:metadata": annotations});
        let mut of_subresource = entry("kubectl", "v1", data("f:controller"));
        of_subresource["subresource"] = "scale".into();
        let entries = json!([
            entry("kubectl-client-side-apply", "v1", tool),
            entry("kubectl-edit", "v1", data("f:hand")),
            entry("some-controller", "v1", data("f:controller")),
            of_subresource,
        ]);
        let applied =
            json!({"data": {"taken": "0", "gone": "0"}, "status": {"x": 1}, "metadata": {"namespace": "other"}});
        let live = live(entries, &applied);
        let written = Written::of(&live, |_| false);
        assert_eq!(written.other_version(&live), None);
        let key = ResourceKey::new("", "ConfigMap", ".", "a");
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"app": "a"}},
            "data": {"tool": "1", "hand": "2", "taken": "4"},
        });
        assert_eq!(written.body(&live, &key), expected);
        let key = ResourceKey::new("", "ConfigMap", "shop", "a");
        assert_eq!(written.body(&live, &key)["metadata"]["namespace"], "shop");
    }

    #[test]
    fn of_what_nobody_who_counts_wrote_there_is_no_body() {
        let mut live = live(json!([entry("some-controller", "v1", json!({}))]), &json!(1));
        assert!(Written::of(&live, |_| false).is_empty());
        assert!(!Written::of(&live, |manager| manager == "some-controller").is_empty());
        live["metadata"]["managedFields"] = json!([entry("helm", "x/v1beta1", json!({"f:data": {"f:tool": {}}}))]);
        let written = Written::of(&live, |_| false);
        assert_eq!(written.other_version(&live), Some("x/v1beta1"));
        live["apiVersion"] = "x/v1beta1".into();
        let key = ResourceKey::new("x", "ConfigMap", ".", "a");
        assert_eq!(written.body(&live, &key)["data"], json!({"tool": "1"}));
    }
}
