//! cosign, as its users have it: to sign what is verified here, and to verify what is signed here.
//!
//! In: nothing. Out: the path of the program, static. The Go module `testdata/cosign` says which version; what
//! [`crate::golang`] guarantees of a build holds for it.

use std::path::PathBuf;

use crate::golang::{self, Error, Recipe};

/// Returns the program, built first where the cache does not have it.
///
/// # Errors
/// Where Go is missing, or the build fails.
pub fn build() -> Result<PathBuf, Error> {
    let recipe = Recipe {
        module: "cosign",
        parts: &[],
        what: "cosign",
        cost: "(from source; once; 3 minutes on 2 cores)",
        otherwise: "",
    };
    let directory = golang::built(&recipe, |go, place| {
        let program = place.join("cosign").display().to_string();
        go.build(&["-ldflags", "-s -w", "-o", &program, "github.com/sigstore/cosign/v3/cmd/cosign"])
    })?;
    Ok(directory.join("cosign"))
}
