//! Applications as they are shown: without what is secret, and without what nobody reads.
//!
//! In: an object, which of its fields are wanted. Out: JSON, written without a copy of the object. Left out are
//! `managedFields` and kubectl's copy of what it applied; secrets of webhooks are masked, and users and passwords are taken
//! out of addresses of repositories, wherever those stand. [`restore`] undoes that in what comes back, so that whoever reads,
//! changes and writes an Application does not lose them.

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::Value as Json;

use gitops_compiler::app::without_user;

use super::fields::Fields;
use crate::cluster::LAST_APPLIED;
use crate::controller::catalog::Row;

/// What stands where a secret is.
pub(super) const MASK: &str = "********";
const API_VERSION: &str = "argoproj.io/v1alpha1";

/// An Application, to be written.
pub(super) struct Shown<'a> {
    object: Object<'a>,
    pub(super) kind: &'static str,
    pub(super) fields: Fields<'a>,
}

/// An object, or where it is read from when it is written: of thousands there is one at a time.
enum Object<'a> {
    Read(&'a Json),
    Kept(&'a Row),
}

impl<'a> Shown<'a> {
    /// The Application of a row.
    pub(super) fn of(row: &'a Row, fields: Fields<'a>) -> Self {
        Self { object: Object::Kept(row), kind: "Application", fields }
    }

    /// A whole Application.
    pub(super) fn whole(object: &'a Json) -> Self {
        Self::of_kind("Application", object)
    }

    /// A whole object of another kind.
    pub(super) fn of_kind(kind: &'static str, object: &'a Json) -> Self {
        Self { object: Object::Read(object), kind, fields: Fields::All }
    }

    fn write<S: Serializer>(&self, object: &Json, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        // Items of lists come without.
        for (name, value) in [("apiVersion", API_VERSION), ("kind", self.kind)] {
            if self.fields.below(name).is_some() {
                map.serialize_entry(name, value)?;
            }
        }
        for (name, value) in object.as_object().into_iter().flatten() {
            let place = match name.as_str() {
                "apiVersion" | "kind" => continue,
                "metadata" => Place::Metadata,
                "spec" => Place::Spec,
                _ => Place::Else,
            };
            if let Some(fields) = self.fields.below(name) {
                map.serialize_entry(name, &Part { value, place, fields })?;
            }
        }
        map.end()
    }
}

/// Where in an Application a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Metadata,
    Annotations,
    Spec,
    Webhook,
    Else,
}

struct Part<'a> {
    value: &'a Json,
    place: Place,
    fields: Fields<'a>,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.object {
            Object::Read(object) => self.write(object, serializer),
            Object::Kept(row) => self.write(&row.object(), serializer),
        }
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { value, place, fields } = *self;
        match value {
            Json::Object(object) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in object {
                    if is_left_out(place, name) {
                        continue;
                    }
                    let Some(fields) = fields.below(name) else { continue };
                    match masked(place, name, value) {
                        Some(text) => map.serialize_entry(name, &text)?,
                        None => map.serialize_entry(name, &Part { value, place: below(place, name), fields })?,
                    }
                }
                map.end()
            }
            Json::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for value in items {
                    sequence.serialize_element(&Part { value, place, fields })?;
                }
                sequence.end()
            }
            other => other.serialize(serializer),
        }
    }
}

fn is_left_out(place: Place, name: &str) -> bool {
    matches!((place, name), (Place::Metadata, "managedFields") | (Place::Annotations, LAST_APPLIED))
}

fn below(place: Place, name: &str) -> Place {
    match (place, name) {
        (Place::Metadata, "annotations") => Place::Annotations,
        (Place::Spec, "webhook") | (Place::Webhook, _) => Place::Webhook,
        _ => Place::Else,
    }
}

/// What stands for a value that is not shown as it is.
fn masked(place: Place, name: &str, value: &Json) -> Option<String> {
    let text = value.as_str()?;
    if place == Place::Webhook && name == "secret" {
        return Some(MASK.to_owned());
    }
    let shown = (name == "repoURL").then(|| without_user(text))?;
    (shown != text).then_some(shown)
}

/// The `spec` that somebody writes, with what was masked of the one that is there. Gives where a mask stands for nothing.
pub(super) fn restore(written: &mut Json, stored: &Json) -> Result<(), String> {
    let mut addresses = Vec::new();
    collect(stored, &mut addresses);
    restore_addresses(written, &addresses);
    let Some(webhook) = written.get_mut("webhook").and_then(Json::as_object_mut) else { return Ok(()) };
    for (provider, items) in webhook {
        let known = stored["webhook"][provider.as_str()].as_array().cloned().unwrap_or_default();
        for item in items.as_array_mut().into_iter().flatten().filter(|item| item["secret"] == MASK) {
            let shown = |known: &&Json| {
                let mut shown = (*known).clone();
                shown["secret"] = MASK.into();
                shown == *item
            };
            let Some(known) = known.iter().find(shown) else {
                return Err(format!("spec.webhook.{provider} has a mask where its secret should be"));
            };
            *item = known.clone();
        }
    }
    Ok(())
}

/// All addresses that are not shown as they are.
fn collect<'a>(value: &'a Json, addresses: &mut Vec<&'a str>) {
    match value {
        Json::Object(object) => {
            for (name, value) in object {
                match value.as_str() {
                    Some(text) if name == "repoURL" && without_user(text) != text => addresses.push(text),
                    _ => collect(value, addresses),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, addresses)),
        _ => {}
    }
}

fn restore_addresses(value: &mut Json, addresses: &[&str]) {
    match value {
        Json::Object(object) => {
            for (name, value) in object {
                let known = value
                    .as_str()
                    .filter(|_| name == "repoURL")
                    .and_then(|text| addresses.iter().find(|address| without_user(address) == text));
                match known {
                    Some(address) => *value = (*address).into(),
                    None => restore_addresses(value, addresses),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| restore_addresses(item, addresses)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Wanted;
    use super::*;

    fn object() -> Json {
        json!({
            "metadata": {
                "name": "a", "managedFields": [{"manager": "x"}],
                "annotations": {LAST_APPLIED: "hunter2", "b": "c"},
            },
            "spec": {
                "source": {"repoURL": "https://u:hunter2@h/r"},
                "webhook": {"gitlab": [{"url": "https://x", "secret": "hunter2"}]},
            },
            "status": {"history": [{"source": {"repoURL": "https://u:hunter2@h/r"}}]},
        })
    }

    fn shown(fields: Option<&str>) -> Json {
        let wanted = Wanted::read(fields);
        serde_json::to_value(Shown { fields: wanted.fields(), ..Shown::whole(&object()) }).expect("JSON")
    }

    #[test]
    fn nothing_secret_is_shown() {
        let all = shown(None);
        assert!(!all.to_string().contains("hunter2"), "{all:#}");
        assert_eq!(all["apiVersion"], "argoproj.io/v1alpha1");
        assert_eq!(all["metadata"], json!({"name": "a", "annotations": {"b": "c"}}));
        assert_eq!(all["spec"]["source"]["repoURL"], "https://h/r");
        assert_eq!(all["spec"]["webhook"]["gitlab"][0], json!({"url": "https://x", "secret": MASK}));
        assert_eq!(shown(Some("metadata.name,kind")), json!({"kind": "Application", "metadata": {"name": "a"}}));
    }

    #[test]
    fn what_was_masked_comes_back_as_it_was() {
        let stored = object()["spec"].clone();
        let mut written = shown(None)["spec"].clone();
        written["project"] = "p".into();
        restore(&mut written, &stored).expect("restored");
        assert_eq!(written["source"], stored["source"]);
        assert_eq!(written["webhook"], stored["webhook"]);
        let mut moved = shown(None)["spec"].clone();
        moved["webhook"]["gitlab"][0]["url"] = "https://y".into();
        assert!(restore(&mut moved, &stored).is_err(), "a secret is not lent to another address");
    }
}
