//! A file system in memory that promises no more than it must.
//!
//! In: what a store asks for. Out: files, until the power is cut: then what was not synced is gone, torn, or there
//! after all. Every change is a step, and the model can be told to fail from any step on. What is synced:
//!
//! - the bytes of a file, by writing it [`Durability::Synced`];
//! - the names in a folder (files, folders, and which file has a name), by syncing that folder. Each change of a name
//!   reaches the disk by itself: a rename can be undone, half done, or be there before the bytes of its file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use gitops_testdata::random::SplitMix64;

use crate::store::files::{Durability, Files, Held, Hold, Stat};

/// What a power cut does to what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PowerCut {
    pub(super) names: Names,
    pub(super) contents: Contents,
    pub(super) seed: u64,
}

/// Which changes of names reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    None,
    All,
    Some,
}

/// Which bytes of a file reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    None,
    Prefix,
    Zeros,
    All,
    /// Any of those, for each file.
    Some,
}

#[derive(Debug, Clone)]
struct File {
    bytes: Vec<u8>,
    synced: bool,
    used: SystemTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(usize),
    Folder,
}

#[derive(Debug, Clone, Default)]
struct Folder {
    now: BTreeMap<OsString, Entry>,
    synced: BTreeMap<OsString, Entry>,
    /// Since the last sync, in order.
    changes: Vec<(OsString, Option<Entry>)>,
}

#[derive(Debug, Clone)]
struct State {
    files: Vec<File>,
    folders: BTreeMap<PathBuf, Folder>,
    now: SystemTime,
    steps: usize,
    /// From which step on everything fails, and how.
    fails: Option<(usize, io::ErrorKind)>,
    /// Whether syncing does anything: the tests must find out where it does not.
    honest: bool,
}

/// The file system.
#[derive(Debug)]
pub(super) struct Model(Mutex<State>);

impl Model {
    /// An empty one.
    pub(super) fn new() -> Arc<Self> {
        let state = State {
            files: Vec::new(),
            folders: BTreeMap::from([(PathBuf::from("/"), Folder::default())]),
            now: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
            steps: 0,
            fails: None,
            honest: true,
        };
        Arc::new(Self(Mutex::new(state)))
    }

    /// One that says it syncs, and does not.
    pub(super) fn dishonest() -> Arc<Self> {
        let model = Self::new();
        model.state().honest = false;
        model
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panicked")
    }

    /// How many changes there were.
    pub(super) fn steps(&self) -> usize {
        self.state().steps
    }

    /// Lets all changes from this step on fail.
    pub(super) fn fail_from(&self, step: usize, how: io::ErrorKind) {
        self.state().fails = Some((step, how));
    }

    /// Whether any change has failed.
    pub(super) fn has_failed(&self) -> bool {
        let state = self.state();
        state.fails.is_some_and(|(step, _)| state.steps > step)
    }

    /// Lets time pass.
    pub(super) fn wait(&self, time: Duration) {
        self.state().now += time;
    }

    /// Flips a bit of a file, as a bad disk does that runs.
    pub(super) fn damage(&self, path: &Path) {
        if self.has_failed() {
            return;
        }
        let mut state = self.state();
        if let Some(file) = state.file(path) {
            let middle = state.files[file].bytes.len() / 2;
            if let Some(byte) = state.files[file].bytes.get_mut(middle) {
                *byte ^= 0x10;
            }
        }
    }

    /// The same machine after the process died, and nothing else.
    pub(super) fn killed(&self) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { fails: None, ..self.state().clone() })))
    }

    /// What is there after the power was cut.
    pub(super) fn after(&self, cut: PowerCut) -> Arc<Self> {
        let mut state = State { fails: None, ..self.state().clone() };
        let mut random = SplitMix64::new(cut.seed);
        for file in state.files.iter_mut().filter(|file| !file.synced) {
            file.lose(cut.contents, &mut random);
        }
        for folder in state.folders.values_mut() {
            folder.lose(cut.names, &mut random);
        }
        // A folder without a name takes along all that is in it.
        let folders = state.folders.clone();
        state.folders.retain(|path, _| has_name(&folders, path));
        Arc::new(Self(Mutex::new(state)))
    }
}

fn has_name(folders: &BTreeMap<PathBuf, Folder>, path: &Path) -> bool {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return true };
    let named = folders.get(parent).and_then(|folder| folder.now.get(name)) == Some(&Entry::Folder);
    named && has_name(folders, parent)
}

impl File {
    fn lose(&mut self, contents: Contents, random: &mut SplitMix64) {
        let contents = match contents {
            Contents::Some => [Contents::None, Contents::Prefix, Contents::Zeros, Contents::All][random.below(4)],
            chosen => chosen,
        };
        let length = random.below(self.bytes.len());
        match contents {
            Contents::None => self.bytes.clear(),
            Contents::Prefix => self.bytes.truncate(length),
            // The length was written, the rest of the blocks was not.
            Contents::Zeros => self.bytes[length..].fill(0),
            Contents::All | Contents::Some => {}
        }
    }
}

impl Folder {
    fn set(&mut self, name: OsString, entry: Option<Entry>) {
        self.changes.push((name.clone(), entry));
        change(&mut self.now, name, entry);
    }

    fn lose(&mut self, names: Names, random: &mut SplitMix64) {
        let mut left = std::mem::take(&mut self.synced);
        for (name, entry) in std::mem::take(&mut self.changes) {
            let reached = match names {
                Names::None => false,
                Names::All => true,
                Names::Some => random.below(2) == 0,
            };
            if reached {
                change(&mut left, name, entry);
            }
        }
        (self.now, self.synced) = (left.clone(), left);
    }
}

fn change(entries: &mut BTreeMap<OsString, Entry>, name: OsString, entry: Option<Entry>) {
    match entry {
        Some(entry) => entries.insert(name, entry),
        None => entries.remove(&name),
    };
}

impl State {
    /// Counts a change that is about to happen.
    fn step(&mut self) -> io::Result<()> {
        let step = self.steps;
        self.steps += 1;
        match self.fails {
            Some((first, how)) if step >= first => Err(how.into()),
            _ => Ok(()),
        }
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Some(Entry::Folder) };
        self.folders.get(parent)?.now.get(name).copied()
    }

    fn file(&self, path: &Path) -> Option<usize> {
        match self.entry(path)? {
            Entry::File(file) => Some(file),
            Entry::Folder => None,
        }
    }

    fn set(&mut self, path: &Path, entry: Option<Entry>) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(absent()) };
        let folder = self.folders.get_mut(parent).ok_or_else(absent)?;
        folder.set(name.to_owned(), entry);
        Ok(())
    }

    fn new_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.files.push(File { bytes: bytes.to_vec(), synced: false, used: self.now });
        self.set(path, Some(Entry::File(self.files.len() - 1)))
    }

    fn stat(&self, name: OsString, file: usize) -> Stat {
        let File { bytes, used, .. } = &self.files[file];
        Stat { name, bytes: bytes.len() as u64, used: *used }
    }
}

fn absent() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Files for Model {
    fn now(&self) -> SystemTime {
        self.state().now
    }

    fn exists(&self, path: &Path) -> bool {
        self.state().entry(path).is_some()
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<(Vec<u8>, SystemTime)> {
        let state = self.state();
        let file = &state.files[state.file(path).ok_or_else(absent)?];
        if file.bytes.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok((file.bytes.clone(), file.used))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let state = self.state();
        let file = state.file(path).ok_or_else(absent)?;
        Ok(state.stat(path.file_name().unwrap_or_default().to_owned(), file))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Stat>> {
        let state = self.state();
        let entries = &state.folders.get(folder).ok_or_else(absent)?.now;
        let stat = |(name, entry): (&OsString, &Entry)| match entry {
            Entry::File(file) => Some(state.stat(name.clone(), *file)),
            Entry::Folder => None,
        };
        Ok(entries.iter().filter_map(stat).collect())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let missing: Vec<&Path> = path.ancestors().take_while(|path| state.entry(path).is_none()).collect();
        for path in missing.into_iter().rev() {
            state.step()?;
            state.set(path, Some(Entry::Folder))?;
            state.folders.insert(path.to_owned(), Folder::default());
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.entry(path).is_none() {
            state.step()?;
            state.new_file(path, b"")?;
        }
        Ok(())
    }

    fn write(&self, folder: &Path, bytes: &[u8], durability: Durability) -> io::Result<PathBuf> {
        let mut state = self.state();
        let path = folder.join(format!("t{}", state.files.len()));
        state.step()?;
        state.new_file(&path, bytes)?;
        if durability == Durability::Synced {
            if let Err(error) = state.step() {
                state.set(&path, None)?;
                return Err(error);
            }
            let file = state.files.len() - 1;
            state.files[file].synced = state.honest;
        }
        Ok(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(from).ok_or_else(absent)?;
        state.step()?;
        state.set(from, None)?;
        state.set(to, Some(Entry::File(file)))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let honest = state.honest;
        let folder = state.folders.get_mut(folder).ok_or_else(absent)?;
        if honest {
            folder.synced = folder.now.clone();
            folder.changes.clear();
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.file(path).ok_or_else(absent)?;
        state.step()?;
        state.set(path, None)
    }

    fn touch(&self, path: &Path, used: SystemTime) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(path).ok_or_else(absent)?;
        state.step()?;
        state.files[file].used = used;
        Ok(())
    }

    fn try_lock(&self, path: &Path, _hold: Hold) -> io::Result<Option<Held>> {
        self.state().file(path).map(|_| Some(Held { _file: None })).ok_or_else(absent)
    }
}
