//! Every commit compiles or fails with a clear error, and gives the same id again: with and without what a store
//! remembers, from another clone, another path, with one thread and with two.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::application::{Clone, FOLDER, bundle};
use super::{is_long, say};

/// Every how many commits the short run takes one.
const STRIDE: usize = 20;

/// The version that old commits are written for; no server of today has it.
const REMOVED: &str = "extensions/v1beta1";

/// One way to compile.
struct Pass<'a> {
    what: &'static str,
    source: &'a Path,
    store: PathBuf,
    threads: Option<&'static str>,
}

/// What came of a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Graph(String),
    /// The kind of its first error.
    Failed(String),
}

impl Pass<'_> {
    fn run(&self, commits: &[String]) -> Vec<Outcome> {
        let started = Instant::now();
        let outcomes = commits.iter().map(|commit| self.compile(commit, &[])).collect();
        say(&format!("  {:48} {:4} commits, {:5.1} s", self.what, commits.len(), started.elapsed().as_secs_f64()));
        outcomes
    }

    fn compile(&self, commit: &str, more: &[&str]) -> Outcome {
        let output = self
            .command(&["compile", "--path", FOLDER, "--renderer", "directory", "--revision", commit, "-o", "id"])
            .arg("--source")
            .arg(self.source)
            .args(more)
            .output()
            .expect("the program starts");
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match output.status.code() {
            Some(0) => {
                let id = stdout.trim();
                assert!(id.len() == 55 && id.starts_with("g1-"), "{}, {commit}: {stdout}{stderr}", self.what);
                Outcome::Graph(id.to_owned())
            }
            Some(2) => {
                assert_eq!(stdout, "", "{}, {commit}: what failed has no id", self.what);
                Outcome::Failed(class(&stderr).unwrap_or_else(|| panic!("{}, {commit}: {stderr}", self.what)))
            }
            code => panic!("{}, {commit}: exit {code:?}\n{stderr}", self.what),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command.env_clear().arg("--store").arg(&self.store).args(arguments);
        command.envs(self.threads.map(|threads| ("RAYON_NUM_THREADS", threads)));
        command
    }

    /// How many graphs the store has.
    fn stored(&self) -> u64 {
        let output = self.command(&["store", "info", "-o", "json"]).output().expect("the program starts");
        let info: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        info["graphs"]["files"].as_u64().expect("a number")
    }
}

/// The first error without what is of one commit alone; nothing where no line is a clear error.
fn class(stderr: &str) -> Option<String> {
    let line = stderr.lines().find(|line| line.starts_with("error") || line.contains(": error"))?;
    let error = &line[line.find("error")?..];
    let words = error.split('`').step_by(2).collect::<Vec<_>>().join("…");
    Some(words)
}

#[test]
fn every_commit_gives_the_same_graph_however_it_is_compiled() {
    let Some(bundle) = bundle() else { return };
    let home = tempfile::tempdir().expect("a folder");
    let at = |name: &str| home.path().join(name);
    let clone = Clone::new(&bundle, &at("first"));
    Clone::new(&bundle, &at("second"));
    Clone::new(&bundle, &at("a path with a space/third"));
    let all = clone.commits();
    let stride = if is_long() { 1 } else { STRIDE };
    // The newest is always among them.
    let mut commits: Vec<String> = all.iter().rev().step_by(stride).cloned().collect();
    commits.reverse();
    // A store below what is no folder cannot be.
    let nowhere = Path::new("/dev/null/store").to_owned();
    let first = Pass { what: "first run", source: &at("first"), store: at("store-1"), threads: None };
    let others = [
        Pass { what: "again, with what the store has", source: &at("first"), store: at("store-1"), threads: None },
        Pass { what: "a fresh clone, 1 thread", source: &at("second"), store: at("store-2"), threads: Some("1") },
        Pass {
            what: "a path with a space, 2 threads",
            source: &at("a path with a space/third"),
            store: at("store-3"),
            threads: Some("2"),
        },
        Pass { what: "without a store, 1 thread", source: &at("first"), store: nowhere, threads: Some("1") },
    ];
    let outcomes = first.run(&commits);
    for other in &others {
        for ((commit, was), is) in commits.iter().zip(&outcomes).zip(other.run(&commits)) {
            assert_eq!(*was, is, "{commit}: {}", other.what);
        }
    }
    let graphs: BTreeSet<&Outcome> = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Graph(_))).collect();
    assert_eq!(first.stored(), graphs.len() as u64, "the store has each graph once");
    let folders = clone.folders(&commits);
    let of_folder: BTreeMap<&String, &Outcome> = folders.iter().zip(&outcomes).collect();
    assert!(
        folders.iter().zip(&outcomes).all(|(folder, outcome)| of_folder[folder] == outcome),
        "one folder, one graph"
    );
    tell(all.len(), &outcomes, graphs.len(), of_folder.len());
    what_is_denied_fails(&first, &clone, &commits);
}

fn tell(all: usize, outcomes: &[Outcome], graphs: usize, folders: usize) {
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in outcomes {
        if let Outcome::Failed(class) = outcome {
            *classes.entry(class).or_default() += 1;
        }
    }
    let failed: usize = classes.values().sum();
    let compiled = outcomes.len() - failed;
    say(&format!(
        "  {} of {all} commits, {folders} distinct folders: {compiled} compile, to {graphs} distinct graphs; {failed} fail; \
         the same in 5 passes",
        outcomes.len()
    ));
    for (class, count) in classes {
        say(&format!("    {count:4} × {class}"));
    }
}

/// The same history with an error in it: who denies removed versions gets it for exactly the commits that have them.
fn what_is_denied_fails(pass: &Pass<'_>, clone: &Clone, commits: &[String]) {
    let mut failed = 0;
    for commit in commits {
        let outcome = pass.compile(commit, &["--deny", "removed-api"]);
        let denied = matches!(&outcome, Outcome::Failed(class) if class.starts_with("error[removed-api]"));
        assert_eq!(denied, clone.has(commit, REMOVED), "{commit}: {outcome:?}");
        failed += usize::from(denied);
    }
    assert!(failed > 0, "the history is old enough to have such commits");
    say(&format!("  with --deny removed-api: {failed} fail, each for {REMOVED}"));
}
