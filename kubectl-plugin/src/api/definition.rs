//! What the definition of Applications says of what is sent, as JSON Schema. Pure.
//!
//! In: places in the definition that `schemas/crds` publishes. Out: schemas of OpenAPI 3.1, which say all that the API server will
//! ask for: fields that nobody defined are none.

use gitops_compiler::manifest::yaml::{self, Limits};
use serde_json::{Map, Value as Json, json};

/// The definition.
const TEXT: &str = include_str!("../../../schemas/crds/application.yaml");
/// Where its schema is.
const SCHEMA: &str = "/spec/versions/0/schema/openAPIV3Schema";
/// A value of a label.
const LABEL: &str = "^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$";
/// A key of a label, without a prefix.
const KEY: &str = "^([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$";
/// A name of an object.
pub(super) const NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// The schema of a place below the one of Applications: `/spec`.
pub(super) fn schema(place: &str) -> Json {
    let definition = yaml::read(TEXT.as_bytes(), Limits::default()).documents.first().map(|it| Json::from(&it.value));
    let found = definition.and_then(|it| it.pointer(&format!("{SCHEMA}{place}")).cloned());
    let mut schema = found.unwrap_or(Json::Null);
    strict(&mut schema);
    schema
}

/// The spec of an Application: one with a source.
pub(super) fn spec() -> Json {
    let mut spec = schema("/properties/spec");
    spec["anyOf"] = json!([{"required": ["source"]}, {"required": ["sources"]}]);
    spec
}

/// Metadata that people may send.
pub(super) fn metadata(is_named: bool) -> Json {
    let texts = |key: &str, value: Json| json!({"type": ["object", "null"], "propertyNames": {"pattern": key}, "additionalProperties": value});
    let mut metadata = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "pattern": NAME, "maxLength": 253},
            "labels": texts(KEY, json!({"type": "string", "pattern": LABEL})),
            "annotations": texts(KEY, json!({"type": "string"})),
        },
    });
    if is_named {
        metadata["required"] = json!(["name"]);
    }
    metadata
}

/// As OpenAPI 3.1 has it: without words of Kubernetes, and closed where fields are named.
fn strict(schema: &mut Json) {
    let Some(fields) = schema.as_object_mut() else { return };
    let is_open = fields.remove("x-kubernetes-preserve-unknown-fields").is_some();
    fields.remove("x-kubernetes-int-or-string");
    if fields.remove("nullable") == Some(Json::Bool(true))
        && let Some(kind) = fields.get_mut("type")
    {
        *kind = json!([kind, "null"]);
    }
    if fields.get("format") == Some(&json!("int64")) {
        fields.insert("minimum".to_owned(), json!(i64::MIN));
        fields.insert("maximum".to_owned(), json!(i64::MAX));
    }
    if fields.contains_key("properties") && !is_open {
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    for name in ["items", "additionalProperties"] {
        if let Some(below) = fields.get_mut(name) {
            strict(below);
        }
    }
    let required = fields.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|known| known == name));
    if let Some(properties) = fields.get_mut("properties").and_then(Json::as_object_mut) {
        for (name, property) in properties {
            strict(property);
            // The API server takes `null` for a field that is not there.
            if !is_required(name) && property.get("default").is_none() {
                or_null(property);
            }
        }
    }
}

/// The same, or `null`.
fn or_null(schema: &mut Json) {
    if let Some(kind) = schema.get_mut("type").filter(|kind| kind.is_string()) {
        *kind = json!([kind, "null"]);
    }
    if let Some(values) = schema.get_mut("enum").and_then(Json::as_array_mut) {
        values.push(Json::Null);
    }
}

/// An object of these fields; others are passed over.
pub(super) fn object(properties: Json, required: &[&str]) -> Json {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), properties);
    schema.insert("required".to_owned(), json!(required));
    schema.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_there_and_closed() {
        let spec = spec();
        assert_eq!(
            (&spec["additionalProperties"], &spec["required"]),
            (&json!(false), &json!(["destination", "project"]))
        );
        let text = spec.to_string();
        assert!(!text.contains("x-kubernetes") && !text.contains("nullable"), "{text}");
        for place in
            ["/properties/operation/properties/retry", "/properties/operation/properties/sync/properties/syncStrategy"]
        {
            assert_eq!(schema(place)["type"], "object", "{place}");
        }
        let webhook = &spec["properties"]["webhook"];
        assert_eq!(webhook["type"], json!(["object", "null"]), "as what is not there");
        assert_eq!(spec["properties"]["project"]["type"], "string", "without what there has to be nothing is taken");
    }

    #[test]
    fn metadata_are_those_that_an_object_may_have() {
        let schema = gitops_testdata::schema::Schema::new(&metadata(true));
        assert!(schema.takes(&json!({"name": "a.b", "labels": {"a": "b"}, "annotations": null})));
        for wrong in [
            json!({}),
            json!({"name": "A"}),
            json!({"name": "a", "labels": {"a b": "c"}}),
            json!({"name": "a", "labels": {"a": "-"}}),
        ] {
            assert!(!schema.takes(&wrong), "{wrong}");
        }
    }
}
