//! Reads real repositories, made by the `git` program: commits, working trees, links, and hostile ones.

mod commit;
mod form;
mod hostile;
mod known;
mod large;
mod links;
mod submodules;
mod traps;
mod working;

use std::path::{Path, PathBuf};

use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::compile::{self, Compilation, Sources};
use gitops_compiler::lint::Levels;
use gitops_compiler::tree::{Error, Repository, Snapshot};
use gitops_testdata::repository::RepositoryBuilder;

const FIRST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: first\n";
const SECOND: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: second\n";
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n";

/// A repository with `app/a.yaml` in one commit, and the oid of that commit.
fn example() -> (RepositoryBuilder, String) {
    let repository = RepositoryBuilder::new().expect("a repository");
    let first = repository.write("app/a.yaml", FIRST).expect("written").commit("First").expect("committed");
    (repository, first)
}

fn open(path: &Path) -> Repository {
    Repository::discover(path).expect("a repository")
}

fn working_tree(repository: &RepositoryBuilder, folder: &str) -> Snapshot {
    open(repository.path()).working_tree(folder, None).expect("a working tree")
}

fn commit(repository: &RepositoryBuilder, revision: &str, folder: &str) -> Snapshot {
    open(repository.path()).commit(revision, folder).expect("a commit")
}

/// A folder beside the repository, which is gone when the builder is.
fn beside(repository: &RepositoryBuilder, name: &str) -> PathBuf {
    repository.path().parent().expect("a home").join(name)
}

fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.entries().iter().map(|entry| entry.path.as_str()).collect()
}

fn read(snapshot: &Snapshot, path: &str) -> Result<String, Error> {
    let entry = snapshot.entries().iter().find(|entry| entry.path == path).expect("this path is listed");
    snapshot.reader().read(entry).map(|bytes| String::from_utf8(bytes).expect("text"))
}

fn refused<T>(result: Result<T, Error>) -> String {
    let error = result.err().expect("this is refused");
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

fn try_compile(snapshot: &Snapshot) -> Result<Compilation, compile::Error> {
    let directory = Directory { recurse: true, ..Directory::default() };
    let app = AppSpec::folder("app".parse().expect("a name"), Source::directory(directory));
    compile::compile(&Sources::folder(snapshot, &app), &Levels::default(), None, &mut |_| ())
}

fn compiled(snapshot: &Snapshot) -> Compilation {
    try_compile(snapshot).expect("it compiles")
}
