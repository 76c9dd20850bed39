//! What differs between two CustomResourceDefinitions, as a user of their kinds sees it.
//!
//! In: two bodies. Out: [`SchemaChange`]s: versions, fields, types and bounds, and whether each takes less than before.
//! Descriptions do not count, but that they differ is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::canon::{Map, Value};

use super::report::SchemaChange;

/// How deep a schema is looked at; what differs deeper is told as one.
const DEEPEST: usize = 64;

/// So many bytes of names of fields are kept; a schema below is told as one, then.
const MOST_FIELDS: usize = 16 << 20;

/// What is told of the rest.
const UNTOLD: &str = "it differs deeper than anybody looks";

/// Words of a schema that say nothing of what is taken.
const SAYINGS: [&str; 5] = ["description", "title", "example", "externalDocs", "$schema"];

/// Words that bound a value from above: less of them takes less.
const UPPER: [&str; 4] = ["maximum", "maxLength", "maxItems", "maxProperties"];

/// Words that bound a value from below.
const LOWER: [&str; 4] = ["minimum", "minLength", "minItems", "minProperties"];

/// Whether a path of a definition is of a schema, which this module tells.
pub(super) fn is_schema(path: &str) -> bool {
    path.strip_prefix("spec.versions[").and_then(|rest| rest.split_once(']')).is_some_and(|(_, rest)| {
        rest.is_empty() || [".schema", ".served", ".storage"].iter().any(|field| rest.starts_with(field))
    })
}

/// What differs.
pub(super) fn changes(old: &Value, new: &Value) -> Vec<SchemaChange> {
    let (old, new) = (versions(old), versions(new));
    let mut found = Found::default();
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        name.clone_into(&mut found.version);
        match (old.get(name), new.get(name)) {
            (Some(_), None) => found.push("", "the version is removed", true),
            (None, Some(_)) => found.push("", "the version is new", false),
            (Some(old), Some(new)) => found.version(old, new),
            (None, None) => {}
        }
    }
    found.finish()
}

/// The versions of a definition by their names.
pub(super) fn versions(definition: &Value) -> BTreeMap<&str, &Value> {
    let versions = definition.at(&["spec", "versions"]).map(Value::items).unwrap_or_default();
    versions.iter().filter_map(|version| Some((version.get("name")?.as_str()?, version))).collect()
}

#[derive(Default)]
struct Found {
    version: String,
    /// How long the names of all fields are that were told.
    fields: usize,
    changes: Vec<SchemaChange>,
    sayings: BTreeMap<String, usize>,
}

impl Found {
    fn push(&mut self, field: &str, what: impl Into<String>, narrows: bool) {
        self.fields += field.len();
        let (version, field) = (self.version.clone(), field.to_owned());
        self.changes.push(SchemaChange { version, field, what: what.into(), narrows });
    }

    fn is_full(&self) -> bool {
        self.fields > MOST_FIELDS
    }

    fn version(&mut self, old: &Value, new: &Value) {
        let is = |version: &Value, field: &str| version.get(field).and_then(Value::as_bool) == Some(true);
        match (is(old, "served"), is(new, "served")) {
            (true, false) => self.push("", "the version is served no more", true),
            (false, true) => self.push("", "the version is served", false),
            _ => {}
        }
        match (is(old, "storage"), is(new, "storage")) {
            (true, false) => self.push("", "objects are stored in it no more", false),
            (false, true) => self.push("", "objects are stored in it", false),
            _ => {}
        }
        let schema = |version: &Value| version.at(&["schema", "openAPIV3Schema"]).and_then(Value::as_map).cloned();
        match (schema(old), schema(new)) {
            (Some(old), Some(new)) => self.schema("", &old, &new, 0),
            (Some(_), None) => self.push("", "its schema is gone: it takes anything", false),
            (None, Some(_)) => self.push("", "it has a schema", true),
            (None, None) => {}
        }
    }

    fn schema(&mut self, field: &str, old: &Map, new: &Map, depth: usize) {
        if old == new {
            return;
        }
        if depth > DEEPEST || self.is_full() {
            return self.push(field, UNTOLD, true);
        }
        let words: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for word in words {
            let (was, is) = (old.get(word), new.get(word));
            if was == is {
                continue;
            }
            match (word.as_str(), was, is) {
                ("properties", was, is) => self.properties(field, was, is, depth),
                ("items", Some(Value::Map(old)), Some(Value::Map(new))) => {
                    self.schema(&format!("{field}[*]"), old, new, depth + 1);
                }
                ("additionalProperties", Some(Value::Map(old)), Some(Value::Map(new))) => {
                    self.schema(&format!("{field}.*"), old, new, depth + 1);
                }
                ("required", was, is) => self.required(field, was, is),
                ("enum", was, is) => self.listed(field, was, is),
                ("type", was, is) => {
                    let what = format!("was {}, is {}", shown(was), shown(is));
                    let widens = matches!((shown(was).as_str(), shown(is).as_str()), ("integer", "number"));
                    self.push(field, what, !widens);
                }
                (word, _, _) if SAYINGS.contains(&word) => {
                    *self.sayings.entry(self.version.clone()).or_default() += 1;
                }
                (word, was, is) => {
                    self.push(field, format!("{word} {} → {}", shown(was), shown(is)), narrows(word, was, is));
                }
            }
        }
    }

    fn properties(&mut self, field: &str, old: Option<&Value>, new: Option<&Value>, depth: usize) {
        let (none_old, none_new) = (Map::new(), Map::new());
        let old = old.and_then(Value::as_map).unwrap_or(&none_old);
        let new = new.and_then(Value::as_map).unwrap_or(&none_new);
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            if self.is_full() {
                return self.push(field, UNTOLD, true);
            }
            let place = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
            match (old.get(name), new.get(name)) {
                (Some(_), None) => self.push(&place, "the field is removed", true),
                (None, Some(_)) => self.push(&place, "the field is new", false),
                (Some(Value::Map(old)), Some(Value::Map(new))) => self.schema(&place, old, new, depth + 1),
                (old, new) if old != new => self.push(&place, format!("was {}, is {}", shown(old), shown(new)), true),
                _ => {}
            }
        }
    }

    fn required(&mut self, field: &str, old: Option<&Value>, new: Option<&Value>) {
        let names = |value: Option<&Value>| -> BTreeSet<String> {
            let items = value.map(Value::items).unwrap_or_default();
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (old, new) = (names(old), names(new));
        let place = |name: &String| if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
        if self.is_full() {
            return self.push(field, UNTOLD, true);
        }
        for name in new.difference(&old) {
            self.push(&place(name), "the field must be there", true);
        }
        for name in old.difference(&new) {
            self.push(&place(name), "the field may be left out", false);
        }
    }

    fn listed(&mut self, field: &str, old: Option<&Value>, new: Option<&Value>) {
        if self.is_full() {
            return self.push(field, UNTOLD, true);
        }
        let (Some(old), Some(new)) = (old, new) else {
            let (what, narrows) =
                if old.is_none() { ("only listed values are taken", true) } else { ("any value is taken", false) };
            return self.push(field, what, narrows);
        };
        for value in old.items().iter().filter(|value| !new.items().contains(value)) {
            self.push(field, format!("{} is taken no more", shown(Some(value))), true);
        }
        for value in new.items().iter().filter(|value| !old.items().contains(value)) {
            self.push(field, format!("{} is taken", shown(Some(value))), false);
        }
    }

    fn finish(mut self) -> Vec<SchemaChange> {
        for (version, count) in std::mem::take(&mut self.sayings) {
            let what =
                if count == 1 { "a description differs".to_owned() } else { format!("{count} descriptions differ") };
            self.changes.push(SchemaChange { version, field: String::new(), what, narrows: false });
        }
        self.changes
    }
}

/// Whether another word of a schema takes less than before.
fn narrows(word: &str, old: Option<&Value>, new: Option<&Value>) -> bool {
    let number = |value: Option<&Value>| match value {
        #[expect(clippy::cast_precision_loss, reason = "bounds are compared, not computed with")]
        Some(Value::Int(number)) => Some(*number as f64),
        Some(Value::Float(number)) => Some(*number),
        _ => None,
    };
    match (word, number(old), number(new)) {
        (_, None, Some(_)) if UPPER.contains(&word) || LOWER.contains(&word) => true,
        (_, Some(old), Some(new)) if UPPER.contains(&word) => new < old,
        (_, Some(old), Some(new)) if LOWER.contains(&word) => new > old,
        // What is no pattern, rule or format any more takes more; another one may take less.
        (
            "pattern"
            | "format"
            | "multipleOf"
            | "not"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "x-kubernetes-validations"
            | "items"
            | "additionalProperties",
            _,
            _,
        ) => new.is_some(),
        ("exclusiveMaximum" | "exclusiveMinimum" | "uniqueItems", _, _) => new == Some(&Value::Bool(true)),
        ("nullable" | "x-kubernetes-preserve-unknown-fields" | "x-kubernetes-int-or-string", _, _) => {
            old == Some(&Value::Bool(true))
        }
        _ => false,
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => serde_json::Value::from(value).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn told(old: Json, new: Json) -> Vec<String> {
        let body = |schema: Json| {
            let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
            Value::from(json!({"spec": {"versions": [version]}}))
        };
        let found = changes(&body(old), &body(new)).into_iter();
        found
            .map(|change| format!("{}{}: {}", if change.narrows { "! " } else { "" }, change.field, change.what))
            .collect()
    }

    #[test]
    fn what_takes_less_is_marked() {
        let of = |size: Json| json!({"type": "object", "properties": {"size": size}});
        assert_eq!(
            told(of(json!({"type": "string"})), of(json!({"type": "integer"}))),
            ["! size: was string, is integer"]
        );
        assert_eq!(
            told(of(json!({"type": "integer"})), of(json!({"type": "number"}))),
            ["size: was integer, is number"]
        );
        assert_eq!(told(of(json!({"maximum": 9})), of(json!({"maximum": 5}))), ["! size: maximum 9 → 5"]);
        assert_eq!(told(of(json!({"minimum": 9})), of(json!({"minimum": 5}))), ["size: minimum 9 → 5"]);
        assert_eq!(told(of(json!({})), of(json!({"pattern": "a"}))), ["! size: pattern nothing → a"]);
        assert_eq!(
            told(of(json!({"enum": ["a", "b"]})), of(json!({"enum": ["b", "c"]}))),
            ["! size: a is taken no more", "size: c is taken"]
        );
        let required = |names: Json| json!({"properties": {"a": {}, "b": {}}, "required": names});
        assert_eq!(
            told(required(json!(["a"])), required(json!(["b"]))),
            ["! b: the field must be there", "a: the field may be left out"]
        );
        let nested = |fields: Json| json!({"properties": {"a": {"items": {"properties": fields}}}});
        assert_eq!(
            told(nested(json!({"x": {}})), nested(json!({"y": {}}))),
            ["! a[*].x: the field is removed", "a[*].y: the field is new"]
        );
        assert_eq!(told(of(json!({"description": "a"})), of(json!({"description": "b"}))), [": a description differs"]);
    }

    #[test]
    fn nothing_hides_among_many_changes_or_deep_below() {
        let many = |last: &str| {
            let fields = (0..900).map(|at| (format!("a{at}"), json!({"maximum": last.len()})));
            let fields: BTreeMap<_, _> = fields.chain([("z".to_owned(), json!({"type": last}))]).collect();
            json!({"properties": fields})
        };
        let found = told(many("string"), many("integer"));
        assert_eq!((found.len(), found[900].as_str()), (901, "! z: was string, is integer"));
        let deep =
            |last: &str| (0..=DEEPEST).fold(json!({"type": last}), |inner, _| json!({"properties": {"a": inner}}));
        let found = told(deep("string"), deep("integer"));
        assert!(found.len() == 1 && found[0].ends_with("a: it differs deeper than anybody looks"), "{found:?}");
        assert!(found[0].starts_with("! "));
        let odd = |value: Json| json!({"properties": {"a": value}});
        assert_eq!(told(odd(json!(true)), odd(json!({"type": "string"}))), ["! a: was true, is {\"type\":\"string\"}"]);
    }

    #[test]
    fn versions_come_and_go() {
        let body = |versions: Json| Value::from(json!({"spec": {"versions": versions}}));
        let version = |name: &str, served: bool| json!({"name": name, "served": served, "storage": false});
        let told = |old: Json, new: Json| -> Vec<String> {
            let found = changes(&body(old), &body(new)).into_iter();
            found.map(|change| format!("{} {} {}", change.version, change.what, change.narrows)).collect()
        };
        let both = json!([version("v1", true), version("v2", true)]);
        assert_eq!(told(both.clone(), json!([version("v2", true)])), ["v1 the version is removed true"]);
        assert_eq!(told(json!([version("v2", true)]), both.clone()), ["v1 the version is new false"]);
        let unserved = json!([version("v1", false), version("v2", true)]);
        assert_eq!(told(both, unserved), ["v1 the version is served no more true"]);
    }

    #[test]
    fn paths_of_schemas_are_told_by_this_module() {
        for path in
            ["spec.versions[v1].schema.openAPIV3Schema.properties.a", "spec.versions[v1]", "spec.versions[v1].served"]
        {
            assert!(is_schema(path), "{path}");
        }
        for path in ["spec.versions[v1].subresources", "spec.versions (order)", "spec.names.kind", "metadata.labels.a"]
        {
            assert!(!is_schema(path), "{path}");
        }
    }
}
