//! A signed statement: a DSSE envelope in a Sigstore bundle, as `cosign` of version 3 writes it beside an image.
//!
//! In: a statement and a signature. Out: JSON; and the other way, with the bytes that were signed. No key is known here.
//!
//! Guarantees: the type of the payload is part of what is signed, and there is exactly one signature. Nothing is read that is
//! not understood: no other field, no base64 in another spelling. The one exception is what transparency logs and timestamp
//! authorities have added: a key needs neither, and they say nothing here.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::layout::json;
use super::referrer::Claim;
use super::statement::IN_TOTO;

/// The media type of a Sigstore bundle.
pub const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What cosign tells of a bundle beside it.
const CONTENT_ANNOTATION: (&str, &str) = ("dev.sigstore.bundle.content", "dsse-envelope");
const PREDICATE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";

/// A statement and a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The statement, as it was signed.
    pub payload: Vec<u8>,
    /// The signature of [`Envelope::signed_bytes`].
    pub signature: Vec<u8>,
}

/// What a statement is said to be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedWith {
    /// A key: the SHA-256 of the public one, in base64.
    Key(String),
    /// A certificate, which lies beside the signature.
    Certificate,
}

/// Why an envelope cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is none.
    #[error("it is no Sigstore bundle with an envelope: {0}")]
    Form(String),
    /// It is of another version, or of something else than a statement.
    #[error("it is of the type {0:?}, which is not known here")]
    Type(String),
    /// It does not say what it was signed with.
    #[error("it names neither one key nor one certificate")]
    Signer,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SigstoreBundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Dsse,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Material {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x509_certificate_chain: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlog_entries: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Json>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKey {
    hint: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Dsse {
    payload: String,
    payload_type: String,
    signatures: [Signature; 1],
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    sig: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
}

impl Envelope {
    /// Reads one, and what it is said to be signed with. A certificate is not looked at.
    ///
    /// # Errors
    /// Where it is none, or of a kind that is not known here.
    pub fn read(bytes: &[u8]) -> Result<(Self, SignedWith), EnvelopeError> {
        let form = |error: String| EnvelopeError::Form(error);
        let read: SigstoreBundle = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
        for (found, known) in [(&read.media_type, SIGSTORE_BUNDLE), (&read.dsse_envelope.payload_type, IN_TOTO)] {
            if found != known {
                return Err(EnvelopeError::Type(found.clone()));
            }
        }
        let material = read.verification_material;
        let signed_with = match (material.public_key, material.certificate, material.x509_certificate_chain) {
            (Some(PublicKey { hint }), None, None) => SignedWith::Key(hint),
            (None, Some(_), None) => SignedWith::Certificate,
            _ => return Err(EnvelopeError::Signer),
        };
        let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|error| form(error.to_string()));
        let [signature] = read.dsse_envelope.signatures;
        if signature.keyid.is_some_and(|keyid| !keyid.is_empty()) {
            return Err(form("the signature has a `keyid`".to_owned()));
        }
        let envelope = Self { payload: decode(&read.dsse_envelope.payload)?, signature: decode(&signature.sig)? };
        Ok((envelope, signed_with))
    }

    /// What is signed of a payload: with its type, and so that neither can pass for the other.
    #[must_use]
    pub fn signed_bytes(payload: &[u8]) -> Vec<u8> {
        let head = format!("DSSEv1 {} {IN_TOTO} {} ", IN_TOTO.len(), payload.len());
        [head.as_bytes(), payload].concat()
    }

    /// As JSON, signed with the key of that hash.
    #[must_use]
    pub fn bytes(&self, key: &str) -> Vec<u8> {
        let signature = Signature { sig: BASE64_STANDARD.encode(&self.signature), keyid: None };
        json(&SigstoreBundle {
            media_type: SIGSTORE_BUNDLE.to_owned(),
            verification_material: Material {
                public_key: Some(PublicKey { hint: key.to_owned() }),
                ..Material::default()
            },
            dsse_envelope: Dsse {
                payload: BASE64_STANDARD.encode(&self.payload),
                payload_type: IN_TOTO.to_owned(),
                signatures: [signature],
            },
        })
    }

    /// As something that is said about a bundle, signed with the key of that hash; with the type of the predicate in the payload.
    #[must_use]
    pub fn claim(&self, key: &str, predicate_type: &str) -> Claim {
        signature_claim(self.bytes(key), predicate_type)
    }
}

/// A Sigstore bundle as something that is said about a bundle, with the type of the predicate in its payload.
#[must_use]
pub fn signature_claim(content: Vec<u8>, predicate_type: &str) -> Claim {
    let annotation = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Claim {
        artifact_type: SIGSTORE_BUNDLE.to_owned(),
        content,
        annotations: [CONTENT_ANNOTATION, (PREDICATE_ANNOTATION, predicate_type)].map(annotation).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "aGludA==";

    fn envelope() -> Envelope {
        Envelope { payload: b"{\"a\":1}".to_vec(), signature: vec![7; 64] }
    }

    fn whole() -> (Envelope, SignedWith) {
        (envelope(), SignedWith::Key(KEY.to_owned()))
    }

    #[test]
    fn what_is_signed_is_as_dsse_has_it() {
        let signed = Envelope::signed_bytes(b"hello");
        assert_eq!(String::from_utf8_lossy(&signed), "DSSEv1 28 application/vnd.in-toto+json 5 hello");
    }

    #[test]
    fn what_is_written_is_read() {
        insta::assert_snapshot!(String::from_utf8_lossy(&envelope().bytes(KEY)), @r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"aGludA=="}},"dsseEnvelope":{"payload":"eyJhIjoxfQ==","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw=="}]}}"#);
        assert_eq!(Envelope::read(&envelope().bytes(KEY)), Ok(whole()));
    }

    #[test]
    fn no_bit_of_it_is_without_meaning() {
        let bytes = envelope().bytes(KEY);
        for at in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[at / 8] ^= 1 << (at % 8);
            assert_ne!(Envelope::read(&other).ok(), Some(whole()), "bit {at}");
        }
    }

    #[test]
    fn other_kinds_are_told_apart() {
        let text = String::from_utf8(envelope().bytes(KEY)).expect("text");
        let read = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            Envelope::read(text.replace(from, to).as_bytes()).expect_err("refused")
        };
        assert!(matches!(read("v0.3+json", "v0.1+json"), EnvelopeError::Type(_)));
        assert!(matches!(read("vnd.in-toto+json", "json"), EnvelopeError::Type(_)));
        let key = r#""publicKey":{"hint":"aGludA=="}"#;
        let certified = Envelope::read(text.replace(key, r#""certificate":{}"#).as_bytes());
        assert_eq!(certified, Ok((envelope(), SignedWith::Certificate)));
        for neither in ["", r#""publicKey":{"hint":"a"},"certificate":{}"#, r#""x509CertificateChain":{}"#] {
            assert_eq!(read(key, neither), EnvelopeError::Signer, "{neither}");
        }
        assert!(matches!(read(r#""signatures":[{"#, r#""signatures":[{"sig":"AAAA"},{"#), EnvelopeError::Form(_)));
        assert!(matches!(read(r#"{"sig""#, r#"{"more":1,"sig""#), EnvelopeError::Form(_)));
    }
}
