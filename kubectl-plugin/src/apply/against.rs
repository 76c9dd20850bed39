//! What applying a graph would change of what is live.
//!
//! In: a target, a graph. Out: [`Against`]: for each object that would be made, changed or deleted, the fields that would get
//! another value, and who wrote those that others than we wrote. The plan says which objects these are; for each that is there the server is asked to apply it and only to
//! pretend, so that its defaults, its forms of values and fields that would be given up count as they do. Where it refuses
//! to pretend, what the manifest has is compared with what is there, as for drift. Nothing is changed, nothing locked.

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use gitops_compiler::canon::Value;
use gitops_compiler::diff::{self, Change, FieldChange};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::manifest::sops;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Approvals, Bound, Hooks, Plan, Step};
use serde_json::Value as Json;

use crate::cluster::{ApplyOptions, Cluster, Failure, PART_OF};
use crate::sops::Unlocked;

use super::conflict::Owned;
use super::drift::Writer;
use super::drift::compare::{compare, writer_of};
use super::scaled;
use super::step::{ToSend, api_version_of, body_to_send};
use super::target::{Target, TargetError};

/// How many requests are under way at once.
const CONCURRENT: usize = 16;

/// What only the server writes, or we.
const NOT_COMPARED: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];

/// How applying a graph would change a target.
#[derive(Debug, Default)]
pub struct Against {
    /// By key, from what is live to the graph.
    pub changes: Vec<(ResourceKey, Change)>,
    /// Objects that may differ, and why that is not known.
    pub unknown: Vec<(ResourceKey, &'static str)>,
    /// Who wrote fields of live objects last, by key and path; those of ours are not among them.
    pub writers: BTreeMap<(ResourceKey, String), Writer>,
}

impl Against {
    /// What differs between two graphs, of which none is live.
    #[must_use]
    pub fn between(old: &ResourceGraph, new: &ResourceGraph) -> Self {
        Self { changes: diff::graphs(old, new), ..Self::default() }
    }

    /// The same changes the other way.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        for (_, change) in &mut self.changes {
            *change = match std::mem::replace(change, Change::Added) {
                Change::Added => Change::Removed,
                Change::Removed => Change::Added,
                Change::Changed(fields) => Change::Changed(fields.into_iter().map(reversed).collect()),
            };
        }
        self
    }
}

/// What there is to say of one object.
enum Compared {
    Changed(Change),
    /// The fields, and the live object.
    Fields(Vec<FieldChange>, Json),
    Unknown(&'static str),
    Same,
}

/// A step, and what is there of its object.
pub(super) enum Tried<'a> {
    Hook,
    Absent,
    Deleted,
    Unknown(&'static str),
    There {
        /// As the manifest has it.
        body: &'a Value,
        live: Json,
        /// As it would be; none where the server would not even pretend.
        applied: Option<Json>,
    },
}

impl Target {
    /// Compares what is live with a graph.
    ///
    /// # Errors
    /// Where an object cannot be read.
    pub async fn against(&mut self, wanted: &Bound) -> Result<Against, TargetError> {
        let observation = self.observe(Some(wanted), false).await?;
        let plan = self.plan(wanted, &observation.seen, &Approvals::default(), &Hooks::default());
        self.against_as(&plan, wanted, &self.records.cluster).await
    }

    /// Compares what is live with what a plan would send, to become `wanted`. Objects are read, and tried, with the rights of whoever asks this
    /// way: what they may not get is unknown.
    ///
    /// # Errors
    /// Where an object cannot be read for another reason.
    pub async fn against_as(&self, plan: &Plan, wanted: &Bound, viewer: &Cluster) -> Result<Against, TargetError> {
        let scaled = scaled::of(wanted);
        let looks: Vec<_> = plan.steps.iter().map(|step| self.looked_at(step, &scaled, viewer).boxed()).collect();
        let compared: Vec<(ResourceKey, Compared)> = stream::iter(looks)
            .buffered(CONCURRENT)
            .try_collect()
            .await
            .map_err(|failure| TargetError::Request { doing: "cannot compare what is in the cluster", failure })?;
        let mut against = Against::default();
        for (key, compared) in compared {
            match compared {
                Compared::Changed(change) => against.changes.push((key, change)),
                Compared::Fields(fields, live) => {
                    let writer = |field: &FieldChange| writer_of(&live, &self.identity, &field.path);
                    // Of what is not there the server knows nobody.
                    let there = fields.iter().filter(|field| field.old.is_some());
                    let known = there.filter_map(|field| Some((field.path.clone(), writer(field)?)));
                    against.writers.extend(known.map(|(path, by)| ((key.clone(), path), by)));
                    against.changes.push((key, Change::Changed(fields)));
                }
                Compared::Unknown(why) => against.unknown.push((key, why)),
                Compared::Same => {}
            }
        }
        against.changes.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(against)
    }

    async fn looked_at(
        &self,
        step: &Step,
        scaled: &BTreeSet<ResourceKey>,
        viewer: &Cluster,
    ) -> Result<(ResourceKey, Compared), Failure> {
        Ok((step.key.clone(), self.compared(step, scaled, viewer).await?))
    }

    async fn compared(
        &self,
        step: &Step,
        scaled: &BTreeSet<ResourceKey>,
        viewer: &Cluster,
    ) -> Result<Compared, Failure> {
        let (body, live, applied) = match self.tried(step, scaled, viewer).await? {
            Tried::Hook => return Ok(Compared::Same),
            Tried::Absent => return Ok(Compared::Changed(Change::Added)),
            Tried::Deleted => return Ok(Compared::Changed(Change::Removed)),
            Tried::Unknown(why) => return Ok(Compared::Unknown(why)),
            Tried::There { body, live, applied } => (body, live, applied),
        };
        let fields = if let Some(applied) = applied {
            self.differing(&step.key, &live, &applied).await
        } else {
            let ignored = self.ignored.fields(&step.key, body, &live).await;
            let findings = compare(&step.key, body, &live, &self.identity, &ignored);
            findings.fields.into_iter().map(|field| reversed(field.change)).collect()
        };
        Ok(if fields.is_empty() { Compared::Same } else { Compared::Fields(fields, live) })
    }

    /// What there is where a step goes, and what the server would make of it. `scaled` are those that something of the wanted
    /// graph scales.
    pub(super) async fn tried<'a>(
        &self,
        step: &'a Step,
        scaled: &BTreeSet<ResourceKey>,
        viewer: &Cluster,
    ) -> Result<Tried<'a>, Failure> {
        let (body, path) = match (step.action, &step.desired) {
            (Action::Hook, _) => return Ok(Tried::Hook),
            (Action::Delete, _) | (_, None) => return Ok(Tried::Deleted),
            (Action::Create, Some(_)) => return Ok(Tried::Absent),
            (Action::Update, Some((_, body))) if sops::is_sops(body) => {
                return Ok(Tried::Unknown("SOPS has encrypted it"));
            }
            (Action::Update, Some((_, body))) if **body == Value::Null => {
                return Ok(Tried::Unknown("its values are not stored any more"));
            }
            (Action::Update, Some((_, body))) => {
                let version = api_version_of(step.desired.as_ref()).unwrap_or_default();
                (body, self.kinds.path(version, &step.key))
            }
        };
        let Some(path) = path else { return Ok(Tried::Unknown("the server does not serve its version")) };
        let live = match viewer.find(&path).await {
            Ok(Some(live)) => live,
            Ok(None) => return Ok(Tried::Absent),
            Err(failure) if failure.is_forbidden() => return Ok(Tried::Unknown("whoever asks may not get it")),
            Err(failure) => return Err(failure),
        };
        let mut applied = self.pretended(step, &path, viewer).await?;
        if let Some(applied) = &mut applied
            && body.at(&["spec", "replicas"]).is_none()
            && applied["spec"]["replicas"] != live["spec"]["replicas"]
            && scaled::is_left_as_seen_by(viewer, scaled, &step.key).await
        {
            // They are handed over before the step applies: nothing sets them back.
            if let Some(spec) = applied["spec"].as_object_mut() {
                spec.insert("replicas".to_owned(), live["spec"]["replicas"].clone());
            }
        }
        Ok(Tried::There { body, live, applied })
    }

    /// The object as it would be; none where the server would not even pretend. What belongs to others by design is left to
    /// them, as it is when it is applied; other fields of theirs are taken.
    async fn pretended(&self, step: &Step, path: &str, viewer: &Cluster) -> Result<Option<Json>, Failure> {
        let Ok(ToSend { mut body, .. }) = body_to_send(step, &self.identity, &Unlocked::default()) else {
            return Ok(None);
        };
        let field_manager = &self.identity.field_manager;
        let mut options = ApplyOptions { field_manager, force: false, dry_run: true };
        loop {
            let failure = match viewer.apply(path, &body, &options).await {
                Ok(applied) => return Ok(Some(applied.object)),
                Err(failure) => failure,
            };
            let conflicts = failure.conflicts();
            if conflicts.is_empty() || options.force {
                // Without an answer nothing is known; a refusal is one.
                return if failure.code() == 0 { Err(failure) } else { Ok(None) };
            }
            // Whether anything scales it is not asked: then the number stays as it is. What is left is not told.
            let owned = Owned { key: &step.key, ignored: &self.ignored, is_scaled: true, is_secret: true };
            if !owned.leave(&mut body, &conflicts, &mut Vec::new()) {
                options.force = true;
            }
        }
    }

    async fn differing(&self, key: &ResourceKey, live: &Json, applied: &Json) -> Vec<FieldChange> {
        let (live, applied) = (without_what_is_not_compared(live), without_what_is_not_compared(applied));
        let mut new = Value::from(applied);
        let ignored = self.ignored.fields(key, &new, &live).await;
        let mut old = Value::from(live);
        ignored.take_out(&mut new, &mut old);
        diff::bodies(key, &old, &new)
    }
}

fn reversed(change: FieldChange) -> FieldChange {
    FieldChange { old: change.new, new: change.old, ..change }
}

/// An object without its status, and without what only the server writes, or we.
pub(super) fn without_what_is_not_compared(object: &Json) -> Json {
    let mut object = object.clone();
    let Some(fields) = object.as_object_mut() else { return object };
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Json::as_object_mut) {
        metadata.retain(|field, _| !NOT_COMPARED.contains(&field.as_str()));
        let labels = metadata.get_mut("labels").and_then(Json::as_object_mut);
        let is_empty = labels.is_some_and(|labels| labels.remove(PART_OF).is_some() && labels.is_empty());
        if is_empty {
            metadata.remove("labels");
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_server_and_we_write_is_not_compared() {
        let object = |labels: Json, version: &str| {
            json!({
                "metadata": {"name": "a", "labels": labels, "resourceVersion": version, "generation": 3, "uid": "u"},
                "spec": {"uid": "kept"}, "status": {"ready": 1},
            })
        };
        let left = json!({"metadata": {"name": "a"}, "spec": {"uid": "kept"}});
        assert_eq!(without_what_is_not_compared(&object(json!({PART_OF: "set"}), "1")), left);
        let labelled = without_what_is_not_compared(&object(json!({PART_OF: "set", "app": "a"}), "1"));
        assert_eq!(labelled["metadata"]["labels"], json!({"app": "a"}));
        assert_eq!(without_what_is_not_compared(&json!(null)), json!(null));
    }
}
