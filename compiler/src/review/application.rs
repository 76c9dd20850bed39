//! The review of one application.
//!
//! In: its two sides, the files that differ. Out: [`ApplicationReview`]. Where nothing is known of the older side rules judge
//! as if all were new, and that is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::canon::Value;
use crate::diff;
use crate::name::ResourceKey;

use super::compared::{self, Compared};
use super::judge::{Judge, verdict_of};
use super::report::{ApplicationReview, Cause, ExpiredAcceptance, Fate, ResourceReview, Verdict};
use super::risks::{self, Finding};
use super::{Listed, Outcome, Pair, causes, order, reach, restarts, rule, shared, versions};

/// Reviews an application.
pub(super) fn review(
    pair: &Pair<'_>,
    judge: &Judge<'_>,
    expired: &mut BTreeSet<ExpiredAcceptance>,
) -> ApplicationReview {
    let id = |outcome: Outcome<'_>| match outcome {
        Outcome::Compiled(side) => Some(side.graph.id()),
        Outcome::Absent | Outcome::Unnamed(_) | Outcome::Listed(_) | Outcome::Failed { .. } => None,
    };
    let mut report = ApplicationReview {
        application: pair.application.to_owned(),
        base: id(pair.base),
        head: id(pair.head),
        files: pair.files.iter().map(|file| file.path.clone()).collect(),
        ..ApplicationReview::default()
    };
    let found = match pair.head {
        Outcome::Failed { findings, error } => {
            report.findings = findings.to_vec();
            report.error = Some(error.to_owned());
            let origin = findings.first().map(|finding| finding.origin.clone());
            let evidence = format!("{}: {error}", pair.application);
            vec![Finding { rule: rule::DOES_NOT_COMPILE, resource: None, path: None, evidence, origin }]
        }
        Outcome::Absent | Outcome::Compiled(_) | Outcome::Unnamed(_) | Outcome::Listed(_) => {
            let mut found = of_sides(pair, &mut report);
            found.extend(compare(pair, &mut report));
            found
        }
    };
    (report.risks, report.accepted) = judge.judge(found, expired);
    report.verdict = verdict(&report);
    report
}

/// What is wrong with a side as a whole.
fn of_sides(pair: &Pair<'_>, report: &mut ApplicationReview) -> Vec<Finding> {
    let of_all = |rule, evidence| Finding { rule, resource: None, path: None, evidence, origin: None };
    let name = pair.application;
    let mut found = Vec::new();
    let unknown = match pair.base {
        Outcome::Failed { error, .. } => Some(format!("it does not compile, and all is told as new: {error}")),
        Outcome::Listed(_) => Some("only ids of it are kept".to_owned()),
        Outcome::Absent | Outcome::Compiled(_) | Outcome::Unnamed(_) => None,
    };
    if let Some(unknown) = unknown {
        found.push(of_all(rule::BASE_UNKNOWN, format!("{name}: {unknown}")));
        report.base_error = Some(unknown);
    }
    if matches!(
        (pair.base, pair.head),
        (Outcome::Compiled(_) | Outcome::Unnamed(_) | Outcome::Listed(_), Outcome::Absent)
    ) {
        found.push(of_all(rule::APPLICATION_REMOVED, format!("{name} is there no more")));
    }
    found
}

/// Compares both sides resource by resource.
fn compare(pair: &Pair<'_>, report: &mut ApplicationReview) -> Vec<Finding> {
    let side = |outcome| match outcome {
        Outcome::Compiled(side) | Outcome::Unnamed(side) => Some(side),
        Outcome::Absent | Outcome::Listed(_) | Outcome::Failed { .. } => None,
    };
    let (old, new) = (side(pair.base), side(pair.head));
    let listed = if let Outcome::Listed(listed) = pair.base { Some(listed) } else { None };
    let compared = match listed {
        Some(listed) => Compared::of_listed(new, listed),
        None => Compared::new(old, new),
    };
    report.counts = compared.counts;
    report.versions = versions::versions(&compared);
    let mut found = risks::find(&compared, &report.versions);
    report.restarts = restarts::restarts(&compared);
    report.reach = reach::reach(&compared);
    report.order = order::layers(&compared);
    report.causes = causes::causes(&compared, pair.files);
    locate(&mut found, &report.causes);
    report.changes = compared.changes.iter().map(|change| told(&compared, change)).collect();
    if let Some(listed) = listed {
        as_listed(&mut report.changes, listed);
    }
    report.shared = shared::shared(&report.changes);
    found
}

/// Tells of what only ids are kept whether it was there.
fn as_listed(changes: &mut Vec<ResourceReview>, listed: &[Listed]) {
    let were_there: BTreeSet<&ResourceKey> =
        listed.iter().filter(|listed| listed.was_there).map(|listed| &listed.resource).collect();
    for change in changes.iter_mut().filter(|change| were_there.contains(&change.resource)) {
        change.fate = Fate::Changed { fields: Vec::new(), schema: Vec::new(), schema_fields: Vec::new() };
    }
    let is_there: BTreeSet<ResourceKey> = changes.iter().map(|change| change.resource.clone()).collect();
    let gone = were_there.into_iter().filter(|resource| !is_there.contains(*resource));
    changes.extend(gone.map(|resource| {
        let fate = Fate::Removed { body: Value::Null };
        ResourceReview { resource: resource.clone(), fate, origin: None }
    }));
    changes.sort_by(|one, other| one.resource.cmp(&other.resource));
}

/// Gives findings the lines of their fields, where these are known.
fn locate(found: &mut [Finding], causes: &[Cause]) {
    let mut lines = BTreeMap::new();
    for cause in causes.iter().filter(|cause| cause.exact) {
        let Some(field) = &cause.field else { continue };
        lines.extend(cause.resources.iter().map(|resource| ((resource, field), &cause.origin)));
    }
    for finding in found {
        let place = finding.resource.as_ref().zip(finding.path.as_ref());
        if let Some(origin) = place.and_then(|place| lines.get(&place)) {
            finding.origin = Some((*origin).clone());
        }
    }
}

fn told(compared: &Compared<'_>, change: &compared::Changed<'_>) -> ResourceReview {
    let fields = || change.differences.iter().map(|found| found.change.clone()).collect();
    let fate = match (change.old, change.new) {
        (None, Some(new)) => Fate::Added { body: diff::masked_body(&new.resource.key, &new.resource.body) },
        (Some(old), None) => Fate::Removed { body: diff::masked_body(&old.resource.key, &old.resource.body) },
        (None, None) => Fate::Removed { body: Value::Null },
        (Some(old), Some(_)) if change.is_replaced() => {
            Fate::Replaced { from: old.resource.key.name.clone(), fields: fields() }
        }
        _ => {
            let schema_fields = change.schema_differences.iter().map(|found| found.change.clone()).collect();
            Fate::Changed { fields: fields(), schema: change.schema.clone(), schema_fields }
        }
    };
    ResourceReview { resource: change.key().clone(), fate, origin: compared.origin(change).cloned() }
}

fn verdict(report: &ApplicationReview) -> Verdict {
    if report.error.is_some() {
        return Verdict::Failed;
    }
    let of_risks = report.risks.iter().map(|risk| verdict_of(risk.level)).max().unwrap_or_default();
    let of_changes = if report.changes.is_empty() { Verdict::Unchanged } else { Verdict::Routine };
    of_risks.max(of_changes)
}
