//! From a document to resources: each object that kubectl would send, under its key.
//!
//! In: a parsed document with its origin. Out: [`Manifest`]s in document order, or diagnostics that say what is
//! missing and where. Which objects a document holds is `sent`'s to say; here is what we ask of them beyond kubectl.

use crate::canon::Value;
use crate::diagnostic::{Diagnostic, Origin};
use crate::name::{ResourceKey, Scope, group_of};

use super::sent::{MISSING_VERSION, sent};
use super::settle::settle;
use super::sops;

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
    if sops::is_sops(&document)
        && let Err(message) = sops::check(&document)
    {
        findings.push(Diagnostic::error(origin.clone(), message));
        return Vec::new();
    }
    let bodies = sent(document, origin, findings);
    bodies.into_iter().filter_map(|body| object(body, origin, findings)).collect()
}

fn object(mut body: Value, origin: &Origin, findings: &mut Vec<Diagnostic>) -> Option<Manifest> {
    let text = |path: &[&str]| body.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&["apiVersion"]), text(&["kind"]));
    if api_version.is_empty() {
        findings.push(Diagnostic::error(origin.clone(), MISSING_VERSION));
        return None;
    }
    let group = group_of(&api_version).to_owned();
    if belongs_elsewhere(&group, &kind, &body, origin, findings) {
        return None;
    }
    if let Err(message) = check_names(&body) {
        findings.push(Diagnostic::error(origin.clone(), format!("{kind}: {message}")));
        return None;
    }
    let metadata = |field: &str| text(&["metadata", field]);
    let (name, generate_name, namespace) = (metadata("name"), metadata("generateName"), metadata("namespace"));
    let name = match (name.is_empty(), generate_name.is_empty()) {
        (false, _) => name,
        // A number follows once all of them are known; see `number_generated`.
        (true, false) => format!("{generate_name}*"),
        (true, true) => {
            findings.push(Diagnostic::error(origin.clone(), format!("this {kind} has no metadata.name")));
            return None;
        }
    };
    let scope = if namespace.is_empty() { Scope::Unbound } else { Scope::Namespace(namespace) };
    let key = ResourceKey { group, kind, scope, name };
    if sops::is_sops(&body) {
        sops::remember(&mut body, None);
    } else {
        settle(&mut body, &key, origin, findings);
    }
    Some(Manifest { key, body, origin: origin.clone() })
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

/// What keys are made of must be fit for it, and what is ours to set must not be set.
fn check_names(body: &Value) -> Result<(), String> {
    let metadata = match body.get("metadata") {
        None => return Err("this object has no `metadata`".to_owned()),
        Some(Value::Map(fields)) => fields,
        Some(other) => return Err(format!("`metadata` is {}, it must be a map", other.type_name())),
    };
    for field in ["name", "generateName", "namespace"] {
        if let Some(Value::String(text)) = metadata.get(field)
            && text.contains('/')
        {
            return Err(format!("metadata.{field} `{text}` contains a slash"));
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
