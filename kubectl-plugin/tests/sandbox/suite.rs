//! Runs everything as each user, and counts.
//!
//! The executables are copied to a folder that everybody may read, and started from there with a secret in their
//! environment and an open file that they should not have.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{attempts, bounds, renderers, rules, services, weaker, workers};

/// The user that stands for everybody but root.
const OTHER_USER: u32 = 54_321;
/// A variable that no job may see, and its value.
pub(crate) const SECRET: (&str, &str) = ("GITOPS_TEST_SECRET", "the-secret-of-the-environment");
/// The first argument of a run as one user.
const ONE: &str = "as-one-user";

/// What was tried, and what came of it.
#[derive(Default)]
pub(crate) struct Suite {
    passed: usize,
    failures: Vec<String>,
}

impl Suite {
    /// One test: its name, and what is wrong, if anything.
    pub(crate) fn test(&mut self, name: &str, outcome: Result<String, String>) {
        match outcome {
            Ok(how) => {
                self.passed += 1;
                say(&format!("  ok      {name}: {how}"));
            }
            Err(wrong) => {
                say(&format!("  FAILED  {name}: {wrong}"));
                self.failures.push(format!("{name}: {wrong}"));
            }
        }
    }

    /// A line over what comes next.
    pub(crate) fn part(title: &str) {
        say(&format!("{}: {title}", who()));
    }

    pub(crate) fn passed(&self) -> usize {
        self.passed
    }
}

#[expect(clippy::print_stdout, reason = "this is what a test program does")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

fn who() -> &'static str {
    if rustix::process::geteuid().is_root() { "as root" } else { "as a user" }
}

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(ONE) => as_one_user(Path::new(&arguments[2])),
        Some(weaker::ARGUMENT) => weaker::main(&arguments[2..]),
        Some(bounds::ARGUMENT) => bounds::wait_for_ever(&arguments[2..]),
        _ => as_each_user(),
    }
}

/// The summary of `cargo test`, which is also what is counted.
fn summary(passed: usize, failed: usize) -> ExitCode {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    say(&format!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out\n"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn as_each_user() -> ExitCode {
    let folder = tempfile::Builder::new().prefix("gitops-test-").tempdir().expect("a folder");
    let is_root = rustix::process::geteuid().is_root();
    copy_programs(folder.path());
    let users: &[Option<u32>] = if is_root { &[None, Some(OTHER_USER)] } else { &[None] };
    let (mut passed, mut failed) = (0, 0);
    for user in users {
        // Closed by who inherits it, or not at all.
        let leak = fs::File::open(folder.path().join("secret")).expect("it was written");
        let leak = rustix::io::dup(&leak).expect("a descriptor");
        let mut command = Command::new(folder.path().join("suite"));
        command.args([ONE, &folder.path().display().to_string()]).env(SECRET.0, SECRET.1);
        if let Some(user) = user {
            command.uid(*user).gid(*user);
        }
        let output = command.env("TMPDIR", "/tmp").current_dir("/").output().expect("it starts");
        drop(leak);
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        say(&format!("{text}{errors}"));
        let count = |word: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(word))?;
            line.trim().parse::<usize>().ok()
        };
        match (count("passed:"), count("failed:")) {
            (Some(ok), Some(wrong)) if output.status.success() == (wrong == 0) => {
                passed += ok;
                failed += wrong;
            }
            _ => failed += 1,
        }
    }
    summary(passed, failed)
}

/// Puts what is executed where everybody may execute it.
fn copy_programs(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("ours");
    fs::write(folder.join("secret"), "the secret of a descriptor").expect("writable");
    let own = env::current_exe().expect("there is one");
    let escape = gitops_testdata::escape::build().unwrap_or_else(|error| panic!("{error}"));
    let kubectl = env::var_os("GITOPS_TEST_KUBECTL").map_or_else(
        || gitops_testdata::cluster::build().unwrap_or_else(|error| panic!("{error}")).kubectl(),
        PathBuf::from,
    );
    let helm = gitops_testdata::helm::build().unwrap_or_else(|error| panic!("{error}"));
    for (name, path) in [("suite", own), ("escape", escape), ("kubectl", kubectl), ("helm", helm)] {
        let to = folder.join(name);
        fs::copy(&path, &to).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("ours");
    }
}

fn as_one_user(programs: &Path) -> ExitCode {
    let mut suite = Suite::default();
    attempts::run(&mut suite, programs);
    workers::run(&mut suite, programs);
    services::run(&mut suite, programs);
    bounds::run(&mut suite, programs);
    weaker::run(&mut suite, programs);
    renderers::run(&mut suite, programs);
    rules::run(&mut suite, programs);
    say(&format!("passed: {}\nfailed: {}", suite.passed, suite.failures.len()));
    if suite.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
