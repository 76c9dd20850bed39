//! The write-ahead before a run, and the release after it.
//!
//! In: a target, a plan, what the user wants. Out: a changed cluster and a record that tells it truly.
//!
//! 1. The graph's chunks are written.
//! 2. The head is written with our lock and the graph among those that were *attempted*. From now on, whoever comes
//!    next knows what may have been touched.
//! 3. The plan runs.
//! 4. The head is written with what we own now and the release. If all of it worked, nothing is pending any more;
//!    if not, the attempted graphs stay until a run succeeds.
//!
//! Between 2 and 4 the process may die at any moment: the next run finishes or takes back, whatever it wants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::name::{ResourceKey, Scope as KeyScope};
use gitops_compiler::plan::{Action, Approvals, Bound, Plan, Seen};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::cluster::Served;
use crate::record::head::{DEFAULT_HISTORY, FORMAT, Garbage, Origin, SecretBodies, StoredGraph, StoredInventory};
use crate::record::holder::Holder;
use crate::record::{Found, Head, InventoryEntry, Outcome, Pending, RecordError, Records, Release, pack};

use super::event::{Event, StepResult};
use super::lease::{Lease, new_lock};
use super::run::{LateSecrets, RunOptions, RunReport};
use super::step::Context;
use super::target::{Target, TargetError, random_name};

/// Changes of the inventory sit in the head up to this size, in bytes of JSON.
const INLINE_INVENTORY: usize = 64 << 10;

/// Chunks that nothing names are kept this long: a run that died may just have written them.
const GARBAGE_AGE: SignedDuration = SignedDuration::from_hours(1);

/// So many chunks are deleted in one run at the most.
const GARBAGE_BATCH: usize = 20;

/// What the user wants of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the run goes.
    pub run: RunOptions,
    /// Whether fields of others are taken.
    pub force_conflicts: bool,
    /// What may be deleted.
    pub approvals: Approvals,
    /// How many releases are kept.
    pub history: Option<usize>,
    /// Who, when, from what.
    pub origin: Origin,
}

/// Why a run did not end with a record.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Before anything was changed.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Before anything was changed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Objects were changed, and the record could not be told. Nothing is lost: the next run finds out.
    #[error("the cluster was changed, but the record could not be written; run again to settle it")]
    Unrecorded(#[source] RecordError),
    /// Another run took over in the middle.
    #[error("another run took over this application; what this one did will be settled by it")]
    Lost,
}

/// A run that was recorded.
#[derive(Debug)]
pub struct Applied {
    /// The release.
    pub release: Release,
    /// How each step ended, by its index in the plan.
    pub results: BTreeMap<usize, StepResult>,
}

impl Applied {
    /// Whether all of it was applied.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.release.outcome == Outcome::Succeeded
    }
}

/// Runs a plan and records it.
pub async fn apply(
    target: &mut Target,
    desired: &Bound,
    plan: &Plan,
    seen: &BTreeMap<ResourceKey, Seen>,
    options: &Options,
    emit: &mut dyn FnMut(Event),
) -> Result<Applied, ApplyError> {
    let run = random_name();
    let records = target.records.clone();
    let mut head = match &target.found {
        Some(found) => found.head.clone(),
        None => first_head(target).await?,
    };
    let (stored, late_secrets) = store_graph(target, &head, desired, seen).await?;
    settle_interrupted(&mut head);
    let number = head.next_number();
    head.kinds = used_kinds(target, desired);
    head.pending = Some(pending(&head, plan, &stored, options, run.clone(), number));
    let timeout = records.cluster.timeout;
    head.lock = Some(new_lock(Holder::this_process(run), timeout));
    let members: BTreeSet<&ResourceKey> =
        target.inventory.keys().chain(desired.keys()).chain(target.attempted.iter().flat_map(Bound::keys)).collect();
    let members: Vec<&ResourceKey> = members.into_iter().collect();
    let written = Instant::now();
    let found = match &target.found {
        Some(found) => records.replace(found, head, Some(&members)).await?,
        None => records.create(head, &members).await?,
    };
    let context = Arc::new(Context {
        cluster: records.cluster.clone(),
        kinds: target.kinds.clone(),
        identity: target.identity.clone(),
        lease: Lease::new(records.clone(), found, written, timeout),
        force_conflicts: options.force_conflicts,
        own_namespaces: own_namespaces(desired),
    });
    let id = target.target_id.clone();
    let report = super::run::run(plan, Arc::clone(&context), &options.run, &records, &id, late_secrets, emit).await;
    let found = context.lease.end().await.map_err(|_| ApplyError::Lost)?;
    let release = release(&found.head, plan, &report, stored, number, &options.origin);
    record(target, &records, found, &report, plan, release.clone(), options).await?;
    Ok(Applied { release, results: report.results })
}

async fn first_head(target: &Target) -> Result<Head, TargetError> {
    let doing = "cannot read the identity of the cluster (the uid of the namespace kube-system)";
    let found = target.records.cluster.get_metadata("/api/v1/namespaces/kube-system").await;
    let cluster = found.map_err(|failure| TargetError::Request { doing, failure })?.map(|metadata| metadata.uid);
    Ok(Head {
        format: FORMAT,
        target: target.target_id.clone(),
        application: target.application.clone(),
        cluster: cluster.unwrap_or_default(),
        destination: target.destination.clone(),
        apply_set: target.identity.apply_set.clone(),
        kinds: BTreeMap::new(),
        lock: None,
        pending: None,
        live: None,
        releases: Vec::new(),
        inventory: StoredInventory::default(),
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
    let known = head.chunks(&records.namespace);
    let mut late = LateSecrets::new();
    let mut kept: Vec<SecretBodies> = Vec::new();
    for (bodies, packed) in Records::pack_secrets(desired)? {
        let namespace =
            ResourceKey { scope: KeyScope::Cluster, ..ResourceKey::new("", "Namespace", "", &bodies.namespace) };
        let there = bodies.chunks.iter().all(|chunk| known.contains(&(bodies.namespace.clone(), *chunk)));
        if seen.get(&namespace) == Some(&Seen::Absent) {
            late.insert(bodies.namespace.clone(), packed);
        } else if !there {
            records.put_chunks(&bodies.namespace, &packed, &target.target_id).await?;
        }
        kept.push(bodies);
    }
    stored.secrets = kept;
    Ok((stored, late))
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
    head.releases.push(release);
    if let Some(pending) = &mut head.pending {
        pending.ended = true;
    }
}

fn used_kinds(target: &Target, desired: &Bound) -> BTreeMap<String, Served> {
    let resources = desired.graph.resources().iter();
    let of_graph = resources.map(|resource| (resource.api_version(), resource.key.kind.as_str()));
    let owned = target.inventory.iter().map(|(key, entry)| (entry.api_version.as_str(), key.kind.as_str()));
    let mut used: BTreeMap<String, Served> = of_graph
        .chain(owned)
        .filter_map(|(version, kind)| Some((format!("{version}/{kind}"), target.kinds.get(version, kind)?.clone())))
        .collect();
    // What an unfinished run may have made must be found too.
    for head in target.found.iter().map(|found| &found.head) {
        for (name, served) in &head.kinds {
            used.entry(name.clone()).or_insert_with(|| served.clone());
        }
    }
    used
}

fn pending(head: &Head, plan: &Plan, stored: &StoredGraph, options: &Options, run: String, number: u64) -> Pending {
    let mut attempted = head.pending.as_ref().map(|pending| pending.attempted.clone()).unwrap_or_default();
    // The same graph again has other places for its Secrets, perhaps: the newest counts.
    attempted.retain(|other| other.id != stored.id);
    attempted.push(stored.clone());
    let deletes = plan.steps.iter().filter(|step| step.action == Action::Delete);
    // What an earlier run found absent stays on the list: it may have made it.
    let mut absent: BTreeSet<ResourceKey> = head.pending.iter().flat_map(|pending| &pending.absent).cloned().collect();
    absent.extend(plan.steps.iter().filter(|step| step.action == Action::Create).map(|step| step.key.clone()));
    Pending {
        run,
        number,
        attempted,
        approvals: options.approvals.clone(),
        deletes: deletes.filter_map(|step| Some((step.key.clone(), step.uid.clone()?))).collect(),
        absent: absent.into_iter().collect(),
        origin: options.origin.clone(),
        ended: false,
    }
}

fn own_namespaces(desired: &Bound) -> BTreeSet<String> {
    desired.keys().iter().filter(|key| key.is("", "Namespace")).map(|key| key.name.clone()).collect()
}

fn release(head: &Head, plan: &Plan, report: &RunReport, graph: StoredGraph, number: u64, origin: &Origin) -> Release {
    let first = plan.steps.iter().enumerate().find_map(|(index, step)| match report.results.get(&index) {
        Some(StepResult::Failed { message, .. }) => Some(format!("{}: {message}", step.key)),
        _ => None,
    });
    let count = |action| {
        let done =
            |index: &usize| matches!(report.results.get(index), Some(StepResult::Succeeded | StepResult::Joined));
        (0..plan.steps.len()).filter(|index| plan.steps[*index].action == action && done(index)).count()
    };
    let outcome = match (first, report.interrupted) {
        (Some(message), _) => Outcome::Failed { message },
        (None, true) => Outcome::Failed { message: "interrupted".to_owned() },
        (None, false) => Outcome::Succeeded,
    };
    let changes = (count(Action::Create), count(Action::Update), count(Action::Delete));
    Release { number, parent: head.live, graph, origin: origin.clone(), outcome, changes }
}

async fn record(
    target: &Target,
    records: &Records,
    found: Found,
    report: &RunReport,
    plan: &Plan,
    release: Release,
    options: &Options,
) -> Result<(), ApplyError> {
    let mut inventory = target.inventory.clone();
    let mut changes = report.inventory.clone();
    for (key, _) in &plan.forgotten {
        changes.insert(key.clone(), None);
    }
    for (key, change) in &changes {
        match change {
            Some(entry) => inventory.insert(key.clone(), entry.clone()),
            None => inventory.remove(key),
        };
    }
    let before = found.head.chunks(&records.namespace);
    let mut head = found.head.clone();
    let succeeded = release.outcome == Outcome::Succeeded;
    if succeeded {
        head.live = Some(release.number);
        head.pending = None;
    } else if let Some(pending) = &mut head.pending {
        pending.ended = true;
    }
    head.releases.push(release);
    head.forget_old_releases(options.history.unwrap_or(DEFAULT_HISTORY));
    head.lock = None;
    head.inventory = stored_inventory(records, &head, &inventory, changes, &target.target_id)
        .await
        .map_err(ApplyError::Unrecorded)?;
    collect_garbage(records, &mut head, &before).await;
    let members: Vec<&ResourceKey> = inventory.keys().collect();
    write_head(records, found, head, &members).await
}

/// Small changes sit in the head, large ones make a new inventory.
async fn stored_inventory(
    records: &Records,
    head: &Head,
    inventory: &BTreeMap<ResourceKey, InventoryEntry>,
    changes: BTreeMap<ResourceKey, Option<InventoryEntry>>,
    target: &str,
) -> Result<StoredInventory, RecordError> {
    let mut stored = head.inventory.clone();
    stored.changes.extend(changes);
    let size = serde_json::to_vec(&stored.changes).map_or(usize::MAX, |bytes| bytes.len());
    if size <= INLINE_INVENTORY {
        return Ok(stored);
    }
    let chunks = records.put_chunks(&records.namespace, &pack::inventory(inventory)?, target).await?;
    Ok(StoredInventory { chunks, changes: BTreeMap::new() })
}

/// Notes what nothing names any more, and deletes what nothing has named for an hour. Failing to is no harm.
async fn collect_garbage(
    records: &Records,
    head: &mut Head,
    before: &BTreeSet<(String, gitops_compiler::canon::Id<gitops_compiler::canon::Chunk>)>,
) {
    let now = Timestamp::now();
    let named = head.chunks(&records.namespace);
    head.garbage.retain(|garbage| !named.contains(&(garbage.namespace.clone(), garbage.chunk)));
    for (namespace, chunk) in before.difference(&named) {
        head.garbage.push(Garbage { namespace: namespace.clone(), chunk: *chunk, since: now });
    }
    let old: Vec<Garbage> =
        head.garbage.iter().filter(|garbage| now - GARBAGE_AGE > garbage.since).take(GARBAGE_BATCH).cloned().collect();
    for garbage in old {
        if records.delete_chunk(&garbage.namespace, garbage.chunk).await.is_ok() {
            head.garbage.retain(|other| *other != garbage);
        }
    }
}

/// Writes the last head of a run. The cluster has changed already: it is tried for as long as the lease lasts.
async fn write_head(
    records: &Records,
    mut found: Found,
    head: Head,
    members: &[&ResourceKey],
) -> Result<(), ApplyError> {
    let deadline = Instant::now() + records.cluster.timeout;
    let run = found.head.lock.as_ref().map(|lock| lock.holder.run.clone());
    let mut pause = Duration::from_millis(200);
    loop {
        let Err(error) = records.replace(&found, head.clone(), Some(members)).await else { return Ok(()) };
        if Instant::now() + pause >= deadline {
            return Err(ApplyError::Unrecorded(error));
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        // The answer may have been lost, not the write; or another run may have taken over.
        match records.load(&head.application).await {
            Ok(Some(now)) if now.head == head => return Ok(()),
            Ok(Some(now)) if now.head.lock.as_ref().map(|lock| &lock.holder.run) == run.as_ref() => found = now,
            Ok(_) => return Err(ApplyError::Lost),
            Err(_) => {}
        }
    }
}

/// Tries every step of a plan with the server, without changing anything. Gives what each would say.
pub async fn dry_run(target: &Target, plan: &Plan) -> Vec<(usize, Option<String>)> {
    use futures::StreamExt as _;
    let checks =
        plan.steps.iter().enumerate().filter(|(_, step)| step.desired.is_some()).map(|(index, step)| async move {
            let sent = super::step::body_to_send(step, &target.identity);
            let api_version = super::step::api_version_of(step.desired.as_ref());
            let path = api_version.and_then(|version| target.kinds.path(version, &step.key));
            let (Some(sent), Some(path)) = (sent, path) else {
                return (index, Some("it cannot be sent".to_owned()));
            };
            (index, dry_run_step(target, &path, &sent).await)
        });
    let mut found: Vec<_> = futures::stream::iter(checks).buffer_unordered(16).collect().await;
    found.sort_by_key(|(index, _)| *index);
    found
}

async fn dry_run_step(target: &Target, path: &str, sent: &Json) -> Option<String> {
    let field_manager = target.identity.field_manager.as_str();
    let options = crate::cluster::ApplyOptions { field_manager, force: false, dry_run: true };
    match target.records.cluster.apply(path, sent, &options).await {
        Ok(_) => None,
        // Its namespace or its kind comes with this very plan: the server cannot judge it yet.
        Err(failure) if failure.is_not_found() => None,
        Err(failure) => Some(failure.to_string()),
    }
}
