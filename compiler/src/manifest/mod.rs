//! From text to manifests: what kubectl would have sent, each object with its origin.
//!
//! In: the bytes of files. Out: [`Manifest`]s, settled (see [`settle`](self)), and every error and lint of every file.
//! What SOPS has encrypted is not settled (see [`sops`]).
//! Guarantees: nothing is defaulted by a schema, no error hides another, and equal input gives equal output.

mod hook;
mod object;
mod options;
mod policy;
mod sent;
mod settle;
pub mod sops;
mod types;
pub mod yaml;

pub use hook::{Hook, HookDeletePolicy, HookPhase};
pub use object::{Manifest, annotation, number_generated, objects};
pub use options::{Propagation, SyncOptions};
pub use policy::{Policy, Removal, Write};
pub use sent::sent;
pub use settle::settled;
pub(crate) use yaml::is_rfc3339;

use crate::canon::{Map, Value};
use crate::diagnostic::{Diagnostic, Origin};
use crate::name::ResourceKey;

/// Reads one file: its manifests in order, and everything there is to say about it.
#[must_use]
pub fn read(path: &str, bytes: &[u8]) -> (Vec<Manifest>, Vec<Diagnostic>) {
    let origin = |line, column| Origin { path: path.to_owned(), line, column };
    let reading = yaml::read(bytes, yaml::Limits::default());
    let mut findings = Vec::new();
    let mut manifests = Vec::new();
    let shared_macs = sops::shared_macs(&reading.documents);
    let mut locator = None;
    for document in reading.documents {
        let origin = origin(document.line, 0);
        if !sops::is_sops(&document.value) {
            manifests.extend(objects(document.value, &origin, &mut findings));
            continue;
        }
        let order = locator.get_or_insert_with(|| yaml::Locator::new(bytes)).order(document.index);
        let mac = document.value.at(&[sops::SOPS, "mac"]).and_then(Value::as_str).unwrap_or_default().to_owned();
        for mut manifest in objects(document.value, &origin, &mut findings) {
            sops::remember(&mut manifest.body, order.as_ref());
            if shared_macs.contains(&mac) {
                findings.push(sops::many_documents(&manifest));
            }
            manifests.push(manifest);
        }
    }
    for problem in reading.problems {
        findings.push(Diagnostic::error(origin(problem.line, problem.column), problem.message));
    }
    for lint in reading.lints {
        findings.push(Diagnostic::lint(origin(lint.line, lint.column), lint.rule, lint.message));
    }
    (manifests, findings)
}

/// Where a kind keeps its pod spec, from the top of the body; `None` for kinds that make no Pods.
#[must_use]
pub fn pod_spec_path(key: &ResourceKey) -> Option<&'static [&'static str]> {
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Pod") => Some(&["spec"]),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("", "ReplicationController")
        | ("batch", "Job")
        // Groups that these kinds had before; old commits are full of them.
        | ("extensions", "Deployment" | "ReplicaSet" | "DaemonSet") => Some(&["spec", "template", "spec"]),
        ("batch", "CronJob") => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        _ => None,
    }
}

/// What a CustomResourceDefinition defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition<'a> {
    /// `spec.group`.
    pub group: &'a str,
    /// `spec.names.kind`.
    pub kind: &'a str,
    /// `spec.scope`: `Namespaced` or `Cluster`.
    pub scope: Option<&'a str>,
}

impl<'a> Definition<'a> {
    /// Whether objects with this key are definitions.
    #[must_use]
    pub fn is(key: &ResourceKey) -> bool {
        key.is("apiextensions.k8s.io", "CustomResourceDefinition")
    }

    /// Reads the body under a key; `None` for every other kind of object, and for a definition without these names.
    #[must_use]
    pub fn of(key: &ResourceKey, body: &'a Value) -> Option<Self> {
        let text = |path: &[&str]| body.at(path).and_then(Value::as_str);
        if !Self::is(key) {
            return None;
        }
        let (group, kind) = (text(&["spec", "group"])?, text(&["spec", "names", "kind"])?);
        Some(Self { group, kind, scope: text(&["spec", "scope"]) })
    }
}

fn pod_spec_of<'a>(key: &ResourceKey, body: &'a mut Value) -> Option<&'a mut Map> {
    let mut map = body.as_map_mut()?;
    for part in pod_spec_path(key)? {
        map = map.get_mut(*part)?.as_map_mut()?;
    }
    Some(map)
}
