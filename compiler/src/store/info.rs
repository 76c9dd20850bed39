//! Looking after a store: what is in it, whether it is whole, and throwing away what nothing needs.

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use crate::canon::{Chunk, Graph, Id, Kind, Place, Recipe};

use super::{Error, Store};

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Graphs.
    pub graphs: usize,
    /// Pieces of records.
    pub chunks: usize,
    /// Remembered recipes.
    pub memo_entries: usize,
    /// Folders of working trees whose files are known.
    pub places: usize,
    /// Size of all files.
    pub bytes: u64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Files that are what their names say.
    pub whole: usize,
    /// Names of files that are not.
    pub damaged: Vec<String>,
}

/// What a collection removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collected {
    /// Files removed.
    pub removed: usize,
    /// Their size.
    pub bytes: u64,
}

const FOLDERS: [&str; 4] = ["graphs", "chunks", "memo", "places"];

impl Store {
    /// Counts what is there.
    pub fn info(&self) -> Result<Info, Error> {
        let mut info = Info::default();
        let counts = [&mut info.graphs, &mut info.chunks, &mut info.memo_entries, &mut info.places];
        for (folder, count) in FOLDERS.into_iter().zip(counts) {
            for (_, metadata) in self.files(folder)? {
                *count += 1;
                info.bytes += metadata.len();
            }
        }
        Ok(info)
    }

    /// Reads everything and compares it with its name. With `repair`, what is damaged is removed: the next compile
    /// makes it again from Git.
    pub fn verify(&self, repair: bool) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        for folder in FOLDERS {
            for (name, _) in self.files(folder)? {
                let whole = match folder {
                    "graphs" => parsed::<Graph>(&name).is_some_and(|id| self.graph(id).is_some()),
                    "chunks" => parsed::<Chunk>(&name).is_some_and(|id| self.chunk(id).is_some()),
                    "memo" => parsed::<Recipe>(&name).is_some_and(|id| self.memo(id).is_some()),
                    _ => parsed::<Place>(&name).is_some_and(|id| self.place(id).is_some()),
                };
                if whole {
                    verified.whole += 1;
                } else {
                    if repair {
                        remove(&self.root().join(folder).join(&name))?;
                    }
                    verified.damaged.push(format!("{folder}/{name}"));
                }
            }
        }
        verified.damaged.sort();
        Ok(verified)
    }

    /// Removes what was not written within `age`, and temporary files of processes that died (older than a day).
    /// Everything can be made again, from Git or from the record in the cluster.
    pub fn collect(&self, age: Duration) -> Result<Collected, Error> {
        let day = Duration::from_hours(24);
        let mut collected = Collected::default();
        for (folder, limit) in FOLDERS.into_iter().map(|folder| (folder, age)).chain([("tmp", day)]) {
            for (name, metadata) in self.files(folder)? {
                let old = metadata.modified().ok().and_then(|time| time.elapsed().ok()).is_some_and(|old| old >= limit);
                if old {
                    remove(&self.root().join(folder).join(name))?;
                    collected.removed += 1;
                    collected.bytes += metadata.len();
                }
            }
        }
        Ok(collected)
    }

    fn files(&self, folder: &str) -> Result<Vec<(String, fs::Metadata)>, Error> {
        let path = self.root().join(folder);
        let failed = |source| Error { path: path.clone(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Another process may have removed it in the meantime.
            if let Ok(metadata) = entry.metadata() {
                files.push((entry.file_name().to_string_lossy().into_owned(), metadata));
            }
        }
        Ok(files)
    }
}

fn parsed<K: Kind>(name: &str) -> Option<Id<K>> {
    Id::from_str(name).ok()
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error { path: path.to_owned(), source }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_found_and_repaired_and_old_files_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        store.put_chunk(b"one").expect("written");
        store.put_chunk(b"two").expect("written");
        fs::write(store.path("chunks", Id::<Chunk>::of(b"one")), b"none").expect("written");
        let verified = store.verify(true).expect("verified");
        assert_eq!((verified.whole, verified.damaged.len()), (1, 1));
        assert_eq!(store.verify(false).expect("verified").damaged.len(), 0);
        assert_eq!(store.collect(Duration::from_hours(1)).expect("collected").removed, 0);
        assert_eq!(store.collect(Duration::ZERO).expect("collected").removed, 1);
        assert_eq!(store.info().expect("info").chunks, 0);
    }
}
