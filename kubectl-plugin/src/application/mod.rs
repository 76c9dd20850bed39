//! `Application` objects as a controller meets them: who they are, what is asked of them, what is told on them.
//!
//! In: objects of the API server. Out: [`AppId`], an [`Operation`] that somebody asks for, a [`Status`] as Argo CD's readers
//! know it. Pure. What an Application is made of is read by `gitops_compiler::app`.
//!
//! The words of annotations, finalizers, enums and messages are Argo CD's: user interfaces, exporters and scripts read them.

mod note;
mod operation;
mod packed;
mod status;

use std::fmt;

use serde_json::Value as Json;

pub use note::{GRAPH, HOLD, Holding, OTHER_GRAPH, RELEASE, REQUEST, ROLLBACK, WAIT, roots};
pub use operation::{InitiatedBy, NotAChoice, Operation, ResourceChoice, SyncRequest};
pub use packed::Packed;
pub use status::{
    Condition, HealthState, HistoryEntry, Kept, MOST_RESOURCES, OperationPhase, OperationState, ResourceResult,
    ResourceState, Status, Summary, SyncResult, SyncState, SyncWord,
};

/// Where Applications are served.
pub const COLLECTION: &str = "/apis/argoproj.io/v1alpha1/applications";

/// Asks for a comparison now: `normal`, or `hard` for one that trusts nothing that was kept.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";

/// Makes deletion of an Application delete what it applied, in the foreground.
pub const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
/// The same, in the background.
pub const RESOURCES_FINALIZER_BACKGROUND: &str = "resources-finalizer.argocd.argoproj.io/background";

/// Leaves an Application alone.
pub const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";

/// How often Git is asked for one application, in seconds or as `5m`; 0 for never.
pub const POLLING: &str = "kubectl-gitops/polling";

/// The field manager of a controller of ours: what it has written of an Application says that it cares for it.
pub const CONTROLLER: &str = "kubectl-gitops-controller";

/// Which Application.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl AppId {
    /// From both.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Of an object.
    #[must_use]
    pub fn of(object: &Json) -> Self {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        Self { namespace: text("namespace"), name: text("name") }
    }

    /// Where it is served.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/{}", self.namespace, self.name)
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// An annotation of an object.
#[must_use]
pub fn annotation<'a>(object: &'a Json, name: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][name].as_str()
}

/// Whether deletion of an Application deletes what it applied.
#[must_use]
pub fn deletes_resources(object: &Json) -> bool {
    finalizers(object).any(|name| name == RESOURCES_FINALIZER || name == RESOURCES_FINALIZER_BACKGROUND)
}

/// Its finalizers.
pub fn finalizers(object: &Json) -> impl Iterator<Item = &str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// Whether a controller of ours has ever written how an Application is. One at rest writes nothing, so that how long ago that
/// was says nothing of whether it lives.
#[must_use]
pub fn is_cared_for(object: &Json) -> bool {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries.into_iter().any(|entry| entry["manager"] == CONTROLLER)
}

/// Whether it is synced without being asked.
#[must_use]
pub fn is_automated(object: &Json) -> bool {
    let automated = &object["spec"]["syncPolicy"]["automated"];
    automated.is_object() && automated["enabled"] != false
}

/// Whether it is being deleted.
#[must_use]
pub fn is_deleted(object: &Json) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// A commit as people say it; anything else as it is.
#[must_use]
pub fn short_revision(revision: &str) -> String {
    let is_oid = revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_oid { revision[..7].to_owned() } else { revision.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_cares_for_an_application_and_whether_by_himself() {
        let written = |manager: &str| {
            let time = "2020-01-01T00:00:00Z";
            json!({"metadata": {"managedFields": [{"manager": manager, "operation": "Update", "time": time}]}})
        };
        assert!(is_cared_for(&written(CONTROLLER)), "however long ago");
        assert!(!is_cared_for(&written("kubectl-gitops")), "what people ask for is written by the command line");
        assert!(!is_cared_for(&json!({})));
        let policy = |policy: Json| json!({"spec": {"syncPolicy": policy}});
        assert!(is_automated(&policy(json!({"automated": {}}))));
        assert!(!is_automated(&policy(json!({"automated": {"enabled": false}}))));
        assert!(!is_automated(&policy(json!({}))) && !is_automated(&json!({})));
    }
}
