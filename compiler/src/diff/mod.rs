//! What changed between two bodies or two graphs, field by field.
//!
//! In: two values, or two graphs. Out: changes by field path, with the items of lists matched by their keys as people
//! think of them (`containers[cart]`), and equal parts left out. The values of Secrets never come out.

mod fields;
mod quantity;

pub(crate) use fields::join;
use fields::masked;
pub use fields::{FieldChange, KEYS, fields};
pub use quantity::quantity;

use std::collections::BTreeSet;

use crate::canon::Value;
use crate::graph::{LAST_APPLIED, ResourceGraph, VALUES};
use crate::manifest::sops;
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

/// The fields in which two bodies of one resource differ; of a Secret's values only that they do, and of what SOPS has
/// encrypted the same, whatever its kind. Where a body is not stored any more, all that can be said is that.
#[must_use]
pub fn bodies(key: &ResourceKey, old: &Value, new: &Value) -> Vec<FieldChange> {
    // What lies open here may be decrypted there.
    let is_open =
        |change: &FieldChange| ["apiVersion", "kind", "metadata."].iter().any(|field| change.path.starts_with(field));
    compared(key, old, new, is_open)
}

/// The same of two bodies that are as they lie in Git: of what SOPS has encrypted a part of, the rest is told. Nobody hides an object
/// by encrypting a value of it.
#[must_use]
pub fn written_bodies(key: &ResourceKey, old: &Value, new: &Value) -> Vec<FieldChange> {
    let is_open = |change: &FieldChange| {
        let is_encrypted = change.old.iter().chain(&change.new).any(sops::has_ciphertext);
        !is_encrypted && ![sops::SOPS, ""].contains(&change.path.as_str())
    };
    compared(key, old, new, is_open)
}

fn compared(key: &ResourceKey, old: &Value, new: &Value, is_open: impl Fn(&FieldChange) -> bool) -> Vec<FieldChange> {
    let is_encrypted = sops::is_sops(old) || sops::is_sops(new);
    let mut changes = if is_encrypted { fields(&without_sops(old), &without_sops(new)) } else { fields(old, new) };
    if is_encrypted {
        if changes.is_empty() && old != new {
            changes.push(FieldChange { path: sops::SOPS.to_owned(), old: Some(Value::Null), new: Some(Value::Null) });
        }
        changes.iter_mut().filter(|change| !is_open(change)).for_each(FieldChange::mask);
    }
    if key.is("", "Secret") {
        for change in &mut changes {
            if holds_values(&change.path) {
                change.mask();
            }
        }
    }
    changes
}

/// SOPS's own field changes with every encryption, and says nothing that the others do not.
fn without_sops(body: &Value) -> Value {
    let mut rest = body.clone();
    if let Some(fields) = rest.as_map_mut() {
        fields.remove(sops::SOPS);
    }
    rest
}

/// A body as it may be shown: each value of a Secret is replaced by a word, and each that SOPS has encrypted, whatever the kind is.
#[must_use]
pub fn masked_body(key: &ResourceKey, body: &Value) -> Value {
    let mut shown = shown_body(key, body);
    if sops::is_sops(&shown) {
        shown = without_sops(&shown);
        mask_ciphertext(&mut shown);
    }
    shown
}

/// Whether a value was replaced in a body as it may be shown.
#[must_use]
pub fn is_masked(shown: &Value) -> bool {
    match shown {
        Value::Map(map) => map.values().any(is_masked),
        Value::Array(items) => items.iter().any(is_masked),
        scalar => *scalar == masked(),
    }
}

fn mask_ciphertext(value: &mut Value) {
    match value {
        Value::String(text) if sops::is_ciphertext(text) => *value = masked(),
        Value::Map(map) => map.values_mut().for_each(mask_ciphertext),
        Value::Array(items) => items.iter_mut().for_each(mask_ciphertext),
        _ => {}
    }
}

/// A body as it may be kept beside its id: each value of a Secret that lies open is replaced by a word. What SOPS has encrypted is
/// as it is in Git.
#[must_use]
pub fn kept_body(key: &ResourceKey, body: &Value) -> Value {
    if !sops::is_sops(body) {
        return shown_body(key, body);
    }
    let mut kept = body.clone();
    for field in VALUES.into_iter().filter(|_| key.is("", "Secret")) {
        let values = kept.as_map_mut().and_then(|kept| kept.get_mut(field)).and_then(Value::as_map_mut);
        for value in values.into_iter().flat_map(|values| values.values_mut()) {
            if !sops::has_ciphertext(value) {
                *value = masked();
            }
        }
    }
    kept
}

/// A body as it may be shown: each value of a Secret is replaced by a word.
#[must_use]
pub fn shown_body(key: &ResourceKey, body: &Value) -> Value {
    let mut shown = body.clone();
    if !key.is("", "Secret") {
        return shown;
    }
    if let Some(body) = shown.as_map_mut() {
        for (_, values) in body.iter_mut().filter(|(field, _)| VALUES.contains(&field.as_str())) {
            match values.as_map_mut() {
                Some(values) => values.values_mut().for_each(|value| *value = masked()),
                None => *values = masked(),
            }
        }
        let annotations = body.get_mut("metadata").and_then(Value::as_map_mut);
        let annotations = annotations.and_then(|metadata| metadata.get_mut("annotations")).and_then(Value::as_map_mut);
        if let Some(copy) = annotations.and_then(|annotations| annotations.get_mut(LAST_APPLIED)) {
            *copy = masked();
        }
    }
    shown
}

/// Whether what stands at this path of a Secret, or below it, may be values: then it is not shown.
fn holds_values(path: &str) -> bool {
    let first = path.split(['.', '[']).next().unwrap_or_default();
    path.is_empty()
        || VALUES.contains(&first)
        || ["metadata", "metadata.annotations"].contains(&path)
        || path.contains(LAST_APPLIED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_whose_body_is_not_stored_shows_nothing_of_the_other() {
        let key = ResourceKey::new("", "Secret", ".", "s");
        let body: Value = json!({"metadata": {"name": "s"}, "data": {"a": "c2VjcmV0"}}).into();
        let copied = json!({"annotations": {LAST_APPLIED: "c2VjcmV0"}});
        let sides: [(Value, Value); 5] = [
            (Value::Null, body.clone()),
            (body.clone(), Value::Null),
            (json!({"data": null}).into(), body.clone()),
            (json!({}).into(), json!({"metadata": copied, "data": "c2VjcmV0"}).into()),
            (json!({"metadata": {"annotations": {LAST_APPLIED: "x"}}}).into(), json!({"metadata": copied}).into()),
        ];
        for (old, new) in &sides {
            let changes = bodies(&key, old, new);
            let told = format!("{changes:?} {}", serde_json::to_string(&changes).expect("JSON"));
            assert!(!changes.is_empty() && !told.contains("c2VjcmV0"), "{told}");
            for body in [old, new] {
                let shown = serde_json::Value::from(&shown_body(&key, body)).to_string();
                assert!(!shown.contains("c2VjcmV0"), "{shown}");
            }
        }
    }

    #[test]
    fn what_lies_open_beside_an_encrypted_value_is_told_of_what_lies_in_git() {
        let role = |name: &str, word: &str| -> Value {
            json!({"kind": "Binding", "metadata": {"name": "a"}, "roleRef": {"name": name, "word": word},
                "sops": {"mac": word, "lastmodified": "x"}})
            .into()
        };
        let key = ResourceKey::new("acme.io", "Binding", "shop", "a");
        let (old, new) = (role("view", "ENC[AES256_GCM,data:a"), role("admin", "ENC[AES256_GCM,data:b"));
        let told = |changes: Vec<FieldChange>| changes.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            told(written_bodies(&key, &old, &new)),
            ["roleRef.name  view → admin", "roleRef.word  (secret) changed"]
        );
        assert_eq!(
            told(bodies(&key, &old, &new)),
            ["roleRef.name  (secret) changed", "roleRef.word  (secret) changed"]
        );
        let shown = masked_body(&key, &new);
        assert_eq!(
            shown,
            json!({"kind": "Binding", "metadata": {"name": "a"},
            "roleRef": {"name": "admin", "word": "(secret)"}})
            .into()
        );
        let secret = ResourceKey::new("", "Secret", "shop", "a");
        let body: Value = json!({"data": {"open": "aHVudGVyMg==", "hidden": "ENC[AES256_GCM,data:b"},
            "sops": {"mac": "ENC[AES256_GCM,data:m", "lastmodified": "x"}})
        .into();
        let kept = kept_body(&secret, &body);
        assert_eq!(kept.at(&["data", "open"]).and_then(Value::as_str), Some("(secret)"));
        assert_eq!(kept.at(&["data", "hidden"]), body.at(&["data", "hidden"]));
        assert_eq!(masked_body(&secret, &body).at(&["data", "hidden"]).and_then(Value::as_str), Some("(secret)"));
    }

    #[test]
    fn values_of_secrets_are_masked() {
        let key = ResourceKey::new("", "Secret", ".", "s");
        let old = json!({"data": {"a": "c2VjcmV0"}, "type": "Opaque"}).into();
        let new = json!({"data": {"a": "b3RoZXI=", "b": "eA=="}, "type": "Opaque"}).into();
        let lines: Vec<String> = bodies(&key, &old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["data.a  (secret) changed", "data.b  + (secret)"]);
        assert_eq!(shown_body(&key, &old).at(&["data", "a"]), Some(&Value::from("(secret)")));
    }

    #[test]
    fn of_what_is_encrypted_only_names_are_shown() {
        let key = ResourceKey::new("acme.io", "Thing", ".", "t");
        let body = |value: &str, mac: &str| -> Value {
            json!({"metadata": {"name": "t", "labels": {"a": value}}, "spec": {"open": value, "hidden": value},
                "sops": {"mac": mac, "lastmodified": mac}})
            .into()
        };
        let lines = |old: &Value, new: &Value| -> Vec<String> {
            bodies(&key, old, new).iter().map(ToString::to_string).collect()
        };
        let changed = ["metadata.labels.a  1 → 2", "spec.hidden  (secret) changed", "spec.open  (secret) changed"];
        assert_eq!(lines(&body("1", "x"), &body("2", "y")), changed);
        assert_eq!(lines(&body("1", "x"), &body("1", "y")), ["sops  (secret) changed"]);
    }
}
