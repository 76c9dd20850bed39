//! `bundle push`: a bundle to a registry.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use gitops_compiler::bundle::Bundle;

use crate::bundle::{self, MovedTag, Pushed};
use crate::error::CommandError;
use crate::fetch::{ArtifactAddress, Reference};
use crate::json::{PushedBundleJson, PushedTagJson, SchemaVersion};
use crate::output::counted;
use crate::settings::{RegistryArgs, Session};

/// Put a bundle into a registry, with what is signed and said about it
///
/// It has its graph id for a tag, and the tag that the address names. A tag moves last: whoever asks for it gets a bundle that is there
/// as a whole.
#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// The bundle: a folder, or a tar
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Where to: oci://HOST/REPOSITORY or oci://HOST/REPOSITORY:TAG
    #[arg(value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    registry: RegistryArgs,
    /// Push also where Secrets with values are in it: whoever may pull it can read them
    #[arg(long)]
    allow_plain_secrets: bool,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub(super) fn run(session: &Session, args: &PushArgs) -> Result<u8, CommandError> {
    let (address, files) = (super::place::address(&args.address)?, bundle::read(&args.bundle)?);
    let read = Bundle::read(&files).map_err(|error| super::told(&[error]))?;
    let found = &read.bundle;
    let mut tags = vec![found.graph.id().to_string()];
    match &address.reference {
        None => {}
        Some(Reference::Tag(tag)) if tags.contains(tag) => {}
        Some(Reference::Tag(tag)) => tags.push(tag.clone()),
        Some(Reference::Digest(_)) => {
            return Err(CommandError::user("a bundle is pushed to a tag: its digest is what it is")
                .hint("leave the digest out, or name a tag: oci://HOST/REPOSITORY:TAG"));
        }
    }
    refuse_plain_secrets(found, args.allow_plain_secrets)?;
    let pushed = bundle::push(&args.registry.writing(&address)?, &files, &tags)?;
    let repository = ArtifactAddress { reference: None, ..address };
    if args.output.is_some() {
        session.printer.json(&json(found, &repository, pushed));
    } else {
        session.printer.out(&text(found, &repository, &pushed));
    }
    Ok(0)
}

/// Registries have more readers than folders.
fn refuse_plain_secrets(found: &Bundle, are_allowed: bool) -> Result<(), CommandError> {
    let open = found.graph.resources().iter().filter(|resource| !are_allowed && resource.is_plain_secret());
    let open: Vec<String> = open.map(|secret| format!("{} has values in it", secret.key)).collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(CommandError::refused("the bundle has Secrets with values; nothing was pushed")
        .details(open)
        .hint("encrypt them with SOPS, or keep them elsewhere; --allow-plain-secrets pushes them"))
}

fn json(found: &Bundle, repository: &ArtifactAddress, pushed: Pushed) -> PushedBundleJson {
    let tag = |MovedTag { tag, before }| PushedTagJson { tag, before };
    PushedBundleJson {
        schema_version: SchemaVersion,
        application: found.config.application.clone(),
        graph: found.graph.id(),
        repository: repository.to_string(),
        manifest: pushed.manifest,
        tags: pushed.tags.into_iter().map(tag).collect(),
        blobs: pushed.blobs,
        sent: pushed.sent,
        referrers: pushed.referrers,
    }
}

fn text(found: &Bundle, repository: &ArtifactAddress, pushed: &Pushed) -> String {
    let resources = counted(found.config.resources.len(), "resource");
    let mut text =
        format!("{}  {}  {resources}  {}\n", found.config.application, found.graph.id().short(), pushed.manifest);
    for MovedTag { tag, before } in &pushed.tags {
        let (sign, was) = match before {
            None => ('+', String::new()),
            Some(before) if *before == pushed.manifest => ('=', String::new()),
            Some(before) => ('~', format!("  was {before}")),
        };
        let _ = writeln!(text, "{sign} {repository}:{tag}{was}");
    }
    let said = match pushed.referrers {
        0 => String::new(),
        count => format!(", with {} about it", counted(count, "manifest")),
    };
    let _ = writeln!(text, "{} of {} sent{said}", pushed.sent, counted(pushed.blobs, "blob"));
    text
}
