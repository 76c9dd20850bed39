//! Versions of custom kinds that a plan drops while objects are stored in them.
//!
//! In: a target, a plan. Out: words for each definition of which the server would refuse that. One GET for each definition whose
//! versions change, and none else. Source: `status.storedVersions` of a CustomResourceDefinition
//! (`ValidateCustomResourceDefinitionUpdate`).

use gitops_compiler::canon::Value;
use gitops_compiler::plan::{Action, Plan, Step};
use serde_json::Value as Json;

use crate::cluster::Failure;

use super::Target;

/// What would be dropped too early.
///
/// # Errors
/// Where a definition cannot be read.
pub async fn dropped(target: &Target, plan: &Plan) -> Result<Vec<String>, Failure> {
    let changes_versions = |step: &&Step| {
        step.action == Action::Update
            && step.key.is("apiextensions.k8s.io", "CustomResourceDefinition")
            && step.changes.iter().any(|change| change.path.starts_with("spec.versions"))
    };
    let mut told = Vec::new();
    for step in plan.steps.iter().filter(changes_versions) {
        let Some((_, body)) = &step.desired else { continue };
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}", step.key.name);
        let Some(live) = target.objects.find(&path).await? else { continue };
        let kept = names(body);
        let stored = live["status"]["storedVersions"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let lost: Vec<&str> = stored.filter(|version| !kept.contains(version)).collect();
        if !lost.is_empty() {
            told.push(format!(
                "{} drops {}, in which objects may be stored (status.storedVersions): migrate them, take it out there, and drop it \
                 then",
                step.key,
                lost.join(", ")
            ));
        }
    }
    Ok(told)
}

/// The versions that a definition has.
fn names(body: &Value) -> Vec<&str> {
    let versions = body.at(&["spec", "versions"]).map(Value::items).unwrap_or_default();
    versions.iter().filter_map(|version| version.get("name")?.as_str()).collect()
}
