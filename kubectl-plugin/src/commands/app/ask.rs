//! `app sync`, `app refresh`, `app rollback`, `app terminate`: a request, written into the object, and what came of it.
//!
//! A request is followed until the controller has answered it; one that nobody takes up is told with what to look at.

use std::time::Duration;

use clap::Args;
use gitops_compiler::name::AppName;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::application::{
    AppId, Operation, OperationPhase, OperationState, REFRESH, ROLLBACK, ResourceChoice, SyncRequest, annotation,
    short_revision,
};
use crate::error::CommandError;
use crate::settings::{ClusterArgs, Session};

use crate::commands::beside::left;
use crate::commands::request::{Answer, Patience, Request, object, patch, remove};

/// How often the object is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A controller takes up a request within this.
const TAKEN_UP: Duration = Duration::from_secs(30);

/// Ask the controller to sync an Application, and wait until it has
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// The Application
    #[arg(value_name = "APP")]
    app: AppName,
    /// A commit, branch or tag instead of the one that the Application names
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// Delete what left Git
    #[arg(long)]
    prune: bool,
    /// Take fields that other managers own
    #[arg(long)]
    force: bool,
    /// Let the API server check every step, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// More of what syncPolicy.syncOptions says
    #[arg(long = "sync-option", value_name = "NAME=VALUE", value_delimiter = ',')]
    sync_options: Vec<String>,
    /// Run no hooks
    #[arg(long)]
    no_hooks: bool,
    /// Only this, of what Git and the cluster have; no hooks then. The core group is empty
    #[arg(long = "resource", value_name = "GROUP:KIND:[NAMESPACE/]NAME")]
    resources: Vec<ResourceChoice>,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Ask the controller to look at Git again
#[derive(Debug, Args)]
pub(super) struct RefreshArgs {
    /// The Application
    #[arg(value_name = "APP")]
    app: AppName,
    /// Trust nothing that was kept: render anew
    #[arg(long)]
    hard: bool,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Ask the controller to go back to a prior release, and to hold what is taken back
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The Application
    #[arg(value_name = "APP")]
    app: AppName,
    /// The release, as a number, or a whole graph id [default: the newest that succeeded and differs]
    #[arg(long, value_name = "N|GRAPH")]
    to: Option<String>,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Ask the controller to stop the sync that runs
#[derive(Debug, Args)]
pub(super) struct TerminateArgs {
    /// The Application
    #[arg(value_name = "APP")]
    app: AppName,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// How a request is followed.
#[derive(Debug, Args)]
struct FollowArgs {
    /// Wait until it is done
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
}

/// Runs `sync` and `app sync`.
pub(super) async fn sync(session: &Session, args: &SyncArgs) -> Result<u8, CommandError> {
    let strategy = if args.no_hooks { "apply" } else { "hook" };
    let strategy = (args.force || args.no_hooks).then(|| json!({strategy: {"force": args.force}}));
    let request = SyncRequest {
        revision: args.revision.clone().unwrap_or_default(),
        prune: args.prune,
        dry_run: args.dry_run,
        sync_strategy: strategy,
        resources: args.resources.clone(),
        sync_options: args.sync_options.clone(),
        ..SyncRequest::default()
    };
    let operation = Operation { sync: Some(request), ..Operation::default() };
    ask(session, &args.cluster, &args.app, &args.follow, operation).await
}

/// Runs `app rollback`.
pub(super) async fn rollback(session: &Session, args: &RollbackArgs) -> Result<u8, CommandError> {
    let to = args.to.clone().unwrap_or_default();
    let operation = Operation { sync: Some(SyncRequest::default()), ..Operation::default() };
    let operation = operation.with_note(ROLLBACK, &to);
    ask(session, &args.cluster, &args.app, &args.follow, operation).await
}

/// Runs `app refresh`.
pub(super) async fn refresh(session: &Session, args: &RefreshArgs) -> Result<u8, CommandError> {
    let (cluster, namespace) = super::connected(session, &args.cluster).await?;
    let id = AppId { namespace, name: args.app.to_string() };
    object(&cluster, &id).await?;
    let how = if args.hard { "hard" } else { "normal" };
    patch(&cluster, &id, &json!({"metadata": {"annotations": {REFRESH: how}}})).await?;
    if !args.follow.wait {
        return Ok(0);
    }
    let deadline = Instant::now() + Duration::from_secs(args.follow.timeout).min(TAKEN_UP);
    loop {
        let now = object(&cluster, &id).await?;
        if annotation(&now, REFRESH).is_none() {
            let at = |pointer: &str| now.pointer(pointer).and_then(Json::as_str).unwrap_or("Unknown").to_owned();
            let (sync, health) = (at("/status/sync/status"), at("/status/health/status"));
            session.printer.out(&format!("{id} is {sync} and {health}\n"));
            return Ok(0);
        }
        if Instant::now() > deadline {
            return Err(nobody(&id));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Runs `app terminate`.
pub(super) async fn terminate(session: &Session, args: &TerminateArgs) -> Result<u8, CommandError> {
    let (cluster, namespace) = super::connected(session, &args.cluster).await?;
    let id = AppId { namespace, name: args.app.to_string() };
    let now = object(&cluster, &id).await?;
    if now["status"]["operationState"]["phase"] != "Running" {
        if now["operation"].is_object() && remove(&cluster, &id, &now).await? {
            session.printer.out(&format!("what was asked of {id} is taken back\n"));
            return Ok(0);
        }
        session.printer.out(&format!("no sync of {id} runs\n"));
        return Ok(0);
    }
    patch(&cluster, &id, &json!({"status": {"operationState": {"phase": "Terminating"}}})).await?;
    session.printer.out(&format!("the sync of {id} is asked to stop\n"));
    Ok(0)
}

/// Writes a request, and follows it.
async fn ask(
    session: &Session,
    cluster: &ClusterArgs,
    app: &AppName,
    follow: &FollowArgs,
    operation: Operation,
) -> Result<u8, CommandError> {
    let (cluster, namespace) = super::connected(session, cluster).await?;
    let id = AppId { namespace, name: app.to_string() };
    let before = object(&cluster, &id).await?;
    let request = Request::write(&cluster, &id, &before, operation, false).await?;
    if !follow.wait {
        session.printer.out(&format!("{id}: asked\n"));
        return Ok(0);
    }
    let timeout = Duration::from_secs(follow.timeout);
    let patience = Patience { taken_up: TAKEN_UP.min(timeout), silent: timeout };
    let followed = tokio::time::timeout(timeout, request.follow(session.printer, patience)).await;
    match followed.unwrap_or(Ok(Answer::Late))? {
        Answer::Ended(state) => ended(session, &id, &state),
        Answer::Nobody => Err(nobody(&id)),
        Answer::TakenBack => Err(CommandError::user(format!("what was asked of {id} was taken back"))),
        Answer::Late => {
            let message = format!("{id} is not done after {} s; the controller goes on", follow.timeout);
            Err(CommandError::partial(message))
        }
        Answer::Stopped => Err(left(&id)),
    }
}

fn ended(session: &Session, id: &AppId, state: &OperationState) -> Result<u8, CommandError> {
    let revision = state.sync_result.as_ref().map(|result| short_revision(&result.revision)).unwrap_or_default();
    let failed = state.sync_result.iter().flat_map(|result| &result.resources).filter(|it| it.status == "SyncFailed");
    let details = failed.map(|it| format!("{} {}/{}: {}", it.kind, it.namespace, it.name, it.message)).collect();
    match state.phase {
        OperationPhase::Succeeded => {
            session.printer.out(&format!("{id} {revision}: {}\n", state.message));
            Ok(0)
        }
        OperationPhase::Error => Err(CommandError::refused(format!("{id}: {}", state.message)).details(details)),
        _ => Err(CommandError::partial(format!("{id}: {}", state.message)).details(details)),
    }
}

fn nobody(id: &AppId) -> CommandError {
    CommandError::user(format!("no controller takes up what is asked of {id}; it stands until one does")).hint(
        "is one running (`kubectl gitops install`, `kubectl gitops controller`), and does it care for this namespace? \
         `kubectl gitops app terminate` takes it back",
    )
}
