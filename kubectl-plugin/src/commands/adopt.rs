//! `adopt`: what is there becomes release 0.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::{Bound, Hooks, Plan};

use crate::apply::adopt::look::{LookError, There};
use crate::apply::{Destination, Options, Target};
use crate::error::CommandError;
use crate::json::{PlanJson, RunJson, RunOutcome, SchemaVersion};
use crate::output::{counted, table};
use crate::settings::{ClusterArgs, DeliveryArgs, HealthArgs, Session, SourceArgs, compiled_for};

use super::change::{self, ApprovalArgs, RunArgs};
use super::refuse;

/// Take over what the cluster has of an application, as release 0: nothing is changed or made again, and a rollback to 0
/// goes back to it
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The application; with --filename, which of those in the file
    #[arg(value_name = "APP")]
    app: Option<AppName>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    delivery: DeliveryArgs,
    #[command(flatten)]
    health: HealthArgs,
    /// Take objects from another application, too, which leaves them alone from then on
    #[arg(long, value_name = "APP")]
    take_from: Vec<AppName>,
    /// Only show what would be taken over
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// How long to wait for another run on this application, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    lock_timeout: u64,
    /// What to print: text, or with `json` one object on stdout, and each event as a line of JSON on stderr
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

impl AdoptArgs {
    /// Whether output is JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.output.is_some()
    }

    /// How it is run: nothing is waited for, since nothing changes.
    fn run(&self) -> RunArgs {
        RunArgs {
            yes: self.yes,
            wait: false,
            timeout: 0,
            force_conflicts: false,
            adopt: true,
            lock_timeout: self.lock_timeout,
            history_limit: None,
            output: self.output.clone(),
        }
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &AdoptArgs) -> Result<u8, CommandError> {
    let (store, how) = (args.source.store(session)?, args.run());
    let (compiled, connected) =
        compiled_for(&args.cluster, &args.source, args.app.as_ref(), store.as_ref(), session.printer).await?;
    let rules = args.health.rules(Some(&compiled.opened))?;
    let (name, patience) = (compiled.opened.app.name.clone(), Duration::from_secs(args.lock_timeout));
    let mut say = |message: String| session.printer.say(&message);
    let (records, destination) = (connected.records, Destination::Named(&connected.destination));
    let mut target = if args.dry_run {
        Target::open(records, name, destination).await?
    } else {
        Target::open_unlocked(records, name, destination, patience, &mut say).await?
    };
    refuse_applied(&target)?;
    target.ignored = compiled.opened.delivery.ignored().await?;
    target.options = compiled.opened.delivery.options(&args.delivery, session.printer);
    let desired = target.bind(Arc::new(compiled.compilation.graph)).await?;
    target.check_record_namespace(&desired)?;
    refuse::held(&target, &desired).await?;
    let observation = target.observe(Some(&desired), false).await?;
    let given = refuse::claimed(&target, &observation, &args.take_from).await?;
    let there = target.what_is_there(&desired, &observation.seen, given.managers()).await.map_err(failed)?;
    say_left_out(session, &there);
    if there.graph.resources().is_empty() {
        return Ok(nothing_there(session, &target, args.json()));
    }
    let there = target.bind(Arc::new(there.graph)).await?;
    let plan = target.plan_of_what_is_there(&there, &observation.seen);
    if super::apply::nothing_to_do(&target, &there, &plan) {
        return Ok(super::apply::up_to_date(session, &target, &there, args.json()));
    }
    if !args.json() {
        session.printer.say(&header(&target, &there, &desired));
        session.printer.say(&listed(&plan));
    }
    if args.dry_run {
        return Ok(only_shown(session, &target, &there, &plan, args.json()));
    }
    change::confirm(session, &how)?;
    let origin = change::origin(&target, &change::ReleaseSource::default(), None);
    let options = how.options(ApprovalArgs::default().approvals(), origin, Hooks::default(), rules);
    let options = given.told_to(Options { takes_over: true, ..options });
    Box::pin(change::execute(session, &mut target, &there, &plan, &observation, &options, args.json())).await
}

/// What was there before the first apply is known before the first apply only.
fn refuse_applied(target: &Target) -> Result<(), CommandError> {
    if !target.found.as_ref().is_some_and(|found| found.head.has_applied()) {
        return Ok(());
    }
    let name = &target.application;
    Err(CommandError::user(format!("{name} was applied already: what was there before is gone"))
        .hint("`kubectl gitops apply --adopt` takes over what other tools own of objects that are new in the graph"))
}

fn failed(error: LookError) -> CommandError {
    match error {
        LookError::Target(error) => error.into(),
        LookError::Build(findings) => {
            CommandError::user("what is there makes no graph; nothing was changed").findings(findings)
        }
    }
}

fn say_left_out(session: &Session, there: &There) {
    for (key, why) in &there.left_out {
        session.printer.say(&format!("{key} is not taken over: {why}"));
    }
}

fn nothing_there(session: &Session, target: &Target, json: bool) -> u8 {
    let requests = target.records.cluster.connection.requests();
    if json {
        session.printer.json(&RunJson {
            schema_version: SchemaVersion,
            application: target.application.clone(),
            release: 0,
            graph: ResourceGraph::empty().id(),
            outcome: RunOutcome::Unchanged,
            message: None,
            notes: Vec::new(),
            steps: Vec::new(),
            requests,
        });
    } else {
        let name = &target.application;
        session.printer.out(&format!("nothing of {name} is in the cluster to be taken over: nothing to do\n"));
    }
    0
}

/// `shop  release 0: g1-…   3 of 5 resources are there`
fn header(target: &Target, there: &Bound, desired: &Bound) -> String {
    let (name, id, all) = (&target.application, there.graph.id().short(), desired.content_keys().count());
    format!("{name}  release 0: {id}   {} of {} there", there.keys().len(), counted(all, "resource"))
}

/// What is taken over, one line each; no value of it changes.
fn listed(plan: &Plan) -> String {
    let row = |key: &ResourceKey| vec![format!("  = {}", key.qualified_kind()), key.place()];
    table(&plan.steps.iter().map(|step| row(&step.key)).collect::<Vec<_>>())
}

fn only_shown(session: &Session, target: &Target, there: &Bound, plan: &Plan, json: bool) -> u8 {
    if json {
        session.printer.json(&PlanJson::new(&target.application, target.base_id(), there.graph.id(), plan));
    }
    session.printer.say("dry run: nothing was changed");
    0
}
