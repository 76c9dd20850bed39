//! `apply`: plan, ask, apply, wait, record.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gitops_compiler::lock::Entry;
use gitops_compiler::name::AppName;
use gitops_compiler::plan::{Bound, Plan};

use crate::apply::dry_run::dry_run;
use crate::apply::namespace;
use crate::apply::{Destination, Options, Target};
use crate::error::CommandError;
use crate::json::{PlanJson, RunJson, RunOutcome, SavedPlan, SchemaVersion};
use crate::record::head::{Commit, MOST_INPUTS};
use crate::settings::{ClusterArgs, DeliveryArgs, HealthArgs, Opened, Session, SopsArgs, SourceArgs, compiled_for};
use crate::sops::Unlocked;

use super::change::{self, ApprovalArgs, RunArgs};
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
    cluster: ClusterArgs,
    #[command(flatten)]
    approvals: ApprovalArgs,
    #[command(flatten)]
    hooks: HookArgs,
    #[command(flatten)]
    delivery: DeliveryArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    health: HealthArgs,
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

impl ApplyArgs {
    /// Whether output is JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.run.json()
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &ApplyArgs) -> Result<u8, CommandError> {
    let store = session.store.open(session.printer);
    let (compiled, connected) =
        compiled_for(&args.cluster, &args.source, args.app.as_ref(), store.as_ref(), session.printer).await?;
    let rules = args.health.rules(Some(&compiled.opened))?;
    let (name, commit) = (compiled.opened.app.name.clone(), commit_of(&compiled.opened));
    let patience = Duration::from_secs(args.run.lock_timeout);
    let mut say = |message: String| session.printer.say(&message);
    let (records, destination) = (connected.records, Destination::Named(&connected.destination));
    let mut target = if args.dry_run.is_some() {
        Target::open(records, name, destination).await?
    } else {
        Target::open_unlocked(records, name, destination, patience, &mut say).await?
    };
    target.ignored = compiled.opened.delivery.ignored().await?;
    target.options = compiled.opened.delivery.options(&args.delivery, session.printer);
    let desired = target.bind(Arc::new(compiled.compilation.graph.clone())).await?;
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
    refuse::faulty(session, &target, &desired, &plan, &compiled).await?;
    let header = change::header(&target, &desired, &plan, commit.as_ref());
    change::show(session, &header, &plan, &args.run, args.dry_run.is_some());
    refuse::guarded(&plan)?;
    if let Some(file) = &args.plan {
        refuse_stale(file, &SavedPlan::new(&target, &desired, &plan))?;
    }
    if let Some(place) = args.dry_run {
        change::say_if_locked(session, &target);
        let unlocked = match place {
            DryRun::Client => Arc::default(),
            DryRun::Server => refuse::unlocked(&plan, &args.sops).await?,
        };
        return tried(session, &target, &desired, &plan, (place, &unlocked), args.run.json()).await;
    }
    let unlocked = refuse::unlocked(&plan, &args.sops).await?;
    change::confirm(session, &args.run)?;
    if namespace::ensure(&target, &desired, &compiled.opened.delivery.namespace).await? {
        session.printer.say(&format!("the namespace {} is made", target.destination));
    }
    let origin = change::origin(&target, commit, None, inputs_of(session, &compiled.opened));
    let mut options = given.told_to(Options { unlocked, ..args.run.options(approvals, origin, hooks, rules) });
    options.history = options.history.or(compiled.opened.delivery.history_limit);
    Box::pin(change::execute(session, &mut target, &desired, &plan, &observation, &options, args.run.json())).await
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
