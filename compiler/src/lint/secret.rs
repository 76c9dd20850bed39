//! Secrets whose values lie open in Git.

use crate::canon::{Map, Value};
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;

/// `stringData` is part of `data` by now; see `manifest`.
pub(super) fn check(manifest: &Manifest, findings: &mut Vec<Diagnostic>) {
    let data = manifest.body.get("data").and_then(Value::as_map);
    let open = |data: &Map| data.values().any(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    if manifest.key.is("", "Secret") && data.is_some_and(open) {
        let message = format!("the values of {} lie open in Git: everybody who can read it knows them", manifest.key);
        findings.push(Diagnostic::lint(manifest.origin.clone(), "plaintext-secret", message));
    }
}
