//! Argo CD's rules of order, written down once more from what it documents and does: nothing of the product is used here.
//!
//! In: manifests with their annotations. Out: constraints, each of two moments of which one comes first, and what must never
//! happen. Phases come in their order; waves in theirs, each when the one before is healthy; a Namespace and a definition
//! before what needs them, pulled into its wave; hooks are deleted as their policies say; what is deleted goes in reverse
//! waves, and with `PruneLast`, which is always so here, when all the rest is well.

use std::collections::BTreeSet;
use std::fmt;

use super::manifest::{Id, Manifest, Phase, Policy};

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// It is made.
    Created,
    /// It is healthy, or a hook has ended.
    Ready,
    /// Its deletion was asked for.
    Leaving,
    /// It is not there any more.
    Gone,
}

/// Why one comes before the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    Phase,
    Wave,
    Need,
    Policy,
    Prune,
    Delete,
    /// It must not happen at all.
    Never,
    /// The order of kinds within a wave. Ours orders by what needs what, and not by kinds: it is counted, not asked for.
    Kind,
}

/// The rules that are asked for, with a word for the head of a table.
pub(crate) const ASKED: [(Rule, &str); 7] = [
    (Rule::Phase, "phase"),
    (Rule::Wave, "wave"),
    (Rule::Need, "need"),
    (Rule::Policy, "policy"),
    (Rule::Prune, "prune"),
    (Rule::Delete, "delete"),
    (Rule::Never, "never"),
];

/// That something comes before something else.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    pub(crate) before: (Moment, Id),
    pub(crate) after: (Moment, Id),
    pub(crate) rule: Rule,
}

impl fmt::Display for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((before, first), (after, second)) = (&self.before, &self.after);
        write!(formatter, "{:?}: {first} is {before:?} before {second} is {after:?}", self.rule)
    }
}

/// What holds for one run.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) constraints: Vec<Constraint>,
    /// What must not happen.
    pub(crate) never: Vec<(Moment, Id)>,
}

/// Kinds in Argo CD's order; all others come after them.
const KINDS: [&str; 30] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

fn rank(kind: &str) -> usize {
    KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len())
}

/// A manifest and where it stands.
struct Task<'a> {
    manifest: &'a Manifest,
    position: (Phase, i64),
}

/// What a sync goes through, in Argo CD's order.
fn tasks(manifests: &[Manifest]) -> Vec<Task<'_>> {
    let in_sync = |manifest: &&Manifest| manifest.phase <= Phase::PostSync;
    let mut tasks: Vec<Task<'_>> = manifests
        .iter()
        .filter(in_sync)
        .map(|manifest| Task { manifest, position: (manifest.phase, manifest.wave) })
        .collect();
    tasks.sort_by_key(|task| (task.position, rank(&task.manifest.id.kind), task.manifest.id.name.clone()));
    // What others need stands where the first of them does.
    for index in 0..tasks.len() {
        let needed = tasks[index].manifest;
        if let Some(first) = tasks[..index].iter().find(|task| task.manifest.needs(needed)) {
            tasks[index].position = first.position;
        }
    }
    tasks
}

/// The rules of a sync that makes all of the manifests; `pruned` had been made before, and are no longer wanted.
pub(crate) fn of_sync(manifests: &[Manifest], pruned: &[Manifest]) -> Rules {
    let tasks = tasks(manifests);
    let mut rules = Rules::default();
    for (one, other) in pairs(&tasks) {
        let (first, second) = (&one.manifest.id, &other.manifest.id);
        if one.position < other.position {
            let rule = if one.position.0 < other.position.0 { Rule::Phase } else { Rule::Wave };
            rules.add((Moment::Ready, first), (Moment::Created, second), rule);
        } else if one.position == other.position && other.manifest.needs(one.manifest) {
            rules.add((Moment::Created, first), (Moment::Created, second), Rule::Need);
        } else if one.position == other.position && rank(&first.kind) < rank(&second.kind) {
            rules.add((Moment::Created, first), (Moment::Created, second), Rule::Kind);
        }
    }
    policies(&tasks, &mut rules);
    let outside = manifests.iter().filter(|manifest| manifest.phase > Phase::PostSync);
    rules.never.extend(outside.map(|manifest| (Moment::Created, manifest.id.clone())));
    prune(&tasks, pruned, &mut rules);
    rules
}

/// The rules of hooks that run again, while nothing else changes: each takes the place of its last run.
pub(crate) fn of_next_sync(manifests: &[Manifest], left_behind: &BTreeSet<Id>) -> Rules {
    let hooks: Vec<Manifest> = manifests.iter().filter(|manifest| manifest.is_hook).cloned().collect();
    let mut rules = of_sync(&hooks, &[]);
    for hook in hooks.iter().filter(|hook| left_behind.contains(&hook.id)) {
        rules.add((Moment::Gone, &hook.id), (Moment::Created, &hook.id), Rule::Policy);
    }
    rules
}

fn policies(tasks: &[Task<'_>], rules: &mut Rules) {
    for hook in tasks.iter().filter(|task| task.manifest.policies.contains(&Policy::HookSucceeded)) {
        for task in tasks {
            rules.add((Moment::Ready, &task.manifest.id), (Moment::Leaving, &hook.manifest.id), Rule::Policy);
        }
    }
}

fn prune(tasks: &[Task<'_>], pruned: &[Manifest], rules: &mut Rules) {
    for manifest in pruned.iter().filter(|manifest| !manifest.is_hook) {
        if !manifest.is_pruned {
            rules.never.push((Moment::Leaving, manifest.id.clone()));
            continue;
        }
        for task in tasks {
            let id = &task.manifest.id;
            if task.position.0 == Phase::PostSync {
                rules.add((Moment::Gone, &manifest.id), (Moment::Created, id), Rule::Phase);
            } else {
                rules.add((Moment::Ready, id), (Moment::Leaving, &manifest.id), Rule::Prune);
            }
        }
    }
    let going: Vec<&Manifest> = pruned.iter().filter(|manifest| !manifest.is_hook && manifest.is_pruned).collect();
    in_reverse_waves(&going, Rule::Prune, rules);
}

fn in_reverse_waves(manifests: &[&Manifest], rule: Rule, rules: &mut Rules) {
    for (one, other) in pairs(manifests) {
        if one.wave > other.wave {
            rules.add((Moment::Gone, &one.id), (Moment::Leaving, &other.id), rule);
        }
    }
}

/// The rules of the deletion of an application.
pub(crate) fn of_deletion(manifests: &[Manifest]) -> Rules {
    let mut rules = Rules::default();
    let content: Vec<&Manifest> = manifests.iter().filter(|manifest| !manifest.is_hook).collect();
    in_reverse_waves(&content, Rule::Delete, &mut rules);
    for hook in manifests.iter().filter(|manifest| manifest.is_hook) {
        for manifest in &content {
            match hook.phase {
                Phase::PreDelete => rules.add((Moment::Ready, &hook.id), (Moment::Leaving, &manifest.id), Rule::Phase),
                Phase::PostDelete => rules.add((Moment::Gone, &manifest.id), (Moment::Created, &hook.id), Rule::Phase),
                _ => {}
            }
        }
    }
    rules
}

/// All pairs of two different items, in both orders.
fn pairs<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let second = move |index: usize| items.iter().enumerate().filter(move |(other, _)| *other != index);
    items.iter().enumerate().flat_map(move |(index, one)| second(index).map(move |(_, other)| (one, other)))
}

impl Rules {
    fn add(&mut self, before: (Moment, &Id), after: (Moment, &Id), rule: Rule) {
        let owned = |(moment, id): (Moment, &Id)| (moment, id.clone());
        self.constraints.push(Constraint { before: owned(before), after: owned(after), rule });
    }
}
