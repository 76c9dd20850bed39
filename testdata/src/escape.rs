//! A program that tries to get out of a sandbox, or to use it up: what a hostile renderer would do.
//!
//! In: nothing. Out: the path of the program, static and in Go as the renderers are; its first argument names the attempt,
//! and `list` lists them. Its source is `testdata/escape`; what [`crate::golang`] guarantees of a build holds for it.

use std::path::PathBuf;

use crate::golang::{self, Error, Recipe};

/// Returns the program, built first where the cache does not have it.
///
/// # Errors
/// Where Go is missing, or the build fails.
pub fn build() -> Result<PathBuf, Error> {
    let recipe = Recipe {
        module: "escape",
        parts: &[],
        what: "the program that tries to escape",
        cost: "(once; seconds)",
        otherwise: "",
    };
    let directory = golang::built(&recipe, |go, place| {
        let program = place.join("escape").display().to_string();
        go.build(&["-ldflags", "-s -w", "-o", &program, "."])
    })?;
    Ok(directory.join("escape"))
}
