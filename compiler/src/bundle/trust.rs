//! Whose signatures a bundle needs.
//!
//! In: a policy; what was said about a bundle, by signers whose signatures were checked before. Out: nothing, or what is missing.
//! Pure: no key, certificate or signature is read here.
//!
//! Guarantees: an application that no rule is for is refused; every rule that is for it must be met, as [`Rule`] says; whoever
//! signs that a bundle was scanned has not agreed to it.

mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::Deserialize;

use super::statement::Statement;
use crate::app::Pattern;
use crate::diagnostic::{Diagnostic, Origin};
use crate::name::AppName;

pub use rule::{Rule, StatementKind, Unmet};

/// What a policy calls a key or an identity.
pub type SignerName = String;

/// Whose signatures bundles need, by application and cluster.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustPolicy {
    /// Public keys in PEM (Ed25519, or ECDSA on P-256), by what the rules call them.
    #[serde(default)]
    pub keys: BTreeMap<SignerName, String>,
    /// People and workflows that sign with certificates of a moment, as `cosign` does without a key, by what the rules call them.
    #[serde(default)]
    pub identities: BTreeMap<SignerName, Identity>,
    /// The rules. All that are for an application and a cluster must be met; where none is, nothing may be applied.
    pub rules: Vec<Rule>,
}

/// Who signs with a certificate that an authority has given for a moment (Fulcio).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Identity {
    /// Who knows it: the issuer of OpenID Connect that the certificate names, exactly.
    pub issuer: String,
    /// Who it is: the alternative name of the certificate's subject, an e-mail address or the address of a workflow, as a glob.
    #[schemars(with = "String")]
    pub subject: Pattern,
    /// The file with the authorities and logs that count (`trusted_root.json`), beside the policy. Each kind of log that it
    /// names must have the signature or its certificate.
    pub trusted_root: String,
}

/// What somebody said whose signature is good.
#[derive(Debug, Clone, PartialEq)]
pub struct Vouched {
    /// Who it is: what the policy calls the key, or all identities that the certificate fits.
    pub signers: BTreeSet<SignerName>,
    /// What the certificate says, where it was signed with one.
    pub certificate: Option<CertificateName>,
    /// What was said. It is about this bundle.
    pub statement: Statement,
}

/// Whom a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateName {
    /// Who it is. Whoever the issuer knows may have chosen it.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
}

/// A policy that says nothing useful.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TrustError(String);

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

    /// The policy that any of these may sign anything, and so many of them must have.
    ///
    /// # Errors
    /// Where that cannot be met.
    pub fn of_signers(
        keys: BTreeMap<SignerName, String>,
        identities: BTreeMap<SignerName, Identity>,
        threshold: NonZeroUsize,
    ) -> Result<Self, TrustError> {
        let signers: Vec<SignerName> = keys.keys().chain(identities.keys()).cloned().collect();
        if threshold.get() > signers.len() {
            let may = signers.len();
            return Err(TrustError(format!("{threshold} signatures are needed, and {may} may sign")));
        }
        let all: Pattern = "*".parse().map_err(|_| TrustError("no pattern for all applications".to_owned()))?;
        let rule = Rule {
            applications: vec![all],
            clusters: Vec::new(),
            statement: None,
            signers,
            threshold,
            repositories: Vec::new(),
            builders: Vec::new(),
        };
        let policy = Self { keys, identities, rules: vec![rule] };
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), TrustError> {
        if self.rules.is_empty() {
            return Err(TrustError("it has no rules: nothing could be applied".to_owned()));
        }
        if let Some(both) = self.identities.keys().find(|name| self.keys.contains_key(*name)) {
            return Err(TrustError(format!("a key and an identity are both called `{both}`")));
        }
        let known: BTreeSet<&SignerName> = self.keys.keys().chain(self.identities.keys()).collect();
        for (number, rule) in (1..).zip(&self.rules) {
            rule.fault(&known).map_or(Ok(()), |fault| Err(TrustError(format!("rule {number}: {fault}"))))?;
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

#[cfg(test)]
mod tests;
