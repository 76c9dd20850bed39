//! SOPS, as its users have it, and the program that makes keys of age: to encrypt what is to be decrypted.
//!
//! In: nothing. Out: the paths of the programs, static. The Go module `testdata/sops` says which versions; what
//! [`crate::golang`] guarantees of a build holds for them.

use std::path::PathBuf;

use crate::golang::{self, Error, Recipe};

/// The programs.
#[derive(Debug, Clone)]
pub struct Programs {
    /// SOPS.
    pub sops: PathBuf,
    /// Prints a new key of age.
    pub age_keygen: PathBuf,
}

/// Returns the programs, built first where the cache does not have them.
///
/// # Errors
/// Where Go is missing, or the build fails.
pub fn build() -> Result<Programs, Error> {
    let recipe = Recipe {
        module: "sops",
        parts: &[],
        what: "SOPS",
        cost: "(from source; once; 3 minutes on 2 cores)",
        otherwise: "",
    };
    let directory = golang::built(&recipe, |go, place| {
        let folder = format!("{}/", place.display());
        let programs = ["github.com/getsops/sops/v3/cmd/sops", "filippo.io/age/cmd/age-keygen"];
        go.build(&[&["-ldflags", "-s -w", "-o", &folder], programs.as_slice()].concat())
    })?;
    Ok(Programs { sops: directory.join("sops"), age_keygen: directory.join("age-keygen") })
}
