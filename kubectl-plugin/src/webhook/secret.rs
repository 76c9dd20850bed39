//! A shared secret, and what somebody shows to prove that they have it.
//!
//! In: the secret of a webhook, what a request shows, the body as it came. Out: whether the one fits the other.
//!
//! Guarantees: how long a comparison takes says nothing about a secret. A secret is in no output: its `Debug` shows none of it,
//! there is no `Display`, and its memory is cleared when it is dropped.

use std::cmp::Ordering;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A text that only the two sides know.
///
/// It can be a key of a map, to find those that are equal: that is between secrets of ours, and never with what a request
/// shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Ord for Secret {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_slice().cmp(other.0.as_slice())
    }
}

impl PartialOrd for Secret {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Secret {
    /// From what a Secret of the cluster has; `None` where that is nothing but white space. Argo CD, too, leaves out white
    /// space at the ends: nobody means the newline that an editor adds.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let text = bytes.trim_ascii();
        (!text.is_empty()).then(|| Self(Zeroizing::new(text.to_vec())))
    }

    /// Whether this is the text.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        // Digests are of one length: neither the secret's nor the place of the first difference can be measured.
        Sha256::digest(&*self.0).ct_eq(&Sha256::digest(text)).into()
    }

    /// Whether the signature is this secret's: HMAC with SHA-256 over the body.
    fn signed(&self, body: &[u8], signature: &[u8; 32]) -> bool {
        // Keys of any length are taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return false };
        mac.update(body);
        mac.verify_slice(signature).is_ok()
    }

    /// Whether what is shown proves it.
    pub(super) fn fits(&self, proof: &Proof<'_>, body: &[u8]) -> bool {
        match proof {
            Proof::Nothing => false,
            Proof::Signature(signature) => self.signed(body, signature),
            Proof::Token(token) => self.is(token),
            Proof::Password(shown) => self.is(shown.password()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a request shows.
pub(super) enum Proof<'a> {
    /// Nothing, or nothing that can be one.
    Nothing,
    /// HMAC with SHA-256 over the body.
    Signature([u8; 32]),
    /// The secret itself.
    Token(&'a [u8]),
    /// The secret and a user.
    Password(Shown),
}

/// `Authorization: Basic`, decoded.
pub(super) struct Shown {
    decoded: Zeroizing<Vec<u8>>,
    colon: usize,
}

impl Shown {
    pub(super) fn user(&self) -> &[u8] {
        &self.decoded[..self.colon]
    }

    pub(super) fn password(&self) -> &[u8] {
        &self.decoded[self.colon + 1..]
    }
}

impl<'a> Proof<'a> {
    /// From a signature in hexadecimal digits, with or without `sha256=` before it.
    pub(super) fn signature(value: &[u8]) -> Self {
        let digits = value.strip_prefix(b"sha256=").unwrap_or(value);
        let mut signature = [0; 32];
        if digits.len() != 64 {
            return Self::Nothing;
        }
        for (byte, pair) in signature.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Self::Nothing };
            *byte = high << 4 | low;
        }
        Self::Signature(signature)
    }

    /// From a header that holds the secret.
    pub(super) fn token(value: &'a [u8]) -> Self {
        if value.is_empty() { Self::Nothing } else { Self::Token(value) }
    }

    /// From `Authorization: Basic`.
    pub(super) fn basic(value: &[u8]) -> Self {
        let Some((scheme, encoded)) = value.split_at_checked(6) else { return Self::Nothing };
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return Self::Nothing;
        }
        let Ok(decoded) = STANDARD.decode(encoded.trim_ascii()).map(Zeroizing::new) else { return Self::Nothing };
        let Some(colon) = decoded.iter().position(|byte| *byte == b':') else { return Self::Nothing };
        Self::Password(Shown { decoded, colon })
    }
}

#[cfg(test)]
pub(super) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::of(text.as_bytes()).expect("a secret")
    }

    /// RFC 4231, test case 2.
    #[test]
    fn signatures_are_those_of_hmac_sha256() {
        let signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign("Jefe", b"what do ya want for nothing?"), signature);
        for shown in [signature.to_owned(), signature.to_uppercase(), format!("sha256={signature}")] {
            let proof = Proof::signature(shown.as_bytes());
            assert!(secret("Jefe").fits(&proof, b"what do ya want for nothing?"), "{shown}");
            assert!(!secret("Jefe").fits(&proof, b"what do ya want for nothing!"));
            assert!(!secret("jefe").fits(&proof, b"what do ya want for nothing?"));
        }
    }

    #[test]
    fn what_is_no_signature_proves_nothing() {
        let signature = sign("word", b"body");
        let short = &signature[1..];
        let sha1 = format!("sha1={signature}");
        for shown in ["", "sha256=", "sha256", short, &format!("{signature}0"), &signature.replace('a', "g"), &sha1] {
            let fits = secret("word").fits(&Proof::signature(shown.as_bytes()), b"body");
            assert_eq!(fits, shown == signature, "{shown}");
        }
        assert!(!secret("word").fits(&Proof::Nothing, b"body"));
        assert!(!secret("word").fits(&Proof::token(b""), b"body"));
    }

    #[test]
    fn tokens_and_passwords_are_the_secret() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(secret("word").fits(&Proof::token(b"word"), b""));
        assert!(secret("word").fits(&Proof::basic(basic("anna:word").as_bytes()), b""));
        assert!(secret("w:d").fits(&Proof::basic(basic(":w:d").as_bytes()), b""));
        for shown in ["wor", "word1", "Word", " word"] {
            assert!(!secret("word").fits(&Proof::token(shown.as_bytes()), b""), "{shown}");
            assert!(!secret("word").fits(&Proof::basic(basic(&format!("anna:{shown}")).as_bytes()), b""), "{shown}");
        }
        for shown in ["", "Basic", "Basic ", "Basic !!!", "Bearer d29yZA==", &basic("word")] {
            assert!(!secret("word").fits(&Proof::basic(shown.as_bytes()), b""), "{shown}");
        }
    }

    #[test]
    fn a_secret_is_something_and_is_not_shown() {
        assert!(Secret::of(b"").is_none() && Secret::of(b" \n").is_none());
        assert!(secret("word\n").is(b"word"));
        assert_eq!(format!("{:?}", secret("word")), "Secret(..)");
    }
}
