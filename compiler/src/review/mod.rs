//! What a change does to the cluster, for whoever has to agree to it.
//!
//! In: for each application two graphs, where their resources were read, the files of the sources that differ; the settings
//! of both sides; the day. Out: a [`Review`]: verdict, risks, versions, restarts, what depends on what changes, causes, and
//! field by field what differs; and the same as text, markdown, HTML and SARIF (`write`). Pure: the same input gives the
//! same review, without a cluster, a clock or a network.
//!
//! Settings and acceptances are those of the base. What the newer side would change in them is told as a risk. Values of
//! Secrets are in no review.

mod causes;
mod compared;
mod day;
mod definition;
mod embedded;
mod field;
mod image;
mod pods;
mod reach;
mod report;
mod restarts;
mod risks;
mod rule;
mod settings;
mod shared;
mod versions;
pub mod write;

pub use causes::ChangedFile;
pub use compared::Side;
pub use day::Day;
pub use report::{
    Accepted, ApplicationReview, Cause, Counts, Dependent, ExpiredAcceptance, Fate, Reach, ResourceReview, Restart,
    RestartCause, Review, Risk, SchemaChange, SharedChange, SideName, Step, Verdict, VersionChange, Versioned,
};
pub use rule::{Level, RULES, RiskRule, rule_named};
pub use settings::{Acceptance, SETTINGS_FILE, Settings};

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Origin};
use crate::lock::{LOCK_FILE, Lock};

use compared::Compared;
use risks::Finding;

/// What became of compiling one side of an application.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// The side has no such application.
    Absent,
    /// It compiles.
    Compiled(Side<'a>),
    /// It is what the cluster has, in the terms of the other side. The id of that graph is nobody's, and is not told.
    Live(Side<'a>),
    /// It does not.
    Failed {
        /// What is wrong with its files.
        findings: &'a [Diagnostic],
        /// What is wrong, in one line.
        error: &'a str,
    },
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

/// What both sides have for the repository as a whole.
#[derive(Debug, Clone, Default)]
pub struct Whole {
    /// The settings of the base: these judge.
    pub settings: Settings,
    /// The settings of the newer side, or what is wrong with them.
    pub new_settings: Option<Result<Settings, Diagnostic>>,
    /// The lock of both sides.
    pub locks: Option<(Lock, Lock)>,
}

/// Reviews a change.
#[must_use]
pub fn review(base: SideName, head: SideName, pairs: &[Pair<'_>], whole: &Whole, today: Day) -> Review {
    let judge = Judge { settings: &whole.settings, today };
    let mut expired = BTreeSet::new();
    let mut applications: Vec<ApplicationReview> =
        pairs.iter().map(|pair| application(pair, &judge, &mut expired)).collect();
    applications.sort_by(|one, other| one.application.cmp(&other.application));
    let (risks, _) = judge.judge(of_repository(whole), &mut expired);
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

fn application(pair: &Pair<'_>, judge: &Judge<'_>, expired: &mut BTreeSet<ExpiredAcceptance>) -> ApplicationReview {
    let name = pair.application.to_owned();
    let side = |outcome: Outcome<'_>| match outcome {
        Outcome::Compiled(side) => Some(side.graph.id()),
        Outcome::Absent | Outcome::Live(_) | Outcome::Failed { .. } => None,
    };
    let mut report = ApplicationReview {
        application: name.clone(),
        base: side(pair.base),
        head: side(pair.head),
        files: pair.files.iter().map(|file| file.path.clone()).collect(),
        ..ApplicationReview::default()
    };
    if let Outcome::Failed { error, .. } = pair.base {
        report.base_error = Some(error.to_owned());
    }
    let mut found = Vec::new();
    if let Outcome::Failed { findings, error } = pair.head {
        report.findings = findings.to_vec();
        report.error = Some(error.to_owned());
        found.push(Finding {
            rule: rule::DOES_NOT_COMPILE,
            resource: None,
            path: None,
            evidence: format!("{name}: {error}"),
            origin: findings.first().map(|finding| finding.origin.clone()),
        });
    } else {
        if let (Outcome::Compiled(_), Outcome::Absent) = (pair.base, pair.head) {
            let evidence = format!("{name} is there no more");
            found.push(Finding { rule: rule::APPLICATION_REMOVED, resource: None, path: None, evidence, origin: None });
        }
        let side = |outcome| match outcome {
            Outcome::Compiled(side) | Outcome::Live(side) => Some(side),
            Outcome::Absent | Outcome::Failed { .. } => None,
        };
        let compared = Compared::new(side(pair.base), side(pair.head));
        report.counts = compared.counts;
        report.versions = versions::versions(&compared);
        found.extend(risks::find(&compared, &report.versions));
        report.restarts = restarts::restarts(&compared);
        report.reach = reach::reach(&compared);
        report.causes = causes::causes(&compared, pair.files);
        locate(&mut found, &report.causes);
        report.changes = compared.changes.iter().map(|change| told(&compared, change)).collect();
        report.shared = shared::shared(&report.changes);
    }
    (report.risks, report.accepted) = judge.judge(found, expired);
    report.verdict = verdict(&report);
    report
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
        (None, _) => Fate::Added,
        (_, None) => Fate::Removed,
        (Some(old), Some(_)) if change.is_replaced() => {
            Fate::Replaced { from: old.resource.key.name.clone(), fields: fields() }
        }
        _ => Fate::Changed { fields: fields(), schema: change.schema.clone() },
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

fn verdict_of(level: Level) -> Verdict {
    match level {
        Level::Info => Verdict::Routine,
        Level::Caution => Verdict::Caution,
        Level::Block => Verdict::Block,
    }
}

/// About the repository as a whole.
fn of_repository(whole: &Whole) -> Vec<Finding> {
    let of_file = |rule, path: &str, evidence| Finding {
        rule,
        resource: None,
        path: None,
        evidence,
        origin: Some(Origin::of_file(path)),
    };
    let laxer = match &whole.new_settings {
        None => Vec::new(),
        Some(Ok(settings)) => settings.laxer_than(&whole.settings),
        Some(Err(error)) => vec![format!("the settings are not understood: {}", error.message)],
    };
    let laxer = laxer.into_iter().map(|evidence| of_file(rule::ACCEPTANCE_CHANGED, SETTINGS_FILE, evidence));
    let hosts = whole.locks.as_ref().map(|(old, new)| {
        let (old, new) = (hosts(old), hosts(new));
        new.difference(&old).cloned().collect::<Vec<_>>()
    });
    let hosts = hosts.unwrap_or_default().into_iter();
    let hosts = hosts.map(|host| of_file(rule::LOCK_HOST_ADDED, LOCK_FILE, format!("inputs come from {host} now")));
    laxer.chain(hosts).collect()
}

/// The hosts that inputs come from.
fn hosts(lock: &Lock) -> BTreeSet<String> {
    let host = |address: &str| {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let rest = rest.rsplit('@').next().unwrap_or_default();
        // `git@host:path`, as scp has it; a number behind the colon is a port.
        match rest.split_once(':') {
            Some((host, port)) if !port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_lowercase(),
            _ => rest.to_lowercase(),
        }
    };
    lock.inputs().map(|(request, _)| host(request.address())).collect()
}

/// Gives findings their levels, and sets those aside that are accepted.
struct Judge<'a> {
    settings: &'a Settings,
    today: Day,
}

impl Judge<'_> {
    /// The risks that count, the worst first, and those that are accepted.
    fn judge(&self, found: Vec<Finding>, expired: &mut BTreeSet<ExpiredAcceptance>) -> (Vec<Risk>, Vec<Accepted>) {
        let (mut risks, mut accepted) = (Vec::new(), Vec::new());
        for Finding { rule, resource, path, evidence, origin } in found {
            let Some(level) = self.settings.level(&rule) else { continue };
            let (rule, advice) = (rule.name.to_owned(), rule.advice.to_owned());
            let risk = Risk { level, rule, resource, path, evidence, advice, origin };
            let fitting = || self.settings.acceptances().iter().filter(|acceptance| acceptance.fits(&risk));
            if let Some(acceptance) = fitting().find(|acceptance| acceptance.until >= self.today) {
                let (until, reason) = (acceptance.until.to_string(), acceptance.reason.clone());
                accepted.push(Accepted { risk, until, reason });
            } else {
                expired.extend(fitting().map(ExpiredAcceptance::of));
                risks.push(risk);
            }
        }
        let place = |risk: &Risk| (risk.rule.clone(), risk.resource.clone(), risk.path.clone(), risk.evidence.clone());
        risks.sort_by_cached_key(|risk| (std::cmp::Reverse(risk.level), place(risk)));
        accepted.sort_by_cached_key(|accepted: &Accepted| place(&accepted.risk));
        (risks, accepted)
    }
}

impl ExpiredAcceptance {
    fn of(acceptance: &Acceptance) -> Self {
        let Acceptance { rule, resource, until, .. } = acceptance;
        Self { rule: rule.clone(), resource: resource.clone(), until: until.to_string() }
    }
}

#[cfg(test)]
mod tests;
