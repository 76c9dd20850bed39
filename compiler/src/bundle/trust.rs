//! Whose signatures a bundle needs.
//!
//! In: a policy; what was said about a bundle, by keys whose signatures were checked before. Out: nothing, or what is missing.
//! Pure: no key is read here, and no signature.
//!
//! Guarantees: an application that no rule is for is refused; every rule that is for it must be met; one key counts once in a
//! rule, however often it signed; only statements of the kind that a rule wants count, so that whoever signs that a bundle was
//! scanned has not agreed to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provenance::{PROVENANCE, Provenance};
use super::reviewed::REVIEW;
use super::statement::{SIGNATURE, Statement};
use crate::app::Pattern;
use crate::diagnostic::{Diagnostic, Origin};
use crate::name::AppName;

/// What a policy calls a key.
pub type KeyName = String;

/// Whose signatures bundles need, by application and cluster.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustPolicy {
    /// Public keys in PEM (Ed25519, or ECDSA on P-256), by what the rules call them.
    pub keys: BTreeMap<KeyName, String>,
    /// The rules. All that are for an application and a cluster must be met; where none is, nothing may be applied.
    pub rules: Vec<Rule>,
}

/// What bundles of some applications need.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The applications that it is for, as globs: `shop`, `shop-*`, `*`.
    #[schemars(with = "Vec<String>")]
    pub applications: Vec<Pattern>,
    /// The clusters that it is for, by the uid of their namespace `kube-system`; all of them where absent.
    #[serde(default)]
    pub clusters: Vec<String>,
    /// What must be signed; a signature or a provenance where absent.
    #[serde(default)]
    pub statement: Option<StatementKind>,
    /// The keys whose signatures count.
    pub keys: Vec<KeyName>,
    /// How many of them must have signed.
    #[serde(default = "one")]
    pub threshold: NonZeroUsize,
    /// With `statement: provenance`: the repositories that every source of the bundle must be of.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// With `statement: provenance`: the builders, one of which must have built it.
    #[serde(default)]
    pub builders: Vec<String>,
}

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatementKind {
    /// That it is this bundle, and no more.
    Signature,
    /// Where it comes from.
    Provenance,
    /// That it was reviewed.
    Review,
}

/// What somebody said whose signature is good.
#[derive(Debug, Clone, PartialEq)]
pub struct Vouched {
    /// Whose key it is.
    pub key: KeyName,
    /// What was said. It is about this bundle.
    pub statement: Statement,
}

/// A policy that says nothing useful.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TrustError(String);

/// A rule that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// No rule is for this application on this cluster.
    NoRule,
    /// Too few have signed.
    Signers {
        /// The number of the rule, from 1.
        rule: usize,
        /// What must be signed.
        wanted: String,
        /// How many must have signed.
        threshold: usize,
        /// Who may.
        keys: Vec<KeyName>,
        /// Who has.
        signed: BTreeSet<KeyName>,
        /// Why signed provenances do not count.
        faults: Vec<String>,
    },
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

impl StatementKind {
    /// The kind of a predicate.
    #[must_use]
    pub fn of(predicate_type: &str) -> Option<Self> {
        match predicate_type {
            SIGNATURE => Some(Self::Signature),
            PROVENANCE => Some(Self::Provenance),
            REVIEW => Some(Self::Review),
            _ => None,
        }
    }

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Provenance => "provenance",
            Self::Review => "review",
        }
    }
}

impl TrustPolicy {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Whatever is wrong with it, with the line where that is known.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, Diagnostic> {
        let at = |line, column, message| Diagnostic::error(Origin { path: path.to_owned(), line, column }, message);
        let policy: Self = serde_yaml::from_slice(bytes).map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
            let text = error.to_string();
            at(line, column, text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned())
        })?;
        policy.check().map_err(|TrustError(message)| at(0, 0, message))?;
        Ok(policy)
    }

    /// The policy that any of these keys may sign anything, and so many of them must have.
    ///
    /// # Errors
    /// Where that cannot be met.
    pub fn of_keys(keys: BTreeMap<KeyName, String>, threshold: NonZeroUsize) -> Result<Self, TrustError> {
        let all: Pattern = "*".parse().map_err(|_| TrustError("no pattern for all applications".to_owned()))?;
        let rule = Rule {
            applications: vec![all],
            clusters: Vec::new(),
            statement: None,
            keys: keys.keys().cloned().collect(),
            threshold,
            repositories: Vec::new(),
            builders: Vec::new(),
        };
        let policy = Self { keys, rules: vec![rule] };
        policy.check().map_err(|_| {
            TrustError(format!("{threshold} signatures are needed, and {} keys may sign", policy.keys.len()))
        })?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), TrustError> {
        if self.rules.is_empty() {
            return Err(TrustError("it has no rules: nothing could be applied".to_owned()));
        }
        for (number, rule) in (1..).zip(&self.rules) {
            rule.fault(&self.keys).map_or(Ok(()), |fault| Err(TrustError(format!("rule {number}: {fault}"))))?;
        }
        Ok(())
    }

    /// What is missing for a bundle of an application to be applied to a cluster. Where the cluster is not known, it must be
    /// good for all of them.
    ///
    /// # Errors
    /// Every rule that is not met.
    pub fn judge(&self, application: &AppName, cluster: Option<&str>, vouched: &[Vouched]) -> Result<(), Vec<Unmet>> {
        let rules: Vec<(usize, &Rule)> =
            (1..).zip(&self.rules).filter(|(_, rule)| rule.is_for(application, cluster)).collect();
        let unmet: Vec<Unmet> = if rules.is_empty() {
            vec![Unmet::NoRule]
        } else {
            rules.into_iter().filter_map(|(number, rule)| rule.unmet(number, vouched)).collect()
        };
        if unmet.is_empty() { Ok(()) } else { Err(unmet) }
    }
}

impl Rule {
    fn fault(&self, keys: &BTreeMap<KeyName, String>) -> Option<String> {
        if self.applications.is_empty() {
            return Some("it is for no application".to_owned());
        }
        if let Some(unknown) = self.keys.iter().find(|name| !keys.contains_key(*name)) {
            return Some(format!("no key is called `{unknown}`"));
        }
        let distinct: BTreeSet<&KeyName> = self.keys.iter().collect();
        if distinct.len() < self.keys.len() {
            return Some("it names a key twice".to_owned());
        }
        if self.threshold.get() > distinct.len() {
            return Some(format!("{} must sign, and {} may", self.threshold, distinct.len()));
        }
        let is_of_origin = !(self.repositories.is_empty() && self.builders.is_empty());
        (is_of_origin && self.statement != Some(StatementKind::Provenance))
            .then(|| "repositories and builders are matters of provenance: say `statement: provenance`".to_owned())
    }

    fn is_for(&self, application: &AppName, cluster: Option<&str>) -> bool {
        let is_there = |uid: &str| self.clusters.is_empty() || self.clusters.iter().any(|known| known == uid);
        self.applications.iter().any(|pattern| pattern.matches(application.as_str())) && cluster.is_none_or(is_there)
    }

    fn unmet(&self, rule: usize, vouched: &[Vouched]) -> Option<Unmet> {
        let (mut signed, mut faults) = (BTreeSet::new(), Vec::new());
        for Vouched { key, statement } in vouched.iter().filter(|vouched| self.keys.contains(&vouched.key)) {
            let Some(kind) = StatementKind::of(&statement.predicate_type) else { continue };
            let counts = match self.statement {
                None => kind != StatementKind::Review,
                Some(wanted) => kind == wanted,
            };
            match self.fault_of_origin(statement) {
                _ if !counts => {}
                Some(fault) => faults.push(format!("the provenance by {key}: {fault}")),
                None => drop(signed.insert(key.clone())),
            }
        }
        (signed.len() < self.threshold.get()).then(|| Unmet::Signers {
            rule,
            wanted: self.statement.map_or("signature or provenance", StatementKind::as_str).to_owned(),
            threshold: self.threshold.get(),
            keys: self.keys.clone(),
            signed,
            faults,
        })
    }

    /// Why a provenance is not of where it should be.
    fn fault_of_origin(&self, statement: &Statement) -> Option<String> {
        if self.repositories.is_empty() && self.builders.is_empty() {
            return None;
        }
        let Some(provenance) = Provenance::read(&statement.predicate) else {
            return Some("it is not of a build of this program".to_owned());
        };
        let builder = &provenance.run_details.builder.id;
        if !self.builders.is_empty() && !self.builders.contains(builder) {
            return Some(format!("it was built by {builder:?}"));
        }
        if self.repositories.is_empty() {
            return None;
        }
        let is_known = |address: &String| self.repositories.iter().any(|known| plain(known) == plain(address));
        let sources = &provenance.build_definition.external_parameters.sources;
        if sources.is_empty() {
            return Some("it tells no source".to_owned());
        }
        let other = sources.iter().find(|source| !source.repository.as_ref().is_some_and(is_known))?;
        Some(format!("a source is of {}", other.repository.as_deref().unwrap_or("a repository without an address")))
    }
}

/// An address without what makes no difference.
fn plain(address: &str) -> &str {
    let address = address.trim_end_matches('/');
    address.strip_suffix(".git").unwrap_or(address)
}

impl fmt::Display for Unmet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule => write!(formatter, "no rule is for this application on this cluster"),
            Self::Signers { rule, wanted, threshold, keys, signed, faults } => {
                write!(formatter, "rule {rule} wants a {wanted} by {threshold} of {}", keys.join(", "))?;
                if signed.is_empty() {
                    write!(formatter, "; there is none")?;
                } else {
                    let signed: Vec<&str> = signed.iter().map(String::as_str).collect();
                    write!(formatter, "; there is one by {}", signed.join(", "))?;
                }
                faults.iter().try_for_each(|fault| write!(formatter, "; {fault}"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
