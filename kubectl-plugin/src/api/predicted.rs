//! What a live object would be with what Git says of it. Pure.
//!
//! In: both. Out: Git's fields laid over those that are there: maps field by field, items of lists by what identifies them where
//! all have that, else one after the other. What the server would add, or refuse, is for a diff to ask: this asks nobody.

use std::collections::HashMap;

use gitops_compiler::diff::KEYS;
use serde_json::{Map, Value as Json};

/// The object; nothing where Git has none, and Git's where nothing is there.
pub(super) fn predicted(live: Option<&Json>, target: Option<&Json>) -> Option<Json> {
    match (live, target) {
        (Some(live), Some(target)) => Some(laid_over(live, target)),
        (None, target) => target.cloned(),
        (Some(_), None) => None,
    }
}

/// So deep objects are looked into; what is deeper is taken as Git has it. The API server takes no deeper ones.
const DEEPEST: usize = 200;

fn laid_over(live: &Json, target: &Json) -> Json {
    at_depth(live, target, 0)
}

fn at_depth(live: &Json, target: &Json, depth: usize) -> Json {
    match (live, target) {
        (Json::Object(live), Json::Object(target)) if depth < DEEPEST => Json::Object(maps(live, target, depth)),
        (Json::Array(live), Json::Array(target)) if depth < DEEPEST => Json::Array(lists(live, target, depth)),
        // `null` asks for what the server sets.
        (live, Json::Null) => live.clone(),
        (live, target) if is_same(live, target) => live.clone(),
        (_, target) => target.clone(),
    }
}

fn maps(live: &Map<String, Json>, target: &Map<String, Json>, depth: usize) -> Map<String, Json> {
    let mut map = live.clone();
    for (name, wanted) in target {
        let value = live.get(name).map_or_else(|| wanted.clone(), |live| at_depth(live, wanted, depth + 1));
        // The server leaves out what is empty.
        if live.contains_key(name) || !is_empty(&value) {
            map.insert(name.clone(), value);
        }
    }
    map
}

fn lists(live: &[Json], target: &[Json], depth: usize) -> Vec<Json> {
    let identified = |key: &&&str| live.iter().chain(target).all(|item| item[**key].is_string());
    let key = KEYS.iter().find(identified);
    let mut named: HashMap<&str, &Json> = HashMap::new();
    for item in live {
        if let Some(name) = key.and_then(|key| item[*key].as_str()) {
            // Where two have one name, it is the first that is meant.
            named.entry(name).or_insert(item);
        }
    }
    let there = |(index, wanted): (usize, &Json)| match key {
        Some(key) => wanted[*key].as_str().and_then(|name| named.get(name).copied()),
        None => live.get(index),
    };
    let item = |(index, wanted): (usize, &Json)| {
        there((index, wanted)).map_or_else(|| wanted.clone(), |live| at_depth(live, wanted, depth + 1))
    };
    target.iter().enumerate().map(item).collect()
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// A number that is written as one on one side, and as a text on the other: `cpu: 1`.
fn is_same(live: &Json, target: &Json) -> bool {
    matches!(target, Json::Number(number) if live.as_str() == Some(number.to_string().as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_adds_stays_and_what_git_says_counts() {
        let live = json!({
            "metadata": {"name": "a", "uid": "u"}, "status": {"ready": 1},
            "spec": {
                "replicas": 3, "strategy": {"type": "RollingUpdate"},
                "containers": [
                    {"name": "injected", "image": "i"},
                    {"name": "main", "image": "a:1", "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                ],
                "limits": {"cpu": "1"},
            },
        });
        let target = json!({
            "metadata": {"name": "a", "labels": {}},
            "spec": {
                "replicas": 5, "limits": {"cpu": 1}, "strategy": null,
                "containers": [{"name": "main", "image": "a:2", "ports": [{"containerPort": 80}]}],
            },
        });
        let made = predicted(Some(&live), Some(&target)).expect("an object");
        let mut expected = live.clone();
        expected["spec"]["replicas"] = json!(5);
        expected["spec"]["containers"] =
            json!([{"name": "main", "image": "a:2", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]);
        assert_eq!(made, expected);
    }

    #[test]
    fn items_of_long_lists_are_found_by_name() {
        // Each looked for among all the others would take minutes.
        let list = |image: &str| {
            let item = |number: u32| json!({"name": format!("n{number}"), "image": image});
            (0..100_000).map(item).collect::<Vec<Json>>()
        };
        let (live, mut target) = (json!({"items": list("a")}), list("b"));
        target.reverse();
        target.push(json!({"name": "n0", "image": "c"}));
        let made = predicted(Some(&live), Some(&json!({"items": target}))).expect("an object");
        assert_eq!(made["items"], Json::Array(target));
    }

    #[test]
    fn one_side_is_as_it_is() {
        let object = json!({"a": 1});
        assert_eq!(predicted(None, Some(&object)), Some(object.clone()));
        assert_eq!(predicted(Some(&object), None), None);
        assert_eq!(predicted(Some(&object), Some(&object)), Some(object));
    }
}
