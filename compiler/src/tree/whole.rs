//! A whole repository at one moment, of which a folder is listed when it is asked for.
//!
//! In: a repository and a revision, or its working tree. Out: [`Snapshot`]s of folders, each listed once. Renderers that
//! reach beyond the folder of their application (`../base`) take it from here; nothing else of a large repository is
//! walked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::large::Contents;
use super::mount::Mounts;
use super::repository::parsed_oid;
use super::snapshot::{MAX_LINKS, follow, parent, path_error};
use super::{CommitInfo, Entry, EntryKind, Error, FileMemo, Found, LargeFiles, Repository, Snapshot, commit, working};

/// What Linux takes for a path.
const LONGEST_PATH: usize = 4096;

/// A repository at one moment.
pub struct Tree {
    pub(super) at: At,
    pub(super) listed: Mutex<BTreeMap<String, Arc<Snapshot>>>,
    /// None where submodules are not read.
    pub(super) mounts: Option<Mounts>,
    /// Whether submodules are as good as empty folders.
    pub(super) leaves_out: bool,
    /// None where pointers of Git LFS are files like any other.
    pub(super) contents: Option<Arc<Contents>>,
}

pub(super) enum At {
    /// A commit, by its whole oid.
    Commit(Arc<Repository>, String),
    WorkingTree(Arc<Repository>, Option<Memo>),
    /// One folder that is all there is.
    Folder,
}

/// Keeps what is known of the files of working trees.
pub(super) type Memo = Arc<dyn FileMemo + Send + Sync>;

impl Tree {
    /// The tree of the commit that `revision` names now.
    pub fn of_commit(repository: Arc<Repository>, revision: &str) -> Result<Self, Error> {
        let oid = repository.oid(revision)?;
        Ok(Self::at(At::Commit(repository, oid)))
    }

    /// The working tree as it lies.
    #[must_use]
    pub fn of_working_tree(repository: Arc<Repository>, memo: Option<Memo>) -> Self {
        Self::at(At::WorkingTree(repository, memo))
    }

    /// A tree that has this one folder.
    #[must_use]
    pub fn of_folder(snapshot: Snapshot) -> Self {
        let listed = BTreeMap::from([(snapshot.folder().to_owned(), Arc::new(snapshot))]);
        Self { at: At::Folder, listed: Mutex::new(listed), mounts: None, leaves_out: false, contents: None }
    }

    fn at(at: At) -> Self {
        Self { at, listed: Mutex::default(), mounts: None, leaves_out: false, contents: None }
    }

    /// Without its submodules: what a checkout has where nobody updated them, empty folders.
    #[must_use]
    pub fn without_submodules(self) -> Self {
        Self { mounts: None, leaves_out: true, ..self }
    }

    /// With the contents of large files, which `source` gets where they are not here. Its submodules are told apart: see
    /// [`Submodules`](super::Submodules).
    #[must_use]
    pub fn with_large_files(self, source: Option<Arc<dyn LargeFiles>>) -> Self {
        let contents = |source| match &self.at {
            At::Commit(repository, oid) => Some(Contents::new(Arc::clone(repository), Some(oid.clone()), source)),
            At::WorkingTree(repository, _) => Some(Contents::new(Arc::clone(repository), None, source)),
            At::Folder => None,
        };
        let contents = source.and_then(contents).map(Arc::new);
        Self { contents, ..self }
    }

    /// The files below a folder; empty for the root.
    pub fn folder(&self, folder: &str) -> Result<Arc<Snapshot>, Error> {
        if let Some(snapshot) = self.listed().get(folder) {
            return Ok(Arc::clone(snapshot));
        }
        let snapshot = match self.folder_of_submodule(folder)? {
            Some(snapshot) => snapshot,
            None => self.list(folder)?,
        };
        let snapshot = Arc::new(if self.leaves_out { snapshot.without_submodules() } else { snapshot });
        self.listed().insert(folder.to_owned(), Arc::clone(&snapshot));
        Ok(snapshot)
    }

    fn list(&self, folder: &str) -> Result<Snapshot, Error> {
        match &self.at {
            At::Commit(repository, oid) => {
                let repository = repository.inner.to_thread_local();
                commit::snapshot(&repository, parsed_oid(oid)?, folder, self.contents.clone())
            }
            At::WorkingTree(repository, memo) => {
                let memo = memo.as_deref().map(|memo| memo as &dyn FileMemo);
                working::snapshot(&repository.inner.to_thread_local(), folder, memo, self.contents.clone())
            }
            At::Folder => {
                let part = self.around(folder).and_then(|around| around.part(folder));
                part.ok_or_else(|| Error::NoFolder { path: folder.to_owned(), place: "what was unpacked".to_owned() })
            }
        }
    }

    /// What stands at a path. The smallest folder that is known to hold it is looked at, else the one it is in.
    pub fn find(&self, path: &str) -> Result<Found, Error> {
        if path.len() > LONGEST_PATH {
            let start: String = path.chars().take(80).collect();
            return Err(path_error(&format!("{start}…"), "no file has a path as long as this"));
        }
        let parent = parent(path);
        let snapshot = match self.around(parent) {
            Some(snapshot) => snapshot,
            None => match self.folder(parent) {
                // A file or a link may be where a folder was looked for.
                Err(Error::NoFolder { .. }) => return Ok(Found::Nothing),
                listed => listed?,
            },
        };
        match snapshot.find(path) {
            Found::Entry(entry) if self.is_mounted(&entry) => Ok(Found::Folder),
            Found::Nothing if snapshot.folder() != parent && self.leads_into_submodule(&snapshot, parent) => {
                match self.folder(parent) {
                    // Now it is the smallest folder that is known to hold it.
                    Ok(_) => self.find(path),
                    Err(Error::NoFolder { .. }) => Ok(Found::Nothing),
                    Err(error) => Err(error),
                }
            }
            found => Ok(found),
        }
    }

    /// The file at a path, with all links on the way followed inside the repository. `None` where there is none.
    pub fn file(&self, path: &str) -> Result<Option<File>, Error> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            match self.find(&path)? {
                Found::Entry(entry) if entry.kind == EntryKind::File => {
                    let snapshot = self.around(parent(&path));
                    return Ok(snapshot.map(|snapshot| File { snapshot, entry }));
                }
                Found::Entry(entry) if entry.kind == EntryKind::Link => path = self.target(&entry, "")?,
                Found::Entry(entry) => return Err(path_error(&entry.path, "submodules are not read")),
                Found::Folder => return Ok(None),
                Found::Nothing => match self.link_above(&path)? {
                    Some((link, rest)) => path = self.target(&link, &rest)?,
                    None => return Ok(None),
                },
            }
        }
        Err(path_error(&path, "this symbolic link leads in a circle"))
    }

    /// A path with the links among the folders that it goes through followed; where it is a link itself, that one, too.
    pub fn real_folder(&self, path: &str) -> Result<Option<String>, Error> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            match self.find(&path)? {
                Found::Folder => return Ok(Some(path)),
                Found::Entry(entry) if entry.kind == EntryKind::Link => path = self.target(&entry, "")?,
                Found::Entry(_) => return Ok(None),
                Found::Nothing => match self.link_above(&path)? {
                    Some((link, rest)) => path = self.target(&link, &rest)?,
                    None => return Ok(None),
                },
            }
        }
        Err(path_error(&path, "this symbolic link leads in a circle"))
    }

    /// The first link among the folders of a path, and what of the path comes after it.
    fn link_above(&self, path: &str) -> Result<Option<(Entry, String)>, Error> {
        for (end, _) in path.match_indices('/') {
            match self.find(&path[..end])? {
                Found::Entry(entry) if entry.kind == EntryKind::Link => {
                    return Ok(Some((entry, path[end..].to_owned())));
                }
                Found::Folder => {}
                Found::Entry(_) | Found::Nothing => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Where a link leads, with `rest` behind it.
    fn target(&self, link: &Entry, rest: &str) -> Result<String, Error> {
        let outside = || path_error(&link.path, "this symbolic link leads out of the repository");
        let snapshot = self.around(parent(&link.path)).ok_or_else(outside)?;
        let target = snapshot.reader().stored_bytes(link)?;
        Ok(follow(&link.path, &target).ok_or_else(outside)? + rest)
    }

    /// The same, read where nothing was listed yet.
    pub(super) fn head(&self) -> Result<Option<CommitInfo>, Error> {
        match &self.at {
            At::Commit(repository, oid) => repository.commit_info(oid).map(Some),
            At::WorkingTree(repository, _) => repository.head(),
            At::Folder => Ok(self.commit()),
        }
    }

    /// The commit: the one that was asked for, or the one under the working tree.
    #[must_use]
    pub fn commit(&self) -> Option<CommitInfo> {
        self.listed().values().find_map(|snapshot| snapshot.commit.clone())
    }

    /// The whole oid of the commit and its bytes, hashed again: what signatures are about. None of a working tree.
    pub fn commit_object(&self) -> Result<Option<(String, Vec<u8>)>, Error> {
        match &self.at {
            At::Commit(repository, oid) => repository.commit_object(oid).map(Some),
            At::WorkingTree(..) | At::Folder => Ok(None),
        }
    }

    /// Whether files of the folders that were looked at differ from those of the commit.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.listed().values().any(|snapshot| snapshot.dirty)
    }

    /// The smallest listed folder that holds `folder`.
    fn around(&self, folder: &str) -> Option<Arc<Snapshot>> {
        let listed = self.listed();
        let holds = |outer: &str| {
            outer.is_empty() || folder.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        listed.iter().rev().find(|(outer, _)| holds(outer)).map(|(_, snapshot)| Arc::clone(snapshot))
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Snapshot>>> {
        // A list that was being added to when a thread panicked is whole all the same.
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A regular file of a tree.
#[derive(Clone)]
pub struct File {
    pub(super) snapshot: Arc<Snapshot>,
    /// What it is called where it really is, and its oid.
    pub entry: Entry,
}

impl File {
    /// Its bytes; of a pointer of Git LFS its content, where that is wanted.
    pub fn read(&self) -> Result<Vec<u8>, Error> {
        self.snapshot.reader().read(&self.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(folder: &str, files: &[&str]) -> Tree {
        let files = files.iter().map(|path| ((*path).to_owned(), path.as_bytes().to_vec())).collect();
        let mut snapshot = Snapshot::from_memory(files);
        snapshot.folder = folder.to_owned();
        Tree::of_folder(snapshot)
    }

    #[test]
    fn paths_are_files_folders_or_nothing() {
        let tree = tree("", &["a.yaml", "base/x/b.yaml", "base.yaml"]);
        let kind = |path: &str| tree.find(path).expect("a tree");
        assert!(matches!(kind("a.yaml"), Found::Entry(entry) if entry.path == "a.yaml"));
        assert_eq!([kind("base"), kind("base/x"), kind("")], [Found::Folder, Found::Folder, Found::Folder]);
        assert_eq!([kind("bas"), kind("base/y"), kind("a.yaml/b")], [Found::Nothing, Found::Nothing, Found::Nothing]);
        let file = tree.file("base/x/b.yaml").expect("a tree").expect("a file");
        assert_eq!(file.read().expect("its bytes"), b"base/x/b.yaml");
        assert!(tree.file("nothing").expect("a tree").is_none() && tree.file("base").expect("a tree").is_none());
    }

    #[test]
    fn links_are_followed_on_the_way_and_at_its_end() {
        let files = [("base/x/b.yaml", "b"), ("app/base", "../base"), ("app/x", "base/x"), ("app/b.yaml", "x/b.yaml")];
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.as_bytes().to_vec())).collect();
        let mut snapshot = Snapshot::from_memory(files);
        for entry in &mut snapshot.entries {
            entry.kind = if entry.path == "base/x/b.yaml" { EntryKind::File } else { EntryKind::Link };
        }
        let tree = Tree::of_folder(snapshot);
        for path in ["app/base/x/b.yaml", "app/x/b.yaml", "app/b.yaml"] {
            let file = tree.file(path).expect("a tree").expect("a file");
            assert_eq!((file.entry.path.as_str(), file.read().expect("its bytes")), ("base/x/b.yaml", b"b".to_vec()));
        }
        assert_eq!(tree.real_folder("app/x").expect("a tree").as_deref(), Some("base/x"));
        assert_eq!(tree.real_folder("app/x/b.yaml").expect("a tree"), None);
    }

    #[test]
    fn folders_of_a_tree_in_memory_are_found() {
        let tree = tree("", &["a.yaml", "deploy/b.yaml", "deploy/x/c.yaml", "deployment/d.yaml"]);
        let folder = tree.folder("deploy").expect("the folder");
        let paths: Vec<&str> = folder.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["deploy/b.yaml", "deploy/x/c.yaml"]);
        assert_eq!(folder.reader().read(&folder.entries()[0]).expect("its bytes"), b"deploy/b.yaml");
        let file = tree.file("a.yaml").expect("a tree").expect("a file from outside of the folder");
        assert_eq!(file.read().expect("its bytes"), b"a.yaml");
        for missing in ["dep", "a.yaml", "deploy/y"] {
            assert!(matches!(tree.folder(missing), Err(Error::NoFolder { .. })), "{missing}");
        }
    }

    #[test]
    fn a_folder_is_all_there_is_of_it() {
        let tree = tree("deploy", &["deploy/a.yaml", "deploy/b/c.yaml"]);
        let names: Vec<_> = tree.folder("deploy").expect("the folder").names().map(str::to_owned).collect();
        assert_eq!(names, ["a.yaml"]);
        assert_eq!(tree.find("base/x.yaml").expect("a tree"), Found::Nothing);
    }
}
