//! Looking into a store: what is in it, and whether it is whole.
//!
//! In: a store. Out: counts, and the names of what is damaged. Looking is no use: it keeps nothing from being
//! collected.

use std::str::FromStr as _;
use std::time::Duration;

use crate::canon::{Chunk, Graph, Id, Input, Kind, Place, Recipe};

use super::count::Count;
use super::disk::{CHANGES, CHUNKS, FOLDERS, GRAPHS, INPUTS, MEMO, OUTPUTS, PLACES, TEMPORARY};
use super::files::Held;
use super::mirrors::MirrorCount;
use super::{Error, Store};

/// How long a repair waits for writers.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Graphs, whole or as changes of others.
    pub graphs: Count,
    /// Pieces of records.
    pub chunks: Count,
    /// What was fetched.
    pub inputs: Count,
    /// Remembered recipes.
    pub memo: Count,
    /// What programs wrote when they rendered.
    pub outputs: Count,
    /// Places of which something is known: the files of a working tree, or what an application was compiled to.
    pub places: Count,
    /// What is being written, or was left behind.
    pub temporary: Count,
    /// Mirrors of repositories, beside the store.
    pub mirrors: MirrorCount,
}

impl Info {
    /// All of it, mirrors included.
    #[must_use]
    pub fn total(&self) -> Count {
        let Self { graphs, chunks, inputs, memo, outputs, places, temporary, mirrors } = self;
        [graphs, chunks, inputs, memo, outputs, places, temporary].into_iter().copied().sum::<Count>() + mirrors.count()
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Files that are what their names say.
    pub whole: usize,
    /// Names of files that are not, sorted.
    pub damaged: Vec<String>,
}

impl Store {
    /// Counts what is there.
    pub fn info(&self) -> Result<Info, Error> {
        let count = |folder| -> Result<Count, Error> {
            let files = self.list(folder)?;
            Ok(Count { files: files.len(), bytes: files.iter().map(|stat| stat.bytes).sum() })
        };
        Ok(Info {
            graphs: count(GRAPHS)? + count(CHANGES)?,
            chunks: count(CHUNKS)?,
            inputs: count(INPUTS)?,
            memo: count(MEMO)?,
            outputs: count(OUTPUTS)?,
            places: count(PLACES)?,
            temporary: count(TEMPORARY)? + self.left_by_mirrors()?,
            mirrors: MirrorCount::of(&self.list_mirrors()?),
        })
    }

    /// Reads everything and compares it with its name. With `repair`, what is damaged is removed: the next compile
    /// makes it again from Git.
    pub fn verify(&self, repair: bool) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        for folder in FOLDERS {
            for stat in self.list(folder)? {
                let name = stat.name.to_string_lossy();
                let path = self.root().join(folder).join(&stat.name);
                if self.is_whole(folder, &name) {
                    verified.whole += 1;
                } else if !self.files().exists(&path) {
                    // A collector was faster.
                } else {
                    if repair {
                        let held = self.lock_for_removal(PATIENCE)?;
                        self.remove_damaged(&held, folder, &path)?;
                    }
                    verified.damaged.push(format!("{folder}/{name}"));
                }
            }
        }
        verified.damaged.sort();
        Ok(verified)
    }

    /// Somebody may have written it again while this waited for the lock.
    fn remove_damaged(&self, _held: &Held, folder: &str, path: &std::path::Path) -> Result<(), Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if self.is_whole(folder, &name) { Ok(()) } else { self.remove(path) }
    }

    fn is_whole(&self, folder: &str, name: &str) -> bool {
        fn parsed<K: Kind>(name: &str) -> Option<Id<K>> {
            Id::from_str(name).ok()
        }
        match folder {
            CHANGES => parsed::<Graph>(name).is_some_and(|id| self.look_at_changed_graph(id).is_some()),
            GRAPHS => parsed::<Graph>(name).is_some_and(|id| self.look_at_graph(id).is_some()),
            CHUNKS => parsed::<Chunk>(name).is_some_and(|id| self.look_at_chunk(id).is_some()),
            INPUTS => parsed::<Input>(name).is_some_and(|id| self.look_at_entry(INPUTS, id).is_some()),
            MEMO => parsed::<Recipe>(name).is_some_and(|id| self.look_at_entry(MEMO, id).is_some()),
            OUTPUTS => parsed::<Recipe>(name).is_some_and(|id| self.look_at_entry(OUTPUTS, id).is_some()),
            _ => parsed::<Place>(name).is_some_and(|id| self.look_at_entry(PLACES, id).is_some()),
        }
    }
}
