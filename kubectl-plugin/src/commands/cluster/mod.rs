//! `cluster`: the clusters that Applications are applied to, as Secrets of the controller's namespace describe them.

mod add;
mod list;

use clap::{Args, Subcommand};

use crate::error::CommandError;
use crate::settings::Session;

/// The label of the Secrets.
const SELECTOR: &str = crate::controller::clusters::SELECTOR;

/// List the clusters that Applications are applied to, and add another
#[derive(Debug, Args)]
pub struct ClusterCommand {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::ListArgs),
    Add(add::AddArgs),
}

/// Runs `cluster`.
pub async fn run(session: &Session, command: &ClusterCommand) -> Result<u8, CommandError> {
    match &command.command {
        Action::List(args) => list::run(session, args).await,
        Action::Add(args) => Box::pin(add::run(session, args)).await,
    }
}
