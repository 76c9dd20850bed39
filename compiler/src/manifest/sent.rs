//! From a document to the objects that kubectl would send: lists taken apart, types checked, nothing of ours yet.
//!
//! In: a parsed document. Out: the bodies of its objects in order, or diagnostics that say what is wrong.
//! Guarantees: takes a document apart as cli-runtime's `resource.Builder` 0.37 does, which `tests/oracle` compares.
//! The only thing that this refuses and kubectl takes is an item of a list whose metadata is not what it must be:
//! kubectl leaves those to the server, and sends an item whose namespace is no text to the default namespace.

use crate::canon::{Map, Value};
use crate::diagnostic::{Diagnostic, Origin};

use super::types;

/// The bodies of the objects in a document, each of which has a kind.
///
/// What counts as a list is what apimachinery's detector says: whatever has `items` at its top, whatever its kind.
pub fn sent(document: Value, origin: &Origin, findings: &mut Vec<Diagnostic>) -> Vec<Value> {
    let mut map = match document {
        Value::Map(map) => map,
        other => {
            let message = format!("this is {}, not an object with apiVersion and kind", other.type_name());
            findings.push(Diagnostic::error(origin.clone(), message));
            return Vec::new();
        }
    };
    let mut problems = Problems { origin, findings };
    if let Err(message) = types::check(&map) {
        problems.add(named(&map, &message));
        return Vec::new();
    }
    let Some((_, kind)) = type_of(&map) else {
        problems.without_type(&map);
        return Vec::new();
    };
    let kind = kind.to_owned();
    match map.remove("items") {
        None => vec![without_empty_namespace(map)],
        Some(Value::Null) => problems.flatten(&map, &kind, Vec::new()),
        Some(Value::Array(items)) => problems.flatten(&map, &kind, items),
        Some(other) => {
            let found = other.type_name();
            problems.add(format!("kubectl takes this {kind} for a list, because it has `items`, which is {found}"));
            Vec::new()
        }
    }
}

/// Where problems go.
struct Problems<'a> {
    origin: &'a Origin,
    findings: &'a mut Vec<Diagnostic>,
}

impl Problems<'_> {
    fn add(&mut self, message: impl Into<String>) {
        self.findings.push(Diagnostic::error(self.origin.clone(), message));
    }

    /// Says what an object lacks of its type, which is all that kubectl has to go by.
    fn without_type(&mut self, map: &Map) {
        let api_version = text(map, "apiVersion");
        if api_version.is_empty() {
            self.add(MISSING_VERSION);
        } else if version_of(api_version).is_none_or(str::is_empty) {
            self.add(format!("`apiVersion: {api_version}` is neither `version` nor `group/version`"));
        }
        if text(map, "kind").is_empty() {
            self.add("this object has no `kind` (for example: kind: ConfigMap)");
        }
    }

    fn flatten(&mut self, list: &Map, kind: &str, items: Vec<Value>) -> Vec<Value> {
        if !kind.ends_with("List") {
            let message = format!(
                "kubectl reads a {kind} with `items` at its top level as a list: the {kind} itself is lost, only its {} \
                 items are objects",
                items.len()
            );
            self.findings.push(Diagnostic::lint(self.origin.clone(), "object-read-as-list", message));
        }
        items.into_iter().filter_map(|item| self.item(list, kind, item)).collect()
    }

    fn item(&mut self, list: &Map, list_kind: &str, item: Value) -> Option<Value> {
        let mut map = match item {
            Value::Map(map) => map,
            Value::Null => Map::new(),
            other => {
                self.add(format!("an item of this {list_kind} is {}, not an object", other.type_name()));
                return None;
            }
        };
        // Items of a `ConfigMapList` need not say that they are ConfigMaps; those of a plain `List` must.
        if text(&map, "kind").is_empty() && text(&map, "apiVersion").is_empty() {
            let kind = list_kind.strip_suffix("List").unwrap_or(list_kind);
            map.insert("kind".to_owned(), kind.into());
            map.insert("apiVersion".to_owned(), text(list, "apiVersion").into());
        }
        if let Some(Value::Array(_)) = map.get("items") {
            self.add(format!("this {list_kind} holds a list, which kubectl does not take apart: put its items here"));
            return None;
        }
        match type_of(&map) {
            Some((version, _)) if !version.is_empty() => {}
            _ => {
                self.without_type(&map);
                return None;
            }
        }
        if let Err(message) = types::check(&map) {
            self.add(format!("an item of this {list_kind}, {}", named(&map, &message)));
            return None;
        }
        Some(without_empty_namespace(map))
    }
}

/// What to say where there is no `apiVersion`.
pub(super) const MISSING_VERSION: &str = "this object has no `apiVersion` (for example: apiVersion: v1)";

/// A field that is text; nothing where it is something else.
fn text<'a>(map: &'a Map, field: &str) -> &'a str {
    map.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Version and kind; `None` where there is no kind, or where `apiVersion` cannot be one, as then kubectl sees none.
fn type_of(map: &Map) -> Option<(&str, &str)> {
    let (version, kind) = (version_of(text(map, "apiVersion"))?, text(map, "kind"));
    (!kind.is_empty()).then_some((version, kind))
}

/// The version of an `apiVersion`, which may be empty; `None` where that has more than one slash.
fn version_of(api_version: &str) -> Option<&str> {
    match api_version.split_once('/') {
        None => Some(api_version),
        Some((_, version)) => (!version.contains('/')).then_some(version),
    }
}

fn named(map: &Map, message: &str) -> String {
    match text(map, "kind") {
        "" => message.to_owned(),
        kind => format!("{kind}: {message}"),
    }
}

/// kubectl replaces a namespace that is empty or null by its default, so it says nothing.
fn without_empty_namespace(mut map: Map) -> Value {
    if let Some(Value::Map(metadata)) = map.get_mut("metadata")
        && text(metadata, "namespace").is_empty()
    {
        metadata.remove("namespace");
    }
    Value::Map(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn read(document: Json) -> (Vec<Json>, Vec<String>) {
        let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
        let mut findings = Vec::new();
        let found = sent(document.into(), &origin, &mut findings);
        (found.iter().map(Json::from).collect(), findings.iter().map(ToString::to_string).collect())
    }

    fn objects(document: Json) -> Vec<Json> {
        let (found, findings) = read(document);
        assert_eq!(findings, [""; 0]);
        found
    }

    #[test]
    fn items_take_the_type_of_their_list_where_they_have_none() {
        let items = json!([{"a": 1}, null, {"apiVersion": "apps/v1", "kind": "Deployment"}]);
        let (found, findings) = read(json!({"apiVersion": "v1", "kind": "ConfigMapList", "items": items}));
        assert_eq!(findings, [""; 0]);
        assert_eq!(found[0], json!({"apiVersion": "v1", "kind": "ConfigMap", "a": 1}));
        assert_eq!(found[1], json!({"apiVersion": "v1", "kind": "ConfigMap"}));
        assert_eq!(found[2], json!({"apiVersion": "apps/v1", "kind": "Deployment"}));
        let (_, findings) = read(json!({"apiVersion": "v1", "kind": "List", "items": [{"a": 1}]}));
        assert!(findings[0].contains("has no `kind`"), "{findings:?}");
        let (_, findings) =
            read(json!({"apiVersion": "v1", "kind": "ConfigMapList", "items": [{"kind": "ConfigMap"}]}));
        assert!(findings[0].contains("has no `apiVersion`"), "{findings:?}");
    }

    #[test]
    fn whatever_has_items_is_a_list() {
        assert_eq!(objects(json!({"apiVersion": "v1", "kind": "List", "items": null})), [Json::Null; 0]);
        let (found, findings) = read(json!({"apiVersion": "x/v1", "kind": "Menu", "items": [{"a": 1}]}));
        assert_eq!(found, [json!({"apiVersion": "x/v1", "kind": "Menu", "a": 1})]);
        assert!(findings[0].contains("object-read-as-list"), "{findings:?}");
        let (found, findings) = read(json!({"apiVersion": "x/v1", "kind": "Menu", "items": {"a": 1}}));
        assert!(found.is_empty() && findings[0].contains("because it has `items`"), "{findings:?}");
    }

    #[test]
    fn lists_in_lists_are_refused_as_kubectl_refuses_them() {
        let inner = json!({"apiVersion": "v1", "kind": "List", "items": []});
        let (found, findings) = read(json!({"apiVersion": "v1", "kind": "List", "items": [inner]}));
        assert!(found.is_empty() && findings[0].contains("holds a list"), "{findings:?}");
        let odd = json!({"apiVersion": "v1", "kind": "A", "items": null});
        assert_eq!(objects(json!({"apiVersion": "v1", "kind": "List", "items": [odd]})), [odd]);
    }

    #[test]
    fn an_empty_namespace_is_none() {
        for namespace in [json!(""), json!(null)] {
            let body = json!({"kind": "A", "metadata": {"name": "a", "namespace": namespace}});
            assert_eq!(objects(body), [json!({"kind": "A", "metadata": {"name": "a"}})]);
        }
    }

    #[test]
    fn what_has_no_type_is_refused() {
        for (document, expected) in [
            (json!([1]), "a.yaml:1: error: this is a list, not an object with apiVersion and kind"),
            (json!({"apiVersion": "v1"}), "a.yaml:1: error: this object has no `kind` (for example: kind: ConfigMap)"),
            (
                json!({"apiVersion": "a/b/c", "kind": "A"}),
                "a.yaml:1: error: `apiVersion: a/b/c` is neither `version` nor `group/version`",
            ),
            (
                json!({"kind": "A", "metadata": {"labels": {"x": 1}}}),
                "a.yaml:1: error: A: metadata.labels[x] is a number, it must be a string: write it in quotes",
            ),
        ] {
            assert_eq!(read(document), (vec![], vec![expected.to_owned()]));
        }
    }
}
