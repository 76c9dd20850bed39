//! Real files: those of the Git bundles below `GITOPS_CORPUS`, or below `shared/corpus` beside the checkout.
//!
//! The corpus is no part of the product: where it is absent, the test says so and passes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Result;

/// Where a part of the corpus is.
pub(crate) fn part(of: &str) -> PathBuf {
    let root = std::env::var_os("GITOPS_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")), PathBuf::from);
    root.join(of)
}

/// Where the bundles are.
pub(crate) fn directory() -> PathBuf {
    part("git")
}

/// The bundles, if there are any.
pub(crate) fn find() -> Option<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory()).ok()?.flatten().map(|entry| entry.path());
    let mut bundles: Vec<_> = entries.filter(|path| path.extension() == Some(OsStr::new("bundle"))).collect();
    bundles.sort();
    (!bundles.is_empty()).then_some(bundles)
}

/// A bare clone of a bundle.
pub(crate) fn clone(bundle: &Path) -> Result<TempDir> {
    let clone = tempfile::tempdir()?;
    git(clone.path(), &["clone".as_ref(), "--quiet".as_ref(), "--bare".as_ref(), bundle.as_ref(), ".".as_ref()], b"")?;
    Ok(clone)
}

/// The distinct files with the names of manifests: those of HEAD, or of all commits.
pub(crate) fn files(bundle: &Path, of_all_commits: bool) -> Result<Vec<(String, Vec<u8>)>> {
    let clone = clone(bundle)?;
    let which = if of_all_commits { "--all" } else { "HEAD^{tree}" };
    let listed = git(clone.path(), &["rev-list", "--objects", which].map(OsStr::new), b"")?;
    let named = String::from_utf8_lossy(&listed);
    let is_manifest = |path: &str| [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end));
    let manifests = named.lines().filter_map(|line| line.split_once(' ')).filter(|(_, path)| is_manifest(path));
    let paths: BTreeMap<&str, &str> = manifests.collect();
    let wanted: String = paths.keys().flat_map(|id| [id, "\n"]).collect();
    let mut contents = git(clone.path(), &["cat-file", "--batch"].map(OsStr::new), wanted.as_bytes())?;
    let mut files = Vec::new();
    while !contents.is_empty() {
        let end = contents.iter().position(|byte| *byte == b'\n').ok_or("no line of an object")?;
        let header = String::from_utf8(contents.drain(..=end).collect())?;
        let mut words = header.split_whitespace();
        let (id, kind, size) = (words.next().unwrap_or_default(), words.next(), words.next());
        let size: usize = size.ok_or("no size of an object")?.parse()?;
        let content: Vec<u8> = contents.drain(..size).collect();
        contents.drain(..1);
        if kind == Some("blob") {
            files.push((format!("{id} {}", paths.get(id).unwrap_or(&"")), content));
        }
    }
    Ok(files)
}

/// Runs Git with nothing of the user's environment but PATH, and returns what it printed.
fn git(directory: &Path, arguments: &[&OsStr], input: &[u8]) -> Result<Vec<u8>> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(directory).env_clear().env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", directory);
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| "the writer panicked")??;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("git {arguments:?}: {}", output.status).into())
    }
}
