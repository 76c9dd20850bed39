//! `cargo demo`: the whole way of an application, from a Git repository to a cluster, back, and away again.
//!
//! In: [`Options`]. Out: on stdout, a transcript: for each step a headline, the command that a user would type, and
//! what it prints. All of it is real: the commands run as they are printed, and a command that ends otherwise than it
//! should ends the demo.
//!
//! # Guarantees
//! However the demo ends by itself (also by Ctrl-C), nothing of it is left: not in the cluster, not on this machine. With
//! [`Options::keep`], a demo that was not interrupted leaves all of it, and says how to use it and how to end it.
//!
//! # The steps, one file each
//! `stage`: what must be there first, and how it goes → `shell` (with `interrupt`): how a command runs → `story`: which
//! commands.

mod error;
mod interrupt;
mod shell;
mod stage;
mod story;

pub use error::Error;

use std::path::PathBuf;

use stage::Stage;

/// Where the demo happens.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A context of the kubeconfig; a cluster of the demo's own where absent.
    pub context: Option<String>,
    /// The kubeconfig with that context, where it is not the usual one.
    pub kubeconfig: Option<PathBuf>,
    /// Whether the shop, and the cluster if it is our own, stay.
    pub keep: bool,
}

/// Runs the demo from start to end.
///
/// # Errors
/// Where something is missing, a command ends otherwise than it should, or the user interrupts.
pub fn run(options: &Options) -> Result<(), Error> {
    let stage = Stage::set(options)?;
    let told = story::tell(&stage, options.keep);
    stage.end(told, options.keep)
}
