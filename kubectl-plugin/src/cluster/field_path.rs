//! Paths of fields as the API server writes them in conflicts: `.spec.ports[port=80,protocol="TCP"].name`.
//!
//! In: a path, a body. Out: the body without that field. The form is that of structured-merge-diff (`fieldpath.Path`).

use serde_json::Value as Json;

/// One part of a path.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Field(&'a str),
    /// The item of a list with these values.
    Keys(Vec<(&'a str, Json)>),
    /// An item of a set.
    Value(Json),
    Index(usize),
}

/// Takes a field out of a body; whether it was there.
pub fn take_out(body: &mut Json, path: &str) -> bool {
    let Some(parts) = parts(path) else { return false };
    let Some((last, above)) = parts.split_last() else { return false };
    let mut place = body;
    for part in above {
        let Some(next) = child(place, part) else { return false };
        place = next;
    }
    match (last, place) {
        (Part::Field(name), Json::Object(fields)) => fields.remove(*name).is_some(),
        (part, Json::Array(items)) => match position(items, part) {
            Some(index) => {
                items.remove(index);
                true
            }
            None => false,
        },
        _ => false,
    }
}

fn child<'a>(place: &'a mut Json, part: &Part<'_>) -> Option<&'a mut Json> {
    match (part, place) {
        (Part::Field(name), Json::Object(fields)) => fields.get_mut(*name),
        (part, Json::Array(items)) => {
            let index = position(items, part)?;
            items.get_mut(index)
        }
        _ => None,
    }
}

fn position(items: &[Json], part: &Part<'_>) -> Option<usize> {
    match part {
        Part::Field(_) => None,
        Part::Index(index) => Some(*index).filter(|index| *index < items.len()),
        Part::Value(value) => items.iter().position(|item| item == value),
        Part::Keys(keys) => items.iter().position(|item| {
            keys.iter().all(|(key, value)| {
                // A key that the manifest leaves out has the server's default, of which nothing is known here.
                item.get(*key).is_none_or(|own| own == value)
            })
        }),
    }
}

/// None where it is no path.
fn parts(path: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            parts.push(Part::Field(&after[..end]));
            rest = &after[end..];
        } else {
            let inside = rest.strip_prefix('[')?;
            let end = closing(inside)?;
            parts.push(item(&inside[..end])?);
            rest = &inside[end + 1..];
        }
    }
    Some(parts)
}

/// The place of the bracket that closes; those inside of quotes do not count.
fn closing(text: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (index, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ']' if !is_quoted => return Some(index),
            _ => {}
        }
    }
    None
}

fn item(text: &str) -> Option<Part<'_>> {
    if let Some(value) = text.strip_prefix('=') {
        return Some(Part::Value(serde_json::from_str(value).ok()?));
    }
    if let Ok(index) = text.parse() {
        return Some(Part::Index(index));
    }
    let mut keys = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Json>();
        let value = values.next()?.ok()?;
        rest = after[values.byte_offset()..].trim_start_matches(',');
        keys.push((key, value));
    }
    Some(Part::Keys(keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_found_by_the_servers_own_path() {
        let body = || {
            json!({
                "spec": {"replicas": 3, "ports": [{"port": 80, "name": "web"}, {"port": 81, "protocol": "UDP"}]},
                "webhooks": [{"name": "a].b", "clientConfig": {"caBundle": "x"}}],
                "metadata": {"finalizers": ["a", "b"]},
                "args": ["x", "y"],
            })
        };
        let without = |path: &str, pointer: &str| {
            let mut body = body();
            assert!(take_out(&mut body, path), "{path}");
            body.pointer(pointer).cloned().unwrap_or(Json::Null)
        };
        assert_eq!(without(".spec.replicas", "/spec/replicas"), Json::Null);
        assert_eq!(without(".spec.ports[port=80,protocol=\"TCP\"].name", "/spec/ports/0"), json!({"port": 80}));
        assert_eq!(
            without(".spec.ports[port=81,protocol=\"UDP\"]", "/spec/ports"),
            json!([{"port": 80, "name": "web"}])
        );
        assert_eq!(without(".webhooks[name=\"a].b\"].clientConfig.caBundle", "/webhooks/0/clientConfig"), json!({}));
        assert_eq!(without(".metadata.finalizers[=\"b\"]", "/metadata/finalizers"), json!(["a"]));
        assert_eq!(without(".args[1]", "/args"), json!(["x"]));
        for path in ["", "spec", ".none", ".spec.ports[port=82].name", ".spec.ports[", ".spec[x]", ".args[9]"] {
            assert!(!take_out(&mut body(), path), "{path}");
        }
    }
}
