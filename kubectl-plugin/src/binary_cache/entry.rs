//! Entries of a binary cache: what they are called, and whose they are.
//!
//! In: a kind, a key, a value, keys of people. Out: the name that an entry has outside, and the entry; or the value in an entry.
//! Guarantees: what opens was signed by somebody who is trusted, as the value of this kind and this key, in this format, and
//! not a bit of it has changed. So an entry cannot stand for another, whoever moves it, and one that was put back says what
//! it always said. Nothing is decompressed before that is known, and never more than a limit.
//!
//! An entry is `kgcache1`, the fingerprint of the key that signed (32 bytes), the length of the signature (1), the signature,
//! zstd. What is signed is [`DOMAIN`], then kind, key, and the BLAKE3 of the zstd, each with its length before it as 8 bytes, the
//! lowest first.

use crate::bundle::{KeyError, PrivateKey, PublicKey};
use crate::cache::{compress, decompress};

/// First bytes of an entry: the format and its version.
const MAGIC: &[u8; 8] = b"kgcache1";
/// What else these keys sign begins otherwise: statements about bundles with `DSSEv1`.
const DOMAIN: &[u8] = b"kubectl-gitops binary cache entry v1\0";
/// What names are derived with.
const NAMES: &str = "kubectl-gitops 2026 binary cache: names of entries";

/// Longest entry, as it is stored.
pub(super) const MAX_ENTRY_BYTES: u64 = 64 << 20;

/// What an entry is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName {
    kind: &'static str,
    hash: String,
}

/// Why a value is not put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotSealed {
    /// It is longer than any entry may be.
    #[error("it is too large")]
    TooLong,
    /// It cannot be signed.
    #[error("it cannot be signed: {0}")]
    Key(KeyError),
}

/// Why an entry is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotBelieved {
    /// It is none, or its end is missing, or it is larger than any.
    #[error("it is damaged, or no entry")]
    Form,
    /// Somebody else signed it.
    #[error("it is by a key that is not trusted")]
    Stranger,
    /// Nobody signed this value for this key.
    #[error("its signature is not good for what it stands for")]
    Signature,
    /// What it says was not what its name says.
    #[error("it is signed, and not what its name says")]
    Content,
}

impl EntryName {
    /// That of a kind and a key.
    pub(super) fn new(kind: &'static str, key: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(NAMES);
        for part in [kind, key] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self { kind, hash: hasher.finalize().to_hex().to_string() }
    }

    /// As parts of a path: the format, the kind, a hash.
    #[must_use]
    pub fn parts(&self) -> [&str; 3] {
        ["v1", self.kind, &self.hash]
    }

    /// As one word, which may be a tag of a registry.
    #[must_use]
    pub fn tag(&self) -> String {
        self.parts().join("-")
    }
}

/// A value as an entry.
pub(super) fn seal(kind: &str, key: &str, value: &[u8], signer: &PrivateKey) -> Result<Vec<u8>, NotSealed> {
    let packed = compress(value).map_err(|_| NotSealed::TooLong)?;
    let signature = signer.sign(&signed_bytes(kind, key, &packed)).map_err(NotSealed::Key)?;
    let length = u8::try_from(signature.len()).map_err(|_| NotSealed::TooLong)?;
    let entry = [&MAGIC[..], &signer.public().fingerprint()[..], &[length], &signature, &packed].concat();
    if entry.len() as u64 > MAX_ENTRY_BYTES { Err(NotSealed::TooLong) } else { Ok(entry) }
}

/// The value in an entry.
pub(super) fn open(kind: &str, key: &str, entry: &[u8], trusted: &[PublicKey]) -> Result<Vec<u8>, NotBelieved> {
    let (fingerprint, signature, packed) = split(entry).ok_or(NotBelieved::Form)?;
    let signer = trusted.iter().find(|trusted| trusted.fingerprint() == *fingerprint);
    let signer = signer.ok_or(NotBelieved::Stranger)?;
    if !signer.has_signed(&signed_bytes(kind, key, packed), signature) {
        return Err(NotBelieved::Signature);
    }
    decompress(packed).ok_or(NotBelieved::Form)
}

/// Fingerprint, signature, zstd.
fn split(entry: &[u8]) -> Option<(&[u8; 32], &[u8], &[u8])> {
    let rest = entry.strip_prefix(MAGIC)?;
    let (fingerprint, rest) = rest.split_first_chunk()?;
    let (&length, rest) = rest.split_first()?;
    let (signature, packed) = rest.split_at_checked(length.into())?;
    Some((fingerprint, signature, packed))
}

/// With lengths, so that no two entries are signed alike.
fn signed_bytes(kind: &str, key: &str, packed: &[u8]) -> Vec<u8> {
    let mut bytes = DOMAIN.to_vec();
    for part in [kind.as_bytes(), key.as_bytes(), blake3::hash(packed).as_bytes()] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::tests::keys;
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_is_small() {
        let (private, public) = keys();
        let value = vec![b'x'; 100_000];
        let entry = seal("memo", "key", &value, &private).expect("sealed");
        assert!(entry.len() < 1000, "{}", entry.len());
        assert_eq!(open("memo", "key", &entry, &[public]), Ok(value));
    }

    #[test]
    fn an_entry_is_of_one_kind_and_one_key_by_one_person() {
        let ((private, public), (_, other)) = (keys(), keys());
        let entry = seal("memo", "key", b"value", &private).expect("sealed");
        let trusted = [public.clone()];
        for (kind, key) in [("output", "key"), ("memo", "other"), ("mem", "okey"), ("memok", "ey"), ("", "memokey")] {
            assert_eq!(open(kind, key, &entry, &trusted), Err(NotBelieved::Signature), "{kind} {key}");
        }
        assert_eq!(open("memo", "key", &entry, std::slice::from_ref(&other)), Err(NotBelieved::Stranger));
        assert_eq!(open("memo", "key", &entry, &[]), Err(NotBelieved::Stranger));
        assert_eq!(open("memo", "key", &entry, &[other.clone(), public]), Ok(b"value".to_vec()));
        // Whoever says that another signed it is not believed, either.
        let mut claimed = entry.clone();
        claimed[8..40].copy_from_slice(&other.fingerprint());
        assert_eq!(open("memo", "key", &claimed, &[other]), Err(NotBelieved::Signature));
    }

    #[test]
    fn no_bit_can_be_changed_and_nothing_be_cut_or_added() {
        let (private, public) = keys();
        let (entry, trusted) = (seal("memo", "key", b"value", &private).expect("sealed"), [public]);
        for bit in 0..entry.len() * 8 {
            let mut changed = entry.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open("memo", "key", &changed, &trusted).is_err(), "bit {bit}");
        }
        for length in 0..entry.len() {
            assert!(open("memo", "key", &entry[..length], &trusted).is_err(), "{length} bytes");
        }
        let longer = [&entry[..], b"x"].concat();
        assert_eq!(open("memo", "key", &longer, &trusted), Err(NotBelieved::Signature));
    }

    #[test]
    fn what_the_keys_sign_elsewhere_is_no_entry() {
        let (private, public) = keys();
        let value = b"value";
        let packed = compress(value).expect("packed");
        for message in [packed.clone(), blake3::hash(&packed).as_bytes().to_vec(), b"memokey".to_vec()] {
            let signature = private.sign(&message).expect("signed");
            let entry = [&MAGIC[..], &public.fingerprint()[..], &[64], &signature, &packed].concat();
            assert_eq!(open("memo", "key", &entry, std::slice::from_ref(&public)), Err(NotBelieved::Signature));
        }
    }

    #[test]
    fn names_are_tags_and_parts_of_paths() {
        let name = EntryName::new("memo", "a compiler d1-x");
        assert!(name.tag().starts_with("v1-memo-") && name.tag().len() < 128, "{}", name.tag());
        assert!(name.tag().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{}", name.tag());
        assert!(!name.tag().contains("d1-x"));
        assert_ne!(name, EntryName::new("memo", "a compiler d1-y"));
        assert_ne!(EntryName::new("a", "bc"), EntryName::new("ab", "c"));
    }
}
