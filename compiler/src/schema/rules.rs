//! The rules in CEL that CustomResourceDefinitions have (`x-kubernetes-validations`), for who can evaluate them.
//!
//! In: the body of a definition and the name of one of its versions. Out: every [`Rule`] with its place in an object. They
//! are handed out as they are written; nothing here compiles or evaluates them.

use crate::canon::{Map, Value};

use super::custom;

/// How deep a schema is looked into.
const DEEPEST: usize = 100;

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule<'a> {
    /// The way to the values that it is about (`self`).
    pub place: Vec<Part<'a>>,
    /// The rule as the definition has it: `rule`, `message`, `messageExpression`, `reason`, `fieldPath`,
    /// `optionalOldSelf`.
    pub written: &'a Map,
}

/// A step of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Into a field.
    Field(&'a str),
    /// Into every value of a map that has no field of its own.
    EveryValue,
    /// Into every item of a list.
    EveryItem,
}

/// The rules of a version, outermost first.
#[must_use]
pub fn rules<'a>(definition: &'a Value, version: &str) -> Vec<Rule<'a>> {
    let mut found = Vec::new();
    if let Some((schema, _)) = custom::schema_of(definition, version) {
        collect(schema, &mut Vec::new(), &mut found);
    }
    found
}

fn collect<'a>(schema: &'a Map, place: &mut Vec<Part<'a>>, found: &mut Vec<Rule<'a>>) {
    if place.len() > DEEPEST {
        return;
    }
    let written = schema.get("x-kubernetes-validations").map(Value::items).unwrap_or_default();
    found.extend(written.iter().filter_map(Value::as_map).map(|written| Rule { place: place.clone(), written }));
    let fields = schema.get("properties").and_then(Value::as_map).into_iter().flatten();
    let fields = fields.map(|(name, schema)| (Part::Field(name), schema));
    let each = [("additionalProperties", Part::EveryValue), ("items", Part::EveryItem)];
    let each = each.into_iter().filter_map(|(name, part)| Some((part, schema.get(name)?)));
    for (part, schema) in fields.chain(each) {
        if let Some(schema) = schema.as_map() {
            place.push(part);
            collect(schema, place, found);
            place.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_have_their_places() {
        let rule = |rule: &str| json!([{"rule": rule, "message": "no"}]);
        let schema = json!({"type": "object", "x-kubernetes-validations": rule("top"), "properties": {
            "spec": {"type": "object", "properties": {
                "list": {"type": "array", "items": {"type": "object", "x-kubernetes-validations": rule("item")}},
                "map": {"type": "object", "additionalProperties": {"type": "integer", "x-kubernetes-validations": rule("value")}},
            }},
        }});
        let definition =
            Value::from(json!({"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}}));
        let found = rules(&definition, "v1");
        let found: Vec<(Vec<Part<'_>>, Option<&str>)> =
            found.iter().map(|rule| (rule.place.clone(), rule.written.get("rule").and_then(Value::as_str))).collect();
        let spec = Part::Field("spec");
        assert_eq!(
            found,
            [
                (vec![], Some("top")),
                (vec![spec, Part::Field("list"), Part::EveryItem], Some("item")),
                (vec![spec, Part::Field("map"), Part::EveryValue], Some("value")),
            ]
        );
        assert_eq!(rules(&definition, "v2"), []);
    }
}
