//! What a plan does in each situation, without a cluster.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::diagnostic::Origin;
use crate::graph::ResourceGraph;
use crate::manifest::objects;
use std::collections::{BTreeMap, BTreeSet};

fn bound(documents: serde_json::Value) -> Bound {
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let list = json!({"kind": "List", "apiVersion": "v1", "items": documents});
    let manifests = objects(list.into(), &origin, &mut Vec::new());
    let graph = ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph;
    Bound::new(Arc::new(graph), "shop", |_, kind| Some(kind != "Namespace")).expect("bound")
}

fn config(name: &str, value: &str, depends_on: &str) -> serde_json::Value {
    let mut body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": value}});
    if !depends_on.is_empty() {
        body["metadata"]["annotations"] = json!({"config.kubernetes.io/depends-on": depends_on});
    }
    body
}

fn key(name: &str) -> ResourceKey {
    ResourceKey::new("", "ConfigMap", "shop", name)
}

/// An inventory as it is after `bound` was applied to an empty target.
fn applied(bound: &Bound) -> BTreeMap<ResourceKey, Owned> {
    let owned = |key: &ResourceKey| {
        let applied = bound.resource(key).expect("a resource").id;
        (key.clone(), Owned { uid: format!("uid-{}", key.name), applied, created: true })
    };
    bound.keys().iter().map(owned).collect()
}

struct Situation {
    desired: Bound,
    base: Option<Bound>,
    attempted: Vec<Bound>,
    absent_before: BTreeSet<ResourceKey>,
    inventory: BTreeMap<ResourceKey, Owned>,
    seen: BTreeMap<ResourceKey, Seen>,
    approvals: Approvals,
}

impl Situation {
    fn from_to(base: Bound, desired: Bound) -> Self {
        let inventory = applied(&base);
        let (attempted, seen, approvals) = (Vec::new(), BTreeMap::new(), Approvals::default());
        let absent_before = BTreeSet::new();
        Self { desired, base: Some(base), attempted, absent_before, inventory, seen, approvals }
    }

    fn plan(&self) -> Plan {
        build(&Input {
            desired: &self.desired,
            base: self.base.as_ref(),
            attempted: &self.attempted,
            absent_before: &self.absent_before,
            inventory: &self.inventory,
            seen: &self.seen,
            approvals: &self.approvals,
        })
    }

    fn steps(&self) -> Vec<String> {
        let line = |step: &Step| format!("{} {:?} {} ({:?})", step.layer, step.action, step.key.name, step.cause);
        self.plan().steps.iter().map(line).collect()
    }
}

#[test]
fn an_equal_graph_needs_nothing() {
    let situation = Situation::from_to(bound(json!([config("a", "1", "")])), bound(json!([config("a", "1", "")])));
    assert!(situation.plan().is_empty());
    assert_eq!(situation.plan().unchanged, 1);
}

#[test]
fn changes_go_in_order_and_deletions_last_and_reversed() {
    let base = json!([config("a", "1", ""), config("old", "1", ""), config("older", "1", "/ConfigMap/old")]);
    let desired =
        json!([config("a", "2", ""), config("same", "1", "/ConfigMap/a"), config("b", "1", "/ConfigMap/same")]);
    let mut situation = Situation::from_to(bound(base), bound(desired));
    let same = situation.desired.resource(&key("same")).expect("a resource").id;
    situation.inventory.insert(key("same"), Owned { uid: "uid-same".to_owned(), applied: same, created: true });
    assert_eq!(
        situation.steps(),
        ["1 Update a (Changed)", "2 Create b (New)", "3 Delete older (Removed)", "4 Delete old (Removed)"],
        "b waits for a through the unchanged resource between them"
    );
    assert_eq!(situation.plan().steps[0].changes[0].to_string(), "data.v  1 → 2");
}

#[test]
fn what_was_seen_decides() {
    let graph =
        || bound(json!([config("a", "1", ""), config("b", "1", ""), config("c", "1", ""), config("d", "1", "")]));
    let mut situation = Situation::from_to(graph(), graph());
    let present = |uid: &str, as_applied| Seen::Present { uid: uid.to_owned(), as_applied, ours: true };
    situation.seen.insert(key("a"), present("uid-a", true));
    situation.seen.insert(key("b"), Seen::Absent);
    situation.seen.insert(key("c"), present("uid-c", false));
    situation.seen.insert(key("d"), present("another", true));
    let steps = situation.steps();
    assert_eq!(steps, ["1 Create b (Missing)", "1 Update c (Drifted)", "1 Update d (Replaced)"]);
    assert_eq!(situation.plan().steps[1].uid.as_deref(), Some("uid-c"));
    assert_eq!(situation.plan().steps[2].uid, None);
}

#[test]
fn only_what_we_made_is_deleted() {
    let base = bound(json!([config("made", "1", ""), config("found", "1", ""), config("swapped", "1", "")]));
    let mut situation = Situation::from_to(base, bound(json!([config("x", "1", "")])));
    situation.inventory.get_mut(&key("found")).expect("owned").created = false;
    let seen = Seen::Present { uid: "another".to_owned(), as_applied: false, ours: false };
    situation.seen.insert(key("swapped"), seen);
    assert_eq!(situation.steps(), ["1 Create x (New)", "2 Delete made (Removed)"]);
    assert_eq!(situation.plan().forgotten.len(), 2);
}

#[test]
fn after_a_crash_every_differing_key_goes_again_and_leftovers_go() {
    let base = || bound(json!([config("a", "1", ""), config("b", "1", "")]));
    let mut situation = Situation::from_to(base(), base());
    situation.attempted = vec![bound(json!([config("a", "2", ""), config("b", "1", ""), config("new", "1", "")]))];
    let ours = Seen::Present { uid: "uid-new".to_owned(), as_applied: false, ours: true };
    situation.seen.insert(key("new"), ours);
    assert_eq!(situation.steps(), ["1 Update a (Resumed)"], "what may have been there before is never deleted");
    situation.absent_before.insert(key("new"));
    assert_eq!(situation.steps(), ["1 Update a (Resumed)", "2 Delete new (Removed)"]);
    situation.seen.insert(key("new"), Seen::Present { uid: "x".to_owned(), as_applied: false, ours: false });
    assert_eq!(situation.steps(), ["1 Update a (Resumed)"], "what another made is never deleted");
}

#[test]
fn what_was_there_before_us_stays_so_however_often_it_is_changed() {
    let mut situation =
        Situation::from_to(bound(json!([config("found", "1", "")])), bound(json!([config("found", "2", "")])));
    situation.inventory.get_mut(&key("found")).expect("owned").created = false;
    let step = |situation: &Situation| situation.plan().steps[0].clone();
    assert!(!step(&situation).made_by_us);
    // Nor does a run that died in the middle make it ours.
    situation.attempted = vec![bound(json!([config("found", "3", "")]))];
    assert!(!step(&situation).made_by_us);
    situation.inventory.get_mut(&key("found")).expect("owned").created = true;
    assert!(step(&situation).made_by_us);
}

#[test]
fn what_a_run_made_again_and_did_not_record_is_ours() {
    let base = || bound(json!([config("a", "1", "")]));
    let mut situation = Situation::from_to(base(), base());
    situation.attempted = vec![base()];
    situation.absent_before.insert(key("a"));
    let again = Seen::Present { uid: "uid-again".to_owned(), as_applied: false, ours: true };
    situation.seen.insert(key("a"), again);
    let plan = situation.plan();
    assert_eq!((plan.steps[0].cause, plan.steps[0].made_by_us), (Cause::Resumed, true));
    situation.desired = bound(json!([config("b", "1", "")]));
    assert_eq!(situation.steps(), ["1 Create b (New)", "2 Delete a (Removed)"]);
    situation.absent_before.clear();
    assert_eq!(situation.steps(), ["1 Create b (New)"], "somebody else made it again");
}

#[test]
fn dangerous_plans_need_a_word() {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    let base = bound(json!([namespace, config("a", "1", "")]));
    let mut situation = Situation::from_to(base, bound(json!([config("a", "1", "")])));
    let guards = |situation: &Situation| situation.plan().guards.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(guards(&situation), ["deleting Namespace n needs --allow-delete=Namespace"]);
    situation.approvals.delete.insert("Namespace".to_owned());
    assert!(guards(&situation).is_empty());
    situation.desired = bound(json!([]));
    assert!(guards(&situation)[0].starts_with("the graph is empty"));
}
