//! Which commits of other repositories a repository names, and which of those are on this machine.
//!
//! In: a repository, a path. Out: the path of the first submodule on the way and its commit; the clone that lies there. What a
//! repository says of them is data: a clone is looked for exactly where `git submodule` puts it, never behind a link.

use std::path::PathBuf;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::index::entry::{Flags, Mode};
use gix::objs::Kind;

use super::repository::parsed_oid;
use super::working::is_folder;
use super::{Error, Repository, commit};

impl Repository {
    /// The first submodule on the way to a path in a commit: its path and its commit.
    pub(super) fn submodule_of_commit(&self, oid: &str, path: &str) -> Result<Option<(String, String)>, Error> {
        if path.is_empty() {
            return Ok(None);
        }
        let repository = self.inner.to_thread_local();
        let (_, tree) = commit::read_commit(&repository, parsed_oid(oid)?)?;
        Ok(commit::find_submodule(&repository, tree, path)?.map(|(path, commit)| (path, commit.to_string())))
    }

    /// The same of the working tree: what the index has, where it was not deleted.
    pub(super) fn submodule_of_working_tree(&self, path: &str) -> Result<Option<(String, String)>, Error> {
        let repository = self.inner.to_thread_local();
        let Some(root) = repository.workdir() else { return Ok(None) };
        let index = repository.index_or_empty().map_err(|error: gix::Error| Error::List(error.into()))?;
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        for folder in ends.map(|end| &path[..end]).filter(|folder| !folder.is_empty()) {
            let entry = index.entry_by_path(folder.as_bytes().as_bstr()).filter(|entry| entry.mode == Mode::COMMIT);
            let Some(entry) = entry else { continue };
            let is_there = is_folder(root, folder) || entry.flags.contains(Flags::SKIP_WORKTREE);
            return Ok(is_there.then(|| (folder.to_owned(), entry.id.to_string())));
        }
        Ok(None)
    }

    /// The commit that the last commit names for a submodule at exactly this path.
    pub(super) fn submodule_of_head(&self, path: &str) -> Option<String> {
        let (found, commit) = self.submodule_of_commit(&self.oid("HEAD").ok()?, path).ok()??;
        (found == path).then_some(commit)
    }

    /// The clone whose working tree lies at a path.
    pub(super) fn checkout(&self, path: &str) -> Option<Self> {
        let root = self.root()?;
        let place = root.join(path);
        // Without `.git` it would be this repository again.
        let is_checkout = is_folder(&root, path) && place.join(".git").symlink_metadata().is_ok();
        if is_checkout { Self::open(&place).ok() } else { None }
    }

    /// Whether it has a commit.
    #[must_use]
    pub fn has_commit(&self, oid: &str) -> bool {
        let repository = self.inner.to_thread_local();
        let is_commit = |id: ObjectId| repository.find_header(id).is_ok_and(|header| header.kind() == Kind::Commit);
        ObjectId::from_hex(oid.as_bytes()).is_ok_and(|id| id.kind() == repository.object_hash() && is_commit(id))
    }

    /// Where Git keeps what belongs to this working tree.
    pub(super) fn git_directory(&self) -> PathBuf {
        self.inner.to_thread_local().git_dir().to_owned()
    }
}
