//! API versions that Kubernetes has removed, or will.
//!
//! The source is the deprecation guide of the Kubernetes documentation (reference/using-api/deprecation-guide).

use crate::canon::Value;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;

/// `apiVersion`, its kinds (none for all), the minor version of Kubernetes 1 that serves it no longer, what to write.
type Removed = (&'static str, &'static [&'static str], u32, &'static str);

const REMOVED: &[Removed] = &[
    ("extensions/v1beta1", &["DaemonSet", "Deployment", "ReplicaSet"], 16, "apps/v1"),
    ("extensions/v1beta1", &["Ingress"], 22, "networking.k8s.io/v1"),
    ("extensions/v1beta1", &["NetworkPolicy"], 16, "networking.k8s.io/v1"),
    ("extensions/v1beta1", &["PodSecurityPolicy"], 16, "Pod Security admission"),
    ("apps/v1beta1", &[], 16, "apps/v1"),
    ("apps/v1beta2", &[], 16, "apps/v1"),
    (
        "admissionregistration.k8s.io/v1beta1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        22,
        "admissionregistration.k8s.io/v1",
    ),
    ("apiextensions.k8s.io/v1beta1", &[], 22, "apiextensions.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", &[], 22, "apiregistration.k8s.io/v1"),
    ("authentication.k8s.io/v1beta1", &["TokenReview"], 22, "authentication.k8s.io/v1"),
    ("authorization.k8s.io/v1beta1", &[], 22, "authorization.k8s.io/v1"),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"], 22, "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", &["Lease"], 22, "coordination.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], 22, "networking.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1beta1", &[], 22, "rbac.authorization.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"], 22, "scheduling.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"], 22, "storage.k8s.io/v1"),
    ("batch/v1beta1", &["CronJob"], 25, "batch/v1"),
    ("discovery.k8s.io/v1beta1", &["EndpointSlice"], 25, "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", &["Event"], 25, "events.k8s.io/v1"),
    ("autoscaling/v2beta1", &["HorizontalPodAutoscaler"], 25, "autoscaling/v2"),
    ("policy/v1beta1", &["PodDisruptionBudget"], 25, "policy/v1"),
    ("policy/v1beta1", &["PodSecurityPolicy"], 25, "Pod Security admission"),
    ("node.k8s.io/v1beta1", &["RuntimeClass"], 25, "node.k8s.io/v1"),
    ("autoscaling/v2beta2", &["HorizontalPodAutoscaler"], 26, "autoscaling/v2"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &[], 26, "flowcontrol.apiserver.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", &["CSIStorageCapacity"], 27, "storage.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", &[], 29, "flowcontrol.apiserver.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", &[], 32, "flowcontrol.apiserver.k8s.io/v1"),
];

pub(super) fn check(manifest: &Manifest, findings: &mut Vec<Diagnostic>) {
    let version = manifest.body.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let Some((minor, instead)) = removed(version, &manifest.key.kind) else { return };
    let message = format!("{} of {version} is not served since Kubernetes 1.{minor}: use {instead}", manifest.key.kind);
    findings.push(Diagnostic::lint(manifest.origin.clone(), "deprecated-api", message));
}

fn removed(version: &str, kind: &str) -> Option<(u32, &'static str)> {
    let applies = |(removed, kinds, ..): &&Removed| *removed == version && (kinds.is_empty() || kinds.contains(&kind));
    REMOVED.iter().find(applies).map(|(_, _, minor, instead)| (*minor, *instead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_by_kind() {
        assert_eq!(removed("extensions/v1beta1", "Deployment"), Some((16, "apps/v1")));
        assert_eq!(removed("extensions/v1beta1", "Ingress"), Some((22, "networking.k8s.io/v1")));
        assert_eq!(removed("apps/v1beta1", "StatefulSet"), Some((16, "apps/v1")));
        assert_eq!(removed("apps/v1", "Deployment"), None);
        assert_eq!(removed("batch/v1beta1", "Job"), None);
    }
}
