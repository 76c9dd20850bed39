//! What a schema asks of values beyond their type: enumerations, ranges, lengths, patterns.
//!
//! In: a schema of a CustomResourceDefinition. Out: [`Bounds`], and for a value the first that does not hold. Numbers are
//! compared as the server does it: a whole number with the whole part of a limit.

use crate::canon::{Map, Value};

use super::pattern::Pattern;
use super::verdict::Verdict;

/// How far from whole a quotient may be that counts as whole.
const TOLERANCE: f64 = 1e-9;

/// What must hold of a value.
#[derive(Debug, Default)]
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

impl<'a> Bounds<'a> {
    /// What a schema asks; none where that is nothing.
    pub(super) fn of(schema: &'a Map) -> Option<Self> {
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
            multiple_of: schema.get("multipleOf").and_then(number).filter(|number| *number > 0.0),
            length: range("minLength", "maxLength"),
            items: range("minItems", "maxItems"),
            properties: range("minProperties", "maxProperties"),
            pattern: schema.get("pattern").and_then(Value::as_str).filter(|text| !text.is_empty()).map(Pattern::new),
        };
        let nothing = bounds.allowed.is_none()
            && bounds.minimum.is_none()
            && bounds.maximum.is_none()
            && bounds.multiple_of.is_none()
            && bounds.pattern.is_none()
            && [bounds.length, bounds.items, bounds.properties] == [Range::default(); 3];
        (!nothing).then_some(bounds)
    }

    /// That text must not be empty.
    pub(super) fn not_empty() -> Self {
        Self { length: Range { least: Some(1), most: None }, ..Self::default() }
    }

    /// Whether the number of fields counts, defaults among them.
    pub(super) fn counts_fields(&self) -> bool {
        self.properties != Range::default()
    }

    /// Whether all of it holds of a value.
    pub(super) fn verdict<'v>(&self, value: &'v Value) -> Verdict<'v> {
        Verdict::of(self.not_allowed(value), value).and(|| self.verdict_of_kind(value))
    }

    fn verdict_of_kind<'v>(&self, value: &'v Value) -> Verdict<'v> {
        match value {
            Value::Int(number) => Verdict::of(self.objection_to_int(*number), value),
            Value::Float(number) => Verdict::of(self.objection_to_float(*number), value),
            Value::String(text) => Verdict::of(self.length.objection(text.chars().count(), "characters"), value)
                .and(|| self.pattern.as_ref().map_or(Verdict::Holds, |pattern| matching(pattern, text, value))),
            Value::Array(items) => Verdict::of(self.items.objection(items.len(), "items"), value),
            Value::Map(map) => Verdict::of(self.properties.objection(map.len(), "fields"), value),
            Value::Null | Value::Bool(_) => Verdict::Holds,
        }
    }

    /// Null is on no list, whatever is written there.
    fn not_allowed(&self, value: &Value) -> Option<String> {
        let allowed = self.allowed?;
        if *value != Value::Null && allowed.iter().any(|other| is_same(value, other)) {
            return None;
        }
        let names: Vec<String> = allowed.iter().take(12).map(name).collect();
        let more = if allowed.len() > names.len() { ", …" } else { "" };
        Some(format!("expected one of {}{more}", names.join(", ")))
    }

    fn objection_to_int(&self, number: i64) -> Option<String> {
        let below = |limit: &Limit| {
            whole(limit.number).is_some_and(|whole| number < whole || (limit.exclusive && number == whole))
        };
        let above = |limit: &Limit| {
            whole(limit.number).is_some_and(|whole| number > whole || (limit.exclusive && number == whole))
        };
        let uneven = |multiple: &f64| whole(*multiple).is_some_and(|whole| whole > 0 && number % whole != 0);
        self.objection_to_number(below, above, uneven)
    }

    fn objection_to_float(&self, number: f64) -> Option<String> {
        let below = |limit: &Limit| number < limit.number || (limit.exclusive && number <= limit.number);
        let above = |limit: &Limit| number > limit.number || (limit.exclusive && number >= limit.number);
        let uneven = |multiple: &f64| !is_whole(number / multiple);
        self.objection_to_number(below, above, uneven)
    }

    fn objection_to_number(
        &self,
        below: impl Fn(&Limit) -> bool,
        above: impl Fn(&Limit) -> bool,
        uneven: impl Fn(&f64) -> bool,
    ) -> Option<String> {
        if let Some(limit) = self.minimum.filter(below) {
            let words = if limit.exclusive { "more than" } else { "at least" };
            return Some(format!("expected {words} {}", limit.number));
        }
        if let Some(limit) = self.maximum.filter(above) {
            let words = if limit.exclusive { "less than" } else { "at most" };
            return Some(format!("expected {words} {}", limit.number));
        }
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

fn matching<'v>(pattern: &Pattern<'_>, text: &str, value: &'v Value) -> Verdict<'v> {
    match pattern.matches(text) {
        Some(true) => Verdict::Holds,
        Some(false) => Verdict::fails(value, format!("expected text that matches `{}`", pattern.text)),
        None => Verdict::Unknown,
    }
}

/// Whether a value is the one on a list. The server turns it into the type of that one first: numbers lose their fraction,
/// and whole numbers are the letters with these codes.
fn is_same(value: &Value, other: &Value) -> bool {
    match (value, other) {
        (Value::Float(number), Value::Int(other)) => whole(*number) == Some(*other),
        (Value::Int(_), Value::Float(other)) => number(value) == Some(*other),
        (Value::Int(number), Value::String(text)) => {
            let mut letters = text.chars();
            let letter = u32::try_from(*number).ok().and_then(char::from_u32);
            letter.is_some() && letters.next() == letter && letters.next().is_none()
        }
        _ => value == other,
    }
}

/// Without its fraction; none beyond 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "that is what is asked for")]
fn whole(number: f64) -> Option<i64> {
    const LARGEST: f64 = 9_223_372_036_854_774_784.0;
    (number.abs() <= LARGEST).then_some(number as i64)
}

fn is_whole(number: f64) -> bool {
    (number - number.round()).abs() <= TOLERANCE * number.abs().max(1.0)
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

    /// The objection of a schema to a value; nothing where there is none or it is not known.
    fn objection(schema: serde_json::Value, value: serde_json::Value) -> Option<String> {
        let (schema, value) = (Value::from(schema), Value::from(value));
        match Bounds::of(schema.as_map().expect("a map"))?.verdict(&value) {
            Verdict::Fails(objection) => Some(objection.words),
            Verdict::Holds | Verdict::Unknown => None,
        }
    }

    #[test]
    fn what_does_not_hold_is_said() {
        for (schema, good, bad, words) in [
            (json!({"enum": ["a", "b"]}), json!("a"), json!("c"), "expected one of \"a\", \"b\""),
            (json!({"enum": ["a", null]}), json!("a"), json!(null), "expected one of \"a\", null"),
            (json!({"minimum": 1}), json!(1), json!(0), "expected at least 1"),
            (json!({"minimum": 1, "exclusiveMinimum": true}), json!(1.5), json!(1), "expected more than 1"),
            (json!({"maximum": 5}), json!(5), json!(5.5), "expected at most 5"),
            (json!({"maximum": 5, "exclusiveMaximum": true}), json!(4), json!(5), "expected less than 5"),
            (json!({"multipleOf": 2}), json!(4), json!(3), "expected a multiple of 2"),
            (json!({"multipleOf": 0.1}), json!(0.3), json!(0.35), "expected a multiple of 0.1"),
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
    fn what_the_server_lets_through_is_not() {
        for (schema, value) in [
            (json!({"minimum": 5.5}), json!(5)),
            (json!({"maximum": -5.5}), json!(-5)),
            (json!({"multipleOf": 2.5}), json!(4)),
            (json!({"multipleOf": 0.5}), json!(3)),
            (json!({"maximum": 1e300}), json!(1)),
            (json!({"enum": [5]}), json!(5.5)),
            (json!({"enum": [5.0, "A"]}), json!(65)),
        ] {
            assert_eq!(objection(schema.clone(), value.clone()), None, "{schema} {value}");
        }
    }

    #[test]
    fn nothing_is_said_where_we_are_not_sure() {
        assert_eq!(objection(json!({"pattern": "^a$"}), json!("ä")), None);
        assert_eq!(objection(json!({"minLength": "x", "multipleOf": 0, "enum": [], "pattern": ""}), json!("")), None);
    }
}
