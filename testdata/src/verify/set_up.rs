//! Finds what the checks need, and installs what may be installed here.
//!
//! In: the checks that will run. Out: the versions of what was found; or one line that names all that is missing, and
//! how to get it. Rust's own components come by rust-toolchain.toml, or by rustup; Git, Node.js and the servers of tests by
//! apt-get where this runs as root on Debian; Go never, as Debian's is too old.

use std::process::Command;

use super::check::Check;
use super::failure::Failure;
use super::job::Job;
use super::workspace;
use crate::causes::with_causes;
use crate::servers::{self, may_use_apt};

/// How new Node.js must be that builds the web UI, and what else to say.
const NODE_OF_BUILDS: (u32, &str) = (18, "");
/// The same where tests of the web UI run: what drives the browser asks for that.
const NODE_OF_TESTS: (u32, &str) = (20, "; or use --without cluster");

/// Looks for everything that `checks` need.
pub(super) fn run(job: &mut Job<'_>, checks: &[Check]) -> Result<String, Failure> {
    let mut missing = Vec::new();
    let cargo = job.output(workspace::cargo(&["--version"]))?;
    let mut versions = vec![cargo.trim().to_owned()];
    if components(job).is_err() {
        missing.push("clippy and rustfmt (rustup component add clippy rustfmt)".to_owned());
    }
    match git(job) {
        Ok(version) => versions.push(version),
        Err(_) => missing.push("git (apt-get install git, https://git-scm.com)".to_owned()),
    }
    let with_go: Vec<_> = checks.iter().filter(|check| check.needs_go()).map(|check| check.name()).collect();
    if !with_go.is_empty() {
        match go(job) {
            Ok(version) => versions.push(version),
            Err(_) => missing.push(format!(
                "Go as new as testdata/cluster/go.mod says, with gofmt (https://go.dev/dl/; or --without {})",
                with_go.join(" --without ")
            )),
        }
    }
    let (oldest, otherwise) = if checks.contains(&Check::Cluster) { NODE_OF_TESTS } else { NODE_OF_BUILDS };
    match node(job) {
        Ok(version) if major(&version) >= oldest => versions.push(format!("Node.js {version}")),
        found => {
            let found = found.map_or_else(|_| String::new(), |version| format!("; {version} is there"));
            missing.push(format!(
                "Node.js {oldest} or newer with npm (as Debian 13 has, https://nodejs.org{otherwise}{found})"
            ));
        }
    }
    if checks.contains(&Check::Cluster)
        && let Err(error) = servers::programs().and_then(|_| servers::browser()).and_then(|_| servers::faketime())
    {
        let error = with_causes(&error);
        job.say(&error);
        missing
            .push(format!("servers of tests ({}; or use --without cluster)", error.lines().next().unwrap_or_default()));
    }
    if missing.is_empty() { Ok(versions.join(", ")) } else { Err(Failure::Missing(missing)) }
}

/// clippy and rustfmt, of the toolchain of this repository.
fn components(job: &mut Job<'_>) -> Result<(), Failure> {
    let are_there = |job: &mut Job<'_>| {
        job.run(workspace::cargo(&["fmt", "--version"]))?;
        job.run(workspace::cargo(&["clippy", "--version"]))
    };
    are_there(job).or_else(|_| {
        let mut rustup = workspace::command("rustup");
        rustup.args(["component", "add", "clippy", "rustfmt"]);
        job.run(rustup)?;
        are_there(job)
    })
}

fn git(job: &mut Job<'_>) -> Result<String, Failure> {
    let version = |job: &mut Job<'_>| {
        let mut git = workspace::command("git");
        git.arg("--version");
        job.output(git)
    };
    let found = version(job).or_else(|failure| {
        if !may_use_apt() {
            return Err(failure);
        }
        apt(job, &["update"])?;
        apt(job, &["install", "--yes", "--no-install-recommends", "git"])?;
        version(job)
    });
    found.map(|version| version.trim().to_owned())
}

/// Node.js and npm, which build the web UI.
fn node(job: &mut Job<'_>) -> Result<String, Failure> {
    let version = |job: &mut Job<'_>| {
        let mut npm = workspace::command("npm");
        npm.arg("--version");
        job.run(npm)?;
        let mut node = workspace::command("node");
        node.arg("--version");
        job.output(node)
    };
    let found = version(job).or_else(|failure| {
        if !may_use_apt() {
            return Err(failure);
        }
        apt(job, &["update"])?;
        apt(job, &["install", "--yes", "--no-install-recommends", "nodejs", "npm"])?;
        version(job)
    });
    found.map(|version| version.trim().to_owned())
}

/// The first number of a version: 20 of `v20.19.2`.
fn major(version: &str) -> u32 {
    version.trim_start_matches('v').split('.').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn apt(job: &mut Job<'_>, arguments: &[&str]) -> Result<(), Failure> {
    let mut apt: Command = workspace::command("apt-get");
    apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    job.run(apt)
}

/// Go, new enough for the module of the cluster; and gofmt.
fn go(job: &mut Job<'_>) -> Result<String, Failure> {
    let mut module = workspace::command("go");
    // Reads go.mod, and so fails where this Go is older than that asks for, and may not get a newer one.
    module.args(["list", "-m"]).current_dir(workspace::root().join("testdata/cluster"));
    job.run(module)?;
    let mut gofmt = workspace::command("gofmt");
    gofmt.args(["-l", "testdata/cluster/main.go"]);
    job.run(gofmt)?;
    let mut version = workspace::command("go");
    version.arg("version").current_dir(workspace::root().join("testdata/cluster"));
    Ok(job.output(version)?.trim().to_owned())
}
