//! Keys that commits are signed with, of OpenPGP and OpenSSH, in a home of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gitops_testdata::repository::RepositoryBuilder;

use crate::elsewhere::write;

/// A folder of keys. The agent that gpg starts for it ends with it.
pub(crate) struct Keys {
    home: tempfile::TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        // As gpg wants it.
        for_its_owner(home.path());
        Self { home }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        write(self.home.path(), name, text);
        self.path(name).display().to_string()
    }

    pub(crate) fn gpg(&self, arguments: &[&str]) -> String {
        let home = self.home.path().display().to_string();
        let fixed =
            ["--homedir", &home, "--batch", "--yes", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback"];
        run("gpg", &[&fixed[..], arguments].concat())
    }

    /// A new key of OpenPGP: its fingerprint.
    pub(crate) fn openpgp(&self, person: &str, more: &[&str], expires: &str) -> String {
        let make = ["--quick-generate-key", person, "ed25519", "sign", expires];
        self.gpg(&[more, &make].concat());
        let listed = self.gpg(&["--with-colons", "--list-keys", person]);
        let line = listed.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.trim_end_matches(':').rsplit(':').next().expect("a fingerprint").to_owned()
    }

    /// The public keys of these people, in a file.
    pub(crate) fn keyring(&self, name: &str, people: &[&str]) -> String {
        self.write(name, &self.gpg(&[&["--armor", "--export", "--"], people].concat()))
    }

    /// Signs what is committed next with a key of OpenPGP.
    pub(crate) fn commit_openpgp(&self, repository: &RepositoryBuilder, key: &str, more: &str) -> String {
        let home = self.home.path().display();
        let script = format!("#!/bin/sh\nexec gpg --homedir '{home}' --batch --no-tty {more} \"$@\"\n");
        let program = self.write("signing-gpg", &script);
        for_its_owner(Path::new(&program));
        commit(repository, &["-c", &format!("gpg.program={program}"), "-c", &format!("user.signingKey={key}")])
    }

    /// A new key of OpenSSH: its public half.
    pub(crate) fn ssh(&self, name: &str) -> String {
        let path = self.path(name).display().to_string();
        run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &path]);
        std::fs::read_to_string(self.path(&format!("{name}.pub"))).expect("a key").trim().to_owned()
    }

    /// Signs what is committed next with a key of OpenSSH.
    pub(crate) fn commit_ssh(&self, repository: &RepositoryBuilder, name: &str) -> String {
        let key = format!("user.signingKey={}", self.path(name).display());
        commit(repository, &["-c", "gpg.format=ssh", "-c", &key])
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        command.args(["--kill", "all"]).env("GNUPGHOME", self.home.path()).stderr(Stdio::null());
        let _ = command.status();
    }
}

/// Lets its owner read, write and run it, and nobody else.
fn for_its_owner(path: &Path) {
    let rights = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(path, rights).expect("it is ours");
}

fn commit(repository: &RepositoryBuilder, configuration: &[&str]) -> String {
    repository.git(&["add", "--all"]).expect("added");
    let commit = ["commit", "--quiet", "--allow-empty", "--gpg-sign", "--message", "Signed"];
    repository.git(&[configuration, &commit].concat()).expect("committed");
    repository.git(&["rev-parse", "HEAD"]).expect("a commit").trim().to_owned()
}

/// A commit with other bytes and the same signature.
pub(crate) fn tamper(repository: &RepositoryBuilder, folder: &Path) -> String {
    let object = repository.git(&["cat-file", "commit", "HEAD"]).expect("a commit");
    let path = folder.join("commit");
    std::fs::write(&path, object.replace("Signed", "Sealed")).expect("written");
    let arguments = ["hash-object", "-t", "commit", "-w", "--", &path.display().to_string()];
    repository.git(&arguments).expect("written").trim().to_owned()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
    let output = command.args(arguments).stdin(Stdio::null()).output().expect("the program starts");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
