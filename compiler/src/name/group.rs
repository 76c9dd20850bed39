//! API groups: which one an `apiVersion` is of, and which of them Kubernetes itself serves.

/// Groups of the API server itself that have kinds with namespaces.
const NAMESPACED: [&str; 19] = [
    "",
    "admissionregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Groups of the API server itself in which no kind has namespaces.
const CLUSTER: [&str; 6] = [
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "imagepolicy.k8s.io",
    "internal.apiserver.k8s.io",
    "storagemigration.k8s.io",
];

/// The group of an `apiVersion`; empty for the core group.
#[must_use]
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether Kubernetes serves this group by itself. A suffix would not do: `gateway.networking.k8s.io` is a set of CRDs.
#[must_use]
pub fn is_built_in(group: &str) -> bool {
    is_built_in_with_namespaces(group) || CLUSTER.contains(&group)
}

/// Whether this is a group of the API server itself in which kinds have namespaces, unless they are known not to.
#[must_use]
pub fn is_built_in_with_namespaces(group: &str) -> bool {
    NAMESPACED.contains(&group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stands_in_one_list_once_and_in_order() {
        assert!(NAMESPACED.is_sorted_by(|left, right| left < right));
        assert!(CLUSTER.is_sorted_by(|left, right| left < right));
        assert!(!CLUSTER.iter().any(|group| NAMESPACED.contains(group)));
    }

    #[test]
    fn a_group_of_custom_resources_is_not_built_in_whatever_its_suffix() {
        assert!(!is_built_in("gateway.networking.k8s.io"));
        assert!(is_built_in(group_of("networking.k8s.io/v1")) && is_built_in(group_of("v1")));
        assert!(is_built_in("apiextensions.k8s.io") && !is_built_in_with_namespaces("apiextensions.k8s.io"));
    }
}
