//! The fields in which two bodies differ, each with its place in the text.
//!
//! In: two bodies of one kind, its schema. Out: [`Difference`]s: as `diff` has them, but that lists are matched by the keys
//! that the API server merges them by, items without keys by what is equal, and YAML and JSON inside of texts as data. Values
//! of Secrets and of what SOPS has encrypted never come out: those bodies are compared by `diff`.

use std::collections::{BTreeMap, BTreeSet};

use crate::canon::{Map, Value};
use crate::diff::{self, FieldChange, KEYS};
use crate::manifest::sops;
use crate::name::ResourceKey;
use crate::schema::ListKeys;

use super::embedded;

/// So many bytes of paths are kept of one body; where there are more, the rest is told by whole values, and nothing of it is left
/// out.
const MOST_PATHS: usize = 64 << 20;

/// A field that differs, and where it is in the newer body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub(super) change: FieldChange,
    /// A JSON pointer into the newer body; into the older where only that has the field.
    pub(super) pointer: String,
}

/// What differs between two bodies. `custom` is the schema of their kind, where a definition among the manifests has it.
pub(super) fn differences(key: &ResourceKey, old: &Value, new: &Value, custom: Option<&Value>) -> Vec<Difference> {
    if key.is("", "Secret") || sops::is_sops(old) || sops::is_sops(new) {
        let masked = diff::written_bodies(key, old, new).into_iter();
        return masked.map(|change| Difference { change, pointer: String::new() }).collect();
    }
    let version = new.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let keys = ListKeys::of(version, &key.kind, custom);
    let mut walk = Walk { found: Vec::new(), paths: 0 };
    walk.compare(&Place::default(), Some(old), Some(new), keys);
    walk.found
}

/// Where the walk is.
#[derive(Debug, Clone, Default)]
struct Place {
    /// As people read it.
    path: String,
    /// As a JSON pointer.
    pointer: String,
}

impl Place {
    fn field(&self, name: &str) -> Self {
        let pointer = format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"));
        Self { path: diff::join(&self.path, name), pointer }
    }

    fn item(&self, name: &str, index: usize) -> Self {
        Self { path: format!("{}[{name}]", self.path), pointer: format!("{}/{index}", self.pointer) }
    }
}

struct Walk {
    found: Vec<Difference>,
    /// How long the paths of all of them are.
    paths: usize,
}

impl Walk {
    fn push(&mut self, place: &Place, old: Option<&Value>, new: Option<&Value>) {
        self.paths += place.path.len() + place.pointer.len();
        let change = FieldChange { path: place.path.clone(), old: old.cloned(), new: new.cloned() };
        self.found.push(Difference { change, pointer: place.pointer.clone() });
    }

    fn compare(&mut self, place: &Place, old: Option<&Value>, new: Option<&Value>, keys: ListKeys<'_>) {
        match (old, new) {
            (Some(old), Some(new)) if old == new => {}
            (old, new) if self.paths > MOST_PATHS => self.push(place, old, new),
            (Some(Value::Map(old)), Some(Value::Map(new))) => self.maps(place, old, new, keys),
            (Some(Value::Array(old)), Some(Value::Array(new))) => self.lists(place, old, new, keys),
            (Some(Value::String(old)), Some(Value::String(new))) => self.texts(place, old, new),
            (old, new) => self.push(place, old, new),
        }
    }

    fn maps(&mut self, place: &Place, old: &Map, new: &Map, keys: ListKeys<'_>) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            self.compare(&place.field(name), old.get(name), new.get(name), keys.field(name));
        }
    }

    /// Texts that hold data on both sides are compared as data.
    fn texts(&mut self, place: &Place, old: &str, new: &str) {
        let before = self.found.len();
        if let Some((old, new)) = embedded::data(&place.path, old, new) {
            // What is inside stands on the lines of the text as a whole.
            let inside = Place { path: format!("{}:", place.path), pointer: place.pointer.clone() };
            self.compare(&inside, Some(&old), Some(&new), ListKeys::default());
            for found in &mut self.found[before..] {
                found.pointer.clone_from(&place.pointer);
                found.change.path = found.change.path.replacen(":.", ": ", 1);
            }
        }
        if self.found.len() == before {
            // Also where only the spelling differs: whoever reads the file may care.
            self.push(place, Some(&Value::from(old)), Some(&Value::from(new)));
        }
    }

    fn lists(&mut self, place: &Place, old: &[Value], new: &[Value], keys: ListKeys<'_>) {
        let before = self.found.len();
        let Some((old_items, new_items)) = matched(old, new, keys) else {
            return self.runs(place, old, new, keys.item());
        };
        let names: BTreeSet<&String> = old_items.keys().chain(new_items.keys()).collect();
        for name in names {
            let (was, is) = (old_items.get(name).copied(), new_items.get(name).copied());
            let index = is.or(was).unwrap_or_default();
            let item = |items: &[Value], at: Option<usize>| at.and_then(|at| items.get(at).cloned());
            self.compare(&place.item(name, index), item(old, was).as_ref(), item(new, is).as_ref(), keys.item());
        }
        if self.found.len() == before {
            let order = |items: &BTreeMap<String, usize>| {
                let mut names: Vec<_> = items.iter().collect();
                names.sort_by_key(|(_, index)| **index);
                Value::from(names.into_iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))
            };
            let place = Place { path: format!("{} (order)", place.path), pointer: place.pointer.clone() };
            self.push(&place, Some(&order(&old_items)), Some(&order(&new_items)));
        }
    }

    /// Items that nothing tells apart: what is equal at both ends stays out, and what one side has more of is told by
    /// itself.
    fn runs(&mut self, place: &Place, old: &[Value], new: &[Value], keys: ListKeys<'_>) {
        let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (old_rest, new_rest) = (&old[start..], &new[start..]);
        let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
        let (old_rest, new_rest) = (&old_rest[..old_rest.len() - end], &new_rest[..new_rest.len() - end]);
        for index in 0..old_rest.len().max(new_rest.len()) {
            let place = place.item(&(start + index).to_string(), start + index);
            self.compare(&place, old_rest.get(index), new_rest.get(index), keys);
        }
    }
}

type Items = BTreeMap<String, usize>;

/// The items of both lists by what tells them apart: the keys of the schema, or a field that people name them by.
fn matched(old: &[Value], new: &[Value], keys: ListKeys<'_>) -> Option<(Items, Items)> {
    let both = |keys: &[(String, Option<String>)]| Some((named(old, keys)?, named(new, keys)?));
    let of_schema = keys.keys();
    let by_schema = if of_schema.is_empty() { None } else { both(&of_schema) };
    // `name` says more than `containerPort,protocol` where both tell items apart.
    let by_name = || both(&[("name".to_owned(), None)]);
    let by_one = || KEYS.iter().find_map(|key| both(&[((*key).to_owned(), None)]));
    by_name().or(by_schema).or_else(by_one)
}

/// The items by the text of some fields; none unless no two share it. A field that may be left out has a default.
fn named(items: &[Value], keys: &[(String, Option<String>)]) -> Option<Items> {
    let mut found = Items::new();
    for (index, item) in items.iter().enumerate() {
        let part = |(key, default): &(String, Option<String>)| match item.as_map()?.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Int(number)) => Some(number.to_string()),
            None => default.clone(),
            Some(_) => None,
        };
        let name = keys.iter().map(part).collect::<Option<Vec<_>>>()?.join(",");
        if found.insert(name, index).is_some() {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn lines(kind: (&str, &str), old: Json, new: Json) -> Vec<String> {
        let (group, kind) = kind;
        let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        let with = |mut body: Json| {
            body["apiVersion"] = Json::from(version.as_str());
            Value::from(body)
        };
        let key = ResourceKey::new(group, kind, "shop", "a");
        let found = differences(&key, &with(old), &with(new), None);
        found.iter().map(|found| format!("{} @{}", found.change, found.pointer)).collect()
    }

    #[test]
    fn ports_are_told_apart_by_number_and_protocol() {
        let service = |ports: Json| json!({"spec": {"ports": ports}});
        let old = service(json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "targetPort": 1}]));
        let new = service(json!([{"port": 53, "targetPort": 2}, {"port": 53, "protocol": "UDP"}]));
        assert_eq!(
            lines(("", "Service"), old, new),
            ["spec.ports[53,TCP].targetPort  1 → 2 @/spec/ports/0/targetPort"]
        );
    }

    #[test]
    fn items_without_keys_are_matched_by_what_is_equal() {
        let role = |rules: Json| json!({"rules": rules});
        let one = |verb: &str| json!({"verbs": [verb], "resources": ["pods"]});
        let old = role(json!([one("get"), one("list")]));
        let new = role(json!([one("get"), one("watch"), one("list")]));
        let found = lines(("rbac.authorization.k8s.io", "Role"), old, new);
        assert_eq!(found, ["rules[1]  + {\"resources\":[\"pods\"],\"verbs\":[\"watch\"]} @/rules/1"]);
    }

    #[test]
    fn data_in_texts_is_compared_as_data() {
        let map = |text: &str| json!({"data": {"app.yaml": text}});
        let found = lines(("", "ConfigMap"), map("a: {b: 1, c: x}\n"), map("# more\na:\n  b: 2\n  c: x\n"));
        assert_eq!(found, ["data[app.yaml]: a.b  1 → 2 @/data/app.yaml"]);
        let found = lines(("", "ConfigMap"), map("{\"a\": [1]}"), map("{\"a\":[1, 2]}"));
        assert_eq!(found, ["data[app.yaml]: a[1]  + 2 @/data/app.yaml"]);
        let found = lines(("", "ConfigMap"), map("a: 1\n"), map("a: 1 # one\n"));
        assert_eq!(found, ["data[app.yaml]  a: 1\\n → a: 1 # one\\n @/data/app.yaml"]);
    }

    #[test]
    fn values_of_secrets_never_come_out() {
        let found = lines(("", "Secret"), json!({"data": {"a": "eA=="}}), json!({"data": {"a": "eQ=="}}));
        assert_eq!(found, ["data.a  (secret) changed @"]);
    }

    #[test]
    fn long_paths_have_an_end() {
        let name = "n".repeat(100_000);
        let map = |value: u32| {
            let inner: BTreeMap<_, _> =
                (0..1_000).map(|at| (format!("k{at}"), json!({"a": value, "b": value}))).collect();
            json!({"data": {name.as_str(): inner}})
        };
        let found = lines(("", "ConfigMap"), map(1), map(2));
        assert!((1_000..2_000).contains(&found.len()), "{}", found.len());
        assert!(found.iter().any(|line| line.contains(".k999  {\"a\":1")), "it is told as a whole");
    }

    #[test]
    fn nothing_hides_in_a_flood_of_fields() {
        let map = |value: u32| json!({"data": (0..9_000).map(|at| (format!("k{at}"), value)).collect::<BTreeMap<_, _>>(), "z": value});
        let found = lines(("", "ConfigMap"), map(1), map(2));
        assert_eq!((found.len(), found[9_000].as_str()), (9_001, "z  1 → 2 @/z"));
    }
}
