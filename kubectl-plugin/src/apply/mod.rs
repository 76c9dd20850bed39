//! From a plan to a changed cluster, and a record of it.
//!
//! In: a target, a plan, what the user wants. Out: events while it runs, an outcome for each step, a release in the
//! record.
//!
//! | module | what |
//! |---|---|
//! | [`target`] | all that is known of a target before planning |
//! | [`observe`] | what is in the cluster now: one metadata LIST for each kind |
//! | [`judge`] | what the server's own schemas say of a plan |
//! | [`drift`] | where the cluster differs from what we applied, and who did it |
//! | [`stored_versions`] | versions of custom kinds that go too early |
//! | [`dry_run`] | what the server would say to a plan |
//! | [`against`] | what applying a graph would change of what is live |
//! | [`live`] | what is live, as a graph beside another |
//! | [`preconditions`] | what must still be so when a saved plan is applied |
//! | `write_ahead` | the record before a run: what is about to be tried, under our lock |
//! | [`event`] | what is told while a run goes |
//! | [`schedule`] | which step may go next, pure |
//! | [`standing`] | how far a run has come, and what waits for what, from its events, pure |
//! | [`namespace`] | the namespace of the destination |
//! | [`lease`] | holding the lock while a run lasts |
//! | [`hold`] | whether a graph may be applied |
//! | [`adopt`] | taking over what is there, as release 0 |
//! | [`hook`] | hooks: their objects, their outcomes |
//! | [`readiness`] | watches that tell when objects are ready or gone |
//! | `by_design` | fields that belong to another by design, pure |
//! | `conflict` | fields that others own |
//! | `scaled` | replicas that are handed over to what scales |
//! | `held` | why what is deleted is not gone yet, pure |
//! | `rewrite` | objects that are replaced, or deleted and made again |
//! | [`step`] | one step: its requests and what their failures mean |
//! | [`run`] | the loop that ties these together |
//! | `release` | the record after a run: what we own now, and the release; or no record any more |
//!
//! # The order of writes
//!
//! 1. The graph's chunks are written.
//! 2. The head is written with our lock and the graph among those that were *attempted*. From now on, whoever comes
//!    next knows what may have been touched.
//! 3. The plan runs. The head is written again when the object of a hook was made, and when a hook has ended.
//! 4. The head is written with what we own now and the release. If all of it worked, nothing is pending any more;
//!    if not, the attempted graphs stay until a run succeeds.
//!
//! Between 2 and 4 the process may die at any moment: the next run finishes or takes back, whatever it wants.

pub mod adopt;
pub mod against;
mod by_design;
mod conflict;
pub mod drift;
pub mod dry_run;
pub mod event;
mod held;
pub mod hold;
pub mod hook;
pub mod judge;
pub mod lease;
pub mod live;
pub mod namespace;
pub mod observe;
#[cfg(test)]
pub(crate) mod plans;
pub mod preconditions;
pub mod readiness;
mod release;
mod rewrite;
pub mod run;
mod scaled;
pub mod schedule;
pub mod standing;
pub mod step;
pub mod stored_versions;
pub mod target;
mod write_ahead;

pub use event::{Event, StepResult};
pub use target::{Destination, LockWatch, Target, TargetError};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Approvals, Bound, Hooks, Plan, Seen};

use crate::record::head::{ReleaseOrigin, StoredGraph};
use crate::record::{Outcome, RecordError, Release};
use crate::sops::Unlocked;

use lease::Lost;
use run::RunOptions;
use step::Context;
use write_ahead::Begun;

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
    pub origin: ReleaseOrigin,
    /// The bytes of the health checks that the origin names.
    pub health_checks: Vec<u8>,
    /// The bytes of the signatures that the origin names.
    pub signatures: Vec<u8>,
    /// Whether the record goes, too, when all of it worked.
    pub delete_record: bool,
    /// The keys of what SOPS encrypted, for all that the plan sends.
    pub unlocked: Arc<Unlocked>,
    /// The field managers of applications that give us objects.
    pub takes_from: Vec<String>,
    /// The release and the graph that a rollback takes back, which are held from then on.
    pub takes_back: Option<(u64, StoredGraph)>,
    /// The hooks that were planned with.
    pub hooks: Hooks,
    /// Whether all that is done is to take over what is there, as release 0.
    pub takes_over: bool,
}

impl Options {
    /// Those of a run with nothing out of the common: no fields are taken, nothing comes from other applications, and what
    /// SOPS encrypted has no key.
    #[must_use]
    pub fn new(run: RunOptions, approvals: Approvals, origin: ReleaseOrigin, hooks: Hooks) -> Self {
        Self {
            run,
            force_conflicts: false,
            approvals,
            history: None,
            origin,
            health_checks: Vec::new(),
            signatures: Vec::new(),
            delete_record: false,
            unlocked: Arc::default(),
            takes_from: Vec::new(),
            takes_back: None,
            hooks,
            takes_over: false,
        }
    }
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
    /// Everything was done but for deleting the record.
    #[error("everything is deleted, but for the record; run again to delete it")]
    RecordLeft(#[source] RecordError),
    /// In the middle the lock was gone.
    #[error("{0}; what this one did is settled by the next")]
    Lost(#[from] Lost),
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
    emit: &mut (dyn FnMut(Event) + Send),
) -> Result<Applied, ApplyError> {
    let Begun { lease, stored, number, late_secrets } =
        write_ahead::begin(target, desired, plan, seen, options).await?;
    // What is begun is not given up because nobody answers for a moment.
    target.records.cluster.is_patient = true;
    target.objects.is_patient = true;
    let context = Arc::new(Context {
        cluster: target.objects.clone(),
        kinds: target.kinds.clone(),
        identity: target.identity.clone(),
        target: target.target_id.clone(),
        release: number,
        graph: desired.graph.id(),
        lease,
        force_conflicts: options.force_conflicts,
        approvals: options.approvals.clone(),
        adopts: options.run.adopt,
        webhook_is_dead: AtomicBool::new(false),
        takes_over: options.takes_over,
        takes_from: options.takes_from.clone(),
        ignored: target.ignored.clone(),
        respects_ignored: options.origin.options.respect_ignore_differences == Some(true),
        propagation: options.origin.options.propagation.unwrap_or_default(),
        own_namespaces: own_namespaces(desired),
        scaled: scaled::of(desired),
        unlocked: Arc::clone(&options.unlocked),
    });
    let live = target.found.as_ref().and_then(|found| found.head.live);
    hook::finish::let_go(&context, &target.hooks.ended_since(live), emit).await;
    hook::finish::abandon(&context, &target.hooks.abandoned(&options.hooks), emit).await;
    let (records, id) = (&target.records, &target.target_id);
    let report = run::run(plan, Arc::clone(&context), &options.run, records, id, late_secrets, emit).await;
    let ended = release::Ended { target, desired, plan, report: &report, options };
    let held = ended.let_go(&context.lease, emit).await;
    let found = context.lease.end().await?;
    let release = ended.release(&found.head, stored, number);
    let hooks = hook::finish::clean_up(&context, &found.head.hooks, ended.of_hooks(&found.head, &release), emit).await;
    // Deleting may have renewed the lease.
    let found = context.lease.end().await?;
    Box::pin(ended.record(found, release.clone(), &held, hooks)).await?;
    Ok(Applied { release, results: report.results })
}

fn own_namespaces(desired: &Bound) -> std::collections::BTreeSet<String> {
    desired.keys().iter().filter(|key| key.is("", "Namespace")).map(|key| key.name.clone()).collect()
}
