//! Builds the Go modules of this package from source, each once, into a cache outside the checkout.
//!
//! In: a `Recipe`, which names a module beside `src`, and how to build it; the Go on PATH. Out: the directory in the
//! cache that holds what was built. The steps, one file each: this one finds the place in the cache, `go` runs Go,
//! `progress` tells how far it is.
//!
//! # Guarantees
//! - What is in the cache is whole: it is built beside its place and renamed into it.
//! - Two processes do not build at once; the second waits and takes what the first built.
//! - The place is named by what went in (sources, Go's version), so an old build is never taken for a new one.

mod error;
mod go;
mod progress;

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

pub use error::Error;
pub(crate) use go::{Go, source};

use progress::Progress;

/// A Go module, and what to say of it.
pub(crate) struct Recipe<'a> {
    /// The directory of the module beside `src`, and how its directories in the cache begin.
    pub(crate) module: &'static str,
    /// What decides the result beside the module's files.
    pub(crate) parts: &'a [&'a str],
    /// What is built, for who waits: `the local cluster`.
    pub(crate) what: &'static str,
    /// How long that takes, in brackets after it.
    pub(crate) cost: &'static str,
    /// What else there is to do where Go is missing, after a semicolon.
    pub(crate) otherwise: &'static str,
}

/// Returns the directory of what the recipe makes, built first by `build` where the cache does not have it.
pub(crate) fn built<E: From<Error>>(
    recipe: &Recipe,
    build: impl FnOnce(&mut Go, &Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(recipe.module);
    let cache = cache_directory().ok_or(Error::NoCache { what: recipe.what })?;
    let name = format!("{}-{}", recipe.module, digest(&sources, recipe.parts)?);
    let Some(version) = go::version(&sources) else {
        // Without Go a build from elsewhere will do, as long as it is of these sources.
        let missing = Error::Missing { what: recipe.what, otherwise: recipe.otherwise };
        return Ok(built_by_any_go(&cache, &name).ok_or(missing)?);
    };
    let place = cache.join(format!("{name}-{version}"));
    if place.is_dir() {
        return Ok(place);
    }
    fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
    let _lock = lock(&cache, recipe.what)?;
    if !place.is_dir() {
        delete_broken_off_builds(&cache);
        let building = building(&cache)?;
        let mut go = Go::new(&sources, Progress::begin(format!("building {} {}", recipe.what, recipe.cost)));
        build(&mut go, building.path())?;
        go.end();
        fs::rename(building.path(), &place).map_err(Error::file("create", &place))?;
    }
    Ok(place)
}

/// How the directories begin that are being built, or whose build was broken off.
const BROKEN_OFF: &str = "building-";

/// A directory for what is not whole yet. Held by whoever has the lock.
pub(crate) fn building(cache: &Path) -> Result<tempfile::TempDir, Error> {
    let made = tempfile::Builder::new().prefix(BROKEN_OFF).tempdir_in(cache);
    made.map_err(Error::file("create a directory in", cache))
}

/// Nobody else builds while the lock is ours, so what is there was left by a build that was killed.
fn delete_broken_off_builds(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(BROKEN_OFF) {
            // It costs room and nothing else; the next build tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Held until the file is dropped. There is one for all modules: builds take all processors anyway.
pub(crate) fn lock(cache: &Path, what: &str) -> Result<File, Error> {
    let path = cache.join("build.lock");
    let file = File::create(&path).map_err(Error::file("create", &path))?;
    let mut progress = Progress::begin(format!("waiting for another process, before building {what}"));
    loop {
        match file.try_lock() {
            Ok(()) => {
                progress.end("done");
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) => {
                progress.tick("it still builds");
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", &path)(error)),
        }
    }
}

pub(crate) fn cache_directory() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("GITOPS_CLUSTER_CACHE").or_else(|| {
        let home = || variable("HOME").map(|home| home.join(".cache"));
        Some(variable("XDG_CACHE_HOME").or_else(home)?.join("kubectl-gitops"))
    })
}

/// A short hash of what decides the result: the module's files, and the parts of the recipe.
fn digest(sources: &Path, parts: &[&str]) -> Result<String, Error> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(sources).map_err(Error::file("read", sources))? {
        let path = entry.map_err(Error::file("read", sources))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("go" | "mod" | "sum")) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        let contents = fs::read(&path).map_err(Error::file("read", &path))?;
        hasher.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hasher.update(&[0]).update(blake3::hash(&contents).as_bytes());
    }
    for part in parts {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

/// The newest build of these sources, by the name of its Go.
fn built_by_any_go(cache: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(cache).ok()?.flatten();
    let built = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(name));
    built.map(|entry| entry.path()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_follows_the_sources_and_the_parts() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        let digest = |parts: &[&str]| digest(folder.path(), parts).expect("readable");
        write("go.mod", "module x").expect("writable");
        let before = digest(&["1"]);
        write("notes.txt", "not a source").expect("writable");
        assert_eq!(digest(&["1"]), before);
        assert_ne!(digest(&["2"]), before);
        write("main.go", "package main").expect("writable");
        assert_ne!(digest(&["1"]), before);
    }

    #[test]
    fn without_go_a_build_of_the_same_sources_is_taken() {
        let cache = tempfile::tempdir().expect("a temporary directory");
        assert!(built_by_any_go(cache.path(), "cluster-aa").is_none());
        for name in ["cluster-aa-go1.26.7", "cluster-aa-go1.26.8", "cluster-bb-go1.27.0"] {
            fs::create_dir(cache.path().join(name)).expect("writable");
        }
        let found = built_by_any_go(cache.path(), "cluster-aa").expect("there are two");
        assert_eq!(found, cache.path().join("cluster-aa-go1.26.8"));
    }
}
