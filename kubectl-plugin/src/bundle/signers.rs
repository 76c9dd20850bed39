//! Those whose signatures may count: keys, and identities that certificates are for.
//!
//! In: a policy, the folder that it stands in, and what it names there; a signature. Out: who made it and what was signed, or why
//! it does not count.
//!
//! Guarantees: a signature is tried with the one key that it names, or with the trusted roots that identities of the policy name;
//! nothing of what it says is looked at before. A name stands for one key, and a key has one name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gitops_compiler::app::Pattern;
use gitops_compiler::bundle::{CertificateName, Envelope, SignedWith, SignerName, TrustPolicy};
use gitops_compiler::lock::Digest;

use crate::error::CommandError;

use super::key::PublicKey;
use super::trust::text_of;
use super::trusted_root::{Certified, Root};

/// So many bytes may lie beside a statement that is signed with a certificate; Fulcio, a log and an authority of times give some 7,000.
const MOST_BESIDE: usize = 32 << 10;

/// Keys and identities by the names that a policy gives them.
#[derive(Debug, Default)]
pub struct Signers {
    /// By the hash that signatures name them by.
    keys: BTreeMap<String, (SignerName, PublicKey)>,
    roots: Vec<(Root, Vec<Known>)>,
}

/// An identity of a policy.
#[derive(Debug)]
struct Known {
    name: SignerName,
    issuer: String,
    subject: Pattern,
}

/// Who signed, and what.
#[derive(Debug, PartialEq)]
pub(super) struct Signature {
    pub(super) signers: BTreeSet<SignerName>,
    pub(super) certificate: Option<CertificateName>,
    pub(super) payload: Vec<u8>,
}

impl Signers {
    /// Those of a policy. Trusted roots that it names are files of `folder`.
    ///
    /// # Errors
    /// Where a key or a trusted root cannot be read or used, or two names stand for one key.
    pub fn of(policy: &TrustPolicy, folder: &Path) -> Result<Self, CommandError> {
        let mut signers = Self::default();
        for (name, text) in &policy.keys {
            let key = PublicKey::read(text).map_err(|error| unusable("key", name, &error.to_string()))?;
            signers.add_key(name, key)?;
        }
        let mut by_root = BTreeMap::<&str, Vec<Known>>::new();
        for (name, identity) in &policy.identities {
            let (issuer, subject) = (identity.issuer.clone(), identity.subject.clone());
            by_root.entry(&identity.trusted_root).or_default().push(Known { name: name.clone(), issuer, subject });
        }
        for (path, known) in by_root {
            let path = folder.join(path);
            let root = Root::read(&text_of(&path)?);
            let root = root.map_err(|why| unusable("trusted root", &path.display().to_string(), &why))?;
            signers.roots.push((root, known));
        }
        Ok(signers)
    }

    /// Two names for one key would count as two.
    fn add_key(&mut self, name: &SignerName, key: PublicKey) -> Result<(), CommandError> {
        match self.keys.insert(key.hint(), (name.clone(), key)) {
            Some((other, _)) => Err(unusable("key", name, &format!("it is the same as {other}"))),
            None => Ok(()),
        }
    }

    /// Looks at a signature of a statement about a manifest.
    ///
    /// # Errors
    /// Why it does not count. What somebody else wrote may be in it, as it stands.
    pub(super) fn judge(&self, bytes: &[u8], manifest: &Digest) -> Result<Signature, String> {
        let (envelope, signed_with) = Envelope::read(bytes).map_err(|error| error.to_string())?;
        match signed_with {
            SignedWith::Key(hint) => self.judge_key(envelope, &hint),
            SignedWith::Certificate => self.judge_certificate(&envelope, bytes, manifest),
        }
    }

    fn judge_key(&self, envelope: Envelope, hint: &str) -> Result<Signature, String> {
        let Some((name, key)) = self.keys.get(hint) else {
            return Err("it is by a key that is not known here".to_owned());
        };
        if !key.has_signed_as_cosign(&Envelope::signed_bytes(&envelope.payload), &envelope.signature) {
            return Err(format!("it is not by {name}, though it says so"));
        }
        Ok(Signature { signers: BTreeSet::from([name.clone()]), certificate: None, payload: envelope.payload })
    }

    fn judge_certificate(&self, envelope: &Envelope, bytes: &[u8], manifest: &Digest) -> Result<Signature, String> {
        if self.roots.is_empty() {
            return Err("it is by a certificate, and no identities are known here".to_owned());
        }
        let beside = bytes.len().saturating_sub(envelope.payload.len().div_ceil(3) * 4);
        if beside > MOST_BESIDE {
            return Err(format!("{beside} bytes lie beside its statement, and {MOST_BESIDE} are looked at"));
        }
        let (mut signers, mut certificate, mut faults) = (BTreeSet::new(), None, Vec::new());
        for (root, known) in &self.roots {
            let Certified { name, payload } = match root.verify(bytes, manifest) {
                Ok(certified) => certified,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            // Two that read it must read the same.
            if payload != envelope.payload {
                faults.push("what was signed is told in two ways".to_owned());
                continue;
            }
            let fits = known.iter().filter(|known| known.issuer == name.issuer && known.subject.matches(&name.subject));
            let count = signers.len();
            signers.extend(fits.map(|known| known.name.clone()));
            if signers.len() == count {
                faults.push(format!("it is by {}, as {} says, who is not known here", name.subject, name.issuer));
            }
            certificate = Some(name);
        }
        if signers.is_empty() {
            return Err(faults.join("; "));
        }
        Ok(Signature { signers, certificate, payload: envelope.payload.clone() })
    }
}

fn unusable(what: &str, name: &str, why: &str) -> CommandError {
    CommandError::user(format!("the {what} {name} cannot be used: {why}"))
}
