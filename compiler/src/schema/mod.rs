//! Validation before anything is sent: what the API server would refuse while it reads, found without asking it.
//!
//! In: all manifests of an application, and the bytes of their files. Out: lints, each with the line and column of the
//! field: `unknown-field`, `wrong-type`, `missing-field`, `repeated-item`, `invalid-value`.
//!
//! # What is compared with what
//! Objects of Kubernetes' own kinds with the schemas of [`version()`], which were made from its API server (see
//! `kubernetes`). Objects of other kinds with the CustomResourceDefinition among the same manifests, in the version that
//! they use (`custom`). A kind that neither knows is not looked at by [`check`]: its definition may be in the cluster. Who
//! has a cluster gives what it publishes to [`check_as_served`] (`served`). All of them become one `model`, which `walk`
//! compares with bodies; what a definition asks beyond types is a `condition`. Rules in CEL are evaluated by a worker (`rules`).
//!
//! # Guarantees
//! * Nothing that Kubernetes of that version accepts by server-side apply with `fieldValidation=Strict`, where the object
//!   is not there yet, is found fault with; a test asks the real server. What the server finds only by rules that are in
//!   no schema (names, combinations, what is immutable) is not found here.
//! * Work is linear in the size of the manifests, for given definitions; at most `walk::MOST` faults are told of an object.
//! * Values of Secrets are in no message.

mod bounds;
mod complete;
mod condition;
mod custom;
mod fault;
mod format;
mod kubernetes;
mod list_keys;
mod model;
mod number_text;
mod pattern;
mod place;
mod rules;
mod served;
#[cfg(test)]
mod tests;
mod text;
mod verdict;
mod walk;

pub use list_keys::ListKeys;
pub use rules::{RULES_WORKER, check_rules};
pub use served::Documents;

use std::collections::HashMap;

use rayon::prelude::*;

use crate::canon::Value;
use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest::{Definition, Manifest, SyncOptions, sops};
use crate::name::KubernetesVersion;

use custom::Custom;
use fault::Fault;
use place::Text;
use served::ServedKind;

/// The lints that say that an object is not as its schema has it.
pub const LINTS: [&str; 5] = ["invalid-value", "missing-field", "repeated-item", "unknown-field", "wrong-type"];

/// The version of Kubernetes whose schemas are used.
#[must_use]
pub fn version() -> KubernetesVersion {
    kubernetes::version()
}

/// Whether Kubernetes of [`version()`] has a kind.
#[must_use]
pub fn is_own(api_version: &str, kind: &str) -> bool {
    kubernetes::newest().kind(api_version, kind).is_some()
}

/// The newest version of its API in which Kubernetes of [`version()`] serves a kind.
#[must_use]
pub fn served_version(group: &str, kind: &str) -> Option<&'static str> {
    kubernetes::newest().served_version(group, kind)
}

/// Compares all manifests with the schemas of their kinds, as a version of Kubernetes has them; its own kinds only where
/// that is [`version()`]. `source` gives the bytes of a file again, for the places.
pub fn check(
    manifests: &[Manifest],
    kubernetes: KubernetesVersion,
    source: impl Fn(&str) -> Option<Vec<u8>>,
    findings: &mut Vec<Diagnostic>,
) {
    let custom = custom_kinds(manifests);
    let own = kubernetes::newest();
    let faults = |manifest: &Manifest| {
        let (api_version, kind) = (api_version(manifest), manifest.key.kind.as_str());
        match (own.kind(api_version, kind), custom.get(&(api_version, kind))) {
            (Some(top), _) if kubernetes == version() => walk::check_own(own, &own.model, top, kind, &manifest.body),
            (None, Some(custom)) => walk::check_custom(own, custom, kind, &manifest.body),
            _ => Vec::new(),
        }
    };
    tell(manifests, faults, source, findings);
}

/// Compares manifests with what a server publishes of their kinds. Those that the documents do not know are not looked at.
pub fn check_as_served(
    manifests: &[Manifest],
    documents: &Documents,
    source: impl Fn(&str) -> Option<Vec<u8>>,
    findings: &mut Vec<Diagnostic>,
) {
    let own = kubernetes::newest();
    let mut kinds: HashMap<(&str, &str), Option<ServedKind<'_>>> = HashMap::new();
    for manifest in manifests {
        let kind = (api_version(manifest), manifest.key.kind.as_str());
        kinds.entry(kind).or_insert_with(|| documents.kind(kind.0, kind.1));
    }
    let faults = |manifest: &Manifest| {
        let (api_version, kind) = (api_version(manifest), manifest.key.kind.as_str());
        match kinds.get(&(api_version, kind)) {
            Some(Some(ServedKind::Typed(model, top))) => walk::check_own(own, model, *top, kind, &manifest.body),
            Some(Some(ServedKind::Custom(custom))) => walk::check_custom(own, custom, kind, &manifest.body),
            Some(None) | None => Vec::new(),
        }
    };
    tell(manifests, faults, source, findings);
}

/// Tells of the faults of all manifests, with their places.
fn tell(
    manifests: &[Manifest],
    faults_of: impl Fn(&Manifest) -> Vec<Fault> + Sync,
    source: impl Fn(&str) -> Option<Vec<u8>>,
    findings: &mut Vec<Diagnostic>,
) {
    let faults: Vec<(&Manifest, Vec<Fault>)> = manifests
        .par_iter()
        .with_min_len(64)
        .map(|manifest| (manifest, told_faults(manifest, faults_of(manifest))))
        .filter(|(_, faults)| !faults.is_empty())
        .collect();
    // Manifests of one file stand together.
    let mut open: Option<(&str, Option<Text>)> = None;
    for (manifest, faults) in faults {
        let path = manifest.origin.path.as_str();
        if open.as_ref().is_none_or(|(other, _)| *other != path) {
            open = Some((path, source(path).map(|bytes| Text::new(&bytes))));
        }
        for fault in faults {
            let text = open.as_mut().and_then(|(_, text)| text.as_mut());
            let origin = text.and_then(|text| text.origin(manifest, &fault));
            findings.push(told(manifest, origin, fault));
        }
    }
}

/// The faults of a manifest that count: one that is a part of an object may lack fields, and what SOPS has encrypted may
/// be anything.
fn told_faults(manifest: &Manifest, mut faults: Vec<Fault>) -> Vec<Fault> {
    if !faults.is_empty() && sops::is_sops(&manifest.body) {
        faults.retain(|fault| !sops::is_hidden(&manifest.body, &fault.pointer));
    }
    if !faults.is_empty() && is_part_of_an_object(manifest) {
        faults.retain(|fault| fault.lint != "missing-field");
    }
    faults
}

fn told(manifest: &Manifest, origin: Option<Origin>, fault: Fault) -> Diagnostic {
    let origin = origin.unwrap_or_else(|| manifest.origin.clone());
    Diagnostic::lint(origin, fault.lint, format!("{}: {}", manifest.key, fault.message))
}

/// By `apiVersion` and kind.
type CustomKinds<'a> = HashMap<(&'a str, &'a str), Custom<'a>>;

/// The custom kinds that are both defined and used.
fn custom_kinds(manifests: &[Manifest]) -> CustomKinds<'_> {
    let defined: HashMap<(&str, &str), &Value> = manifests
        .iter()
        .filter(|manifest| api_version(manifest) == "apiextensions.k8s.io/v1")
        .filter_map(|manifest| {
            let definition = Definition::of(&manifest.key, &manifest.body)?;
            Some(((definition.group, definition.kind), &manifest.body))
        })
        .collect();
    let mut kinds = CustomKinds::new();
    if defined.is_empty() {
        return kinds;
    }
    for manifest in manifests {
        let kind = (api_version(manifest), manifest.key.kind.as_str());
        let Some(definition) = defined.get(&(manifest.key.group.as_str(), kind.1)) else { continue };
        if let (false, Some((_, version))) = (kinds.contains_key(&kind), kind.0.split_once('/'))
            && let Some(custom) = Custom::of(definition, version)
        {
            kinds.insert(kind, custom);
        }
    }
    kinds
}

/// Whether a manifest says that it only has some of the fields of an object that is there already, as Argo CD has it.
fn is_part_of_an_object(manifest: &Manifest) -> bool {
    SyncOptions::of_object(|name| manifest.annotation(name)).validate == Some(false)
}

fn api_version(manifest: &Manifest) -> &str {
    manifest.body.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
}
