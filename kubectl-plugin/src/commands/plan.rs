//! `plan`: what `apply` would do.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gitops_compiler::name::AppName;

use crate::apply::{Destination, Target};
use crate::error::CommandError;
use crate::json::{PlanJson, SavedPlan};
use crate::output::plan_text;
use crate::settings::{ClusterArgs, DeliveryArgs, Session, SourceArgs, compiled_for};

use super::change::{self, ApprovalArgs, ReleaseSource};
use super::hooks::{HookArgs, Purpose};
use super::refuse;

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
    #[command(flatten)]
    hooks: HookArgs,
    #[command(flatten)]
    delivery: DeliveryArgs,
    /// Save the plan to this file, for `apply --plan`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 1 where there is something to do
    #[arg(long)]
    exit_code: bool,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub async fn run(session: &Session, args: &PlanArgs) -> Result<u8, CommandError> {
    let store = args.source.store(session)?;
    let (compiled, connected) =
        compiled_for(&args.cluster, &args.source, args.app.as_ref(), store.as_ref(), session.printer).await?;
    let name = compiled.opened.app.name.clone();
    let mut target = Target::open(connected.records, name, Destination::Named(&connected.destination)).await?;
    target.ignored = compiled.opened.delivery.ignored().await?;
    target.options = compiled.opened.delivery.options(&args.delivery, session.printer);
    change::say_if_locked(session, &target);
    let desired = target.bind(Arc::new(compiled.compilation.graph.clone())).await?;
    target.check_record_namespace(&desired)?;
    let observation = target.observe(Some(&desired), false).await?;
    let hooks = args.hooks.hooks(&mut target, &desired, Purpose::Sync).await?;
    let plan = target.plan(&desired, &observation.seen, &args.approvals.approvals(), &hooks);
    refuse::faulty(session, &target, &desired, &plan, &refuse::Told::of(&compiled)).await?;
    if args.output.is_some() {
        session.printer.json(&PlanJson::new(&target.application, target.base_id(), desired.graph.id(), &plan));
    } else {
        let source = ReleaseSource { commit: super::apply::commit_of(&compiled.opened), ..ReleaseSource::default() };
        let header = change::header(&target, &desired, &plan, &source);
        session.printer.out(&format!("{header}\n{}", plan_text(&plan)));
    }
    refuse::claimed(&target, &observation, &[]).await?;
    refuse::held(&target, &desired).await?;
    refuse::guarded(&plan)?;
    refuse::refused_later(&target, &plan).await?;
    if let Some(file) = &args.out {
        let preconditions = change::preconditions(&target, &plan).await?;
        save(file, &SavedPlan::new(&target, &desired, &plan, &preconditions))?;
    }
    Ok(u8::from(args.exit_code && !plan.is_empty()))
}

/// Writes a plan as a whole, or not at all.
fn save(file: &Path, plan: &SavedPlan) -> Result<(), CommandError> {
    let cannot = |error: String| CommandError::user(format!("cannot write {}: {error}", file.display()));
    let text = serde_json::to_string_pretty(plan).map_err(|error| cannot(error.to_string()))?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut whole = tempfile::NamedTempFile::new_in(folder).map_err(|error| cannot(error.to_string()))?;
    writeln!(whole, "{text}").map_err(|error| cannot(error.to_string()))?;
    whole.persist(file).map(|_| ()).map_err(|error| cannot(error.error.to_string()))
}
