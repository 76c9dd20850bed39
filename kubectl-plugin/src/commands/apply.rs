//! `apply`: plan, ask, apply, wait, record.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::lock::Entry;
use gitops_compiler::name::AppName;
use gitops_compiler::plan::{Approvals, Bound, Plan};

use crate::application::{GRAPH, Operation, roots};
use crate::apply::dry_run::dry_run;
use crate::apply::namespace;
use crate::apply::{Destination, Options, Target};
use crate::error::CommandError;
use crate::health::Rules;
use crate::json::{PlanJson, RunJson, RunOutcome, SavedPlan, SchemaVersion};
use crate::record::head::{Commit, MOST_INPUTS};
use crate::settings::{
    ClusterArgs, Connected, Delivery, DeliveryArgs, HealthArgs, Opened, Session, SopsArgs, SourceArgs, compiled_for,
};
use crate::sops::Unlocked;

use super::beside::{self, Answered, BesideArgs, CaredFor};
use super::change::{self, ApprovalArgs, Ended, ReleaseSource, RunArgs};
use super::hooks::{HookArgs, Purpose};
use super::refuse;

/// Plan, ask, apply in topological order, wait until everything is ready, and record the release
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The application; with --filename, which of those in the file
    #[arg(value_name = "APP")]
    app: Option<AppName>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    applying: ApplyingArgs,
}

/// How something is applied, wherever it comes from.
#[derive(Debug, Args)]
pub(super) struct ApplyingArgs {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    approvals: ApprovalArgs,
    #[command(flatten)]
    hooks: HookArgs,
    #[command(flatten)]
    delivery: DeliveryArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    pub(super) health: HealthArgs,
    #[command(flatten)]
    sops: SopsArgs,
    /// Apply only what this file of `plan --out` says; nothing where anything is other than it was then
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only show what would be done; with `server`, let the API server check every step
    #[arg(long, value_enum, value_name = "WHERE")]
    dry_run: Option<DryRun>,
    /// Take objects of this graph from another application, which leaves them alone from then on
    #[arg(long, value_name = "APP")]
    take_from: Vec<AppName>,
    #[command(flatten)]
    beside: BesideArgs,
    /// Believe the record instead of looking for drift: fewer requests
    #[arg(long)]
    trust_record: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DryRun {
    Client,
    Server,
}

/// The commit that a release of this is said to be of.
#[must_use]
pub fn commit_of(opened: &Opened) -> Option<Commit> {
    let (commit, dirty) = opened.commit()?;
    Some(Commit { oid: commit.oid.clone(), subject: commit.subject.clone(), dirty })
}

/// What its inputs from elsewhere are, for the release.
fn inputs_of(session: &Session, opened: &Opened) -> Vec<Entry> {
    let inputs = opened.inputs();
    if inputs.len() > MOST_INPUTS {
        let count = inputs.len();
        session
            .printer
            .say(&format!("the release does not keep what its {count} inputs were: it keeps {MOST_INPUTS} at most"));
        return Vec::new();
    }
    inputs.iter().filter_map(|(request, pin)| Entry::new(request, pin)).collect()
}

/// What is to be applied, wherever it comes from.
pub(super) struct Prepared<'a> {
    pub(super) name: AppName,
    pub(super) graph: ResourceGraph,
    pub(super) delivery: &'a Delivery,
    pub(super) rules: Rules,
    /// Where it comes from, as the release keeps it.
    pub(super) source: ReleaseSource,
    /// How what the server's schemas say of it is told.
    pub(super) told: refuse::Told<'a>,
    /// Whether an `Application` object describes it.
    pub(super) is_application: bool,
    pub(super) connected: Connected,
}

impl ApplyingArgs {
    /// Whether output is JSON.
    pub(super) fn json(&self) -> bool {
        self.run.json()
    }

    /// The same as a request to a controller.
    fn operation(&self, approvals: &Approvals, runs_hooks: bool) -> Operation {
        beside::sync(&self.run, approvals, self.delivery.words(), runs_hooks)
    }
}

impl ApplyArgs {
    /// Whether output is JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.applying.json()
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &ApplyArgs) -> Result<u8, CommandError> {
    let (store, applying) = (args.source.store(session)?, &args.applying);
    let (compiled, connected) =
        compiled_for(&applying.cluster, &args.source, args.app.as_ref(), store.as_ref(), session.printer).await?;
    let opened = &compiled.opened;
    let prepared = Prepared {
        name: opened.app.name.clone(),
        graph: compiled.compilation.graph.clone(),
        delivery: &opened.delivery,
        rules: applying.health.rules(Some(opened))?,
        source: ReleaseSource {
            commit: commit_of(opened),
            inputs: inputs_of(session, opened),
            ..ReleaseSource::default()
        },
        told: refuse::Told::of(&compiled),
        is_application: opened.home.record_namespace.is_some(),
        connected,
    };
    Box::pin(apply(session, applying, prepared)).await
}

/// Plans, asks, applies, waits, records.
pub(super) async fn apply(session: &Session, args: &ApplyingArgs, prepared: Prepared<'_>) -> Result<u8, CommandError> {
    let Prepared { name, graph, delivery, rules, source, told, is_application, connected } = prepared;
    let patience = Duration::from_secs(args.run.lock_timeout);
    let mut say = |message: String| session.printer.say(&message);
    let (records, destination) = (connected.records, Destination::Named(&connected.destination));
    let mut target = if args.dry_run.is_some() {
        Target::open(records, name, destination).await?
    } else {
        Target::open_unlocked(records, name, destination, patience, &mut say).await?
    };
    target.ignored = delivery.ignored().await?;
    target.options = delivery.options(&args.delivery, session.printer);
    let desired = target.bind(Arc::new(graph)).await?;
    target.check_record_namespace(&desired)?;
    refuse::held(&target, &desired).await?;
    let observation = target.observe(Some(&desired), args.trust_record).await?;
    let given = refuse::claimed(&target, &observation, &args.take_from).await?;
    let approvals = args.approvals.approvals();
    let hooks = args.hooks.hooks(&mut target, &desired, Purpose::Sync).await?;
    let plan = target.plan(&desired, &observation.seen, &approvals, &hooks);
    if nothing_to_do(&target, &desired, &plan) {
        return Ok(up_to_date(session, &target, &desired, args.run.json()));
    }
    refuse::faulty(session, &target, &desired, &plan, &told).await?;
    change::show(session, &change::header(&target, &desired, &plan, &source), &plan, &args.run, args.dry_run.is_some());
    refuse::guarded(&plan)?;
    refuse::refused_later(&target, &plan).await?;
    if let Some(file) = &args.plan {
        let preconditions = change::preconditions(&target, &plan).await?;
        refuse_stale(file, &SavedPlan::new(&target, &desired, &plan, &preconditions))?;
    }
    if let Some(place) = args.dry_run {
        change::say_if_locked(session, &target);
        let unlocked = match place {
            DryRun::Client => Arc::default(),
            DryRun::Server => refuse::unlocked(&plan, &args.sops).await?,
        };
        return tried(session, &target, &desired, &plan, (place, &unlocked), args.run.json()).await;
    }
    let cared_for = args.beside.find_of(session, &target, is_application).await?;
    if let Some(cared_for) = &cared_for {
        let wanted = Wanted { desired: &desired, plan: &plan, operation: args.operation(&approvals, hooks.run) };
        if let Some(code) = asked(session, args, cared_for, &target, wanted).await? {
            return Ok(code);
        }
    }
    let unlocked = refuse::unlocked(&plan, &args.sops).await?;
    if cared_for.is_none() {
        change::confirm(session, &args.run)?;
    }
    if namespace::ensure(&target, &desired, &delivery.namespace).await? {
        session.printer.say(&format!("the namespace {} is made", target.destination));
    }
    let (origin, signatures) = (change::origin(&target, &source, None), source.signatures.bytes);
    let options = Options { signatures, unlocked, ..args.run.options(approvals, origin, hooks, rules) };
    let mut options = given.told_to(options);
    options.history = options.history.or(delivery.history_limit);
    Box::pin(change::execute(session, &mut target, &desired, &plan, &observation, &options, args.run.json())).await
}

/// What a controller is asked for.
struct Wanted<'a> {
    desired: &'a Bound,
    plan: &'a Plan,
    operation: Operation,
}

/// Lets the controller that cares for the Application apply it. Nothing where none does, or where it may be done from here.
async fn asked(
    session: &Session,
    args: &ApplyingArgs,
    cared_for: &CaredFor,
    target: &Target,
    Wanted { desired, plan, operation }: Wanted<'_>,
) -> Result<Option<u8>, CommandError> {
    cared_for.refuse_flags(&[
        ("--plan", args.plan.is_some()),
        ("--take-from", !args.take_from.is_empty()),
        ("--adopt", args.run.adopt),
        ("--history-limit", args.run.history_limit.is_some()),
        ("--health-checks", args.health.is_given()),
    ])?;
    change::confirm(session, &args.run)?;
    let (started, operation) = (Instant::now(), operation.with_note(GRAPH, &roots(&desired.graph)));
    let silent = Duration::from_secs(args.run.timeout);
    let state = match cared_for.ask(session, operation, true, silent).await? {
        Answered::Ended(state) => state,
        Answered::OtherGraph => return cared_for.other_graph(session).map(|()| None),
        Answered::Nobody => return Ok(None),
    };
    let Some(applied) = beside::applied(target, plan, &state).await? else {
        return Ok(Some(up_to_date(session, target, desired, args.run.json())));
    };
    let ended = Ended { applied, notes: Vec::new(), took: started.elapsed(), takes_over: false };
    change::told(session, target, plan, &ended, args.run.json()).map(Some)
}

/// Refuses to apply anything but what was saved.
fn refuse_stale(file: &Path, now: &SavedPlan) -> Result<(), CommandError> {
    let cannot = |why: String| CommandError::user(format!("{} is no plan that can be applied: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| cannot(error.to_string()))?;
    let saved = SavedPlan::read(&bytes).map_err(cannot)?;
    match saved.differences(now) {
        told if told.is_empty() => Ok(()),
        told => Err(CommandError::refused("the plan was made for another state of things; nothing was changed")
            .details(told)
            .hint("make it again with `kubectl gitops plan --out`")),
    }
}

/// Nothing to change in the cluster, and nothing to settle in the record.
pub(super) fn nothing_to_do(target: &Target, desired: &Bound, plan: &Plan) -> bool {
    let is_locked = target.found.as_ref().is_some_and(|found| found.head.lock.is_some());
    plan.is_empty() && !is_locked && !target.is_changed_by(desired)
}

pub(super) fn up_to_date(session: &Session, target: &Target, desired: &Bound, json: bool) -> u8 {
    let live = target.found.as_ref().and_then(|found| found.head.live).unwrap_or_default();
    let requests = target.records.cluster.connection.requests();
    if json {
        session.printer.json(&RunJson {
            schema_version: SchemaVersion,
            application: target.application.clone(),
            release: live,
            graph: desired.graph.id(),
            outcome: RunOutcome::Unchanged,
            message: None,
            notes: Vec::new(),
            steps: Vec::new(),
            requests,
        });
    } else {
        let (name, id) = (&target.application, desired.graph.id().short());
        session.printer.out(&format!("{name} is at {id} (release {live}): nothing to do, {requests} requests\n"));
    }
    0
}

pub(super) async fn tried(
    session: &Session,
    target: &Target,
    desired: &Bound,
    plan: &Plan,
    (place, unlocked): (DryRun, &Unlocked),
    json: bool,
) -> Result<u8, CommandError> {
    if json {
        session.printer.json(&PlanJson::new(&target.application, target.base_id(), desired.graph.id(), plan));
    }
    if place == DryRun::Server {
        let answers = dry_run(target, plan, unlocked).await;
        let said = |(index, message): &(usize, Option<String>)| {
            Some(format!("{}: {}", plan.steps[*index].key, message.as_ref()?))
        };
        let refused: Vec<String> = answers.iter().filter_map(said).collect();
        if !refused.is_empty() {
            return Err(CommandError::user("the API server would refuse this").details(refused));
        }
        session
            .printer
            .say(&format!("the API server accepts all {} applied objects that it can judge now", answers.len()));
    }
    session.printer.say("dry run: nothing was changed");
    Ok(0)
}
