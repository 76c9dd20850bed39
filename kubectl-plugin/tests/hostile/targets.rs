//! What is done with hostile bytes of a cluster, and what must hold whatever they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::manifest::{Policy, SyncOptions};
use gitops_compiler::plan::{Approvals, Bound, Hooks, Input, Seen, build};
use kubectl_gitops::apply::observe::own_fields;
use kubectl_gitops::cluster::{Failure, PartialObject, take_out};
use kubectl_gitops::health;
use kubectl_gitops::output::{plan_summary, plan_text};
use kubectl_gitops::record::{Head, InventoryEntry, pack};
use serde_json::Value;

/// A part of a record that is packed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Inventory,
    Keys,
    Bodies,
}

/// A head: what it is asked has answers, and it comes back as it was.
pub(crate) fn head(data: &[u8]) {
    let Ok(mut head) = serde_json::from_slice::<Head>(data) else { return };
    let text = serde_json::to_vec(&head).expect("it is written");
    assert_eq!(serde_json::from_slice::<Head>(&text).ok().as_ref(), Some(&head));
    let _ = (head.foreign_lock(jiff::Timestamp::now()), head.live_release(), head.chunks("n"));
    let next = head.next_number();
    assert!(head.releases.last().is_none_or(|last| last.number < next || next == u64::MAX));
    for release in head.releases.clone() {
        assert!(head.stored(release.graph.id).is_some());
    }
    head.forget_old_releases(1);
}

/// A live object: its health is one printable line, whatever it holds.
pub(crate) fn live(data: &[u8]) {
    let Ok(object) = serde_json::from_slice::<Value>(data) else { return };
    let kind = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    for health in [health::assess(&object), health::assess_as("", &kind("kind"), &object)] {
        let _ = health.verdict();
        let printable = health.message.chars().all(|c| !c.is_control());
        assert!(printable && health.message.chars().count() <= 300, "{:?}", health.message);
    }
    let _ = (health::is_silent(&object), health::pod_stuck(&object, false));
    if let Ok(PartialObject { metadata }) = serde_json::from_value(object) {
        assert!(own_fields(&metadata, "m").len() > 1);
    }
}

/// An answer that says no.
pub(crate) fn failure(data: &[u8]) {
    let Ok(status) = serde_json::from_slice(data) else { return };
    let failure = Failure::Answer(Box::new(status));
    let _ = (failure.code(), failure.is_not_found(), failure.is_unserved(), failure.is_namespace_not_found());
    let _ = (failure.is_conflict(), failure.is_forbidden(), failure.is_namespace_terminating(), failure.to_string());
    let _ = failure.immutable_field();
    for conflict in failure.conflicts() {
        let mut body = serde_json::json!({"spec": {"ports": [{"port": 80}]}, "args": ["x"]});
        let _ = (format!("{conflict:?}"), take_out(&mut body, &conflict.field));
    }
}

/// A plan against an inventory: there is one, and it can be told.
pub(crate) fn plan(graph: &ResourceGraph, data: &[u8]) {
    let Ok(entries) = serde_json::from_slice::<BTreeMap<_, InventoryEntry>>(data) else { return };
    let inventory: BTreeMap<_, _> = entries.iter().map(|(key, entry)| (Clone::clone(key), entry.owned())).collect();
    let bound = Bound::new(Arc::new(graph.clone()), "n", |_, _| Some(true)).expect("bound");
    let seen = |(number, entry): (usize, &InventoryEntry)| match number % 3 {
        0 => Seen::Absent,
        ours => Seen::Present {
            uid: entry.uid.clone(),
            as_applied: ours == 1,
            ours: entry.created,
            policy: Policy::default(),
            is_of_another: number % 5 == 0,
            leaving: number % 7 == 0,
        },
    };
    let seen = entries.keys().cloned().zip(entries.values().enumerate().map(seen)).collect();
    let plan = build(&Input {
        desired: &bound,
        base: None,
        attempted: std::slice::from_ref(&bound),
        absent_before: &BTreeSet::new(),
        inventory: &inventory,
        seen: &seen,
        approvals: &Approvals::default(),
        hooks: &Hooks { run: true, ..Hooks::default() },
        options: &SyncOptions::default(),
    });
    let _ = (plan_text(&plan), plan_summary(&plan));
}

/// A layer of a stored graph: the graph that was asked for, or an error.
pub(crate) fn layer(data: &[u8], base: &[u8], id: Id<Graph>) {
    for base in [&[][..], base] {
        if let Ok(bytes) = pack::unpack_layer(data, base)
            && let Ok(graph) = pack::decode(&bytes, id, &BTreeMap::new())
        {
            assert_eq!(graph.id(), id);
        }
    }
}

/// A part as it lies.
pub(crate) fn part(part: Part, data: &[u8]) {
    match part {
        Part::Inventory => {
            if let Ok(inventory) = pack::unpack_inventory(data) {
                let again = pack::unpack_inventory(&pack::inventory(&inventory).expect("packed"));
                assert_eq!(again.ok(), Some(inventory));
            }
        }
        Part::Keys => {
            if let Ok(keys) = pack::unpack_keys(data) {
                assert_eq!(pack::unpack_keys(&pack::keys(&keys).expect("packed")).ok(), Some(keys));
            }
        }
        Part::Bodies => {
            if let Ok(bodies) = pack::unpack_bodies(data) {
                let listed: Vec<_> = bodies.values().collect();
                assert_eq!(pack::unpack_bodies(&pack::bodies(&listed).expect("packed")).ok(), Some(bodies.clone()));
            }
        }
    }
}

/// A part below its compression.
pub(crate) fn below(which: Part, data: &[u8]) {
    part(which, &zstd::encode_all(data, 1).expect("packed"));
}
