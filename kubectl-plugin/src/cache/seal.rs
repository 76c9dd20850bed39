//! Names and values as they leave the process: nobody without the key can make one, or tell what it is of.
//!
//! In: a kind, a key, a value, and a secret of 32 bytes. Out: the name that the value has outside, and the value, compressed
//! and sealed. Guarantees: what opens was sealed with the same secret, for the same kind and key, in the same format, and
//! not a bit of it has changed; nothing is decompressed before that is known, and never more than a limit. Names are
//! hashes with the secret in them, since ids of what is secret can be guessed.
//!
//! A sealed value is `format (1 byte), MAC (32), zstd`. The MAC is BLAKE3's, keyed, over `format, length of the kind, kind,
//! length of the key, key, zstd`, with lengths as 8 bytes, the lowest first.

use std::io::Read as _;

use zeroize::Zeroize as _;

/// Changes with what is said above; then values of before are not understood any more.
const FORMAT: u8 = 1;
const MAC_BYTES: usize = 32;
/// zstd's default level.
const COMPRESSION_LEVEL: i32 = 3;

/// Longest value, decompressed.
pub(super) const MAX_VALUE_BYTES: usize = 256 << 20;
/// Longest value as it is sent and stored.
pub(super) const MAX_SEALED_BYTES: usize = 16 << 20;

/// The secret that replicas share: 32 random bytes.
pub struct CacheKey([u8; 32]);

/// A secret of another length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key of the cache has {length} bytes: it must be 32 random bytes, the same for all replicas")]
pub struct KeyError {
    length: usize,
}

impl CacheKey {
    /// The key with these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key that a Secret holds.
    ///
    /// # Errors
    ///
    /// Where it does not have 32 bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.try_into().map(Self).map_err(|_| KeyError { length: bytes.len() })
    }
}

impl Drop for CacheKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for CacheKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CacheKey(…)")
    }
}

/// What names and seals, with keys of their own that come from the one secret.
pub(super) struct Seals {
    names: [u8; 32],
    values: [u8; 32],
}

/// A value that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// A value that was not sealed by us for this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

impl Seals {
    pub(super) fn new(key: &CacheKey) -> Self {
        let derived = |purpose| blake3::derive_key(purpose, &key.0);
        Self {
            names: derived("kubectl-gitops 2026 cache: names of values"),
            values: derived("kubectl-gitops 2026 cache: seals of values"),
        }
    }

    /// The name of a value outside: `kubectl-gitops|v1|<kind>|<64 hexadecimal digits>`.
    pub(super) fn name(&self, kind: &str, key: &[u8]) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.names);
        add_name(&mut hasher, kind, key);
        format!("kubectl-gitops|v1|{kind}|{}", hasher.finalize().to_hex())
    }

    /// A value as it goes out.
    pub(super) fn seal(&self, kind: &str, key: &[u8], value: &[u8]) -> Result<Vec<u8>, TooLong> {
        let packed = compress(value)?;
        let mut sealed = Vec::with_capacity(1 + MAC_BYTES + packed.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(self.mac(kind, key, &packed).as_bytes());
        sealed.extend_from_slice(&packed);
        if sealed.len() > MAX_SEALED_BYTES { Err(TooLong) } else { Ok(sealed) }
    }

    /// A value that came in.
    pub(super) fn open(&self, kind: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Refused> {
        let (&format, rest) = sealed.split_first().ok_or(Refused)?;
        let (mac, packed) = rest.split_first_chunk::<MAC_BYTES>().ok_or(Refused)?;
        // Hashes are compared in a time that tells nothing.
        if format != FORMAT || self.mac(kind, key, packed) != *mac {
            return Err(Refused);
        }
        decompress(packed).ok_or(Refused)
    }

    fn mac(&self, kind: &str, key: &[u8], packed: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.values);
        hasher.update(&[FORMAT]);
        add_name(&mut hasher, kind, key);
        hasher.update(packed);
        hasher.finalize()
    }
}

/// With their lengths, so that no two pairs are hashed alike.
fn add_name(hasher: &mut blake3::Hasher, kind: &str, key: &[u8]) {
    for part in [kind.as_bytes(), key] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
}

/// A value as it is kept.
pub(crate) fn compress(value: &[u8]) -> Result<Vec<u8>, TooLong> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(TooLong);
    }
    // It fails for want of memory only.
    zstd::encode_all(value, COMPRESSION_LEVEL).map_err(|_| TooLong)
}

/// A value that was kept; `None` where it is none, or decompresses to more than a value may have.
pub(crate) fn decompress(packed: &[u8]) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    let decoder = zstd::Decoder::new(packed).ok()?;
    decoder.take(MAX_VALUE_BYTES as u64 + 1).read_to_end(&mut value).ok()?;
    (value.len() <= MAX_VALUE_BYTES).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seals(byte: u8) -> Seals {
        Seals::new(&CacheKey::new([byte; 32]))
    }

    #[test]
    fn what_was_sealed_opens_under_its_own_name_only() {
        let seals = seals(1);
        let sealed = seals.seal("memo", b"key", b"value").expect("it fits");
        assert_eq!(seals.open("memo", b"key", &sealed), Ok(b"value".to_vec()));
        for (kind, key) in [("memo", "kez"), ("mem", "okey"), ("memok", "ey"), ("graph", "key"), ("", "memokey")] {
            assert_eq!(seals.open(kind, key.as_bytes(), &sealed), Err(Refused), "{kind} {key}");
            assert_ne!(seals.name(kind, key.as_bytes()), seals.name("memo", b"key"), "{kind} {key}");
        }
    }

    #[test]
    fn each_bit_counts() {
        let seals = seals(1);
        let sealed = seals.seal("memo", b"key", b"a value that is long enough to be packed").expect("it fits");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(seals.open("memo", b"key", &changed), Err(Refused), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(seals.open("memo", b"key", &sealed[..length]), Err(Refused), "{length} bytes");
        }
        let longer = [&sealed[..], b"x"].concat();
        assert_eq!(seals.open("memo", b"key", &longer), Err(Refused));
    }

    #[test]
    fn another_secret_names_and_seals_otherwise() {
        let (ours, theirs) = (seals(1), seals(2));
        let sealed = theirs.seal("memo", b"key", b"value").expect("it fits");
        assert_eq!(ours.open("memo", b"key", &sealed), Err(Refused));
        assert_ne!(ours.name("memo", b"key"), theirs.name("memo", b"key"));
        assert!(ours.name("memo", b"key").starts_with("kubectl-gitops|v1|memo|"));
        assert!(!ours.name("memo", b"d1-secret").contains("d1-secret"));
    }

    #[test]
    fn a_small_value_cannot_become_a_large_one() {
        let seals = seals(1);
        let bomb = zstd::encode_all(std::io::repeat(0).take(MAX_VALUE_BYTES as u64 + 1), 3).expect("packed");
        assert!(bomb.len() < 1 << 20);
        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(seals.mac("memo", b"key", &bomb).as_bytes());
        sealed.extend_from_slice(&bomb);
        assert_eq!(seals.open("memo", b"key", &sealed), Err(Refused));
    }

    #[test]
    fn a_key_has_32_bytes_and_is_never_shown() {
        assert!(CacheKey::read(&[7; 32]).is_ok());
        let error = CacheKey::read(b"short").expect_err("too short");
        assert_eq!(
            error.to_string(),
            "the key of the cache has 5 bytes: it must be 32 random bytes, the same for all replicas"
        );
        assert_eq!(format!("{:?}", CacheKey::new(*b"0123456789abcdef0123456789abcdef")), "CacheKey(…)");
    }
}
