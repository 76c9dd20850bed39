//! `operation` of an Application: a sync that somebody asks for, by writing it into the object.
//!
//! In: the field. Out: [`Operation`]. Whoever runs it takes it out. What is not known is kept, so that it can be told back.

use std::fmt;
use std::str::FromStr;

use gitops_compiler::name::ResourceKey;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Something that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Operation {
    /// A sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncRequest>,
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiated_by: Option<InitiatedBy>,
    /// How often it is tried, as in `syncPolicy.retry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Json>,
    /// Notes: names and values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<Json>,
}

/// What to sync.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncRequest {
    /// A commit, branch or tag instead of the one of the spec.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The same of an Application with several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Whether what left the graph is deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// Whether it is only tried.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Only these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceChoice>,
    /// `apply` runs no hooks; `hook` does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_strategy: Option<Json>,
    /// Words as in `syncPolicy.syncOptions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// A source instead of the one of the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Json>,
    /// The same of an Application with several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Json>,
    /// Manifests instead of those of Git.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<String>,
    /// How often self-healing has tried in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_heal_attempts_count: Option<i64>,
}

/// A resource, as a request names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceChoice {
    /// Its group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ResourceChoice {
    /// Whether it names this; without a namespace it names those of all.
    #[must_use]
    pub fn names(&self, key: &ResourceKey) -> bool {
        let namespace = key.scope.namespace().unwrap_or_default();
        (&self.group, &self.kind, &self.name) == (&key.group, &key.kind, &key.name)
            && (self.namespace.is_empty() || self.namespace == namespace)
    }
}

impl fmt::Display for ResourceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(formatter, "{}:{}:{}{slash}{}", self.group, self.kind, self.namespace, self.name)
    }
}

/// What is no choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no GROUP:KIND:NAME, nor GROUP:KIND:NAMESPACE/NAME; the core group is empty, as in :ConfigMap:shop")]
pub struct NotAChoice;

impl FromStr for ResourceChoice {
    type Err = NotAChoice;

    /// As Argo CD's command line takes it.
    fn from_str(text: &str) -> Result<Self, NotAChoice> {
        let mut parts = text.splitn(3, ':').map(str::to_owned);
        let (Some(group), Some(kind), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NotAChoice);
        };
        let (namespace, name) = rest.split_once('/').unwrap_or(("", &rest));
        let choice = Self { group, kind, namespace: namespace.to_owned(), name: name.to_owned() };
        if choice.kind.is_empty() || choice.name.is_empty() { Err(NotAChoice) } else { Ok(choice) }
    }
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InitiatedBy {
    /// A person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// The controller itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub automated: bool,
}

impl Operation {
    /// A sync that the controller itself begins.
    #[must_use]
    pub fn automated(prune: bool) -> Self {
        let sync = SyncRequest { prune, ..SyncRequest::default() };
        let initiated_by = InitiatedBy { automated: true, ..InitiatedBy::default() };
        Self { sync: Some(sync), initiated_by: Some(initiated_by), ..Self::default() }
    }

    /// Who asks, for the record.
    #[must_use]
    pub fn actor(&self) -> &str {
        match &self.initiated_by {
            Some(by) if !by.username.is_empty() => &by.username,
            Some(by) if by.automated => "automatic sync",
            _ => "somebody",
        }
    }

    /// The only resources that are meant; all where there are none.
    #[must_use]
    pub fn choices(&self) -> &[ResourceChoice] {
        self.sync.as_ref().map(|sync| sync.resources.as_slice()).unwrap_or_default()
    }

    /// Whether hooks are left out: `syncStrategy.apply`, or only some resources.
    #[must_use]
    pub fn leaves_out_hooks(&self) -> bool {
        let Some(sync) = &self.sync else { return false };
        let apply = sync.sync_strategy.as_ref().is_some_and(|strategy| strategy["apply"].is_object());
        apply || !sync.resources.is_empty()
    }

    /// Whether fields of others are taken, `force` of either strategy.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        let strategy = self.sync.as_ref().and_then(|sync| sync.sync_strategy.as_ref());
        let force = |name: &str| strategy.is_some_and(|strategy| strategy[name]["force"] == true);
        force("apply") || force("hook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_command_line_of_others_writes_is_read_and_told_back() {
        let text = json!({
            "initiatedBy": {"username": "anna"},
            "sync": {
                "revision": "main", "prune": true, "syncOptions": ["Replace=true"],
                "resources": [{"kind": "ConfigMap", "name": "a"}],
                "syncStrategy": {"hook": {"force": true}},
            },
        });
        let operation: Operation = serde_json::from_value(text.clone()).expect("an operation");
        assert_eq!(serde_json::to_value(&operation).expect("JSON"), text);
        assert_eq!(operation.actor(), "anna");
        assert!(operation.is_forced() && operation.leaves_out_hooks());
        assert_eq!(Operation::automated(true).actor(), "automatic sync");
    }

    #[test]
    fn resources_are_named_as_on_argo_cds_command_line() {
        let read = |text: &str| text.parse::<ResourceChoice>();
        let choice = read("apps:Deployment:shop/cart").expect("a choice");
        assert_eq!(choice.to_string(), "apps:Deployment:shop/cart");
        assert!(choice.names(&ResourceKey::new("apps", "Deployment", "shop", "cart")));
        assert!(!choice.names(&ResourceKey::new("apps", "Deployment", "other", "cart")));
        assert!(!choice.names(&ResourceKey::new("extensions", "Deployment", "shop", "cart")));
        let core = read(":ConfigMap:a").expect("a choice");
        assert!(core.names(&ResourceKey::new("", "ConfigMap", "anywhere", "a")));
        for wrong in ["", "ConfigMap", ":ConfigMap", ":ConfigMap:", "::a", ":ConfigMap:shop/"] {
            assert_eq!(read(wrong), Err(NotAChoice), "{wrong}");
        }
    }
}
