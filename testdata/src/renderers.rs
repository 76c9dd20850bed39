//! The programs that render, as their authors make them, for tests: Helm, built from source once; Kustomize is in the
//! kubectl of the local cluster.
//!
//! In: the Go module `testdata/renderers`. Out: the path of the program. What [`crate::golang`] guarantees of a build holds
//! for it.

use std::path::PathBuf;

use crate::golang::{self, Error, Recipe};

/// The program Helm, built first where the cache does not have it.
///
/// # Errors
/// Where Go is missing, or the build fails.
pub fn helm() -> Result<PathBuf, Error> {
    let recipe = Recipe {
        module: "renderers",
        parts: &[],
        what: "Helm",
        cost: "(once; 4 minutes on 2 cores)",
        otherwise: "",
    };
    let directory = golang::built(&recipe, |go, place| -> Result<(), Error> {
        let target = place.join("helm").display().to_string();
        go.build(&["-ldflags", "-s -w", "-o", &target, "helm.sh/helm/v4/cmd/helm"])
    })?;
    Ok(directory.join("helm"))
}
