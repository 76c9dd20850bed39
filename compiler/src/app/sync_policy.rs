//! `spec.syncPolicy` of an `Application`: when and how it is synced.
//!
//! In: what the object says. Out: [`SyncPolicy`]. Its options are read by [`SyncOptions`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::SyncOptions;

/// When and how an application is synced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncPolicy {
    /// Whether it is synced without being asked.
    pub automated: Option<Automated>,
    /// Words as in `CreateNamespace=true`.
    pub sync_options: Vec<String>,
    /// How often it is tried.
    pub retry: Option<Retry>,
    /// What a namespace that is made for it has.
    pub managed_namespace_metadata: Option<NamespaceMetadata>,
}

/// Syncing without being asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Automated {
    /// Whether it is on; it is where nothing is said.
    pub enabled: Option<bool>,
    /// Whether what left the graph is deleted.
    pub prune: bool,
    /// Whether what somebody changed is put back.
    pub self_heal: bool,
    /// Whether a graph without resources counts.
    pub allow_empty: bool,
}

/// How often a sync is tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Retry {
    /// How often; below zero without end.
    pub limit: i64,
    /// Whether each try looks for a newer revision.
    pub refresh: bool,
    /// How long it takes from one try to the next.
    pub backoff: Option<Backoff>,
}

/// Times between tries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Backoff {
    /// The first, as `5s` or a number of seconds.
    pub duration: String,
    /// What each is multiplied by for the next.
    pub factor: Option<i64>,
    /// The longest.
    pub max_duration: String,
}

/// Labels and annotations of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct NamespaceMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl SyncPolicy {
    /// What it asks for.
    #[must_use]
    pub fn options(&self) -> SyncOptions {
        SyncOptions::read(self.sync_options.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_as_people_write_it_is_read() {
        let policy: SyncPolicy = serde_json::from_value(serde_json::json!({
            "automated": {"prune": true, "selfHeal": true},
            "syncOptions": ["CreateNamespace=true", "PrunePropagationPolicy=foreground"],
            "retry": {"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}},
            "managedNamespaceMetadata": {"labels": {"team": "shop"}},
        }))
        .expect("a policy");
        assert_eq!(policy.options().create_namespace, Some(true));
        assert!(policy.automated.is_some_and(|automated| automated.self_heal && automated.enabled.is_none()));
        assert_eq!(policy.managed_namespace_metadata.map(|metadata| metadata.labels.len()), Some(1));
    }
}
