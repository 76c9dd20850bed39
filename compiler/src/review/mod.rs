//! What a change does to the cluster, for whoever has to agree to it.
//!
//! In: for each application two graphs, where their resources were read, the files of the sources that differ; the settings
//! of both sides; the day. Out: a [`Review`]: verdict, risks, versions, restarts, what depends on what changes, causes, and
//! field by field what differs; and the same as text, markdown, HTML and SARIF (`write`). Pure: the same input gives the
//! same review, without a cluster, a clock or a network.
//!
//! Settings and acceptances are those of the base. What the newer side would change in them is told as a risk. Values of
//! Secrets are in no review.

mod application;
mod causes;
mod compared;
mod day;
mod definition;
mod embedded;
mod field;
mod image;
mod judge;
mod order;
mod pods;
mod reach;
mod report;
mod repository;
mod restarts;
mod risks;
mod rule;
mod selection;
mod settings;
mod shared;
mod versions;
pub mod write;

pub use causes::ChangedFile;
pub use compared::Side;
pub use day::Day;
pub use report::{
    Accepted, ApplicationReview, Cause, Counts, Dependent, ExpiredAcceptance, Fate, LeftOut, Reach, ResourceReview,
    Restart, RestartCause, Review, Risk, SchemaChange, SharedChange, SideName, Step, Verdict, VersionChange, Versioned,
};
pub use repository::Whole;
pub use rule::{Level, RULES, RiskRule, rule_named};
pub use selection::Selection;
pub use settings::{Acceptance, SETTINGS_FILE, Settings};

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::name::ResourceKey;

use judge::{Judge, verdict_of};

/// What became of compiling one side of an application.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// The side has no such application.
    Absent,
    /// It compiles.
    Compiled(Side<'a>),
    /// It is made of what is shown elsewhere: of what the cluster has, or of a snapshot with manifests. The id of that graph is
    /// nobody's, and is not told.
    Unnamed(Side<'a>),
    /// Only ids of it were kept: these resources are not as they were. Of an older side.
    Listed(&'a [Listed]),
    /// It does not.
    Failed {
        /// What is wrong with its files.
        findings: &'a [Diagnostic],
        /// What is wrong, in one line.
        error: &'a str,
    },
}

/// A resource that is not as it was, of which nothing more is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The resource.
    pub resource: ResourceKey,
    /// Whether the older side has it. Whether the newer one does is known.
    pub was_there: bool,
}

/// Both sides of an application.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// Its name.
    pub application: &'a str,
    /// The older side.
    pub base: Outcome<'a>,
    /// The newer side.
    pub head: Outcome<'a>,
    /// The files of its sources that differ, as far as they are known.
    pub files: &'a [ChangedFile],
}

/// Reviews a change.
#[must_use]
pub fn review(base: SideName, head: SideName, pairs: &[Pair<'_>], whole: &Whole, today: Day) -> Review {
    let judge = Judge { settings: &whole.settings, today };
    let mut expired = BTreeSet::new();
    let mut applications: Vec<ApplicationReview> =
        pairs.iter().map(|pair| application::review(pair, &judge, &mut expired)).collect();
    applications.sort_by(|one, other| one.application.cmp(&other.application));
    let (risks, _) = judge.judge(repository::findings(whole), &mut expired);
    let of_risks = risks.iter().map(|risk| verdict_of(risk.level)).max().unwrap_or_default();
    let verdict = applications.iter().map(|found| found.verdict).max().unwrap_or_default().max(of_risks);
    let expired_acceptances = expired.into_iter().collect();
    Review { base, head, verdict, risks, expired_acceptances, applications }
}

impl Review {
    /// The worst level of all risks that are not accepted.
    #[must_use]
    pub fn worst(&self) -> Option<Level> {
        let of_applications = self.applications.iter().flat_map(|application| &application.risks);
        self.risks.iter().chain(of_applications).map(|risk| risk.level).max()
    }

    /// Whether the cluster gets something else, or cannot get anything.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.applications.iter().any(|application| application.verdict != Verdict::Unchanged)
    }
}

#[cfg(test)]
mod tests;
