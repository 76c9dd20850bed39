//! How a repository wants its reviews: levels of rules, and risks that are accepted until a day.
//!
//! In: `.gitops/review.yaml` of the root of a repository. Out: [`Settings`]. Those of the base judge; what the newer side
//! would change in them is told as a risk and has no effect yet: nobody accepts what they bring.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Diagnostic, Origin};

use super::Day;
use super::report::Risk;
use super::rule::{Level, RiskRule, rule_named};

/// Where the settings are, from the root of a repository.
pub const SETTINGS_FILE: &str = ".gitops/review.yaml";

/// So many risks may be accepted at a time.
const MOST_ACCEPTANCES: usize = 1000;

/// The settings of reviews, in `.gitops/review.yaml` at the root of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Levels of rules that are not the program's own.
    #[serde(default)]
    rules: BTreeMap<String, WrittenLevel>,
    /// Risks that are accepted.
    #[serde(default)]
    accept: Vec<Acceptance>,
}

/// A level, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum WrittenLevel {
    /// It is not told.
    Off,
    /// Good to know.
    Info,
    /// A person should look at it.
    Caution,
    /// It stops a change.
    Block,
}

/// A risk that is accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The rule.
    pub rule: String,
    /// The resource as reports have it: `PersistentVolumeClaim shop/legacy-data`; `*` stands for any part of it.
    pub resource: String,
    /// The last day on which it counts.
    pub until: Day,
    /// Why.
    pub reason: String,
}

impl Settings {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// Whatever it says that is no setting, with the line where that is known. A file that says nothing sets nothing.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, Diagnostic> {
        let at =
            |line, column, message: String| Diagnostic::error(Origin { path: path.to_owned(), line, column }, message);
        let read: Result<Option<Self>, _> = serde_yaml::from_slice(bytes);
        let settings = read.map(Option::unwrap_or_default).map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
            let text = error.to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
            at(line, column, message.to_owned())
        })?;
        let named = settings.rules.keys().chain(settings.accept.iter().map(|acceptance| &acceptance.rule));
        let fault =
            named.clone().find(|name| rule_named(name).is_none()).map(|name| format!("no rule is called `{name}`"));
        let reasonless = settings.accept.iter().find(|acceptance| acceptance.reason.trim().is_empty());
        let fault = fault.or_else(|| reasonless.map(|found| format!("the acceptance of {} has no reason", found.rule)));
        let many = settings.accept.len() > MOST_ACCEPTANCES;
        let fault = fault.or_else(|| many.then(|| format!("it accepts more than {MOST_ACCEPTANCES} risks")));
        fault.map_or(Ok(settings), |message| Err(at(0, 0, message)))
    }

    /// How bad what a rule finds is; none where it is not told.
    #[must_use]
    pub fn level(&self, rule: &RiskRule) -> Option<Level> {
        match self.rules.get(rule.name) {
            None => Some(rule.level),
            Some(WrittenLevel::Off) => None,
            Some(WrittenLevel::Info) => Some(Level::Info),
            Some(WrittenLevel::Caution) => Some(Level::Caution),
            Some(WrittenLevel::Block) => Some(Level::Block),
        }
    }

    /// What is accepted.
    #[must_use]
    pub fn acceptances(&self) -> &[Acceptance] {
        &self.accept
    }

    /// What these settings would let pass that those of the base do not, nor those of the commit where both parted: one
    /// clause for each. What the base has tightened since then is not undone by who knows nothing of it.
    #[must_use]
    pub fn laxer_than(&self, base: &Self, parted: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for name in self.rules.keys().chain(base.rules.keys().filter(|name| !self.rules.contains_key(*name))) {
            let Some(rule) = rule_named(name) else { continue };
            let (before, after) = (base.level(rule), self.level(rule));
            if after < before && after < parted.level(rule) {
                let word = |level: Option<Level>| level.map_or("off", Level::as_str);
                found.push(format!("{name} would go from {} to {}", word(before), word(after)));
            }
        }
        for acceptance in &self.accept {
            let covers = |known: &&Acceptance| known.covers(acceptance);
            if !base.accept.iter().chain(&parted.accept).any(|known| covers(&known)) {
                let Acceptance { rule, resource, until, reason } = acceptance;
                found.push(format!("{rule} would be accepted for {resource} until {until}: {reason}"));
            }
        }
        found
    }
}

impl Acceptance {
    /// Whether it is of this risk, whatever day it is.
    #[must_use]
    pub fn fits(&self, risk: &Risk) -> bool {
        let resource = risk.resource.as_ref().map(ToString::to_string).unwrap_or_default();
        self.rule == risk.rule && is_like(&self.resource, &resource)
    }

    /// Whether nothing is accepted by the other that this does not accept.
    fn covers(&self, other: &Self) -> bool {
        self.rule == other.rule && self.until >= other.until && is_like(&self.resource, &other.resource)
    }
}

/// Whether a text is as a pattern says, in which `*` stands for any text. Time is bounded by the product of both lengths.
pub(super) fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ResourceKey;

    fn read(text: &str) -> Settings {
        Settings::read("r", text.as_bytes()).expect("settings")
    }

    fn risk(rule: &str, key: ResourceKey) -> Risk {
        Risk {
            level: Level::Block,
            rule: rule.to_owned(),
            resource: Some(key),
            path: None,
            evidence: String::new(),
            advice: String::new(),
            origin: None,
        }
    }

    #[test]
    fn what_is_no_setting_is_an_error() {
        assert_eq!(read(""), Settings::default());
        for (text, told) in [
            ("rules: {nonsense: info}", "no rule is called `nonsense`"),
            ("accept: [{rule: odd, resource: a, until: 2026-01-01, reason: x}]", "no rule is called `odd`"),
            ("accept: [{rule: renamed, resource: a, until: 2026-01-01, reason: ' '}]", "has no reason"),
            ("accept: [{rule: renamed, resource: a, until: 2026-02-30, reason: x}]", "is no day"),
            ("accept: [{rule: renamed, resource: a, reason: x}]", "missing field `until`"),
            ("rules: {renamed: loud}", "unknown variant"),
            ("other: 1", "unknown field"),
        ] {
            let error = Settings::read("r", text.as_bytes()).expect_err(text);
            assert!(error.message.contains(told), "{error}");
        }
    }

    #[test]
    fn levels_are_those_that_are_written() {
        let settings = read("rules: {renamed: off, privileged: info}");
        let level = |name: &str| settings.level(rule_named(name).expect("a rule"));
        assert_eq!(level("renamed"), None);
        assert_eq!(level("privileged"), Some(Level::Info));
        assert_eq!(level("claim-removed"), Some(Level::Block));
    }

    #[test]
    fn an_acceptance_is_of_one_rule_and_of_resources_like_its_pattern() {
        let of = |resource: &str| {
            read(&format!("accept: [{{rule: renamed, resource: '{resource}', until: 2026-01-01, reason: x}}]"))
        };
        let fits = |resource: &str, rule: &str| {
            of(resource).acceptances()[0].fits(&risk(rule, ResourceKey::new("", "ConfigMap", "shop", "web-1")))
        };
        for resource in
            ["ConfigMap shop/web-1", "*", "ConfigMap shop/*", "*web*", "ConfigMap */*-1", "C*M*p shop/web-1"]
        {
            assert!(fits(resource, "renamed"), "{resource}");
            assert!(!fits(resource, "privileged"), "{resource}");
        }
        for resource in ["", "ConfigMap shop/web", "shop/web-1", "ConfigMap shop/*-2", "*web-1*1"] {
            assert!(!fits(resource, "renamed"), "{resource}");
        }
    }

    #[test]
    fn only_what_lets_more_pass_is_laxer() {
        let accept = |resource: &str, until: &str| {
            read(&format!("accept: [{{rule: renamed, resource: '{resource}', until: {until}, reason: x}}]"))
        };
        let (base, other) = (accept("Pod a*", "2026-01-02"), read("rules: {renamed: block}"));
        let laxer = |new: &Settings, base: &Settings| new.laxer_than(base, base);
        assert_eq!(laxer(&accept("Pod ab", "2026-01-01"), &base), [""; 0]);
        assert_eq!(laxer(&accept("Pod ab", "2026-01-03"), &base).len(), 1, "it is prolonged");
        assert_eq!(laxer(&accept("Pod *", "2026-01-01"), &base).len(), 1, "it is widened");
        assert_eq!(laxer(&other, &Settings::default()), [""; 0]);
        assert_eq!(laxer(&Settings::default(), &other), ["renamed would go from block to caution"]);
        assert_eq!(laxer(&read("rules: {renamed: off}"), &base), ["renamed would go from caution to off"]);
        // The base was tightened after both parted: the newer side, which is as it was, takes nothing of that back.
        assert_eq!(Settings::default().laxer_than(&other, &Settings::default()), [""; 0]);
        assert_eq!(base.laxer_than(&Settings::default(), &base), [""; 0]);
        let off = read("rules: {renamed: off}");
        assert_eq!(off.laxer_than(&other, &Settings::default()), ["renamed would go from block to off"]);
    }
}
