//! Whether the type and the metadata of an object decode as Kubernetes' `TypeMeta` and `ObjectMeta`.
//!
//! In: the body of an object or a list. Out: nothing, or which field is not what it must be. kubectl checks this for
//! each document, so that a label that is a number is an error and not a label lost.
//! Guarantees: takes what cli-runtime's `metadataValidatingDecoder` takes, and nothing else; null is always allowed.

use super::yaml;
use crate::canon::{Map, Value};

/// What a value must be, where it is not null.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Any,
    String,
    Bool,
    Int,
    Time,
    /// A map whose values are strings.
    Strings,
    List(&'static Self),
    /// A map with these fields, and any others.
    Map(&'static [(&'static str, Self)]),
}

/// What kubectl decodes of an object.
const OBJECT: [(&str, Type); 3] =
    [("apiVersion", Type::String), ("kind", Type::String), ("metadata", Type::Map(&OBJECT_META))];

/// And of what may be a list.
pub(super) const DOCUMENT: Type = Type::Map(&[OBJECT[0], OBJECT[1], OBJECT[2], ("items", Type::List(&Type::Any))]);

const OBJECT_META: [(&str, Type); 15] = [
    ("name", Type::String),
    ("generateName", Type::String),
    ("namespace", Type::String),
    ("labels", Type::Strings),
    ("annotations", Type::Strings),
    ("creationTimestamp", Type::Time),
    ("deletionGracePeriodSeconds", Type::Int),
    ("deletionTimestamp", Type::Time),
    ("finalizers", Type::List(&Type::String)),
    ("generation", Type::Int),
    ("managedFields", Type::List(&Type::Map(&MANAGED_FIELDS))),
    ("ownerReferences", Type::List(&Type::Map(&OWNER_REFERENCE))),
    ("resourceVersion", Type::String),
    ("selfLink", Type::String),
    ("uid", Type::String),
];

/// The fields of [`OBJECT_META`] that are integers, which JSON can spell in ways that Go does not take for one.
pub(super) const INTEGERS: [&str; 2] = ["deletionGracePeriodSeconds", "generation"];

// `fieldsV1` may be anything: it is kept as the text that it is.
const MANAGED_FIELDS: [(&str, Type); 6] = [
    ("apiVersion", Type::String),
    ("fieldsType", Type::String),
    ("manager", Type::String),
    ("operation", Type::String),
    ("subresource", Type::String),
    ("time", Type::Time),
];

const OWNER_REFERENCE: [(&str, Type); 6] = [
    ("apiVersion", Type::String),
    ("blockOwnerDeletion", Type::Bool),
    ("controller", Type::Bool),
    ("kind", Type::String),
    ("name", Type::String),
    ("uid", Type::String),
];

impl Type {
    /// What the field of a map of this type must be.
    pub(super) fn field(self, name: &str) -> Self {
        match self {
            Self::Strings => Self::String,
            Self::Map(fields) => fields.iter().find(|(field, _)| *field == name).map_or(Self::Any, |(_, field)| *field),
            _ => Self::Any,
        }
    }

    /// What an item of a list of this type must be.
    pub(super) fn item(self) -> Self {
        if let Self::List(item) = self { *item } else { Self::Any }
    }

    /// What it must be, in words, where a value is not of this type, whatever it may hold.
    pub(super) fn objection(self, value: &Value) -> Option<&'static str> {
        match (self, value) {
            (Self::Any, _)
            | (_, Value::Null)
            | (Self::String, Value::String(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Strings | Self::Map(_), Value::Map(_))
            | (Self::List(_), Value::Array(_)) => None,
            (Self::Time, Value::String(text)) if yaml::is_rfc3339(text) => None,
            (Self::String, _) => Some("a string: write it in quotes"),
            (Self::Bool, _) => Some("true or false"),
            (Self::Int, _) => Some("a whole number"),
            (Self::Time, _) => Some("a time like \"2006-01-02T15:04:05Z\" (RFC 3339)"),
            (Self::Strings | Self::Map(_), _) => Some("a map"),
            (Self::List(_), _) => Some("a list"),
        }
    }
}

/// Checks `apiVersion`, `kind` and `metadata`; the error is for the user.
pub(super) fn check(body: &Map) -> Result<(), String> {
    check_fields(Type::Map(&OBJECT), body, "")
}

fn check_fields(kind: Type, map: &Map, place: &str) -> Result<(), String> {
    map.iter().try_for_each(|(name, value)| {
        let place = || match kind {
            Type::Strings => format!("{place}[{name}]"),
            _ if place.is_empty() => name.clone(),
            _ => format!("{place}.{name}"),
        };
        check_value(kind.field(name), value, &place)
    })
}

fn check_value(kind: Type, value: &Value, place: &dyn Fn() -> String) -> Result<(), String> {
    if let Some(wanted) = kind.objection(value) {
        return Err(format!("{} is {}, it must be {wanted}", place(), value.type_name()));
    }
    match value {
        Value::Map(map) if !matches!(kind, Type::Any) => check_fields(kind, map, &place()),
        Value::Array(items) if !matches!(kind, Type::Any) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_value(kind.item(), item, &|| format!("{}[{index}]", place()))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn check_json(body: Json) -> Result<(), String> {
        check(Value::from(body).as_map().expect("a map"))
    }

    #[test]
    fn what_decodes_is_taken() {
        for metadata in [
            json!(null),
            json!({"name": null, "labels": null, "annotations": {"a": null, "b": "c"}, "other": 1}),
            json!({"generation": 1, "deletionGracePeriodSeconds": -1, "creationTimestamp": null}),
            json!({"creationTimestamp": "2006-01-02T15:04:05Z", "finalizers": ["a", null]}),
            json!({"ownerReferences": [null, {"controller": true, "uid": "x", "more": []}]}),
            json!({"managedFields": [{"fieldsV1": 7, "time": "2006-01-02T15:04:05.5+01:00"}]}),
        ] {
            assert_eq!(check_json(json!({"kind": "A", "metadata": metadata})), Ok(()), "{metadata}");
        }
        assert_eq!(check_json(json!({"kind": null, "items": 1})), Ok(()));
    }

    #[test]
    fn what_does_not_decode_is_named() {
        let labels = json!({"kind": "A", "metadata": {"labels": {"x": 1}}});
        let message = "metadata.labels[x] is a number, it must be a string: write it in quotes";
        assert_eq!(check_json(labels), Err(message.to_owned()));
        for (metadata, place) in [
            (json!([]), "metadata is a list"),
            (json!({"name": 1}), "metadata.name"),
            (json!({"selfLink": true}), "metadata.selfLink"),
            (json!({"generation": 1.5}), "metadata.generation"),
            (json!({"generation": "1"}), "metadata.generation"),
            (json!({"annotations": []}), "metadata.annotations"),
            (json!({"creationTimestamp": "2006-01-02"}), "metadata.creationTimestamp"),
            (json!({"deletionTimestamp": 1}), "metadata.deletionTimestamp"),
            (json!({"finalizers": "a"}), "metadata.finalizers"),
            (json!({"finalizers": [{}]}), "metadata.finalizers[0]"),
            (json!({"ownerReferences": [{"controller": "yes"}]}), "metadata.ownerReferences[0].controller"),
            (json!({"ownerReferences": {}}), "metadata.ownerReferences"),
            (json!({"managedFields": [null, 1]}), "metadata.managedFields[1]"),
        ] {
            let message = check_json(json!({"metadata": metadata})).expect_err(place);
            assert!(message.starts_with(place), "{message}");
        }
        assert!(check_json(json!({"kind": 1})).is_err());
        assert!(check_json(json!({"apiVersion": 1})).is_err());
    }
}
