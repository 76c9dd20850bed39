//! What must hold of a value beyond its type: bounds, formats, and the combinations of those (`allOf`, `anyOf`, `oneOf`,
//! `not`), which may look into the value.
//!
//! In: a structural schema. Out: [`Condition`], and its [`Verdict`] on a value, with every default in place. As to the
//! server, a null is only compared with an enumeration.

use crate::canon::{Map, Value};

use super::bounds::Bounds;
use super::fault::Step;
use super::format::Format;
use super::verdict::{Objection, Verdict};

/// How deep a condition may be. One that has more is not judged.
const DEEPEST: usize = 32;

/// How many alternatives are told of.
const SHOWN: usize = 3;

/// What must hold of a value.
#[derive(Debug, Default)]
pub(super) struct Condition<'a> {
    /// Whether there is something in it that we do not understand.
    vague: bool,
    /// The type; only alternatives name one.
    kind: Option<&'a str>,
    bounds: Option<Bounds<'a>>,
    format: Option<Format>,
    inside: Inside<'a>,
    combined: Combined<'a>,
}

/// What must hold of the parts of a value. Of the schema itself the model of its kind says that, with more care.
#[derive(Debug, Default)]
struct Inside<'a> {
    required: Vec<&'a str>,
    fields: Vec<(&'a str, Condition<'a>)>,
    each: Option<Box<Condition<'a>>>,
    items: Option<Box<Condition<'a>>>,
}

#[derive(Debug, Default)]
struct Combined<'a> {
    all: Vec<Condition<'a>>,
    any: Vec<Condition<'a>>,
    one: Vec<Condition<'a>>,
    not: Option<Box<Condition<'a>>>,
}

impl<'a> Condition<'a> {
    /// What a schema says of a value itself; none where that is nothing.
    pub(super) fn of(schema: &'a Map) -> Option<Box<Self>> {
        let kind = schema.get("type").and_then(Value::as_str);
        let bounds = Bounds::of(schema);
        let format = schema.get("format").and_then(Value::as_str).and_then(|name| Format::of(kind, name));
        let combined = Combined::of(schema, 0);
        let nothing = bounds.is_none() && format.is_none() && combined.is_empty();
        (!nothing).then(|| Box::new(Self { bounds, format, combined, ..Self::default() }))
    }

    /// What a schema says of a value and of all in it.
    pub(super) fn of_all(schema: &'a Value, depth: usize) -> Self {
        let vague = || Self { vague: true, ..Self::default() };
        let (Value::Map(schema), true) = (schema, depth <= DEEPEST) else { return vague() };
        let kind = schema.get("type").and_then(Value::as_str);
        let condition = |name: &str| schema.get(name).map(|schema| Box::new(Self::of_all(schema, depth + 1)));
        let fields = schema.get("properties").and_then(Value::as_map).into_iter().flatten();
        Self {
            vague: false,
            kind,
            bounds: Bounds::of(schema),
            format: schema.get("format").and_then(Value::as_str).and_then(|name| Format::of(kind, name)),
            inside: Inside {
                required: schema
                    .get("required")
                    .map(Value::items)
                    .unwrap_or_default()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect(),
                fields: fields.map(|(name, schema)| (name.as_str(), Self::of_all(schema, depth + 1))).collect(),
                each: condition("additionalProperties"),
                items: condition("items"),
            },
            combined: Combined::of(schema, depth),
        }
    }

    /// That text must not be empty.
    pub(super) fn not_empty() -> Box<Self> {
        Box::new(Self { bounds: Some(Bounds::not_empty()), ..Self::default() })
    }

    /// Whether what is not written, but the default of a field, can make a difference.
    pub(super) fn sees_defaults(&self) -> bool {
        !self.combined.is_empty() || self.bounds.as_ref().is_some_and(Bounds::counts_fields)
    }

    /// Whether it holds.
    pub(super) fn verdict<'v>(&'v self, value: &'v Value) -> Verdict<'v> {
        if self.vague {
            return Verdict::Unknown;
        }
        let bounds = self.bounds.as_ref().map_or(Verdict::Holds, |bounds| bounds.verdict(value));
        if *value == Value::Null {
            return bounds;
        }
        self.of_kind(value)
            .and(|| bounds)
            .and(|| self.formatted(value))
            .and(|| self.inside.verdict(value))
            .and(|| self.combined.verdict(value))
    }

    fn of_kind<'v>(&self, value: &'v Value) -> Verdict<'v> {
        let Some(kind) = self.kind else { return Verdict::Holds };
        let right = match (kind, value) {
            ("integer", Value::Int(_))
            | ("number", Value::Int(_) | Value::Float(_))
            | ("string", Value::String(_))
            | ("boolean", Value::Bool(_))
            | ("array", Value::Array(_))
            | ("object", Value::Map(_)) => true,
            ("integer", Value::Float(_)) => return Verdict::Unknown,
            ("integer" | "number" | "string" | "boolean" | "array" | "object", _) => false,
            _ => return Verdict::Unknown,
        };
        let expected = || format!("expected the type {kind}");
        Verdict::of((!right).then(expected), value)
    }

    fn formatted<'v>(&self, value: &'v Value) -> Verdict<'v> {
        self.format.map_or(Verdict::Holds, |format| format.verdict(value))
    }
}

impl Inside<'_> {
    fn verdict<'v>(&'v self, value: &'v Value) -> Verdict<'v> {
        match value {
            Value::Map(map) => self.of_map(map, value),
            Value::Array(items) => all_of(self.items.iter().flat_map(|condition| {
                let verdict = move |(index, item)| condition.verdict(item).inside(Step::Item(index));
                items.iter().enumerate().map(verdict)
            })),
            _ => Verdict::Holds,
        }
    }

    fn of_map<'v>(&'v self, map: &'v Map, value: &'v Value) -> Verdict<'v> {
        let missing = self.required.iter().find(|name| !map.contains_key(**name));
        let fields = self.fields.iter().filter_map(|(name, condition)| {
            let (name, value) = map.get_key_value(*name)?;
            Some(condition.verdict(value).inside(Step::Field(name)))
        });
        let others = self.each.iter().flat_map(|condition| {
            let others = map.iter().filter(|(name, _)| !self.fields.iter().any(|(field, _)| field == name));
            others.map(|(name, value)| condition.verdict(value).inside(Step::Key(name)))
        });
        Verdict::of(missing.map(|name| format!("expected a field `{name}`")), value)
            .and(|| all_of(fields))
            .and(|| all_of(others))
    }
}

impl<'a> Combined<'a> {
    fn of(schema: &'a Map, depth: usize) -> Self {
        let all = |name: &str| {
            let schemas = schema.get(name).map(Value::items).unwrap_or_default();
            schemas.iter().map(|schema| Condition::of_all(schema, depth + 1)).collect()
        };
        let not = schema.get("not").map(|schema| Box::new(Condition::of_all(schema, depth + 1)));
        Self { all: all("allOf"), any: all("anyOf"), one: all("oneOf"), not }
    }

    fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty() && self.one.is_empty() && self.not.is_none()
    }

    fn verdict<'v>(&'v self, value: &'v Value) -> Verdict<'v> {
        all_of(self.all.iter().map(|condition| condition.verdict(value)))
            .and(|| alternatives(&self.any, value, false))
            .and(|| alternatives(&self.one, value, true))
            .and(|| match self.not.as_ref().map(|condition| condition.verdict(value)) {
                None | Some(Verdict::Fails(_)) => Verdict::Holds,
                Some(Verdict::Unknown) => Verdict::Unknown,
                Some(Verdict::Holds) => Verdict::fails(value, "expected something else (`not`)"),
            })
    }
}

fn all_of<'v>(verdicts: impl Iterator<Item = Verdict<'v>>) -> Verdict<'v> {
    let mut unknown = false;
    for verdict in verdicts {
        match verdict {
            Verdict::Holds => {}
            Verdict::Unknown => unknown = true,
            Verdict::Fails(_) => return verdict,
        }
    }
    if unknown { Verdict::Unknown } else { Verdict::Holds }
}

/// Whether one of some conditions holds, or exactly one.
fn alternatives<'v>(conditions: &'v [Condition<'_>], value: &'v Value, exactly_one: bool) -> Verdict<'v> {
    let (mut holding, mut unknown, mut failing) = (0, 0, Vec::new());
    for condition in conditions {
        match condition.verdict(value) {
            Verdict::Holds => holding += 1,
            Verdict::Unknown => unknown += 1,
            Verdict::Fails(objection) => failing.push(objection),
        }
    }
    let name = if exactly_one { "oneOf" } else { "anyOf" };
    match (holding, unknown) {
        (0, 0) if !conditions.is_empty() => {
            let reasons: Vec<String> = failing.iter().take(SHOWN).map(reason).collect();
            let more = if failing.len() > SHOWN { ", …" } else { "" };
            Verdict::fails(value, format!("no alternative (`{name}`) fits: {}{more}", reasons.join("; or ")))
        }
        (2.., _) if exactly_one => {
            Verdict::fails(value, format!("expected exactly one alternative (`{name}`) to fit, {holding} do"))
        }
        (_, 0) => Verdict::Holds,
        (1.., _) if !exactly_one => Verdict::Holds,
        _ => Verdict::Unknown,
    }
}

fn reason(objection: &Objection<'_>) -> String {
    let place = super::fault::shown_path(&objection.path);
    if place.is_empty() { objection.words.clone() } else { format!("{place}: {}", objection.words) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judged(schema: serde_json::Value, value: serde_json::Value) -> Result<(), String> {
        let (schema, value) = (Value::from(schema), Value::from(value));
        match Condition::of_all(&schema, 0).verdict(&value) {
            Verdict::Holds => Ok(()),
            Verdict::Unknown => Err("?".to_owned()),
            Verdict::Fails(objection) => Err(reason(&objection)),
        }
    }

    #[test]
    fn combinations_say_which_part_does_not_fit() {
        let either = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
        assert_eq!(judged(either.clone(), json!({"a": 1})), Ok(()));
        let none = "no alternative (`oneOf`) fits: expected a field `a`; or expected a field `b`";
        assert_eq!(judged(either.clone(), json!({})), Err(none.to_owned()));
        let both = "expected exactly one alternative (`oneOf`) to fit, 2 do";
        assert_eq!(judged(either, json!({"a": 1, "b": 2})), Err(both.to_owned()));
        let deep = json!({"allOf": [{"properties": {"a": {"items": {"minimum": 2}}}}]});
        assert_eq!(judged(deep, json!({"a": [2, 1]})), Err("a[1]: expected at least 2".to_owned()));
        let not = json!({"not": {"enum": ["x"]}});
        assert_eq!(judged(not.clone(), json!("y")), Ok(()));
        assert_eq!(judged(not, json!("x")), Err("expected something else (`not`)".to_owned()));
    }

    #[test]
    fn what_is_not_known_stays_so() {
        let unsure = json!({"pattern": "("});
        let unknown = Err("?".to_owned());
        assert_eq!(judged(json!({"not": unsure}), json!("x")), unknown);
        assert_eq!(judged(json!({"anyOf": [unsure, {"enum": ["y"]}]}), json!("x")), unknown);
        assert_eq!(judged(json!({"anyOf": [unsure, {"enum": ["x"]}]}), json!("x")), Ok(()));
        assert_eq!(judged(json!({"oneOf": [unsure, {"enum": ["x"]}]}), json!("x")), unknown);
        assert_eq!(judged(json!({"allOf": [unsure, {"type": "text"}, 7]}), json!("x")), unknown);
        assert!(judged(json!({"allOf": [unsure, {"enum": ["y"]}]}), json!("x")).is_err_and(|words| words != "?"));
    }

    #[test]
    fn null_is_only_compared_with_a_list() {
        assert_eq!(judged(json!({"anyOf": [{"minLength": 1}], "type": "string"}), json!(null)), Ok(()));
        assert!(judged(json!({"enum": ["a"]}), json!(null)).is_err());
    }
}
