//! Signatures with certificates of a moment, as `cosign` makes them without a key ("keyless").
//!
//! In: a trusted root (`trusted_root.json`, as Sigstore has it) that the user names; a Sigstore bundle; the digest of the manifest
//! that it must be about. Out: whom the certificate is for, or why it does not count. Nothing is asked, and no root is built in.
//!
//! Guarantees, by `sigstore-verify`: the certificate is of an authority of the root, for signing code, and was good at each moment
//! that a timestamp authority or a log of the root vouches for; one there must be. Where the root names logs of signatures, the
//! signature is in one of them; where it names logs of certificates, the certificate is.

use std::fmt;

use gitops_compiler::bundle::CertificateName;
use gitops_compiler::lock::Digest;
use serde_json::Value as Json;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, Sha256Hash, SignatureContent};
use sigstore_verify::{VerificationPolicy, Verifier};

/// What newer roots say of whoever runs a log or an authority, and of the notes of a log. Nothing is decided by it.
const PASSED_OVER: [&str; 2] = ["operator", "checkpointKeyId"];

/// Authorities and logs that count.
pub(super) struct Root {
    verifier: Verifier,
    policy: VerificationPolicy,
}

/// A signature whose certificate is good.
#[derive(Debug)]
pub(super) struct Certified {
    /// Whom the certificate is for.
    pub(super) name: CertificateName,
    /// What was signed.
    pub(super) payload: Vec<u8>,
}

impl fmt::Debug for Root {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Root").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Root {
    /// Reads one.
    ///
    /// # Errors
    /// Where it is none, or has nothing that a certificate could be judged by.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let no_root = |error: serde_json::Error| format!("it is no trusted root: {error}");
        let root: TrustedRoot = serde_json::from_str(text).map_err(no_root)?;
        let given: Json = serde_json::from_str(text).map_err(no_root)?;
        let read = serde_json::to_value(&root).map_err(no_root)?;
        if let Some(field) = unread(&given, &read) {
            return Err(format!("no trusted root has a field `{field}`"));
        }
        if root.certificate_authorities.is_empty() {
            return Err("it names no authority that gives certificates".to_owned());
        }
        if root.tlogs.is_empty() && root.timestamp_authorities.is_empty() {
            return Err("it names neither a log nor an authority that says when something was signed".to_owned());
        }
        let verifier = Verifier::new(&root).map_err(|error| error.to_string())?;
        // Who it is is judged afterwards, with the globs of the policy.
        let mut policy = VerificationPolicy::any_identity();
        if root.tlogs.is_empty() {
            policy = policy.skip_tlog_unsafe();
        }
        if root.ctlogs.is_empty() {
            policy = policy.skip_sct();
        }
        Ok(Self { verifier, policy })
    }

    /// Looks at a signature. The caller has bounded what lies beside its statement: certificates and times are decoded before anything
    /// is known of them, in steps that grow with the square of their size.
    ///
    /// # Errors
    /// Why it does not count. What somebody else wrote may be in it, as it stands.
    pub(super) fn verify(&self, signature: &[u8], manifest: &Digest) -> Result<Certified, String> {
        let text = std::str::from_utf8(signature).map_err(|error| error.to_string())?;
        let bundle = Bundle::from_json(text).map_err(|error| error.to_string())?;
        let hexadecimal = manifest.as_str().strip_prefix("sha256:").unwrap_or_default();
        let artifact = Sha256Hash::from_hex(hexadecimal).map_err(|error| error.to_string())?;
        let result = self.verifier.verify(artifact, &bundle, &self.policy).map_err(|error| error.to_string())?;
        let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
            return Err("it signs no statement".to_owned());
        };
        let (Some(subject), Some(issuer), true) = (result.identity(), result.issuer(), result.certificate_verified())
        else {
            return Err("its certificate does not say whom it is for, and who knows that".to_owned());
        };
        // An e-mail address, or an address.
        if !subject.as_str().chars().chain(issuer.chars()).all(|letter| letter.is_ascii_graphic()) {
            return Err("its certificate is for a name that is not looked at: it is not of ASCII alone".to_owned());
        }
        let name = CertificateName { subject: subject.as_str().to_owned(), issuer: issuer.to_owned() };
        Ok(Certified { name, payload: envelope.payload.as_bytes().to_vec() })
    }
}

/// A field that the reader of roots passes over: a misspelt list of logs would demand nothing, a misspelt end never come.
fn unread<'a>(given: &'a Json, read: &Json) -> Option<&'a str> {
    match (given, read) {
        (Json::Object(given), Json::Object(read)) => given.iter().find_map(|(name, value)| match read.get(name) {
            Some(read) => unread(value, read),
            None => (!value.is_null() && !PASSED_OVER.contains(&name.as_str())).then_some(name.as_str()),
        }),
        (Json::Array(given), Json::Array(read)) => given.iter().zip(read).find_map(|(given, read)| unread(given, read)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sigstore_verify::trust_root::{
        SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT,
    };

    use super::*;

    #[test]
    fn the_public_roots_are_read() {
        for text in [SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT, SIGSTORE_GITHUB_TRUSTED_ROOT] {
            Root::read(text).expect("a root");
        }
    }

    #[test]
    fn a_field_that_no_root_has_is_named_wherever_it_is() {
        let root: Json = serde_json::from_str(SIGSTORE_PRODUCTION_TRUSTED_ROOT).expect("JSON");
        let with = |pointer: &str, field: &str| {
            let mut root = root.clone();
            root.pointer_mut(pointer).expect("it is there")[field] = "2020-01-01T00:00:00Z".into();
            Root::read(&root.to_string())
        };
        for pointer in ["", "/tlogs/0", "/certificateAuthorities/0/validFor", "/ctlogs/1/publicKey/validFor"] {
            let why = with(pointer, "ended").expect_err("it is refused");
            assert_eq!(why, "no trusted root has a field `ended`", "{pointer}");
        }
        with("/tlogs/0", "operator").expect("a newer root");
    }
}
