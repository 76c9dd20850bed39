//! Schemathesis from PyPI: asks a server everything that its `OpenAPI` document lets it ask, and judges the answers.
//!
//! In: nothing. Out: a program of Python that has it, to be called with `-m schemathesis.cli`. It is fetched by pip once, in the
//! versions of `testdata/schemathesis`, into the cache beside what [`crate::golang`] builds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{Error, last_lines};
use super::install;
use super::programs::{Needed, ensure, find};
use crate::golang;

const WHAT: &str = "schemathesis for tests";
const PYTHON: [Needed; 1] = [Needed { program: "python3", package: "python3" }];
/// What Debian keeps apart from Python.
const VENV: &str = "python3-venv";

/// Returns the Python that has it, fetched first where the cache does not have it.
///
/// # Errors
/// Where Python is missing and may not be installed, or the packages cannot be fetched.
pub fn schemathesis() -> Result<PathBuf, Error> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis/requirements.txt");
    let cache = golang::cache_directory().ok_or(golang::Error::NoCache { what: WHAT })?;
    let text = fs::read(&requirements).map_err(Error::file("read", &requirements))?;
    let place = cache.join(format!("schemathesis-{}", &blake3::hash(&text).to_hex()[..16]));
    let python = place.join("bin/python");
    if place.is_dir() {
        return Ok(python);
    }
    fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
    let _lock = golang::lock(&cache, WHAT)?;
    if !place.is_dir() {
        let fetching = golang::building(&cache)?;
        environment(fetching.path())?;
        let install = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r"];
        run(&fetching.path().join("bin/python"), &[&install[..], &[&requirements.display().to_string()]].concat())?;
        fs::rename(fetching.path(), &place).map_err(Error::file("create", &place))?;
    }
    Ok(python)
}

/// An environment of Python's in a folder. Its programs name the folder, and are not called; its Python does not.
fn environment(folder: &Path) -> Result<(), Error> {
    ensure(&PYTHON)?;
    let python = find("python3").unwrap_or_default();
    let folder = folder.display().to_string();
    let arguments = ["-m", "venv", folder.as_str()];
    match run(&python, &arguments) {
        Err(_) if install::may_use_apt() => {
            install::install(|| vec![VENV])?;
            run(&python, &arguments)
        }
        done => done,
    }
}

/// The environment stays: it says how the network is reached.
fn run(program: &Path, arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new(program).args(arguments).output().map_err(Error::spawn(program))?;
    if output.status.success() {
        return Ok(());
    }
    let command = format!("{} {}", program.display(), arguments.join(" "));
    let output_of = [output.stdout, output.stderr].concat();
    Err(Error::Failed { command, status: output.status, output: last_lines(&output_of) })
}
