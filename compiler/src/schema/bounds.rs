//! What a CustomResourceDefinition asks of values beyond their type: enumerations, ranges, lengths, patterns.
//!
//! In: a schema of a definition. Out: [`Bounds`], and for a value the first that does not hold. `format` and the
//! combinations (`allOf`, `anyOf`, `oneOf`, `not`) are left to the server.
//!
//! Patterns are Go's regular expressions. What they say of ASCII is the same here; of other text this says nothing, and
//! neither of patterns that do not compile or would take much memory.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::canon::{Map, Value};

/// How large a compiled pattern may be.
const LARGEST_PATTERN: usize = 1 << 20;

/// What must hold of a value.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    allowed: Option<&'a [Value]>,
    minimum: Option<Limit>,
    maximum: Option<Limit>,
    multiple_of: Option<f64>,
    length: Range,
    items: Range,
    properties: Range,
    pattern: Option<Pattern<'a>>,
}

/// A number that must not be passed, and perhaps not be reached.
#[derive(Debug, Clone, Copy)]
struct Limit {
    number: f64,
    exclusive: bool,
}

/// How many there may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Range {
    least: Option<i64>,
    most: Option<i64>,
}

#[derive(Debug)]
struct Pattern<'a> {
    text: &'a str,
    /// Compiled when it is needed first; none where that fails.
    compiled: OnceLock<Option<Regex>>,
}

impl<'a> Bounds<'a> {
    /// What a schema asks; none where that is nothing.
    pub(super) fn of(schema: &'a Map) -> Option<Box<Self>> {
        let limit = |name: &str, exclusive: &str| {
            let exclusive = schema.get(exclusive).and_then(Value::as_bool) == Some(true);
            Some(Limit { number: number(schema.get(name)?)?, exclusive })
        };
        let range = |least: &str, most: &str| {
            let count = |name: &str| schema.get(name).and_then(Value::as_int);
            Range { least: count(least), most: count(most) }
        };
        let bounds = Self {
            allowed: schema.get("enum").map(Value::items).filter(|allowed| !allowed.is_empty()),
            minimum: limit("minimum", "exclusiveMinimum"),
            maximum: limit("maximum", "exclusiveMaximum"),
            multiple_of: schema
                .get("multipleOf")
                .and_then(number)
                .filter(|number| *number > 0.0 && number.fract() == 0.0),
            length: range("minLength", "maxLength"),
            items: range("minItems", "maxItems"),
            properties: range("minProperties", "maxProperties"),
            pattern: schema
                .get("pattern")
                .and_then(Value::as_str)
                .map(|text| Pattern { text, compiled: OnceLock::new() }),
        };
        let nothing = bounds.allowed.is_none()
            && bounds.minimum.is_none()
            && bounds.maximum.is_none()
            && bounds.multiple_of.is_none()
            && bounds.pattern.is_none()
            && [bounds.length, bounds.items, bounds.properties] == [Range::default(); 3];
        (!nothing).then(|| Box::new(bounds))
    }

    /// What the value must be and is not.
    pub(super) fn objection(&self, value: &Value) -> Option<String> {
        if let Some(allowed) = self.allowed
            && !allowed.contains(value)
        {
            let names: Vec<String> = allowed.iter().take(12).map(name).collect();
            let more = if allowed.len() > names.len() { ", …" } else { "" };
            return Some(format!("expected one of {}{more}", names.join(", ")));
        }
        match value {
            Value::Int(_) | Value::Float(_) => self.objection_to_number(number(value)?),
            Value::String(text) => self
                .length
                .objection(text.chars().count(), "characters")
                .or_else(|| self.pattern.as_ref()?.objection(text)),
            Value::Array(items) => self.items.objection(items.len(), "items"),
            Value::Map(map) => self.properties.objection(map.len(), "fields"),
            Value::Null | Value::Bool(_) => None,
        }
    }

    fn objection_to_number(&self, number: f64) -> Option<String> {
        let below = |limit: &Limit| number < limit.number || (limit.exclusive && number <= limit.number);
        let above = |limit: &Limit| number > limit.number || (limit.exclusive && number >= limit.number);
        if let Some(limit) = self.minimum.filter(below) {
            let words = if limit.exclusive { "more than" } else { "at least" };
            return Some(format!("expected {words} {}", limit.number));
        }
        if let Some(limit) = self.maximum.filter(above) {
            let words = if limit.exclusive { "less than" } else { "at most" };
            return Some(format!("expected {words} {}", limit.number));
        }
        let uneven = |multiple: &f64| (number / multiple).fract() != 0.0;
        self.multiple_of.filter(uneven).map(|multiple| format!("expected a multiple of {multiple}"))
    }
}

impl Range {
    fn objection(self, count: usize, what: &str) -> Option<String> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if let Some(least) = self.least.filter(|least| count < *least) {
            return Some(format!("expected at least {least} {what}, there are {count}"));
        }
        let most = self.most.filter(|most| count > *most)?;
        Some(format!("expected at most {most} {what}, there are {count}"))
    }
}

impl Pattern<'_> {
    fn objection(&self, text: &str) -> Option<String> {
        let compiled = self
            .compiled
            .get_or_init(|| RegexBuilder::new(self.text).unicode(false).size_limit(LARGEST_PATTERN).build().ok());
        let matches = text.is_ascii().then(|| compiled.as_ref().map(|regex| regex.is_match(text.as_bytes())))??;
        (!matches).then(|| format!("expected text that matches `{}`", self.text))
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits are small; JSON's own readers have no more precision")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn name(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn objection(schema: serde_json::Value, value: serde_json::Value) -> Option<String> {
        let schema = Value::from(schema);
        Bounds::of(schema.as_map().expect("a map"))?.objection(&Value::from(value))
    }

    #[test]
    fn what_does_not_hold_is_said() {
        for (schema, good, bad, words) in [
            (json!({"enum": ["a", "b"]}), json!("a"), json!("c"), "expected one of \"a\", \"b\""),
            (json!({"minimum": 1}), json!(1), json!(0), "expected at least 1"),
            (json!({"minimum": 1, "exclusiveMinimum": true}), json!(1.5), json!(1), "expected more than 1"),
            (json!({"maximum": 5}), json!(5), json!(5.5), "expected at most 5"),
            (json!({"maximum": 5, "exclusiveMaximum": true}), json!(4), json!(5), "expected less than 5"),
            (json!({"multipleOf": 2}), json!(4), json!(3), "expected a multiple of 2"),
            (json!({"minLength": 2}), json!("äö"), json!("ä"), "expected at least 2 characters, there are 1"),
            (json!({"maxItems": 1}), json!([1]), json!([1, 2]), "expected at most 1 items, there are 2"),
            (json!({"maxProperties": 0}), json!({}), json!({"a": 1}), "expected at most 0 fields, there are 1"),
            (json!({"pattern": "^a+$"}), json!("aa"), json!("ab"), "expected text that matches `^a+$`"),
        ] {
            assert_eq!(objection(schema.clone(), good), None, "{schema}");
            assert_eq!(objection(schema, bad).as_deref(), Some(words));
        }
    }

    #[test]
    fn nothing_is_said_where_we_are_not_sure() {
        assert_eq!(objection(json!({"pattern": "^a$"}), json!("ä")), None);
        assert_eq!(objection(json!({"pattern": "("}), json!("a")), None);
        assert_eq!(objection(json!({"pattern": "((a{1000}){1000}){1000}"}), json!("b")), None);
        assert_eq!(objection(json!({"minLength": "x", "multipleOf": 0, "enum": []}), json!("")), None);
    }
}
