//! What is encrypted for PGP: opened by the user's gpg, which nobody is asked a passphrase by.

use std::io::Write as _;
use std::process::Command;

use crate::keys::{VALUES, encrypt, run_with, secret};
use crate::support::World;

/// A home of gpg. Its agent ends with it.
struct Gpg(tempfile::TempDir);

impl Gpg {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn home(&self) -> &str {
        self.0.path().to_str().expect("text")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let output = Command::new(program)
            .env_clear()
            .env("PATH", path)
            .env("GNUPGHOME", self.0.path())
            .args(arguments)
            .output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Makes a key; gives its fingerprint.
    fn key(&self, passphrase: &str) -> String {
        let start = ["--batch", "--pinentry-mode=loopback", "--passphrase", passphrase, "--quick-generate-key"];
        self.run("gpg", &[&start[..], &["test@example.org", "future-default", "default", "never"]].concat());
        let listed = self.run("gpg", &["--list-keys", "--with-colons"]);
        let line = listed.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.split(':').nth(9).expect("a fingerprint").to_owned()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        self.run("gpgconf", &["--kill", "all"]);
    }
}

/// Whether there is gpg; where not, it is told past the capture of outputs, so that nobody takes that for a success.
fn has_gpg() -> bool {
    let found = Command::new("gpg").arg("--version").output().is_ok();
    if !found {
        // Nobody else can be told that there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no gpg");
    }
    found
}

fn encrypted(gpg: &Gpg, fingerprint: &str, password: &str) -> String {
    encrypt(&secret("db", password), &["--pgp", fingerprint, VALUES], &[("GNUPGHOME", gpg.home())])
}

#[test]
fn gpg_opens_what_is_for_its_keys() {
    if !has_gpg() {
        return;
    }
    let (world, gpg, stranger) = (World::new("sops-pgp"), Gpg::new(), Gpg::new());
    let fingerprint = gpg.key("");
    world.write("db.yaml", &encrypted(&gpg, &fingerprint, "correct-horse-9"));
    let apply =
        |gpg: &Gpg| run_with(&world, &[("GNUPGHOME", gpg.home())], &["apply", &world.name, "-n", &world.name, "--yes"]);
    let refused = apply(&stranger);
    assert_eq!(refused.code, 2, "{}", refused.told());
    assert!(refused.stderr.contains(&format!("PGP {fingerprint}")), "{}", refused.told());
    assert!(refused.stderr.contains("No secret key"), "{}", refused.told());
    assert!(world.get("secret", "db").is_null());
    let applied = apply(&gpg);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(world.get("secret", "db")["data"]["password"], "Y29ycmVjdC1ob3JzZS05");
}

#[test]
fn nobody_is_asked_for_a_passphrase() {
    if !has_gpg() {
        return;
    }
    let (world, gpg) = (World::new("sops-locked"), Gpg::new());
    let fingerprint = gpg.key("open sesame");
    world.write("db.yaml", &encrypted(&gpg, &fingerprint, "correct-horse-10"));
    gpg.run("gpgconf", &["--kill", "gpg-agent"]);
    let begun = std::time::Instant::now();
    let refused = run_with(&world, &[("GNUPGHOME", gpg.home())], &["apply", &world.name, "-n", &world.name, "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.told());
    assert!(refused.stderr.contains("unlock it"), "{}", refused.told());
    assert!(begun.elapsed().as_secs() < 20, "it does not wait for anybody");
}
