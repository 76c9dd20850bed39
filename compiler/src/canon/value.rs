//! The one value tree that manifests become: what kubectl would hold after reading them.
//!
//! In: YAML or JSON, through `manifest`. Out: [`Value`], whose maps are sorted, whose integers are exact and
//! whose floats are finite and never integral. Two manifests that kubectl would send alike are equal values here.

use std::collections::BTreeMap;

/// A body or a part of one.
///
/// Guarantees: [`Value::Float`] is finite and is not an integer that fits an `i64` (make one with [`Value::from_f64`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer; what lies outside `i64` is a float, as in Kubernetes' own unstructured objects.
    Int(i64),
    /// A finite number that is no `i64`.
    Float(f64),
    /// Text, untouched (no Unicode normalisation).
    String(String),
    /// A list in its order.
    Array(Vec<Self>),
    /// A map, sorted by the bytes of its keys.
    Map(Map),
}

/// The fields of an object.
pub type Map = BTreeMap<String, Value>;

impl Value {
    /// A number from a float: integral ones below 2^63 become integers and `-0.0` becomes 0, as on the way through
    /// Kubernetes' JSON. `None` for NaN and the infinities, which no JSON can carry.
    #[must_use]
    pub fn from_f64(number: f64) -> Option<Self> {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if !number.is_finite() {
            return None;
        }
        if number.fract() == 0.0 && (-LIMIT..LIMIT).contains(&number) {
            #[expect(clippy::cast_possible_truncation, reason = "integral and within the range of i64")]
            return Some(Self::Int(number as i64));
        }
        Some(Self::Float(number))
    }

    /// The value at `path`, each part a key of a map.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, part| value.get(part))
    }

    /// The value under `key`, where this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The text, where this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, where this is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value, where this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The fields, where this is a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The fields to change, where this is a map.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The items, where this is a list; an empty slice for everything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// What this is, in the words that users know: `a string`, `a map`, ….
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<serde_json::Value> for Value {
    /// Numbers follow [`Value::from_f64`]; integers beyond `i64` become floats.
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(truth),
            Json::Number(number) => number
                .as_i64()
                .map_or_else(|| number.as_f64().and_then(Self::from_f64).unwrap_or(Self::Null), Self::Int),
            Json::String(text) => Self::String(text),
            Json::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Json::Object(fields) => {
                Self::Map(fields.into_iter().map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::Number((*number).into()),
            Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Self::Null, Self::Number),
            Value::String(text) => Self::String(text.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Map(map) => Self::Object(map.iter().map(|(key, value)| (key.clone(), value.into())).collect()),
        }
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Map(map) => serializer.collect_map(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integral_floats_become_integers() {
        assert_eq!(Value::from_f64(1.0), Some(Value::Int(1)));
        assert_eq!(Value::from_f64(-0.0), Some(Value::Int(0)));
        assert_eq!(Value::from_f64(-9_223_372_036_854_775_808.0), Some(Value::Int(i64::MIN)));
        assert_eq!(Value::from_f64(9_223_372_036_854_775_808.0), Some(Value::Float(9_223_372_036_854_775_808.0)));
        assert_eq!(Value::from_f64(0.5), Some(Value::Float(0.5)));
    }

    #[test]
    fn numbers_that_json_cannot_carry_are_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Value::from_f64(number), None);
        }
    }
}
