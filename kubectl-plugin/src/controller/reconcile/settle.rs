//! Git, the record and the cluster compared, and what follows from that.

use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::plan::Bound;
use jiff::Timestamp;

use crate::application::{AppId, Operation, OperationPhase, OperationState};
use crate::apply::{Destination, Target};
use crate::controller::apps::AttemptOf;
use crate::controller::clusters::Place;
use crate::controller::compare::{Compare, Comparison};
use crate::controller::decide::{Decision, Situation, Why, Window};
use crate::controller::projects::governed;
use crate::controller::report::condition;
use crate::controller::sync::Purpose;
use crate::error::CommandError;
use crate::health::{self, Health};
use crate::record::{Found, Records};
use crate::trace;

use super::{Desired, Look, destination};

/// What a comparison found.
pub(super) struct State {
    pub(super) comparison: Comparison,
    pub(super) bound: Bound,
    has_changed: bool,
    is_held: bool,
    is_emptied: bool,
}

impl State {
    /// Whether something is there that left the graph.
    fn has_left_overs(&self) -> bool {
        self.comparison.resources.iter().any(|resource| resource.requires_pruning)
    }
}

impl Look<'_> {
    /// Compares, syncs where that is to be, and says how things are.
    pub(super) async fn settle(&mut self, desired: &Desired) -> Result<(), CommandError> {
        Box::pin(self.open_target(desired)).await?;
        let mut state = trace::part("compare", Vec::new, Box::pin(self.compare(desired))).await?;
        let request = self.request();
        let now = Timestamp::now();
        let decision = match &request {
            Some(_) => Decision::Sync { retries: 0 },
            None => self.situation(desired, &state, now).decide(),
        };
        match decision {
            Decision::Rest { why, until } => self.rest(why, until, now),
            // Another replica may care for it by now.
            Decision::Sync { .. } | Decision::Heal if !self.controller.owns(&self.object) => return Ok(()),
            Decision::Sync { .. } if request.as_ref().is_some_and(|it| !self.may_be_done(it, desired)) => {}
            Decision::Sync { retries } => {
                let operation = request.unwrap_or_else(|| Operation::automated(prunes(desired)));
                let purpose = match operation.rollback() {
                    Some(to) => Purpose::Rollback(to.map(str::to_owned)),
                    None => Purpose::Deliver,
                };
                self.sync(desired, &operation, retries, purpose).await;
                Box::pin(self.open_target(desired)).await?;
                state = self.compare(desired).await?;
            }
            Decision::Heal => {
                self.memory.heals = self.memory.heals.and_one(now);
                self.sync(desired, &Operation::automated(prunes(desired)), 0, Purpose::Heal).await;
                Box::pin(self.open_target(desired)).await?;
                state = self.compare(desired).await?;
            }
        }
        self.note_orphans(desired, &state).await;
        self.publish(desired, &state).await;
        Ok(())
    }

    /// Where its record is.
    pub(super) async fn records(&self, place: &Place) -> Result<Records, CommandError> {
        self.controller.records(self.id, place).await
    }

    /// Reads the record, unless it is as it was read last.
    async fn open_target(&mut self, desired: &Desired) -> Result<(), CommandError> {
        let place = &desired.place;
        let mut records = self.records(place).await?;
        records.at_hand = Some(Arc::clone(&desired.compiled.graph));
        let record = AppId { namespace: records.namespace.clone(), name: self.id.name.clone() };
        let version = place.cluster.record_versions.version(&record);
        let known = self.memory.target.as_ref().map(|target| target.found.as_ref().map_or(0, Found::version));
        if known.is_some_and(|known| version.is_none_or(|version| version <= known)) {
            let others = self.memory.target.as_mut().filter(|target| !desired.delivery.ignores_as(&target.ignored));
            if let Some(target) = others {
                target.ignored = desired.delivery.ignored().await?;
            }
            return Ok(());
        }
        let (name, namespace) = (desired.application.name.clone(), destination(&desired.application));
        let opening = async { Ok(Target::open(records, name, Destination::Named(namespace)).await?) };
        let mut target = Self::unless_lost(place, Box::pin(opening)).await?;
        target.sightings = Some(Arc::clone(&place.cluster.ground.sightings));
        target.ignored = desired.delivery.ignored().await?;
        place.cluster.users.note_set(&target.identity.apply_set, self.id);
        self.memory.target = Some(target);
        Ok(())
    }

    /// Holds Git, the record and the cluster against each other.
    async fn compare(&mut self, desired: &Desired) -> Result<State, CommandError> {
        let (place, live) = (&desired.place, Arc::clone(&desired.place.cluster.live));
        let Some(target) = self.memory.target.as_mut() else {
            return Err(CommandError::user("the record is not read"));
        };
        let rules = &desired.compiled.rules;
        let looking = async {
            let bound = target.bind(Arc::clone(&desired.compiled.graph)).await?;
            live.set_rules(&target.identity.apply_set, rules);
            let kinds = target.inventory.keys().map(|key| (key.group.as_str(), key.kind.as_str()));
            live.watch(&target.kinds, kinds).await;
            let observation = target.observe(None, false).await?;
            Ok((bound, observation))
        };
        let (bound, observation) = Self::unless_lost(place, looking).await?;
        let head = target.found.as_ref().map(|found| &found.head);
        let is_settled = head.is_some_and(|head| head.pending.is_none());
        let compare = Compare { desired: &bound, inventory: &target.inventory, seen: &observation.seen, is_settled };
        let comparison = compare.compare(|key| {
            let Some(object) = live.object(key) else {
                let unseen = || Health::new(health::Status::Progressing, "it is not seen yet");
                return rules.is_assessed(&key.group, &key.kind).then(|| (unseen(), true));
            };
            Some((object.health?, !object.is_ignored))
        });
        let has_changed = target.is_changed_by(&bound);
        let is_held = has_changed && target.held(&bound).await?.is_some();
        let is_emptied = bound.content_keys().next().is_none() && !target.inventory.is_empty();
        Ok(State { comparison, bound, has_changed, is_held, is_emptied })
    }

    fn situation<'p>(&self, desired: &'p Desired, state: &State, now: Timestamp) -> Situation<'p> {
        let policy = desired.application.spec.sync_policy.as_ref();
        let windows = desired.project.windows.state(&governed(self.id, &desired.application, desired.cluster()), now);
        let of = attempt_of(desired);
        let last = self.memory.attempt.as_ref().filter(|(tried, _)| *tried == of).map(|(_, attempt)| *attempt);
        Situation {
            now,
            automated: policy.and_then(|policy| policy.automated.as_ref()),
            retry: policy.and_then(|policy| policy.retry.as_ref()),
            window: Window { is_open: windows.automatic, changes: windows.changes },
            is_held: state.is_held,
            has_changed: state.has_changed,
            has_left_overs: prunes(desired) && state.has_left_overs(),
            has_drifted: state.comparison.has_drifted,
            is_emptied: state.is_emptied,
            last,
            heals: self.memory.heals,
        }
    }

    /// Nothing is done. Says why, where something could have been.
    fn rest(&mut self, why: Option<Why>, until: Option<Timestamp>, now: Timestamp) {
        if let Some(wait) = until.and_then(|until| Duration::try_from(until.duration_since(now)).ok()) {
            self.come_again(wait);
        }
        let last = self.memory.operation.as_ref().map(|state| state.message.clone()).unwrap_or_default();
        let told = match why {
            Some(Why::Held) => condition(
                "RollbackHoldWarning",
                format!(
                    "what Git says was rolled back and is held; `kubectl gitops release {}` lets it go out again",
                    self.id.name
                ),
            ),
            Some(Why::Emptied) => condition(
                "SyncError",
                "everything would be deleted: syncPolicy.automated.allowEmpty allows that".to_owned(),
            ),
            Some(Why::Failed) => condition("SyncError", format!("it is not tried again: {last}")),
            Some(Why::Backoff) if self.memory.operation.as_ref().is_some_and(failed) => condition("SyncError", last),
            Some(Why::Window | Why::Backoff) | None => return,
        };
        self.conditions.push(told);
    }
}

fn failed(state: &OperationState) -> bool {
    matches!(state.phase, OperationPhase::Failed | OperationPhase::Error)
}

/// Whether the policy deletes what leaves Git.
pub(super) fn prunes(desired: &Desired) -> bool {
    let policy = desired.application.spec.sync_policy.as_ref();
    policy.and_then(|policy| policy.automated.as_ref()).is_some_and(|automated| automated.prune)
}

/// What a sync of this is told by.
pub(super) fn attempt_of(desired: &Desired) -> AttemptOf {
    let graph = desired.compiled.graph.id().to_string();
    AttemptOf { graph, spec: desired.from.spec, prunes: prunes(desired) }
}
