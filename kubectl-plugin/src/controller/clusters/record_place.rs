//! The namespace of the records of Applications in another cluster than their own.
//!
//! In: where a record is to be. Out: a namespace that is there. It belongs to no Application: it is never part of a graph (an
//! application that contains it is refused), and never deleted.

use serde_json::json;

use crate::cluster::Failure;
use crate::error::CommandError;
use crate::record::Records;

/// Makes the namespace of records where it is not there; nothing in the cluster of the Applications themselves, where theirs is
/// there.
///
/// # Errors
/// Where it is not there, and cannot be made.
pub async fn ensure(records: &Records) -> Result<(), CommandError> {
    if records.keeper.is_none() {
        return Ok(());
    }
    let name = &records.namespace;
    let told = |failure: &Failure| {
        CommandError::user(format!(
            "the namespace {name}, where the record of this application is to live, cannot be made"
        ))
        .details(vec![failure.to_string()])
        .hint("make it, or name another: the annotation kubectl-gitops/record-namespace of the cluster's Secret")
    };
    match records.cluster.get_metadata(&format!("/api/v1/namespaces/{name}")).await {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => {}
        // Whoever may not look at namespaces makes none; writing the record says whether it is there.
        Err(failure) if failure.is_forbidden() => return Ok(()),
        Err(failure) => return Err(told(&failure)),
    }
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    match records.cluster.create("/api/v1/namespaces", &body).await {
        Err(failure) if !failure.is_already_exists() => Err(told(&failure)),
        _ => Ok(()),
    }
}
