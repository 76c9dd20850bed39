//! Hostile bytes in the files of a store, and in what the store hands back: what is wrong is absent, or makes nothing
//! worse than another compilation.
//!
//! In: a byte that says which file, and what it holds. The files are either as they lie, or below their checksum, which
//! random bytes never get past. Out: nothing; a broken promise is a panic.

use std::path::{Path, PathBuf};

use gitops_compiler::canon::{Graph, Id, Place, Recipe};
use gitops_compiler::compile::Compilation;
use gitops_compiler::store::Store;
use tempfile::TempDir;

use crate::targets::{compiled, snapshot};

/// What the application is compiled from, and the same after an edit.
pub(crate) const TEXTS: [&str; 2] = [
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n\
     spec:\n  containers:\n  - name: c\n    image: nginx\n    envFrom: [{configMapRef: {name: a}}]\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: w\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n\
     spec:\n  containers:\n  - name: c\n    image: nginx\n    envFrom: [{configMapRef: {name: a}}]\n",
];

/// A store in which the first text was compiled, and the second after it.
pub(crate) struct Stored {
    store: Store,
    /// What compiling gives without a store.
    made: [Compilation; 2],
    place: Id<Place>,
    _folder: TempDir,
}

/// Which of its files.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// The file of a graph, as it lies.
    GraphFile,
    /// That of a change.
    ChangeFile,
    /// That of a memo entry, and so its checksum.
    MemoFile,
    /// A memo entry below its checksum.
    Memo,
    /// What an application was compiled to, below its checksum.
    Compiled,
}

impl Part {
    pub(crate) const ALL: [Self; 5] = [Self::GraphFile, Self::ChangeFile, Self::MemoFile, Self::Memo, Self::Compiled];
}

impl Stored {
    pub(crate) fn new() -> Self {
        // Where syncing costs nothing, if there is such a place.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let made = TEXTS.map(|text| compiled(snapshot(text.as_bytes()), None).expect("it compiles"));
        let stored = Self { store, made, place: Id::of(b""), _folder: folder };
        stored.compile(0);
        let name = std::fs::read_dir(stored.store.root().join("places")).expect("a folder").next();
        let name = name.expect("a baseline").expect("an entry").file_name();
        let place = name.to_string_lossy().parse().expect("a place");
        stored.compile(1);
        assert!(stored.path(Part::ChangeFile).exists(), "the second is kept as a change of the first");
        Self { place, ..stored }
    }

    /// What a part holds now.
    pub(crate) fn bytes(&self, part: Part) -> Vec<u8> {
        match part {
            Part::Memo => self.store.memo(self.recipe(0)).expect("an entry"),
            Part::Compiled => self.store.compiled(self.place).expect("a baseline"),
            file => std::fs::read(self.path(file)).expect("a file"),
        }
    }

    fn path(&self, part: Part) -> PathBuf {
        let graph = |number: usize| self.made[number].graph.id().to_string();
        let (folder, name) = match part {
            Part::GraphFile => ("graphs", graph(0)),
            Part::ChangeFile => ("changes", graph(1)),
            Part::MemoFile | Part::Memo => ("memo", self.recipe(0).to_string()),
            Part::Compiled => ("places", self.place.to_string()),
        };
        self.store.root().join(folder).join(name)
    }

    fn recipe(&self, number: usize) -> Id<Recipe> {
        self.made[number].recipe
    }

    fn compile(&self, number: usize) -> Option<Compilation> {
        compiled(snapshot(TEXTS[number].as_bytes()), Some(&self.store)).ok()
    }

    /// The first byte says which part, the others what it holds.
    pub(crate) fn holds(&self, data: &[u8]) {
        let Some((first, held)) = data.split_first() else { return };
        let part = Part::ALL[usize::from(*first) % Part::ALL.len()];
        let before = self.bytes(part);
        match part {
            Part::GraphFile | Part::ChangeFile => {
                std::fs::write(self.path(part), held).expect("written");
                for made in &self.made {
                    let id: Id<Graph> = made.graph.id();
                    assert!(self.store.graph(id).is_none_or(|graph| graph == made.graph), "a false graph");
                }
                std::fs::write(self.path(part), before).expect("written");
            }
            Part::MemoFile => {
                std::fs::write(self.path(part), held).expect("written");
                let made = self.compile(0).expect("it compiles");
                assert_eq!((&made.graph, &made.lints), (&self.made[0].graph, &self.made[0].lints));
                std::fs::write(self.path(part), before).expect("written");
            }
            Part::Memo => {
                self.store.put_memo(self.recipe(0), held).expect("written");
                let _ = self.compile(0);
                self.store.put_memo(self.recipe(0), &before).expect("written");
            }
            Part::Compiled => {
                self.store.put_compiled(self.place, held).expect("written");
                let _ = std::fs::remove_file(self.store.root().join("memo").join(self.recipe(1).to_string()));
                let _ = self.compile(1);
                self.store.put_compiled(self.place, &before).expect("written");
            }
        }
    }
}
