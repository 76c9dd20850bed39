//! Helm, as its users have it: a renderer to run, and to compare with.
//!
//! In: nothing. Out: the path of the program, static. The Go module `testdata/helm` says which version; what
//! [`crate::golang`] guarantees of a build holds for it.

use std::path::PathBuf;

use crate::golang::{self, Error, Recipe};

/// Returns the program, built first where the cache does not have it.
///
/// # Errors
/// Where Go is missing, or the build fails.
pub fn build() -> Result<PathBuf, Error> {
    let recipe = Recipe {
        module: "helm",
        parts: &[],
        what: "Helm",
        cost: "(from source; once; 3 minutes on 2 cores)",
        otherwise: "",
    };
    let directory = golang::built(&recipe, |go, place| {
        let program = place.join("helm").display().to_string();
        go.build(&["-ldflags", "-s -w", "-o", &program, "helm.sh/helm/v4/cmd/helm"])
    })?;
    Ok(directory.join("helm"))
}
