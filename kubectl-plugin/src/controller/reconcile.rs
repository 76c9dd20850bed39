//! One look at one Application: from its object to its status.
//!
//! In: an object, and what is remembered of it. Out: what Git says is in the cluster, where the policy wants that, and a
//! status that says how things are. A look that finds nothing new sends nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::app::{Application, SyncPolicy};
use gitops_compiler::diagnostic::Diagnostic;
use gitops_compiler::lock::{Entry as LockEntry, Pin, Request};
use gitops_compiler::plan::Bound;
use gitops_compiler::render::Capabilities;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::application::{
    AppId, Condition, Operation, OperationPhase, OperationState, POLLING, REFRESH, Status, SyncResult, WEBHOOK_SECRET,
    annotation, is_deleted,
};
use crate::apply::{Destination, Target};
use crate::cluster::{Cluster, Failure};
use crate::error::CommandError;
use crate::project::AppProject;
use crate::record::Records;

use super::Controller;
use super::apps::{AttemptOf, CompiledFrom, Memory};
use super::compare::{Compare, Comparison};
use super::compile::{self, Compiled};
use super::decide::{self, Attempt, Decision, Situation, Why, Window};
use super::events;
use super::projects::{self, governed};
use super::removal;
use super::report::{self, Report, condition, written};
use super::sync::{Order, Purpose, Synced};

/// The cluster that a controller runs in, as destinations name it.
const HERE: [&str; 2] = ["https://kubernetes.default.svc", "in-cluster"];

/// What a look that failed for a passing reason is followed by.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// A sync that takes longer than this is told while it runs, and then as often as this.
const TELL_AFTER: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What the cluster is believed to be for so long.
const KUBERNETES_LASTS: Duration = Duration::from_mins(5);

/// Which Kubernetes charts are told of.
#[derive(Default)]
pub struct Kubernetes {
    known: tokio::sync::Mutex<Option<KnownKubernetes>>,
}

#[derive(Clone)]
struct KnownKubernetes {
    asked: Instant,
    /// Rises with each change.
    number: u64,
    told: Capabilities,
}

impl Kubernetes {
    /// What it is, and a number that rises where that changes. What was known counts where nobody answers.
    async fn told(&self, cluster: &Cluster) -> Result<(Capabilities, u64), Failure> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.asked.elapsed() < KUBERNETES_LASTS) {
            return Ok((known.told.clone(), known.number));
        }
        let before = known.clone();
        let asked = async {
            let kinds = cluster.discover().await?;
            if let Some(group) = kinds.silent().next() {
                return Err(Failure::Silent(group.to_owned()));
            }
            let kube_version = Some(cluster.full_version().await?);
            Ok(Capabilities { kube_version, api_versions: kinds.api_versions() })
        };
        let told = match (asked.await, &before) {
            (Ok(told), _) => told,
            (Err(_), Some(before)) => before.told.clone(),
            (Err(failure), None) => return Err(failure),
        };
        let is_same = |before: &KnownKubernetes| {
            let parts = |told: &Capabilities| (told.kube_version.clone(), told.api_versions.clone());
            parts(&before.told) == parts(&told)
        };
        let number = before.as_ref().map_or(0, |before| before.number + u64::from(!is_same(before)));
        *known = Some(KnownKubernetes { asked: Instant::now(), number, told: told.clone() });
        Ok((told, number))
    }
}

/// Looks at an Application.
pub async fn reconcile(controller: &Controller, id: &AppId) {
    let Some(entry) = controller.apps.get(id) else { return };
    let began = Instant::now();
    let mut memory = entry.memory.lock().await;
    let mut look =
        Look { controller, id, object: entry.object, memory: &mut memory, conditions: Vec::new(), again: None };
    look.run().await;
    controller.metrics.looked(began.elapsed());
    if let Some(after) = look.again {
        controller.queue.add_after(id, after);
    }
}

/// A look.
struct Look<'a> {
    controller: &'a Controller,
    id: &'a AppId,
    object: Arc<Json>,
    memory: &'a mut Memory,
    conditions: Vec<Condition>,
    /// When to look again.
    again: Option<Duration>,
}

/// An Application that was understood, and what it compiles to.
struct Desired {
    application: Application,
    project: Arc<AppProject>,
    from: CompiledFrom,
    compiled: Compiled,
    revisions: Vec<String>,
}

impl Look<'_> {
    async fn run(&mut self) {
        if is_deleted(&self.object) {
            if let Err(error) = removal::remove(self.controller, self.id, &self.object).await {
                self.say("DeletionError", &error);
                self.come_again(TRY_AGAIN);
                self.publish_failure(None).await;
            }
            return;
        }
        if let Some(why) = self.controller.others.at(&self.object, self.controller.cluster.connection.server_time()) {
            self.leave_alone(why).await;
            return;
        }
        let (application, lints, project) = match self.understood().await {
            Ok((application, lints, project)) => (self.at_asked_revision(application), lints, project),
            Err(error) => {
                self.say("InvalidSpecError", &error);
                return self.publish_failure(None).await;
            }
        };
        let desired = match self.desired(application.clone(), lints, project).await {
            Ok(desired) => desired,
            Err(error) => {
                self.say("ComparisonError", &error);
                return self.publish_failure(Some(&application)).await;
            }
        };
        if let Err(error) = self.settle(&desired).await {
            self.say("ComparisonError", &error);
            self.come_again(TRY_AGAIN);
            self.publish_failure(Some(&application)).await;
        }
    }

    /// The Application and its project, where it is one that can be ours.
    async fn understood(&self) -> Result<(Application, Vec<Diagnostic>, Arc<AppProject>), CommandError> {
        let (application, lints) = compile::read(&self.object)?;
        let destination = &application.spec.destination;
        let cluster = if destination.server.is_empty() { &destination.name } else { &destination.server };
        if !HERE.contains(&cluster.trim_end_matches('/')) {
            let message = format!("the destination `{cluster}` is not the cluster that this controller runs in");
            return Err(CommandError::user(message).hint(format!("that is {}", HERE[0])));
        }
        let project = self.controller.projects.get(application.project()).await?;
        projects::check(&project, self.id, &application, &self.controller.settings.namespace)?;
        Ok((application, lints, project))
    }

    /// The Application at the revision that a request names instead of its own.
    fn at_asked_revision(&self, mut application: Application) -> Application {
        let Some(sync) = self.request().and_then(|operation| operation.sync) else { return application };
        let one = Some(sync.revision).filter(|revision| !revision.is_empty());
        if let (Some(source), Some(revision)) = (application.spec.source.as_mut(), one) {
            source.target_revision = revision;
        }
        for (source, revision) in application.spec.sources.iter_mut().zip(sync.revisions) {
            if !revision.is_empty() {
                source.target_revision = revision;
            }
        }
        application
    }

    /// What Git says now.
    async fn desired(
        &mut self,
        application: Application,
        lints: Vec<Diagnostic>,
        project: Arc<AppProject>,
    ) -> Result<Desired, CommandError> {
        let controller = self.controller;
        let requests = compile::requests(&application);
        let period = self.period();
        self.look_at_webhooks(&application).await;
        if self.memory.requests != requests {
            controller.refs.needs(self.id, &requests, period);
            self.memory.requests.clone_from(&requests);
        }
        let refresh = annotation(&self.object, REFRESH);
        let since = refresh.map(|_| Instant::now());
        let (mut pins, mut failures) = (BTreeMap::new(), Vec::new());
        for request in &requests {
            let known = controller.refs.pin(request, since).await;
            failures.extend(known.failure);
            pins.extend(known.pin.map(|pin| (request.clone(), pin)));
        }
        if pins.len() < requests.len() {
            self.come_again(TRY_AGAIN);
            return Err(CommandError::user("a source cannot be had").details(failures));
        }
        if !failures.is_empty() {
            // What was known holds until the server answers again.
            self.conditions.push(condition("ComparisonError", failures.join("; ")));
        }
        if refresh == Some("hard") {
            self.memory.compiled = None;
            self.memory.implied.clear();
            self.memory.target = None;
        }
        let failed = |failure: Failure| {
            CommandError::user("the cluster does not say which Kubernetes it is").details(vec![failure.to_string()])
        };
        let (capabilities, cluster) = controller.kubernetes.told(&controller.cluster).await.map_err(failed)?;
        let from = CompiledFrom { spec: hash(&self.object), pins, cluster };
        let compiled = self.compiled(&application, lints, &from, capabilities).await?;
        let sources = application.sources().iter();
        let requests = sources.map(crate::settings::RepositoryServer::request_of);
        let revisions = requests.filter_map(|request| from.pins.get(&request).map(compile::revision)).collect();
        Ok(Desired { application, project, from, compiled, revisions })
    }

    async fn compiled(
        &mut self,
        application: &Application,
        lints: Vec<Diagnostic>,
        from: &CompiledFrom,
        capabilities: Capabilities,
    ) -> Result<Compiled, CommandError> {
        if let Some((of, known)) = self.memory.compiled.as_ref().filter(|(of, _)| of == from) {
            debug_assert_eq!(of, from);
            return known.clone().map_err(CommandError::user);
        }
        let mut pins = self.memory.implied.clone();
        pins.extend(from.pins.clone());
        let compiled = self.controller.compiler.compile(application.clone(), lints, pins, capabilities).await;
        if let Ok(compiled) = &compiled {
            let is_implied = |(request, _): &&(Request, Pin)| !from.pins.contains_key(request);
            self.memory.implied = compiled.inputs.iter().filter(is_implied).cloned().collect();
        }
        let kept = compiled.as_ref().map(Clone::clone).map_err(CommandError::in_one_line);
        self.memory.compiled = Some((from.clone(), kept));
        compiled
    }

    /// Whose secret counts for its webhooks; looked at again where the Application says something else.
    async fn look_at_webhooks(&mut self, application: &Application) {
        let said = json!([
            self.object["spec"]["webhook"], annotation(&self.object, WEBHOOK_SECRET), sources_text(&self.object),
        ]);
        let of = *blake3::hash(said.to_string().as_bytes()).as_bytes();
        let known = self.memory.webhooks.take().filter(|(known, ..)| *known == of);
        let (of, whose, problems) = match known {
            Some(known) => known,
            None => {
                let controller = self.controller;
                let set = controller.webhooks.set(&controller.cluster, self.id, &self.object, application);
                let (whose, problems) = set.await;
                (of, whose, problems)
            }
        };
        self.conditions.extend(problems.iter().map(|problem| condition("WebhookSecretWarning", problem.as_str())));
        // What is not there yet is looked for again.
        self.memory.webhooks = problems.is_empty().then_some((of, whose, problems)).or(Some(([0; 32], whose, Vec::new())));
    }

    /// How often Git is asked for it.
    fn period(&self) -> Option<Duration> {
        let said = annotation(&self.object, POLLING).and_then(decide::duration);
        said.or(self.controller.settings.polling).filter(|period| !period.is_zero())
    }

    /// Compares, syncs where that is to be, and says how things are.
    async fn settle(&mut self, desired: &Desired) -> Result<(), CommandError> {
        self.open_target(desired).await?;
        let mut state = self.compare(desired).await?;
        let request = self.request();
        let now = Timestamp::now();
        let decision = match &request {
            Some(_) => Decision::Sync { retries: 0 },
            None => self.situation(desired, &state, now).decide(),
        };
        match decision {
            Decision::Rest { why, until } => self.rest(why, until, now),
            Decision::Sync { .. } if request.is_some() && !self.may_sync_by_hand(desired, now) => {}
            Decision::Sync { retries } => {
                let operation = request.clone().unwrap_or_else(|| Operation::automated(self.prunes(desired)));
                let purpose = match operation.rollback() {
                    Some(to) => Purpose::Rollback(to.map(str::to_owned)),
                    None => Purpose::Deliver,
                };
                self.sync(desired, &operation, retries, purpose).await;
                self.open_target(desired).await?;
                state = self.compare(desired).await?;
            }
            Decision::Heal => {
                self.memory.heals = self.memory.heals.and_one(now);
                self.sync(desired, &Operation::automated(self.prunes(desired)), 0, Purpose::Heal).await;
                self.open_target(desired).await?;
                state = self.compare(desired).await?;
            }
        }
        self.publish(desired, &state, request.is_some()).await
    }

    /// Whether windows let people sync; where not, the request is answered.
    fn may_sync_by_hand(&mut self, desired: &Desired, now: Timestamp) -> bool {
        let windows = desired.project.windows.state(&governed(self.id, &desired.application), now);
        if windows.manual {
            return true;
        }
        let operation = self.request().unwrap_or_default();
        let why = windows.reason().unwrap_or_else(|| "sync windows do not allow it".to_owned());
        let at = written(now);
        self.memory.operation = Some(OperationState {
            operation,
            phase: OperationPhase::Error,
            message: why,
            started_at: at.clone(),
            finished_at: at,
            ..OperationState::default()
        });
        false
    }

    /// What somebody asks for.
    fn request(&self) -> Option<Operation> {
        let asked = self.object.get("operation").filter(|operation| operation.is_object())?;
        Some(serde_json::from_value(asked.clone()).unwrap_or_default())
    }

    fn policy(desired: &Desired) -> SyncPolicy {
        desired.application.spec.sync_policy.clone().unwrap_or_default()
    }

    fn prunes(&self, desired: &Desired) -> bool {
        Self::policy(desired).automated.is_some_and(|automated| automated.prune)
    }

    fn records(&self) -> Records {
        let controller = self.controller;
        let (cluster, store) = (controller.cluster.clone(), controller.store.clone());
        Records { cluster, namespace: self.id.namespace.clone(), store }
    }

    /// Reads the record, unless it is as it was read last.
    async fn open_target(&mut self, desired: &Desired) -> Result<(), CommandError> {
        let version = self.controller.heads.version(self.id);
        let known = self.memory.target.as_ref().map(|target| target.found.as_ref().map_or(0, |found| found.version()));
        if known.is_some_and(|known| version.is_none_or(|version| version <= known)) {
            return Ok(());
        }
        let (name, namespace) = (desired.application.name.clone(), destination(&desired.application));
        let mut target = Target::open(self.records(), name, Destination::Named(namespace)).await?;
        target.sightings = Some(Arc::clone(&self.controller.ground.sightings));
        target.ignored = desired.compiled.delivery.ignored().await?;
        self.controller.apps.note_set(&target.identity.apply_set, self.id);
        self.memory.target = Some(target);
        Ok(())
    }

    /// Holds Git, the record and the cluster against each other.
    async fn compare(&mut self, desired: &Desired) -> Result<State, CommandError> {
        let live = Arc::clone(&self.controller.live);
        let Some(target) = self.memory.target.as_mut() else {
            return Err(CommandError::user("the record is not read"));
        };
        let bound = target.bind(Arc::clone(&desired.compiled.graph)).await?;
        let kinds = target.inventory.keys().map(|key| (key.group.as_str(), key.kind.as_str()));
        live.watch(&target.kinds, kinds).await;
        let observation = target.observe(None, false).await?;
        let head = target.found.as_ref().map(|found| &found.head);
        let is_settled = head.is_some_and(|head| head.pending.is_none());
        let compare =
            Compare { desired: &bound, inventory: &target.inventory, seen: &observation.seen, is_settled };
        let comparison = compare.compare(|key| {
            let object = live.object(key)?;
            Some((object.health?, !object.is_ignored))
        });
        let has_changed = target.is_changed_by(&bound);
        let held = if has_changed { target.held(&bound).await?.is_some() } else { false };
        let is_emptied = bound.content_keys().next().is_none() && !target.inventory.is_empty();
        Ok(State { comparison, bound, has_changed, is_held: held, is_emptied })
    }

    fn situation<'p>(&self, desired: &'p Desired, state: &State, now: Timestamp) -> Situation<'p> {
        let policy = desired.application.spec.sync_policy.as_ref();
        let windows = desired.project.windows.state(&governed(self.id, &desired.application), now);
        let of = self.attempt_of(desired);
        let last = self.memory.attempt.as_ref().filter(|(tried, _)| *tried == of).map(|(_, attempt)| *attempt);
        Situation {
            now,
            automated: policy.and_then(|policy| policy.automated.as_ref()),
            retry: policy.and_then(|policy| policy.retry.as_ref()),
            window: Window { is_open: windows.automatic, changes: windows.changes },
            is_held: state.is_held,
            has_changed: state.has_changed || self.prunes(desired) && state.has_left_overs(),
            has_drifted: state.comparison.has_drifted,
            is_emptied: state.is_emptied,
            last,
            heals: self.memory.heals,
        }
    }

    fn attempt_of(&self, desired: &Desired) -> AttemptOf {
        let graph = desired.compiled.graph.id().to_string();
        AttemptOf { graph, spec: desired.from.spec, prunes: self.prunes(desired) }
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

    async fn sync(&mut self, desired: &Desired, operation: &Operation, retries: i64, purpose: Purpose) {
        let controller = self.controller;
        let started = written(Timestamp::now());
        let state = OperationState {
            operation: operation.clone(),
            phase: OperationPhase::Running,
            started_at: started,
            retry_count: retries,
            ..OperationState::default()
        };
        let is_delivery = purpose == Purpose::Deliver;
        let verb = verb(&purpose);
        let graph = match (&purpose, self.memory.target.as_ref().and_then(|target| target.base.as_ref())) {
            // What is healed is what is live, whatever Git says meanwhile.
            (Purpose::Heal, Some(base)) => Arc::clone(&base.graph),
            _ => Arc::clone(&desired.compiled.graph),
        };
        let progress = std::sync::Mutex::new(String::new());
        let told = |message: String| {
            *progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = message;
        };
        let order = Order {
            object: &self.object,
            name: desired.application.name.clone(),
            destination: destination(&desired.application),
            graph,
            delivery: &desired.compiled.delivery,
            commit: desired.compiled.commit.clone(),
            inputs: desired.compiled.inputs.iter().filter_map(|(request, pin)| LockEntry::new(request, pin)).collect(),
            operation,
            prunes: self.prunes(desired),
            purpose,
            permits: &|key| projects::permits(&desired.project, key),
        };
        let running = Box::pin(order.run(self.records(), &controller.ground, &told));
        let outcome = self.while_telling(running, &state, &progress).await;
        let synced = outcome.unwrap_or_else(|error| Synced::error(&error));
        let ended = Timestamp::now();
        let succeeded = synced.phase == OperationPhase::Succeeded;
        if is_delivery {
            self.memory.attempt = Some((self.attempt_of(desired), Attempt { succeeded, ended, retries }));
        }
        controller.metrics.synced(self.id, desired.application.project(), synced.phase);
        let commit = desired.revisions.first().map(|revision| short(revision)).unwrap_or_default();
        let told = format!("{verb} to {commit} by {}: {}", operation.actor(), synced.message);
        if succeeded {
            controller.log.info(Some(self.id), &told);
        } else {
            controller.log.warn(Some(self.id), &told);
        }
        let told = events::Told { is_normal: succeeded, reason: "OperationCompleted", message: &told };
        controller.events.tell(&controller.cluster, self.id, &self.object, &told);
        self.memory.operation = Some(self.told_of(desired, state, synced, ended));
        // The record is another now.
        self.memory.target = None;
    }

    /// Waits for a sync, and says how far it is where it takes long.
    async fn while_telling(
        &self,
        running: impl Future<Output = Result<Synced, CommandError>>,
        state: &OperationState,
        progress: &std::sync::Mutex<String>,
    ) -> Result<Synced, CommandError> {
        let mut running = std::pin::pin!(running);
        let mut pause = TELL_AFTER;
        loop {
            tokio::select! {
                outcome = &mut running => return outcome,
                () = tokio::time::sleep(pause) => {}
            }
            pause = TELL_EVERY;
            let message = progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            let state = OperationState { message, ..state.clone() };
            let body = json!({"status": {"operationState": state}});
            // It is told again, and in the end in any case.
            let _ = self.controller.cluster.merge_patch(&self.id.path(), &body).await;
        }
    }

    fn told_of(
        &self,
        desired: &Desired,
        state: OperationState,
        synced: Synced,
        ended: Timestamp,
    ) -> OperationState {
        let Synced { phase, message, mut resources } = synced;
        // Failures first, where they do not all fit.
        resources.sort_by_key(|result| result.status != "SyncFailed");
        resources.truncate(crate::application::MOST_RESOURCES);
        let is_plural = !desired.application.spec.sources.is_empty();
        let (source, sources) = report::sources_of(&self.object);
        let revisions = desired.revisions.clone();
        let sync_result = SyncResult {
            revision: if is_plural { String::new() } else { revisions.first().cloned().unwrap_or_default() },
            revisions: if is_plural { revisions } else { Vec::new() },
            source,
            sources,
            resources,
        };
        OperationState { phase, message, sync_result: Some(sync_result), finished_at: written(ended), ..state }
    }

    async fn publish(&mut self, desired: &Desired, state: &State, had_request: bool) -> Result<(), CommandError> {
        let operation = self.operation();
        for lint in desired.compiled.lints.iter().filter(|lint| lint.rule.as_deref() == Some("repeated-resource")) {
            self.conditions.push(condition("RepeatedResourceWarning", lint.message.clone()));
        }
        let report = Report {
            object: &self.object,
            application: Some(&desired.application),
            revisions: desired.revisions.clone(),
            source_types: desired.compiled.source_types.clone(),
            comparison: Some(&state.comparison),
            head: self.memory.target.as_ref().and_then(|target| target.found.as_ref()).map(|found| &found.head),
            desired: Some(state.bound.graph.id().to_string()),
            operation,
            conditions: std::mem::take(&mut self.conditions),
            controller_namespace: &self.controller.settings.namespace,
            webhook_secret: self.memory.webhooks.as_ref().map_or("", |(_, whose, _)| whose),
        };
        let status = report.status();
        self.write(status, had_request).await;
        Ok(())
    }

    /// The sync that ran last, by what is remembered or was written.
    fn operation(&self) -> Option<OperationState> {
        self.memory.operation.clone().or_else(|| serde_json::from_value(self.object["status"]["operationState"].clone()).ok())
    }

    /// What can be said although it is not known what Git says: what was said before of the rest stays.
    async fn publish_failure(&mut self, application: Option<&Application>) {
        let before: Status = serde_json::from_value(self.object["status"].clone()).unwrap_or_default();
        let head = self.memory.target.as_ref().and_then(|target| target.found.as_ref()).map(|found| &found.head);
        let report = Report {
            object: &self.object,
            application,
            revisions: Vec::new(),
            source_types: Vec::new(),
            comparison: None,
            head,
            desired: None,
            operation: self.operation(),
            conditions: std::mem::take(&mut self.conditions),
            controller_namespace: &self.controller.settings.namespace,
            webhook_secret: "",
        };
        let mut status = report.status();
        // That Git cannot be read says nothing of how things do.
        status.health = if before.health.status.is_empty() { status.health } else { before.health };
        status.resources = before.resources;
        if head.is_none() {
            status.history = before.history;
        }
        let had_request = self.request().is_some();
        if had_request {
            let message = status.conditions.iter().map(|it| it.message.clone()).collect::<Vec<_>>().join("; ");
            let now = written(Timestamp::now());
            status.operation_state = Some(OperationState {
                operation: self.request().unwrap_or_default(),
                phase: OperationPhase::Error,
                message,
                started_at: now.clone(),
                finished_at: now,
                ..OperationState::default()
            });
        }
        self.write(status, had_request).await;
    }

    /// Says that another controller is at it, and nothing else.
    async fn leave_alone(&mut self, why: String) {
        let mut status: Status = serde_json::from_value(self.object["status"].clone()).unwrap_or_default();
        if status.conditions.iter().any(|told| told.kind == "OtherControllerWarning") {
            return;
        }
        status.conditions.push(condition("OtherControllerWarning", why));
        let body = json!({"status": {"conditions": status.conditions}});
        let _ = self.controller.cluster.merge_patch(&self.id.path(), &body).await;
    }

    /// Writes the status where it says something new, and takes away what was asked and is done.
    async fn write(&mut self, status: Status, had_request: bool) {
        let is_refreshed = annotation(&self.object, REFRESH).is_some();
        let before: Status = serde_json::from_value(self.object["status"].clone()).unwrap_or_default();
        let mut body = json!({});
        if !status.says_the_same(&before) || is_refreshed {
            let status = status.timed(&before, &written(Timestamp::now()));
            let status = serde_json::to_value(&status).unwrap_or_default();
            if let Some(patch) = report::merge_patch(&self.object["status"], &status) {
                body["status"] = patch;
            }
        }
        if is_refreshed {
            body["metadata"]["annotations"][REFRESH] = Json::Null;
        }
        if had_request {
            body["operation"] = Json::Null;
        }
        if had_request || is_refreshed {
            // Not what somebody has asked for since.
            body["metadata"]["resourceVersion"] = self.object["metadata"]["resourceVersion"].clone();
        }
        if body == json!({}) {
            return;
        }
        match self.controller.cluster.merge_patch(&self.id.path(), &body).await {
            Ok(object) => self.controller.apps.put_own(object),
            // Whatever changed it makes us look again.
            Err(failure) if failure.is_conflict() || failure.is_not_found() => self.come_again(Duration::from_millis(200)),
            Err(failure) => {
                self.controller.log.warn(Some(self.id), &format!("its status cannot be written: {failure}"));
                self.come_again(TRY_AGAIN);
            }
        }
    }

    fn say(&mut self, kind: &str, error: &CommandError) {
        let told = condition(kind, error.in_one_line());
        let before = self.object["status"]["conditions"].as_array().into_iter().flatten();
        // What goes on is said once.
        if !before.into_iter().any(|before| before["message"] == told.message.as_str()) {
            self.controller.log.warn(Some(self.id), &told.message);
        }
        self.conditions.push(told);
    }

    fn come_again(&mut self, after: Duration) {
        self.again = Some(self.again.map_or(after, |earlier| earlier.min(after)));
    }
}

/// What a comparison found.
struct State {
    comparison: Comparison,
    bound: Bound,
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

fn verb(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Deliver => "synced",
        Purpose::Heal => "healed",
        Purpose::Rollback(_) => "rolled back",
    }
}

/// A commit as people say it; anything else as it is.
fn short(revision: &str) -> String {
    let is_oid = revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_oid { revision[..7].to_owned() } else { revision.to_owned() }
}

fn failed(state: &OperationState) -> bool {
    matches!(state.phase, OperationPhase::Failed | OperationPhase::Error)
}

/// Where manifests without a namespace go.
fn destination(application: &Application) -> &str {
    let namespace = application.spec.destination.namespace.as_str();
    if namespace.is_empty() { "default" } else { namespace }
}

/// The sources, as they are written.
fn sources_text(object: &Json) -> Json {
    json!([object["spec"]["source"], object["spec"]["sources"]])
}

/// The hash of what a graph depends on: all of the spec but how it is synced.
fn hash(object: &Json) -> [u8; 32] {
    let spec = &object["spec"];
    let parts = ["project", "source", "sources", "destination"].map(|field| &spec[field]);
    let text = json!([object["metadata"]["name"], object["metadata"]["namespace"], parts]).to_string();
    *blake3::hash(text.as_bytes()).as_bytes()
}
