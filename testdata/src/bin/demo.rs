//! `cargo demo`: see [`gitops_testdata::demo`].

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gitops_testdata::causes::with_causes;
use gitops_testdata::demo::{self, Error, Options};

/// What a shell says of a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Take a small shop from a Git repository to a cluster, through changes and a failure, back, and away again
///
/// Needs Rust, Go and git, and nothing else: the cluster is Kubernetes itself, built from source the first time.
#[derive(Parser)]
#[command(name = "cargo demo", bin_name = "cargo demo")]
struct Arguments {
    /// Use the cluster of this context, and run public images there, instead of starting a cluster
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig that has the context [default: $KUBECONFIG or ~/.kube/config]
    #[arg(long, value_name = "FILE", requires = "context")]
    kubeconfig: Option<PathBuf>,
    /// Leave the shop running, and the cluster, and say how to reach it
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    let Arguments { context, kubeconfig, keep } = Arguments::parse();
    match demo::run(&Options { context, kubeconfig, keep }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be listening.
            let _ = writeln!(io::stderr(), "error: the demo ended early: {}", with_causes(&error));
            if matches!(error, Error::Interrupted) { INTERRUPTED.into() } else { ExitCode::FAILURE }
        }
    }
}
