//! One sync: a graph is applied, and told of in Argo CD's words.
//!
//! In: an application, a graph, who asks and why. Out: [`Synced`]. All that the command line refuses is refused here, too:
//! what belongs to other applications, what is held, what needs a word. The word of a controller is in annotations of the
//! Application ([`ALLOW_DELETE`], [`ALLOW_RECREATE`]), in notes of the same names of a request, and in a request that a person
//! makes with `prune`.

mod outcome;
mod partial;
mod planned;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::lock::{Digest, Entry};
use gitops_compiler::manifest::{Removal, SyncOptions};
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::{Approvals, Bound, Plan, Seen};
use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::application::{Operation, OperationPhase, annotation};
use crate::apply::hold::Held;
use crate::apply::observe::Sightings;
use crate::apply::run::{RunOptions, Stop};
use crate::apply::{Applied, Destination, Event, LockWatch, Options, Target, TargetError, apply, namespace};
use crate::error::CommandError;
use crate::health::Rules;
use crate::json::{RunEventJson, RunJson, Telling};
use crate::record::Records;
use crate::record::head::{Commit, MOST_INPUTS, ReleaseOrigin, StoredGraph};
use crate::record::pack::{self, Packed};
use crate::record::rollback::{choose, taken_back};
use crate::settings::Delivery;
use crate::sops::{KeySources, Unlocked, unlock};
use crate::trace;

use super::argo_cd::MANAGE;
use outcome::{ended, tried};

pub use outcome::{NOT_TRIED, Synced, TERMINATED};
pub use planned::Planned;

/// Kinds that may be deleted although that loses more than the object; with `many`, most of the application at once.
pub const ALLOW_DELETE: &str = "kubectl-gitops/allow-delete";

/// Kinds whose objects may be deleted and made again.
pub const ALLOW_RECREATE: &str = "kubectl-gitops/allow-recreate";

/// Confirms what asks for a confirmation before it is deleted, as in Argo CD: a time.
pub const DELETION_APPROVED: &str = "argocd.argoproj.io/deletion-approved";

/// How long another run is waited for, each time; what was seen of its lock is remembered.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// How long an object is waited for.
const READY_TIMEOUT: Duration = Duration::from_mins(5);

/// What all syncs have in common.
#[derive(Clone)]
pub struct Ground {
    /// Who knows what is in the cluster.
    pub sightings: Arc<dyn Sightings>,
    /// By which rules objects are ready, where their application has none of its own.
    pub rules: Rules,
    /// Where keys are that open what SOPS encrypted.
    pub keys: Arc<KeySources>,
}

/// Why something is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// It is what Git says.
    Deliver,
    /// It is what is live, and was changed.
    Heal,
    /// It is what a prior release was: this one, or the newest that succeeded and differs.
    Rollback(Option<String>),
}

/// A graph, and where it comes from.
struct Wanted {
    graph: Arc<ResourceGraph>,
    commit: Option<Commit>,
    /// The digest of the bundle that it was, where it was one.
    bundle: Option<Digest>,
    /// The signatures that were beside it.
    signatures: Packed,
    inputs: Vec<Entry>,
    /// The release whose graph it is, and what a rollback to it takes back.
    rollback_to: Option<u64>,
    takes_back: Option<(u64, StoredGraph)>,
}

/// What to do.
pub struct Order<'a> {
    /// The Application.
    pub object: &'a Json,
    /// Its name.
    pub name: AppName,
    /// Where manifests without a namespace go.
    pub destination: &'a str,
    /// What is applied.
    pub graph: Arc<ResourceGraph>,
    /// How.
    pub delivery: &'a Delivery,
    /// By which rules its objects are ready.
    pub rules: &'a Rules,
    /// The commit.
    pub commit: Option<Commit>,
    /// What it is made of.
    pub inputs: Vec<Entry>,
    /// Who asks.
    pub operation: &'a Operation,
    /// Whether the policy prunes.
    pub prunes: bool,
    /// Why.
    pub purpose: Purpose,
    /// Who may end it before.
    pub stop: Stop,
    /// In whose name it is applied; in the controller's where absent.
    pub acts_as: Option<String>,
    /// Says of each resource whether the project permits it.
    pub permits: &'a (dyn Fn(&ResourceKey) -> Result<(), String> + Sync),
    /// Says whether the Application is still this replica's, and what is asked of it still stands.
    pub is_ours: &'a (dyn Fn() -> bool + Sync),
    /// Hears what is told of the run, as the command line tells it.
    pub tell: &'a (dyn Fn(RunEventJson) + Send + Sync),
}

impl Order<'_> {
    /// Runs it. `told` hears how far it is.
    ///
    /// # Errors
    /// Where it did not begin.
    pub async fn run(
        self,
        records: Records,
        ground: &Ground,
        watch: &mut LockWatch,
        told: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Synced, CommandError> {
        let (name, destination) = (self.name.clone(), Destination::Named(self.destination));
        let mut say = |message: String| {
            (self.tell)(RunEventJson::Note { message: message.clone() });
            told(message);
        };
        let opened = Target::open_watched(records, name, destination, LOCK_PATIENCE, watch, &mut say);
        let target = match opened.await {
            Err(error) if is_busy(&error) => return Ok(Synced::busy(error.to_string())),
            opened => opened?,
        };
        let planned = trace::part("plan", Vec::new, Box::pin(self.planned(target, ground))).await?;
        let Planned { mut target, wanted, desired, seen, approvals, hooks, plan, .. } = planned.or_refused()?;
        let choices = self.operation.choices();
        let unlocked = self.unlocked(&plan, ground).await?;
        if self.operation.sync.as_ref().is_some_and(|sync| sync.dry_run) {
            return Ok(tried(&target, &plan, &unlocked).await);
        }
        let is_locked = target.found.as_ref().is_some_and(|found| found.head.lock.is_some());
        // A part of what is live is not a release of its own because no hooks were run.
        let is_live = |base: &Bound| base.graph.content_root() == desired.graph.content_root();
        let is_no_part = !choices.is_empty() && target.base.as_ref().is_some_and(is_live);
        if plan.is_empty() && !is_locked && (is_no_part || !target.is_changed_by(&desired)) {
            let (phase, message) = (OperationPhase::Succeeded, "successfully synced (no more tasks)".to_owned());
            return Ok(Synced { phase, message, resources: Vec::new(), is_busy: false });
        }
        if !(self.is_ours)() {
            return Ok(Synced::busy("another replica cares for it now, or it is asked no longer".to_owned()));
        }
        namespace::ensure(&target, &desired, &self.delivery.namespace).await?;
        let options = self.run_options(&target, wanted, approvals, hooks, unlocked);
        let applied = self.applied(&mut target, (&desired, &plan), &seen, &options, told).await?;
        Ok(ended(&plan, &applied))
    }

    /// Applies it, and tells of each event.
    async fn applied(
        &self,
        target: &mut Target,
        (desired, plan): (&Bound, &Plan),
        seen: &BTreeMap<ResourceKey, Seen>,
        options: &Options,
        told: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Applied, CommandError> {
        RunEventJson::of_plan(&self.name, desired.graph.id(), plan).into_iter().for_each(self.tell);
        let requests = target.records.cluster.connection.requests();
        let (began, mut telling, mut notes) = (Instant::now(), Telling::default(), Vec::new());
        let mut emit = |event: Event| {
            (self.tell)(telling.of(plan, &event));
            match event {
                Event::Waiting { object, reason, .. } | Event::StillWaiting { object, reason, .. } => {
                    told(format!("waiting for healthy state of {object}: {reason}"));
                }
                Event::Note(note) => notes.push(note),
                _ => {}
            }
        };
        let applied = apply(target, desired, plan, seen, options, &mut emit).await?;
        // Of this controller, as of this run: others may run beside it.
        let requests = target.records.cluster.connection.requests().saturating_sub(requests);
        let run = RunJson::new(&self.name, plan, &applied, notes, requests);
        (self.tell)(RunEventJson::of_run(&run, began.elapsed()));
        Ok(applied)
    }

    /// What is applied.
    async fn wanted(&self, target: &Target) -> Result<Wanted, CommandError> {
        let Purpose::Rollback(to) = &self.purpose else {
            let (graph, commit, inputs) = (Arc::clone(&self.graph), self.commit.clone(), self.inputs.clone());
            let (bundle, signatures) = (None, Packed::default());
            return Ok(Wanted { graph, commit, bundle, signatures, inputs, rollback_to: None, takes_back: None });
        };
        let head = target.recorded_head()?;
        let release = choose(head, to.as_deref());
        let release = release.map_err(|error| CommandError::user(error.to_string()).hint(error.hint()))?;
        let takes_back = taken_back(head).filter(|(_, graph)| graph.id != release.graph.id);
        let takes_back = takes_back.map(|(number, graph)| (number, graph.clone()));
        let graph = Arc::new(target.records.graph(&release.graph, &target.target_id).await?);
        let ReleaseOrigin { commit, bundle, inputs, .. } = release.origin.clone();
        // What cannot be read any more is not kept: whoever asks for signatures refuses the release then.
        let signatures = target.records.packed_signatures(&release.origin, &target.target_id).await.unwrap_or_default();
        Ok(Wanted { graph, commit, bundle, signatures, inputs, rollback_to: Some(release.number), takes_back })
    }

    /// What is there after a sync of some resources only.
    async fn part(&self, target: &mut Target, desired: &Bound) -> Result<Bound, CommandError> {
        if self.purpose != Purpose::Deliver {
            return Err(CommandError::user("only what Git says can be synced in part"));
        }
        if target.found.as_ref().is_some_and(|found| found.head.pending.is_some()) {
            let hint = "sync the application as a whole, or roll it back";
            return Err(
                CommandError::refused("the last run did not succeed: only a part would leave it half done").hint(hint)
            );
        }
        let prunes = target.options.prune.unwrap_or_default() == Removal::Delete;
        let graph = partial::graph(target.base.as_ref(), desired, self.operation.choices(), prunes)?;
        Ok(target.bind(Arc::new(graph)).await?)
    }

    /// What the Application and whoever asks want.
    fn options(&self) -> Result<SyncOptions, CommandError> {
        let sync = self.operation.sync.clone().unwrap_or_default();
        if !sync.manifests.is_empty() {
            let hint = "commit them, or apply them with `kubectl gitops apply`";
            return Err(CommandError::user("manifests that come with a request are not applied").hint(hint));
        }
        let mut options = self.delivery.options_with(&sync.sync_options);
        // What a release did not have goes, whatever the policy of a sync is.
        let prunes = self.prunes || sync.prune || matches!(self.purpose, Purpose::Rollback(_));
        if !prunes && options.prune.unwrap_or_default() == Removal::Delete {
            options.prune = Some(Removal::Keep);
        }
        Ok(options)
    }

    fn approvals(&self) -> Approvals {
        // Who may ask for something may write annotations, too.
        let texts = |name: &str| annotation(self.object, name).into_iter().chain(self.operation.note(name));
        let words = |name: &str| -> BTreeSet<String> {
            let words = texts(name).flat_map(|text| text.split(','));
            words.map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        let delete = words(ALLOW_DELETE);
        let is_person = self.operation.initiated_by.as_ref().is_none_or(|by| !by.automated);
        let asks = is_person && self.operation.sync.as_ref().is_some_and(|sync| sync.prune);
        Approvals {
            many: asks || delete.contains("many"),
            delete,
            // The policy was asked before.
            empty: true,
            confirmed: texts(DELETION_APPROVED).next().is_some(),
            recreate: words(ALLOW_RECREATE),
            rerun_hooks: is_person,
        }
    }

    async fn unlocked(&self, plan: &Plan, ground: &Ground) -> Result<Arc<Unlocked>, CommandError> {
        let (plan, keys) = (plan.clone(), Arc::clone(&ground.keys));
        // It reads files and waits for gpg.
        match tokio::task::spawn_blocking(move || unlock(&plan, &keys)).await {
            Ok(Ok(unlocked)) => Ok(Arc::new(unlocked)),
            Ok(Err(problems)) => Err(CommandError::user("what SOPS encrypted cannot be opened").details(problems)),
            Err(_) => Err(CommandError::user("what SOPS encrypted cannot be opened: a bug of ours ended the attempt")),
        }
    }

    fn run_options(
        &self,
        target: &Target,
        wanted: Wanted,
        approvals: Approvals,
        hooks: gitops_compiler::plan::Hooks,
        unlocked: Arc<Unlocked>,
    ) -> Options {
        let Wanted { commit, bundle, signatures, inputs, rollback_to, takes_back, .. } = wanted;
        let inputs = if inputs.len() > MOST_INPUTS { Vec::new() } else { inputs };
        // What cannot be kept is not: whoever needs it finds it in Git.
        let checks = Some(self.rules.texts()).filter(|texts| !texts.is_empty()).and_then(pack::health_checks);
        let (names, health_checks) = checks.unwrap_or_default();
        let origin = ReleaseOrigin {
            time: Timestamp::now(),
            actor: self.operation.actor().to_owned(),
            by_controller: true,
            commit,
            bundle,
            rollback_to,
            is_partial: !self.operation.choices().is_empty(),
            options: target.options.clone(),
            ignored: target.ignored.rules().to_vec(),
            inputs,
            health_checks: names,
            signatures: signatures.chunks,
        };
        let waits = self.operation.waits();
        // What others wait for is waited for; how the rest does is for the status to say, as long as it lives, unless whoever
        // asks wants to know.
        let run = RunOptions::new(waits.is_some(), waits.unwrap_or(READY_TIMEOUT), self.rules.clone());
        // Whoever moves an Application here moves its objects, too.
        let adopt = annotation(self.object, MANAGE) == Some("true");
        let run = RunOptions { adopt, stop: self.stop.clone(), ..run };
        Options {
            // What the cluster has of others is put back by the policy that says so, and by whoever forces it.
            force_conflicts: self.purpose == Purpose::Heal || self.operation.is_forced(),
            history: self.delivery.history_limit,
            unlocked,
            takes_back,
            health_checks,
            signatures: signatures.bytes,
            ..Options::new(run, approvals, origin, hooks)
        }
    }
}

/// What a guard says, in words that an Application can say.
fn in_annotations(guard: &str) -> String {
    guard
        .replace("--allow-many-deletions", &format!("the annotation {ALLOW_DELETE}: many"))
        .replace("--allow-delete", &format!("the annotation {ALLOW_DELETE}:"))
        .replace("--allow-recreate", &format!("the annotation {ALLOW_RECREATE}:"))
}

/// Why a held graph is not applied.
fn refusal_of(by: &Held<'_>, name: &AppName) -> CommandError {
    let message = match by {
        Held::All(all) => {
            let reason = all.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{name} is held by {}{reason}", all.actor)
        }
        Held::Difference(hold) => {
            format!("this has all that was taken back with release {} by {}", hold.release, hold.actor)
        }
    };
    CommandError::refused(message).hint(format!("`kubectl gitops release {name}` lets it go out again"))
}

async fn refuse_claimed(target: &Target, claimed: &[(ResourceKey, String)]) -> Result<(), CommandError> {
    if claimed.is_empty() {
        return Ok(());
    }
    let mut details = Vec::new();
    for (key, apply_set) in claimed {
        let owner = target.records.owner_of(apply_set).await;
        details.push(format!("{key} belongs to {}", owner.unwrap_or_else(|| "another application".to_owned())));
    }
    Err(CommandError::refused("objects belong to other applications").details(details))
}

/// Whether somebody else is at it, so that nothing was tried.
fn is_busy(error: &TargetError) -> bool {
    matches!(error, TargetError::Locked { .. })
}
