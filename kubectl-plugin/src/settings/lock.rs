//! Locking: from flags to a new lock file.
//!
//! In: flags, the lock file of the repository at hand. Out: what each input was and is; on demand the file, written whole or
//! not at all. What no application that was looked at asks for stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gitops_compiler::lock::{LOCK_FILE, Lock, Pin, ProgramName, Request};
use gitops_compiler::name::AppName;
use gitops_compiler::store::Store;
use gitops_compiler::tree::Repository;

use crate::error::CommandError;

use super::fetched::Fetched;
use super::ground::Missing;
use super::inputs::Inputs;
use super::lock_file::{lock_path, read_lock};
use super::programs::{ProgramArgs, Programs};
use super::remote::RemoteArgs;
use super::source::SourceArgs;

/// Which lock file, and how to fetch what it names.
#[derive(Debug, Clone, Args)]
pub struct LockFileArgs {
    /// A path in the Git repository whose lock file is meant
    #[arg(long, value_name = "REPO", default_value = ".")]
    source: PathBuf,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    programs: ProgramArgs,
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

/// A program that renders, and what became of its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedProgram {
    /// Its name.
    pub name: ProgramName,
    /// The version that it had in the lock file.
    pub before: Option<String>,
    /// The version that it has.
    pub now: String,
}

/// A lock file that may be written.
#[derive(Debug)]
pub struct Locking {
    /// The inputs that were looked at, sorted.
    pub inputs: Vec<LockedInput>,
    /// The programs that were needed, sorted.
    pub programs: Vec<LockedProgram>,
    /// Where the file is.
    pub path: PathBuf,
    lock: Lock,
    before: Lock,
}

/// What came of comparing a lock with what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The inputs, sorted.
    pub inputs: Vec<VerifiedInput>,
    /// The programs, sorted.
    pub programs: Vec<VerifiedProgram>,
}

/// What came of comparing a program with its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedProgram {
    /// Its name.
    pub name: ProgramName,
    /// The version that the lock file says.
    pub wanted: String,
    /// Why there is none of this version.
    pub fault: Option<String>,
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
    /// What the request means now, where that is not what the lock file says; or why it cannot be looked up.
    pub newer: Result<Option<Pin>, String>,
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
        let mut ground = self.ground(None, Missing::LookedUp, store)?;
        let path = lock_path(&ground.here)?;
        let mut programs = BTreeMap::new();
        let opened: Result<Vec<_>, _> =
            self.open_each(name, &mut ground)?.into_iter().map(|(_, opened)| opened).collect();
        for opened in opened? {
            opened.ask_for_inputs()?;
            for (name, version) in opened.programs() {
                // What says no version cannot be held to one.
                programs.extend(version.ok().map(|version| (name, version)));
            }
        }
        Ok(Locking::new(path, ground.inputs.lock().clone(), ground.inputs.pins(), programs))
    }
}

/// Servers, where no clone stands for any.
fn fetched(remote: &RemoteArgs, store: Option<&Store>) -> Result<Arc<Fetched>, CommandError> {
    Ok(Arc::new(Fetched::new(remote, &BTreeMap::new(), true, store)?))
}

impl LockFileArgs {
    /// Looks up inputs again: those with one of these names, or all.
    pub fn update(&self, names: &[String], store: Option<&Store>) -> Result<Locking, CommandError> {
        let here = Repository::discover(&self.source)?;
        let path = lock_path(&here)?;
        let before = read_lock(&here, None)?;
        let (wanted, wanted_programs) = chosen(&before, names)?;
        let inputs = Inputs::new(&self.remote, before.clone(), BTreeMap::new(), fetched(&self.remote, store)?);
        let inputs = inputs.looking_up(wanted.iter().cloned().collect());
        let mut failed: Vec<String> = wanted.iter().filter_map(|request| self.fault(&inputs, request)).collect();
        let (found, mut programs) = (Programs::new(&self.programs, store), BTreeMap::new());
        for name in wanted_programs {
            match found.version(name) {
                Ok(version) => drop(programs.insert(name, version)),
                Err(why) => failed.push(why),
            }
        }
        if !failed.is_empty() {
            let message =
                format!("{} of {} inputs cannot be looked up; nothing was written", failed.len(), wanted.len());
            return Err(CommandError::user(message).details(failed));
        }
        Ok(Locking::new(path, before, inputs.pins(), programs))
    }

    /// Why an input cannot be had. With `--lfs` all that Git LFS keeps of it belongs to it: nobody says here which of its
    /// files an application reads.
    fn fault(&self, inputs: &Inputs, request: &Request) -> Option<String> {
        let tree = match inputs.tree(request) {
            Ok(tree) if self.remote.lfs => tree,
            tree => return tree.err().map(|error| error.message),
        };
        let faults = tree.folder("").map_or_else(|error| vec![error], |folder| folder.check_large_files());
        let more = match faults.len().saturating_sub(1) {
            0 => String::new(),
            more => format!("; and {more} more of its files cannot be had"),
        };
        faults.first().map(|first| format!("{request}: {first}{more}"))
    }

    /// Says of inputs what they were somewhere else: those with one of these names, or all.
    pub fn update_to(&self, names: &[String], pins: &[(Request, Pin)]) -> Result<Locking, CommandError> {
        let here = Repository::discover(&self.source)?;
        let path = lock_path(&here)?;
        let before = read_lock(&here, None)?;
        let mut there = Lock::default();
        for (request, pin) in pins {
            there.insert(request.clone(), pin.clone());
        }
        let wanted: BTreeSet<Request> = chosen(&there, names)?.0.into_iter().collect();
        let pins = pins.iter().filter(|(request, _)| wanted.contains(request)).cloned().collect();
        Ok(Locking::new(path, before, pins, BTreeMap::new()))
    }

    /// Fetches inputs anew, those with one of these names or all, and compares them with the lock file.
    pub fn verify(&self, names: &[String]) -> Result<Verified, CommandError> {
        let here = Repository::discover(&self.source)?;
        let lock = read_lock(&here, None)?;
        let (wanted, wanted_programs) = chosen(&lock, names)?;
        let found = Programs::new(&self.programs, None);
        let program = |name: ProgramName| {
            let wanted = lock.program(name)?.to_owned();
            let fault = match found.version(name) {
                Ok(version) if version == wanted => None,
                Ok(version) => Some(format!("{} is {version}, and {LOCK_FILE} says {wanted}", name.as_str())),
                Err(why) => Some(why),
            };
            Some(VerifiedProgram { name, wanted, fault })
        };
        let programs = wanted_programs.into_iter().filter_map(program).collect();
        // Nothing that was fetched before counts.
        let inputs = Inputs::new(&self.remote, lock, BTreeMap::new(), fetched(&self.remote, None)?);
        let verify = |request: Request| {
            let pin = inputs.lock().pin(&request)?.clone();
            let fault = self.fault(&inputs, &request);
            let looked_up = if self.remote.offline { Ok(pin.clone()) } else { inputs.resolve(&request) };
            let newer = match looked_up {
                Ok(now) => Ok(Some(now).filter(|now| *now != pin)),
                Err(error) => Err(error.to_string()),
            };
            Some(VerifiedInput { request, pin, fault, newer })
        };
        Ok(Verified { inputs: wanted.into_iter().filter_map(verify).collect(), programs })
    }
}

/// The inputs and programs of a lock that have one of these names; all of them where there is no name.
fn chosen(lock: &Lock, names: &[String]) -> Result<(Vec<Request>, Vec<ProgramName>), CommandError> {
    let is_meant = |request: &Request, name: &String| request.name() == name || request.address() == name;
    let is_known = |name: &String| {
        lock.programs().any(|(program, _)| program.as_str() == name)
            || lock.inputs().any(|(request, _)| is_meant(request, name))
    };
    let unknown: Vec<&str> = names.iter().filter(|name| !is_known(name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let programs = lock.programs().map(|(name, _)| name.as_str());
        let there: BTreeSet<&str> = lock.inputs().map(|(request, _)| request.name()).chain(programs).collect();
        let there =
            if there.is_empty() { "no inputs".to_owned() } else { there.into_iter().collect::<Vec<_>>().join(", ") };
        let message = format!("no input is called {}", unknown.join(", "));
        return Err(CommandError::user(message).hint(format!("there are {there}")));
    }
    let all = lock.inputs().map(|(request, _)| request);
    let meant = all.filter(|request| names.is_empty() || names.iter().any(|name| is_meant(request, name)));
    let programs = lock.programs().map(|(name, _)| name);
    let programs = programs.filter(|program| names.is_empty() || names.iter().any(|name| name == program.as_str()));
    Ok((meant.cloned().collect(), programs.collect()))
}

impl Locking {
    fn new(path: PathBuf, before: Lock, pins: Vec<(Request, Pin)>, programs: BTreeMap<ProgramName, String>) -> Self {
        let mut lock = before.clone();
        let programs = programs.into_iter().map(|(name, now)| {
            lock.insert_program(name, &now);
            LockedProgram { before: before.program(name).map(str::to_owned), name, now }
        });
        let programs = programs.collect();
        let mut inputs = Vec::with_capacity(pins.len());
        for (request, now) in pins {
            lock.insert(request.clone(), now.clone());
            inputs.push(LockedInput { before: before.pin(&request).cloned(), request, now });
        }
        Self { inputs, programs, path, lock, before }
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
        file.as_file().sync_all().map_err(failed)?;
        // Somebody else may have locked other inputs while these were fetched.
        let there = std::fs::read(&self.path).unwrap_or_default();
        if !there.is_empty() && !Lock::read(LOCK_FILE, &there).is_ok_and(|there| there == self.before) {
            let message = format!("{LOCK_FILE} was changed by somebody else in the meantime; nothing was written");
            return Err(CommandError::user(message).hint("run the command again"));
        }
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}
