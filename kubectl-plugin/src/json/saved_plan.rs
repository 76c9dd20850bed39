//! A plan in a file: `plan --out`, `apply --plan`.
//!
//! In: a target, a graph, a plan, which versions its objects have. Out: what must still be true when it is applied. No body is
//! in it: whoever applies it compiles the same graph again, which its id proves.

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::manifest::HookPhase;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::{Bound, Plan, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::apply::Target;
use crate::apply::preconditions::Preconditions;

/// The form of these files.
const FORMAT: u32 = 1;

/// A plan that was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavedPlan {
    /// The form of this file.
    pub format: u32,
    /// The application.
    pub application: AppName,
    /// The id of the target: which record, in which cluster; null before the first release.
    pub target: Option<String>,
    /// The uid of the namespace kube-system; null where it may not be known.
    pub cluster: Option<String>,
    /// Where manifests without a namespace go.
    pub destination: String,
    /// The release that was live.
    pub base: Option<u64>,
    /// Its graph.
    pub from: Option<Id<Graph>>,
    /// The graph that is applied.
    pub to: Id<Graph>,
    /// The steps, in order.
    pub steps: Vec<SavedStep>,
}

/// A step of a plan that was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavedStep {
    /// The bound key.
    pub resource: ResourceKey,
    /// What is done: `create`, `update`, `delete`, `hook`.
    pub action: String,
    /// Why.
    pub cause: String,
    /// When, where it is a hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<HookPhase>,
    /// The uid that the object has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The version that the object has, where it is changed or deleted: another one when somebody has written to it. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl SavedStep {
    /// Whether two are the same, in whatever version their object is.
    fn is_like(&self, other: &Self) -> bool {
        let Self { resource, action, cause, phase, uid, version: _ } = self;
        (resource, action, cause, phase, uid)
            == (&other.resource, &other.action, &other.cause, &other.phase, &other.uid)
    }
}

impl SavedPlan {
    /// A plan as it is saved.
    #[must_use]
    pub fn new(target: &Target, desired: &Bound, plan: &Plan, preconditions: &Preconditions) -> Self {
        let head = target.found.as_ref().map(|found| &found.head);
        let word = |value: serde_json::Result<serde_json::Value>| {
            value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let step = |step: &Step| SavedStep {
            resource: step.key.clone(),
            action: word(serde_json::to_value(step.action)),
            cause: word(serde_json::to_value(step.cause)),
            phase: step.hook.as_ref().map(|hook| hook.phase),
            uid: step.uid.clone(),
            version: preconditions.versions.get(&step.key).cloned(),
        };
        Self {
            format: FORMAT,
            application: target.application.clone(),
            target: head.map(|head| head.target.clone()),
            cluster: preconditions.cluster.clone(),
            destination: target.destination.clone(),
            base: head.and_then(|head| head.live),
            from: target.base_id(),
            to: desired.graph.id(),
            steps: plan.steps.iter().map(step).collect(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Why it is none of these.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let saved: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if saved.format == FORMAT { Ok(saved) } else { Err(format!("its format is {}, not {FORMAT}", saved.format)) }
    }

    /// What is not as it was when the plan was made.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut told = Vec::new();
        let mut differs = |what: &str, then: String, now: String| {
            if then != now {
                told.push(format!("{what} was {then}, and is {now}"));
            }
        };
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let number = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |number| number.to_string());
        differs("the application", self.application.to_string(), now.application.to_string());
        // Whoever may not know it is no reason.
        if self.cluster.is_some() && now.cluster.is_some() {
            differs("the cluster", text(&self.cluster), text(&now.cluster));
        }
        differs("the record", text(&self.target), text(&now.target));
        differs("the destination", self.destination.clone(), now.destination.clone());
        differs("the live release", number(self.base), number(now.base));
        differs("the graph", self.to.to_string(), now.to.to_string());
        for step in &self.steps {
            let (resource, action) = (&step.resource, &step.action);
            match now.steps.iter().find(|now| now.is_like(step)) {
                None => told.push(format!("{resource}: {action} is no step any more, or for another reason or object")),
                Some(now) if now.version != step.version => told.push(format!("{resource} was changed since")),
                Some(_) => {}
            }
        }
        for step in now.steps.iter().filter(|step| !self.steps.iter().any(|saved| saved.is_like(step))) {
            told.push(format!("{}: {} ({}) was no step", step.resource, step.action, step.cause));
        }
        if told.is_empty() && self.steps != now.steps {
            told.push("the steps come in another order".to_owned());
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_compiler::graph::ResourceGraph;

    fn saved() -> SavedPlan {
        let step = SavedStep {
            resource: ResourceKey::new("", "ConfigMap", "shop", "a"),
            action: "update".to_owned(),
            cause: "changed".to_owned(),
            phase: None,
            uid: Some("u".to_owned()),
            version: Some("v".to_owned()),
        };
        SavedPlan {
            format: FORMAT,
            application: "shop".parse().expect("a name"),
            target: Some("t".to_owned()),
            cluster: Some("c".to_owned()),
            destination: "shop".to_owned(),
            base: Some(7),
            from: None,
            to: ResourceGraph::empty().id(),
            steps: vec![step],
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_and_what_changed_since_is_told() {
        let bytes = serde_json::to_vec(&saved()).expect("JSON");
        assert_eq!(SavedPlan::read(&bytes), Ok(saved()));
        assert!(saved().differences(&saved()).is_empty());
        let mut now = saved();
        (now.base, now.steps[0].uid) = (Some(8), Some("another".to_owned()));
        assert_eq!(
            saved().differences(&now),
            [
                "the live release was 7, and is 8",
                "ConfigMap shop/a: update is no step any more, or for another reason or object",
                "ConfigMap shop/a: update (changed) was no step",
            ]
        );
        let mut now = saved();
        (now.cluster, now.steps[0].version) = (Some("d".to_owned()), Some("w".to_owned()));
        assert_eq!(
            saved().differences(&now),
            ["the cluster was c, and is d", "ConfigMap shop/a was changed since"],
            "whoever wrote to it may have had a reason"
        );
        let text = String::from_utf8(bytes).expect("text").replace("\"format\":1", "\"format\":2");
        assert!(SavedPlan::read(text.as_bytes()).is_err() && SavedPlan::read(b"{").is_err());
    }
}
