//! A live object in the terms of a manifest.
//!
//! In: what a manifest declares, the object as it is, the object as the server would have it once the manifest is applied, the
//! part of it that we own. Out: what the manifest would say if it had made the object as it is. Pure.
//!
//! What applying would not change is as the manifest writes it, whatever form the server gives it (`1000m` and `1`). What
//! nobody declares is left out, defaults, `status` and fields of others among it; but for what we own and applying would
//! give up. Lists are matched as [`KEYS`] name their items; others by position where they are equally long, and else are
//! there as a whole.

use std::collections::BTreeSet;

use gitops_compiler::canon::{Map, Value};
use gitops_compiler::diff::KEYS;

use crate::apply::drift::compare::{is_empty, is_same_quantity};

/// One place of a document, as each side has it.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    /// What the manifest declares.
    pub(super) declared: Option<&'a Value>,
    /// What is there.
    pub(super) live: Option<&'a Value>,
    /// What would be there.
    pub(super) applied: Option<&'a Value>,
    /// What we own of what is there.
    pub(super) own: Option<&'a Value>,
}

/// What the manifest would say here; none where it would say nothing.
pub(super) fn reduced(sides: Sides<'_>) -> Option<Value> {
    let Sides { declared, live, applied, own } = sides;
    match (declared, live) {
        (Some(declared), live) if is_same(live, applied) => Some(declared.clone()),
        (Some(Value::Map(_)), Some(Value::Map(_))) => Some(Value::Map(fields(sides))),
        (Some(Value::Array(declared)), Some(Value::Array(there))) => Some(Value::Array(items(sides, declared, there))),
        (Some(_), Some(live)) => Some(live.clone()),
        // Applying would give it up.
        (None, Some(_)) if applied.is_none() => own.filter(|own| !is_frame(own)).cloned(),
        (_, None) | (None, _) => None,
    }
}

/// Whether applying leaves it as it is.
fn is_same(live: Option<&Value>, applied: Option<&Value>) -> bool {
    match (live, applied) {
        (None, None) => true,
        // The server leaves out what is empty, or writes `null`.
        (None | Some(Value::Null), Some(applied)) => is_empty(applied),
        (Some(live), Some(applied)) => live == applied || is_same_quantity(live, applied),
        (Some(_), None) => false,
    }
}

/// A map or a list with nothing in it: others may have filled it.
fn is_frame(own: &Value) -> bool {
    match own {
        Value::Map(fields) => fields.values().all(is_frame),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn names(side: Option<&Value>) -> impl Iterator<Item = String> {
    side.and_then(Value::as_map).into_iter().flat_map(Map::keys).cloned()
}

fn fields(sides: Sides<'_>) -> Map {
    let all: BTreeSet<String> = names(sides.declared).chain(names(sides.own)).collect();
    let field = |name: String| {
        let of = |side: Option<&'_ Value>| side.and_then(|value| value.get(&name)).cloned();
        let [declared, live, applied, own] = [sides.declared, sides.live, sides.applied, sides.own].map(of);
        let value = reduced(Sides {
            declared: declared.as_ref(),
            live: live.as_ref(),
            applied: applied.as_ref(),
            own: own.as_ref(),
        });
        Some((name, value?))
    };
    all.into_iter().filter_map(field).collect()
}

fn items(sides: Sides<'_>, declared: &[Value], live: &[Value]) -> Vec<Value> {
    let [applied, own] = [sides.applied, sides.own].map(|side| side.map_or(&[][..], Value::items));
    if let Some(key) = KEYS.iter().find(|key| [declared, live, applied].iter().all(|items| tells_apart(key, items))) {
        return named_items(key, declared, live, applied, own);
    }
    if live.len() != declared.len() || applied.len() != declared.len() {
        return live.to_vec();
    }
    let item = |index: usize| Sides {
        declared: declared.get(index),
        live: live.get(index),
        applied: applied.get(index),
        own: None,
    };
    (0..declared.len()).filter_map(|index| reduced(item(index))).collect()
}

/// The items that are declared, in their order; then those of ours that applying would give up.
fn named_items(key: &str, declared: &[Value], live: &[Value], applied: &[Value], own: &[Value]) -> Vec<Value> {
    fn with<'a>(key: &str, items: &'a [Value], name: &Value) -> Option<&'a Value> {
        items.iter().find(|item| item.get(key) == Some(name))
    }
    let names = declared.iter().chain(own).filter_map(|item| item.get(key));
    let mut all: Vec<&Value> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    let item = |name: &Value| Sides {
        declared: with(key, declared, name),
        live: with(key, live, name),
        applied: with(key, applied, name),
        own: with(key, own, name),
    };
    all.into_iter().filter_map(|name| reduced(item(name))).collect()
}

/// Whether a field tells all items apart.
fn tells_apart(key: &str, items: &[Value]) -> bool {
    let names: Vec<&Value> = items.iter().filter_map(|item| item.get(key)).collect();
    names.len() == items.len() && names.iter().enumerate().all(|(index, name)| !names[..index].contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    /// What the manifest would say, all sides given as JSON.
    fn said(declared: Json, live: Json, applied: Json, own: Json) -> Json {
        let [declared, live, applied, own] = [declared, live, applied, own].map(Value::from);
        let sides = Sides { declared: Some(&declared), live: Some(&live), applied: Some(&applied), own: Some(&own) };
        Json::from(&reduced(sides).expect("something"))
    }

    #[test]
    fn what_applying_leaves_alone_is_as_it_is_declared_and_defaults_are_nobodys() {
        let declared = json!({"spec": {"cpu": "1000m", "replicas": 2, "off": false}});
        let live =
            json!({"spec": {"cpu": "1", "replicas": 5, "strategy": {"type": "RollingUpdate"}}, "status": {"x": 1}});
        let applied = json!({"spec": {"cpu": "1", "replicas": 2, "strategy": {"type": "RollingUpdate"}}});
        assert_eq!(
            said(declared, live, applied, json!({})),
            json!({"spec": {"cpu": "1000m", "replicas": 5, "off": false}})
        );
    }

    #[test]
    fn what_is_gone_is_left_out_and_what_would_be_given_up_is_there() {
        let declared = json!({"data": {"a": "1", "b": "2"}});
        let live = json!({"data": {"a": "1", "old": "x", "theirs": "y"}, "more": {"k": "v"}});
        let applied = json!({"data": {"a": "1", "b": "2", "theirs": "y"}});
        let own = json!({"data": {"a": "1", "old": "x"}, "more": {"k": "v"}, "labels": {}});
        assert_eq!(said(declared, live, applied, own), json!({"data": {"a": "1", "old": "x"}, "more": {"k": "v"}}));
    }

    #[test]
    fn items_are_matched_by_name_in_the_order_of_the_manifest() {
        let declared = json!({"c": [{"name": "b", "image": "b:2"}, {"name": "a", "image": "a:1"}, {"name": "new"}]});
        let live = json!({"c": [
            {"name": "injected", "image": "i"}, {"name": "a", "image": "a:1", "tty": false},
            {"name": "b", "image": "b:1", "args": ["-v"]}, {"name": "ours", "image": "o"},
        ]});
        let applied = json!({"c": [
            {"name": "injected", "image": "i"}, {"name": "a", "image": "a:1", "tty": false},
            {"name": "b", "image": "b:2"}, {"name": "new"},
        ]});
        let own = json!({"c": [
            {"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1", "args": ["-v"]}, {"name": "ours", "image": "o"},
        ]});
        assert_eq!(
            said(declared, live, applied, own),
            json!({"c": [
                {"name": "b", "image": "b:1", "args": ["-v"]}, {"name": "a", "image": "a:1"}, {"name": "ours", "image": "o"},
            ]})
        );
    }

    #[test]
    fn lists_without_names_are_compared_by_position_or_as_a_whole() {
        let rules = |verbs: Json| json!({"rules": [{"verbs": verbs, "resources": ["pods"]}]});
        let live = json!({"rules": [{"verbs": ["get"], "resources": ["pods"], "default": 1}]});
        let applied = json!({"rules": [{"verbs": ["list"], "resources": ["pods"], "default": 1}]});
        assert_eq!(said(rules(json!(["list"])), live, applied.clone(), json!({})), rules(json!(["get"])));
        let longer = json!({"rules": [{"verbs": ["get"]}, {"verbs": ["list"]}]});
        assert_eq!(said(rules(json!(["list"])), longer.clone(), applied, json!({})), longer);
    }

    #[test]
    fn null_asks_for_the_default() {
        let declared = json!({"spec": {"replicas": null}});
        let live = json!({"spec": {"replicas": 1}});
        assert_eq!(said(declared.clone(), live.clone(), live, json!({})), declared);
    }
}
