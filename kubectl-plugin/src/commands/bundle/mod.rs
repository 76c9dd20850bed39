//! `bundle`: releases as files that anybody can make again, check, and apply without Git.

mod apply;
mod build;
mod diff;
mod place;
mod pull;
mod push;
mod sign;
mod verify;

use clap::{Args, Subcommand};
use gitops_compiler::bundle::{Bundle, BundleError, Read};
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::lock::Digest;

use crate::bundle::Signature;
use crate::error::CommandError;
use crate::json::{BundleJson, SignatureJson};
use crate::output::counted;
use crate::settings::{Session, SourceArgs};

use place::Place;

/// Releases as files that anybody can make again, bit for bit, check, push to a registry, and apply without Git
#[derive(Debug, Args)]
pub struct BundleCommand {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Build(Box<build::BuildArgs>),
    Sign(Box<sign::SignArgs>),
    Verify(Box<verify::VerifyArgs>),
    Push(Box<push::PushArgs>),
    Pull(Box<pull::PullArgs>),
    Diff(Box<diff::DiffArgs>),
    Apply(Box<apply::ApplyArgs>),
}

impl BundleCommand {
    /// Whether what is said on the way is for programs, too.
    #[must_use]
    pub fn tells_events(&self) -> bool {
        matches!(&self.command, Action::Apply(args) if args.json())
    }
}

/// Runs the command.
pub async fn run(session: &Session, command: &BundleCommand) -> Result<u8, CommandError> {
    match &command.command {
        Action::Build(args) => build::run(session, args),
        Action::Sign(args) => sign::run(session, args),
        Action::Verify(args) => verify::run(session, args),
        Action::Push(args) => push::run(session, args),
        Action::Pull(args) => pull::run(session, args),
        Action::Diff(args) => diff::run(session, args),
        Action::Apply(args) => Box::pin(apply::run(session, args)).await,
    }
}

/// A bundle as a side of what compares two, of which every byte is what its graph gives. One in a registry is taken from there,
/// and is written nowhere.
pub(super) fn as_side(session: &Session, source: &SourceArgs, place: &str) -> Result<Bundle, CommandError> {
    Ok(Place::named(place)?.verified_by(session, source)?.1.bundle)
}

/// A bundle as data, with the signatures that were looked at.
fn as_json(read: &Read, signatures: Option<&[Signature]>) -> BundleJson {
    let judged = |digest: &Digest| {
        let found = signatures.into_iter().flatten().find(|signature| signature.digest == *digest);
        found.map(|signature| SignatureJson::new(&signature.judged))
    };
    BundleJson::new(read, &judged)
}

/// One line about a bundle.
fn in_a_line(bundle: &Bundle) -> String {
    let resources = counted(bundle.config.resources.len(), "resource");
    format!("{}  {}  {resources}  {}", bundle.config.application, bundle.graph.id().short(), bundle.manifest)
}

/// Refuses a bundle of another graph than is demanded.
fn demand_graph(found: &Bundle, demanded: Option<Id<Graph>>) -> Result<(), CommandError> {
    match demanded {
        Some(demanded) if demanded != found.graph.id() => {
            let message = format!("the bundle holds {}, and not {demanded}", found.graph.id());
            Err(CommandError::refused(message))
        }
        _ => Ok(()),
    }
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
