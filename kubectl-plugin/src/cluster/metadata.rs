//! Changes of an object's metadata that no apply can make: who owns what, our label, our finalizer.
//!
//! In: the object with a uid, and no other. Out: its metadata changed, as a merge patch against the version that was read, and
//! again where somebody was faster. Its fields keep their values.

use http::Method;
use serde_json::{Value as Json, json};

use super::request::{ATTEMPTS, METADATA, Request};
use super::{Cluster, Failure};

/// What we are called where no target is meant.
const TOOL: &str = "kubectl-gitops";

/// kubectl's copy of what it applied, which lives by managedFields no more.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Cluster {
    /// Takes a finalizer off the object with this uid and no other.
    pub async fn remove_finalizer(&self, path: &str, uid: &str, finalizer: &str) -> Result<(), Failure> {
        let change = |metadata: &Json| {
            let all = metadata["finalizers"].as_array().map(Vec::as_slice).unwrap_or_default();
            let others: Vec<&Json> = all.iter().filter(|one| *one != finalizer).collect();
            (others.len() < all.len()).then(|| json!({"finalizers": others}))
        };
        match self.change_metadata(path, uid, change).await {
            Err(failure) if failure.is_not_found() => Ok(()),
            other => other,
        }
    }

    /// Takes a label that has this value, and what a manager owns by applying it, off the object with this uid and no other.
    /// Its values stay as they are; whoever applies to it next has them without a conflict.
    pub async fn let_go(
        &self,
        path: &str,
        uid: &str,
        (label, value): (&str, &str),
        manager: &str,
    ) -> Result<(), Failure> {
        self.change_metadata(path, uid, |metadata| {
            let applied = |entry: &&Json| entry["manager"] == manager && entry["operation"] == "Apply";
            let mut others: Vec<Json> = entries(metadata).iter().filter(|entry| !applied(entry)).cloned().collect();
            if others.is_empty() {
                // How the API spells that nobody owns anything; an empty list would change nothing.
                others.push(json!({}));
            }
            let mut change = json!({"managedFields": others});
            // Another application may have its own there by now.
            if metadata["labels"][label] == value {
                change["labels"] = json!({label: null});
            }
            Some(change)
        })
        .await
    }

    /// Makes what other managers own of the object with this uid ours, as if we had applied it: whatever of it is not in
    /// the body that is applied next goes then. `is_taken` says whose; entries of subresources are nobody's to take.
    pub async fn take_over(
        &self,
        path: &str,
        uid: &str,
        manager: &str,
        is_taken: impl Fn(&str) -> bool,
    ) -> Result<(), Failure> {
        self.change_metadata(path, uid, |metadata| {
            let taken =
                |entry: &&Json| entry["subresource"].is_null() && entry["manager"].as_str().is_some_and(&is_taken);
            let (mine, mut others): (Vec<&Json>, Vec<&Json>) = entries(metadata).iter().partition(taken);
            let last = mine.last()?;
            let own = |entry: &&&Json| entry["manager"] == manager && entry["operation"] == "Apply";
            let mut fields = others.iter().find(own).map_or_else(|| json!({}), |entry| entry["fieldsV1"].clone());
            others.retain(|entry| !own(&entry));
            for entry in &mine {
                merge(&mut fields, &entry["fieldsV1"]);
            }
            let ours = json!({
                "manager": manager, "operation": "Apply", "apiVersion": last["apiVersion"], "time": last["time"],
                "fieldsType": "FieldsV1", "fieldsV1": fields,
            });
            let mut all: Vec<Json> = others.into_iter().cloned().collect();
            all.push(ours);
            Some(json!({"managedFields": all, "annotations": {LAST_APPLIED: null}}))
        })
        .await
    }

    /// Changes an object by a merge patch (RFC 7386), which holds for the version that it names, if it names one.
    pub async fn merge_patch(&self, path: &str, body: &Json) -> Result<Json, Failure> {
        self.merge_patch_as(path, body, TOOL).await
    }

    /// The same in the name of a manager.
    pub async fn merge_patch_as(&self, path: &str, body: &Json, manager: &str) -> Result<Json, Failure> {
        let (method, content_type) = (Method::PATCH, "application/merge-patch+json");
        let path = &format!("{path}?fieldManager={manager}");
        let request = Request { method, path, accept: "application/json", content_type, body: Some(body) };
        self.repeated(&request).await.map(|answer| answer.body)
    }

    /// Changes the metadata of the object with this uid and no other; `change` gives a merge patch, or nothing to do.
    async fn change_metadata(
        &self,
        path: &str,
        uid: &str,
        change: impl Fn(&Json) -> Option<Json>,
    ) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let object = self.get_as(path, METADATA).await?;
            let metadata = &object["metadata"];
            if metadata["uid"].as_str() != Some(uid) {
                return Ok(());
            }
            let Some(mut change) = change(metadata) else { return Ok(()) };
            change["uid"] = uid.into();
            change["resourceVersion"] = metadata["resourceVersion"].clone();
            let body = json!({"metadata": change});
            let (method, content_type) = (Method::PATCH, "application/merge-patch+json");
            match self.repeated(&Request { method, path, accept: METADATA, content_type, body: Some(&body) }).await {
                // It changed in the meantime: look again.
                Err(failure) if failure.is_conflict() => {}
                other => return other.map(|_| ()),
            }
        }
        Err(Failure::Malformed("it changes all the time".to_owned()))
    }
}

fn entries(metadata: &Json) -> &[Json] {
    metadata["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Adds a set of fields to another.
fn merge(fields: &mut Json, more: &Json) {
    if let (Json::Object(fields), Json::Object(more)) = (fields, more) {
        for (key, below) in more {
            merge(fields.entry(key.clone()).or_insert_with(|| json!({})), below);
        }
    }
}
