//! A sync of some resources only. Pure.
//!
//! In: what is live, what Git gives, which resources are meant. Out: the graph that is there afterwards: those as Git has them,
//! all others as the live release has them, and no hooks. So the record says what is in the cluster as of any release, and
//! rolling back to it is exact; and since it is not the graph of Git, nobody takes the Application for synced.

use std::collections::BTreeMap;

use gitops_compiler::diagnostic::Origin;
use gitops_compiler::graph::{GraphResource, ResourceGraph};
use gitops_compiler::manifest::{Manifest, Policy};
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Bound, Plan, Seen};

use crate::application::ResourceChoice;
use crate::error::CommandError;
use crate::record::InventoryEntry;

/// The graph of a partial sync. Of those that are meant, what Git has no more is left out where `prunes`, and else stays.
///
/// # Errors
/// Where something is meant that is nowhere, and where the parts make no graph together.
pub(super) fn graph(
    base: Option<&Bound>,
    desired: &Bound,
    choices: &[ResourceChoice],
    prunes: bool,
) -> Result<ResourceGraph, CommandError> {
    let is_meant = |key: &ResourceKey| choices.iter().any(|choice| choice.names(key));
    let of_git: BTreeMap<&ResourceKey, &GraphResource> = content(desired).collect();
    let live: BTreeMap<&ResourceKey, &GraphResource> = base.into_iter().flat_map(content).collect();
    let unknown: Vec<String> = choices
        .iter()
        .filter(|choice| !of_git.keys().chain(live.keys()).any(|key| choice.names(key)))
        .map(|choice| format!("there is no {choice}"))
        .collect();
    if !unknown.is_empty() {
        return Err(CommandError::user("resources are asked for that the application does not have").details(unknown));
    }
    let stays = |key: &ResourceKey| !is_meant(key) || !prunes && !of_git.contains_key(key);
    let kept = live.iter().filter(|(key, _)| stays(key)).map(|(_, resource)| *resource);
    let taken = of_git.iter().filter(|(key, _)| is_meant(key)).map(|(_, resource)| *resource);
    let manifest = |resource: &GraphResource| Manifest {
        key: resource.key.clone(),
        body: (*resource.body).clone(),
        origin: Origin::of_file("partial sync"),
    };
    let built = ResourceGraph::build(kept.chain(taken).map(manifest).collect(), &mut Vec::new());
    let failed = |error: gitops_compiler::graph::BuildError| {
        CommandError::user("these resources cannot be synced without others").findings(error.findings)
    };
    Ok(built.map_err(failed)?.graph)
}

fn content(bound: &Bound) -> impl Iterator<Item = (&ResourceKey, &GraphResource)> {
    bound.content_keys().filter_map(|key| Some((key, bound.resource(key)?)))
}

/// Takes what is not meant for as it was applied, whatever was seen of it: it is left as it is, and drift stays drift.
pub(super) fn leave_alone(
    seen: &mut BTreeMap<ResourceKey, Seen>,
    inventory: &BTreeMap<ResourceKey, InventoryEntry>,
    choices: &[ResourceChoice],
) {
    for (key, entry) in inventory.iter().filter(|(key, _)| !choices.iter().any(|choice| choice.names(key))) {
        if let Some(Seen::Present { uid, as_applied, leaving, .. }) = seen.get_mut(key) {
            uid.clone_from(&entry.uid);
            (*as_applied, *leaving) = (true, false);
            continue;
        }
        let (uid, policy) = (entry.uid.clone(), Policy::default());
        let there = Seen::Present { uid, as_applied: true, ours: true, policy, is_of_another: false, leaving: false };
        seen.insert(key.clone(), there);
    }
}

/// Refuses a plan that would touch anything else.
///
/// # Errors
/// Where it does.
pub(super) fn check(plan: &Plan, choices: &[ResourceChoice]) -> Result<(), CommandError> {
    let others = plan.steps.iter().map(|step| &step.key).filter(|key| !choices.iter().any(|it| it.names(key)));
    let others: Vec<String> = others.map(ToString::to_string).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(CommandError::refused("others than the resources that are asked for would be changed, too")
        .details(others)
        .hint("sync the application as a whole"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gitops_compiler::manifest;

    use super::*;

    fn bound(objects: &[(&str, &str)], more: &str) -> Bound {
        let object = |(name, value): &(&str, &str)| {
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: {value:?}}}\n---\n")
        };
        let text: String = objects.iter().map(object).collect();
        let (manifests, _) = manifest::read("a.yaml", format!("{text}{more}").as_bytes());
        let graph = ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph;
        Bound::new(Arc::new(graph), "shop", |_, _| Some(true)).expect("bound")
    }

    fn choices(names: &[&str]) -> Vec<ResourceChoice> {
        names.iter().map(|name| format!(":ConfigMap:{name}").parse().expect("a choice")).collect()
    }

    const HOOK: &str =
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: job\n  annotations: {argocd.argoproj.io/hook: PreSync}\n";

    #[test]
    fn what_is_meant_is_as_git_has_it_and_all_else_as_it_is_live() {
        let live = bound(&[("a", "1"), ("b", "1"), ("gone", "1"), ("left", "1")], HOOK);
        let desired = bound(&[("a", "2"), ("b", "2"), ("new", "2"), ("other", "2")], HOOK);
        let made = |names: &[&str], prunes| graph(Some(&live), &desired, &choices(names), prunes).expect("a graph");
        let expected = |objects: &[(&str, &str)]| bound(objects, "").graph.id();
        assert_eq!(
            made(&["a", "new", "gone"], true).id(),
            expected(&[("a", "2"), ("b", "1"), ("left", "1"), ("new", "2")])
        );
        assert_eq!(made(&["gone"], false).content_root(), live.graph.content_root(), "it may not be pruned");
        let all = made(&["a", "b", "new", "other", "gone", "left"], true);
        assert_eq!(all.content_root(), desired.graph.content_root());
        assert_ne!(all.hook_root(), desired.graph.hook_root(), "no hook was run");
        let first = graph(None, &desired, &choices(&["a"]), false).expect("a graph");
        assert_eq!(first.id(), expected(&[("a", "2")]));
    }

    #[test]
    fn what_is_nowhere_cannot_be_meant() {
        let desired = bound(&[("a", "2")], "");
        let error = graph(None, &desired, &choices(&["a", "b"]), true).expect_err("refused");
        assert_eq!(error.details, ["there is no :ConfigMap:b"]);
    }

    #[test]
    fn what_is_not_meant_is_left_as_it_is() {
        let key = |name: &str| ResourceKey::new("", "ConfigMap", "shop", name);
        let live = bound(&[("a", "1"), ("drifted", "1"), ("missing", "1")], "");
        let entry = |key: &ResourceKey| InventoryEntry {
            uid: format!("uid of {}", key.name),
            fields: "f:1".to_owned(),
            applied: live.resource(key).expect("a resource").id,
            api_version: "v1".to_owned(),
            created: true,
        };
        let inventory: BTreeMap<_, _> = live.content_keys().map(|key| (key.clone(), entry(key))).collect();
        let drifted = Seen::Present {
            uid: "uid of drifted".to_owned(),
            as_applied: false,
            ours: true,
            policy: Policy::default(),
            is_of_another: false,
            leaving: false,
        };
        let mut seen =
            BTreeMap::from([(key("a"), Seen::Absent), (key("drifted"), drifted), (key("missing"), Seen::Absent)]);
        leave_alone(&mut seen, &inventory, &choices(&["a"]));
        assert_eq!(seen[&key("a")], Seen::Absent, "it is meant");
        for name in ["drifted", "missing"] {
            assert!(matches!(&seen[&key(name)], Seen::Present { as_applied: true, uid, .. } if uid.ends_with(name)));
        }
    }
}
