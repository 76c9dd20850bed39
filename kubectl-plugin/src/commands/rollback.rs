//! `rollback`: the graph of a prior release, applied as a new one. Where signatures are demanded, those that the record
//! keeps of it are looked at first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use gitops_compiler::name::AppName;
use gitops_compiler::plan::{Bound, Plan};

use crate::application::{Operation, ROLLBACK};
use crate::apply::{Options, Target};
use crate::bundle::TrustArgs;
use crate::error::CommandError;
use crate::output::counted;
use crate::record::rollback::{NoRelease, choose, taken_back};
use crate::record::{Head, Outcome};
use crate::settings::{ClusterArgs, HealthArgs, Session, SopsArgs};

use super::beside::{self, Answered, BesideArgs, CaredFor};
use super::change::{self, ApprovalArgs, Ended, ReleaseSource, RunArgs};
use super::hooks::{HookArgs, Purpose};
use super::{refuse, trusted};

/// Go back to a prior release: its graph is taken from the record and applied as a new release
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    /// The release, as a number, or a whole graph id [default: the newest that succeeded and differs]
    #[arg(long, value_name = "N|GRAPH")]
    to: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    approvals: ApprovalArgs,
    #[command(flatten)]
    hooks: HookArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    health: HealthArgs,
    #[command(flatten)]
    sops: SopsArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    beside: BesideArgs,
}

impl RollbackArgs {
    /// Whether output is JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.run.json()
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &RollbackArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let destination = args.cluster.recorded_destination();
    let patience = Duration::from_secs(args.run.lock_timeout);
    let mut say = |message: String| session.printer.say(&message);
    let mut target =
        Target::open_unlocked(connected.records, args.app.clone(), destination, patience, &mut say).await?;
    let head = target.recorded_head()?.clone();
    let release = choose(&head, args.to.as_deref()).map_err(refused)?.clone();
    let rules = args.health.recorded_rules(&target.records, &target.target_id, Some(&release.origin)).await?;
    let takes_back = taken_back(&head).filter(|(_, graph)| graph.id != release.graph.id);
    let takes_back = takes_back.map(|(number, graph)| (number, graph.clone()));
    let graph = target.records.graph(&release.graph, &target.target_id).await?;
    let signatures = trusted::demand_of_release(session, &args.trust, &target, &release, &graph).await?;
    let desired = target.bind(Arc::new(graph)).await?;
    refuse::held(&target, &desired).await?;
    let observation = target.observe(Some(&desired), false).await?;
    refuse::claimed(&target, &observation, &[]).await?;
    let approvals = args.approvals.approvals();
    let hooks = args.hooks.hooks(&mut target, &desired, Purpose::Rollback).await?;
    let plan = target.plan(&desired, &observation.seen, &approvals, &hooks);
    if super::apply::nothing_to_do(&target, &desired, &plan) {
        return Ok(super::apply::up_to_date(session, &target, &desired, args.run.json()));
    }
    let header = format!(
        "{}  {} → release {}'s graph {}   {}",
        args.app,
        last_applied(&head),
        release.number,
        release.graph.id.short(),
        counted(plan.steps.len(), "step")
    );
    change::show(session, &header, &plan, &args.run, false);
    refuse::guarded(&plan)?;
    refuse::refused_later(&target, &plan).await?;
    let cared_for = args.beside.find_of(session, &target, false).await?;
    if let Some(cared_for) = &cared_for {
        let operation = beside::sync(&args.run, &approvals, &[], hooks.run);
        // By its number: done late, or twice, it is the same.
        let operation = operation.with_note(ROLLBACK, &release.number.to_string());
        if let Some(code) = asked(session, args, cared_for, &target, (&desired, &plan, operation)).await? {
            say_held(session, &args.app, takes_back.is_some());
            return Ok(code);
        }
    }
    let unlocked = refuse::unlocked(&plan, &args.sops).await?;
    if cared_for.is_none() {
        change::confirm(session, &args.run)?;
    }
    let source = ReleaseSource::of(&release.origin, signatures);
    let (origin, signatures) = (change::origin(&target, &source, Some(release.number)), source.signatures.bytes);
    let options = Options { signatures, unlocked, takes_back, ..args.run.options(approvals, origin, hooks, rules) };
    let is_held = options.takes_back.is_some();
    let code =
        Box::pin(change::execute(session, &mut target, &desired, &plan, &observation, &options, args.run.json()))
            .await?;
    say_held(session, &args.app, is_held);
    Ok(code)
}

fn say_held(session: &Session, name: &AppName, is_held: bool) {
    if is_held {
        session.printer.say(&format!(
            "what was taken back is held: it is not applied again until `kubectl gitops release {name}`"
        ));
    }
}

/// Lets the controller that cares for the Application roll it back. Nothing where none does.
async fn asked(
    session: &Session,
    args: &RollbackArgs,
    cared_for: &CaredFor,
    target: &Target,
    (desired, plan, operation): (&Bound, &Plan, Operation),
) -> Result<Option<u8>, CommandError> {
    cared_for.refuse_flags(&[
        ("--adopt", args.run.adopt),
        ("--history-limit", args.run.history_limit.is_some()),
        ("--health-checks", args.health.is_given()),
        ("--hooks always", plan.steps.iter().any(|step| step.hook.is_some())),
    ])?;
    change::confirm(session, &args.run)?;
    let started = Instant::now();
    let state = match cared_for.ask(session, operation, false, Duration::from_secs(args.run.timeout)).await? {
        Answered::Ended(state) => state,
        Answered::OtherGraph | Answered::Nobody => return Ok(None),
    };
    let Some(applied) = beside::applied(target, plan, &state).await? else {
        return Ok(Some(super::apply::up_to_date(session, target, desired, args.run.json())));
    };
    let ended = Ended { applied, notes: Vec::new(), took: started.elapsed(), takes_over: false };
    change::told(session, target, plan, &ended, args.run.json()).map(Some)
}

/// What was applied last, whether it worked or not, is what is taken back.
fn last_applied(head: &Head) -> String {
    if head.pending.as_ref().is_some_and(|pending| !pending.ended) {
        return "a run that did not end".to_owned();
    }
    match head.releases.last() {
        Some(last) if last.outcome == Outcome::Succeeded => format!("release {}", last.number),
        Some(last) => format!("release {} (failed)", last.number),
        None => "nothing".to_owned(),
    }
}

fn refused(error: NoRelease) -> CommandError {
    CommandError::user(error.to_string()).hint(error.hint())
}
