//! The part of an object that somebody owns.
//!
//! In: a live object, and sets of fields as `managedFields` has them (`fieldsV1`), or what somebody applied as a whole. Out:
//! that part of the object, with the values that it has now. Pure. Nothing is in the part that is not in the object.

use gitops_compiler::diff::KEYS;
use serde_json::{Map, Value as Json};

/// The part of `live` that is in any of the sets. `others` are those of everybody else: where they name something inside of a
/// map that is itself in a set, only the map is meant.
pub(in crate::apply) fn owned(live: &Json, sets: &[&Json], others: &[&Json]) -> Json {
    let below = |set: &&Json| set.as_object().is_some_and(|fields| fields.keys().any(|key| key != "."));
    if !sets.iter().any(below) {
        let is_frame = others.iter().any(below) || sets.iter().all(|set| set.get(".").is_some());
        return if is_frame { frame(live) } else { live.clone() };
    }
    match live {
        Json::Object(fields) => {
            let parts = fields.iter().filter_map(|(name, value)| {
                let [sets, others] = [sets, others].map(|sets| named(name, sets));
                (!sets.is_empty()).then(|| (name.clone(), owned(value, &sets, &others)))
            });
            Json::Object(parts.collect())
        }
        Json::Array(items) => {
            let parts = items.iter().enumerate().filter_map(|(index, item)| {
                let [(sets, merged_by), (others, _)] = [sets, others].map(|sets| about(index, item, sets));
                (!sets.is_empty()).then(|| with(owned(item, &sets, &others), merged_by))
            });
            Json::Array(parts.collect())
        }
        value => value.clone(),
    }
}

/// That a map or a list is there, and nothing in it.
fn frame(live: &Json) -> Json {
    match live {
        Json::Object(_) => Json::Object(Map::new()),
        Json::Array(_) => Json::Array(Vec::new()),
        value => value.clone(),
    }
}

/// What sets have of a field.
fn named<'a>(name: &str, sets: &[&'a Json]) -> Vec<&'a Json> {
    sets.iter().filter_map(|set| set.get(format!("f:{name}"))).collect()
}

/// What sets have of an item of a list, and what it is merged by.
fn about<'a>(index: usize, item: &Json, sets: &[&'a Json]) -> (Vec<&'a Json>, Map<String, Json>) {
    let (mut below, mut merged_by) = (Vec::new(), Map::new());
    for (key, set) in sets.iter().filter_map(|set| set.as_object()).flatten() {
        let is_it = match key.split_once(':') {
            Some(("i", place)) => place.parse() == Ok(index),
            Some(("v", value)) => serde_json::from_str::<Json>(value).is_ok_and(|value| value == *item),
            Some(("k", keys)) => {
                let keys: Map<String, Json> = serde_json::from_str(keys).unwrap_or_default();
                let is_it = !keys.is_empty() && keys.iter().all(|(name, value)| item.get(name) == Some(value));
                if is_it {
                    merged_by.extend(keys);
                }
                is_it
            }
            _ => false,
        };
        if is_it {
            below.push(set);
        }
    }
    (below, merged_by)
}

/// The part of an item, with what that is merged by.
fn with(mut part: Json, merged_by: Map<String, Json>) -> Json {
    if let Some(fields) = part.as_object_mut() {
        for (name, value) in merged_by {
            fields.entry(name).or_insert(value);
        }
    }
    part
}

/// A part of `live`, with what `applied` has, too. Items of lists are matched by what people name them by; a list of which
/// that is not known is there as a whole.
pub(super) fn filled(part: Option<Json>, live: &Json, applied: &Json) -> Json {
    match (live, applied) {
        (Json::Object(live), Json::Object(applied)) => {
            let mut part = match part {
                Some(Json::Object(fields)) => fields,
                _ => Map::new(),
            };
            for (name, applied) in applied {
                if let Some(live) = live.get(name) {
                    let before = part.remove(name);
                    part.insert(name.clone(), filled(before, live, applied));
                }
            }
            Json::Object(part)
        }
        (Json::Array(live), Json::Array(applied)) => match KEYS.iter().find(|key| names_all(key, live, applied)) {
            Some(key) => Json::Array(filled_items(key, part, live, applied)),
            None => part.unwrap_or_else(|| Json::Array(live.clone())),
        },
        (live, _) => part.unwrap_or_else(|| live.clone()),
    }
}

fn filled_items(key: &str, part: Option<Json>, live: &[Json], applied: &[Json]) -> Vec<Json> {
    let part = match part {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    };
    let same = |items: &'_ [Json], item: &Json| items.iter().position(|other| other.get(key) == item.get(key));
    let items = live.iter().filter_map(|item| {
        let before = same(&part, item).map(|index| part[index].clone());
        match same(applied, item) {
            Some(index) => Some(filled(before, item, &applied[index])),
            None => before,
        }
    });
    items.collect()
}

/// Whether a field tells all items of both lists apart.
fn names_all(key: &str, live: &[Json], applied: &[Json]) -> bool {
    [live, applied].iter().all(|items| {
        let names: Vec<&Json> = items.iter().filter_map(|item| item.get(key)).collect();
        let is_first = |(index, name): (usize, &&Json)| !names[..index].contains(name);
        names.len() == items.len() && names.iter().enumerate().all(is_first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_has_what_its_sets_have_and_what_items_are_merged_by() {
        let live = json!({
            "spec": {
                "replicas": 5,
                "args": ["x", "y"],
                "finalizers": ["a", "b"],
                "ports": [{"port": 80, "protocol": "TCP", "name": "web"}, {"port": 80, "protocol": "UDP"}],
                "volume": {"emptyDir": {}, "medium": "Memory"},
            },
            "status": {"ready": 1},
        });
        let first = json!({"f:spec": {
            ".": {}, "f:args": {}, "f:gone": {},
            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}},
            "f:volume": {".": {}},
        }});
        let second = json!({"f:spec": {"f:finalizers": {"v:\"b\"": {}}, "f:ports": {"k:{\"port\":81}": {}}}});
        assert_eq!(
            owned(&live, &[&first, &second], &[]),
            json!({"spec": {
                "args": ["x", "y"], "finalizers": ["b"], "volume": {},
                "ports": [{"port": 80, "protocol": "TCP", "name": "web"}],
            }})
        );
        let second_port = json!({"f:spec": {"f:ports": {"i:1": {}}, "f:replicas": {"f:odd": {}}}});
        assert_eq!(
            owned(&live, &[&second_port], &[]),
            json!({"spec": {"ports": [{"port": 80, "protocol": "UDP"}], "replicas": 5}})
        );
    }

    #[test]
    fn of_a_map_with_what_others_own_only_the_map_is_owned() {
        let live =
            json!({"annotations": {"theirs": "1"}, "selector": {"app": "a"}, "list": [{"name": "x", "by": "them"}]});
        let ours = json!({"f:annotations": {}, "f:selector": {}, "f:list": {"k:{\"name\":\"x\"}": {}}});
        let theirs = json!({"f:annotations": {"f:theirs": {}}, "f:list": {"k:{\"name\":\"x\"}": {"f:by": {}}}});
        assert_eq!(
            owned(&live, &[&ours], &[&theirs]),
            json!({"annotations": {}, "selector": {"app": "a"}, "list": [{"name": "x"}]})
        );
    }

    #[test]
    fn what_was_applied_fills_a_part_with_what_is_there_now() {
        let live = json!({
            "spec": {"replicas": 5, "image": "new", "containers": [{"name": "a", "image": "a:2", "tty": true}, {"name": "b"}]},
            "data": {"x": "1"},
        });
        let applied = json!({
            "spec": {"replicas": 3, "containers": [{"name": "a", "image": "a:1"}, {"name": "c"}], "list": [1]},
            "gone": true,
        });
        let part = json!({"data": {"x": "1"}, "spec": {"containers": [{"name": "b"}]}});
        assert_eq!(
            filled(Some(part), &live, &applied),
            json!({
                "data": {"x": "1"},
                "spec": {"replicas": 5, "containers": [{"name": "a", "image": "a:2"}, {"name": "b"}]},
            })
        );
        let (live, applied) = (json!({"args": ["x", "y"]}), json!({"args": ["x"]}));
        assert_eq!(filled(None, &live, &applied), live, "a list of texts is one value");
    }
}
