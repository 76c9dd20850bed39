//! Builds the programs of the cluster from source, once, into a cache outside the checkout.
//!
//! In: the Go module `testdata/cluster` and the Go on PATH. Out: an [`Installation`]: `controlplane` under the names
//! of the five programs it is, `kwok`, and kwok's own stages.
//!
//! # Guarantees
//! - What is in the cache is whole: it is built beside its place and renamed into it.
//! - Two processes do not build at once; the second waits and takes what the first built.
//! - The place is named by what went in (sources, Go's version), so an old build is never taken for a new one.

use std::env;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::components::PROGRAMS;
use super::error::Error;
use super::go::{self, Go};
use super::progress::Progress;
use super::stages;

/// The version that the programs tell, and kubectl compares with the server's.
pub(super) const KUBERNETES_VERSION: &str = "v1.37.2";
/// The module, package and directory of kwok.
const KWOK: &str = "sigs.k8s.io/kwok";

/// The programs of the cluster, built.
#[derive(Clone, Debug)]
pub struct Installation {
    directory: PathBuf,
}

impl Installation {
    /// The kubectl of the cluster's own version, the one that tests and the demo compare with.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.program("kubectl")
    }

    /// Where all of it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One of the programs by its name.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where kwok's own stages are.
    pub(super) fn stages(&self) -> PathBuf {
        self.directory.join("stages")
    }
}

/// Returns the installation, built first where the cache does not have it.
///
/// # Errors
/// Where Go is missing, or the build fails.
pub fn build() -> Result<Installation, Error> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster");
    let (cache, name) = (cache_directory()?, format!("cluster-{}", digest(&sources)?));
    let Some(version) = go::version(&sources) else {
        // Without Go a build from elsewhere will do, as long as it is of these sources.
        return built_by_any_go(&cache, &name).ok_or(Error::GoMissing);
    };
    let directory = cache.join(format!("{name}-{version}"));
    let installation = Installation { directory };
    if installation.directory.is_dir() {
        return Ok(installation);
    }
    fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
    let _lock = lock(&cache)?;
    if !installation.directory.is_dir() {
        build_into(&sources, &cache, &installation.directory)?;
    }
    Ok(installation)
}

/// Builds beside `place`, then renames into it. The caller holds the lock.
fn build_into(sources: &Path, cache: &Path, place: &Path) -> Result<(), Error> {
    delete_broken_off_builds(cache);
    let building = tempfile::Builder::new()
        .prefix(BROKEN_OFF)
        .tempdir_in(cache)
        .map_err(Error::file("create a directory in", cache))?;
    let title = format!("building Kubernetes {KUBERNETES_VERSION} (once; 10 minutes on 2 cores)");
    let mut go = Go::new(sources, Progress::begin(title));
    let version = "k8s.io/component-base/version";
    let link =
        format!("-s -w -X {version}.gitVersion={KUBERNETES_VERSION} -X {version}.gitMajor=1 -X {version}.gitMinor=37");
    let target = |name: &str| building.path().join(name).display().to_string();
    go.build(&["-ldflags", &link, "-o", &target("controlplane"), "."])?;
    go.build(&["-ldflags", "-s -w", "-o", &target("kwok"), &format!("{KWOK}/cmd/kwok")])?;
    let kwok = go.output(&["list", "-m", "-f", "{{.Dir}}", KWOK])?;
    go.end();

    for program in PROGRAMS {
        let link = building.path().join(program);
        symlink("controlplane", &link).map_err(Error::file("link", &link))?;
    }
    let stages = building.path().join("stages");
    fs::create_dir(&stages).map_err(Error::file("create", &stages))?;
    for stage in stages::UPSTREAM {
        let from = Path::new(kwok.trim()).join("kustomize/stage").join(stage);
        let to = stages.join(stages::file_name(stage));
        fs::copy(&from, to).map_err(Error::file("copy", &from))?;
    }
    fs::rename(building.path(), place).map_err(Error::file("create", place))
}

/// How the directories begin that are being built, or whose build was broken off.
const BROKEN_OFF: &str = "building-";

/// Nobody else builds while the lock is ours, so what is there was left by a build that was killed.
fn delete_broken_off_builds(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(BROKEN_OFF) {
            // It costs room and nothing else; the next build tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Held until the file is dropped.
fn lock(cache: &Path) -> Result<File, Error> {
    let path = cache.join("build.lock");
    let file = File::create(&path).map_err(Error::file("create", &path))?;
    let mut progress = Progress::begin("waiting for another process that builds the cluster");
    loop {
        match file.try_lock() {
            Ok(()) => {
                progress.end("done");
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) => {
                progress.tick("still at it");
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", &path)(error)),
        }
    }
}

fn cache_directory() -> Result<PathBuf, Error> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("GITOPS_CLUSTER_CACHE")
        .or_else(|| {
            let home = || variable("HOME").map(|home| home.join(".cache"));
            Some(variable("XDG_CACHE_HOME").or_else(home)?.join("kubectl-gitops"))
        })
        .ok_or(Error::NoCache)
}

/// A short hash of what decides the installation: the module's files, and the lists here of what it consists of.
fn digest(sources: &Path) -> Result<String, Error> {
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
    for part in stages::UPSTREAM.iter().chain(&PROGRAMS).chain([&KUBERNETES_VERSION]) {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

/// The newest installation of these sources, by the name of its Go.
fn built_by_any_go(cache: &Path, name: &str) -> Option<Installation> {
    let entries = fs::read_dir(cache).ok()?.flatten();
    let built = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(name));
    built.map(|entry| entry.path()).max().map(|directory| Installation { directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_follows_the_sources() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        let digest = || digest(folder.path()).expect("readable");
        write("go.mod", "module x").expect("writable");
        let before = digest();
        write("notes.txt", "not a source").expect("writable");
        assert_eq!(digest(), before);
        write("main.go", "package main").expect("writable");
        assert_ne!(digest(), before);
    }

    #[test]
    fn without_go_a_build_of_the_same_sources_is_taken() {
        let cache = tempfile::tempdir().expect("a temporary directory");
        assert!(built_by_any_go(cache.path(), "cluster-aa").is_none());
        for name in ["cluster-aa-go1.26.7", "cluster-aa-go1.26.8", "cluster-bb-go1.27.0"] {
            fs::create_dir(cache.path().join(name)).expect("writable");
        }
        let found = built_by_any_go(cache.path(), "cluster-aa").expect("there are two");
        assert_eq!(found.directory, cache.path().join("cluster-aa-go1.26.8"));
    }
}
