//! What a plan does in each situation, without a cluster.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::diagnostic::Origin;
use crate::graph::ResourceGraph;
use crate::manifest::{SyncOptions, objects};
use std::collections::{BTreeMap, BTreeSet};

mod hooks;
mod policies;

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
    hooks: Hooks,
    options: SyncOptions,
}

impl Situation {
    fn from_to(base: Bound, desired: Bound) -> Self {
        let inventory = applied(&base);
        let (attempted, seen, approvals) = (Vec::new(), BTreeMap::new(), Approvals::default());
        let absent_before = BTreeSet::new();
        let hooks = Hooks { run: true, ..Hooks::default() };
        Self {
            desired,
            base: Some(base),
            attempted,
            absent_before,
            inventory,
            seen,
            approvals,
            hooks,
            options: SyncOptions::default(),
        }
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
            hooks: &self.hooks,
            options: &self.options,
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
    let present = |uid: &str, as_applied| Seen::Present {
        uid: uid.to_owned(),
        as_applied,
        ours: true,
        policy: Policy::default(),
        is_of_another: false,
        leaving: false,
    };
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
fn what_is_being_deleted_is_made_again() {
    let graph = || bound(json!([config("a", "1", ""), config("b", "1", "")]));
    let mut situation = Situation::from_to(graph(), graph());
    let leaving = |uid: &str| Seen::Present {
        uid: uid.to_owned(),
        as_applied: true,
        ours: true,
        policy: Policy::default(),
        is_of_another: false,
        leaving: true,
    };
    situation.seen.insert(key("a"), leaving("uid-a"));
    assert_eq!(situation.steps(), ["1 Create a (Leaving)"]);
    assert_eq!(situation.plan().steps[0].uid, None, "it will be another object");
    // What leaves the graph besides is deleted as ever: its end is waited for.
    let mut removed = Situation::from_to(graph(), bound(json!([config("b", "1", "")])));
    removed.seen.insert(key("a"), leaving("uid-a"));
    assert_eq!(removed.steps(), ["1 Delete a (Removed)"]);
}

#[test]
fn only_what_we_made_is_deleted() {
    let base = bound(json!([config("made", "1", ""), config("found", "1", ""), config("swapped", "1", "")]));
    let mut situation = Situation::from_to(base, bound(json!([config("x", "1", "")])));
    situation.inventory.get_mut(&key("found")).expect("owned").created = false;
    let seen = Seen::Present {
        uid: "another".to_owned(),
        as_applied: false,
        ours: false,
        policy: Policy::default(),
        is_of_another: false,
        leaving: false,
    };
    situation.seen.insert(key("swapped"), seen);
    assert_eq!(situation.steps(), ["1 Create x (New)", "2 Delete made (Removed)"]);
    assert_eq!(situation.plan().forgotten.len(), 2);
}

#[test]
fn after_a_crash_every_differing_key_goes_again_and_leftovers_go() {
    let base = || bound(json!([config("a", "1", ""), config("b", "1", "")]));
    let mut situation = Situation::from_to(base(), base());
    situation.attempted = vec![bound(json!([config("a", "2", ""), config("b", "1", ""), config("new", "1", "")]))];
    let ours = Seen::Present {
        uid: "uid-new".to_owned(),
        as_applied: false,
        ours: true,
        policy: Policy::default(),
        is_of_another: false,
        leaving: false,
    };
    situation.seen.insert(key("new"), ours);
    assert_eq!(situation.steps(), ["1 Update a (Resumed)"], "what may have been there before is never deleted");
    situation.absent_before.insert(key("new"));
    assert_eq!(situation.steps(), ["1 Update a (Resumed)", "2 Delete new (Removed)"]);
    situation.seen.insert(
        key("new"),
        Seen::Present {
            uid: "x".to_owned(),
            as_applied: false,
            ours: false,
            policy: Policy::default(),
            is_of_another: false,
            leaving: false,
        },
    );
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
    let again = Seen::Present {
        uid: "uid-again".to_owned(),
        as_applied: false,
        ours: true,
        policy: Policy::default(),
        is_of_another: false,
        leaving: false,
    };
    situation.seen.insert(key("a"), again);
    let plan = situation.plan();
    assert_eq!((plan.steps[0].cause, plan.steps[0].made_by_us), (Cause::Resumed, true));
    assert_eq!(plan.steps[0].uid.as_deref(), Some("uid-again"), "it may be made again in its turn");
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
    let losses = |situation: &Situation| situation.plan().losses().iter().map(ToString::to_string).collect::<Vec<_>>();
    let lost = ["Namespace n is deleted: all that is in it goes with it"];
    assert_eq!(losses(&situation), lost);
    situation.approvals.delete.insert("Namespace".to_owned());
    assert!(guards(&situation).is_empty());
    assert_eq!(losses(&situation), lost, "whatever is allowed");
    situation.desired = bound(json!([]));
    assert!(guards(&situation)[0].starts_with("the graph is empty"));
}

#[test]
fn a_claim_that_shrinks_is_made_again_and_its_data_is_lost() {
    let claim = |size: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
               "spec": {"resources": {"requests": {"storage": size}}}})
    };
    let plan = |to: &str| Situation::from_to(bound(json!([claim("10Gi")])), bound(json!([claim(to)]))).plan();
    assert!(plan("20Gi").guards.is_empty() && plan("20Gi").losses().is_empty());
    let plan = plan("5Gi");
    assert!(plan.guards[0].to_string().ends_with("needs --allow-recreate=PersistentVolumeClaim"), "{:?}", plan.guards);
    assert_eq!(
        plan.losses()[0].to_string(),
        "PersistentVolumeClaim shop/data is deleted and made again: its data goes with it, unless the volume is retained"
    );
}

#[test]
fn most_of_an_application_is_deleted_by_a_word_only() {
    let some = |count: usize| bound((0..count).map(|index| config(&format!("c{index}"), "1", "")).collect());
    let plan = |from: usize, to: usize, many: bool| {
        let mut situation = Situation::from_to(some(from), some(to));
        situation.approvals.many = many;
        situation.plan().guards.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(plan(20, 9, false), ["deleting 11 of 20 objects at once needs --allow-many-deletions"]);
    assert!(plan(20, 9, true).is_empty());
    assert!(plan(20, 10, false).is_empty(), "no more than half of it");
    assert!(plan(10, 1, false).is_empty(), "fewer than ten");
}

/// An object of any kind, with a spec and annotations.
fn object(
    version: &str,
    kind: &str,
    place: &str,
    spec: serde_json::Value,
    notes: serde_json::Value,
) -> serde_json::Value {
    let (namespace, name) = place.split_once('/').map_or((None, place), |(namespace, name)| (Some(namespace), name));
    let mut body = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "annotations": notes}});
    if let Some(namespace) = namespace {
        body["metadata"]["namespace"] = namespace.into();
    }
    body["spec"] = spec;
    body
}

fn waves(number: usize) -> serde_json::Value {
    let early = (0..number).map(|number| config(&format!("early{number}"), "1", ""));
    let late = ["late", "later"].map(|name| {
        let mut body = config(name, "1", "");
        body["metadata"]["annotations"] =
            json!({"argocd.argoproj.io/sync-wave": if name == "late" { "1" } else { "2" }});
        body
    });
    early.chain(late).collect::<Vec<_>>().into()
}

/// `what  waits` for each step, as people read it.
fn waits(plan: &Plan) -> Vec<String> {
    let told = |waited: &Waited<'_>| {
        let behind = waited.behind.map(|behind| format!(" behind {} of {}", behind.barrier, behind.steps));
        format!("{} {:?} ({}){}", waited.step.key.name, waited.state, waited.reason, behind.unwrap_or_default())
    };
    let steps = plan.steps.iter().zip(plan.waits());
    steps
        .map(|(step, waits)| format!("{}: {}", step.key.name, waits.iter().map(told).collect::<Vec<_>>().join(", ")))
        .collect()
}

#[test]
fn what_a_barrier_stands_for_is_told() {
    let mut situation = Situation::from_to(bound(json!([])), bound(waves(3)));
    assert_eq!(
        waits(&situation.plan())[3..],
        [
            "late: early0 Ready (that must be ready first) behind wave 0 of 3",
            "later: late Ready (that must be ready first) behind wave 1 of 1",
        ]
    );
    // Where nothing of a wave is to be done, what went before it counts.
    let late = situation.desired.resource(&key("late")).expect("a resource").id;
    situation.inventory.insert(key("late"), Owned { uid: "uid-late".to_owned(), applied: late, created: true });
    assert_eq!(
        waits(&situation.plan())[3],
        "later: early0 Ready (that must be ready first) behind wave 1 of 3",
        "through the wave between them"
    );
}

#[test]
fn waves_are_deleted_in_reverse_whatever_stays_between_them() {
    let situation = Situation::from_to(bound(waves(2)), bound(json!([waves(2)[2]])));
    assert_eq!(
        situation.steps(),
        ["1 Delete later (Removed)", "2 Delete early1 (Removed)", "2 Delete early0 (Removed)"]
    );
}

#[test]
fn what_was_between_two_objects_orders_their_deletion_though_it_stays() {
    let chain = [config("a", "1", ""), config("b", "1", "/ConfigMap/a"), config("c", "1", "/ConfigMap/b")];
    let situation = Situation::from_to(bound(json!(chain)), bound(json!([config("b", "1", "")])));
    assert_eq!(situation.steps(), ["1 Update b (Changed)", "2 Delete c (Removed)", "3 Delete a (Removed)"]);
    // Of what has nothing to do with what goes there is no node.
    assert_eq!(situation.plan().nodes.len(), 5);
}

/// A CRD, a controller of its objects with all that it needs, an APIService, a webhook, a claim, and what uses them.
fn operator() -> serde_json::Value {
    let rbac = "rbac.authorization.k8s.io/v1";
    let service = json!({"service": {"name": "op", "namespace": "sys"}});
    let pods = json!({"template": {"metadata": {"labels": {"app": "op"}}, "spec": {"serviceAccountName": "op"}}});
    let with = |mut body: serde_json::Value, fields: serde_json::Value| {
        body.as_object_mut().expect("a map").extend(fields.as_object().expect("a map").clone());
        body
    };
    let plain = |version: &str, kind: &str, place: &str| object(version, kind, place, json!({}), json!({}));
    let spec = |version: &str, kind: &str, place: &str, spec| object(version, kind, place, spec, json!({}));
    let names = json!({"group": "acme.io", "names": {"kind": "Offer", "plural": "offers"}, "scope": "Namespaced"});
    let rule = json!({"verbs": ["update"], "apiGroups": ["acme.io"], "resources": ["offers/finalizers"]});
    let subject = json!({"kind": "ServiceAccount", "name": "op", "namespace": "sys"});
    let granted = json!({"kind": "ClusterRole", "name": "op"});
    let api = json!({"group": "metrics.acme.io", "version": "v1", "service": service["service"]});
    let claim = json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]});
    json!([
        plain("v1", "Namespace", "sys"),
        spec("apiextensions.k8s.io/v1", "CustomResourceDefinition", "offers.acme.io", names),
        with(plain(rbac, "ClusterRole", "op"), json!({"rules": [rule]})),
        with(plain(rbac, "ClusterRoleBinding", "op"), json!({"roleRef": granted, "subjects": [subject]})),
        plain("v1", "ServiceAccount", "sys/op"),
        spec("apps/v1", "Deployment", "sys/op", pods),
        spec("v1", "Service", "sys/op", json!({"selector": {"app": "op"}})),
        spec("apiregistration.k8s.io/v1", "APIService", "v1.metrics.acme.io", api),
        with(
            plain("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "op"),
            json!({"webhooks": [{"name": "op", "clientConfig": service}]})
        ),
        plain("acme.io/v1", "Offer", "shop/o"),
        plain("metrics.acme.io/v1", "Metric", "shop/m"),
        spec("v1", "Pod", "shop/p", claim),
        plain("v1", "PersistentVolumeClaim", "shop/data"),
    ])
}

#[test]
fn what_serves_others_is_deleted_after_them_without_the_graph_that_comes_next() {
    let cluster = [
        "Namespace",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
        "APIService",
        "ValidatingWebhookConfiguration",
    ];
    let bound = |documents| {
        let list = json!({"kind": "List", "apiVersion": "v1", "items": documents});
        let manifests =
            objects(list.into(), &Origin { path: "a.yaml".to_owned(), line: 1, column: 0 }, &mut Vec::new());
        let graph = ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph;
        // As it comes from the record.
        let graph = ResourceGraph::decode(&graph.encode(), graph.id()).expect("the same");
        Bound::new(Arc::new(graph), "shop", |_, kind| Some(!cluster.contains(&kind))).expect("bound")
    };
    let situation = Situation::from_to(bound(operator()), bound(json!([])));
    let plan = situation.plan();
    assert_eq!(plan.steps.len(), 13);
    let name = |step: &Step| format!("{} {}", step.key.kind, step.key.name);
    let position = |wanted: &str| plan.steps.iter().position(|step| name(step) == wanted).expect(wanted);
    let nodes = plan.step_nodes();
    let waits_for = |late: &str, early: &str| {
        let (mut pending, mut seen) = (vec![nodes[position(late)]], BTreeSet::new());
        while let Some(node) = pending.pop() {
            pending.extend(plan.nodes[node].waits.iter().map(|wait| wait.node).filter(|node| seen.insert(*node)));
        }
        seen.contains(&nodes[position(early)])
    };
    for (early, late) in [
        ("Offer o", "CustomResourceDefinition offers.acme.io"),
        ("Offer o", "Deployment op"),
        ("Offer o", "ServiceAccount op"),
        ("Offer o", "ClusterRoleBinding op"),
        ("Offer o", "ClusterRole op"),
        ("Offer o", "Namespace sys"),
        ("Metric m", "APIService v1.metrics.acme.io"),
        ("APIService v1.metrics.acme.io", "Service op"),
        ("APIService v1.metrics.acme.io", "Deployment op"),
        ("ValidatingWebhookConfiguration op", "Service op"),
        ("ValidatingWebhookConfiguration op", "Deployment op"),
        ("Pod p", "PersistentVolumeClaim data"),
    ] {
        assert!(position(early) < position(late), "{early} before {late}");
        assert!(waits_for(late, early), "{late} waits for {early}");
    }
    assert!(!waits_for("Pod p", "Offer o"), "what has nothing to do with it does not wait");
    assert!(
        waits(&plan).contains(&"op: o Absent (its pods may be needed to delete that)".to_owned()),
        "{:?}",
        waits(&plan)
    );
}

#[test]
fn graphs_that_disagree_still_delete_everything() {
    let one = || bound(json!([config("a", "1", ""), config("b", "1", "/ConfigMap/a")]));
    let mut situation = Situation::from_to(one(), bound(json!([config("x", "1", "")])));
    situation.attempted = vec![bound(json!([config("a", "1", "/ConfigMap/b"), config("b", "1", "")]))];
    assert_eq!(situation.steps(), ["1 Create x (New)", "2 Delete b (Removed)", "3 Delete a (Removed)"]);
}

#[test]
fn what_names_no_namespace_waits_for_that_of_the_destination() {
    let namespace = || json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    let documents = || json!([namespace(), config("a", "1", ""), config("b", "1", "")]);
    let situation = Situation::from_to(bound(json!([])), bound(documents()));
    assert_eq!(situation.steps(), ["1 Create shop (New)", "2 Create a (New)", "2 Create b (New)"]);
    assert_eq!(waits(&situation.plan())[1], "a: shop Present (it lives there)");
    let mut back = Situation::from_to(bound(documents()), bound(json!([config("a", "1", "")])));
    back.approvals.delete.insert("Namespace".to_owned());
    assert_eq!(back.steps(), ["1 Delete b (Removed)", "2 Delete shop (Removed)"]);
    // Unless that waits for it.
    let mut waiting = namespace();
    waiting["metadata"]["annotations"] = json!({"config.kubernetes.io/depends-on": "/ConfigMap/a"});
    let situation =
        Situation::from_to(bound(json!([])), bound(json!([waiting, config("a", "1", ""), config("b", "1", "")])));
    assert_eq!(situation.steps(), ["1 Create a (New)", "2 Create shop (New)", "3 Create b (New)"]);
}
