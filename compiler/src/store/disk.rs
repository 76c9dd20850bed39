//! Writing and reading the files of a store.
//!
//! In: graphs, pieces of records, entries, under their ids. Out: the same, checked on every read. Guarantees: a graph
//! that was reported as kept survives a power cut; nothing wrong is ever read; what is damaged or cannot be read is
//! absent.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::canon::{Chunk, Graph, Id, Input, Kind, Place, Recipe};
use crate::graph::{Change, ResourceGraph};
use crate::sandbox::Strength;
use crate::tree::FileMemo;

use super::Error;
use super::files::{Disk, Durability, Files, Stat};
use super::lock::{BUILDS, WRITES};
use super::mirrors::Mirrors;
use super::shared::Shared;

pub(super) const GRAPHS: &str = "graphs";
/// Graphs that are kept as the difference to a whole one.
pub(super) const CHANGES: &str = "changes";
pub(super) const CHUNKS: &str = "chunks";
pub(super) const MEMO: &str = "memo";
/// What was fetched, by the digest that a lock has of it.
pub(super) const INPUTS: &str = "inputs";
/// What programs wrote, by the recipe of the render.
pub(super) const OUTPUTS: &str = "outputs";
pub(super) const PLACES: &str = "places";
/// An empty file for each graph that is kept whatever happens.
pub(super) const PINS: &str = "pins";
/// Where files are written before they get their names.
pub(super) const TEMPORARY: &str = "tmp";
/// Where what is kept lies.
pub(super) const FOLDERS: [&str; 7] = [GRAPHS, CHANGES, CHUNKS, INPUTS, MEMO, OUTPUTS, PLACES];

/// First bytes of a graph file: the format and its version.
const MAGIC: &[u8; 8] = b"kgitops1";

/// Longest graph that is read back: 1 GiB decoded, the limit of an application.
pub(super) const MAX_GRAPH_BYTES: usize = 1 << 30;

/// Longest piece of a record.
const MAX_CHUNK_BYTES: usize = 1 << 20;

/// zstd's default level: 3.
const COMPRESSION_LEVEL: i32 = 3;

/// A use is noted in the file's time of change, since many file systems do not keep that of access; at most once an
/// hour, so that reading stays reading. Ages are counted in days.
pub(super) const USE_IS_NOTED_EVERY: Duration = Duration::from_hours(1);

/// A store in a folder.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    files: Arc<dyn Files>,
    pub(super) max_bytes: Option<u64>,
    /// Whether anything was written since somebody last made room.
    pub(super) grown: Arc<AtomicBool>,
    /// What is counted and collected with it.
    pub(super) mirrors: Option<Arc<dyn Mirrors>>,
    /// What is asked for what is not here, in this order.
    pub(super) shared: Vec<Arc<dyn Shared>>,
    /// The whole graph that was read last, where it stays in memory.
    last: Option<LastGraph>,
}

/// A graph, and when it was last used.
type LastGraph = Arc<Mutex<Option<(Arc<ResourceGraph>, SystemTime)>>>;

impl Store {
    /// Opens the store below `root`, making its folders where they are missing.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Self::open_in(root, Arc::new(Disk))
    }

    pub(super) fn open_in(root: &Path, files: Arc<dyn Files>) -> Result<Self, Error> {
        let store = Self {
            root: root.join("v1"),
            files,
            max_bytes: None,
            grown: Arc::default(),
            mirrors: None,
            shared: Vec::new(),
            last: None,
        };
        let parts = FOLDERS.into_iter().chain([PINS, TEMPORARY, WRITES, BUILDS]);
        if !parts.into_iter().all(|part| store.files.exists(&store.root.join(part))) {
            store.create()?;
        }
        Ok(store)
    }

    /// The same store, for builds that make room when it has outgrown `max_bytes`.
    #[must_use]
    pub fn with_max_bytes(self, max_bytes: Option<u64>) -> Self {
        Self { max_bytes, ..self }
    }

    /// The same store, with the mirrors that lie beside it: they count against its size, and are collected like its files.
    #[must_use]
    pub fn with_mirrors(self, mirrors: Arc<dyn Mirrors>) -> Self {
        Self { mirrors: Some(mirrors), ..self }
    }

    /// The same store, for who reads several graphs of one application: the whole graph that was read last stays in memory,
    /// so that one which is kept as a change of it costs the change.
    #[must_use]
    pub fn with_last_graph(self) -> Self {
        Self { last: Some(Arc::default()), ..self }
    }

    /// Says that a mirror has grown, so that the next build makes room.
    pub fn note_growth(&self) {
        self.grown.store(true, Ordering::Relaxed);
    }

    /// Makes the folders, and the locks last: where these are, the folders survive a power cut.
    fn create(&self) -> Result<(), Error> {
        let doing = |path: &Path, done: io::Result<()>| done.map_err(|source| Error { path: path.to_owned(), source });
        for folder in FOLDERS.into_iter().chain([PINS, TEMPORARY]) {
            let path = self.root.join(folder);
            doing(&path, self.files.create_folder(&path))?;
        }
        doing(&self.root, self.files.sync_folder(&self.root))?;
        for folder in self.root.ancestors().skip(1) {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            // Some of them may not be ours to open: then we have not made what is in them, either.
            let _ = self.files.sync_folder(folder);
        }
        for lock in [WRITES, BUILDS] {
            let path = self.root.join(lock);
            doing(&path, self.files.create(&path))?;
        }
        Ok(())
    }

    /// Where it lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn files(&self) -> &dyn Files {
        &*self.files
    }

    /// Keeps a graph, whole: when this returns it survives a power cut. It is not written where it is there already.
    pub fn put_graph(&self, graph: &ResourceGraph) -> Result<(), Error> {
        let _lock = self.lock_for_writing()?;
        self.keep_graph(graph)
    }

    /// The lock for writing is held.
    pub(super) fn keep_graph(&self, graph: &ResourceGraph) -> Result<(), Error> {
        let path = self.path(GRAPHS, graph.id());
        let failed = |source| Error { path: path.clone(), source };
        if let Some(found) = self.look_at_graph(graph.id()) {
            self.used(GRAPHS, graph.id(), found);
            // Whoever wrote it may have died before this.
            return self.files.sync_folder(&self.root.join(GRAPHS)).map_err(failed);
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(zstd::encode_all(graph.encode().as_slice(), COMPRESSION_LEVEL).map_err(failed)?);
        self.place(GRAPHS, &path, &bytes, Durability::Synced)
    }

    /// Whether a graph is there, perhaps damaged. Counts as a use: who asks may ask for the graph next. What others have is
    /// fetched for it.
    #[must_use]
    pub fn has_graph(&self, id: Id<Graph>) -> bool {
        let path = self.path(GRAPHS, id);
        match self.files.stat(&path) {
            Ok(stat) => self.note_use(&path, stat.used),
            Err(_) => match self.look_at_change(id) {
                Some((change, used)) if self.files.exists(&self.path(GRAPHS, change.base)) => {
                    self.note_use_of_change(id, change.base, used);
                }
                _ => return self.shared_graph(id).is_some(),
            },
        }
        true
    }

    /// A graph; `None` where it is absent or damaged.
    #[must_use]
    pub fn graph(&self, id: Id<Graph>) -> Option<ResourceGraph> {
        if let Some(last) = &self.last {
            return self.graph_beside(last, id).or_else(|| self.shared_graph(id));
        }
        if let Some(found) = self.look_at_graph(id) {
            return Some(self.used(GRAPHS, id, found));
        }
        let Some((graph, base, used)) = self.look_at_changed_graph(id) else { return self.shared_graph(id) };
        self.note_use_of_change(id, base, used);
        Some(graph)
    }

    /// Keeps the graph `id` as a change of another that is kept whole: when this returns `true` it survives a power
    /// cut as the other does. `false` where the other is not there, or the graph is pinned, and so must be whole.
    /// Nothing is written where the graph is there.
    ///
    /// The other graph is not read: a change of a damaged graph is as absent as that graph, and made again like it.
    pub fn put_change(&self, id: Id<Graph>, change: &Change) -> Result<bool, Error> {
        let _lock = self.lock_for_writing()?;
        let base = self.path(GRAPHS, change.base);
        let failed = |source| Error { path: self.path(CHANGES, id), source };
        if !self.files.exists(&base) || self.files.exists(&self.path(PINS, id)) {
            return Ok(false);
        }
        // Whoever wrote them may have died before this.
        self.files.sync_folder(&self.root.join(GRAPHS)).map_err(failed)?;
        if self.files.exists(&self.path(GRAPHS, id)) {
            return Ok(true);
        }
        if self.look_at_change(id).is_some_and(|(there, _)| there == *change) {
            self.files.sync_folder(&self.root.join(CHANGES)).map_err(failed)?;
        } else {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(zstd::encode_all(change.encode().as_slice(), COMPRESSION_LEVEL).map_err(failed)?);
            self.place(CHANGES, &self.path(CHANGES, id), &bytes, Durability::Synced)?;
        }
        // Later than the change: collectors must not take the base before it.
        self.files.touch(&base, self.files.now()).map_err(failed)?;
        Ok(true)
    }

    /// Keeps a piece of a record.
    pub fn put_chunk(&self, bytes: &[u8]) -> Result<(), Error> {
        let id = Id::<Chunk>::of(bytes);
        let _lock = self.lock_for_writing()?;
        if self.chunk(id).is_some() {
            return Ok(());
        }
        self.place(CHUNKS, &self.path(CHUNKS, id), bytes, Durability::Checked)
    }

    /// A piece of a record; `None` where it is absent or damaged.
    #[must_use]
    pub fn chunk(&self, id: Id<Chunk>) -> Option<Vec<u8>> {
        Some(self.used(CHUNKS, id, self.look_at_chunk(id)?))
    }

    /// Keeps what was fetched.
    pub fn put_input(&self, id: Id<Input>, bytes: &[u8]) -> Result<(), Error> {
        self.put_entry(INPUTS, id, bytes)
    }

    /// Whether something was fetched before, perhaps damaged since.
    #[must_use]
    pub fn has_input(&self, id: Id<Input>) -> bool {
        self.files.exists(&self.path(INPUTS, id))
    }

    /// What was fetched before; `None` where it is absent or damaged.
    #[must_use]
    pub fn input(&self, id: Id<Input>) -> Option<Vec<u8>> {
        Some(self.used(INPUTS, id, self.look_at_entry(INPUTS, id)?))
    }

    /// Remembers what a recipe gave. `entry` is opaque here.
    pub fn put_memo(&self, recipe: Id<Recipe>, entry: &[u8]) -> Result<(), Error> {
        self.put_entry(MEMO, recipe, entry)
    }

    /// Remembers what an application at a place was compiled to. `entry` is opaque here.
    pub fn put_compiled(&self, place: Id<Place>, entry: &[u8]) -> Result<(), Error> {
        self.put_entry(PLACES, place, entry)
    }

    /// What an application at a place was compiled to; `None` where nothing is known, or the entry is damaged.
    #[must_use]
    pub fn compiled(&self, place: Id<Place>) -> Option<Vec<u8>> {
        Some(self.used(PLACES, place, self.look_at_entry(PLACES, place)?))
    }

    /// What a recipe gave before; `None` where nothing is known, or the entry is damaged.
    #[must_use]
    pub fn memo(&self, recipe: Id<Recipe>) -> Option<Vec<u8>> {
        match self.look_at_entry(MEMO, recipe) {
            Some(found) => Some(self.used(MEMO, recipe, found)),
            None => self.shared_memo(recipe),
        }
    }

    /// Keeps what a program wrote when it rendered a recipe, and how it was confined.
    pub fn put_output(&self, recipe: Id<Recipe>, strength: Strength, output: &[u8]) -> Result<(), Error> {
        let failed = |source| Error { path: self.path(OUTPUTS, recipe), source };
        let mut entry = vec![strength as u8];
        entry.extend(zstd::encode_all(output, COMPRESSION_LEVEL).map_err(failed)?);
        self.put_entry(OUTPUTS, recipe, &entry)
    }

    /// What a program wrote when it rendered a recipe, confined as wholly as can be; `None` where nothing is known, the file
    /// is damaged, or the program was less confined.
    #[must_use]
    pub fn output(&self, recipe: Id<Recipe>) -> Option<Vec<u8>> {
        let Some(found) = self.look_at_entry(OUTPUTS, recipe) else { return self.shared_output(recipe) };
        let entry = self.used(OUTPUTS, recipe, found);
        let (strength, output) = entry.split_first()?;
        if *strength < Strength::Full as u8 { None } else { decompress(output) }
    }

    fn put_entry<K: Kind>(&self, folder: &str, id: Id<K>, entry: &[u8]) -> Result<(), Error> {
        let mut bytes = checksum(id, entry).to_vec();
        bytes.extend_from_slice(entry);
        let _lock = self.lock_for_writing()?;
        self.place(folder, &self.path(folder, id), &bytes, Durability::Checked)
    }

    /// A graph that is kept whole, without counting as a use.
    pub(super) fn look_at_graph(&self, id: Id<Graph>) -> Option<(ResourceGraph, SystemTime)> {
        let (bytes, used) = self.read_compressed(GRAPHS, id)?;
        Some((ResourceGraph::decode(&bytes, id).ok()?, used))
    }

    /// A graph that is kept as a change of another, that other, and when the change was used; without counting as a use.
    pub(super) fn look_at_changed_graph(&self, id: Id<Graph>) -> Option<(ResourceGraph, Id<Graph>, SystemTime)> {
        let (change, used) = self.look_at_change(id)?;
        let base = change.base;
        let (bytes, _) = self.read_compressed(GRAPHS, base)?;
        Some((ResourceGraph::decode_changed(&bytes, change, id).ok()?, base, used))
    }

    /// A graph, by what `last` was read before.
    fn graph_beside(&self, last: &LastGraph, id: Id<Graph>) -> Option<ResourceGraph> {
        if let Some((graph, used)) = self.graph_read_last(last, id) {
            self.note_use(&self.path(GRAPHS, id), used);
            return Some((*graph).clone());
        }
        let (change, used) = self.look_at_change(id)?;
        let base = change.base;
        let graph = self.graph_read_last(last, base)?.0.changed(change, id).ok()?;
        self.note_use_of_change(id, base, used);
        Some(graph)
    }

    /// A graph that is kept whole. Nothing is locked while it is read.
    fn graph_read_last(&self, last: &LastGraph, id: Id<Graph>) -> Option<(Arc<ResourceGraph>, SystemTime)> {
        let known = last.lock().ok().and_then(|last| last.clone());
        if let Some(known) = known.filter(|(graph, _)| graph.id() == id) {
            return Some(known);
        }
        let (graph, used) = self.look_at_graph(id)?;
        let read = (Arc::new(graph), used);
        if let Ok(mut last) = last.lock() {
            *last = Some(read.clone());
        }
        Some(read)
    }

    /// What is written under this id as a change, perhaps of another graph.
    fn look_at_change(&self, id: Id<Graph>) -> Option<(Change, SystemTime)> {
        let (bytes, used) = self.read_compressed(CHANGES, id)?;
        Some((Change::decode(&bytes).ok()?, used))
    }

    pub(super) fn read_compressed(&self, folder: &str, id: Id<Graph>) -> Option<(Vec<u8>, SystemTime)> {
        let (file, used) = self.files.read(&self.path(folder, id), MAX_GRAPH_BYTES).ok()?;
        Some((decompress(file.strip_prefix(MAGIC)?)?, used))
    }

    pub(super) fn look_at_chunk(&self, id: Id<Chunk>) -> Option<(Vec<u8>, SystemTime)> {
        let (bytes, used) = self.files.read(&self.path(CHUNKS, id), MAX_CHUNK_BYTES).ok()?;
        (Id::<Chunk>::of(&bytes) == id).then_some((bytes, used))
    }

    pub(super) fn look_at_entry<K: Kind>(&self, folder: &str, id: Id<K>) -> Option<(Vec<u8>, SystemTime)> {
        let (mut bytes, used) = self.files.read(&self.path(folder, id), MAX_GRAPH_BYTES).ok()?;
        let entry = bytes.split_off_checked(32)?;
        (checksum(id, &entry) == *bytes).then_some((entry, used))
    }

    fn used<K: Kind, T>(&self, folder: &str, id: Id<K>, (object, used): (T, SystemTime)) -> T {
        self.note_use(&self.path(folder, id), used);
        object
    }

    /// The base is used whenever a change of it is, and is never noted as used before it: collectors must not take it
    /// first.
    fn note_use_of_change(&self, id: Id<Graph>, base: Id<Graph>, used: SystemTime) {
        let now = self.files.now();
        let is_due = now.duration_since(used).is_ok_and(|age| age >= USE_IS_NOTED_EVERY);
        if is_due && self.files.touch(&self.path(GRAPHS, base), now).is_ok() {
            let _ = self.files.touch(&self.path(CHANGES, id), now);
        }
    }

    /// Failing to is no harm: it is collected a little earlier.
    fn note_use(&self, path: &Path, used: SystemTime) {
        let now = self.files.now();
        if now.duration_since(used).is_ok_and(|age| age >= USE_IS_NOTED_EVERY) {
            let _ = self.files.touch(path, now);
        }
    }

    pub(super) fn path<K: Kind>(&self, folder: &str, id: Id<K>) -> PathBuf {
        self.root.join(folder).join(id.to_string())
    }

    pub(super) fn list(&self, folder: &str) -> Result<Vec<Stat>, Error> {
        let path = self.root.join(folder);
        self.files.list(&path).map_err(|source| Error { path, source })
    }

    /// Gives bytes their place, whole or not at all. The lock for writing is held.
    fn place(&self, folder: &str, path: &Path, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        let failed = |source| Error { path: path.to_owned(), source };
        let written = self.files.write(&self.root.join(TEMPORARY), bytes, durability).map_err(failed)?;
        if let Err(error) = self.files.rename(&written, path) {
            let _ = self.files.remove(&written);
            return Err(failed(error));
        }
        self.note_growth();
        match durability {
            Durability::Synced => self.files.sync_folder(&self.root.join(folder)).map_err(failed),
            Durability::Checked => Ok(()),
        }
    }
}

impl FileMemo for Store {
    fn load(&self, folder: &Path) -> Option<Vec<u8>> {
        let id = place_of(folder);
        Some(self.used(PLACES, id, self.look_at_entry(PLACES, id)?))
    }

    /// Failing to is no harm: the files are read again the next time.
    fn save(&self, folder: &Path, bytes: &[u8]) {
        let _ = self.put_entry(PLACES, place_of(folder), bytes);
    }
}

fn place_of(folder: &Path) -> Id<Place> {
    Id::of(folder.as_os_str().as_encoded_bytes())
}

/// Keyed with the id, so that one entry cannot stand for another.
fn checksum<K: Kind>(id: Id<K>, entry: &[u8]) -> [u8; 32] {
    *blake3::keyed_hash(id.digest(), entry).as_bytes()
}

/// Decompresses at most [`MAX_GRAPH_BYTES`].
fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    let decoder = zstd::Decoder::new(bytes).ok()?;
    decoder.take(MAX_GRAPH_BYTES as u64 + 1).read_to_end(&mut whole).ok()?;
    (whole.len() <= MAX_GRAPH_BYTES).then_some(whole)
}

/// `Vec::split_off` that does not panic.
trait SplitOffChecked {
    fn split_off_checked(&mut self, at: usize) -> Option<Vec<u8>>;
}

impl SplitOffChecked for Vec<u8> {
    fn split_off_checked(&mut self, at: usize) -> Option<Vec<u8>> {
        (at <= self.len()).then(|| self.split_off(at))
    }
}
