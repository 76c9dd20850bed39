//! Builds the programs of the cluster from source, once.
//!
//! In: the Go module `testdata/cluster`. Out: an [`Installation`]: `controlplane` under the names of the five programs
//! it is, `kwok`, and kwok's own stages. What [`crate::golang`] guarantees of a build holds for it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::components::PROGRAMS;
use super::error::Error;
use super::stages;
use crate::golang::{self, Go, Recipe};

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
    let parts: Vec<&str> = stages::UPSTREAM.into_iter().chain(PROGRAMS).chain([KUBERNETES_VERSION]).collect();
    let recipe = Recipe {
        module: "cluster",
        parts: &parts,
        what: "the local cluster",
        cost: "(Kubernetes from source; once; 10 minutes on 2 cores)",
        otherwise: "; or name a cluster with --kubeconfig",
    };
    Ok(Installation { directory: golang::built(&recipe, build_into)? })
}

/// Builds into an empty directory.
fn build_into(go: &mut Go, place: &Path) -> Result<(), Error> {
    let version = "k8s.io/component-base/version";
    let link =
        format!("-s -w -X {version}.gitVersion={KUBERNETES_VERSION} -X {version}.gitMajor=1 -X {version}.gitMinor=37");
    let target = |name: &str| place.join(name).display().to_string();
    go.build(&["-ldflags", &link, "-o", &target("controlplane"), "."])?;
    go.build(&["-ldflags", "-s -w", "-o", &target("kwok"), &format!("{KWOK}/cmd/kwok")])?;
    let kwok = go.output(&["list", "-m", "-f", "{{.Dir}}", KWOK])?;

    for program in PROGRAMS {
        let link = place.join(program);
        symlink("controlplane", &link).map_err(Error::file("link", &link))?;
    }
    let stages = place.join("stages");
    fs::create_dir(&stages).map_err(Error::file("create", &stages))?;
    for stage in stages::UPSTREAM {
        let from = Path::new(kwok.trim()).join("kustomize/stage").join(stage);
        let to = stages.join(stages::file_name(stage));
        fs::copy(&from, to).map_err(Error::file("copy", &from))?;
    }
    Ok(())
}
