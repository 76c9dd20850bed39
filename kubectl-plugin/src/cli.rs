//! The command line: one enum of commands, one dispatch.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use gitops_compiler::render::JSONNET;
use gitops_compiler::sandbox::{self, Worker};
use gitops_compiler::schema::RULES_WORKER;

use crate::apply::drift::JQ_WORKER;
use crate::commands;
use crate::error::CommandError;
use crate::health::HEALTH_WORKER;
use crate::output::Printer;
use crate::settings::{Session, StoreArgs};

/// Compile a Git tree of manifests, apply it in topological order, roll back to any prior release
#[derive(Debug, Parser)]
#[command(name = "kubectl gitops", bin_name = "kubectl gitops", version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: Command,
}

/// The exit code of a bug of ours.
const BUG: u8 = 70;

/// The commands that tell programs what they do while they do it.
const TELLING_EVENTS: [&str; 5] = ["apply", "adopt", "rollback", "delete", "install"];

/// What this program does in the sandbox, in processes of their own.
const WORKERS: &[Worker] = &[JSONNET, RULES_WORKER, HEALTH_WORKER, JQ_WORKER];

#[derive(Debug, Subcommand)]
enum Command {
    Parse(commands::parse::ParseArgs),
    Compile(commands::compile::CompileArgs),
    Check(commands::check::CheckArgs),
    Graph(commands::graph::GraphArgs),
    Lock(Box<commands::lock::LockCommand>),
    Plan(commands::plan::PlanArgs),
    Diff(commands::diff::DiffArgs),
    Review(Box<commands::review::ReviewArgs>),
    Snapshot(Box<commands::snapshot::SnapshotCommand>),
    Apply(commands::apply::ApplyArgs),
    Adopt(commands::adopt::AdoptArgs),
    Status(commands::status::StatusArgs),
    Drift(commands::drift::DriftArgs),
    History(commands::history::HistoryArgs),
    Show(commands::show::ShowArgs),
    Rollback(commands::rollback::RollbackArgs),
    Rename(commands::rename::RenameArgs),
    Hold(commands::hold::HoldArgs),
    Release(commands::hold::ReleaseArgs),
    Delete(commands::delete::DeleteArgs),
    Install(Box<commands::install::InstallArgs>),
    Bundle(commands::bundle::BundleCommand),
    Store(commands::store::StoreCommand),
    App(commands::app::AppCommand),
    Sync(commands::app::SyncArgs),
    Project(commands::project::ProjectCommand),
    Cluster(commands::cluster::ClusterCommand),
    Controller(Box<commands::controller::ControllerArgs>),
    Ui(Box<commands::ui::UiArgs>),
}

impl Command {
    /// Whether what is said on the way is for programs, too.
    fn tells_events(&self) -> bool {
        match self {
            Self::Apply(args) => args.json(),
            Self::Adopt(args) => args.json(),
            Self::Rollback(args) => args.json(),
            Self::Delete(args) => args.json(),
            Self::Install(args) => args.json(),
            Self::Bundle(command) => command.tells_events(),
            _ => false,
        }
    }
}

/// Runs the command that was asked for. A panic is a bug of ours, and says so.
#[must_use]
pub fn main() -> ExitCode {
    // First, while there is one thread: a process that was started for the sandbox has nothing else to do.
    if let Some(code) = sandbox::enter(std::env::args_os(), WORKERS) {
        return code;
    }
    std::panic::set_hook(Box::new(|panic| tell_of_panic(panic, Printer::for_process())));
    std::panic::catch_unwind(run_command).unwrap_or_else(|_| ExitCode::from(BUG))
}

/// What the library that scans YAML gives up on is an error of the document, and is told as one.
fn tell_of_panic(panic: &std::panic::PanicHookInfo<'_>, printer: Printer) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    if !place.contains("libyaml-safer") {
        let message = panic.payload_as_str().unwrap_or("it does not say why");
        let message = format!("this is a bug of kubectl-gitops, at {place}: {message}");
        printer.error(&CommandError { code: BUG, ..CommandError::user(message) });
    }
}

fn run_command() -> ExitCode {
    let printer = Printer::for_process();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error, printer),
    };
    let printer = if cli.command.tells_events() { printer.with_events() } else { printer };
    std::panic::set_hook(Box::new(move |panic| tell_of_panic(panic, printer)));
    let session = Session::new(printer, cli.store);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("cannot start: {error}");
            session.printer.error(&CommandError { code: BUG, ..CommandError::user(message) });
            return ExitCode::from(BUG);
        }
    };
    let result = runtime.block_on(run(&session, cli.command));
    // Watches and other background work must not hold up the exit.
    runtime.shutdown_background();
    session.finish();
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            session.printer.error(&error);
            ExitCode::from(error.code)
        }
    }
}

/// Help and versions are no errors, and go where clap sends them. Whoever reads JSON reads this, too.
fn misused(error: &clap::Error, printer: Printer) -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if error.use_stderr() && asks_for_events(&arguments) {
        printer.with_events().error(&CommandError::misuse(&error.render().to_string()));
    } else {
        // A terminal that went away wants no more.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(BUG))
}

/// Whether arguments that are not understood are those of a command whose talk would be for programs.
fn asks_for_events(arguments: &[String]) -> bool {
    let cli = Cli::command();
    let arguments = || arguments.iter().map(String::as_str).take_while(|argument| *argument != "--");
    let command = arguments().find(|argument| cli.find_subcommand(argument).is_some());
    let follows = arguments().zip(arguments().skip(1)).any(|pair| matches!(pair, ("-o" | "--output", "json")));
    let is_json = follows || arguments().any(|argument| matches!(argument, "-ojson" | "-o=json" | "--output=json"));
    let is_of_bundle = command.is_some_and(|command| command == "bundle") && arguments().any(|word| word == "apply");
    is_json && (is_of_bundle || command.is_some_and(|command| TELLING_EVENTS.contains(&command)))
}

async fn run(session: &Session, command: Command) -> Result<u8, CommandError> {
    match command {
        Command::Parse(args) => commands::parse::run(session, &args),
        Command::Compile(args) => commands::compile::run(session, &args),
        Command::Check(args) => commands::check::run(session, &args),
        Command::Graph(args) => commands::graph::run(session, &args),
        Command::Lock(args) => commands::lock::run(session, &args).await,
        Command::Plan(args) => Box::pin(commands::plan::run(session, &args)).await,
        Command::Diff(args) => Box::pin(commands::diff::run(session, &args)).await,
        Command::Review(args) => Box::pin(commands::review::run(session, &args)).await,
        Command::Snapshot(args) => commands::snapshot::run(session, &args),
        Command::Apply(args) => Box::pin(commands::apply::run(session, &args)).await,
        Command::Adopt(args) => Box::pin(commands::adopt::run(session, &args)).await,
        Command::Status(args) => commands::status::run(session, &args).await,
        Command::Drift(args) => commands::drift::run(session, &args).await,
        Command::History(args) => commands::history::run(session, &args).await,
        Command::Show(args) => commands::show::run(session, &args).await,
        Command::Rollback(args) => Box::pin(commands::rollback::run(session, &args)).await,
        Command::Rename(args) => commands::rename::run(session, &args).await,
        Command::Hold(args) => commands::hold::hold(session, &args).await,
        Command::Release(args) => commands::hold::release(session, &args).await,
        Command::Delete(args) => Box::pin(commands::delete::run(session, &args)).await,
        Command::Install(args) => Box::pin(commands::install::run(session, &args)).await,
        Command::Bundle(args) => Box::pin(commands::bundle::run(session, &args)).await,
        Command::Store(args) => commands::store::run(session, &args),
        Command::App(args) => commands::app::run(session, &args).await,
        Command::Sync(args) => commands::app::sync(session, &args).await,
        Command::Project(args) => commands::project::run(session, &args).await,
        Command::Cluster(args) => Box::pin(commands::cluster::run(session, &args)).await,
        Command::Controller(args) => Box::pin(commands::controller::run(session, &args)).await,
        Command::Ui(args) => Box::pin(commands::ui::run(session, &args)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_events_is_known_from_what_is_not_understood() {
        let asks = |text: &str| asks_for_events(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for text in
            ["apply -o json --odd", "--store x delete -ojson", "rollback a --output=json", "install --odd -ojson"]
        {
            assert!(asks(text), "{text}");
        }
        for text in
            ["apply -o yaml", "apply --odd", "status apply -o json", "aply -o json", "apply -- -o json", "-o json"]
        {
            assert!(!asks(text), "{text}");
        }
    }

    #[test]
    fn the_commands_that_tell_events_are_commands() {
        for name in TELLING_EVENTS {
            let application: &[&str] = if name == "install" { &[] } else { &["a"] };
            let arguments = [&["kubectl gitops", name], application, &["-o", "json"]].concat();
            let command = Cli::try_parse_from(arguments).expect(name).command;
            assert!(command.tells_events(), "{name}");
        }
    }
}
