//! `bundle build`: a commit to a bundle.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gitops_compiler::bundle::{
    Builder, Bundle, Claim, Compression, Delivery, PROVENANCE, Statement, Target, with_claims,
};
use gitops_compiler::name::AppName;
use jiff::Timestamp;

use crate::bundle;
use crate::error::CommandError;
use crate::settings::{Opened, Session, SourceArgs};

/// Compile an application into a bundle: an OCI image layout with plain manifests in the order in which they are applied
///
/// The same graph gives the same bytes on any machine. Argo CD and Flux take it as it is, from a registry.
#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    /// The application; with --filename, which of those in the file
    #[arg(value_name = "APP")]
    app: Option<AppName>,
    #[command(flatten)]
    source: SourceArgs,
    /// Where to write it: a folder, or a tar where the name ends in .tar
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// The namespace for manifests that name none, for whoever applies it
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// How the layer is compressed. Its identity does not depend on it
    #[arg(long, value_enum, default_value_t = CompressionName::Deflate)]
    compress: CompressionName,
    /// Put a kustomization.yaml in, which lists the files in their order, for who reads folders with Kustomize alone. Argo CD
    /// sends what has one through Kustomize
    #[arg(long)]
    kustomization: bool,
    /// Put Secrets with values in: whoever has the bundle can read them
    #[arg(long)]
    allow_plain_secrets: bool,
    /// Put a provenance beside it: which commits and inputs it was built from, as SLSA has it. A working tree must be clean
    #[arg(long)]
    provenance: bool,
    /// With --provenance: the address that stands for who builds
    #[arg(long, value_name = "URI", requires = "provenance", default_value = BUILDER)]
    builder: String,
    /// With --provenance: when it was built, in RFC 3339; without, no time is in it
    #[arg(long, value_name = "TIME", requires = "provenance")]
    finished_on: Option<Timestamp>,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Who builds where nobody says: this program, on some machine.
const BUILDER: &str = "https://github.com/kubectl-gitops/kubectl-gitops";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CompressionName {
    /// As this program compresses
    Deflate,
    /// Not at all, in the form of gzip: any program makes the same bytes
    Store,
}

/// Runs the command.
pub(super) fn run(session: &Session, args: &BuildArgs) -> Result<u8, CommandError> {
    let store = args.source.store(session)?;
    let opened = if args.provenance {
        args.source.open_committed(args.app.as_ref(), store.as_ref())?
    } else {
        args.source.open_named(args.app.as_ref(), store.as_ref())?
    };
    let compression = match args.compress {
        CompressionName::Deflate => Compression::Deflate,
        CompressionName::Store => Compression::Store,
    };
    let namespace = args.namespace.as_deref().or(opened.home.destination.as_deref());
    let compilation = opened.compile(store.as_ref(), session.printer)?;
    let delivery = Delivery { kustomization: args.kustomization, ..opened.bundled_delivery(namespace)? };
    let (name, plain) = (&opened.app.name, args.allow_plain_secrets);
    let made = Bundle::build(name, &compilation.graph, delivery, compression, plain);
    let made = made.map_err(|errors| super::told(&errors))?;
    let claims = if args.provenance { vec![provenance(args, &opened, &made)?] } else { Vec::new() };
    let files = with_claims(&made.files, &claims).map_err(|error| super::told(&[error]))?;
    bundle::write(&args.out, &files)?;
    if args.output.is_some() {
        let read = Bundle::read(&files).map_err(|error| super::told(&[error]))?;
        session.printer.json(&super::as_json(&read, None));
    } else {
        session.printer.out(&format!("{}\n{}\n", super::in_a_line(&made), args.out.display()));
    }
    Ok(0)
}

/// Where it comes from, as something to be said about it.
fn provenance(args: &BuildArgs, opened: &Opened, made: &Bundle) -> Result<Claim, CommandError> {
    let version = [("kubectl-gitops".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into();
    let builder = Builder { id: args.builder.clone(), version };
    let target = Target { namespace: made.config.delivery.namespace.clone() };
    let finished_on = args.finished_on.map(|time| time.to_string());
    let provenance = args.source.provenance(opened, target, builder, finished_on)?;
    let statement =
        Statement::new(&opened.app.name, &made.manifest, made.graph.id(), PROVENANCE, provenance.predicate());
    Ok(statement.claim())
}
