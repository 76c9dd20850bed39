//! Hooks: manifests that run at a moment of a sync instead of staying in the cluster.
//!
//! In: the annotations of a manifest. Out: [`Hook`], or none where it is content. Argo CD's annotation counts first
//! (`argocd.argoproj.io/hook`, `argocd.argoproj.io/hook-delete-policy`); Helm's only where there is none, mapped as Argo CD
//! maps it (gitops-engine, `pkg/sync/hook`; for those of a deletion its `controller/hook.go`). `helm.sh/hook: crd-install` marks plain content.

use std::collections::BTreeSet;
use std::fmt;

const HOOK: &str = "argocd.argoproj.io/hook";
const DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
const HELM_HOOK: &str = "helm.sh/hook";
const HELM_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

/// When a hook runs. In the order of a sync, and then what is outside of it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub enum HookPhase {
    /// Before the content.
    PreSync,
    /// Among the content.
    Sync,
    /// When the content is ready, and what left the graph is gone.
    PostSync,
    /// When something of a sync has failed.
    SyncFail,
    /// Before an application is deleted.
    PreDelete,
    /// After an application was deleted.
    PostDelete,
}

impl HookPhase {
    const ALL: [Self; 6] =
        [Self::PreSync, Self::Sync, Self::PostSync, Self::SyncFail, Self::PreDelete, Self::PostDelete];

    /// As Argo CD spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreSync => "PreSync",
            Self::Sync => "Sync",
            Self::PostSync => "PostSync",
            Self::SyncFail => "SyncFail",
            Self::PreDelete => "PreDelete",
            Self::PostDelete => "PostDelete",
        }
    }

    fn of_argo(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }

    /// Helm's other events, of tests and of rollbacks, have no counterpart: such a hook never runs.
    fn of_helm(name: &str) -> Option<Self> {
        match name {
            "pre-install" | "pre-upgrade" => Some(Self::PreSync),
            "post-install" | "post-upgrade" => Some(Self::PostSync),
            "pre-delete" => Some(Self::PreDelete),
            "post-delete" => Some(Self::PostDelete),
            _ => None,
        }
    }
}

impl fmt::Display for HookPhase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// When the object of a hook is deleted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub enum HookDeletePolicy {
    /// Before the hook runs again; the default.
    BeforeHookCreation,
    /// When the sync has succeeded.
    HookSucceeded,
    /// When the sync has failed.
    HookFailed,
}

impl HookDeletePolicy {
    fn of_argo(name: &str) -> Option<Self> {
        match name {
            "BeforeHookCreation" => Some(Self::BeforeHookCreation),
            "HookSucceeded" => Some(Self::HookSucceeded),
            "HookFailed" => Some(Self::HookFailed),
            _ => None,
        }
    }

    fn of_helm(name: &str) -> Option<Self> {
        match name {
            "before-hook-creation" => Some(Self::BeforeHookCreation),
            "hook-succeeded" => Some(Self::HookSucceeded),
            "hook-failed" => Some(Self::HookFailed),
            _ => None,
        }
    }
}

/// A manifest that is a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// When it runs. Without any it never does: Argo CD's `Skip`, Helm's tests.
    pub phases: BTreeSet<HookPhase>,
    /// When its object is deleted; never empty.
    pub delete: BTreeSet<HookDeletePolicy>,
}

impl Hook {
    /// Reads the annotations that `annotation` gives by name; `None` where they make no hook.
    #[must_use]
    pub fn of<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let written = |name| annotation(name).filter(|text| !text.trim().is_empty());
        let phases = match (written(HOOK), written(HELM_HOOK)) {
            (Some(text), _) => list(text, HookPhase::of_argo),
            (None, Some(text)) if text.trim() == "crd-install" => return None,
            (None, Some(text)) => list(text, HookPhase::of_helm),
            (None, None) => return None,
        };
        let mut delete = match (written(DELETE_POLICY), written(HELM_DELETE_POLICY)) {
            (Some(text), _) => list(text, HookDeletePolicy::of_argo),
            (None, Some(text)) => list(text, HookDeletePolicy::of_helm),
            (None, None) => BTreeSet::new(),
        };
        if delete.is_empty() {
            delete.insert(HookDeletePolicy::BeforeHookCreation);
        }
        Some(Self { phases, delete })
    }
}

fn list<T: Ord>(text: &str, of: fn(&str) -> Option<T>) -> BTreeSet<T> {
    text.split(',').filter_map(|name| of(name.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(annotations: &[(&str, &'static str)]) -> Option<String> {
        let found = |name: &str| annotations.iter().find(|(key, _)| *key == name).map(|(_, text)| *text);
        Hook::of(found).map(|hook| format!("{:?} {:?}", hook.phases, hook.delete))
    }

    #[test]
    fn hooks_are_read_as_argo_cd_reads_them() {
        for (annotations, expected) in [
            (vec![], None),
            (vec![(HOOK, " ")], None),
            (vec![(HELM_HOOK, "crd-install")], None),
            (vec![(HOOK, "PreSync, PostSync")], Some("{PreSync, PostSync} {BeforeHookCreation}")),
            (vec![(HOOK, "Skip")], Some("{} {BeforeHookCreation}")),
            (
                vec![(HOOK, "SyncFail"), (DELETE_POLICY, "HookSucceeded,HookFailed")],
                Some("{SyncFail} {HookSucceeded, HookFailed}"),
            ),
            (vec![(HOOK, "Sync"), (DELETE_POLICY, "Never")], Some("{Sync} {BeforeHookCreation}")),
            (
                vec![(HELM_HOOK, "pre-install,pre-upgrade"), (HELM_DELETE_POLICY, "hook-succeeded")],
                Some("{PreSync} {HookSucceeded}"),
            ),
            (vec![(HELM_HOOK, "pre-delete,pre-upgrade")], Some("{PreSync, PreDelete} {BeforeHookCreation}")),
            (vec![(HELM_HOOK, "post-delete")], Some("{PostDelete} {BeforeHookCreation}")),
            (vec![(HELM_HOOK, "test")], Some("{} {BeforeHookCreation}")),
            (vec![(HELM_HOOK, "post-install"), (HOOK, "PreSync")], Some("{PreSync} {BeforeHookCreation}")),
        ] {
            assert_eq!(read(&annotations).as_deref(), expected, "{annotations:?}");
        }
    }
}
