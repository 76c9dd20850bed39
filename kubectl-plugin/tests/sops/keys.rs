//! SOPS with keys of the test's own, and a program that has them or not.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use gitops_testdata::sops::{self, Programs};

use crate::support::{Ended, World};

static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| sops::build().expect("SOPS builds"));

/// What everybody encrypts of a Secret.
pub(crate) const VALUES: &str = "--encrypted-regex=^(data|stringData)$";

/// An age identity in a file.
pub(crate) struct Age {
    folder: tempfile::TempDir,
    pub(crate) recipient: String,
}

impl Age {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let output = Command::new(&PROGRAMS.age_keygen).arg("-o").arg(folder.path().join("keys.txt")).output();
        let said = String::from_utf8(output.expect("age-keygen starts").stderr).expect("text");
        let recipient = said.trim().rsplit(' ').next().expect("a recipient").to_owned();
        assert!(recipient.starts_with("age1"), "{said}");
        Self { folder, recipient }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("keys.txt")
    }

    /// The identity itself.
    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.file()).expect("a file")
    }

    /// Encrypts a document for this identity.
    pub(crate) fn encrypt(&self, document: &str, more: &[&str]) -> String {
        encrypt(document, &[&["--age", &self.recipient], more].concat(), &[])
    }

    /// Runs the program with this identity.
    pub(crate) fn apply(&self, world: &World, more: &[&str]) -> Ended {
        let file = self.file();
        let file = file.to_string_lossy();
        world.apply(&[&["--sops-age-key-file", &file], more].concat())
    }
}

/// Encrypts a document, YAML or JSON, as SOPS does on a command line.
pub(crate) fn encrypt(document: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let name = if document.starts_with('{') { "document.json" } else { "document.yaml" };
    std::fs::write(folder.path().join(name), document).expect("written");
    let mut command = Command::new(&PROGRAMS.sops);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder.path());
    command.envs(environment.iter().copied()).current_dir(folder.path());
    let output = command.args(["--disable-version-check", "--encrypt"]).args(arguments).arg(name).output();
    let output = output.expect("SOPS starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A Secret whose keys stand in no order, with comments that SOPS encrypts, too.
pub(crate) fn secret(name: &str, password: &str) -> String {
    format!(
        "apiVersion: v1
kind: Secret
type: Opaque
metadata:
  name: {name}
  labels: {{z: last, a: first}}
# Only for the database.
stringData:
  user: admin # who else
  password: {password}
  empty: \"\"
data:
  token: dG9rZW4tb2YtdGhlLXRlc3Q=
"
    )
}

/// Runs the program with an environment of its own.
pub(crate) fn run_with(world: &World, environment: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let output = world.command(arguments).envs(environment.iter().copied()).output().expect("the program starts");
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
