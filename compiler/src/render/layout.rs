//! The files of one render: all that its renderer can read, and so all that its output can depend on.
//!
//! In: files of trees, and files that we write ourselves, under the paths where the renderer finds them. Out: the id of
//! all of it, which is part of the recipe, and on demand the files themselves in a folder.
//! Guarantees: paths stay inside the folder; what is written there is what was hashed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::canon::{Encoder, Id};
use crate::tree::{Error, File, parent};

/// How many bytes the files of one render may have together: 1 GiB.
const MOST_BYTES: usize = 1 << 30;

/// The files of a render, by their paths from its root, with `/`.
#[derive(Default)]
pub struct Layout {
    files: BTreeMap<String, Content>,
}

enum Content {
    /// As it is in a tree.
    File(File),
    /// Written by us.
    Bytes(Vec<u8>),
}

/// Why files could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file cannot be read from its tree.
    #[error(transparent)]
    Tree(#[from] Error),
    /// There are too many bytes.
    #[error("a render would take more than {} MiB of files", MOST_BYTES >> 20)]
    TooLarge,
    /// A file cannot be written.
    #[error("cannot lay out `{path}`")]
    Write {
        /// The file's path in the layout.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Layout {
    /// Adds a file of a tree. A path that is there already keeps what it has.
    pub fn add(&mut self, path: &str, file: File) {
        debug_assert!(is_inside(path), "{path}");
        self.files.entry(path.to_owned()).or_insert(Content::File(file));
    }

    /// Adds a file of ours, instead of what may be there.
    pub fn put(&mut self, path: &str, bytes: Vec<u8>) {
        debug_assert!(is_inside(path), "{path}");
        self.files.insert(path.to_owned(), Content::Bytes(bytes));
    }

    /// The paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether there is a file at a path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The innermost folder that holds all files and `folder`.
    #[must_use]
    pub fn common_folder(&self, folder: &str) -> String {
        let mut common: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for path in self.files.keys() {
            let folders = parent(path);
            let same = common.iter().zip(folders.split('/')).take_while(|(left, right)| *left == right).count();
            common.truncate(same);
        }
        common.join("/")
    }

    /// Makes a folder that holds all files the root.
    pub fn strip(&mut self, folder: &str) {
        if folder.is_empty() {
            return;
        }
        let files = std::mem::take(&mut self.files);
        let below = |path: String| {
            path.strip_prefix(folder).map(|below| below.trim_start_matches('/').to_owned()).unwrap_or(path)
        };
        self.files = files.into_iter().map(|(path, content)| (below(path), content)).collect();
    }

    /// The bytes of a file; `None` where there is none.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Result<Vec<u8>, Error>> {
        self.files.get(path).map(|content| match content {
            Content::File(file) => file.read(),
            Content::Bytes(bytes) => Ok(bytes.clone()),
        })
    }

    /// Takes all files of another layout into a folder.
    pub fn take(&mut self, folder: &str, other: Self) {
        debug_assert!(is_inside(folder), "{folder}");
        self.files.extend(other.files.into_iter().map(|(path, content)| (format!("{folder}/{path}"), content)));
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The id of all paths and bytes. Files of a commit are not read for it: their oids were checked when they were read
    /// first; and what Git LFS keeps is not fetched for it: its pointer pins it.
    pub fn id(&self) -> Result<Id<crate::canon::Layout>, Error> {
        let mut encoder = Encoder::new();
        encoder.list(self.files.len());
        for (path, content) in &self.files {
            encoder.list(2);
            encoder.text(path);
            match content {
                Content::File(file) => match file.entry.identity() {
                    Some(identity) => encoder.raw(&identity),
                    None => encoder.raw(blake3::hash(&file.read()?).as_bytes()),
                },
                Content::Bytes(bytes) => encoder.raw(blake3::hash(bytes).as_bytes()),
            }
        }
        Ok(Id::of(&encoder.finish()))
    }

    /// Has what Git LFS keeps of these files got together, before they are read one by one.
    pub fn prepare(&self) {
        File::prepare(self.files.values().filter_map(|content| match content {
            Content::File(file) => Some(file),
            Content::Bytes(_) => None,
        }));
    }

    /// Writes all files below a folder that is there.
    pub fn write(&self, folder: &Path) -> Result<(), WriteError> {
        self.prepare();
        write_all(folder, self.files.iter())
    }

    /// The same, from the last file to the first: folders then list them in another order, on file systems that remember it.
    pub fn write_backwards(&self, folder: &Path) -> Result<(), WriteError> {
        self.prepare();
        write_all(folder, self.files.iter().rev())
    }
}

fn write_all<'l>(folder: &Path, files: impl Iterator<Item = (&'l String, &'l Content)>) -> Result<(), WriteError> {
    let mut left = MOST_BYTES;
    for (path, content) in files {
        let bytes = write(folder, path, content)?;
        left = left.checked_sub(bytes).ok_or(WriteError::TooLarge)?;
    }
    Ok(())
}

/// Gives the number of bytes.
fn write(folder: &Path, path: &str, content: &Content) -> Result<usize, WriteError> {
    let place = folder.join(path);
    let written = |source| WriteError::Write { path: path.to_owned(), source };
    if let Some(parent) = place.parent() {
        std::fs::create_dir_all(parent).map_err(written)?;
    }
    let read;
    let bytes = match content {
        Content::File(file) => {
            read = file.read()?;
            &read
        }
        Content::Bytes(bytes) => bytes,
    };
    std::fs::write(&place, bytes).map_err(written)?;
    Ok(bytes.len())
}

/// Whether a path stays below the folder that it is joined to.
fn is_inside(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_was_moved_as_a_whole_is_the_same() {
        let id = |prefix: &str| {
            let mut layout = Layout::default();
            for path in ["base/a.yaml", "app/b.yaml"] {
                layout.put(&format!("{prefix}{path}"), Vec::new());
            }
            let common = layout.common_folder(&format!("{prefix}app"));
            layout.strip(&common);
            (common, layout.id().expect("an id"))
        };
        let (top, deep) = (id(""), id("x/y/"));
        assert_eq!((top.0.as_str(), deep.0.as_str()), ("", "x/y"));
        assert_eq!(top.1, deep.1);
    }

    #[test]
    fn the_id_is_that_of_paths_and_bytes() {
        let id = |files: &[(&str, &str)]| {
            let mut layout = Layout::default();
            for (path, bytes) in files {
                layout.put(path, bytes.as_bytes().to_vec());
            }
            layout.id().expect("an id")
        };
        assert_eq!(id(&[("a", "1"), ("b", "2")]), id(&[("b", "2"), ("a", "1")]));
        assert_ne!(id(&[("a", "1")]), id(&[("a", "2")]));
        assert_ne!(id(&[("a", "1")]), id(&[("b", "1")]));
    }
}
