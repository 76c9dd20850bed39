//! The repository as the checks see it: its root, its files as Git knows them, its packages as Cargo does.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::environment;
use super::failure::Failure;
use super::job::Job;

/// The root of the repository.
pub(super) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// A command at the root, in a clean environment.
pub(super) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    environment::clean(&mut command);
    command
}

/// A command of Cargo, the one that runs this program.
pub(super) fn cargo(arguments: &[&str]) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// The files of the repository that Git has or would add, by their path from the root, sorted.
pub(super) fn files(job: &mut Job<'_>) -> Result<Vec<String>, Failure> {
    let mut git = command("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = job.output(git)?;
    let is_there = |path: &&str| root().join(path).symlink_metadata().is_ok();
    let mut files: Vec<String> = listed.split_terminator('\0').filter(is_there).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// What Cargo says of the workspace and of all that it depends on.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    pub(super) workspace_members: Vec<String>,
    pub(super) resolve: Resolve,
}

/// A package, of ours or of others.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    pub(super) license_file: Option<PathBuf>,
    /// Where it is from; none for ours.
    pub(super) source: Option<String>,
    pub(super) manifest_path: PathBuf,
    pub(super) targets: Vec<Target>,
}

/// A library, a program or a group of tests.
#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: Vec<String>,
    pub(super) src_path: PathBuf,
    /// Whether `cargo test` runs it.
    pub(super) test: bool,
}

impl Target {
    /// Whether it is a file of `tests/`.
    pub(super) fn is_integration_test(&self) -> bool {
        self.kind.iter().any(|kind| kind == "test")
    }
}

/// Who depends on whom.
#[derive(Debug, Deserialize)]
pub(super) struct Resolve {
    pub(super) nodes: Vec<Node>,
}

/// The dependencies of one package, by id.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) dependencies: Vec<String>,
}

impl Metadata {
    /// Asks Cargo, which may have to download what it has never seen.
    pub(super) fn read(job: &mut Job<'_>) -> Result<Self, Failure> {
        let text = job.output(cargo(&["metadata", "--locked", "--format-version", "1"]))?;
        serde_json::from_str(&text).map_err(|error| Failure::unreadable("Cargo's metadata")(error.into()))
    }

    /// The packages of this repository.
    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// All packages by id.
    pub(super) fn by_id(&self) -> BTreeMap<&str, &Package> {
        self.packages.iter().map(|package| (package.id.as_str(), package)).collect()
    }

    /// The names of the files of `tests/` of one of our packages.
    pub(super) fn integration_tests(&self, package: &str) -> Vec<&str> {
        let members = self.members().filter(|member| member.name == package);
        let targets = members.flat_map(|member| &member.targets);
        targets.filter(|target| target.is_integration_test()).map(|target| target.name.as_str()).collect()
    }
}
