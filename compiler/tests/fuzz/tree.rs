//! Hostile bytes where a working tree is listed: what is remembered of its files, and its `.gitattributes`.
//!
//! In: any bytes. Out: nothing; a broken promise is a panic.

use std::cell::RefCell;
use std::path::Path;

use gitops_compiler::tree::{FileMemo, Repository};
use gitops_testdata::repository::RepositoryBuilder;

/// A working tree with a few files.
pub(crate) struct Tree {
    builder: RepositoryBuilder,
    opened: Repository,
}

/// What is remembered is always the same.
struct Remembered<'a>(&'a [u8], RefCell<Vec<u8>>);

impl FileMemo for Remembered<'_> {
    fn load(&self, _: &Path) -> Option<Vec<u8>> {
        Some(self.0.to_vec())
    }

    fn save(&self, _: &Path, bytes: &[u8]) {
        self.1.replace(bytes.to_vec());
    }
}

impl Tree {
    pub(crate) fn new() -> Self {
        let builder = RepositoryBuilder::new().expect("a repository");
        for (path, text) in [("a.yaml", "a: 1\n"), ("b.yaml", "b: 1\r\n"), ("c/d.txt", "text\n")] {
            builder.write(path, text).expect("written");
        }
        builder.commit("All").expect("committed");
        let opened = Repository::discover(builder.path()).expect("a repository");
        Self { builder, opened }
    }

    /// What is saved once the files have rested.
    pub(crate) fn remembered(&self) -> Vec<u8> {
        std::thread::sleep(std::time::Duration::from_secs(4));
        let memo = Remembered(b"", RefCell::default());
        self.opened.working_tree("", Some(&memo)).expect("a tree");
        memo.1.into_inner()
    }

    /// The same files are listed whatever is remembered of them, and what is saved is read again.
    pub(crate) fn remembers(&self, data: &[u8]) {
        let memo = Remembered(data, RefCell::default());
        let listed = self.opened.working_tree("", Some(&memo)).expect("a tree");
        let paths: Vec<&str> = listed.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["a.yaml", "b.yaml", "c/d.txt"]);
    }

    /// Whatever the attributes say, there is a listing or an error.
    pub(crate) fn has_attributes(&self, data: &[u8]) {
        self.builder.write(".gitattributes", data).expect("written");
        if let Ok(listed) = self.opened.working_tree("", None) {
            assert_eq!(listed.entries().len(), 4);
        }
    }
}
