//! `kubectl-gitops`, which kubectl runs as `kubectl gitops`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_gitops::cli::main()
}
