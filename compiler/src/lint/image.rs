//! Images that can change under one name.

use crate::canon::Value;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, pod_spec_path, sops};

pub(super) fn check(manifest: &Manifest, findings: &mut Vec<Diagnostic>) {
    let Some(pod) = pod_spec_path(&manifest.key).and_then(|path| manifest.body.at(path)) else { return };
    for list in ["initContainers", "containers"] {
        for container in pod.get(list).map(Value::items).unwrap_or_default() {
            let text = |field: &str| container.get(field).and_then(Value::as_str);
            let Some(image) = text("image").filter(|image| is_mutable(image)) else { continue };
            let name = text("name").unwrap_or_default();
            let message =
                format!("the image of container `{name}` is `{image}`, and can change by itself: give a version");
            findings.push(Diagnostic::lint(manifest.origin.clone(), "mutable-image", message));
        }
    }
}

/// Without a digest, and without a tag or with `latest`. A colon before the last slash is of a port.
fn is_mutable(image: &str) -> bool {
    if image.is_empty() || image.contains('@') || sops::is_ciphertext(image) {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_or_a_digest_is_enough() {
        for image in ["nginx", "nginx:latest", "localhost:5000/nginx", "a.b/c/nginx:latest"] {
            assert!(is_mutable(image), "{image}");
        }
        for image in ["nginx:1.29", "localhost:5000/nginx:1", "nginx@sha256:0", "nginx:latest@sha256:0", ""] {
            assert!(!is_mutable(image), "{image}");
        }
    }
}
