//! One rule of a policy: who must have signed what.
//!
//! In: the rule; what was said about a bundle, by signers whose signatures were checked before. Out: nothing, or what is missing.
//!
//! Guarantees: one signer counts once, however often it signed, and one signature for one signer, however many it fits; only
//! statements of the kind that the rule wants count.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::provenance::{PROVENANCE, Provenance};
use super::super::reviewed::REVIEW;
use super::super::statement::{SIGNATURE, Statement};
use super::{SignerName, Vouched};
use crate::app::Pattern;
use crate::name::AppName;

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
    /// The keys and identities whose signatures count.
    pub signers: Vec<SignerName>,
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
        signers: Vec<SignerName>,
        /// Who has.
        signed: BTreeSet<SignerName>,
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

impl Rule {
    /// What makes it useless, where signers have these names.
    pub(super) fn fault(&self, known: &BTreeSet<&SignerName>) -> Option<String> {
        if self.applications.is_empty() {
            return Some("it is for no application".to_owned());
        }
        if let Some(unknown) = self.signers.iter().find(|name| !known.contains(name)) {
            return Some(format!("no key and no identity is called `{unknown}`"));
        }
        let distinct: BTreeSet<&SignerName> = self.signers.iter().collect();
        if distinct.len() < self.signers.len() {
            return Some("it names a signer twice".to_owned());
        }
        if self.threshold.get() > distinct.len() {
            return Some(format!("{} must sign, and {} may", self.threshold, distinct.len()));
        }
        let is_of_origin = !(self.repositories.is_empty() && self.builders.is_empty());
        (is_of_origin && self.statement != Some(StatementKind::Provenance))
            .then(|| "repositories and builders are matters of provenance: say `statement: provenance`".to_owned())
    }

    /// Whether it is for an application on a cluster, or on any where that is not known.
    pub(super) fn is_for(&self, application: &AppName, cluster: Option<&str>) -> bool {
        let is_there = |uid: &str| self.clusters.is_empty() || self.clusters.iter().any(|known| known == uid);
        self.applications.iter().any(|pattern| pattern.matches(application.as_str())) && cluster.is_none_or(is_there)
    }

    /// What is missing, where this is the rule with that number.
    pub(super) fn unmet(&self, rule: usize, vouched: &[Vouched]) -> Option<Unmet> {
        let (mut found, mut faults) = (BTreeSet::new(), Vec::new());
        for vouched in vouched {
            // The first that it fits, and no other: globs of two identities may fit one that signed.
            let Some(signer) = self.signers.iter().find(|name| vouched.signers.contains(*name)) else { continue };
            let Some(kind) = StatementKind::of(&vouched.statement.predicate_type) else { continue };
            let counts = match self.statement {
                None => kind != StatementKind::Review,
                Some(wanted) => kind == wanted,
            };
            match self.fault_of_origin(&vouched.statement) {
                _ if !counts => {}
                Some(fault) => faults.push(format!("the provenance by {signer}: {fault}")),
                None => drop(found.insert(signer.clone())),
            }
        }
        (found.len() < self.threshold.get()).then(|| Unmet::Signers {
            rule,
            wanted: self.statement.map_or("signature or provenance", StatementKind::as_str).to_owned(),
            threshold: self.threshold.get(),
            signers: self.signers.clone(),
            signed: found,
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
            Self::Signers { rule, wanted, threshold, signers, signed, faults } => {
                write!(formatter, "rule {rule} wants a {wanted} by {threshold} of {}", signers.join(", "))?;
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
