//! The namespace of the destination, where an application asks for it (`CreateNamespace=true`).
//!
//! In: a target. Out: a namespace that is there, with the labels and annotations that the application gives it
//! (`managedNamespaceMetadata`). It is no part of the graph: it is neither recorded nor ever deleted, as in Argo CD.

use gitops_compiler::app::NamespaceMetadata;
use gitops_compiler::name::{ResourceKey, Scope};
use gitops_compiler::plan::Bound;
use serde_json::json;

use crate::cluster::ApplyOptions;

use super::target::{Target, TargetError};

/// Makes the namespace where it is not there. Gives whether it was made.
///
/// # Errors
/// Where the server does not tell whether it is there, or refuses it.
pub async fn ensure(target: &Target, desired: &Bound, metadata: &NamespaceMetadata) -> Result<bool, TargetError> {
    let name = &target.destination;
    let key = ResourceKey { scope: Scope::Cluster, ..ResourceKey::new("", "Namespace", "", name) };
    // What the graph makes is the graph's.
    if target.options.create_namespace != Some(true) || desired.node(&key).is_some() {
        return Ok(false);
    }
    let path = format!("/api/v1/namespaces/{name}");
    let cluster = &target.objects;
    let doing = "cannot make the namespace of the destination";
    let failed = |failure| TargetError::Request { doing, failure };
    let is_there = cluster.get_metadata(&path).await.map_err(failed)?.is_some();
    if is_there && *metadata == NamespaceMetadata::default() {
        return Ok(false);
    }
    let body = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": metadata.labels, "annotations": metadata.annotations},
    });
    let field_manager = target.identity.field_manager.as_str();
    let options = ApplyOptions { field_manager, force: false, dry_run: false };
    cluster.apply(&path, &body, &options).await.map_err(failed)?;
    Ok(!is_there)
}
