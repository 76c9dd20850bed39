//! `bundle`: releases as files that anybody can make again, check, and apply without Git.

mod build;
mod verify;

use clap::{Args, Subcommand};
use gitops_compiler::bundle::{Bundle, BundleError};

use crate::error::CommandError;
use crate::output::counted;
use crate::settings::Session;

/// Releases as files that anybody can make again, bit for bit, and check
#[derive(Debug, Args)]
pub struct BundleCommand {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Build(Box<build::BuildArgs>),
    Verify(Box<verify::VerifyArgs>),
}

/// Runs the command.
pub fn run(session: &Session, command: &BundleCommand) -> Result<u8, CommandError> {
    match &command.command {
        Action::Build(args) => build::run(session, args),
        Action::Verify(args) => verify::run(session, args),
    }
}

/// One line about a bundle.
fn in_a_line(bundle: &Bundle) -> String {
    let resources = counted(bundle.config.resources.len(), "resource");
    format!("{}  {}  {resources}  {}", bundle.config.application, bundle.graph.id().short(), bundle.manifest)
}

/// What cannot be made or taken.
fn told(errors: &[BundleError]) -> CommandError {
    let is_open = |error: &BundleError| matches!(error, BundleError::PlainSecret(_));
    let details: Vec<String> = errors.iter().map(ToString::to_string).collect();
    if errors.iter().any(is_open) {
        return CommandError::refused("Secrets with values would be in the bundle; nothing was written")
            .details(details)
            .hint("encrypt them with SOPS, or keep them elsewhere; --allow-plain-secrets puts them in");
    }
    CommandError::user("this is no bundle that can be taken").details(details)
}
