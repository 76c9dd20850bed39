//! Writing and reading the files of a store.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::canon::{Chunk, Graph, Id, Kind, Place, Recipe};
use crate::graph::ResourceGraph;
use crate::tree::FileMemo;

use super::Error;

/// First bytes of a graph file: the format and its version.
const MAGIC: &[u8; 8] = b"kgitops1";

/// Longest graph that is read back: 1 GiB decoded, the limit of an application.
const MAX_GRAPH_BYTES: usize = 1 << 30;

/// zstd's default level: 3.
const COMPRESSION_LEVEL: i32 = 3;

/// A store in a folder.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// How hard a write tries to survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// fdatasync before the rename and fsync of the folder after it.
    Synced,
    /// Rename only: a torn file is found out by its checksum.
    Checked,
}

impl Store {
    /// Opens the store below `root`, making its folders where they are missing.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let root = root.join("v1");
        for folder in ["graphs", "chunks", "memo", "places", "tmp"] {
            let path = root.join(folder);
            create_private_folder(&path).map_err(|source| Error { path, source })?;
        }
        Ok(Self { root })
    }

    /// Where it lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keeps a graph. Nothing is written where it is there already, and whole.
    pub fn put_graph(&self, graph: &ResourceGraph) -> Result<(), Error> {
        let path = self.path("graphs", graph.id());
        if path.exists() && self.graph(graph.id()).is_some() {
            return Ok(());
        }
        let failed = |source| Error { path: path.clone(), source };
        let mut bytes = MAGIC.to_vec();
        bytes.extend(zstd::encode_all(graph.encode().as_slice(), COMPRESSION_LEVEL).map_err(failed)?);
        self.write(&path, &bytes, Durability::Synced)
    }

    /// Whether a graph is there, perhaps damaged.
    #[must_use]
    pub fn has_graph(&self, id: Id<Graph>) -> bool {
        self.path("graphs", id).exists()
    }

    /// A graph; `None` where it is absent or damaged.
    #[must_use]
    pub fn graph(&self, id: Id<Graph>) -> Option<ResourceGraph> {
        let file = read_limited(&self.path("graphs", id), MAX_GRAPH_BYTES)?;
        let bytes = decompress(file.strip_prefix(MAGIC)?)?;
        ResourceGraph::decode(&bytes, id).ok()
    }

    /// Keeps a piece of a record.
    pub fn put_chunk(&self, bytes: &[u8]) -> Result<(), Error> {
        let id = Id::<Chunk>::of(bytes);
        let path = self.path("chunks", id);
        if self.chunk(id).is_some() { Ok(()) } else { self.write(&path, bytes, Durability::Checked) }
    }

    /// A piece of a record; `None` where it is absent or damaged.
    #[must_use]
    pub fn chunk(&self, id: Id<Chunk>) -> Option<Vec<u8>> {
        let bytes = read_limited(&self.path("chunks", id), 1 << 20)?;
        (Id::<Chunk>::of(&bytes) == id).then_some(bytes)
    }

    /// Remembers what a recipe gave. `entry` is opaque here.
    pub fn put_memo(&self, recipe: Id<Recipe>, entry: &[u8]) -> Result<(), Error> {
        self.put_checked("memo", recipe, entry)
    }

    /// What a recipe gave before; `None` where nothing is known, or the entry is damaged.
    #[must_use]
    pub fn memo(&self, recipe: Id<Recipe>) -> Option<Vec<u8>> {
        self.checked("memo", recipe)
    }

    /// What is known of the files of a folder; `None` where nothing is, or it is damaged.
    pub(super) fn place(&self, id: Id<Place>) -> Option<Vec<u8>> {
        self.checked("places", id)
    }

    fn put_checked<K: Kind>(&self, folder: &str, id: Id<K>, entry: &[u8]) -> Result<(), Error> {
        let mut bytes = checksum(id, entry).to_vec();
        bytes.extend_from_slice(entry);
        self.write(&self.path(folder, id), &bytes, Durability::Checked)
    }

    fn checked<K: Kind>(&self, folder: &str, id: Id<K>) -> Option<Vec<u8>> {
        let mut bytes = read_limited(&self.path(folder, id), MAX_GRAPH_BYTES)?;
        let entry = bytes.split_off_checked(32)?;
        (checksum(id, &entry) == *bytes).then_some(entry)
    }

    pub(super) fn path<K: Kind>(&self, folder: &str, id: Id<K>) -> PathBuf {
        self.root.join(folder).join(id.to_string())
    }

    fn write(&self, path: &Path, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        let failed = |source| Error { path: path.to_owned(), source };
        let mut file = tempfile::NamedTempFile::new_in(self.root.join("tmp")).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        if durability == Durability::Synced {
            file.as_file().sync_data().map_err(failed)?;
        }
        file.persist(path).map_err(|error| failed(error.error))?;
        if durability == Durability::Synced
            && let Some(folder) = path.parent()
        {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        Ok(())
    }
}

impl FileMemo for Store {
    fn load(&self, folder: &Path) -> Option<Vec<u8>> {
        self.place(place_of(folder))
    }

    /// Failing to is no harm: the files are read again the next time.
    fn save(&self, folder: &Path, bytes: &[u8]) {
        let _ = self.put_checked("places", place_of(folder), bytes);
    }
}

fn place_of(folder: &Path) -> Id<Place> {
    Id::of(folder.as_os_str().as_encoded_bytes())
}

/// Keyed with the id, so that one entry cannot stand for another.
fn checksum<K: Kind>(id: Id<K>, entry: &[u8]) -> [u8; 32] {
    *blake3::keyed_hash(id.digest(), entry).as_bytes()
}

fn read_limited(path: &Path, limit: usize) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= limit).then_some(bytes)
}

/// Decompresses at most [`MAX_GRAPH_BYTES`].
fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    let decoder = zstd::Decoder::new(bytes).ok()?;
    decoder.take(MAX_GRAPH_BYTES as u64 + 1).read_to_end(&mut whole).ok()?;
    (whole.len() <= MAX_GRAPH_BYTES).then_some(whole)
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Origin;

    fn graph() -> ResourceGraph {
        let body = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
        let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
        let manifests = crate::manifest::objects(body.into(), &origin, &mut Vec::new());
        ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        (folder, store)
    }

    #[test]
    fn graphs_come_back() {
        let (_folder, store) = store();
        let graph = graph();
        assert_eq!(store.graph(graph.id()), None);
        store.put_graph(&graph).expect("written");
        assert_eq!(store.graph(graph.id()), Some(graph));
    }

    #[test]
    fn each_flipped_byte_is_found() {
        let (_folder, store) = store();
        let graph = graph();
        store.put_graph(&graph).expect("written");
        store.put_memo(Id::of(b"recipe"), b"entry").expect("written");
        store.put_chunk(b"chunk").expect("written");
        let graph_path = store.path("graphs", graph.id());
        let memo_path = store.path("memo", Id::<Recipe>::of(b"recipe"));
        let chunk_path = store.path("chunks", Id::<Chunk>::of(b"chunk"));
        for path in [graph_path, memo_path, chunk_path] {
            let whole = fs::read(&path).expect("read");
            for index in 0..whole.len() {
                let mut damaged = whole.clone();
                damaged[index] ^= 1;
                fs::write(&path, &damaged).expect("written");
                // A flipped bit that zstd does not look at changes nothing: what comes back is the true graph or none.
                assert!(store.graph(graph.id()).is_none_or(|read| read == graph));
                let wrong = store.memo(Id::of(b"recipe")).is_some_and(|entry| entry != b"entry");
                assert!(!wrong && store.chunk(Id::of(b"chunk")).is_none_or(|chunk| chunk == b"chunk"));
            }
            for length in 0..whole.len() {
                fs::write(&path, &whole[..length]).expect("written");
                assert!(store.graph(graph.id()).is_none_or(|read| read == graph));
                assert!(store.memo(Id::of(b"recipe")).is_none_or(|entry| entry == b"entry"));
            }
            fs::write(&path, &whole).expect("written");
        }
    }

    #[test]
    fn an_entry_under_another_recipe_is_refused() {
        let (_folder, store) = store();
        store.put_memo(Id::of(b"one"), b"entry").expect("written");
        fs::copy(store.path("memo", Id::<Recipe>::of(b"one")), store.path("memo", Id::<Recipe>::of(b"two")))
            .expect("copied");
        assert_eq!(store.memo(Id::of(b"two")), None);
    }
}
