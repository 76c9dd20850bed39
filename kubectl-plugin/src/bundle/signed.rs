//! Signatures of a bundle: made, and looked at.
//!
//! In: a bundle that was read, keys. Out: a signed statement, to be put beside the bundle; and of each signature that is there,
//! whose it is and whether it is good. A signature is tried with the one key that it names; a name that is no key's is not tried.

use std::collections::BTreeMap;

use gitops_compiler::bundle::{
    Claim, Envelope, KeyName, Read, Referrer, SIGSTORE_BUNDLE, Statement, StatementKind, Vouched,
};
use gitops_compiler::lock::Digest;

use super::key::{KeyError, PrivateKey, PublicKey};

/// A signature that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What was said, or why it does not count.
    pub judged: Result<Vouched, String>,
}

/// Signs a statement.
///
/// # Errors
/// Where the system has no random numbers.
pub fn sign(statement: &Statement, key: &PrivateKey) -> Result<Claim, KeyError> {
    let payload = statement.bytes();
    let signature = key.sign(&Envelope::signed_bytes(&payload))?;
    let envelope = Envelope { payload, signature, hint: key.public().hint() };
    Ok(envelope.claim(&statement.predicate_type))
}

/// Looks at all signatures of a bundle with these keys.
#[must_use]
pub fn judge(read: &Read, keys: &BTreeMap<KeyName, PublicKey>) -> Vec<Signature> {
    let by_hint: BTreeMap<String, (&KeyName, &PublicKey)> =
        keys.iter().map(|(name, key)| (key.hint(), (name, key))).collect();
    let signatures = read.referrers.iter().filter(|referrer| referrer.artifact_type == SIGSTORE_BUNDLE);
    let judge = |referrer: &Referrer| Signature {
        digest: referrer.digest.clone(),
        judged: judge_one(read, referrer, &by_hint),
    };
    signatures.map(judge).collect()
}

fn judge_one(
    read: &Read,
    referrer: &Referrer,
    keys: &BTreeMap<String, (&KeyName, &PublicKey)>,
) -> Result<Vouched, String> {
    let [layer] = referrer.layers.as_slice() else {
        return Err(format!("it has {} layers, and a signature has one", referrer.layers.len()));
    };
    if layer.media_type != SIGSTORE_BUNDLE {
        return Err("its layer is no Sigstore bundle".to_owned());
    }
    let envelope = Envelope::read(&layer.bytes).map_err(|error| error.to_string())?;
    let Some((name, key)) = keys.get(&envelope.hint) else {
        return Err("it is by a key that is not known here".to_owned());
    };
    // Nothing of the statement is looked at before.
    if !key.has_signed(&Envelope::signed_bytes(&envelope.payload), &envelope.signature) {
        return Err(format!("it is not by {name}, though it says so"));
    }
    let statement = Statement::read(&envelope.payload).map_err(|error| error.to_string())?;
    statement.is_about(&read.manifest, read.bundle.graph.id()).map_err(|error| error.to_string())?;
    Ok(Vouched { key: (*name).clone(), statement })
}

/// What a statement says, in a word.
#[must_use]
pub fn said(statement: &Statement) -> String {
    let kind = StatementKind::of(&statement.predicate_type);
    kind.map_or_else(|| super::printable(&statement.predicate_type), |kind| kind.as_str().to_owned())
}
