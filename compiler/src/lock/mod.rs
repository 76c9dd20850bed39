//! `gitops.lock`: what remote inputs are.
//!
//! In: requests, as they are written in Applications, kustomizations and charts: a chart of some version, a repository at
//! some revision, a file at some address. Out: what each of them is, by hashes: [`Pin`]. The file stands at the root of the
//! repository that is rendered, one block for each input, sorted, without anything that changes by itself, so that two
//! branches that add different inputs merge.
//!
//! Guarantees: an entry is found by exactly what was requested; what is read back is what was written; a pin says nothing
//! of who may fetch it. Nothing is fetched here.

mod format;
mod pin;
mod request;

pub use format::{Entry, LockFile, ProgramName};
pub use pin::{Digest, Oid, Pin};
pub use request::Request;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Origin};

/// What the file is called, at the root of a repository.
pub const LOCK_FILE: &str = "gitops.lock";

/// Inputs and what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    inputs: BTreeMap<Request, Pin>,
    programs: BTreeMap<ProgramName, String>,
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, with the lines.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        format::read(bytes).map_err(|faults| {
            let finding = |fault: format::Fault| {
                let origin = Origin { path: path.to_owned(), line: fault.line, column: fault.column };
                Diagnostic::error(origin, fault.message)
            };
            faults.into_iter().map(finding).collect()
        })
    }

    /// The text of the lock file.
    #[must_use]
    pub fn text(&self) -> String {
        format::text(self)
    }

    /// What an input is, if that is known.
    #[must_use]
    pub fn pin(&self, request: &Request) -> Option<&Pin> {
        self.inputs.get(request)
    }

    /// Says what an input is.
    pub fn insert(&mut self, request: Request, pin: Pin) {
        self.inputs.insert(request, pin);
    }

    /// All inputs, sorted.
    pub fn inputs(&self) -> impl Iterator<Item = (&Request, &Pin)> {
        self.inputs.iter()
    }

    /// The version that a program must have, if that is said.
    #[must_use]
    pub fn program(&self, name: ProgramName) -> Option<&str> {
        self.programs.get(&name).map(String::as_str)
    }

    /// Says which version a program must have.
    pub fn insert_program(&mut self, name: ProgramName, version: &str) {
        self.programs.insert(name, version.to_owned());
    }

    /// All programs, sorted.
    pub fn programs(&self) -> impl Iterator<Item = (ProgramName, &str)> {
        self.programs.iter().map(|(name, version)| (*name, version.as_str()))
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.programs.is_empty()
    }
}
