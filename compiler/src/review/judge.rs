//! From what rules found to what counts.
//!
//! In: findings, the settings of the base, the day. Out: risks with their levels, the worst first; beside them those that
//! are accepted, and acceptances whose day is over.

use std::collections::BTreeSet;

use super::day::Day;
use super::report::{Accepted, ExpiredAcceptance, Risk, Verdict};
use super::risks::Finding;
use super::rule::Level;
use super::settings::{Acceptance, Settings};

/// Gives findings their levels, and sets those aside that are accepted.
pub(super) struct Judge<'a> {
    pub(super) settings: &'a Settings,
    pub(super) today: Day,
}

impl Judge<'_> {
    /// The risks that count, the worst first, and those that are accepted.
    pub(super) fn judge(
        &self,
        found: Vec<Finding>,
        expired: &mut BTreeSet<ExpiredAcceptance>,
    ) -> (Vec<Risk>, Vec<Accepted>) {
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

/// What a risk of a level asks of a reader.
pub(super) fn verdict_of(level: Level) -> Verdict {
    match level {
        Level::Info => Verdict::Routine,
        Level::Caution => Verdict::Caution,
        Level::Block => Verdict::Block,
    }
}
