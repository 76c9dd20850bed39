//! cosign, as its users have it: to sign what is verified here, and to verify what is signed here; and the services of Sigstore
//! that it asks where it signs without a key.
//!
//! In: nothing. Out: paths of programs, static. The Go module `testdata/cosign` says which versions; what [`crate::golang`]
//! guarantees of a build holds for them.

use std::path::PathBuf;

use crate::golang::{self, Error, Recipe};

/// The authority that gives certificates.
pub(crate) const FULCIO: &str = "fulcio";
/// The log of certificates.
pub(crate) const CERTIFICATE_LOG: &str = "certificate-log";
/// The log of signatures.
pub(crate) const REKOR: &str = "rekor";
/// The authority that says when something was signed.
pub(crate) const TIMESTAMP: &str = "timestamp-authority";

const PACKAGES: [(&str, &str); 5] = [
    ("cosign", "github.com/sigstore/cosign/v3/cmd/cosign"),
    (FULCIO, "github.com/sigstore/fulcio"),
    (CERTIFICATE_LOG, "github.com/transparency-dev/tesseract/cmd/tesseract/posix"),
    (REKOR, "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix"),
    (TIMESTAMP, "."),
];

/// Returns the program, built first where the cache does not have it.
///
/// # Errors
/// Where Go is missing, or the build fails.
pub fn build() -> Result<PathBuf, Error> {
    Ok(programs()?.join("cosign"))
}

/// The folder with cosign and the services, built first where the cache does not have it.
pub(crate) fn programs() -> Result<PathBuf, Error> {
    let recipe = Recipe {
        module: "cosign",
        parts: &[],
        what: "cosign and the services of Sigstore",
        cost: "(from source; once; 5 minutes on 2 cores)",
        otherwise: "",
    };
    golang::built(&recipe, |go, place| {
        PACKAGES.iter().try_for_each(|(name, package)| {
            let program = place.join(name).display().to_string();
            go.build(&["-ldflags", "-s -w", "-o", &program, package])
        })
    })
}
