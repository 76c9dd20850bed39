//! Where a program of this workspace lies, after making sure that it is up to date.
//!
//! In: a package and the name of one of its programs. Out: the path of the executable. Cargo is asked
//! (`cargo build`), so the answer is right whatever the target directory is and whatever changed, and a test of one
//! package can run the program of another, for which Cargo sets no `CARGO_BIN_EXE_…`.
//!
//! # Guarantees
//! A program is built at most once per process, in the profile that the caller itself was built in.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

/// Why there is no such program to run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo itself could not be started.
    #[error("cannot run `{}` to build `{name}`", cargo.display())]
    Cargo {
        /// The Cargo that was tried.
        cargo: OsString,
        /// The program that was asked for.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The build failed; Cargo has said why on stderr.
    #[error("`cargo build --bin {name}` failed; its messages are above")]
    Build {
        /// The program that was asked for.
        name: String,
    },
    /// Cargo was content but named no executable.
    #[error("cargo built without naming an executable `{name}`")]
    Missing {
        /// The program that was asked for.
        name: String,
    },
}

/// The part of Cargo's messages that says where an executable went.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

/// The target that a message of Cargo is about.
#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the program `name` of this workspace and returns where it is.
///
/// # Errors
/// When Cargo cannot be run, or the build fails.
pub fn path(name: &str) -> Result<PathBuf, Error> {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(name) {
        return Ok(path.clone());
    }
    let path = build(name)?;
    built.insert(name.to_owned(), path.clone());
    Ok(path)
}

fn build(name: &str) -> Result<PathBuf, Error> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command
        // For the whole workspace, as the aliases do: the same features of dependencies, so that nothing is built twice.
        .args(["build", "--quiet", "--bin", name])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.output().map_err(|source| Error::Cargo { cargo, name: name.to_owned(), source })?;
    let name = name.to_owned();
    if !output.status.success() {
        return Err(Error::Build { name });
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages.lines().find_map(|line| executable(line, &name)).ok_or(Error::Missing { name })
}

/// The executable in one line of Cargo's output, where the line is about the program `name`.
fn executable(line: &str, name: &str) -> Option<PathBuf> {
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target?;
    let wanted = target.name == name && target.kind.iter().any(|kind| kind == "bin");
    message.executable.filter(|_| wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_program_that_was_asked_for_is_taken() {
        let artifact = |name: &str, kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}","kind":["{kind}"]}},"executable":"/t/x"}}"#
            )
        };
        let found = Some(PathBuf::from("/t/x"));
        assert_eq!(executable(&artifact("demo", "bin"), "demo"), found);
        assert_eq!(executable(&artifact("demo", "test"), "demo"), None, "a test is no program");
        assert_eq!(executable(&artifact("other", "bin"), "demo"), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#, "demo"), None);
    }

    #[test]
    fn the_supervisor_of_the_local_cluster_is_found() {
        let path = path("local-cluster").expect("this package builds");
        assert!(path.is_file(), "{} is there", path.display());
    }
}
