//! `rollback`: the graph of a prior release, applied as a new one.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gitops_compiler::name::AppName;

use crate::apply::{Options, Target};
use crate::error::CommandError;
use crate::output::counted;
use crate::record::rollback::{NoRelease, choose, taken_back};
use crate::record::{Head, Outcome};
use crate::settings::{ClusterArgs, HealthArgs, Session, SopsArgs};

use super::change::{self, ApprovalArgs, RunArgs};
use super::hooks::{HookArgs, Purpose};
use super::refuse;

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
    let unlocked = refuse::unlocked(&plan, &args.sops).await?;
    change::confirm(session, &args.run)?;
    let inputs = release.origin.inputs.clone();
    let origin = change::origin(&target, release.origin.commit.clone(), Some(release.number), inputs);
    let options = Options { unlocked, takes_back, ..args.run.options(approvals, origin, hooks, rules) };
    let is_held = options.takes_back.is_some();
    let code =
        Box::pin(change::execute(session, &mut target, &desired, &plan, &observation, &options, args.run.json()))
            .await?;
    if is_held {
        let name = &args.app;
        session.printer.say(&format!(
            "what was taken back is held: it is not applied again until `kubectl gitops release {name}`"
        ));
    }
    Ok(code)
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
