//! What is live of an application, as a graph beside another.
//!
//! In: a target, a graph. Out: [`LiveGraph`]: the objects that the cluster has of that graph, and those of ours that applying
//! it would delete, each reduced to what manifests declare (`reduce`); so that everything that is told of two graphs can be
//! told of what is live. Nothing is changed, nothing locked.
//!
//! What differs is what [`Target::against`] says: objects are looked at where the plan has a step for them, and compared with
//! what the server would make of them. All others are as they are declared. Hooks are no part of what stays: they are
//! as the other graph has them.

mod reduce;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use gitops_compiler::canon::Value;
use gitops_compiler::diagnostic::Origin;
use gitops_compiler::graph::{GraphResource, ResourceGraph};
use gitops_compiler::manifest::{Manifest, sops};
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Approvals, Bound, Hooks, Seen, Step};
use serde_json::Value as Json;

use crate::cluster::{Cluster, Failure, PartialObject};

use super::adopt::look::LookError;
use super::adopt::owned::owned;
use super::against::{Tried, without_what_is_not_compared};
use super::drift::compare::compare;
use super::scaled;
use super::target::{Target, TargetError};
use reduce::{Sides, reduced};

/// How many requests are under way at once.
const CONCURRENT: usize = 16;

/// What is live, and what it is compared with.
#[derive(Debug)]
pub struct LiveGraph {
    /// What is live.
    pub live: ResourceGraph,
    /// The other graph; without bodies that are not known, where there are such.
    pub declared: Arc<ResourceGraph>,
    /// Objects that may differ, and why that is not known. They are as they are declared.
    pub unknown: Vec<(ResourceKey, &'static str)>,
}

/// What there is to say of one object.
enum Found {
    Body(Value),
    Absent,
    Unknown(&'static str),
}

impl Target {
    /// The graph of what is live, beside another graph.
    ///
    /// # Errors
    /// Where an object cannot be read, or what is there makes no graph.
    pub async fn live_beside(&mut self, wanted: &Bound) -> Result<LiveGraph, LookError> {
        let observation = self.observe(Some(wanted), false).await.map_err(LookError::Target)?;
        let plan = self.plan(wanted, &observation.seen, &Approvals::default(), &Hooks::default());
        let scaled = scaled::of(wanted);
        let looks: Vec<_> = plan
            .steps
            .iter()
            .map(|step| self.live_of(step, wanted, &scaled, observation.seen.get(&step.key)).boxed())
            .collect();
        let found: BTreeMap<&ResourceKey, Found> =
            stream::iter(looks).buffered(CONCURRENT).try_collect().await.map_err(|failure| {
                LookError::Target(TargetError::Request { doing: "cannot compare what is in the cluster", failure })
            })?;
        let mut unknown = Vec::new();
        let mut manifests = Vec::new();
        for (key, resource) in wanted.keys().iter().zip(wanted.graph.resources()) {
            let body = match found.get(key).filter(|_| resource.hook().is_none()) {
                Some(Found::Absent) => continue,
                Some(Found::Body(body)) => body.clone(),
                Some(Found::Unknown(why)) => {
                    unknown.push((key.clone(), *why));
                    (*resource.body).clone()
                }
                None => (*resource.body).clone(),
            };
            manifests.push(manifest(resource, body));
        }
        for step in plan.steps.iter().filter(|step| step.action == Action::Delete) {
            match (self.applied_before(&step.key), found.get(&step.key)) {
                (Some(resource), Some(Found::Body(body))) => manifests.push(manifest(resource, body.clone())),
                (Some(resource), Some(Found::Unknown(why))) => {
                    unknown.push((step.key.clone(), *why));
                    manifests.push(manifest(resource, (*resource.body).clone()));
                }
                (None, _) => unknown.push((step.key.clone(), "what was applied of it is not known")),
                (Some(_), Some(Found::Absent) | None) => {}
            }
        }
        Ok(LiveGraph { live: built(manifests)?, declared: with_known_bodies(&wanted.graph)?, unknown })
    }

    /// What is live of the object of a step.
    async fn live_of<'a>(
        &self,
        step: &'a Step,
        wanted: &Bound,
        scaled: &BTreeSet<ResourceKey>,
        seen: Option<&Seen>,
    ) -> Result<(&'a ResourceKey, Found), Failure> {
        let cluster = &self.records.cluster;
        let found = match self.tried(step, scaled, cluster).await? {
            // As it is declared.
            Tried::Hook => Found::Unknown("it is a hook"),
            Tried::Absent => Found::Absent,
            Tried::Unknown(why) => Found::Unknown(why),
            Tried::There { body, live, applied } => {
                Found::Body(self.in_terms_of(&step.key, body, &live, applied).await)
            }
            Tried::Deleted if wanted.node(&step.key).is_some() => Found::Absent,
            Tried::Deleted => self.live_of_ours(&step.key, seen, cluster).await?,
        };
        Ok((&step.key, found))
    }

    /// What is live of an object that would be deleted: what was applied, where nobody has touched it since.
    async fn live_of_ours(&self, key: &ResourceKey, seen: Option<&Seen>, cluster: &Cluster) -> Result<Found, Failure> {
        let Some(resource) = self.applied_before(key) else { return Ok(Found::Unknown("")) };
        let body = &*resource.body;
        if matches!(seen, Some(Seen::Present { as_applied: true, .. })) {
            return Ok(Found::Body(body.clone()));
        }
        if sops::is_sops(body) {
            return Ok(Found::Unknown("SOPS has encrypted it"));
        }
        if *body == Value::Null {
            return Ok(Found::Unknown("its values are not stored any more"));
        }
        let Some(path) = self.kinds.path(resource.api_version(), key) else {
            return Ok(Found::Unknown("the server does not serve its version"));
        };
        match cluster.find(&path).await {
            Ok(Some(live)) => Ok(Found::Body(self.in_terms_of(key, body, &live, None).await)),
            Ok(None) => Ok(Found::Absent),
            Err(failure) if failure.is_forbidden() => Ok(Found::Unknown("whoever asks may not get it")),
            Err(failure) => Err(failure),
        }
    }

    /// What the record has of an object that the live release, or a run since, has applied.
    fn applied_before(&self, key: &ResourceKey) -> Option<&GraphResource> {
        self.attempted.iter().rev().chain(&self.base).find_map(|bound| bound.resource(key))
    }

    /// A live object in the terms of a manifest. Where the server would not say what applying that makes of it, the manifest
    /// itself stands for it.
    async fn in_terms_of(&self, key: &ResourceKey, body: &Value, live: &Json, applied: Option<Json>) -> Value {
        let own = self.own_part(live);
        let is_known = applied.is_some();
        let mut applied = applied.map_or_else(|| body.clone(), Value::from);
        let ignored = self.ignored.fields(key, &applied, live).await;
        // Then fields that belong to others by design are known by who wrote them.
        if !is_known && compare(key, body, live, &self.identity, &ignored).fields.is_empty() {
            return body.clone();
        }
        let mut live = Value::from(without_what_is_not_compared(live));
        ignored.take_out(&mut applied, &mut live);
        let sides = Sides { declared: Some(body), live: Some(&live), applied: Some(&applied), own: Some(&own) };
        reduced(sides).unwrap_or(Value::Null)
    }

    /// What we own of an object, by its `managedFields`.
    fn own_part(&self, live: &Json) -> Value {
        let PartialObject { metadata } = serde_json::from_value(live.clone()).unwrap_or_default();
        let version = live["apiVersion"].as_str().unwrap_or_default();
        let entries = metadata.managed_fields.iter();
        let entries = entries.filter(|entry| entry.api_version == version && entry.subresource.is_empty());
        let (ours, others): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.manager == self.identity.field_manager);
        let [ours, others] = [ours, others].map(|all| all.iter().map(|entry| &entry.fields_v1).collect::<Vec<_>>());
        if ours.is_empty() {
            return Value::Null;
        }
        Value::from(owned(&without_what_is_not_compared(live), &ours, &others))
    }
}

/// The graph, of which every body is known; a Secret whose values the record keeps from whoever asks is empty on both sides.
fn with_known_bodies(graph: &Arc<ResourceGraph>) -> Result<Arc<ResourceGraph>, LookError> {
    let is_unknown = |resource: &GraphResource| resource.key.is("", "Secret") && *resource.body == Value::Null;
    if !graph.resources().iter().any(is_unknown) {
        return Ok(Arc::clone(graph));
    }
    let all = graph.resources().iter().map(|resource| manifest(resource, (*resource.body).clone()));
    built(all.collect()).map(Arc::new)
}

fn manifest(resource: &GraphResource, body: Value) -> Manifest {
    Manifest { key: resource.key.clone(), body, origin: Origin::of_file("the cluster") }
}

fn built(manifests: Vec<Manifest>) -> Result<ResourceGraph, LookError> {
    let built = ResourceGraph::build(manifests, &mut Vec::new());
    built.map(|built| built.graph).map_err(|error| LookError::Build(error.findings))
}
