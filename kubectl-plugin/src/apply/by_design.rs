//! Fields that belong to another by design, so that they are neither drift nor taken.
//!
//! In: the path of a field without a dot before it, and through which subresource it was written. Out: whether it is one of
//! these. Pure.

use gitops_compiler::name::ResourceKey;

/// Whether a field of an object is left to whoever wrote it: replicas that something scales, rules that are aggregated,
/// certificates that are injected.
pub(super) fn belongs_to_another(key: &ResourceKey, is_aggregated: bool, path: &str, subresource: &str) -> bool {
    (path == "spec.replicas" && subresource == "scale")
        || (key.is("rbac.authorization.k8s.io", "ClusterRole") && is_aggregated && path == "rules")
        || path == "clientConfig.caBundle"
        || path.ends_with(".clientConfig.caBundle")
        || (key.is("apiregistration.k8s.io", "APIService") && path == "spec.caBundle")
}
