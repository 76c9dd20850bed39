//! `bundle verify`: whether a bundle is what it says, and whether its sources give it again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use gitops_compiler::bundle::{Bundle, Compression, Delivery, Read, SIGSTORE_BUNDLE, Vouched};
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::ResourceKey;

use crate::bundle::{self, Signature, Signed, TrustArgs, said};
use crate::error::CommandError;
use crate::settings::{Session, SourceArgs};

use super::place::Place;

/// Check that every byte of a bundle is what the graph in it gives; with --rebuild also that its sources give that graph; with
/// --trust or --key also that the right people have signed it
///
/// One in a registry is taken from there as `bundle pull` takes it, with the logins of Docker, and is written nowhere.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The bundle: a folder, a tar, oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@DIGEST
    #[arg(value_name = "BUNDLE")]
    bundle: String,
    /// The graph that it must hold, whole
    #[arg(long, value_name = "GRAPH")]
    graph: Option<Id<Graph>>,
    /// Compile it again, and compare; the flags below say from what
    #[arg(long)]
    rebuild: bool,
    #[command(flatten)]
    trust: TrustArgs,
    /// With --trust: the cluster that it must be good for, by the uid of its namespace kube-system [default: all of them]
    #[arg(long, value_name = "UID", requires = "trust")]
    cluster: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
    /// With --rebuild: the namespace for manifests that name none [default: that of the Application, else of the bundle]
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub(super) fn run(session: &Session, args: &VerifyArgs) -> Result<u8, CommandError> {
    let place = Place::named(&args.bundle)?;
    let (_, read) = place.verified_by(session, &args.source)?;
    let found = &read.bundle;
    super::demand_graph(found, args.graph)?;
    let signatures = args.trust.check(&Signed::of_bundle(&read), &found.config.application, args.cluster.as_deref())?;
    let differences = if args.rebuild { rebuilt(session, args, found)? } else { Vec::new() };
    if !differences.is_empty() {
        let message = format!("the sources give something else than {place}");
        let error = CommandError { code: 1, ..CommandError::user(message) }.details(differences);
        let is_tree = args.source.revision.is_none() && args.source.filename.is_none();
        return Err(if is_tree {
            error.hint("that was the working tree; name a commit with --revision")
        } else {
            error
        });
    }
    if args.output.is_some() {
        session.printer.json(&super::as_json(&read, signatures.as_deref()));
        return Ok(0);
    }
    let bytes = if read.is_compressed_otherwise {
        "the content is what the graph gives; it is compressed in another way"
    } else {
        "every byte is what the graph gives"
    };
    let again = if args.rebuild { ", and its sources give it again" } else { "" };
    let beside = beside(&read, signatures.as_deref());
    session.printer.out(&format!("{}\n{bytes}{again}\n{beside}", super::in_a_line(found)));
    Ok(0)
}

/// What is said about the bundle, a line each.
fn beside(read: &Read, signatures: Option<&[Signature]>) -> String {
    let mut lines = String::new();
    for referrer in &read.referrers {
        let judged = signatures.into_iter().flatten().find(|signature| signature.digest == referrer.digest);
        let line = match judged.map(|signature| &signature.judged) {
            Some(Ok(vouched)) => format!("✓ {} by {}", said(&vouched.statement), signer(vouched)),
            Some(Err(why)) => format!("✗ a signature that does not count: {why}"),
            None if referrer.artifact_type == SIGSTORE_BUNDLE => "· a signature, not looked at".to_owned(),
            None => format!("· {}, not looked at", bundle::printable(&referrer.artifact_type)),
        };
        let _ = writeln!(lines, "  {line}  {}", referrer.digest);
    }
    lines
}

/// Who signed: what the policy calls it, and whom the certificate is for.
fn signer(vouched: &Vouched) -> String {
    let names: Vec<&str> = vouched.signers.iter().map(String::as_str).collect();
    let certified = vouched.certificate.as_ref().map(|name| format!(" ({}, {})", name.subject, name.issuer));
    names.join(", ") + &certified.unwrap_or_default()
}

/// What the sources give otherwise.
fn rebuilt(session: &Session, args: &VerifyArgs, found: &Bundle) -> Result<Vec<String>, CommandError> {
    // Whoever builds it again believes nobody: neither the binary cache, nor what a store may have from there. Inputs are
    // what the lock says of them, wherever they lie.
    let store = session.store.open(session.printer);
    let opened = args.source.open(Some(&found.config.application), store.as_ref())?;
    let namespace = args.namespace.as_deref().or(opened.home.destination.as_deref());
    let there = &found.config.delivery;
    let delivery = opened.bundled_delivery(Some(namespace.unwrap_or(&there.namespace)))?;
    // No source says so: it is a matter of the bundle.
    let delivery = Delivery { kustomization: there.kustomization, ..delivery };
    let graph = opened.compile(None, session.printer)?.graph;
    // Whatever is in it: it is not written anywhere.
    let made = Bundle::build(&opened.app.name, &graph, delivery, Compression::Store, true);
    let made = made.map_err(|errors| super::told(&errors))?;
    let mut differences = graphs_differ(&found.graph, &made.graph);
    if differences.is_empty() && found.graph.id() != made.graph.id() {
        differences.push("the edges, or how they are found".to_owned());
    }
    if *there != made.config.delivery {
        differences.push("how it is delivered: namespace, sync options or what is ignored".to_owned());
    }
    Ok(differences)
}

/// The resources that are not equal.
fn graphs_differ(bundle: &ResourceGraph, sources: &ResourceGraph) -> Vec<String> {
    let by_key = |graph: &ResourceGraph| -> BTreeMap<ResourceKey, _> {
        graph.resources().iter().map(|resource| (resource.key.clone(), resource.id)).collect()
    };
    let (there, here) = (by_key(bundle), by_key(sources));
    let mut differences = Vec::new();
    for (key, id) in &there {
        match here.get(key) {
            None => differences.push(format!("{key} is in the bundle alone")),
            Some(other) if other != id => differences.push(format!("{key} is another")),
            Some(_) => {}
        }
    }
    differences
        .extend(here.keys().filter(|key| !there.contains_key(key)).map(|key| format!("{key} is in the sources alone")));
    differences
}
