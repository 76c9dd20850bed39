//! Tries to get out of the sandbox, and to use it up: by a program that makes a hundred attempts, and by workers that
//! are hostile. Everything twice: as who runs the tests, and, where that is root, as another user.
//!
//! It has a `main` of its own, which begins as that of the plugin does, since the sandbox starts this executable again.
//! Every attempt and every bound is one test of the summary, in the form that `cargo test` has.

#[cfg(target_os = "linux")]
mod attempts;
#[cfg(target_os = "linux")]
mod bounds;
#[cfg(target_os = "linux")]
mod fixture;
#[cfg(target_os = "linux")]
mod renderers;
#[cfg(target_os = "linux")]
mod rules;
#[cfg(target_os = "linux")]
mod services;
#[cfg(target_os = "linux")]
mod suite;
#[cfg(target_os = "linux")]
mod weaker;
#[cfg(target_os = "linux")]
mod workers;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    if let Some(code) = gitops_compiler::sandbox::enter(std::env::args_os(), workers::ALL) {
        return code;
    }
    suite::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    // There is nothing to get out of.
    ExitCode::SUCCESS
}
