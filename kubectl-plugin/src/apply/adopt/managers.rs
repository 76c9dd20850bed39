//! Who else writes to objects: tools that are left behind, and people.
//!
//! In: the name of a field manager. Out: whose it is. Pure.

/// Managers of tools that are left behind: what they own by applying is what we apply from now on. People's edits are not
/// theirs.
const LEFT_BEHIND: [&str; 14] = [
    "argocd-application-controller",
    "argocd-controller",
    "before-first-apply",
    "flux-client-side-apply",
    "helm",
    "helm-controller",
    "kapp",
    "kluctl",
    "kubectl",
    "kubectl-client-side-apply",
    "kubectl-create",
    "kustomize-controller",
    "pulumi-kubernetes",
    "Terraform",
];

/// Whether a manager is a tool that is left behind.
pub(in crate::apply) fn is_left_behind(manager: &str) -> bool {
    LEFT_BEHIND.contains(&manager)
}

/// Whether a manager is a hand of somebody's: `kubectl edit`, `set`, `patch`, `label` and their like.
pub(super) fn is_hand(manager: &str) -> bool {
    manager.starts_with("kubectl-") && !manager.starts_with("kubectl-gitops")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_and_hands_are_told_from_controllers_and_from_us() {
        for (manager, is_tool, is_by_hand) in [
            ("kubectl-client-side-apply", true, true),
            ("kubectl", true, false),
            ("helm", true, false),
            ("kubectl-edit", false, true),
            ("kubectl-set", false, true),
            ("kubectl-gitops:0a1b", false, false),
            ("kube-controller-manager", false, false),
        ] {
            assert_eq!((is_left_behind(manager), is_hand(manager)), (is_tool, is_by_hand), "{manager}");
        }
    }
}
