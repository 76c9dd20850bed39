//! From a document to resources: lists taken apart, metadata checked, each object under its key.
//!
//! In: a parsed document with its origin. Out: [`Manifest`]s in document order, or diagnostics that say what is
//! missing and where. What counts as a list is what apimachinery's detector says: any object whose top level has
//! `items`, whatever its kind.

use crate::canon::{Map, Value};
use crate::diagnostic::{Diagnostic, Origin};
use crate::name::{ResourceKey, Scope};

use super::settle::settle;

/// Annotation that keeps an object out of the cluster (kpt, kustomize and kubectl's own tools honour it).
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// Label by which a member of an ApplySet is found (KEP-3659). It is ours to set.
const PART_OF: &str = "applyset.kubernetes.io/part-of";

/// One object as it would be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Its key; the namespace as written.
    pub key: ResourceKey,
    /// The whole body, `apiVersion` and `kind` included.
    pub body: Value,
    /// Where its document begins.
    pub origin: Origin,
}

impl Manifest {
    /// An annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        annotation(&self.body, name)
    }
}

/// An annotation of a body.
#[must_use]
pub fn annotation<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.at(&["metadata", "annotations", name])?.as_str()
}

/// Turns one document into manifests. Objects that belong to other tools are left out with a lint.
pub fn objects(document: Value, origin: &Origin, findings: &mut Vec<Diagnostic>) -> Vec<Manifest> {
    let mut found = Vec::new();
    collect(document, None, origin, findings, &mut found, 0);
    found
}

/// Lists in lists are rare, deeper ones are attacks.
const MAX_LIST_DEPTH: usize = 32;

fn collect(
    value: Value,
    list_type: Option<(&str, &str)>,
    origin: &Origin,
    findings: &mut Vec<Diagnostic>,
    found: &mut Vec<Manifest>,
    depth: usize,
) {
    let Value::Map(mut map) = value else {
        let message = format!("this is {}, not an object with apiVersion and kind", value.type_name());
        findings.push(Diagnostic::error(origin.clone(), message));
        return;
    };
    if depth > MAX_LIST_DEPTH {
        findings.push(Diagnostic::error(origin.clone(), "lists are nested too deeply"));
        return;
    }
    if let Some((api_version, item_kind)) = list_type {
        map.entry("apiVersion".to_owned()).or_insert_with(|| api_version.into());
        map.entry("kind".to_owned()).or_insert_with(|| item_kind.into());
    }
    match map.remove("items") {
        Some(Value::Array(items)) => flatten(&map, items, origin, findings, found, depth),
        Some(other) => {
            map.insert("items".to_owned(), other);
            object(map, origin, findings, found);
        }
        None => object(map, origin, findings, found),
    }
}

fn flatten(
    list: &Map,
    items: Vec<Value>,
    origin: &Origin,
    findings: &mut Vec<Diagnostic>,
    found: &mut Vec<Manifest>,
    depth: usize,
) {
    let text = |field: &str| list.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if kind.is_empty() {
        findings.push(Diagnostic::error(origin.clone(), "this list has no `kind`"));
        return;
    }
    if !kind.ends_with("List") {
        let message = format!(
            "kubectl reads a {kind} with `items` at its top level as a list: the {kind} itself is lost, only its {} \
             items are objects",
            items.len()
        );
        findings.push(Diagnostic::lint(origin.clone(), "object-read-as-list", message));
    }
    // Items of a `ConfigMapList` need not say that they are ConfigMaps; those of a plain `List` must.
    let item_kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
    for item in items {
        collect(item, item_kind.map(|kind| (api_version, kind)), origin, findings, found, depth + 1);
    }
}

fn object(map: Map, origin: &Origin, findings: &mut Vec<Diagnostic>, found: &mut Vec<Manifest>) {
    let mut body = Value::Map(map);
    let errors_before = findings.len();
    let error = |message: String, findings: &mut Vec<Diagnostic>| {
        findings.push(Diagnostic::error(origin.clone(), message));
    };
    let api_version = required(&body, &["apiVersion"], "v1").unwrap_or_else(|message| {
        error(message, findings);
        String::new()
    });
    let kind = required(&body, &["kind"], "ConfigMap").unwrap_or_else(|message| {
        error(message, findings);
        String::new()
    });
    let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    if belongs_elsewhere(&group, &kind, &body, origin, findings) || findings.len() > errors_before {
        return;
    }
    if let Err(message) = check_metadata(&body) {
        error(format!("{kind}: {message}"), findings);
        return;
    }
    let text = |field: &str| body.at(&["metadata", field]).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, generate_name, namespace) = (text("name"), text("generateName"), text("namespace"));
    let name = match (name.is_empty(), generate_name.is_empty()) {
        (false, _) => name,
        // A number follows once all of them are known; see `number_generated`.
        (true, false) => format!("{generate_name}*"),
        (true, true) => {
            error(format!("this {kind} has no metadata.name"), findings);
            return;
        }
    };
    let scope = if namespace.is_empty() { Scope::Unbound } else { Scope::Namespace(namespace) };
    let key = ResourceKey { group, kind, scope, name };
    settle(&mut body, &key, origin, findings);
    found.push(Manifest { key, body, origin: origin.clone() });
}

fn required(body: &Value, path: &[&str], example: &str) -> Result<String, String> {
    let field = path.join(".");
    match body.at(path) {
        None | Some(Value::Null) => Err(format!("this object has no `{field}` (for example: {field}: {example})")),
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(other) => Err(format!("`{field}` is {}, it must be a string that is not empty", other.type_name())),
    }
}

fn belongs_elsewhere(group: &str, kind: &str, body: &Value, origin: &Origin, findings: &mut Vec<Diagnostic>) -> bool {
    let (rule, message) = if group == "kustomize.config.k8s.io" {
        ("kustomization-skipped", format!("this {kind} is input for kustomize; in a plain folder it is left out"))
    } else if annotation(body, LOCAL_CONFIG) == Some("true") {
        ("local-config-skipped", format!("this {kind} is marked {LOCAL_CONFIG}; it is left out"))
    } else {
        return false;
    };
    findings.push(Diagnostic::lint(origin.clone(), rule, message));
    true
}

/// `metadata` must decode as Kubernetes' ObjectMeta.
fn check_metadata(body: &Value) -> Result<(), String> {
    let Some(metadata) = body.get("metadata") else { return Err("this object has no `metadata`".to_owned()) };
    let Some(fields) = metadata.as_map() else {
        return Err(format!("`metadata` is {}, it must be a map", metadata.type_name()));
    };
    for field in ["name", "generateName", "namespace"] {
        match fields.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if !text.contains('/') => {}
            Some(Value::String(text)) => return Err(format!("metadata.{field} `{text}` contains a slash")),
            Some(other) => return Err(format!("metadata.{field} is {}, it must be a string", other.type_name())),
        }
    }
    for field in ["labels", "annotations"] {
        let Some(map) = fields.get(field).filter(|value| **value != Value::Null) else { continue };
        let Some(map) = map.as_map() else {
            return Err(format!("metadata.{field} is {}, it must be a map", map.type_name()));
        };
        if let Some((key, value)) = map.iter().find(|(_, value)| !matches!(value, Value::String(_) | Value::Null)) {
            let kind = value.type_name();
            return Err(format!("metadata.{field}[{key}] is {kind}, it must be a string: write it in quotes"));
        }
    }
    if body.at(&["metadata", "labels", PART_OF]).is_some() {
        return Err(format!("the label {PART_OF} is set by the tool that applies; remove it from the manifest"));
    }
    Ok(())
}

/// Gives each hook that only has a `generateName` the number that makes its key unique, in document order.
pub fn number_generated(manifests: &mut [Manifest]) {
    let mut counts = std::collections::BTreeMap::new();
    for manifest in manifests {
        if manifest.key.name.ends_with('*') {
            let count = counts.entry(manifest.key.clone()).or_insert(0_usize);
            manifest.key.name.push_str(&count.to_string());
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(document: serde_json::Value) -> (Vec<Manifest>, Vec<String>) {
        let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
        let mut findings = Vec::new();
        let found = objects(document.into(), &origin, &mut findings);
        (found, findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_object_gets_its_key() {
        let (found, findings) = read(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
        }));
        assert!(findings.is_empty());
        assert_eq!(found[0].key, ResourceKey::new("apps", "Deployment", "shop", "cart"));
    }

    #[test]
    fn lists_are_taken_apart_and_items_take_the_kind_of_the_list() {
        let item = json!({"metadata": {"name": "a"}});
        let (found, findings) = read(json!({"apiVersion": "v1", "kind": "ConfigMapList", "items": [item]}));
        assert!(findings.is_empty());
        assert_eq!(found[0].key, ResourceKey::new("", "ConfigMap", ".", "a"));
        assert_eq!(found[0].body.get("kind").and_then(Value::as_str), Some("ConfigMap"));
    }

    #[test]
    fn what_is_missing_is_said() {
        for (document, expected) in [
            (json!([1]), "a.yaml:1: error: this is a list, not an object with apiVersion and kind"),
            (
                json!({"kind": "ConfigMap", "metadata": {"name": "a"}}),
                "a.yaml:1: error: this object has no `apiVersion` (for example: apiVersion: v1)",
            ),
            (
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}),
                "a.yaml:1: error: this ConfigMap has no metadata.name",
            ),
            (
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"x": 1}}}),
                "a.yaml:1: error: ConfigMap: metadata.labels[x] is a number, it must be a string: write it in quotes",
            ),
        ] {
            assert_eq!(read(document), (vec![], vec![expected.to_owned()]));
        }
    }

    #[test]
    fn input_for_other_tools_is_left_out_with_a_lint() {
        let (found, findings) = read(json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}));
        assert!(found.is_empty());
        assert!(findings[0].contains("warning[kustomization-skipped]"), "{findings:?}");
    }
}
