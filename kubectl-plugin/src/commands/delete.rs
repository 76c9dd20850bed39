//! `delete`: everything that an application owns, in reverse order, and then its record.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::AppName;

use crate::apply::{Options, Target};
use crate::error::CommandError;
use crate::output::counted;
use crate::settings::{ClusterArgs, HealthArgs, Session};

use super::beside::BesideArgs;
use super::change::{self, ApprovalArgs, RunArgs};
use super::hooks::{HookArgs, Purpose};
use super::refuse;

/// Delete everything that an application owns, in reverse order, and its record
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
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
    beside: BesideArgs,
}

impl DeleteArgs {
    /// Whether output is JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.run.json()
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &DeleteArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let destination = args.cluster.recorded_destination();
    let patience = Duration::from_secs(args.run.lock_timeout);
    let mut say = |message: String| session.printer.say(&message);
    let mut target =
        Target::open_unlocked(connected.records, args.app.clone(), destination, patience, &mut say).await?;
    if let Some(cared_for) = args.beside.find_of(session, &target, false).await? {
        cared_for.would_be_applied_again(session)?;
    }
    let head = target.recorded_head()?;
    let rules = args.health.recorded_rules(&target.records, &target.target_id, head.last_origin()).await?;
    let desired = target.bind(Arc::new(ResourceGraph::empty())).await?;
    let observation = target.observe(Some(&desired), false).await?;
    // The command itself is the word for deleting all; precious kinds still need theirs.
    let mut approvals = args.approvals.approvals();
    (approvals.empty, approvals.many) = (true, true);
    let hooks = args.hooks.hooks(&mut target, &desired, Purpose::Delete).await?;
    let plan = target.plan(&desired, &observation.seen, &approvals, &hooks);
    let header = format!("{}  everything is deleted   {}", args.app, counted(plan.steps.len(), "step"));
    change::show(session, &header, &plan, &args.run, false);
    refuse::guarded(&plan)?;
    change::confirm(session, &args.run)?;
    let origin = change::origin(&target, &change::ReleaseSource::default(), None);
    let options = Options { delete_record: true, ..args.run.options(approvals, origin, hooks, rules) };
    let code =
        Box::pin(change::execute(session, &mut target, &desired, &plan, &observation, &options, args.run.json()))
            .await?;
    session.printer.say(&format!("the record of {} is deleted, too", args.app));
    Ok(code)
}
