//! `app` and `sync`: what people do with `Application` objects. They work straight on the objects, with the rights of whoever
//! runs them, and need no server; what they ask for is done by the controller that cares for the object.

mod ask;
mod get;
mod list;

use clap::{Args, Subcommand};

use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::settings::{ClusterArgs, Session};

use super::request::failed;

pub use ask::SyncArgs;

/// Look at Application objects, and ask their controller for something
#[derive(Debug, Args)]
pub struct AppCommand {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::ListArgs),
    Get(get::GetArgs),
    Sync(SyncArgs),
    Refresh(ask::RefreshArgs),
    Rollback(ask::RollbackArgs),
    Terminate(ask::TerminateArgs),
}

/// Runs `app`.
pub async fn run(session: &Session, command: &AppCommand) -> Result<u8, CommandError> {
    match &command.command {
        Action::List(args) => list::run(session, args).await,
        Action::Get(args) => get::run(session, args).await,
        Action::Sync(args) => ask::sync(session, args).await,
        Action::Refresh(args) => ask::refresh(session, args).await,
        Action::Rollback(args) => ask::rollback(session, args).await,
        Action::Terminate(args) => ask::terminate(session, args).await,
    }
}

/// Runs `sync`.
pub async fn sync(session: &Session, args: &SyncArgs) -> Result<u8, CommandError> {
    ask::sync(session, args).await
}

/// The cluster, and the namespace of Applications.
async fn connected(session: &Session, cluster: &ClusterArgs) -> Result<(Cluster, String), CommandError> {
    let connected = cluster.connect(session.store.open(session.printer)).await?;
    Ok((connected.records.cluster, connected.destination))
}
