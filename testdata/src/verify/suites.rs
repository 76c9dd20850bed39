//! The checks that run tests: which tests belong to which, and what they are given.
//!
//! In: the integration tests that Cargo knows. Out: how many tests ran. Everything is built as one workspace: with one
//! package alone, dependencies would be built once more, with other features.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use super::failure::{Failure, count};
use super::job::Job;
use super::workspace::{self, Metadata, Target};
use crate::cluster::{LocalCluster, Options};

/// The packages whose integration tests are part of `unit`: they need no cluster. [`ORACLE`] is left out there.
const UNIT: &[&str] = &["gitops-compiler"];
/// The integration test that `oracle` is.
const ORACLE: &str = "oracle";
/// Those of `cluster`.
const CLUSTER: &[&str] = &["kubectl-gitops", "gitops-testdata"];
/// How many programs of these run beside each other: so many that one uses the processors while another waits.
const PLACES: usize = 2;
/// Which of them take longest: none of them is left to run alone at the end.
const LONGEST: [&str; 7] = ["controller", "api", "signing", "faults", "capabilities", "sops", "ui"];
/// By these they know their cluster.
const KUBECONFIG: &str = "GITOPS_TEST_KUBECONFIG";
const KUBECTL: &str = "GITOPS_TEST_KUBECTL";
/// Those of `transcripts`.
const TRANSCRIPTS: &[&str] = &["gitops-snapshots"];

/// Whether some check runs the integration tests of `package`.
pub(super) fn runs_tests_of(package: &str) -> bool {
    [UNIT, CLUSTER, TRANSCRIPTS].concat().contains(&package)
}

/// Tests that need no cluster.
pub(super) fn unit(job: &mut Job<'_>, long: bool) -> Result<String, Failure> {
    let metadata = Metadata::read(job)?;
    let mut tests = cargo_test(long);
    let targets = of_packages(&metadata, UNIT);
    tests.args(["--lib", "--bins"]).args(targets.chunks(2).filter(|target| target[1] != ORACLE).flatten());
    // Both are run whatever comes of the first: they say different things.
    let tests = job.run(tests);
    let mut examples = cargo_test(long);
    examples.arg("--doc");
    job.run(examples)?;
    tests?;
    tests_of_log(job)
}

/// Our reading of manifests beside kubectl's.
pub(super) fn oracle(job: &mut Job<'_>, long: bool) -> Result<String, Failure> {
    let mut command = cargo_test(long);
    command.args(["--test", ORACLE]);
    job.run(command)?;
    let tests = tests_of_log(job)?;
    let files = compared_files(&String::from_utf8_lossy(&job.log()));
    Ok(format!("{}, {tests}", count(files, "file")))
}

/// How many files the lines of [`ORACLE`] tell of.
fn compared_files(log: &str) -> usize {
    let before = log.lines().filter_map(|line| line.split_once(" files; agreed on ")).map(|(before, _)| before);
    before.filter_map(|before| before.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

/// Tests against a cluster that they share, or that the developer names; those of the servers come with them. Programs of
/// tests run beside each other, each with the cluster of its place, so that none sees another's objects.
pub(super) fn cluster(job: &mut Job<'_>, long: bool) -> Result<String, Failure> {
    let metadata = Metadata::read(job)?;
    let programs = build_tests(job, &metadata, CLUSTER)?;
    let given = env::var_os(KUBECONFIG).filter(|path| !path.is_empty());
    // They live until the tests are over.
    let local = if given.is_none() { start_clusters(job)? } else { Vec::new() };
    let connections: Vec<Vec<(&str, OsString)>> = if let Some(kubeconfig) = given {
        let kubectl = env::var_os(KUBECTL).map(|path| (KUBECTL, path));
        vec![[(KUBECONFIG, kubeconfig)].into_iter().chain(kubectl).collect()]
    } else {
        let paths = local.iter().map(LocalCluster::connection);
        paths.map(|of| vec![(KUBECONFIG, of.kubeconfig.clone().into()), (KUBECTL, of.kubectl.clone().into())]).collect()
    };
    job.run_beside(programs.len(), connections.len(), |number, place| {
        let mut tests = programs[number].command();
        for_tests(&mut tests, long);
        tests.envs(connections[place].iter().cloned());
        tests
    })?;
    tests_of_log(job)
}

/// Golden transcripts.
pub(super) fn transcripts(job: &mut Job<'_>, long: bool) -> Result<String, Failure> {
    let metadata = Metadata::read(job)?;
    let targets = of_packages(&metadata, TRANSCRIPTS);
    if targets.is_empty() {
        return Err(Failure::NoTests);
    }
    let mut tests = cargo_test(long);
    tests.args(targets);
    job.run(tests)?;
    tests_of_log(job)
}

/// Builds, as a command that can be killed, and then starts one for each place.
fn start_clusters(job: &mut Job<'_>) -> Result<Vec<LocalCluster>, Failure> {
    let program = ["run", "--quiet", "--locked", "--package", "gitops-testdata", "--bin", "local-cluster"];
    job.run(workspace::cargo(&[program.as_slice(), &["--", "build"]].concat()))?;
    (0..PLACES).map(|_| Ok(LocalCluster::start(&Options::default())?)).collect()
}

/// A program of tests that was built.
struct TestProgram {
    name: String,
    path: PathBuf,
    /// Where its package lies: tests run there.
    folder: PathBuf,
}

impl TestProgram {
    fn command(&self) -> Command {
        let mut command = workspace::command(&self.path);
        command.current_dir(&self.folder);
        command
    }
}

/// What Cargo says of something that it built.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    executable: Option<PathBuf>,
}

/// Builds the integration tests of `packages`; those in [`LONGEST`] come first.
fn build_tests(job: &mut Job<'_>, metadata: &Metadata, packages: &[&str]) -> Result<Vec<TestProgram>, Failure> {
    let mut build = cargo_test(false);
    build.args(["--no-run", "--message-format", "json-render-diagnostics"]).args(of_packages(metadata, packages));
    let mut programs = built_tests(&job.output(build)?);
    let mut wanted: Vec<&str> = packages.iter().flat_map(|package| metadata.integration_tests(package)).collect();
    wanted.retain(|name| !programs.iter().any(|program| program.name == *name));
    if !wanted.is_empty() {
        return Err(Failure::NotBuilt(wanted.join(", ")));
    }
    // A sort that keeps the order of equals.
    programs.sort_by_key(|program| LONGEST.iter().position(|name| *name == program.name).unwrap_or(LONGEST.len()));
    Ok(programs)
}

/// The integration tests among what Cargo says that it built.
fn built_tests(messages: &str) -> Vec<TestProgram> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    let tests = artifacts.filter(|artifact| artifact.target.is_integration_test());
    tests
        .filter_map(|Artifact { manifest_path, target, executable }| {
            Some(TestProgram { name: target.name, path: executable?, folder: manifest_path.parent()?.to_owned() })
        })
        .collect()
}

/// `cargo test`, to which targets are added.
fn cargo_test(long: bool) -> Command {
    let mut command = workspace::cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    for_tests(&mut command, long);
    command
}

/// What tests are given: those that differ from their snapshot fail, and write nothing.
fn for_tests(command: &mut Command, long: bool) {
    command.envs([("CI", "true"), ("INSTA_UPDATE", "no"), ("INSTA_REQUIRE_FULL_MATCH", "1"), ("RUST_BACKTRACE", "1")]);
    if long {
        command.env("GITOPS_LONG", "1");
    }
}

/// `--test NAME` for each integration test of `packages`.
fn of_packages<'a>(metadata: &'a Metadata, packages: &[&str]) -> Vec<&'a str> {
    let names = packages.iter().flat_map(|package| metadata.integration_tests(package));
    names.flat_map(|name| ["--test", name]).collect()
}

/// `12 tests`, by what `cargo test` printed, and what was skipped: without the real files tests pass, but not without a
/// word. No test at all is a failure.
fn tests_of_log(job: &Job<'_>) -> Result<String, Failure> {
    let log = job.log();
    let log = String::from_utf8_lossy(&log);
    match passed_tests(&log) {
        0 => Err(Failure::NoTests),
        passed => Ok(count(passed, "test") + &skipped(&log)),
    }
}

/// What tests said that they skipped, once each. Where tests run one by one, it stands behind their names.
fn skipped(log: &str) -> String {
    let said: BTreeSet<&str> = log.lines().filter_map(|line| Some(&line[line.find("SKIPPED: ")?..])).collect();
    said.into_iter().flat_map(|line| [", ", line]).collect()
}

fn passed_tests(log: &str) -> usize {
    let results = log.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    results.filter_map(|result| result.split_once(" passed")?.0.parse::<usize>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compared_files_are_counted() {
        let log = "running\nours: 40 files; agreed on 39 (…), 0 disagreements\nx: 2 files; agreed on 2 (…)\n  1 × y\n";
        assert_eq!(compared_files(log), 42);
    }

    #[test]
    fn programs_of_tests_are_found_among_all_that_was_built() {
        let artifact = |name: &str, kind: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/a/Cargo.toml","target":{{"name":"{name}","kind":["{kind}"],
                "src_path":"/a/b.rs","test":true}},"executable":{executable}}}"#
            )
            .replace('\n', "")
        };
        let messages = [
            artifact("lib", "lib", "null"),
            artifact("apply", "test", r#""/t/apply-1""#),
            artifact("program", "bin", r#""/t/program""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let found = built_tests(&messages.join("\n"));
        let [TestProgram { name, path, folder }] = &found[..] else { panic!("there is one") };
        assert_eq!((name.as_str(), path.to_str(), folder.to_str()), ("apply", Some("/t/apply-1"), Some("/a")));
    }

    #[test]
    fn what_was_skipped_is_told_once() {
        let log =
            "test a ... SKIPPED: there is no b\nok\nSKIPPED: there is no b\nSKIPPED: there is no a\ntest b ... ok\n";
        assert_eq!(skipped(log), ", SKIPPED: there is no a, SKIPPED: there is no b");
        assert_eq!(skipped("test a ... ok\n"), "");
    }

    #[test]
    fn passed_tests_of_all_programs_are_counted() {
        let log = "running 2 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\
                   test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(passed_tests(log), 42);
        assert_eq!(passed_tests("nothing"), 0);
    }
}
