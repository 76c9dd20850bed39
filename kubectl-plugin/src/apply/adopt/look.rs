//! The graph of what is there.
//!
//! In: a target, the graph that is wanted, what was seen of it. Out: [`There`]: a graph of the objects that are there and that
//! others wrote, and what is left out, with reasons; and the plan that takes them over. Reading costs one GET for each object.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gitops_compiler::canon::Value;
use gitops_compiler::diagnostic::{Diagnostic, Origin};
use gitops_compiler::graph::{GraphResource, ResourceGraph};
use gitops_compiler::manifest::{Hook, Manifest, Write, objects};
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Approvals, Bound, Hooks, Plan, Seen};
use serde_json::Value as Json;

use crate::apply::target::{Target, TargetError};
use crate::cluster::Failure;

use super::body::Written;

/// How many requests are under way at once.
const CONCURRENT: usize = 16;

/// What is there of a graph.
#[derive(Debug)]
pub struct There {
    /// The objects, as those wrote them that are left behind.
    pub graph: ResourceGraph,
    /// Objects that are there and not taken over, and why.
    pub left_out: Vec<(ResourceKey, &'static str)>,
}

/// Why there is no graph.
#[derive(Debug)]
pub enum LookError {
    /// The server did not tell.
    Target(TargetError),
    /// The objects make none.
    Build(Vec<Diagnostic>),
}

/// An object to look at.
struct Candidate<'a> {
    /// As it is in the cluster.
    bound: &'a ResourceKey,
    /// As the graph has it.
    key: ResourceKey,
    api_version: &'a str,
    is_encrypted: bool,
}

/// What there is to say of an object.
enum Looked {
    Manifest(Box<Manifest>),
    LeftOut(ResourceKey, &'static str),
    Gone,
}

impl Target {
    /// The graph of what is there of `desired`, and of what an earlier attempt has taken over. `given` are the field managers
    /// of applications that give us objects.
    ///
    /// # Errors
    /// Where an object cannot be read, or all of them make no graph.
    pub async fn what_is_there(
        &self,
        desired: &Bound,
        seen: &BTreeMap<ResourceKey, Seen>,
        given: &[String],
    ) -> Result<There, LookError> {
        let is_there = |key: &ResourceKey| matches!(seen.get(key), Some(Seen::Present { .. }));
        let wanted = desired.keys().iter().zip(desired.graph.resources());
        let wanted = wanted
            .filter(|(_, resource)| resource.hook().is_none())
            .map(|(bound, resource)| wanted_as(bound, resource));
        let owned = self.inventory.iter().filter(|(key, _)| desired.node(key).is_none()).map(|(bound, entry)| {
            Candidate { bound, key: bound.clone(), api_version: &entry.api_version, is_encrypted: false }
        });
        let candidates: Vec<Candidate<'_>> = wanted.chain(owned).filter(|it| is_there(it.bound)).collect();
        let looks = candidates.iter().map(|candidate| self.look_at(candidate, given));
        let looked: Vec<Looked> = stream::iter(looks).buffered(CONCURRENT).try_collect().await.map_err(|failure| {
            LookError::Target(TargetError::Request { doing: "cannot read what is in the cluster", failure })
        })?;
        let (mut manifests, mut left_out) = (Vec::new(), Vec::new());
        for looked in looked {
            match looked {
                Looked::Manifest(manifest) => manifests.push(*manifest),
                Looked::LeftOut(key, why) => left_out.push((key, why)),
                Looked::Gone => {}
            }
        }
        let built =
            ResourceGraph::build(manifests, &mut Vec::new()).map_err(|error| LookError::Build(error.findings))?;
        Ok(There { graph: built.graph, left_out })
    }

    async fn look_at(&self, candidate: &Candidate<'_>, given: &[String]) -> Result<Looked, Failure> {
        let Candidate { bound, key, api_version, is_encrypted } = candidate;
        let left_out = |why| Ok(Looked::LeftOut((*bound).clone(), why));
        if *is_encrypted && !bound.is("", "Secret") {
            return left_out("SOPS has encrypted what is wanted of it, and the record would have it open");
        }
        let Some(mut live) = self.find_in(api_version, bound).await? else { return Ok(Looked::Gone) };
        if !live["metadata"]["deletionTimestamp"].is_null() {
            return left_out("it is being deleted");
        }
        let counts = |manager: &str| manager == self.identity.field_manager || given.iter().any(|name| name == manager);
        let written = Written::of(&live, counts);
        if written.is_empty() {
            return left_out("no tool that is known has applied it");
        }
        if let Some(version) = written.other_version(&live)
            && let Some(other) = self.find_in(version, bound).await?
        {
            live = other;
        }
        match manifest_of(written.body(&live, key)) {
            Some(manifest) if Hook::of(|name| manifest.annotation(name)).is_some() => {
                left_out("it is the object of a hook")
            }
            Some(manifest) => Ok(Looked::Manifest(Box::new(manifest))),
            None => left_out("what is there of it makes no manifest"),
        }
    }

    async fn find_in(&self, api_version: &str, key: &ResourceKey) -> Result<Option<Json>, Failure> {
        match self.kinds.path(api_version, key) {
            Some(path) => self.records.cluster.find(&path).await,
            None => Ok(None),
        }
    }

    /// The steps that take over a graph of what is there: none changes a value, waits for another, deletes anything or makes
    /// it again.
    #[must_use]
    pub fn plan_of_what_is_there(&self, there: &Bound, seen: &BTreeMap<ResourceKey, Seen>) -> Plan {
        let mut plan = self.plan(there, seen, &Approvals::default(), &Hooks::default());
        plan.nodes.iter_mut().for_each(|node| node.waits.clear());
        for step in plan.steps.iter_mut().filter(|step| step.action == Action::Update) {
            if let Some(Seen::Present { uid, .. }) = seen.get(&step.key) {
                step.uid = Some(uid.clone());
            }
            (step.made_by_us, step.layer) = (false, 1);
            step.policy.write = Write::Apply;
        }
        plan
    }
}

fn wanted_as<'a>(bound: &'a ResourceKey, resource: &'a GraphResource) -> Candidate<'a> {
    let (api_version, is_encrypted) = (resource.api_version(), resource.is_encrypted());
    Candidate { bound, key: resource.key.clone(), api_version, is_encrypted }
}

/// A body as a manifest, where it makes one.
fn manifest_of(body: Json) -> Option<Manifest> {
    let nowhere = Origin::of_file("the cluster");
    let mut made = objects(Value::from(body), &nowhere, &mut Vec::new());
    if made.len() == 1 { made.pop() } else { None }
}
