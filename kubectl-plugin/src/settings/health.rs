//! Health checks that users have written: which files they are in.
//!
//! In: a flag, and the sources of an application, or a release of it. Out: the rules of a run. What is wrong in these files
//! is told before anything else happens.

use std::path::PathBuf;

use clap::Args;
use gitops_compiler::tree::{Found, join};

use crate::error::CommandError;
use crate::health::{Checks, Rules};
use crate::record::Records;
use crate::record::head::ReleaseOrigin;
use crate::worker::own_sandbox;

use super::open::Opened;

/// Where a source has health checks of its own, below its folder.
const FILE: &str = ".gitops/health.yaml";

/// Health checks beside those of this program.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Health checks of your own, in CEL or Lua: a file like .gitops/health.yaml, or an argocd-cm ConfigMap of Argo CD. A
    /// release keeps those that it was applied with
    #[arg(long, value_name = "FILE")]
    health_checks: Option<PathBuf>,
}

impl HealthArgs {
    /// The rules, with those of the file that the flag names, and of the application, where it is opened.
    pub fn rules(&self, opened: Option<&Opened>) -> Result<Rules, CommandError> {
        self.rules_with(opened.map(Opened::health_checks).transpose()?.unwrap_or_default())
    }

    /// The rules, with those of the file that the flag names, and of these, by their paths.
    pub fn rules_with(&self, more: Vec<(String, Vec<u8>)>) -> Result<Rules, CommandError> {
        let mut files = Vec::new();
        if let Some(path) = &self.health_checks {
            let shown = path.display().to_string();
            let bytes = std::fs::read(path);
            let bytes = bytes.map_err(|error| CommandError::user(format!("cannot read {shown}: {error}")))?;
            files.push((shown, bytes));
        }
        files.extend(more);
        read(&files)
    }

    /// Whether the flag names a file.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.health_checks.is_some()
    }

    /// The rules for what is in a record, with no application opened: those of the file that the flag names, else the
    /// checks that a release was applied with.
    pub async fn recorded_rules(
        &self,
        records: &Records,
        target: &str,
        release: Option<&ReleaseOrigin>,
    ) -> Result<Rules, CommandError> {
        let Some(origin) = release.filter(|_| self.health_checks.is_none()) else { return self.rules(None) };
        let files = records.health_checks(origin, target).await?;
        let hint = "--health-checks FILE gives others";
        let files: Vec<(String, Vec<u8>)> = files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
        read(&files).map_err(|error| error.hint(hint))
    }
}

/// The rules of files.
fn read(files: &[(String, Vec<u8>)]) -> Result<Rules, CommandError> {
    Ok(Rules::new(checks(files)?, own_sandbox()))
}

/// The checks of files.
fn checks(files: &[(String, Vec<u8>)]) -> Result<Checks, CommandError> {
    let (mut checks, mut wrong) = (Checks::default(), Vec::new());
    for (path, bytes) in files {
        wrong.extend(checks.add(path, bytes).err().unwrap_or_default());
    }
    if wrong.is_empty() {
        return Ok(checks);
    }
    Err(CommandError::user("the health checks are not understood").details(wrong))
}

impl Opened {
    /// The checks that the sources have.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn checks(&self) -> Result<Checks, CommandError> {
        checks(&self.health_checks()?)
    }

    /// Paths and bytes of the health checks that the sources have.
    pub(super) fn health_checks(&self) -> Result<Vec<(String, Vec<u8>)>, CommandError> {
        let mut files = Vec::new();
        for folder in self.folders() {
            let path = join(folder.folder(), FILE).unwrap_or_default();
            if let Found::Entry(entry) = folder.find(&path) {
                let bytes = folder.reader().read(&entry)?;
                files.push((entry.path, bytes));
            }
        }
        Ok(files)
    }
}
