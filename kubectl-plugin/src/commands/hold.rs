//! `hold` and `release`: what must not be applied until somebody says so.

use std::time::Duration;

use clap::Args;
use gitops_compiler::name::AppName;
use jiff::Timestamp;

use crate::application::{HOLD, Operation, OperationPhase, RELEASE};
use crate::error::CommandError;
use crate::record::Records;
use crate::record::holder::actor;
use crate::record::holds::{HoldAll, released};
use crate::settings::{ClusterArgs, Session};

use super::beside::{Answered, BesideArgs};

/// Hold an application: nothing is applied to it until it is released
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    /// Why, for whoever wonders
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    beside: BesideArgs,
}

/// Release what is held: what was rolled back may be applied again
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    beside: BesideArgs,
}

/// Runs `hold`.
pub async fn hold(session: &Session, args: &HoldArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let operation = Operation::default().with_note(HOLD, args.reason.as_deref().unwrap_or_default());
    if asked(session, &args.beside, &connected.records, &args.app, operation).await?.is_none() {
        let all = HoldAll { time: Timestamp::now(), actor: actor(), reason: args.reason.clone() };
        connected.records.hold(&args.app, &all).await?;
    }
    session
        .printer
        .out(&format!("{} is held: nothing is applied to it until `kubectl gitops release {}`\n", args.app, args.app));
    Ok(0)
}

/// Runs `release`.
pub async fn release(session: &Session, args: &ReleaseArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let operation = Operation::default().with_note(RELEASE, "");
    let told = match asked(session, &args.beside, &connected.records, &args.app, operation).await? {
        Some(told) => told,
        None => released(connected.records.release(&args.app).await?),
    };
    session.printer.out(&format!("{}: {told}\n", args.app));
    Ok(0)
}

/// Lets the controller that cares for the Application do it. Gives what it says; nothing where none does.
async fn asked(
    session: &Session,
    beside: &BesideArgs,
    records: &Records,
    name: &AppName,
    operation: Operation,
) -> Result<Option<String>, CommandError> {
    let Some(cared_for) = beside.find(session, records, name).await? else { return Ok(None) };
    match cared_for.ask(session, operation, false, Duration::ZERO).await? {
        Answered::Ended(state) if state.phase == OperationPhase::Succeeded => Ok(Some(state.message)),
        Answered::Ended(state) => Err(CommandError::refused(state.message)),
        Answered::OtherGraph | Answered::Nobody => Ok(None),
    }
}
