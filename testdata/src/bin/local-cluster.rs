//! `local-cluster`: the supervisor of a local Kubernetes cluster, and the means to have one by hand.
//!
//! In: a subcommand. Out: on stdout, JSON for programs or a few lines for people; errors on stderr, exit code 1.
//!
//! ```text
//! cargo run -p gitops-testdata --bin local-cluster -- run --foreground
//! ```

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use gitops_testdata::causes::with_causes;
use gitops_testdata::cluster::{self, Connection, Error, Lifetime, Options};
use serde_json::json;

/// A real Kubernetes control plane on this machine.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the cluster's programs, where that was not done yet, and print where they are.
    Build,
    /// Run a cluster until stdin closes, and print how to reach it as one line of JSON.
    Run {
        /// Run until Ctrl-C instead, and print how to reach it for people.
        #[arg(long, conflicts_with = "detached")]
        foreground: bool,
        /// Start a cluster that stays until `local-cluster stop`.
        #[arg(long)]
        detached: bool,
        #[command(flatten)]
        options: OptionArguments,
    },
    /// Stop a detached cluster.
    Stop {
        /// What it printed as `directory`.
        directory: PathBuf,
    },
    /// Supervise a detached cluster (started by `run --detached`).
    #[command(hide = true)]
    Detached {
        #[command(flatten)]
        options: OptionArguments,
    },
    /// Become a component that dies with its supervisor (started by the supervisor).
    #[command(hide = true)]
    Component {
        /// The process id of the supervisor.
        supervisor: u32,
        /// The program of the component.
        program: PathBuf,
        /// The component's arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Args)]
struct OptionArguments {
    /// Write each request to an audit log.
    #[arg(long)]
    audit: bool,
    /// Keep the data directory, with the logs, when the cluster ends.
    #[arg(long)]
    keep: bool,
    /// All options as JSON, as the library gives them.
    #[arg(long, value_parser = Options::from_json, hide = true)]
    options: Option<Options>,
}

impl OptionArguments {
    fn into_options(self) -> Options {
        let Self { audit, keep, options } = self;
        let options = options.unwrap_or_default();
        Options { audit: audit || options.audit, keep: keep || options.keep, ..options }
    }
}

fn main() -> ExitCode {
    run(Arguments::parse().command).unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {}", with_causes(&error));
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Build => {
            let installation = cluster::build()?;
            print(&installation.directory().display().to_string());
        }
        Command::Run { detached: true, options, .. } => {
            print(&cluster::start_detached(&options.into_options())?.to_json());
        }
        Command::Run { foreground: true, options, .. } => {
            let result = cluster::supervise(&options.into_options(), Lifetime::Signal, describe);
            // Ctrl-C on the way up is no error to who pressed it.
            result.or_else(|error| if error.is_interrupt() { Ok(()) } else { Err(error) })?;
        }
        Command::Run { options, .. } => {
            return Ok(supervise(&options.into_options(), Lifetime::Caller));
        }
        Command::Detached { options } => {
            cluster::leave_session()?;
            return Ok(supervise(&options.into_options(), Lifetime::Detached));
        }
        Command::Stop { directory } => cluster::stop(&directory)?,
        Command::Component { supervisor, program, arguments } => {
            return Err(cluster::become_component(supervisor, &program, &arguments));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Supervises for a program, which reads one line of JSON whatever happens.
fn supervise(options: &Options, lifetime: Lifetime) -> ExitCode {
    let tell = |connection: &Connection| try_print(&connection.to_json());
    match cluster::supervise(options, lifetime, tell) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(&json!({ "error": with_causes(&error) }).to_string());
            ExitCode::FAILURE
        }
    }
}

/// Tells a person how to reach the cluster.
fn describe(connection: &Connection) -> io::Result<()> {
    let Connection { server, kubeconfig, kubectl, directory, .. } = connection;
    let seconds = Duration::from_millis(connection.ready_after_milliseconds).as_secs_f32();
    try_print(&format!(
        "Kubernetes is ready at {server} (after {seconds:.1} s)
  export KUBECONFIG={}
  {} get nodes
Ctrl-C ends it and deletes {}",
        kubeconfig.display(),
        kubectl.display(),
        directory.display(),
    ))
}

/// Prints a line; whoever closed stdout does not want it.
fn print(line: &str) {
    let _ = try_print(line);
}

fn try_print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
