//! The record after a run.
//!
//! In: how a run ended. Out: a head that tells it truly: what we own now, the release, and, where all of it worked,
//! nothing pending any more. Where the application was deleted, no record is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gitops_compiler::canon::{Chunk, Id};
use gitops_compiler::manifest::HookPhase;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Bound, Forgotten, Plan};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::cluster::PART_OF;
use crate::record::head::{DEFAULT_HISTORY, Garbage, StoredGraph, StoredInventory};
use crate::record::hooks::HookObject;
use crate::record::{ChunkThere, Found, Head, InventoryEntry, Outcome, RecordError, Records, Release, pack};

use super::event::{Event, StepResult};
use super::hook;
use super::lease::{Lease, Lost};
use super::run::RunReport;
use super::target::Target;
use super::write_ahead::used_kinds;
use super::{ApplyError, Options};

/// Changes of the inventory sit in the head up to this size, in bytes of JSON.
const INLINE_INVENTORY: usize = 64 << 10;

/// Chunks that nothing names are kept this long: a run that died may just have written them.
const GARBAGE_AGE: SignedDuration = SignedDuration::from_hours(1);

/// So many chunks are deleted in one run at the most.
const GARBAGE_BATCH: usize = 20;

/// A run that is over.
pub(super) struct Ended<'a> {
    pub(super) target: &'a Target,
    pub(super) desired: &'a Bound,
    pub(super) plan: &'a Plan,
    pub(super) report: &'a RunReport,
    pub(super) options: &'a Options,
}

impl Ended<'_> {
    /// The entry of the history.
    pub(super) fn release(&self, head: &Head, graph: StoredGraph, number: u64) -> Release {
        let Self { plan, report, .. } = self;
        let first = plan.steps.iter().enumerate().find_map(|(index, step)| match report.results.get(&index) {
            Some(StepResult::Failed { message, .. }) => Some(format!("{}: {message}", step.key)),
            _ => None,
        });
        let done =
            |index: &usize| matches!(report.results.get(index), Some(StepResult::Succeeded | StepResult::Joined));
        let is_held_back =
            |index: &usize| plan.steps[*index].hook.as_ref().is_some_and(|hook| hook.phase == HookPhase::SyncFail);
        let steps = 0..plan.steps.len();
        let count = |action| steps.clone().filter(|index| plan.steps[*index].action == action && done(index)).count();
        let outcome = match first {
            _ if steps.clone().filter(|index| !is_held_back(index)).all(|index| done(&index)) => Outcome::Succeeded,
            _ if report.interrupted => Outcome::Interrupted,
            first => Outcome::Failed { message: first.unwrap_or_else(|| "not all steps were tried".to_owned()) },
        };
        let changes = if self.options.takes_over {
            (0, 0, 0)
        } else {
            (count(Action::Create), count(Action::Update), count(Action::Delete))
        };
        let parent = head.live.filter(|live| *live != number);
        Release { number, parent, graph, origin: self.options.origin.clone(), outcome, changes }
    }

    /// How the run ended for its hooks.
    pub(super) fn of_hooks(&self, head: &Head, release: &Release) -> hook::finish::Ended {
        let succeeded = match release.outcome {
            Outcome::Succeeded => Some(true),
            Outcome::Failed { .. } => Some(false),
            Outcome::Interrupted => None,
        };
        let mut after = head.clone();
        if succeeded == Some(true) {
            after.live = Some(release.number);
        }
        after.releases.push(release.clone());
        after.forget_old_releases(self.options.history.unwrap_or(DEFAULT_HISTORY));
        let remembered = after.releases.iter().map(|release| release.number).collect();
        let deleted = succeeded == Some(true) && self.options.delete_record;
        hook::finish::Ended { release: release.number, succeeded, remembered, deleted }
    }

    /// Writes the last head of a run, `found` being the one before it; or deletes the record, where that was asked for.
    /// `kept` are the keys that could not be let go, `hooks` the objects of hooks that are left.
    pub(super) async fn record(
        &self,
        found: Found,
        release: Release,
        kept: &BTreeSet<ResourceKey>,
        hooks: Vec<HookObject>,
    ) -> Result<(), ApplyError> {
        let records = &self.target.records;
        let succeeded = release.outcome == Outcome::Succeeded;
        if succeeded && self.options.delete_record {
            return delete_record(records, found).await;
        }
        let (inventory, changes) = self.inventory(kept);
        let before = found.head.chunks(&records.namespace);
        let mut head = found.head.clone();
        if succeeded {
            head.live = Some(release.number);
            head.pending = None;
            head.kinds = used_kinds(&self.target.kinds, self.desired, &inventory);
        } else if let Some(pending) = &mut head.pending {
            pending.ended = true;
        }
        // What is taken over is so once: another attempt takes the place of the one before.
        head.releases.retain(|before| before.number != release.number);
        head.releases.push(release);
        head.forget_old_releases(self.options.history.unwrap_or(DEFAULT_HISTORY));
        head.lock = None;
        head.hooks = hooks;
        head.inventory = stored_inventory(records, &head, &inventory, changes).await.map_err(ApplyError::Unrecorded)?;
        collect_garbage(records, &mut head, &before).await;
        let members: Vec<&ResourceKey> = inventory.keys().collect();
        write_head(records, found, head, &members).await.map(|_| ())
    }

    /// What we own now, and how that differs from before.
    fn inventory(
        &self,
        kept: &BTreeSet<ResourceKey>,
    ) -> (BTreeMap<ResourceKey, InventoryEntry>, BTreeMap<ResourceKey, Option<InventoryEntry>>) {
        let mut inventory = self.target.inventory.clone();
        let mut changes = self.report.inventory.clone();
        let gone = self.plan.forgotten.iter().map(|forgotten| &forgotten.key).filter(|key| !kept.contains(*key));
        changes.extend(gone.map(|key| (key.clone(), None)));
        for (key, change) in &changes {
            match change {
                Some(entry) => inventory.insert(key.clone(), entry.clone()),
                None => inventory.remove(key),
            };
        }
        (inventory, changes)
    }

    /// Lets go of what was there before us and leaves the record: another application may have it now. Gives the keys
    /// of which that is not done; they stay in the record for the next run.
    pub(super) async fn let_go(&self, lease: &Lease, emit: &mut (dyn FnMut(Event) + Send)) -> BTreeSet<ResourceKey> {
        let Target { kinds, identity, objects, .. } = self.target;
        let mut held = BTreeSet::new();
        for Forgotten { key, kept, .. } in &self.plan.forgotten {
            let Some(uid) = kept else { continue };
            let path = kinds.any_version(&key.group, &key.kind).and_then(|(version, _)| kinds.path(version, key));
            let (Some(path), false) = (path, self.report.interrupted || lease.permit().await.is_err()) else {
                held.insert(key.clone());
                continue;
            };
            match objects.let_go(&path, uid, (PART_OF, &identity.apply_set), &identity.field_manager).await {
                Err(failure) if !failure.is_not_found() => {
                    emit(Event::Note(format!("{key} is kept, and so is our label on it: {failure}")));
                    held.insert(key.clone());
                }
                _ => {}
            }
        }
        held
    }
}

/// Small changes sit in the head, large ones make a new inventory.
async fn stored_inventory(
    records: &Records,
    head: &Head,
    inventory: &BTreeMap<ResourceKey, InventoryEntry>,
    changes: BTreeMap<ResourceKey, Option<InventoryEntry>>,
) -> Result<StoredInventory, RecordError> {
    let mut stored = head.inventory.clone();
    stored.changes.extend(changes);
    let size = serde_json::to_vec(&stored.changes).map_or(usize::MAX, |bytes| bytes.len());
    if size <= INLINE_INVENTORY {
        return Ok(stored);
    }
    let chunks = records.put_chunks(&records.namespace, &pack::inventory(inventory)?, &head.target).await?;
    Ok(StoredInventory { chunks, changes: BTreeMap::new() })
}

/// Notes what nothing names any more, and deletes what nothing has named for an hour; with it goes what runs have written
/// that died before any head named it. Failing to is no harm.
async fn collect_garbage(records: &Records, head: &mut Head, before: &BTreeSet<(String, Id<Chunk>)>) {
    let now = records.now();
    let named = head.chunks(&records.namespace);
    head.garbage.retain(|garbage| !named.contains(&(garbage.namespace.clone(), garbage.chunk)));
    for (namespace, chunk) in before.difference(&named) {
        head.garbage.push(Garbage { namespace: namespace.clone(), chunk: *chunk, since: now });
    }
    let is_old = |garbage: &Garbage| now - GARBAGE_AGE > garbage.since;
    if !head.garbage.iter().any(is_old) {
        return;
    }
    let namespaces = head.garbage.iter().map(|garbage| garbage.namespace.as_str()).chain([records.namespace.as_str()]);
    let Ok(there) = records.list_chunks(&head.target, &namespaces.collect()).await else { return };
    head.garbage.retain(|garbage| !is_old(garbage) || there.iter().any(|there| is_of(garbage, there)));
    for there in unnamed(there, &named, &head.garbage, now).iter().take(GARBAGE_BATCH) {
        if records.delete_chunk(there, &head.target).await.is_ok() {
            head.garbage.retain(|garbage| !is_of(garbage, there));
        }
    }
}

fn is_of(garbage: &Garbage, there: &ChunkThere) -> bool {
    (&garbage.namespace, garbage.chunk) == (&there.namespace, there.chunk)
}

/// Chunks that nothing has named for an hour, or ever since they were written an hour ago.
fn unnamed(
    mut there: Vec<ChunkThere>,
    named: &BTreeSet<(String, Id<Chunk>)>,
    garbage: &[Garbage],
    now: Timestamp,
) -> Vec<ChunkThere> {
    let since = |there: &ChunkThere| {
        garbage.iter().find(|garbage| is_of(garbage, there)).map_or(there.made, |garbage| garbage.since)
    };
    there.retain(|there| !named.contains(&(there.namespace.clone(), there.chunk)) && now - GARBAGE_AGE > since(there));
    there
}

/// Deletes a record, under its lock to the end: first the head names nothing any more, then its chunks go, then the
/// head itself. Whoever comes after a crash in the middle finds an empty record.
async fn delete_record(records: &Records, found: Found) -> Result<(), ApplyError> {
    let namespaces: BTreeSet<String> = {
        let named = found.head.chunks(&records.namespace).into_iter().map(|(namespace, _)| namespace);
        let garbage = found.head.garbage.iter().map(|garbage| garbage.namespace.clone());
        named.chain(garbage).chain([records.namespace.clone()]).collect()
    };
    let mut head = found.head.clone();
    (head.live, head.pending) = (None, None);
    head.releases.clear();
    head.garbage.clear();
    head.hooks.clear();
    head.inventory = StoredInventory::default();
    let emptied = write_head(records, found, head, &[]).await?;
    // Whoever may take over then may write the same chunks again.
    let expires = emptied.head.lock.as_ref().map_or(Timestamp::MIN, |lock| lock.expires);
    let namespaces = namespaces.iter().map(String::as_str).collect();
    records.delete_chunks(&emptied.head.target, &namespaces, expires).await.map_err(ApplyError::RecordLeft)?;
    records.delete_head(&emptied).await.map_err(ApplyError::RecordLeft)
}

/// Writes the last head of a run. The cluster has changed already: it is tried for as long as the lease lasts.
async fn write_head(
    records: &Records,
    mut found: Found,
    head: Head,
    members: &[&ResourceKey],
) -> Result<Found, ApplyError> {
    let deadline = Instant::now() + records.cluster.timeout;
    let run = found.head.lock.as_ref().map(|lock| lock.holder.run.clone());
    let mut pause = Duration::from_millis(200);
    loop {
        let error = match records.replace(&found, head.clone(), Some(members)).await {
            Ok(written) => return Ok(written),
            Err(error) => error,
        };
        if Instant::now() + pause >= deadline {
            return Err(ApplyError::Unrecorded(error));
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        // The answer may have been lost, not the write; or another run may have taken over.
        match records.load(&head.application).await {
            Ok(Some(now)) if now.head == head => return Ok(now),
            Ok(Some(now)) if now.head.lock.as_ref().map(|lock| &lock.holder.run) == run.as_ref() => found = now,
            Ok(_) => return Err(Lost::TakenOver.into()),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_has_named_for_an_hour_goes_and_what_no_head_ever_named() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        let ago = |minutes| now - SignedDuration::from_mins(minutes);
        let there = |bytes: &[u8], minutes| ChunkThere {
            namespace: "shop".to_owned(),
            chunk: Id::of(bytes),
            uid: String::new(),
            made: ago(minutes),
        };
        let (named, orphan, young, garbage, late) =
            (there(b"a", 999), there(b"b", 61), there(b"c", 59), there(b"d", 999), there(b"e", 999));
        let noted = |there: &ChunkThere, minutes| Garbage {
            namespace: there.namespace.clone(),
            chunk: there.chunk,
            since: ago(minutes),
        };
        let of_head = BTreeSet::from([(named.namespace.clone(), named.chunk)]);
        let noted = [noted(&garbage, 61), noted(&late, 59)];
        let all = vec![named, orphan.clone(), young, garbage.clone(), late];
        assert_eq!(unnamed(all, &of_head, &noted, now), [orphan, garbage]);
    }
}
