//! `bundle build`: a commit to a bundle.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gitops_compiler::bundle::{Bundle, Compression};
use gitops_compiler::name::AppName;

use crate::bundle;
use crate::error::CommandError;
use crate::json::BundleJson;
use crate::settings::{Session, SourceArgs};

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
    /// Put Secrets with values in: whoever has the bundle can read them
    #[arg(long)]
    allow_plain_secrets: bool,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CompressionName {
    /// As this program compresses
    Deflate,
    /// Not at all, in the form of gzip: any program makes the same bytes
    Store,
}

/// Runs the command.
pub(super) fn run(session: &Session, args: &BuildArgs) -> Result<u8, CommandError> {
    let store = session.store.open(session.printer);
    let opened = args.source.open_named(args.app.as_ref(), store.as_ref())?;
    let compression = match args.compress {
        CompressionName::Deflate => Compression::Deflate,
        CompressionName::Store => Compression::Store,
    };
    let namespace = args.namespace.as_deref().or(opened.home.destination.as_deref());
    let compilation = opened.compile(store.as_ref(), session.printer)?;
    let delivery = opened.bundled_delivery(namespace)?;
    let (name, plain) = (&opened.app.name, args.allow_plain_secrets);
    let made = Bundle::build(name, &compilation.graph, delivery, compression, plain);
    let made = made.map_err(|errors| super::told(&errors))?;
    bundle::write(&args.out, &made.files)?;
    if args.output.is_some() {
        session.printer.json(&BundleJson::new(&made, false));
    } else {
        session.printer.out(&format!("{}\n{}\n", super::in_a_line(&made), args.out.display()));
    }
    Ok(0)
}
