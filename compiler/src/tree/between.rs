//! Two commits: what they have in common, and the files in which they differ.
//!
//! In: oids. Out: a merge base; files with their bytes on both sides. Folders that are equal are not walked.

use std::collections::BTreeMap;

use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryKind as Mode;

use super::commit::{entries_of, find_folder, read_commit};
use super::repository::{parsed_oid, read_object};
use super::{Error, Repository};

/// Folders nested deeper than this are not looked into.
const DEEPEST: usize = 256;

/// A file that is not the same in two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferingFile {
    /// Its path from the root of the repository.
    pub path: String,
    /// Its bytes in the first, where it is there and not too large.
    pub old: Option<Vec<u8>>,
    /// Its bytes in the second, likewise.
    pub new: Option<Vec<u8>>,
}

impl Repository {
    /// The oid of the commit that a revision names; tags are followed.
    pub fn commit_oid(&self, revision: &str) -> Result<String, Error> {
        let repository = self.inner.to_thread_local();
        let (commit, _) = read_commit(&repository, parsed_oid(&self.oid(revision)?)?)?;
        Ok(commit.oid)
    }

    /// The best commit that both come from; none where they have no history in common.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Error> {
        let repository = self.inner.to_thread_local();
        let (first, second) = (parsed_oid(one)?, parsed_oid(other)?);
        let found = repository.merge_base(first, second).map_err(|error| Error::Object {
            path: "the history".to_owned(),
            oid: one.to_owned(),
            source: error.to_string().into(),
        })?;
        Ok(found.map(|id| id.to_string()))
    }

    /// The files below a folder in which two commits differ, sorted by path, at most `most`; the bytes of larger ones than
    /// `largest` are left out.
    pub fn differing(
        &self,
        [old, new]: [&str; 2],
        folder: &str,
        most: usize,
        largest: u64,
    ) -> Result<Vec<DifferingFile>, Error> {
        let repository = self.inner.to_thread_local();
        let tree = |oid: &str| -> Result<Option<ObjectId>, Error> {
            let (_, root) = read_commit(&repository, parsed_oid(oid)?)?;
            match find_folder(&repository, root, folder, "") {
                Err(Error::NoFolder { .. }) => Ok(None),
                found => found.map(Some),
            }
        };
        let mut pending = vec![(tree(old)?, tree(new)?, folder.to_owned(), 0)];
        let mut found = Vec::new();
        while let Some((old, new, prefix, depth)) = pending.pop() {
            if old == new || depth > DEEPEST {
                continue;
            }
            let entries = |tree: Option<ObjectId>| match tree {
                None => Ok(Vec::new()),
                Some(tree) => entries_of(&read_object(&repository, tree, Kind::Tree, &prefix)?, tree, &prefix),
            };
            let mut names: BTreeMap<String, [Option<(Mode, ObjectId)>; 2]> = BTreeMap::new();
            for (side, tree) in [old, new].into_iter().enumerate() {
                for (name, mode, oid) in entries(tree)? {
                    names.entry(name).or_default()[side] = Some((mode, oid));
                }
            }
            for (name, sides) in names {
                let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                let of = |wanted: fn(Mode) -> bool| {
                    sides.map(|side| side.filter(|(mode, _)| wanted(*mode)).map(|(_, oid)| oid))
                };
                let [old, new] = of(|mode| mode == Mode::Tree);
                if old != new {
                    pending.push((old, new, path.clone(), depth + 1));
                }
                let [old, new] = of(|mode| matches!(mode, Mode::Blob | Mode::BlobExecutable));
                if old == new {
                    continue;
                }
                if found.len() >= most {
                    return Ok(sorted(found));
                }
                let bytes = |oid: Option<ObjectId>| -> Result<Option<Vec<u8>>, Error> {
                    let small =
                        oid.filter(|oid| repository.find_header(*oid).is_ok_and(|header| header.size() <= largest));
                    small.map(|oid| read_object(&repository, oid, Kind::Blob, &path)).transpose()
                };
                let (old, new) = (bytes(old)?, bytes(new)?);
                found.push(DifferingFile { path, old, new });
            }
        }
        Ok(sorted(found))
    }
}

fn sorted(mut found: Vec<DifferingFile>) -> Vec<DifferingFile> {
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}
