//! `bundle pull`: a bundle from a registry.

use std::path::PathBuf;

use clap::Args;
use gitops_compiler::bundle::Bundle;
use gitops_compiler::canon::{Graph, Id};

use crate::bundle::{self, Signed, TrustArgs};
use crate::error::CommandError;
use crate::output::counted;
use crate::settings::{RegistryArgs, Session};

/// Take a bundle from a registry, with what is signed and said about it, and check every byte before it is written; with --trust or
/// --key also that the right people have signed it
#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// Which: oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@DIGEST
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// Where to write it: a folder, or a tar where the name ends in .tar
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// The graph that it must hold, whole
    #[arg(long, value_name = "GRAPH")]
    graph: Option<Id<Graph>>,
    #[command(flatten)]
    trust: TrustArgs,
    /// With --trust: the cluster that it must be good for, by the uid of its namespace kube-system [default: all of them]
    #[arg(long, value_name = "UID", requires = "trust")]
    cluster: Option<String>,
    #[command(flatten)]
    registry: RegistryArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub(super) fn run(session: &Session, args: &PullArgs) -> Result<u8, CommandError> {
    let address = super::place::address(&args.address)?;
    let files = bundle::pull(&args.registry.reading(&address)?, &address, |message| session.printer.warn(message))?;
    let read = Bundle::read(&files).map_err(|error| super::told(&[error]))?;
    let found = &read.bundle;
    super::demand_graph(found, args.graph)?;
    let signed = Signed::of_bundle(&read);
    let signatures = args.trust.check(&signed, &found.config.application, args.cluster.as_deref())?;
    bundle::write(&args.out, &files)?;
    if args.output.is_some() {
        session.printer.json(&super::as_json(&read, signatures.as_deref()));
        return Ok(0);
    }
    let said = match read.referrers.len() {
        0 => String::new(),
        count => format!(", with {} about it", counted(count, "manifest")),
    };
    session.printer.out(&format!("{}\n{}{said}\n", super::in_a_line(found), args.out.display()));
    Ok(0)
}
