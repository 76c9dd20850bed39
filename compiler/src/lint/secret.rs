//! Secrets whose values lie open in Git, in part or as a whole.

use crate::canon::{Map, Value};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, sops};

/// `stringData` is part of `data` by now, but for what SOPS has encrypted; see `manifest`.
pub(super) fn check(manifest: &Manifest, findings: &mut Vec<Diagnostic>) {
    if sops::is_sops(&manifest.body) {
        return check_encrypted(manifest, findings);
    }
    let data = manifest.body.get("data").and_then(Value::as_map);
    let open = |data: &Map| data.values().any(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    if manifest.key.is("", "Secret") && data.is_some_and(open) {
        let message = format!("the values of {} lie open in Git: everybody who can read it knows them", manifest.key);
        findings.push(Diagnostic::lint(manifest.origin.clone(), "plaintext-secret", message));
    }
}

/// What SOPS encrypts is chosen by names of fields, which are easily mistyped.
fn check_encrypted(manifest: &Manifest, findings: &mut Vec<Diagnostic>) {
    let open = sops::open_values(&manifest.body);
    if manifest.key.is("", "Secret") && !open.is_empty() {
        let message = format!("SOPS left values of {} open: {}", manifest.key, open.join(", "));
        findings.push(Diagnostic::lint(manifest.origin.clone(), "sops-open-value", message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    fn found(text: &str) -> Vec<String> {
        let (manifests, mut findings) = manifest::read("a.yaml", text.as_bytes());
        assert_eq!(manifests.len(), 1, "{findings:?}");
        check(&manifests[0], &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_secret_is_open_in_part_or_as_a_whole() {
        let start = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
        let sops = "sops: {mac: 'ENC[AES256_GCM,x]', lastmodified: '2026-01-01T00:00:00Z'}\n";
        let (open, encrypted) = ("stringData: {a: x}\n", "stringData: {a: 'ENC[AES256_GCM,x]'}\n");
        let plain = found(&format!("{start}{open}"));
        assert!(plain.len() == 1 && plain[0].contains("[plaintext-secret]"), "{plain:?}");
        let part = found(&format!("{start}{open}{sops}"));
        assert_eq!(part, ["a.yaml:1: warning[sops-open-value]: SOPS left values of Secret s open: stringData.a"]);
        assert_eq!(found(&format!("{start}{encrypted}{sops}")), [""; 0]);
    }
}
