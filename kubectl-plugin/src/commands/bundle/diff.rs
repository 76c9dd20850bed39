//! `bundle diff`: in what two bundles differ.

use std::fmt::Write as _;

use clap::Args;
use gitops_compiler::bundle::{Differences, PartChange};

use crate::commands::diff::text as diff_text;
use crate::error::CommandError;
use crate::json::BundleDiffJson;
use crate::settings::{RegistryArgs, Session};

use super::place::Place;

/// Show in what two bundles differ: resources and how they are delivered; where that is equal, files, tar headers, compression
///
/// Each is a folder, a tar, oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@DIGEST. One that `verify` does not take is compared as
/// far as it can be read. Exit codes: 0 no difference, 1 differences.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The older side
    #[arg(value_name = "A")]
    old: String,
    /// The newer side
    #[arg(value_name = "B")]
    new: String,
    #[command(flatten)]
    registry: RegistryArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub(super) fn run(session: &Session, args: &DiffArgs) -> Result<u8, CommandError> {
    let (old, new) = (Place::named(&args.old)?, Place::named(&args.new)?);
    let (old, new) = (old.files(session, &args.registry)?, new.files(session, &args.registry)?);
    let differences = Differences::between(&old, &new);
    if args.output.is_some() {
        session.printer.json(&BundleDiffJson::new(&differences));
    } else {
        session.printer.out(&text(&differences));
    }
    Ok(u8::from(!differences.is_empty()))
}

fn text(differences: &Differences) -> String {
    let Differences { graphs, resources, parts, .. } = differences;
    if differences.is_empty() {
        return "No differences.\n".to_owned();
    }
    let mut text = String::new();
    if let ([Some(old), Some(new)], false) = (graphs, resources.is_empty()) {
        text.push_str(&diff_text(&old.short(), &new.short(), resources));
    }
    for PartChange { part, change } in parts {
        let _ = writeln!(text, "~ {}  {change}", part.as_str());
    }
    text
}
