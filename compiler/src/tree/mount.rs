//! Submodules in a tree: found by their paths, opened when a file below them is asked for.
//!
//! In: a [`Tree`] and a path. Out: the tree of the submodule that the path leads into. Nothing of a submodule is looked at
//! before. Where it is part of the clone at hand it is taken from there: for a working tree the working tree of the
//! submodule as it lies, for a commit the objects that `git submodule` put beside those of the repository. Otherwise
//! [`Submodules`] gets it.
//!
//! Guarantees: a submodule of a commit is exactly the commit that the tree names; submodules of submodules end at a depth of
//! [`MAX_DEPTH`], and there are at most [`MOST`] in one tree.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::joined::{below, joined, moved};
use super::submodule::{self, Named, Submodule, Submodules};
use super::whole::At;
use super::{Entry, EntryKind, Error, Found, Repository, Snapshot, Tree};

/// How deep submodules may lie in submodules.
const MAX_DEPTH: usize = 8;
/// How many submodules of one tree are opened.
const MOST: usize = 500;
/// Where a repository says where its submodules come from.
const GITMODULES: &str = ".gitmodules";

/// The submodules of a tree.
pub(super) struct Mounts {
    source: Arc<dyn Submodules>,
    /// Of the repository, for addresses that are relative to it.
    address: Option<String>,
    depth: usize,
    opened: Mutex<BTreeMap<String, Arc<Mount>>>,
}

/// A submodule that was opened.
struct Mount {
    path: String,
    tree: Tree,
    /// Whether it lies at another commit than the last commit of the repository names.
    is_moved: bool,
}

impl Tree {
    /// With its submodules, which `source` gets where they are not here. `address` is the repository's own.
    #[must_use]
    pub fn with_submodules(self, address: Option<String>, source: Arc<dyn Submodules>) -> Self {
        self.with_mounts(address, source, 0)
    }

    fn with_mounts(self, address: Option<String>, source: Arc<dyn Submodules>, depth: usize) -> Self {
        let mounts = Mounts { source, address, depth, opened: Mutex::default() };
        Self { mounts: Some(mounts), ..self }
    }

    /// A folder that is or lies in a submodule; none where it does not.
    pub(super) fn folder_of_submodule(&self, folder: &str) -> Result<Option<Snapshot>, Error> {
        let Some(mounts) = &self.mounts else { return Ok(None) };
        let Some(mount) = self.mount(mounts, folder)? else { return Ok(None) };
        let inner = mount.tree.folder(below(&mount.path, folder).unwrap_or_default());
        let inner = inner.map_err(|error| error.of_submodule(&mount.path))?;
        let dirty = inner.dirty || mount.is_moved;
        Ok(Some(moved(&mount.path, inner, self.head()?, dirty)))
    }

    /// Whether an entry is a submodule whose files are a part of this tree.
    pub(super) fn is_mounted(&self, entry: &Entry) -> bool {
        self.mounts.is_some() && entry.kind == EntryKind::Submodule && entry.oid.is_some()
    }

    /// Whether a folder is or lies in a submodule that is in a listing.
    pub(super) fn leads_into_submodule(&self, snapshot: &Snapshot, folder: &str) -> bool {
        let ends = folder.match_indices('/').map(|(end, _)| end).chain([folder.len()]);
        let mut above = ends.map(|end| snapshot.find(&folder[..end]));
        above.any(|found| matches!(found, Found::Entry(entry) if self.is_mounted(&entry)))
    }

    /// The files below a folder, with those of the submodules there whose paths are `wanted`.
    pub fn whole_folder(&self, folder: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Arc<Snapshot>, Error> {
        let outer = self.folder(folder)?;
        let is_meant = |path: &str| self.mounts.is_some() && wanted(path);
        let submodules = outer.entries().iter().filter(|entry| entry.kind == EntryKind::Submodule);
        let paths: Vec<&str> = submodules
            .filter(|entry| entry.oid.is_some() && is_meant(&entry.path))
            .map(|entry| entry.path.as_str())
            .collect();
        if paths.is_empty() {
            return Ok(outer);
        }
        let (mut inner, mut entries) = (Vec::with_capacity(paths.len()), outer.entries().len());
        for path in paths {
            let snapshot = self.whole_folder(path, wanted)?;
            entries += snapshot.entries().len();
            if entries > super::MAX_ENTRIES {
                return Err(Error::TooManyEntries { path: folder.to_owned() });
            }
            inner.push(snapshot);
        }
        joined(outer, inner).map(Arc::new)
    }

    /// The outermost submodule that a path leads into.
    fn mount(&self, mounts: &Mounts, path: &str) -> Result<Option<Arc<Mount>>, Error> {
        // One at a time: what is asked for by two threads is fetched once.
        let mut opened = mounts.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mount) = opened.values().find(|mount| below(&mount.path, path).is_some()) {
            return Ok(Some(Arc::clone(mount)));
        }
        let found = match &self.at {
            At::Commit(repository, oid) => repository.submodule_of_commit(oid, path)?,
            At::WorkingTree(repository, _) => repository.submodule_of_working_tree(path)?,
            At::Folder => None,
        };
        let Some((path, commit)) = found else { return Ok(None) };
        let refused = |reason: String| Error::Submodule { path: path.clone(), reason };
        if mounts.depth >= MAX_DEPTH {
            return Err(refused(format!("submodules lie more than {MAX_DEPTH} deep in each other")));
        }
        if opened.len() >= MOST {
            return Err(refused(format!("more than {MOST} submodules are needed")));
        }
        let mount = Arc::new(self.open(mounts, &path, commit).map_err(refused)?);
        opened.insert(path.clone(), Arc::clone(&mount));
        Ok(Some(mount))
    }

    fn open(&self, mounts: &Mounts, path: &str, commit: String) -> Result<Mount, String> {
        let path = path.to_owned();
        let within = |tree: Self, address: Option<String>| {
            let large_files = mounts.source.large_files(address.as_deref());
            tree.with_large_files(large_files).with_mounts(address, Arc::clone(&mounts.source), mounts.depth + 1)
        };
        if let At::WorkingTree(repository, memo) = &self.at
            && let Some(checkout) = repository.checkout(&path)
        {
            let (lies, named) = (checkout.oid("HEAD").ok(), repository.submodule_of_head(&path));
            let (address, checkout) = (checkout.origin(), Arc::new(checkout));
            let tree = within(Self::of_working_tree(checkout, memo.clone()), address);
            return Ok(Mount { path, tree, is_moved: lies.is_none() || lies != named });
        }
        let named = self.named(&path);
        let clone = self.clone_at_hand(&path, named.as_ref().ok(), &commit);
        let tree = if let Some(clone) = clone {
            let address = clone.origin();
            let tree = Self::of_commit(Arc::new(clone), &commit).map_err(|error| error.to_string())?;
            within(tree, address)
        } else {
            let address = submodule::address(mounts.address.as_deref(), &named?.url)?;
            let submodule = Submodule { path: path.clone(), address: address.clone(), commit: commit.clone() };
            within(mounts.source.tree(&submodule)?, Some(address))
        };
        let is_moved = match &self.at {
            At::WorkingTree(repository, _) => repository.submodule_of_head(&path).as_ref() != Some(&commit),
            At::Commit(..) | At::Folder => false,
        };
        Ok(Mount { path, tree, is_moved })
    }

    /// What the repository says of a submodule.
    fn named(&self, path: &str) -> Result<Named, String> {
        let file = match &self.at {
            At::Commit(repository, oid) => repository.file_at_root(GITMODULES, Some(oid)),
            At::WorkingTree(repository, _) => repository.file_at_root(GITMODULES, None),
            At::Folder => Ok(None),
        };
        submodule::named(&file.map_err(|error| error.to_string())?.unwrap_or_default(), path)
    }

    /// What `git submodule` cloned already, where it has the commit.
    fn clone_at_hand(&self, path: &str, named: Option<&Named>, commit: &str) -> Option<Repository> {
        let (At::Commit(repository, _) | At::WorkingTree(repository, _)) = &self.at else { return None };
        let kept = |named: &Named| Repository::open(&modules(repository).join(&named.name)).ok();
        let clones = [repository.checkout(path), named.and_then(kept)];
        clones.into_iter().flatten().find(|clone| clone.has_commit(commit))
    }
}

/// Where Git keeps clones of submodules.
fn modules(repository: &Repository) -> PathBuf {
    repository.git_directory().join("modules")
}

impl Error {
    /// The same of a submodule, with paths as they are in the repository that has it at `root`.
    pub(super) fn of_submodule(self, root: &str) -> Self {
        if root.is_empty() {
            return self;
        }
        let outer = |path: String| if path.is_empty() { root.to_owned() } else { format!("{root}/{path}") };
        match self {
            Self::NoFolder { path, place } => Self::NoFolder { path: outer(path), place },
            Self::Path { path, reason } => Self::Path { path: outer(path), reason },
            Self::TooManyEntries { path } => Self::TooManyEntries { path: outer(path) },
            Self::Object { path, oid, source } => Self::Object { path: outer(path), oid, source },
            Self::File { path, source } => Self::File { path: outer(path), source },
            Self::Submodule { path, reason } => Self::Submodule { path: outer(path), reason },
            Self::LargeFile { path, reason } => Self::LargeFile { path: outer(path), reason },
            other => other,
        }
    }
}
