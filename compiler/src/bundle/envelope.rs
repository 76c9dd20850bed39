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
    /// Which key it is said to be of: the SHA-256 of its public key, in base64.
    pub hint: String,
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
    /// It was signed with something else than a key.
    #[error("it names no key: signatures with certificates are not judged here")]
    Certificate,
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
    /// Reads one.
    ///
    /// # Errors
    /// Where it is none, or of a kind that is not judged here.
    pub fn read(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let form = |error: String| EnvelopeError::Form(error);
        let read: SigstoreBundle = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
        for (found, known) in [(&read.media_type, SIGSTORE_BUNDLE), (&read.dsse_envelope.payload_type, IN_TOTO)] {
            if found != known {
                return Err(EnvelopeError::Type(found.clone()));
            }
        }
        let material = read.verification_material;
        let Some(PublicKey { hint }) =
            material.public_key.filter(|_| material.certificate.is_none() && material.x509_certificate_chain.is_none())
        else {
            return Err(EnvelopeError::Certificate);
        };
        let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|error| form(error.to_string()));
        let [signature] = read.dsse_envelope.signatures;
        if signature.keyid.is_some_and(|keyid| !keyid.is_empty()) {
            return Err(form("the signature has a `keyid`".to_owned()));
        }
        Ok(Self { payload: decode(&read.dsse_envelope.payload)?, signature: decode(&signature.sig)?, hint })
    }

    /// What is signed of a payload: with its type, and so that neither can pass for the other.
    #[must_use]
    pub fn signed_bytes(payload: &[u8]) -> Vec<u8> {
        let head = format!("DSSEv1 {} {IN_TOTO} {} ", IN_TOTO.len(), payload.len());
        [head.as_bytes(), payload].concat()
    }

    /// As JSON.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let signature = Signature { sig: BASE64_STANDARD.encode(&self.signature), keyid: None };
        json(&SigstoreBundle {
            media_type: SIGSTORE_BUNDLE.to_owned(),
            verification_material: Material {
                public_key: Some(PublicKey { hint: self.hint.clone() }),
                ..Material::default()
            },
            dsse_envelope: Dsse {
                payload: BASE64_STANDARD.encode(&self.payload),
                payload_type: IN_TOTO.to_owned(),
                signatures: [signature],
            },
        })
    }

    /// As something that is said about a bundle, with the type of the predicate in the payload.
    #[must_use]
    pub fn claim(&self, predicate_type: &str) -> Claim {
        let annotation = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Claim {
            artifact_type: SIGSTORE_BUNDLE.to_owned(),
            content: self.bytes(),
            annotations: [CONTENT_ANNOTATION, (PREDICATE_ANNOTATION, predicate_type)].map(annotation).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope { payload: b"{\"a\":1}".to_vec(), signature: vec![7; 64], hint: "aGludA==".to_owned() }
    }

    #[test]
    fn what_is_signed_is_as_dsse_has_it() {
        let signed = Envelope::signed_bytes(b"hello");
        assert_eq!(String::from_utf8_lossy(&signed), "DSSEv1 28 application/vnd.in-toto+json 5 hello");
    }

    #[test]
    fn what_is_written_is_read() {
        insta::assert_snapshot!(String::from_utf8_lossy(&envelope().bytes()), @r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"aGludA=="}},"dsseEnvelope":{"payload":"eyJhIjoxfQ==","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw=="}]}}"#);
        assert_eq!(Envelope::read(&envelope().bytes()), Ok(envelope()));
    }

    #[test]
    fn no_bit_of_it_is_without_meaning() {
        let bytes = envelope().bytes();
        for at in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[at / 8] ^= 1 << (at % 8);
            assert_ne!(Envelope::read(&other).ok(), Some(envelope()), "bit {at}");
        }
    }

    #[test]
    fn other_kinds_are_told_apart() {
        let text = String::from_utf8(envelope().bytes()).expect("text");
        let read = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            Envelope::read(text.replace(from, to).as_bytes()).expect_err("refused")
        };
        assert!(matches!(read("v0.3+json", "v0.1+json"), EnvelopeError::Type(_)));
        assert!(matches!(read("vnd.in-toto+json", "json"), EnvelopeError::Type(_)));
        assert_eq!(read(r#""publicKey":{"hint":"aGludA=="}"#, r#""certificate":{}"#), EnvelopeError::Certificate);
        assert!(matches!(read(r#""signatures":[{"#, r#""signatures":[{"sig":"AAAA"},{"#), EnvelopeError::Form(_)));
        assert!(matches!(read(r#"{"sig""#, r#"{"more":1,"sig""#), EnvelopeError::Form(_)));
    }
}
