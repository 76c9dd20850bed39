//! Places in a document: fields and items that are there.
//!
//! In: a document, and a pointer or a path of jq. Out: [`Place`]s of it, and the document without them. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use gitops_compiler::canon::Value;

/// The way to a field or an item, from the top.
pub(super) type Place = Vec<Part>;

/// One part of the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Part {
    /// An item of a list, from 0.
    Index(usize),
    /// A field.
    Name(String),
}

/// What a JSON pointer (RFC 6901) names, where it is there.
pub(super) fn pointed_at(document: &Json, pointer: &str) -> Option<Place> {
    let (mut below, mut place) = (document, Place::new());
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        let part = if below.is_array() { Part::Index(name.parse().ok()?) } else { Part::Name(name) };
        below = child(below, &part)?;
        place.push(part);
    }
    (!place.is_empty()).then_some(place)
}

fn child<'a>(value: &'a Json, part: &Part) -> Option<&'a Json> {
    match part {
        Part::Index(index) => value.as_array()?.get(*index),
        Part::Name(name) => value.as_object()?.get(name),
    }
}

/// The place with names for numbers: an item that has a name is the same one wherever in its list it stands.
pub(super) fn spelled(document: &Json, place: &[Part]) -> Vec<String> {
    let (mut below, mut spelled) = (document, Vec::new());
    for part in place {
        below = child(below, part).unwrap_or(&Json::Null);
        spelled.push(match part {
            Part::Name(name) => format!(".{name}"),
            Part::Index(index) => {
                below["name"].as_str().map_or_else(|| format!("[{index}]"), |name| format!("[{name:?}]"))
            }
        });
    }
    spelled
}

/// What is there.
pub(super) fn at<'a>(document: &'a Json, place: &[Part]) -> Option<&'a Json> {
    place.iter().try_fold(document, child)
}

/// What is there, to be changed.
pub(super) fn at_mut<'a>(document: &'a mut Json, place: &[Part]) -> Option<&'a mut Json> {
    place.iter().try_fold(document, |below, part| match part {
        Part::Index(index) => below.as_array_mut()?.get_mut(*index),
        Part::Name(name) => below.as_object_mut()?.get_mut(name),
    })
}

/// Takes places out. They are all places of the document as it is now.
pub(super) fn take_out(document: &mut Json, places: &[Place]) {
    for (last, above) in from_behind(places).into_iter().filter_map(|place| place.split_last()) {
        match (at_mut(document, above), last) {
            (Some(Json::Object(fields)), Part::Name(name)) => drop(fields.remove(name)),
            (Some(Json::Array(items)), Part::Index(index)) if *index < items.len() => drop(items.remove(*index)),
            _ => {}
        }
    }
}

/// Likewise, of a canonical body.
pub(super) fn take_out_of_body(body: &mut Value, places: &[Place]) {
    for place in from_behind(places) {
        take(body, place);
    }
}

/// The last items first, so that the places of others stay what they are; each once.
fn from_behind(places: &[Place]) -> Vec<&Place> {
    let mut places: Vec<&Place> = places.iter().collect();
    places.sort_unstable();
    places.dedup();
    places.reverse();
    places
}

fn take(value: &mut Value, place: &[Part]) {
    let Some((first, rest)) = place.split_first() else { return };
    match (value, first) {
        (Value::Map(fields), Part::Name(name)) if rest.is_empty() => drop(fields.remove(name)),
        (Value::Array(items), Part::Index(index)) if rest.is_empty() && *index < items.len() => {
            drop(items.remove(*index));
        }
        (Value::Map(fields), Part::Name(name)) => {
            if let Some(below) = fields.get_mut(name) {
                take(below, rest);
            }
        }
        (Value::Array(items), Part::Index(index)) => {
            if let Some(below) = items.get_mut(*index) {
                take(below, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_name_what_is_there() {
        let document = json!({"a/b": [{"~": 1}], "0": {}});
        let text = |pointer| pointed_at(&document, pointer).map(|place| spelled(&document, &place).concat());
        assert_eq!(text("/a~1b/0/~0").as_deref(), Some(".a/b[0].~"));
        assert_eq!(text("/0").as_deref(), Some(".0"));
        assert!(text("/a~1b/1").is_none() && text("/a~1b/x").is_none() && text("/c").is_none() && text("").is_none());
    }

    #[test]
    fn items_are_taken_out_wherever_they_stand() {
        let document = json!({"a": [0, {"name": "x", "b": 1}, 2, 3]});
        let places: Vec<Place> =
            ["/a/0", "/a/2", "/a/1/b", "/a/0"].iter().filter_map(|pointer| pointed_at(&document, pointer)).collect();
        let (mut left, mut body) = (document.clone(), Value::from(document));
        take_out(&mut left, &places);
        take_out_of_body(&mut body, &places);
        assert_eq!(left, json!({"a": [{"name": "x"}, 3]}));
        assert_eq!(Json::from(&body), left);
    }
}
