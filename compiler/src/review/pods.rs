//! Pods as risk rules see them: the spec, the containers, what these read.
//!
//! In: the body of a workload. Out: its parts. What is not of the form that Kubernetes has counts as absent.

use std::collections::{BTreeSet, HashSet};

use crate::canon::Value;
use crate::graph::GraphResource;
use crate::manifest::pod_spec_path;
use crate::name::ResourceKey;

/// The spec of the Pods that a workload makes.
pub(super) fn spec<'a>(key: &ResourceKey, body: &'a Value) -> Option<&'a Value> {
    body.at(pod_spec_path(key)?)
}

/// The workloads in which one of these names stands, with the specs of their Pods. No other body is decoded: among thousands
/// of workloads few name what differs.
pub(super) fn naming<'a>(
    resources: &'a [GraphResource],
    names: &HashSet<&str>,
) -> impl Iterator<Item = (&'a GraphResource, &'a Value)> {
    let is_wanted = |text: &[u8]| std::str::from_utf8(text).is_ok_and(|text| names.contains(text));
    let workloads = resources.iter().filter(|resource| pod_spec_path(&resource.key).is_some());
    let found = workloads.filter(move |resource| resource.body.has_text(is_wanted));
    found.filter_map(|resource| Some((resource, spec(&resource.key, &resource.body)?)))
}

/// The labels of the Pods that a workload makes.
pub(super) fn labels<'a>(key: &ResourceKey, body: &'a Value) -> Option<&'a Value> {
    let (_, template) = pod_spec_path(key)?.split_last()?;
    body.at(template)?.at(&["metadata", "labels"])
}

/// A container, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container<'a> {
    /// `containers` or `initContainers`.
    pub(super) list: &'static str,
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
}

impl<'a> Container<'a> {
    /// The path from the top of the body.
    pub(super) fn path(&self, key: &ResourceKey) -> String {
        format!("{}.{}[{}]", pod_spec_path(key).unwrap_or_default().join("."), self.list, self.name)
    }

    /// A text of it.
    pub(super) fn text(&self, field: &str) -> Option<&'a str> {
        self.value.get(field)?.as_str()
    }

    /// A truth value of its security context.
    pub(super) fn security(&self, field: &str) -> Option<bool> {
        self.value.at(&["securityContext", field])?.as_bool()
    }
}

/// All containers.
pub(super) fn containers(spec: &Value) -> Vec<Container<'_>> {
    let of = |list: &'static str| {
        let items = spec.get(list).map(Value::items).unwrap_or_default().iter();
        items.filter_map(move |value| Some(Container { list, name: value.get("name")?.as_str()?, value }))
    };
    of("initContainers").chain(of("containers")).collect()
}

/// Objects that Pods name: kind and name.
pub(super) type Names<'a> = BTreeSet<(&'static str, &'a str)>;

/// What Pods read once, at their start: by variables and by files below a subPath.
pub(super) fn read_at_start(spec: &Value) -> Names<'_> {
    let mut found = variables(spec);
    let mounted: BTreeSet<&str> = containers(spec)
        .iter()
        .flat_map(|container| container.value.get("volumeMounts").map(Value::items).unwrap_or_default())
        .filter(|mount| mount.get("subPath").or_else(|| mount.get("subPathExpr")).is_some())
        .filter_map(|mount| mount.get("name")?.as_str())
        .collect();
    let is_mounted =
        |volume: &&Value| volume.get("name").and_then(Value::as_str).is_some_and(|name| mounted.contains(name));
    for volume in spec.get("volumes").map(Value::items).unwrap_or_default().iter().filter(is_mounted) {
        found.extend(of_volume(volume));
    }
    found
}

/// All that Pods need to start: what they name as optional is not among it.
pub(super) fn needed(spec: &Value) -> Names<'_> {
    let mut found = variables(spec);
    for volume in spec.get("volumes").map(Value::items).unwrap_or_default() {
        found.extend(of_volume(volume));
    }
    let account = spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount")).and_then(Value::as_str);
    found.extend(account.map(|name| ("ServiceAccount", name)));
    found
}

fn variables(spec: &Value) -> Names<'_> {
    let mut found = Names::new();
    for container in containers(spec) {
        for variable in container.value.get("env").map(Value::items).unwrap_or_default() {
            found.extend(named("ConfigMap", variable.at(&["valueFrom", "configMapKeyRef"]), "name"));
            found.extend(named("Secret", variable.at(&["valueFrom", "secretKeyRef"]), "name"));
        }
        for source in container.value.get("envFrom").map(Value::items).unwrap_or_default() {
            found.extend(named("ConfigMap", source.get("configMapRef"), "name"));
            found.extend(named("Secret", source.get("secretRef"), "name"));
        }
    }
    found
}

fn of_volume(volume: &Value) -> Names<'_> {
    let mut found = Names::new();
    found.extend(named("ConfigMap", volume.get("configMap"), "name"));
    found.extend(named("Secret", volume.get("secret"), "secretName"));
    found.extend(named("PersistentVolumeClaim", volume.get("persistentVolumeClaim"), "claimName"));
    for source in volume.at(&["projected", "sources"]).map(Value::items).unwrap_or_default() {
        found.extend(named("ConfigMap", source.get("configMap"), "name"));
        found.extend(named("Secret", source.get("secret"), "name"));
    }
    found
}

fn named<'a>(kind: &'static str, reference: Option<&'a Value>, field: &str) -> Option<(&'static str, &'a str)> {
    let reference = reference.filter(|found| found.get("optional").and_then(Value::as_bool) != Some(true))?;
    Some((kind, reference.get(field)?.as_str()?))
}
