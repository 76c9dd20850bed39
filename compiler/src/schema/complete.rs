//! Defaults of a structural schema, put where the server puts them: what the rest of its rules see.
//!
//! In: a schema, a value that is as the schema's types have it. Out: the same value with the defaults of all that is not
//! there, or null where null is nothing.

use crate::canon::{Map, Value};

/// How deep defaults are put in place.
const DEEPEST: usize = 100;

/// Whether a schema has a default anywhere.
pub(super) fn has_defaults(schema: &Map, depth: usize) -> bool {
    let inside = |schema: &Value| schema.as_map().is_some_and(|schema| has_defaults(schema, depth + 1));
    let properties = schema.get("properties").and_then(Value::as_map);
    depth <= DEEPEST
        && (schema.contains_key("default")
            || properties.is_some_and(|properties| properties.values().any(inside))
            || ["items", "additionalProperties"].iter().any(|name| schema.get(*name).is_some_and(inside)))
}

/// Puts defaults in place.
pub(super) fn complete(schema: &Map, value: &mut Value, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    let properties = schema.get("properties").and_then(Value::as_map);
    let part = |name: &str| schema.get(name).and_then(Value::as_map);
    match value {
        Value::Map(map) => {
            for (name, schema) in properties.into_iter().flatten() {
                if let Some(default) = schema.get("default")
                    && map.get(name).is_none_or(|value| is_nothing(value, schema))
                {
                    map.insert(name.clone(), default.clone());
                }
            }
            let each = part("additionalProperties");
            for (name, value) in map.iter_mut() {
                match properties.and_then(|properties| properties.get(name)) {
                    Some(schema) => complete_inside(schema.as_map(), value, depth),
                    None => complete_inside(each, value, depth),
                }
            }
        }
        Value::Array(items) => {
            let each = part("items");
            for item in items {
                complete_inside(each, item, depth);
            }
        }
        _ => {}
    }
}

fn complete_inside(schema: Option<&Map>, value: &mut Value, depth: usize) {
    let Some(schema) = schema else { return };
    if *value == Value::Null
        && schema.get("nullable").and_then(Value::as_bool) != Some(true)
        && let Some(default) = schema.get("default")
    {
        *value = default.clone();
    }
    complete(schema, value, depth + 1);
}

/// Whether a value is a null that means nothing.
fn is_nothing(value: &Value, schema: &Value) -> bool {
    *value == Value::Null && schema.get("nullable").and_then(Value::as_bool) != Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_stand_where_nothing_does() {
        let schema = Value::from(json!({"properties": {
            "a": {"default": {}, "properties": {"b": {"default": 1}, "n": {"default": 2, "nullable": true}}},
            "list": {"items": {"properties": {"c": {"default": "x"}}}},
            "map": {"additionalProperties": {"default": 7}},
        }}));
        let schema = schema.as_map().expect("a map");
        for (value, completed) in [
            (json!({}), json!({"a": {"b": 1, "n": 2}})),
            (json!({"a": {"b": null, "n": null}}), json!({"a": {"b": 1, "n": null}})),
            (
                json!({"a": {}, "list": [{}, {"c": "y"}]}),
                json!({"a": {"b": 1, "n": 2}, "list": [{"c": "x"}, {"c": "y"}]}),
            ),
            (json!({"a": 1, "map": {"k": null, "l": 8}}), json!({"a": 1, "map": {"k": 7, "l": 8}})),
        ] {
            let mut value = Value::from(value);
            complete(schema, &mut value, 0);
            assert_eq!(value, Value::from(completed));
        }
        assert!(has_defaults(schema, 0) && !has_defaults(&Map::new(), 0));
    }
}
