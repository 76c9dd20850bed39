//! Locking: from flags to a new lock file.
//!
//! In: flags, the lock file of the repository at hand. Out: what each input was and is; on demand the file, written whole or
//! not at all. What no application that was looked at asks for stays as it is.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gitops_compiler::lock::{LOCK_FILE, Lock, Pin, Request};
use gitops_compiler::name::AppName;
use gitops_compiler::store::Store;
use gitops_compiler::tree::Repository;

use crate::error::CommandError;

use super::inputs::{Inputs, lock_path, read_lock};
use super::remote::RemoteArgs;
use super::repositories::open_clones;
use super::source::SourceArgs;

/// Which lock file, and how to fetch what it names.
#[derive(Debug, Clone, Args)]
pub struct LockFileArgs {
    /// A path in the Git repository whose lock file is meant
    #[arg(long, value_name = "REPO", default_value = ".")]
    source: PathBuf,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// An input, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedInput {
    /// What is asked for.
    pub request: Request,
    /// What it was in the lock file.
    pub before: Option<Pin>,
    /// What it is.
    pub now: Pin,
}

/// A lock file that may be written.
#[derive(Debug)]
pub struct Locking {
    /// The inputs that were looked at, sorted.
    pub inputs: Vec<LockedInput>,
    /// Where the file is.
    pub path: PathBuf,
    lock: Lock,
    before: Lock,
}

/// What came of comparing an input with its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedInput {
    /// What is asked for.
    pub request: Request,
    /// What the lock file says.
    pub pin: Pin,
    /// Why it cannot be had, or is something else now.
    pub fault: Option<String>,
    /// What the request means now, where that is not what the lock file says.
    pub newer: Option<Pin>,
}

impl SourceArgs {
    /// Looks at applications, and pins what they take from elsewhere and the lock file does not have yet.
    pub fn lock(&self, name: Option<&AppName>, store: Option<&Store>) -> Result<Locking, CommandError> {
        if self.revision.is_some() {
            return Err(CommandError::user("a commit cannot be given another lock file: leave out --revision"));
        }
        if !self.signers.is_empty() {
            return Err(CommandError::user("a lock file is written for a working tree, which nobody has signed yet")
                .hint("leave out --signers: it counts where a commit is read"));
        }
        let here = Arc::new(Repository::discover(&self.source)?);
        let path = lock_path(&here)?;
        let before = read_lock(&here, None)?;
        let inputs = Inputs::new(&self.remote, before.clone(), open_clones(&self.repository)?, store)?;
        let inputs = Arc::new(inputs.looking_up(BTreeSet::new()));
        for opened in self.open_all(name, &here, &inputs, store)? {
            opened.ask_for_inputs()?;
        }
        Ok(Locking::new(path, before, inputs.pins()))
    }
}

impl LockFileArgs {
    /// Looks up inputs again: those with one of these names, or all.
    pub fn update(&self, names: &[String], store: Option<&Store>) -> Result<Locking, CommandError> {
        let here = Repository::discover(&self.source)?;
        let path = lock_path(&here)?;
        let before = read_lock(&here, None)?;
        let wanted = chosen(&before, names)?;
        let inputs = Inputs::new(&self.remote, before.clone(), std::collections::BTreeMap::new(), store)?;
        let inputs = inputs.looking_up(wanted.iter().cloned().collect());
        let failed: Vec<String> = wanted.iter().filter_map(|request| inputs.tree(request).err()).collect();
        if !failed.is_empty() {
            let message =
                format!("{} of {} inputs cannot be looked up; nothing was written", failed.len(), wanted.len());
            return Err(CommandError::user(message).details(failed));
        }
        Ok(Locking::new(path, before, inputs.pins()))
    }

    /// Fetches inputs anew, those with one of these names or all, and compares them with the lock file.
    pub fn verify(&self, names: &[String]) -> Result<Vec<VerifiedInput>, CommandError> {
        let here = Repository::discover(&self.source)?;
        let lock = read_lock(&here, None)?;
        let wanted = chosen(&lock, names)?;
        // Nothing that was fetched before counts.
        let inputs = Inputs::new(&self.remote, lock, std::collections::BTreeMap::new(), None)?;
        let verify = |request: Request| {
            let pin = inputs.lock().pin(&request)?.clone();
            let fault = inputs.tree(&request).err();
            let now = if self.remote.offline { None } else { inputs.resolve(&request).ok() };
            let newer = now.filter(|now| *now != pin);
            Some(VerifiedInput { request, pin, fault, newer })
        };
        Ok(wanted.into_iter().filter_map(verify).collect())
    }
}

/// The inputs of a lock that have one of these names; all of them where there is no name.
fn chosen(lock: &Lock, names: &[String]) -> Result<Vec<Request>, CommandError> {
    let is_meant = |request: &Request, name: &String| request.name() == name || request.address() == name;
    let unknown: Vec<&str> = names
        .iter()
        .filter(|name| !lock.inputs().any(|(request, _)| is_meant(request, name)))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        let there: BTreeSet<&str> = lock.inputs().map(|(request, _)| request.name()).collect();
        let there =
            if there.is_empty() { "no inputs".to_owned() } else { there.into_iter().collect::<Vec<_>>().join(", ") };
        let message = format!("{LOCK_FILE} has no input called {}", unknown.join(", "));
        return Err(CommandError::user(message).hint(format!("there are {there}")));
    }
    let all = lock.inputs().map(|(request, _)| request);
    let meant = all.filter(|request| names.is_empty() || names.iter().any(|name| is_meant(request, name)));
    Ok(meant.cloned().collect())
}

impl Locking {
    fn new(path: PathBuf, before: Lock, pins: Vec<(Request, Pin)>) -> Self {
        let mut lock = before.clone();
        let mut inputs = Vec::with_capacity(pins.len());
        for (request, now) in pins {
            lock.insert(request.clone(), now.clone());
            inputs.push(LockedInput { before: before.pin(&request).cloned(), request, now });
        }
        Self { inputs, path, lock, before }
    }

    /// Whether the file says something else now.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.lock != self.before
    }

    /// Writes the file, where it says something else now.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; then it is as it was.
    pub fn write(&self) -> Result<(), CommandError> {
        if !self.is_changed() {
            return Ok(());
        }
        let failed =
            |error: std::io::Error| CommandError::user(format!("cannot write {}: {error}", self.path.display()));
        let folder = self.path.parent().unwrap_or(&self.path);
        let mut file = tempfile::Builder::new().prefix(".gitops.lock.").tempfile_in(folder).map_err(failed)?;
        file.write_all(self.lock.text().as_bytes()).map_err(failed)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(failed)?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}
