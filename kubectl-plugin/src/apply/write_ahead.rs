//! The record before a run.
//!
//! In: a target, a plan, what the user wants. Out: [`Begun`]: the graph is in the record, the head has our lock and
//! names the graph among those that were attempted. Nothing of the application is changed yet.

use std::collections::{BTreeMap, BTreeSet};

use gitops_compiler::canon::{Chunk, Id};
use gitops_compiler::name::{ResourceKey, Scope as KeyScope};
use gitops_compiler::plan::{Action, Bound, Plan, Seen};

use crate::cluster::{Kinds, Served};
use crate::record::head::{FORMAT, ReleaseOrigin, SecretBodies, StoredGraph, StoredInventory, StoredKeys, TAKEN_OVER};
use crate::record::holder::Holder;
use crate::record::holds::Hold;
use crate::record::{Found, Head, InventoryEntry, Outcome, Pending, RecordError, Records, Release};

use super::lease::{Lease, Moment, new_lock};
use super::run::LateSecrets;
use super::target::{Target, TargetError, random_name};
use super::{ApplyError, Options};

/// So many differences are held at once; of more the oldest is let go.
const MOST_HOLDS: usize = 20;

/// A run that may send now.
pub(super) struct Begun {
    /// Our lock.
    pub(super) lease: Lease,
    /// Where the graph lies in the record.
    pub(super) stored: StoredGraph,
    /// The number of the release to be.
    pub(super) number: u64,
    /// Bodies of Secrets whose namespaces are yet to be made.
    pub(super) late_secrets: LateSecrets,
}

/// Writes what is about to be tried. Where there is no head yet an empty one with our lock comes first: a part of the
/// record that no head stands for would be found by nobody.
pub(super) async fn begin(
    target: &Target,
    desired: &Bound,
    plan: &Plan,
    seen: &BTreeMap<ResourceKey, Seen>,
    options: &Options,
) -> Result<Begun, ApplyError> {
    let (holder, records) = (Holder::this_process(random_name()), &target.records);
    let Some(found) = &target.found else {
        let mut head = first_head(target).await?;
        head.lock = Some(new_lock(holder.clone(), records.cluster.timeout, records.now()));
        let found = records.create(head, &[]).await?;
        let begun = begin_on(target, &found, holder, (desired, plan, seen), options).await;
        if begun.is_err() {
            // Nothing is under way. Where this fails, too, the lock ends by itself.
            let head = Head { lock: None, ..found.head.clone() };
            let _ = records.replace(&found, head, None).await;
        }
        return begun;
    };
    begin_on(target, found, holder, (desired, plan, seen), options).await
}

/// What is wanted, the way there, and what it was planned on.
type Wanted<'a> = (&'a Bound, &'a Plan, &'a BTreeMap<ResourceKey, Seen>);

async fn begin_on(
    target: &Target,
    found: &Found,
    holder: Holder,
    (desired, plan, seen): Wanted<'_>,
    options: &Options,
) -> Result<Begun, ApplyError> {
    let records = &target.records;
    let mut head = found.head.clone();
    let (stored, late_secrets) = store_graph(target, &head, desired, seen).await?;
    settle_interrupted(&mut head);
    let number = if options.takes_over { TAKEN_OVER } else { head.next_number() };
    // What an unfinished run may have made must be found, too.
    head.kinds.extend(used_kinds(&target.kinds, desired, &target.inventory));
    head.kubernetes = target.kubernetes.map(|version| version.to_string());
    head.hooks = target.hooks.taken_over(&options.hooks, number);
    let known = head.chunks(&records.namespace);
    let is_known = |chunk: &Id<Chunk>| known.contains(&(records.namespace.clone(), *chunk));
    let ReleaseOrigin { health_checks, signatures, .. } = &options.origin;
    for (named, bytes) in [(health_checks, &options.health_checks), (signatures, &options.signatures)] {
        if !named.iter().all(is_known) {
            records.put_chunks(&records.namespace, bytes, &target.target_id).await?;
        }
    }
    let absent = records.put_keys(absent(target, plan), &target.target_id).await?;
    if let Some((release, taken_back)) = &options.takes_back {
        hold(&mut head, *release, taken_back, &stored, options);
    }
    head.pending = Some(pending(&head, &stored, options, absent, holder.run.clone(), number));
    let timeout = records.cluster.timeout;
    head.lock = Some(new_lock(holder, timeout, records.now()));
    let members: BTreeSet<&ResourceKey> =
        target.inventory.keys().chain(desired.keys()).chain(target.attempted.iter().flat_map(Bound::keys)).collect();
    let members: Vec<&ResourceKey> = members.into_iter().collect();
    let written = Moment::now();
    let found = records.replace(found, head, Some(&members)).await?;
    Ok(Begun { lease: Lease::new(records.clone(), found, written, timeout), stored, number, late_secrets })
}

/// Holds what a rollback takes back, the newest last.
fn hold(head: &mut Head, release: u64, taken_back: &StoredGraph, back_to: &StoredGraph, options: &Options) {
    head.holds.retain(|hold| (hold.taken_back.id, hold.back_to.id) != (taken_back.id, back_to.id));
    let (time, actor) = (options.origin.time, options.origin.actor.clone());
    head.holds.push(Hold { release, taken_back: taken_back.clone(), back_to: back_to.clone(), time, actor });
    if head.holds.len() > MOST_HOLDS {
        head.holds.remove(0);
    }
}

async fn first_head(target: &Target) -> Result<Head, TargetError> {
    let doing = "cannot read the identity of the cluster (the uid of the namespace kube-system)";
    let identity = target.records.cluster.identity().await;
    let cluster = identity.map_err(|failure| TargetError::Request { doing, failure })?;
    Ok(Head {
        format: FORMAT,
        target: target.target_id.clone(),
        application: target.application.clone(),
        renamed_to: None,
        cluster: cluster.unwrap_or_default(),
        keeper: target.records.keeper.clone(),
        destination: target.destination.clone(),
        apply_set: target.identity.apply_set.clone(),
        kinds: BTreeMap::new(),
        kubernetes: None,
        lock: None,
        pending: None,
        live: None,
        releases: Vec::new(),
        inventory: StoredInventory::default(),
        hooks: Vec::new(),
        holds: Vec::new(),
        hold_all: None,
        garbage: Vec::new(),
    })
}

/// Writes the graph to the record, unless it is there. Bodies of Secrets whose namespace is yet to be made come back.
async fn store_graph(
    target: &Target,
    head: &Head,
    desired: &Bound,
    seen: &BTreeMap<ResourceKey, Seen>,
) -> Result<(StoredGraph, LateSecrets), RecordError> {
    let records = &target.records;
    let base = head.live_release().map(|release| &release.graph).zip(target.base.as_ref().map(|base| &*base.graph));
    let mut stored = match head.stored(desired.graph.id()) {
        Some(stored) => stored.clone(),
        None => records.put_graph(&desired.graph, base, &target.target_id).await?,
    };
    // Only of what succeeded is it certain that the bodies were written: a run that died may not have come so far.
    let succeeded = head.releases.iter().filter(|release| release.outcome == Outcome::Succeeded);
    let kept_before = succeeded.flat_map(|release| &release.graph.secrets);
    let known: BTreeSet<(&str, Id<Chunk>)> =
        kept_before.flat_map(|bodies| bodies.chunks.iter().map(|chunk| (bodies.namespace.as_str(), *chunk))).collect();
    let mut late = LateSecrets::new();
    let mut kept: Vec<SecretBodies> = Vec::new();
    for (bodies, packed) in Records::pack_secrets(desired)? {
        let namespace =
            ResourceKey { scope: KeyScope::Cluster, ..ResourceKey::new("", "Namespace", "", &bodies.namespace) };
        let there = bodies.chunks.iter().all(|chunk| known.contains(&(bodies.namespace.as_str(), *chunk)));
        if matches!(seen.get(&namespace), Some(Seen::Absent | Seen::Present { leaving: true, .. })) {
            late.insert(bodies.namespace.clone(), packed);
        } else if !there || was_replaced(target, &namespace, seen) {
            records.put_chunks(&bodies.namespace, &packed, &target.target_id).await?;
        }
        kept.push(bodies);
    }
    stored.secrets = kept;
    Ok((stored, late))
}

/// Whether a namespace of ours is another one of the same name now: what lay in the old one went with it.
fn was_replaced(target: &Target, namespace: &ResourceKey, seen: &BTreeMap<ResourceKey, Seen>) -> bool {
    let owned = target.inventory.get(namespace).map(|entry| &entry.uid);
    matches!((owned, seen.get(namespace)), (Some(owned), Some(Seen::Present { uid, .. })) if uid != owned)
}

/// A run that died has its place in the history.
fn settle_interrupted(head: &mut Head) {
    let Some(pending) = head.pending.as_ref().filter(|pending| !pending.ended) else { return };
    let Some(graph) = pending.attempted.last() else { return };
    let release = Release {
        number: pending.number,
        parent: head.live,
        graph: graph.clone(),
        origin: pending.origin.clone(),
        outcome: Outcome::Interrupted,
        changes: (0, 0, 0),
    };
    // One that only took over what was there has the number of the attempt before.
    head.releases.retain(|before| before.number != release.number);
    head.releases.push(release);
    if let Some(pending) = &mut head.pending {
        pending.ended = true;
    }
}

/// How the kinds of a graph and of an inventory are served.
pub(super) fn used_kinds(
    kinds: &Kinds,
    graph: &Bound,
    inventory: &BTreeMap<ResourceKey, InventoryEntry>,
) -> BTreeMap<String, Served> {
    let resources = graph.graph.resources().iter();
    let of_graph = resources.map(|resource| (resource.api_version(), resource.key.kind.as_str()));
    let owned = inventory.iter().map(|(key, entry)| (entry.api_version.as_str(), key.kind.as_str()));
    of_graph
        .chain(owned)
        .filter_map(|(version, kind)| Some((format!("{version}/{kind}"), kinds.get(version, kind)?.clone())))
        .collect()
}

/// Keys that are not there now, and those that an earlier run did not find and has not made since: what is there under
/// our name when this run is over, we made.
fn absent(target: &Target, plan: &Plan) -> Vec<ResourceKey> {
    let mut absent = target.absent_before.clone();
    for step in &plan.steps {
        match step.action {
            Action::Create => {
                absent.insert(step.key.clone());
            }
            // Somebody else made it in the meantime.
            Action::Update if !step.made_by_us => {
                absent.remove(&step.key);
            }
            Action::Update | Action::Delete | Action::Hook => {}
        }
    }
    absent.into_iter().collect()
}

fn pending(
    head: &Head,
    stored: &StoredGraph,
    options: &Options,
    absent: StoredKeys,
    run: String,
    number: u64,
) -> Pending {
    let mut attempted = head.pending.as_ref().map(|pending| pending.attempted.clone()).unwrap_or_default();
    // The same graph again has other places for its Secrets, perhaps: the newest counts.
    attempted.retain(|other| other.id != stored.id);
    attempted.push(stored.clone());
    let (approvals, origin) = (options.approvals.clone(), options.origin.clone());
    // A key that was made again by a run before is as new as one that was absent.
    let recreated = head.pending.as_ref().map(|pending| pending.recreated.clone()).unwrap_or_default();
    Pending { run, number, attempted, approvals, absent, origin, recreated, ended: false }
}
