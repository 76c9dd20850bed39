//! Mirrors of repositories on this machine: where they lie, who uses them, when they were used.
//!
//! In: the address of a repository. Out: the place of its mirror, held as long as it is used; for collections, all mirrors
//! with their sizes, and one less. For a mirror `NAME.git`, whose time of change says when it was used last, there are
//!
//! - `NAME.lock`: exclusive while a fetch writes, so that there is one at a time;
//! - `NAME.used`: shared for as long as a process uses the mirror, fetches included; exclusive for the moment in which a
//!   collection takes it away.
//!
//! Guarantees: a mirror is taken away whole, by a rename, and never one that is used: whoever comes then makes it anew. The
//! system gives locks back when a process dies. Where nothing can be locked, as on some network file systems, mirrors that
//! are there are read all the same, and none is made or taken away.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use gitops_compiler::store::{Count, IN_USE, Mirror, Store, TakenAway};

/// As often as a use of a file of the store is noted.
pub(super) const USE_IS_NOTED_EVERY: Duration = Duration::from_hours(1);

/// How a mirror is called while it is made.
const NEW: &str = ".new-";
/// How it is called once it was taken away.
const GONE: &str = ".gone-";

/// What the names of mirrors and of their locks end with.
const MIRROR: &str = "git";
const FETCHING: &str = "lock";
const USED: &str = "used";

/// The mirrors of a folder.
#[derive(Debug)]
pub struct Mirrors {
    pub(super) folder: PathBuf,
    /// The store that they lie beside, where they grow.
    store: Option<Store>,
    /// Those that are in use here, until this is dropped.
    held: Mutex<BTreeMap<PathBuf, File>>,
}

impl Mirrors {
    /// Those of a folder of their own.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder, store: None, held: Mutex::default() }
    }

    /// Those that lie beside a store, and are collected with it.
    #[must_use]
    pub fn beside(store: &Store) -> Self {
        let folder = store.root().with_file_name("mirrors");
        Self { store: Some(store.clone()), ..Self::in_folder(folder) }
    }

    /// The mirror of a repository whose oids have this form, for a project that alone may read it, or for all. It may not be
    /// there.
    pub(super) fn place(&self, repository: &str, form: &str, project: &str) -> PathBuf {
        let of = if project.is_empty() { String::new() } else { format!("\0{project}") };
        let digest = blake3::hash(format!("{}{of}", repository.trim()).as_bytes()).to_hex();
        self.folder.join(format!("{}-{form}.{MIRROR}", &digest[..32]))
    }

    /// Says that a mirror is used, from now on until this is dropped. Whether it is there is looked at afterwards.
    pub(super) fn hold(&self, mirror: &Path) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.contains_key(mirror) {
            held.insert(mirror.to_owned(), locked(&mirror.with_extension(USED), File::lock_shared)?);
        }
        note_use(mirror);
        Ok(())
    }

    /// Waits until nobody else fetches into a mirror, for as long as the lock is kept. The mirror is held.
    pub(super) fn lock(&self, mirror: &Path) -> io::Result<File> {
        std::fs::create_dir_all(&self.folder)?;
        self.hold(mirror)?;
        locked(&mirror.with_extension(FETCHING), File::lock)
    }

    /// A folder in which a mirror is made.
    pub(super) fn new_folder(&self) -> io::Result<tempfile::TempDir> {
        tempfile::Builder::new().prefix(NEW).tempdir_in(&self.folder)
    }

    /// Says that something was fetched.
    pub(super) fn note_growth(&self) {
        if let Some(store) = &self.store {
            store.note_growth();
        }
    }

    /// The names of all that is there.
    pub(super) fn entries(&self) -> io::Result<Vec<PathBuf>> {
        match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
            Err(error) => if_there(Err(error)).map(Option::unwrap_or_default),
        }
    }

    /// What whoever takes mirrors away has not freed yet, or never will, and what whoever made one never finished.
    fn leftovers(&self) -> io::Result<Vec<PathBuf>> {
        let now = SystemTime::now();
        let is_left = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let age = || now.duration_since(path.symlink_metadata()?.modified()?).map_err(io::Error::other);
            // One that is being made takes no longer than any build.
            name.starts_with(GONE) || name.starts_with(NEW) && age().is_ok_and(|age| age >= IN_USE)
        };
        Ok(self.entries()?.into_iter().filter(is_left).collect())
    }
}

impl gitops_compiler::store::Mirrors for Mirrors {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn list(&self) -> io::Result<Vec<Mirror>> {
        let mut mirrors = Vec::new();
        for path in self.entries()?.into_iter().filter(|path| has_extension(path, MIRROR)) {
            let name = path.file_name().unwrap_or_default().to_owned();
            // Another process may have taken it away in the meantime.
            if let Some(used) = if_there(modified(&path))? {
                mirrors.push(Mirror { name, used, count: count(path)? });
            }
        }
        Ok(mirrors)
    }

    fn left_behind(&self) -> io::Result<Count> {
        self.leftovers()?.into_iter().map(count).sum()
    }

    fn take_away(&self, mirror: &Mirror) -> io::Result<TakenAway> {
        let path = self.folder.join(&mirror.name);
        let Some(_alone) = alone(&path)? else { return Ok(TakenAway::InUse) };
        let Some(metadata) = if_there(path.symlink_metadata())? else { return Ok(TakenAway::UsedSince) };
        if metadata.modified()? != mirror.used {
            return Ok(TakenAway::UsedSince);
        }
        // No two folders that are there have one number.
        std::fs::rename(&path, self.folder.join(format!("{GONE}{}", metadata.ino())))?;
        remove_locks(&path);
        Ok(TakenAway::Gone)
    }

    fn sweep(&self) -> io::Result<Count> {
        let mut swept = Count::default();
        let left = self.leftovers()?;
        if !left.is_empty() {
            // Else a power cut might give a mirror its name back that has lost some of its files.
            File::open(&self.folder)?.sync_all()?;
        }
        for path in left {
            let found = count(path.clone())?;
            // Others may sweep, too.
            if_there(std::fs::remove_dir_all(&path))?;
            swept += found;
        }
        for path in self.entries()?.iter().filter(|path| has_extension(path, USED) || has_extension(path, FETCHING)) {
            let mirror = path.with_extension(MIRROR);
            // Somebody may be about to make it.
            let alone = if mirror.exists() { None } else { alone(&mirror)? };
            if alone.is_some() && !mirror.exists() {
                remove_locks(&mirror);
            }
        }
        Ok(swept)
    }
}

/// The lock that says that nobody uses a mirror; `None` where somebody does.
fn alone(mirror: &Path) -> io::Result<Option<File>> {
    let path = mirror.with_extension(USED);
    let file = open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(is_at(&file, &path).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whoever waits for them sees that they are others now. That of use goes last: while it is there it is held.
fn remove_locks(mirror: &Path) {
    for extension in [FETCHING, USED] {
        let _ = std::fs::remove_file(mirror.with_extension(extension));
    }
}

/// A lock on the file that is at a path, and not on one that was taken away while this waited.
pub(super) fn locked(path: &Path, lock: impl Fn(&File) -> io::Result<()>) -> io::Result<File> {
    loop {
        // Whoever may only read can lock, too.
        let file = open(path).or_else(|error| File::open(path).map_err(|_| error))?;
        lock(&file)?;
        if is_at(&file, path) {
            return Ok(file);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).mode(0o600).open(path)
}

pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let number = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(open), Ok(there)) => number(open) == number(there),
        _ => false,
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension() == Some(OsStr::new(extension))
}

fn modified(path: &Path) -> io::Result<SystemTime> {
    path.symlink_metadata()?.modified()
}

/// Failing to is no harm: it is collected a little earlier.
fn note_use(mirror: &Path) {
    let now = SystemTime::now();
    let is_due = modified(mirror).is_ok_and(|used| !now.duration_since(used).is_ok_and(|age| age < USE_IS_NOTED_EVERY));
    if is_due {
        let _ = File::open(mirror).and_then(|folder| folder.set_modified(now));
    }
}

/// What is in a folder. What is removed meanwhile is not there.
fn count(folder: PathBuf) -> io::Result<Count> {
    let mut all = Count::default();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let Some(entries) = if_there(std::fs::read_dir(folder))? else { continue };
        for entry in entries {
            let entry = entry?;
            let Some(metadata) = if_there(entry.metadata())? else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                all += Count { files: 1, bytes: metadata.len() };
            }
        }
    }
    Ok(all)
}

/// What was found, unless nothing is there.
fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
