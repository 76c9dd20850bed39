//! What the rules read of manifests, as one hash: where it stays the same, so do edges, barriers and findings.
//!
//! In: the manifests of a file. Out: a hash of their keys and bodies but for the fields that no rule looks at: values of
//! ConfigMaps and Secrets, and what containers have that names no other object. The list is short on purpose: a field
//! that it leaves out costs an inference, one that it should not have would cost the truth.

use crate::canon::{Encoder, Value};
use crate::manifest::{Manifest, pod_spec_path};

use super::EdgeRules;

/// Of ConfigMaps and Secrets.
const DATA: &[&str] = &["binaryData", "data"];

/// Of containers.
pub(super) const CONTAINER: &[&str] = &[
    "args",
    "command",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "workingDir",
];

/// Writes what is read of a value.
type Write = fn(&mut Encoder, &Value);

/// The hash of what the rules read of these manifests. Of kinds that rules of the user are for it is all of them.
#[must_use]
pub fn signature(manifests: &[Manifest], rules: &EdgeRules) -> [u8; 32] {
    let mut encoder = Encoder::new();
    encoder.list(manifests.len());
    for Manifest { key, body, origin: _ } in manifests {
        encoder.list(5);
        for part in [&key.group, &key.kind, key.scope.as_str(), &key.name] {
            encoder.text(part);
        }
        if rules.read_of(key) {
            encoder.value(body);
        } else if key.is("", "ConfigMap") || key.is("", "Secret") {
            fields(&mut encoder, body, DATA, &[]);
        } else if let Some(way) = pod_spec_path(key) {
            workload(&mut encoder, body, way);
        } else {
            encoder.value(body);
        }
    }
    *blake3::hash(&encoder.finish()).as_bytes()
}

/// A body with a pod spec at the end of `way`.
fn workload(encoder: &mut Encoder, value: &Value, way: &[&str]) {
    let Some((next, rest)) = way.split_first() else { return pod_spec(encoder, value) };
    let Some(map) = value.as_map() else { return encoder.value(value) };
    // How many pods there are is read nowhere; a bare Pod has no such field.
    let read = |field: &str| field != "replicas";
    encoder.map(map.keys().filter(|field| read(field)).count());
    for (field, value) in map.iter().filter(|(field, _)| read(field)) {
        encoder.text(field);
        if field == next { workload(encoder, value, rest) } else { encoder.value(value) }
    }
}

fn pod_spec(encoder: &mut Encoder, value: &Value) {
    fields(encoder, value, &[], &[("containers", containers), ("initContainers", containers)]);
}

fn containers(encoder: &mut Encoder, value: &Value) {
    items(encoder, value, |encoder, container| fields(encoder, container, CONTAINER, &[("env", variables)]));
}

fn variables(encoder: &mut Encoder, value: &Value) {
    items(encoder, value, |encoder, variable| fields(encoder, variable, &["value"], &[]));
}

fn items(encoder: &mut Encoder, value: &Value, write: Write) {
    let Value::Array(items) = value else { return encoder.value(value) };
    encoder.list(items.len());
    for item in items {
        write(encoder, item);
    }
}

/// A map but for the fields that are `unread`, some of them written in a way of their own.
fn fields(encoder: &mut Encoder, value: &Value, unread: &[&str], special: &[(&str, Write)]) {
    let Some(map) = value.as_map() else { return encoder.value(value) };
    let read = |field: &str| !unread.contains(&field);
    encoder.map(map.keys().filter(|field| read(field)).count());
    for (field, value) in map.iter().filter(|(field, _)| read(field)) {
        encoder.text(field);
        match special.iter().find(|(name, _)| name == field) {
            Some((_, write)) => write(encoder, value),
            None => encoder.value(value),
        }
    }
}
