//! `bundle sign`: a statement about a bundle, signed, put beside it; or printed for another program to sign, and what that made of
//! it put there.

use std::path::{Path, PathBuf};

use clap::Args;
use gitops_compiler::bundle::{
    Bundle, Claim, Envelope, Files, IN_TOTO, PROVENANCE, REVIEW, Read, ReviewRecord, SIGNATURE, Statement,
    signature_claim, with_claims,
};
use serde_json::json;

use crate::bundle::{self, private_key, said, sign, text_of, unusable_key};
use crate::error::CommandError;
use crate::health::printable;
use crate::settings::Session;

/// Sign a bundle: put a signed statement beside it, as cosign does
///
/// The bundle itself stays as it is. Signing with several keys puts several signatures there.
#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The bundle: a folder, or a tar
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// A file with the private key, in PEM: Ed25519, or ECDSA on P-256. The password of one that cosign has encrypted stands in
    /// the variable COSIGN_PASSWORD
    #[arg(long, value_name = "FILE", required_unless_present_any = ["print_statement", "attach"])]
    key: Option<PathBuf>,
    /// Print the statement instead of signing it, for another program to sign: `cosign attest-blob --statement`
    #[arg(long, conflicts_with_all = ["key", "output"])]
    print_statement: bool,
    /// Put a signature there that another program made: a Sigstore bundle, as `cosign attest-blob --bundle` writes it. Whether it
    /// counts is not looked at
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "print_statement", "provenance", "review"])]
    attach: Option<PathBuf>,
    /// Sign the provenance that lies beside the bundle, instead of the bundle alone: whoever signs it says that it is true
    #[arg(long, conflicts_with = "review")]
    provenance: bool,
    /// Sign that this was reviewed: what `review -o json` printed, instead of the bundle alone
    #[arg(long, value_name = "FILE")]
    review: Option<PathBuf>,
    /// With --review: who agrees to it
    #[arg(long, value_name = "NAME", requires = "review")]
    accepted_by: Option<String>,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub(super) fn run(session: &Session, args: &SignArgs) -> Result<u8, CommandError> {
    let key = args.key.as_deref().map(|path| private_key(path).map(|key| (path, key))).transpose()?;
    let files = bundle::read(&args.bundle)?;
    // Nobody signs what is no bundle.
    let read = Bundle::read(&files).map_err(|error| super::told(&[error]))?;
    if let Some(path) = &args.attach {
        let (statement, claim) = attached(path, &read)?;
        return put(
            session,
            args,
            &files,
            claim,
            &format!("{} put there; `bundle verify` tells whose it is", said(&statement)),
        );
    }
    let statement = statement(args, &read)?;
    let Some((path, key)) = key else {
        session.printer.out(&format!("{}\n", String::from_utf8_lossy(&statement.bytes())));
        return Ok(0);
    };
    let claim = sign(&statement, &key).map_err(|error| unusable_key(path, &error))?;
    put(session, args, &files, claim, &format!("{} signed by the key {}", said(&statement), key.public().hint()))
}

/// Puts something beside the bundle.
fn put(session: &Session, args: &SignArgs, files: &Files, claim: Claim, done: &str) -> Result<u8, CommandError> {
    let signed = with_claims(files, &[claim]).map_err(|error| super::told(&[error]))?;
    let read = Bundle::read(&signed).map_err(|error| super::told(&[error]))?;
    bundle::write(&args.bundle, &signed)?;
    if args.output.is_some() {
        session.printer.json(&super::as_json(&read, None));
    } else {
        session.printer.out(&format!("{}\n{done}\n", super::in_a_line(&read.bundle)));
    }
    Ok(0)
}

/// A signature in a file, which must be about this bundle.
fn attached(path: &Path, read: &Read) -> Result<(Statement, Claim), CommandError> {
    let text = text_of(path)?;
    let cannot = |why: String| {
        let why = printable(&why);
        CommandError::user(format!("{} cannot be put beside the bundle: {why}", path.display()))
    };
    let (envelope, _) = Envelope::read(text.as_bytes()).map_err(|error| cannot(error.to_string()))?;
    let statement = Statement::read(&envelope.payload).map_err(|error| cannot(error.to_string()))?;
    statement.is_about(&read.manifest, read.bundle.graph.id()).map_err(|error| cannot(error.to_string()))?;
    let claim = signature_claim(text.into_bytes(), &statement.predicate_type);
    Ok((statement, claim))
}

/// What is signed.
fn statement(args: &SignArgs, read: &Read) -> Result<Statement, CommandError> {
    let (application, graph) = (&read.bundle.config.application, read.bundle.graph.id());
    let new =
        |predicate_type: &str, predicate| Statement::new(application, &read.manifest, graph, predicate_type, predicate);
    if args.provenance {
        return provenance(read);
    }
    let Some(path) = &args.review else { return Ok(new(SIGNATURE, json!({}))) };
    let text = text_of(path)?;
    let record = ReviewRecord::of_report(text.as_bytes(), application, graph, args.accepted_by.as_deref());
    let record = record.map_err(|why| {
        CommandError::user(format!("{} cannot be signed for this bundle: {why}", path.display()))
            .hint("`kubectl gitops review BASE..HEAD -o json` prints a review")
    })?;
    Ok(new(REVIEW, record.predicate()))
}

/// The one provenance that lies beside a bundle.
fn provenance(read: &Read) -> Result<Statement, CommandError> {
    let statements = read.referrers.iter().filter(|referrer| referrer.artifact_type == IN_TOTO);
    let statements = statements.flat_map(|referrer| &referrer.layers);
    let mut found: Vec<Statement> = statements
        .filter_map(|layer| Statement::read(&layer.bytes).ok())
        .filter(|statement| statement.predicate_type == PROVENANCE)
        .collect();
    let count = found.len();
    let (Some(statement), 1) = (found.pop(), count) else {
        return Err(CommandError::user(format!("{count} provenances lie beside the bundle, and one is signed"))
            .hint("`kubectl gitops bundle build --provenance` puts one there"));
    };
    statement
        .is_about(&read.manifest, read.bundle.graph.id())
        .map_err(|error| CommandError::refused(format!("the provenance is not signed: {error}")))?;
    Ok(statement)
}
