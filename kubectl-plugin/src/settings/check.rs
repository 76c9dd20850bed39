//! Checking applications: from flags to what came of each.
//!
//! In: flags, one application or all of a file. Out: [`CheckedApplication`]s in the order of the file. What is wrong with one
//! says nothing of the others. Here is the clock: two seconds pass between the two runs of all renders, once.

use std::time::Duration;

use gitops_compiler::compile::{self, Checked, CheckedRender, Compilation};
use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::name::AppName;
use gitops_compiler::store::Store;

use crate::error::CommandError;
use crate::output::Printer;

use super::ground::Missing;
use super::open::{Opened, OpenedByName, warnings};
use super::source::SourceArgs;

/// How long renders are apart: longer than any clock counts that a manifest shows.
const APART: Duration = Duration::from_secs(2);

/// An application, and what came of checking it.
#[derive(Debug)]
pub struct CheckedApplication {
    /// Its name.
    pub name: AppName,
    /// What it compiles to, where it does.
    pub compilation: Option<Compilation>,
    /// All that there is to say.
    pub findings: Vec<Diagnostic>,
    /// Why it could not be looked at, beside the findings.
    pub error: Option<CommandError>,
    /// What was run twice.
    pub renders: Vec<CheckedRender>,
}

impl SourceArgs {
    /// Checks what the flags name: each Application of a file where they name none.
    pub fn check(
        &self,
        name: Option<&AppName>,
        store: Option<&Store>,
        printer: Printer,
    ) -> Result<Vec<CheckedApplication>, CommandError> {
        let levels = self.levels()?;
        let mut ground = self.ground(self.revision.as_deref(), Missing::AsAsked, store)?;
        let opened = self.open_each(name, &mut ground)?;
        let sources: Vec<_> = opened.iter().filter_map(|(_, opened)| Some(opened.as_ref().ok()?.sources())).collect();
        let pause = || std::thread::sleep(APART);
        let mut checked = compile::check(&sources, &levels, store, pause, &mut warnings(printer)).into_iter();
        drop(sources);
        let finish = |(name, opened): OpenedByName| match opened {
            Ok(opened) => Some(CheckedApplication::new(name, &opened, checked.next()?)),
            Err(error) => Some(CheckedApplication::unopened(name, error)),
        };
        Ok(opened.into_iter().filter_map(finish).collect())
    }
}

impl CheckedApplication {
    fn new(name: AppName, opened: &Opened, checked: Checked) -> Self {
        let Checked { compiled, mut findings, renders } = checked;
        let (compilation, error) = match compiled {
            Ok(compilation) => {
                findings.extend(compilation.lints.clone());
                (Some(compilation), None)
            }
            Err(compile::Error::Manifests { findings: of_manifests, .. }) => {
                findings.extend(of_manifests);
                (None, None)
            }
            Err(error @ compile::Error::Render(_)) => (None, Some(CommandError::from(error))),
        };
        findings.sort();
        findings.splice(0..0, opened.own_lints());
        Self { name, compilation, findings, error, renders }
    }

    fn unopened(name: AppName, mut error: CommandError) -> Self {
        let findings = std::mem::take(&mut error.findings);
        Self { name, compilation: None, findings, error: Some(error), renders: Vec::new() }
    }

    /// How many findings are of a level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether nothing is wrong. Warnings are nothing wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.error.is_none() && self.compilation.is_some() && self.count(Level::Error) == 0
    }
}
