//! Where there is no sandbox: everything runs with our rights, and says so.
//!
//! In: an [`Order`]. Out: what is missing, which is all of it.

use std::ffi::OsString;
use std::io;

use super::order::{Enforced, Order, Part, Run};

/// What is left to do.
pub(super) struct Confined {
    pub(super) enforced: Enforced,
    /// What is to be executed, where that is a program.
    pub(super) program: OsString,
}

/// Our descriptors are closed where a program is executed; those of others cannot be found here.
pub(super) fn close_inherited(_: bool) -> io::Result<()> {
    Ok(())
}

pub(super) fn confine(order: &Order) -> Result<Confined, String> {
    let mut enforced = Enforced::default();
    enforced.lack(Part::Files, "files are only restricted on Linux");
    enforced.lack(Part::Calls, "system calls are only restricted on Linux");
    if let Some(folder) = order.layout.as_ref().or(order.scratch.as_ref()) {
        std::env::set_current_dir(folder).map_err(|error| format!("cannot go to {}: {error}", folder.display()))?;
    }
    let program = match &order.run {
        Run::Program { path, .. } => path.clone(),
        Run::Worker(_) => OsString::new(),
    };
    Ok(Confined { enforced, program })
}
