//! `kubectl-gitops`, which kubectl runs as `kubectl gitops`.

use std::process::ExitCode;

use gitops_compiler::{render, sandbox};

/// The computations of ours that run in the sandbox.
const WORKERS: &[sandbox::Worker] = &[render::JSONNET];

fn main() -> ExitCode {
    // Before there is any thread: this may be a process that becomes a job.
    sandbox::enter(std::env::args_os(), WORKERS).unwrap_or_else(kubectl_gitops::cli::main)
}
