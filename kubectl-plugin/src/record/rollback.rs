//! Which release a rollback goes back to, and what it takes back. Pure.
//!
//! In: a head, and what somebody named. Out: a release of the history.

use super::head::StoredGraph;
use super::{Head, Outcome, Release};

/// Why there is none to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRelease {
    /// Nobody named one.
    #[error("there is no earlier release that succeeded and differs from this one")]
    Earlier,
    /// This one.
    #[error("no release `{0}` is kept")]
    Named(String),
}

impl NoRelease {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Earlier => "`kubectl gitops history` lists all; name one with --to",
            Self::Named(_) => "`kubectl gitops history` lists all",
        }
    }
}

/// What a rollback takes back: what was applied last, by a run that ended or by one that died.
#[must_use]
pub fn taken_back(head: &Head) -> Option<(u64, &StoredGraph)> {
    let died = head.pending.as_ref().filter(|pending| !pending.ended);
    let tried = died.and_then(|pending| Some((pending.number, pending.attempted.last()?)));
    tried.or_else(|| head.releases.last().map(|last| (last.number, &last.graph)))
}

/// By default the newest release that succeeded and whose content differs from what was applied last, by a run that
/// ended or by one that died. After a failure that is the live release itself. A rollback that did not get through is gone
/// on with.
///
/// # Errors
/// Where there is none.
pub fn choose<'a>(head: &'a Head, to: Option<&str>) -> Result<&'a Release, NoRelease> {
    let Some(to) = to else {
        let begun = head.pending.as_ref().and_then(|pending| pending.origin.rollback_to);
        if let Some(release) = begun.and_then(|number| head.release(number)) {
            return Ok(release);
        }
        let last = taken_back(head);
        let succeeded = |number: u64| head.release(number).is_some_and(|it| it.outcome == Outcome::Succeeded);
        let is_unfinished = last.is_some_and(|(number, _)| !succeeded(number));
        let current = last.map(|(_, graph)| graph);
        // What failed is taken back, even where only its hooks were new.
        let differs = |release: &&Release| {
            let graph = &release.graph;
            let is_held = head.holds.iter().any(|hold| hold.taken_back.content == graph.content);
            !is_held
                && current.is_none_or(|current| {
                    if is_unfinished { graph.id != current.id } else { graph.content != current.content }
                })
        };
        let mut candidates = head.releases.iter().rev().filter(|release| release.outcome == Outcome::Succeeded);
        return candidates.find(differs).ok_or(NoRelease::Earlier);
    };
    let found = match to.parse::<u64>() {
        Ok(number) => head.release(number),
        Err(_) => head.releases.iter().rev().find(|release| {
            let id = release.graph.id.to_string();
            // A prefix of 8 characters and more after the type is enough, where it is unambiguous.
            id == to || (to.len() >= 11 && id.starts_with(to) && unambiguous(head, to))
        }),
    };
    found.ok_or_else(|| NoRelease::Named(to.to_owned()))
}

fn unambiguous(head: &Head, prefix: &str) -> bool {
    let ids = head.releases.iter().map(|release| release.graph.id).filter(|id| id.to_string().starts_with(prefix));
    ids.collect::<std::collections::BTreeSet<_>>().len() == 1
}
