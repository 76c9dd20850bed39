//! What must still be so when a saved plan is applied: which cluster it is, and in which version its objects are.
//!
//! In: a target, a plan. Out: [`Preconditions`]. One GET of metadata for each object that the plan changes or deletes, and one for the
//! cluster where no record says which it is. The version of an object is told by who wrote what and when
//! (`metadata.managedFields`): what controllers write through `status` and `scale` makes no other one, as `resourceVersion` and, for
//! `scale`, `generation` would.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gitops_compiler::canon::{Encoder, Value};
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Plan, Step};
use serde_json::Value as Json;

use crate::cluster::{Failure, ObjectMeta};

use super::Target;
use super::step::api_version_of;

/// How many requests are under way at once.
const CONCURRENT: usize = 16;

/// What a saved plan is good for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The uid of the namespace kube-system, where it may be known.
    pub cluster: Option<String>,
    /// The version of each object that is changed or deleted, and is there.
    pub versions: BTreeMap<ResourceKey, String>,
}

impl Preconditions {
    /// Those of a plan, as things are now.
    ///
    /// # Errors
    /// Where the cluster does not answer.
    pub async fn of(target: &Target, plan: &Plan) -> Result<Self, Failure> {
        let cluster = match &target.found {
            Some(found) => Some(found.head.cluster.clone()),
            None => target.records.cluster.identity().await?,
        };
        let is_there = |step: &&Step| matches!(step.action, Action::Update | Action::Delete);
        let asked = plan.steps.iter().filter(is_there).map(|step| version(target, step));
        let asked: Vec<_> = asked.collect();
        let found: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENT).try_collect().await?;
        Ok(Self { cluster, versions: found.into_iter().flatten().collect() })
    }
}

async fn version(target: &Target, step: &Step) -> Result<Option<(ResourceKey, String)>, Failure> {
    let key = &step.key;
    let served = target.kinds.any_version(&key.group, &key.kind).map(|(version, _)| version);
    let path = api_version_of(step.desired.as_ref()).or(served).and_then(|version| target.kinds.path(version, key));
    let Some(path) = path else { return Ok(None) };
    match target.objects.get_metadata(&path).await {
        Ok(found) => Ok(found.map(|metadata| (key.clone(), told(&metadata)))),
        Err(failure) if failure.is_unserved() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The version of an object.
fn told(metadata: &ObjectMeta) -> String {
    let mut entries: Vec<Vec<u8>> = metadata
        .managed_fields
        .iter()
        .filter(|entry| entry.subresource.is_empty())
        .map(|entry| {
            let mut fields = entry.fields_v1.clone();
            // Whoever scales takes it from whoever had it.
            if let Some(spec) = fields.pointer_mut("/f:spec").and_then(Json::as_object_mut) {
                spec.remove("f:replicas");
            }
            let mut bytes = Encoder::encode(&Value::from(fields));
            bytes.extend(format!("\0{}\0{}\0{}", entry.manager, entry.operation, entry.time).bytes());
            bytes
        })
        .collect();
    entries.sort();
    let mut hasher = blake3::Hasher::new();
    for entry in entries {
        hasher.update(&u64::try_from(entry.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(&entry);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_version_is_another_when_somebody_writes_and_not_when_a_controller_tells_how_things_are() {
        let metadata = |entries: &[Json]| -> String {
            let object = json!({"name": "a", "uid": "u", "managedFields": entries});
            told(&serde_json::from_value(object).expect("metadata"))
        };
        let entry = |manager: &str, time: &str, subresource: &str| {
            json!({
                "manager": manager, "operation": "Update", "time": time, "subresource": subresource,
                "fieldsV1": {"f:spec": {"f:a": {}}},
            })
        };
        let ours = entry("ours", "2026-11-28T10:00:00Z", "");
        let before = metadata(std::slice::from_ref(&ours));
        assert_eq!(before, metadata(&[entry("controller", "2026-11-28T11:00:00Z", "status"), ours.clone()]));
        let mut scaled = ours.clone();
        scaled["fieldsV1"]["f:spec"]["f:replicas"] = json!({});
        assert_eq!(before, metadata(&[scaled]), "before it was scaled");
        for entries in [
            vec![ours, entry("anna", "2026-11-28T11:00:00Z", "")],
            vec![entry("ours", "2026-11-28T11:00:00Z", "")],
            vec![],
        ] {
            assert_ne!(before, metadata(&entries));
        }
    }
}
