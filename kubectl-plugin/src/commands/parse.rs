//! `parse`: what kubectl would read.

use std::path::PathBuf;

use clap::Args;
use gitops_compiler::diagnostic::Level;
use gitops_compiler::manifest::yaml;

use crate::error::CommandError;
use crate::settings::Session;

/// Print what kubectl would read from a file: one JSON document a line, lints on stderr
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// The file; - for standard input
    #[arg(short, long, value_name = "FILE")]
    filename: PathBuf,
}

/// Runs the command.
pub fn run(session: &Session, args: &ParseArgs) -> Result<u8, CommandError> {
    let name = args.filename.display().to_string();
    let read = if name == "-" { read_stdin() } else { std::fs::read(&args.filename) };
    let bytes = read.map_err(|error| CommandError::user(format!("cannot read `{name}`: {error}")))?;
    let reading = yaml::read(&bytes, yaml::Limits::default());
    for document in &reading.documents {
        session.printer.data(&serde_json::Value::from(&document.value).to_string());
    }
    for lint in &reading.lints {
        let (line, column) = (lint.line, lint.column);
        session.printer.say(&format!("{name}:{line}:{column}: warning[{}]: {}", lint.rule, lint.message));
    }
    if reading.problems.is_empty() {
        return Ok(0);
    }
    let origin = |line, column| gitops_compiler::diagnostic::Origin { path: name.clone(), line, column };
    let findings: Vec<_> = reading
        .problems
        .into_iter()
        .map(|problem| {
            gitops_compiler::diagnostic::Diagnostic::error(origin(problem.line, problem.column), problem.message)
        })
        .collect();
    debug_assert!(findings.iter().all(|finding| finding.level == Level::Error));
    let message = match findings.len() {
        1 => "1 document cannot be read".to_owned(),
        count => format!("{count} documents cannot be read"),
    };
    Err(CommandError { findings, ..CommandError::user(message) })
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes)?;
    Ok(bytes)
}
