//! What of a session is written: nothing that opens it.
//!
//! In: the random id that a browser keeps, a text. Out: the name of a Secret, and the text sealed with a key that comes from the id
//! alone. Guarantees: whoever reads all Secrets has no token and no session; what is sealed opens only under its own name and with
//! what it was bound to.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use zeroize::Zeroizing;

type Cipher = AesGcm<Aes256, U12>;

const NONCE_BYTES: usize = 12;
const NAME_CONTEXT: &str = "kubectl-gitops 2026-11 name of a session";
const KEY_CONTEXT: &str = "kubectl-gitops 2026-11 key of a session";
const CSRF_CONTEXT: &str = "kubectl-gitops 2026-11 csrf of a session";

/// What all names begin with.
pub(super) const PREFIX: &str = "kubectl-gitops-session-";

/// The id of a session: 32 random bytes, which only its browser keeps.
pub struct SessionId(Zeroizing<[u8; 32]>);

impl SessionId {
    /// A new one.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Of its text; nothing where it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The same once more.
    pub(super) fn again(&self) -> Self {
        Self(self.0.clone())
    }

    /// Its text, for the cookie.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(self.0.as_slice()))
    }

    /// What a page that may read our cookies shows.
    #[must_use]
    pub fn csrf(&self) -> String {
        hex(&blake3::derive_key(CSRF_CONTEXT, self.0.as_slice())[..16])
    }

    /// The name of its Secret.
    pub(super) fn name(&self) -> String {
        format!("{PREFIX}{}", hex(&blake3::derive_key(NAME_CONTEXT, self.0.as_slice())[..20]))
    }

    fn cipher(&self) -> Option<Cipher> {
        let key = Zeroizing::new(blake3::derive_key(KEY_CONTEXT, self.0.as_slice()));
        Cipher::new_from_slice(key.as_slice()).ok()
    }

    /// Seals a text; it opens with the same `bound` only.
    pub(super) fn seal(&self, text: &str, bound: &str) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload { msg: text.as_bytes(), aad: bound.as_bytes() };
        let sealed = self.cipher()?.encrypt(&Nonce::<U12>::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed.
    pub(super) fn open(&self, sealed: &[u8], bound: &str) -> Option<Zeroizing<String>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::<U12>::try_from(nonce).ok()?;
        let opened = self.cipher()?.decrypt(&nonce, Payload { msg: sealed, aad: bound.as_bytes() }).ok()?;
        String::from_utf8(opened).ok().map(Zeroizing::new)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_id_opens_what_was_sealed_for_it() {
        let (one, other) = (SessionId::new().expect("random"), SessionId::new().expect("random"));
        let sealed = one.seal("token", "end").expect("sealed");
        assert_eq!(one.open(&sealed, "end").as_deref().map(String::as_str), Some("token"));
        assert!(one.open(&sealed, "later").is_none() && other.open(&sealed, "end").is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(one.open(&changed, "end").is_none(), "{at}");
        }
        assert!(one.open(&[], "end").is_none());
    }

    #[test]
    fn an_id_is_read_as_it_is_written_and_tells_nothing_by_its_name() {
        let id = SessionId::new().expect("random");
        let again = SessionId::read(&id.text()).expect("an id");
        assert_eq!((id.name(), id.csrf()), (again.name(), again.csrf()));
        assert!(!id.name().contains(&id.text()[..8]) && id.name().len() == PREFIX.len() + 40);
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert!(SessionId::read(wrong).is_none(), "{wrong}");
        }
    }
}
