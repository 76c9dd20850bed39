//! An object waits for what brings its kind to the server: a CRD that is established, an APIService that answers.

use crate::canon::Value;
use crate::manifest::Manifest;

use super::{Index, Rule, Sink, State, Strength};

pub(super) const CUSTOM_RESOURCE: Rule = Rule { name: "custom-resource", version: 1, reason: "that defines its kind" };
pub(super) const API_SERVICE: Rule = Rule { name: "api-service", version: 1, reason: "that serves its kind" };

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let key = &manifest.key;
    let to = index.definition(&key.group, &key.kind);
    sink.add(to, State::Ready, Strength::Hard, CUSTOM_RESOURCE, "kind");
    let to = index.api_service(&key.group, version_of(manifest));
    sink.add(to, State::Ready, Strength::Hard, API_SERVICE, "apiVersion");
}

/// The version in `apiVersion`, which is no part of the key.
pub(super) fn version_of(manifest: &Manifest) -> &str {
    let api_version = manifest.body.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    api_version.rsplit_once('/').map_or(api_version, |(_, version)| version)
}

/// The resource of a kind: what its CRD says, else what Kubernetes would guess.
pub(super) fn plural(group: &str, kind: &str, index: &Index<'_>, manifests: &[Manifest]) -> String {
    let definition = index.definition(group, kind).map(|node| &manifests[node].body);
    let written = definition.and_then(|body| body.at(&["spec", "names", "plural"])).and_then(Value::as_str);
    written.map_or_else(|| guess_plural(kind), str::to_owned)
}

fn guess_plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    if lower == "endpoints" {
        lower
    } else if lower.ends_with('s') {
        lower + "es"
    } else if let Some(stem) = lower.strip_suffix('y') {
        format!("{stem}ies")
    } else {
        lower + "s"
    }
}
