//! Keys that sign bundles: Ed25519 (of others' signatures Ed25519ph as well), and ECDSA on P-256 with SHA-256.
//!
//! In: PEM. Public keys as `openssl pkey -pubout` and cosign write them; private keys as `openssl genpkey` does (PKCS #8), as
//! `openssl ecparam` does (SEC 1), and as cosign does, encrypted with a password. Out: signatures, and whether one is good.
//!
//! Guarantees: which algorithms count, the key says and never a signature, and a public key has one spelling. No error and no
//! debug output shows a private key or a password.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Digest as _, Sha512, Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::cosign_key;

/// What stands before the key itself in a SubjectPublicKeyInfo: DER has one spelling.
const ED25519_INFO: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const P256_INFO: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// How a point begins that is written with both of its coordinates.
const UNCOMPRESSED: u8 = 4;

const NOT_KNOWN: &str = "it is neither an Ed25519 key nor one of ECDSA on P-256";

/// What signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Ed25519,
    EcdsaP256,
}

/// Why a key cannot be used. What is wrong is told without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub(super) String);

impl KeyError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Who may have signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// The key itself.
    raw: Vec<u8>,
}

/// Who signs.
pub struct PrivateKey(Pair);

enum Pair {
    Ed25519(Ed25519KeyPair),
    EcdsaP256(EcdsaKeyPair),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PrivateKey").field(&self.public().hint()).finish()
    }
}

impl PublicKey {
    /// Reads one.
    ///
    /// # Errors
    /// Where it is none, or of another algorithm.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        Self::of_block(&pem::parse(text).map_err(|_| KeyError::new("it is no key in PEM"))?)
    }

    fn of_block(block: &pem::Pem) -> Result<Self, KeyError> {
        match block.tag() {
            "PUBLIC KEY" => Self::of_info(block.contents()),
            tag if tag.ends_with("PRIVATE KEY") => {
                Err(KeyError::new("it is a private key, and should not be here: name the public one"))
            }
            _ => Err(KeyError::new("it is no public key in PEM (`-----BEGIN PUBLIC KEY-----`)")),
        }
    }

    fn of_info(info: &[u8]) -> Result<Self, KeyError> {
        if let Some(raw) = info.strip_prefix(ED25519_INFO).filter(|raw| raw.len() == 32) {
            return Ok(Self { algorithm: Algorithm::Ed25519, raw: raw.to_vec() });
        }
        let is_point = |raw: &&[u8]| raw.len() == 65 && raw[0] == UNCOMPRESSED;
        let raw = info.strip_prefix(P256_INFO).filter(is_point).ok_or_else(|| KeyError::new(NOT_KNOWN))?;
        Ok(Self { algorithm: Algorithm::EcdsaP256, raw: raw.to_vec() })
    }

    fn info(&self) -> Vec<u8> {
        let head = match self.algorithm {
            Algorithm::Ed25519 => ED25519_INFO,
            Algorithm::EcdsaP256 => P256_INFO,
        };
        [head, &self.raw].concat()
    }

    #[cfg(test)]
    pub(super) fn pem(&self) -> String {
        pem::encode(&pem::Pem::new("PUBLIC KEY", self.info()))
    }

    /// Reads all that there are in a text.
    ///
    /// # Errors
    /// Where there is none, or one of them is no public key, or of another algorithm.
    pub fn read_all(text: &str) -> Result<Vec<Self>, KeyError> {
        let blocks = pem::parse_many(text).map_err(|_| KeyError::new("it is no key in PEM"))?;
        match blocks.as_slice() {
            [] => Err(KeyError::new("it is no key in PEM")),
            blocks => blocks.iter().map(Self::of_block).collect(),
        }
    }

    /// What signatures call it: the SHA-256 of its SubjectPublicKeyInfo in base64, as cosign has it.
    #[must_use]
    pub fn hint(&self) -> String {
        BASE64_STANDARD.encode(self.fingerprint())
    }

    /// The same as bytes.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.info()).into()
    }

    /// Whether it signed this, as [`PrivateKey::sign`] does.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self.algorithm {
            Algorithm::Ed25519 => &ED25519,
            Algorithm::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
        };
        UnparsedPublicKey::new(algorithm, &self.raw).verify(message, signature).is_ok()
    }

    /// Whether it signed this, or as cosign does with a key of Ed25519 the hash of it (Ed25519ph, RFC 8032, section 5.1). What
    /// is signed in one way is never good in the other.
    #[must_use]
    pub(super) fn has_signed_as_cosign(&self, message: &[u8], signature: &[u8]) -> bool {
        self.has_signed(message, signature)
            || (self.algorithm == Algorithm::Ed25519 && self.has_signed_hash(message, signature).is_some())
    }

    fn has_signed_hash(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let key = VerifyingKey::try_from(self.raw.as_slice()).ok()?;
        let signature = Signature::from_slice(signature).ok()?;
        key.verify_prehashed_strict(Sha512::new().chain_update(message), None, &signature).ok()
    }
}

impl PrivateKey {
    /// Reads one. `password` is asked for where it is encrypted.
    ///
    /// # Errors
    /// Where it is none, of another algorithm, or encrypted with another password.
    pub fn read(text: &str, password: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, KeyError>) -> Result<Self, KeyError> {
        let block = pem::parse(text).map_err(|_| KeyError::new("it is no key in PEM"))?;
        let tag = block.tag().to_owned();
        let contents = Zeroizing::new(block.into_contents());
        match tag.as_str() {
            "PRIVATE KEY" => Self::of_pkcs8(&contents),
            "EC PRIVATE KEY" => {
                let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &contents);
                pair.map(|pair| Self(Pair::EcdsaP256(pair))).map_err(|_| KeyError::new(NOT_KNOWN))
            }
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                Self::of_pkcs8(&cosign_key::decrypted(&contents, &password()?)?)
            }
            "PUBLIC KEY" => Err(KeyError::new("it is a public key, and only the private one signs")),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::new(
                "it is encrypted in a way that is not known here; cosign's is: `cosign import-key-pair`",
            )),
            _ => Err(KeyError::new("it is no private key in PEM (`-----BEGIN PRIVATE KEY-----`)")),
        }
    }

    fn of_pkcs8(contents: &[u8]) -> Result<Self, KeyError> {
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(contents) {
            return Ok(Self(Pair::Ed25519(pair)));
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, contents);
        pair.map(|pair| Self(Pair::EcdsaP256(pair))).map_err(|_| KeyError::new(NOT_KNOWN))
    }

    /// The key that knows its signatures.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match &self.0 {
            Pair::Ed25519(pair) => {
                PublicKey { algorithm: Algorithm::Ed25519, raw: pair.public_key().as_ref().to_vec() }
            }
            Pair::EcdsaP256(pair) => {
                PublicKey { algorithm: Algorithm::EcdsaP256, raw: pair.public_key().as_ref().to_vec() }
            }
        }
    }

    /// Signs.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::EcdsaP256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                let signature = signature.map_err(|_| KeyError::new("the system has no random numbers"))?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};

    use super::*;

    fn no_password() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Err(KeyError::new("no password"))
    }

    fn text(tag: &str, contents: &[u8]) -> String {
        pem::encode(&pem::Pem::new(tag, contents))
    }

    fn pairs() -> [(String, String); 2] {
        let ed25519 = Ed25519KeyPair::generate().expect("a key");
        let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let info: PublicKeyX509Der<'_> = ecdsa.public_key().as_der().expect("DER");
        [
            (
                text("PRIVATE KEY", ed25519.to_pkcs8v1().expect("DER").as_ref()),
                text("PUBLIC KEY", &[ED25519_INFO, ed25519.public_key().as_ref()].concat()),
            ),
            (text("PRIVATE KEY", ecdsa.to_pkcs8v1().expect("DER").as_ref()), text("PUBLIC KEY", info.as_ref())),
        ]
    }

    #[test]
    fn what_a_key_signed_its_public_key_knows_and_no_other() {
        let [one, two] = pairs().map(|(private, public)| {
            (PrivateKey::read(&private, no_password).expect("a key"), PublicKey::read(&public).expect("a key"))
        });
        for ((private, public), (_, other)) in [(&one, &two), (&two, &one)] {
            assert_eq!(private.public(), *public);
            let signature = private.sign(b"message").expect("signed");
            assert!(public.has_signed(b"message", &signature));
            assert!(!other.has_signed(b"message", &signature) && !public.has_signed(b"massage", &signature));
            for at in 0..signature.len() * 8 {
                let mut broken = signature.clone();
                broken[at / 8] ^= 1 << (at % 8);
                assert!(!public.has_signed(b"message", &broken), "bit {at}");
            }
            assert!(!public.has_signed(b"message", &signature[..signature.len() - 1]));
            assert!(!public.has_signed(b"message", &[signature.as_slice(), &[0]].concat()));
        }
    }

    #[test]
    fn a_key_of_ed25519_may_have_signed_the_hash() {
        let signing = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey { algorithm: Algorithm::Ed25519, raw: signing.verifying_key().to_bytes().to_vec() };
        let hash = |message: &[u8]| Sha512::new().chain_update(message);
        let signed = |context| signing.sign_prehashed(hash(b"message"), context).expect("signed").to_bytes().to_vec();
        let signature = signed(None);
        assert!(
            public.has_signed_as_cosign(b"message", &signature) && !public.has_signed_as_cosign(b"massage", &signature)
        );
        assert!(
            !public.has_signed_as_cosign(b"message", &signed(Some(b"of something else"))),
            "a context is another purpose"
        );
        assert!(!public.has_signed(b"message", &signature), "only cosign's signatures are of hashes");
        let mut other = public.clone();
        other.raw = ed25519_dalek::SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes().to_vec();
        assert!(!other.has_signed_as_cosign(b"message", &signature));
        for at in 0..signature.len() * 8 {
            let mut broken = signature.clone();
            broken[at / 8] ^= 1 << (at % 8);
            assert!(!public.has_signed_as_cosign(b"message", &broken), "bit {at}");
        }
    }

    #[test]
    fn what_is_no_key_is_told_without_showing_it() {
        let [(private, public), _] = pairs();
        let secret = private.lines().nth(1).expect("a line").to_owned();
        let error = PublicKey::read(&private).expect_err("refused").to_string();
        assert!(error.contains("it is a private key") && !error.contains(&secret), "{error}");
        let key = PrivateKey::read(&private, no_password).expect("a key");
        assert!(!format!("{key:?}").contains(&secret));
        for (text, what) in [
            (public.as_str(), "it is a public key"),
            ("hunter2", "no key in PEM"),
            (&text("PRIVATE KEY", b"hunter2"), "neither an Ed25519 key"),
            (&text("CERTIFICATE", b"x"), "no private key"),
            (&text("ENCRYPTED PRIVATE KEY", b"x"), "not known here"),
        ] {
            let error = PrivateKey::read(text, no_password).expect_err("refused").to_string();
            assert!(error.contains(what) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn several_public_keys_stand_in_one_text() {
        let [(private, one), (_, two)] = pairs();
        let keys = PublicKey::read_all(&format!("# of CI\n{one}\n{two}")).expect("keys");
        assert_eq!(keys, [PublicKey::read(&one).expect("a key"), PublicKey::read(&two).expect("a key")]);
        for text in ["", "hunter2", &format!("{one}{private}")] {
            let error = PublicKey::read_all(text).expect_err("refused").to_string();
            assert!(!error.contains("hunter2") && !error.contains(private.lines().nth(1).expect("a line")), "{error}");
        }
    }

    #[test]
    fn a_public_key_has_one_spelling() {
        for (_, public) in pairs() {
            let info = pem::parse(&public).expect("PEM").into_contents();
            for at in 0..info.len().min(ED25519_INFO.len()) {
                let mut other = info.clone();
                other[at] ^= 1;
                assert!(PublicKey::of_info(&other).is_err(), "byte {at}");
            }
            assert!(PublicKey::of_info(&[info.as_slice(), &[0]].concat()).is_err());
        }
    }
}
