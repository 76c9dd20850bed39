//! `check`: everything that can be known without a cluster.

use clap::{Args, ValueEnum};
use gitops_compiler::diagnostic::Level;
use gitops_compiler::name::AppName;

use crate::error::CommandError;
use crate::json::{CheckJson, CheckOutcome, CheckedApplicationJson, CheckedRenderJson};
use crate::output::{counted, table};
use crate::settings::{CheckedApplication, Session, SourceArgs, say_lints};

/// Say everything that can be known without a cluster: as compile, and whether each render gives the same twice
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The application; with --filename, which of those in the file [default: all of them]
    #[arg(value_name = "APP")]
    app: Option<AppName>,
    #[command(flatten)]
    source: SourceArgs,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for each application
    Text,
    /// Outcome, findings and renders of each application
    Json,
}

/// Runs the command.
pub fn run(session: &Session, args: &CheckArgs) -> Result<u8, CommandError> {
    let store = args.source.store(session)?;
    let checked = args.source.check(args.app.as_ref(), store.as_ref(), session.printer)?;
    for application in &checked {
        say_lints(&application.findings, session.printer);
        say_error(session, application);
    }
    match args.output {
        Output::Text => session.printer.out(&table(&checked.iter().map(row).collect::<Vec<_>>())),
        Output::Json => session.printer.json(&CheckJson::new(checked.iter().map(json).collect())),
    }
    let wrong: Vec<String> =
        checked.iter().filter(|application| !application.is_right()).map(|wrong| wrong.name.to_string()).collect();
    if wrong.is_empty() {
        return Ok(0);
    }
    let all = counted(checked.len(), "application");
    Err(CommandError::user(format!("{} of {all} failed: {}", wrong.len(), wrong.join(", "))))
}

/// Why an application could not be looked at.
fn say_error(session: &Session, application: &CheckedApplication) {
    let Some(error) = &application.error else { return };
    session.printer.say(&format!("error: {}: {}", application.name, error.message));
    for detail in &error.details {
        session.printer.say(&format!("  {detail}"));
    }
    if let Some(hint) = &error.hint {
        session.printer.say(&format!("hint: {hint}"));
    }
}

fn json(application: &CheckedApplication) -> CheckedApplicationJson {
    let error = application.error.as_ref();
    CheckedApplicationJson {
        application: application.name.clone(),
        outcome: if application.is_right() { CheckOutcome::Passed } else { CheckOutcome::Failed },
        graph: application.compilation.as_ref().map(|compilation| compilation.graph.id()),
        error: error.map(|error| [&[error.message.clone()][..], &error.details].concat().join(": ")),
        findings: application.findings.clone(),
        renders: application.renders.iter().map(CheckedRenderJson::new).collect(),
    }
}

fn row(application: &CheckedApplication) -> Vec<String> {
    let sign = if application.is_right() { "✓" } else { "✗" };
    let (graph, size) = match &application.compilation {
        Some(compilation) => {
            let graph = &compilation.graph;
            let parts = [
                counted(graph.resources().len(), "resource"),
                counted(graph.edges().len(), "edge"),
                counted(compilation.files, "file"),
            ];
            (graph.id().short(), parts.join(", "))
        }
        None => ("no graph".to_owned(), String::new()),
    };
    vec![sign.to_owned(), application.name.to_string(), graph, size, renders(application), findings(application)]
}

fn renders(application: &CheckedApplication) -> String {
    let all = application.renders.len();
    let differ = application.renders.iter().filter(|render| !render.differences.is_empty()).count();
    match (all, differ) {
        (0, _) => "nothing to render".to_owned(),
        (1, 0) => "the render is deterministic".to_owned(),
        (1, _) => "the render is not deterministic".to_owned(),
        (all, 0) => format!("{all} renders are deterministic"),
        (all, differ) => format!("{differ} of {all} renders are not deterministic"),
    }
}

fn findings(application: &CheckedApplication) -> String {
    let errors = application.count(Level::Error) + usize::from(application.error.is_some());
    match (errors, application.count(Level::Warning)) {
        (0, 0) => String::new(),
        (errors, 0) => counted(errors, "error"),
        (0, warnings) => counted(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}
