//! Typed ids: what an object is called is the hash of what it is.
//!
//! In: canonical bytes. Out: an [`Id`] of the object's type, which prints as `<type><format>-<52 characters>`.
//! Guarantees: an id of one type is not accepted for another (neither by the compiler nor by the hash, which is keyed
//! with the type), and each id has exactly one spelling.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const TEXT_LENGTH: usize = 52;

/// A type of object that has ids.
pub trait Kind: Copy + Ord + std::hash::Hash + fmt::Debug {
    /// The letter and the format number that an id starts with.
    const PREFIX: &'static str;
    /// The context of BLAKE3's key derivation; never changes for a given prefix.
    const CONTEXT: &'static str;
    /// What users call the object.
    const NOUN: &'static str;

    /// The key that BLAKE3 derives from the context: half of the work of hashing a small object, done once.
    fn context_key() -> &'static ContextKey;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $noun:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {}
        impl Kind for $name {
            const PREFIX: &'static str = $prefix;
            const CONTEXT: &'static str = concat!("kubectl-gitops 2026 ", $prefix, " ", $noun);
            const NOUN: &'static str = $noun;

            fn context_key() -> &'static ContextKey {
                static KEY: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context($name::CONTEXT));
                &KEY
            }
        }
    )*};
}

kinds! {
    /// The files laid out for one render.
    Layout = "t1", "layout";
    /// An input from elsewhere, by the digest that a lock has of it.
    Input = "i1", "input";
    /// A closed description of one render.
    Recipe = "d1", "recipe";
    /// The canonical body of one resource.
    Resource = "r1", "resource";
    /// Key to resource, for all that stays in the cluster.
    ContentRoot = "c1", "content root";
    /// Key to resource, for all hooks.
    HookRoot = "h1", "hook root";
    /// Content root, hook root and edges of one application.
    Graph = "g1", "graph";
    /// The graphs of several applications.
    GraphSet = "s1", "graph set";
    /// A piece of the record in the cluster.
    Chunk = "k1", "chunk";
    /// Something on this machine of which something is known: a folder, an application in it, a program.
    Place = "w1", "place";
}

/// The id of an object of type `K`: 32 bytes of BLAKE3.
pub struct Id<K> {
    digest: [u8; 32],
    kind: PhantomData<K>,
}

impl<K: Kind> Id<K> {
    /// The id of the object with these canonical bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_from_context_key(K::context_key());
        hasher.update(bytes);
        Self::from_digest(*hasher.finalize().as_bytes())
    }

    /// An id that was read from one of our own binary formats.
    #[must_use]
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self { digest, kind: PhantomData }
    }

    /// The 32 bytes.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The first twelve characters after the type: what people read.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(K::PREFIX.len() + 1 + 12);
        text
    }
}

/// Text that is not an id of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Another type of object, or another format of the same.
    #[error("`{text}` is not the id of a {noun}: those begin with {prefix}-")]
    Prefix {
        /// What was given.
        text: String,
        /// What was wanted.
        noun: &'static str,
        /// How its ids begin.
        prefix: &'static str,
    },
    /// The right beginning, and then something else than 52 characters of base32 in their one spelling.
    #[error("`{text}` is not a whole {noun} id: 52 characters a-z and 2-7 follow {prefix}-")]
    Digest {
        /// What was given.
        text: String,
        /// What was wanted.
        noun: &'static str,
        /// How its ids begin.
        prefix: &'static str,
    },
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let rest = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('-'))
            .ok_or_else(|| IdError::Prefix { text: text.to_owned(), noun: K::NOUN, prefix: K::PREFIX })?;
        decode_base32(rest).map(Self::from_digest).ok_or_else(|| IdError::Digest {
            text: text.to_owned(),
            noun: K::NOUN,
            prefix: K::PREFIX,
        })
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", K::PREFIX, encode_base32(&self.digest))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// RFC 4648 base32, lower case, without padding: 256 bits and four zero bits.
fn encode_base32(digest: &[u8; 32]) -> String {
    let bit = |index: usize| digest.get(index / 8).is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0);
    (0..TEXT_LENGTH)
        .map(|character| {
            let value = (0..5).fold(0, |value, offset| value << 1 | usize::from(bit(character * 5 + offset)));
            char::from(ALPHABET[value])
        })
        .collect()
}

fn decode_base32(text: &str) -> Option<[u8; 32]> {
    if text.len() != TEXT_LENGTH {
        return None;
    }
    let mut digest = [0u8; 32];
    let (mut buffer, mut bits, mut written) = (0u32, 0, 0);
    for character in text.bytes() {
        let value = ALPHABET.iter().position(|letter| *letter == character)?;
        buffer = buffer << 5 | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            digest[written] = u8::try_from(buffer >> bits & 0xff).ok()?;
            written += 1;
        }
    }
    // The last four bits carry nothing: another spelling of the same digest if they were anything but zero.
    (written == 32 && buffer.trailing_zeros() >= 4).then_some(digest)
}

// Written by hand, since a derive would ask the same of `K`, a marker that never exists.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.digest.cmp(&other.digest)
    }
}
impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl<K: Kind> serde::Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> serde::Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<K: Kind> schemars::JsonSchema for Id<K> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}Id", K::NOUN.replace(' ', "-")).into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": format!("The id of a {}", K::NOUN),
            "pattern": format!("^{}-[a-z2-7]{{52}}$", K::PREFIX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{Encoder, Value};

    /// Golden vectors: these ids never change for format 1.
    #[test]
    fn ids_are_pinned() {
        let body = Value::from(serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
            "data": {"half": "x"}, "weights": [1, 0.5, -3, 1e21, true, null],
        }));
        let bytes = Encoder::encode(&body);
        insta::assert_snapshot!(Id::<Resource>::of(&bytes), @"r1-3d6pynpjhfd4kjblvvpnxc5ctosunksa3w5mnrno5wzzlgi7tlcq");
        insta::assert_snapshot!(Id::<Graph>::of(&bytes), @"g1-veaxqewrbxta2cglkhposunyhgg2nsydmjlpwl7w46b26nskvjia");
    }

    #[test]
    fn an_id_has_one_spelling_and_fits_a_label_value() {
        let id = Id::<Graph>::of(b"x");
        let text = id.to_string();
        assert_eq!(text.len(), 55);
        assert_eq!(text.parse::<Id<Graph>>(), Ok(id));
        for wrong in [text.to_uppercase(), text.replace("g1-", "c1-"), text.replace("g1-", "g2-"), format!("{text}a")] {
            assert!(wrong.parse::<Id<Graph>>().is_err(), "{wrong}");
        }
        let (front, last) = text.split_at(54);
        let spellings =
            ALPHABET.iter().filter(|&&letter| format!("{front}{}", char::from(letter)).parse::<Id<Graph>>().is_ok());
        assert_eq!(spellings.count(), 2, "one bit of the digest is in the last character `{last}`");
    }
}
