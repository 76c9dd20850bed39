//! `plan`: what `apply` would do.

use std::sync::Arc;

use clap::Args;
use gitops_compiler::name::AppName;

use crate::apply::{Destination, Target};
use crate::error::CommandError;
use crate::json::PlanJson;
use crate::output::plan_text;
use crate::settings::{ClusterArgs, Session, SourceArgs, compiled_for};

use super::change::{self, ApprovalArgs};

/// Show what apply would do: the steps in order, and what each waits for
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The application; with --filename, which of those in the file
    #[arg(value_name = "APP")]
    app: Option<AppName>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    approvals: ApprovalArgs,
    /// Exit with 1 where there is something to do
    #[arg(long)]
    exit_code: bool,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub async fn run(session: &Session, args: &PlanArgs) -> Result<u8, CommandError> {
    let store = session.store.open(session.printer);
    let (compiled, connected) =
        compiled_for(&args.cluster, &args.source, args.app.as_ref(), store.as_ref(), session.printer).await?;
    let (name, commit) = (compiled.opened.app.name.clone(), super::apply::commit_of(&compiled.opened));
    let mut target = Target::open(connected.records, name, Destination::Named(&connected.destination)).await?;
    change::say_if_locked(session, &target);
    let desired = target.bind(Arc::new(compiled.compilation.graph.clone())).await?;
    target.check_record_namespace(&desired)?;
    change::refuse_hooks(&desired)?;
    let observation = target.observe(Some(&desired), false).await?;
    let plan = target.plan(&desired, &observation.seen, &args.approvals.approvals());
    change::refuse_faulty(session, &target, &desired, &plan, &compiled).await?;
    if args.output.is_some() {
        session.printer.json(&PlanJson::new(&target.application, target.base_id(), desired.graph.id(), &plan));
    } else {
        let header = change::header(&target, &desired, &plan, commit.as_ref());
        session.printer.out(&format!("{header}\n{}", plan_text(&plan)));
    }
    change::refuse_claimed(&target, &observation).await?;
    change::refuse_guarded(&plan)?;
    Ok(u8::from(args.exit_code && !plan.is_empty()))
}
