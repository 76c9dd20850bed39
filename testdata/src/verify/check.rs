//! The checks, in the order in which they are run: what fails most often and soonest first.
//!
//! In: a [`Job`] to run commands with. Out: a few words on what was checked, or why it failed. Those that are one
//! command are here.

use clap::ValueEnum;

use super::failure::Failure;
use super::job::{Job, LONG_TIME_LIMIT};
use super::{licences, structure, suites, workspace};

/// One check, under the name that the command line has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// The code is formatted.
    Format,
    /// The tree keeps the rules of this repository.
    Structure,
    /// The licences of all dependencies are ones that we allow.
    Licences,
    /// Clippy has nothing to say.
    Clippy,
    /// The documentation builds without a warning.
    Docs,
    /// The tests that need no cluster.
    Unit,
    /// Our reading of manifests beside kubectl's own.
    Oracle,
    /// The tests against a real cluster and real servers.
    Cluster,
    /// The golden transcripts of commands and of the demo.
    Transcripts,
}

impl Check {
    /// All checks, in their order.
    pub const ALL: [Self; 9] = [
        Self::Format,
        Self::Structure,
        Self::Licences,
        Self::Clippy,
        Self::Docs,
        Self::Unit,
        Self::Oracle,
        Self::Cluster,
        Self::Transcripts,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Structure => "structure",
            Self::Licences => "licences",
            Self::Clippy => "clippy",
            Self::Docs => "docs",
            Self::Unit => "unit",
            Self::Oracle => "oracle",
            Self::Cluster => "cluster",
            Self::Transcripts => "transcripts",
        }
    }

    /// What it does, for a headline.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Format => "cargo fmt and gofmt would change nothing",
            Self::Structure => "order of modules, layout, headers, length of files, nothing left to do",
            Self::Licences => "every dependency is from crates.io, under a licence on our list",
            Self::Clippy => "cargo clippy on all targets, warnings denied",
            Self::Docs => "cargo doc with private items, warnings denied",
            Self::Unit => "unit tests, documentation tests, and the compiler's own tests",
            Self::Oracle => "what we read of manifests is what kubectl's own code reads",
            Self::Cluster => {
                "tests against a real cluster and real servers, built first where they are not in the cache"
            }
            Self::Transcripts => "golden transcripts of the commands and of the demo",
        }
    }

    /// Whether it runs Go.
    pub(super) fn needs_go(self) -> bool {
        matches!(self, Self::Format | Self::Unit | Self::Oracle | Self::Cluster | Self::Transcripts)
    }

    /// Runs it; tests run their full counts where `long`.
    pub(super) fn run(self, job: &mut Job<'_>, long: bool) -> Result<String, Failure> {
        if long {
            job.limit_time(LONG_TIME_LIMIT);
        }
        match self {
            Self::Format => format(job),
            Self::Structure => structure::run(job),
            Self::Licences => licences::run(job),
            Self::Clippy => clippy(job),
            Self::Docs => docs(job),
            Self::Unit => suites::unit(job, long),
            Self::Oracle => suites::oracle(job, long),
            Self::Cluster => suites::cluster(job, long),
            Self::Transcripts => suites::transcripts(job, long),
        }
    }
}

fn format(job: &mut Job<'_>) -> Result<String, Failure> {
    // Both are run whatever the first says: they are about different files.
    let rust = job.run(workspace::cargo(&["fmt", "--all", "--check"]));
    let mut gofmt = workspace::command("gofmt");
    gofmt.args(["-l", "testdata/cluster", "testdata/escape", "testdata/oracle", "testdata/registry"]);
    let unformatted = job.output(gofmt)?;
    rust?;
    job.findings(unformatted.lines().map(|path| format!("{path}: gofmt would change it")))
}

fn clippy(job: &mut Job<'_>) -> Result<String, Failure> {
    job.run(workspace::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(String::new())
}

fn docs(job: &mut Job<'_>) -> Result<String, Failure> {
    let mut cargo =
        workspace::cargo(&["doc", "--workspace", "--no-deps", "--keep-going", "--locked", "--document-private-items"]);
    cargo.env("RUSTDOCFLAGS", "-Dwarnings");
    job.run(cargo)?;
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_has_the_names_that_the_summary_has() {
        assert_eq!(Check::value_variants(), Check::ALL);
        for check in Check::ALL {
            let value = check.to_possible_value().expect("none is hidden");
            assert_eq!(value.get_name(), check.name());
        }
    }
}
