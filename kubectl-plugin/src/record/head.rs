//! The types of the head.
//!
//! Stored as JSON, small enough to read with `kubectl get secret … -o jsonpath='{.data.record}' | base64 -d`.

use std::collections::BTreeMap;

use gitops_compiler::app::IgnoreDifference;
use gitops_compiler::canon::{Chunk, ContentRoot, Graph, Id, Resource};
use gitops_compiler::lock::{Digest, Entry};
use gitops_compiler::manifest::SyncOptions;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::{Approvals, Owned};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cluster::Served;

use super::holder::Holder;
use super::holds::{Hold, HoldAll};
use super::hooks::HookObject;

/// The format of this head. A reader refuses any other.
pub const FORMAT: u32 = 1;

/// Clocks of two API servers may differ by this much, and how late their answers arrive.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// How many inputs from elsewhere a release keeps: the head of a record must stay small.
pub const MOST_INPUTS: usize = 100;

/// The number of the release that is what was there before the first apply.
pub const TAKEN_OVER: u64 = 0;

/// How many releases are kept, unless the user says otherwise.
pub const DEFAULT_HISTORY: usize = 10;

/// The head of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// [`FORMAT`].
    pub format: u32,
    /// The target's id, minted once; our field manager carries it.
    pub target: String,
    /// The application.
    pub application: AppName,
    /// The name that it is given now, while it is renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<AppName>,
    /// The uid of the namespace kube-system: which cluster this is.
    pub cluster: String,
    /// Whose record it is, where that is an Application of another cluster: `UID OF KUBE-SYSTEM/NAMESPACE/NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper: Option<String>,
    /// Where manifests without a namespace go.
    pub destination: String,
    /// The label value by which our objects are found.
    pub apply_set: String,
    /// How the kinds that we use are served, by `apiVersion/Kind`; saves discovery.
    pub kinds: BTreeMap<String, Served>,
    /// The version of Kubernetes that the server was of when it was asked for its kinds, as in `1.37`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// Who is changing this target now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// What was begun since the live release, and is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// The number of the last release that was applied as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<u64>,
    /// Releases, oldest first.
    pub releases: Vec<Release>,
    /// What we own.
    pub inventory: StoredInventory,
    /// Objects of hooks, which are no part of the inventory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookObject>,
    /// Differences that were rolled back, and must not be applied until they are released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// Whether nothing may be applied at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_all: Option<HoldAll>,
    /// Chunks that nothing names any more, with their namespaces and since when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub garbage: Vec<Garbage>,
}

/// The right to change a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    /// Who.
    pub holder: Holder,
    /// Until when, by the server's clock as the holder knows it.
    #[schemars(with = "String")]
    pub expires: Timestamp,
    /// How long the lease is, in seconds.
    pub lease_seconds: u64,
    /// How long one of the holder's requests may take, in seconds.
    pub request_timeout_seconds: u64,
}

/// The write-ahead part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// The run.
    pub run: String,
    /// The number its release will have.
    pub number: u64,
    /// Every graph that was begun since the live release.
    pub attempted: Vec<StoredGraph>,
    /// What the user had allowed.
    pub approvals: Approvals,
    /// Keys that were not there when the run was planned: what is there now under our name, we made.
    #[serde(default)]
    pub absent: StoredKeys,
    /// When the run began, who ran it, from what.
    pub origin: ReleaseOrigin,
    /// Keys of objects that were about to be deleted and made again: what is there now under our name, we made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recreated: Vec<ResourceKey>,
    /// Whether the run has ended, without success.
    #[serde(default)]
    pub ended: bool,
}

/// Keys: in the head where they are few, in chunks where they are many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum StoredKeys {
    /// None, or a few.
    Inline(Vec<ResourceKey>),
    /// The bytes of a list, in order.
    Chunks {
        /// Which chunks.
        chunks: Vec<Id<Chunk>>,
    },
}

/// Where a release comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseOrigin {
    /// When it began.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// Whether a controller applied it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_controller: bool,
    /// The commit, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// The digest of the manifest, where it was applied from a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Digest>,
    /// The release whose graph a rollback took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<u64>,
    /// Whether only some resources were synced: the graph has these as they were wanted, and all others as they were live.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_partial: bool,
    /// What the application asked for.
    #[serde(default, skip_serializing_if = "SyncOptions::is_empty")]
    pub options: SyncOptions,
    /// Differences that do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<IgnoreDifference>,
    /// What inputs from elsewhere were: the lock that it was compiled with, written or not. At most [`MOST_INPUTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Entry>,
    /// The health checks that users have written for it, where they are not too large: which chunks hold them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_checks: Vec<Id<Chunk>>,
    /// The signatures of the bundle that were beside it, whoever made them: which chunks hold them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Id<Chunk>>,
}

/// A commit, as a release remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Whole oid.
    pub oid: String,
    /// First line of its message.
    pub subject: String,
    /// Whether files differed from the commit.
    pub dirty: bool,
}

/// A graph that is in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredGraph {
    /// Its id.
    pub id: Id<Graph>,
    /// Its content root.
    pub content: Id<ContentRoot>,
    /// What it is made of: the first stands alone, each other is a difference to the graph before it.
    pub layers: Vec<Layer>,
    /// Bodies of Secrets, which lie in the namespaces of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretBodies>,
}

/// One layer of a stored graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// The graph that this layer gives.
    pub graph: Id<Graph>,
    /// Its bytes, in order.
    pub chunks: Vec<Id<Chunk>>,
}

/// Bodies of Secrets of one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretBodies {
    /// The namespace, in which the chunks lie too.
    pub namespace: String,
    /// The bytes, in order.
    pub chunks: Vec<Id<Chunk>>,
}

/// One entry of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// From 1, and never used twice; 0 is what was there before, where that was taken over.
    pub number: u64,
    /// The release that was live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// What was applied.
    pub graph: StoredGraph,
    /// When, who, from what.
    pub origin: ReleaseOrigin,
    /// What became of it.
    pub outcome: Outcome,
    /// How many objects were created, changed, deleted.
    pub changes: (usize, usize, usize),
}

/// What became of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Outcome {
    /// All of it was applied.
    Succeeded,
    /// Some of it was not.
    Failed {
        /// The first reason.
        message: String,
    },
    /// The run was stopped in the middle, or died, and the next one found it.
    Interrupted,
}

/// What we own, in chunks and in changes to them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredInventory {
    /// The bulk of it.
    pub chunks: Vec<Id<Chunk>>,
    /// Changes since: an entry, or nothing for one that is gone.
    pub changes: BTreeMap<ResourceKey, Option<InventoryEntry>>,
}

/// One object that we own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryEntry {
    /// The object's uid.
    pub uid: String,
    /// `f:` and a hash of our own entry of managedFields with its time; `v:` and the resourceVersion where there is
    /// none.
    pub fields: String,
    /// What we applied.
    pub applied: Id<Resource>,
    /// The version in which we applied it.
    pub api_version: String,
    /// Whether we made it; what was there before is kept when it leaves the graph.
    pub created: bool,
}

/// A chunk that waits for its deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Garbage {
    /// Where it lies.
    pub namespace: String,
    /// Which.
    pub chunk: Id<Chunk>,
    /// Since when nothing names it.
    #[schemars(with = "String")]
    pub since: Timestamp,
}

impl Default for StoredKeys {
    fn default() -> Self {
        Self::Inline(Vec::new())
    }
}

impl StoredKeys {
    fn chunks(&self) -> &[Id<Chunk>] {
        match self {
            Self::Inline(_) => &[],
            Self::Chunks { chunks } => chunks,
        }
    }
}

impl InventoryEntry {
    /// What a plan needs of it.
    #[must_use]
    pub fn owned(&self) -> Owned {
        Owned { uid: self.uid.clone(), applied: self.applied, created: self.created }
    }
}

impl Head {
    /// The release that was applied last as a whole.
    #[must_use]
    pub fn live_release(&self) -> Option<&Release> {
        self.release(self.live?)
    }

    /// A release by its number.
    #[must_use]
    pub fn release(&self, number: u64) -> Option<&Release> {
        self.releases.iter().find(|release| release.number == number)
    }

    /// The number of the next release.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        let pending = self.pending.as_ref().filter(|pending| !pending.ended).map(|pending| pending.number);
        let last = self.releases.last().map(|release| release.number);
        last.max(pending).unwrap_or_default().saturating_add(1)
    }

    /// The number and the graph of the last run, where that was interrupted: killed, or stopped by somebody. What it
    /// began can be gone on with.
    #[must_use]
    pub fn interrupted(&self) -> Option<(u64, &StoredGraph)> {
        let pending = self.pending.as_ref()?;
        let last = self.releases.last();
        let stopped = |last: &Release| last.number == pending.number && last.outcome == Outcome::Interrupted;
        (!pending.ended || last.is_some_and(stopped)).then_some((pending.number, pending.attempted.last()?))
    }

    /// Whether anything was applied, or begun to be, since what was there before was taken over.
    #[must_use]
    pub fn has_applied(&self) -> bool {
        let pending = self.pending.iter().map(|pending| pending.number);
        self.releases.iter().map(|release| release.number).chain(pending).any(|number| number != TAKEN_OVER)
    }

    /// Whether a controller has applied, or begun to, any of what is remembered.
    #[must_use]
    pub fn knows_a_controller(&self) -> bool {
        let pending = self.pending.iter().map(|pending| &pending.origin);
        self.releases.iter().map(|release| &release.origin).chain(pending).any(|origin| origin.by_controller)
    }

    /// The lock of another run, where it may still be alive at `now`, by the server's clock.
    #[must_use]
    pub fn foreign_lock(&self, now: Timestamp) -> Option<&Lock> {
        let lock = self.lock.as_ref()?;
        let grace = SignedDuration::from_secs(i64::try_from(lock.request_timeout_seconds).unwrap_or(60));
        // A time that no calendar has is never over.
        let end = lock.expires.checked_add(grace.saturating_add(CLOCK_SKEW));
        let over = end.is_ok_and(|end| now > end);
        (!over && !lock.holder.is_certainly_dead()).then_some(lock)
    }

    /// Where what was applied last comes from.
    #[must_use]
    pub fn last_origin(&self) -> Option<&ReleaseOrigin> {
        let pending = self.pending.as_ref().map(|pending| &pending.origin);
        pending.or_else(|| self.releases.last().map(|release| &release.origin))
    }

    /// The graph with this id, where any part of the record has it.
    #[must_use]
    pub fn stored(&self, id: Id<Graph>) -> Option<&StoredGraph> {
        let attempted = self.pending.iter().flat_map(|pending| &pending.attempted);
        self.releases.iter().map(|release| &release.graph).chain(attempted).find(|stored| stored.id == id)
    }

    /// All chunks that the head names, with the namespace in which they lie.
    #[must_use]
    pub fn chunks(&self, record_namespace: &str) -> std::collections::BTreeSet<(String, Id<Chunk>)> {
        let attempted = self.pending.iter().flat_map(|pending| &pending.attempted);
        let held = self.holds.iter().flat_map(|hold| [&hold.taken_back, &hold.back_to]);
        let graphs = self.releases.iter().map(|release| &release.graph).chain(attempted).chain(held);
        let here = |chunk: &Id<Chunk>| (record_namespace.to_owned(), *chunk);
        let absent = self.pending.iter().flat_map(|pending| pending.absent.chunks());
        let origins = self.releases.iter().map(|release| &release.origin);
        let origins = origins.chain(self.pending.iter().map(|pending| &pending.origin));
        let beside = origins.flat_map(|origin| origin.health_checks.iter().chain(&origin.signatures));
        let parts = self.inventory.chunks.iter().chain(absent).chain(beside);
        let mut chunks: std::collections::BTreeSet<_> = parts.map(here).collect();
        for graph in graphs {
            chunks.extend(graph.layers.iter().flat_map(|layer| &layer.chunks).map(here));
            for bodies in &graph.secrets {
                chunks.extend(bodies.chunks.iter().map(|chunk| (bodies.namespace.clone(), *chunk)));
            }
        }
        chunks
    }

    /// Drops the oldest releases beyond `limit`, but never the live one.
    pub fn forget_old_releases(&mut self, limit: usize) {
        let excess = self.releases.len().saturating_sub(limit.max(1));
        let live = self.live;
        let mut dropped = 0;
        self.releases.retain(|release| {
            let drop = dropped < excess && Some(release.number) != live;
            dropped += usize::from(drop);
            !drop
        });
    }
}
