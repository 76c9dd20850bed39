//! May this resource be applied: the lists of kinds.
//!
//! Kinds with a namespace are permitted where nothing is said (no `namespaceResourceWhitelist`; an empty one permits
//! none), and their namespace must be a destination. Kinds without one must be listed in `clusterResourceWhitelist`. What
//! a blacklist has is denied.

use serde::Deserialize;

use super::pattern::Pattern;
use super::{AppProject, Cluster, Faults, Violation};

/// A resource that somebody wants to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The group of its kind; empty for the core group.
    pub group: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its namespace; none where its kind has no namespaces.
    pub namespace: Option<&'a str>,
}

/// An item of a list, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    group: String,
    kind: String,
    name: String,
}

/// A list.
#[derive(Debug, Clone, Default)]
pub(super) struct Items(Vec<Item>);

#[derive(Debug, Clone)]
struct Item {
    group: Pattern,
    kind: Pattern,
    /// None where every name will do.
    name: Option<Pattern>,
}

/// What is allowed, and what is not.
#[derive(Debug, Clone, Default)]
pub(super) struct Kinds {
    /// None where nothing is said.
    pub(super) allowed: Option<Items>,
    pub(super) denied: Items,
}

impl Items {
    pub(super) fn new(list: &[Spec], place: &str, faults: &mut Faults) -> Self {
        let mut items = Vec::new();
        for (index, spec) in list.iter().enumerate() {
            let mut read = |text: &str, field: &str| {
                faults.pattern(text, &format!("{place}[{index}].{field}"), Pattern::of_file_name)
            };
            let (group, kind) = (read(&spec.group, "group"), read(&spec.kind, "kind"));
            let name = if spec.name.is_empty() { None } else { read(&spec.name, "name") };
            items.extend(group.zip(kind).map(|(group, kind)| Item { group, kind, name }));
        }
        Self(items)
    }

    /// Every kind.
    pub(super) fn all() -> Self {
        let all = || Pattern::of_file_name("*").ok();
        Self(all().zip(all()).map(|(group, kind)| Item { group, kind, name: None }).into_iter().collect())
    }

    fn has(&self, asked: &Asked<'_>) -> bool {
        // Only kinds without a namespace are told apart by name, as in Argo CD.
        let has_name = |item: &Item| {
            asked.namespace.is_some() || item.name.as_ref().is_none_or(|pattern| pattern.admits(asked.name))
        };
        self.0.iter().any(|item| item.group.admits(asked.group) && item.kind.admits(asked.kind) && has_name(item))
    }
}

impl AppProject {
    /// What forbids a resource: its kind, the namespace that it goes to, or both.
    #[must_use]
    pub fn resource(&self, cluster: &Cluster<'_>, asked: &Asked<'_>) -> Vec<Violation> {
        let there = asked.namespace.and_then(|namespace| self.destination(cluster, namespace));
        self.kind(asked).into_iter().chain(there).collect()
    }

    fn kind(&self, asked: &Asked<'_>) -> Option<Violation> {
        let (kinds, allowing, denying) = if asked.namespace.is_some() {
            (&self.namespaced_kinds, "namespaceResourceWhitelist", "namespaceResourceBlacklist")
        } else {
            (&self.cluster_kinds, "clusterResourceWhitelist", "clusterResourceBlacklist")
        };
        let is_allowed = kinds.allowed.as_ref().map_or(asked.namespace.is_some(), |items| items.has(asked));
        let group = if asked.group.is_empty() { "the core group" } else { asked.group };
        let why = if kinds.denied.has(asked) {
            format!("spec.{denying} has its kind")
        } else if is_allowed {
            return None;
        } else {
            format!("spec.{allowing} does not have {} of {group}: add it there", asked.kind)
        };
        let place = asked.namespace.filter(|namespace| !namespace.is_empty());
        let place = place.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        Some(self.violation(format!("{} {place}{}", asked.kind, asked.name), why))
    }
}
