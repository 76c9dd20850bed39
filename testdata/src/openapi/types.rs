//! Definitions of OpenAPI in the words that the compiler reads.
//!
//! In: the documents, and what the server demands. Out: a line for each definition with fields, and one for each field,
//! sorted. Descriptions, defaults and everything that the server does not check while it reads are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::Error;
use super::demand::Demands;
use super::documents::Documents;

/// Definitions that are no structs to Kubernetes, though OpenAPI has no word for what they are.
const OWN_WORDS: [(&str, &str); 3] = [
    ("io.k8s.apimachinery.pkg.api.resource.Quantity", "quantity"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", "micro-time"),
    ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "int-or-string"),
];

/// The name of a definition without what all of them begin with.
pub(super) fn short(name: &str) -> &str {
    let name = name.strip_prefix("io.k8s.").unwrap_or(name);
    name.strip_prefix("api.").unwrap_or(name)
}

/// Every definition that some kind needs.
pub(super) fn describe(documents: &Documents, demands: &Demands) -> Result<String, Error> {
    let mut waiting: BTreeSet<&str> = documents.kinds.values().map(|kind| kind.definition.as_str()).collect();
    let mut told: BTreeMap<&str, String> = BTreeMap::new();
    while let Some(name) = waiting.pop_first() {
        let mut text = format!("type {}\n", short(name));
        for (field, schema) in documents.definition(name)["properties"].as_object().into_iter().flatten() {
            let mut named = Vec::new();
            let place = || format!("{name}, {field}");
            let words = words(documents, schema, &mut named).ok_or_else(|| Error::Novel { place: place() })?;
            let mark = if demands.contains(name, field) { "!" } else { "" };
            let _ = writeln!(text, " {mark}{field} {words}");
            waiting.extend(named.into_iter().filter(|name| !told.contains_key(name)));
        }
        told.insert(name, text);
        waiting.remove(name);
    }
    Ok(told.into_values().collect())
}

/// What a value must be, outermost first: `list map string`. Definitions that are named on the way go to `named`.
fn words<'a>(documents: &'a Documents, schema: &'a Json, named: &mut Vec<&'a str>) -> Option<String> {
    let (schema, name) = documents.resolve(schema);
    if let Some((_, word)) = OWN_WORDS.iter().find(|(own, _)| Some(*own) == name) {
        return Some((*word).to_owned());
    }
    let word = match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), Some("byte")) => "bytes",
        (Some("string"), Some("date-time")) => "time",
        (Some("string"), _) => "string",
        (Some("integer"), _) => "integer",
        (Some("number"), _) => "number",
        (Some("boolean"), _) => "boolean",
        (Some("array"), _) => {
            let item = words(documents, &schema["items"], named)?;
            return Some(format!("{} {item}", list(documents, schema)));
        }
        (Some("object"), _) if schema["properties"].is_object() => {
            named.push(name?);
            return Some(short(name?).to_owned());
        }
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            return Some(format!("map {}", words(documents, &schema["additionalProperties"], named)?));
        }
        (Some("object") | None, _) if schema["oneOf"].is_null() => "any",
        _ => return None,
    };
    Some(word.to_owned())
}

/// `list`, or `list:KEY,KEY=DEFAULT` where items are told apart by these fields.
fn list(documents: &Documents, schema: &Json) -> String {
    let keys = schema["x-kubernetes-list-map-keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    if schema["x-kubernetes-list-type"] != "map" || keys.is_empty() {
        return "list".to_owned();
    }
    let (item, _) = documents.resolve(&schema["items"]);
    let key = |key: &Json| {
        let key = key.as_str().unwrap_or_default();
        match item["properties"][key]["default"].as_str() {
            None | Some("") => key.to_owned(),
            Some(default) => format!("{key}={default}"),
        }
    };
    format!("list:{}", keys.iter().map(key).collect::<Vec<_>>().join(","))
}
