//! When versions of Kubernetes' own API were deprecated and removed, or will be.
//!
//! In: a table that `cargo run -p gitops-testdata --bin lifecycle` makes from Kubernetes' Go types. Out: [`Lifecycle`] of a
//! kind in a version, and what to write instead. A line of the table is
//!
//! ```text
//! policy/v1beta1 PodDisruptionBudget 21 25 policy/v1 PodDisruptionBudget
//! ```
//!
//! the `apiVersion`, the kind, the minor releases in which it is deprecated and removed (`-` where that is not said), and
//! what takes its place, where the types name it.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::name::{KubernetesVersion, group_of};
use crate::schema;

const TABLE: &str = include_str!("lifecycle.txt");

/// How far chains of replacements are followed: each is one API version further.
const LONGEST_CHAIN: usize = 8;

/// What takes the place of kinds where neither the types nor the kind's own group name it.
const ELSEWHERE: [(&str, &str); 2] =
    [("Endpoints", "EndpointSlice of discovery.k8s.io/v1"), ("PodSecurityPolicy", "Pod Security admission")];

/// The way of a kind in one version of its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifecycle {
    pub(super) deprecated: KubernetesVersion,
    /// The first version that does not serve it.
    pub(super) removed: Option<KubernetesVersion>,
    /// `apiVersion` and kind.
    replacement: Option<(&'static str, &'static str)>,
}

impl Lifecycle {
    /// Of a kind that is, or comes to be, deprecated.
    pub(super) fn of(api_version: &str, kind: &str) -> Option<Self> {
        table().get(&(api_version, kind)).copied()
    }

    pub(super) fn is_removed(&self, version: KubernetesVersion) -> bool {
        self.removed.is_some_and(|removed| removed <= version)
    }

    /// What to write in a version of Kubernetes, as a clause.
    pub(super) fn instead(self, kind: &str, api_version: &str, version: KubernetesVersion) -> Option<String> {
        let mut found = self.replacement;
        for _ in 0..LONGEST_CHAIN {
            let next = found.and_then(|(api_version, kind)| Self::of(api_version, kind));
            let Some(gone) = next.filter(|next| next.is_removed(version)) else { break };
            found = gone.replacement;
        }
        let of_group = || Some((schema::served_version(group_of(api_version), kind)?, kind));
        match found.or_else(of_group).filter(|found| *found != (api_version, kind)) {
            Some((instead, same)) if same == kind => Some(format!("use {instead}")),
            Some((instead, other)) => Some(format!("use {other} of {instead}")),
            None => ELSEWHERE.iter().find(|(gone, _)| *gone == kind).map(|(_, instead)| format!("use {instead}")),
        }
    }
}

fn table() -> &'static HashMap<(&'static str, &'static str), Lifecycle> {
    static LIFECYCLES: OnceLock<HashMap<(&'static str, &'static str), Lifecycle>> = OnceLock::new();
    LIFECYCLES.get_or_init(|| TABLE.lines().filter_map(line).collect())
}

fn line(line: &'static str) -> Option<((&'static str, &'static str), Lifecycle)> {
    let [api_version, kind, deprecated, removed, ref replacement @ ..] = line.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let release = |text: &str| text.parse().ok().map(KubernetesVersion::of_minor);
    let replacement = match *replacement {
        [api_version, kind] => Some((api_version, kind)),
        _ => None,
    };
    let lifecycle = Lifecycle { deprecated: release(deprecated)?, removed: release(removed), replacement };
    Some(((api_version, kind), lifecycle))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: KubernetesVersion = KubernetesVersion::of_minor(37);

    #[test]
    fn every_line_is_understood() {
        let lines: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 80 && lines.len() == table().len());
        for text in lines {
            let (_, lifecycle) = line(text).expect(text);
            assert!(lifecycle.removed.is_none_or(|removed| removed > lifecycle.deprecated), "{text}");
            assert!(matches!(text.split(' ').count(), 4 | 6), "{text}");
        }
        assert!(TABLE.starts_with(&format!("# Kubernetes {},", schema::version())), "renew it with the schemas");
    }

    #[test]
    fn what_to_write_is_served() {
        for (api_version, kind, instead) in [
            ("extensions/v1beta1", "Deployment", Some("use apps/v1")),
            ("extensions/v1beta1", "Ingress", Some("use networking.k8s.io/v1")),
            ("extensions/v1beta1", "PodSecurityPolicy", Some("use Pod Security admission")),
            ("networking.k8s.io/v1beta1", "IngressClass", Some("use networking.k8s.io/v1")),
            ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", Some("use flowcontrol.apiserver.k8s.io/v1")),
            ("apps/v1beta1", "Scale", Some("use autoscaling/v1")),
            ("resource.k8s.io/v1beta1", "ResourceClaim", Some("use resource.k8s.io/v1")),
            ("v1", "Endpoints", Some("use EndpointSlice of discovery.k8s.io/v1")),
            ("batch/v1beta1", "JobTemplate", None),
        ] {
            let lifecycle = Lifecycle::of(api_version, kind).expect(kind);
            assert_eq!(lifecycle.instead(kind, api_version, NOW).as_deref(), instead, "{api_version} {kind}");
        }
    }

    #[test]
    fn versions_count_by_kind() {
        let removed = |api_version, kind| Some(Lifecycle::of(api_version, kind)?.removed?.minor());
        assert_eq!(removed("extensions/v1beta1", "Deployment"), Some(16));
        assert_eq!(removed("extensions/v1beta1", "Ingress"), Some(22));
        assert_eq!(removed("apps/v1beta1", "StatefulSet"), Some(16));
        assert_eq!(Lifecycle::of("apps/v1", "Deployment"), None);
        assert_eq!(Lifecycle::of("batch/v1beta1", "Job"), None);
    }
}
