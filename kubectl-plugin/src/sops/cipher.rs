//! One value that SOPS encrypted.
//!
//! In: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`, the data key, the keys that lead to the value. Out: the value, and the
//! bytes that the MAC is over. Guarantees: what was changed, or was encrypted for another place, is an error; errors
//! hold nothing of the value.

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use gitops_compiler::canon::Value;
use zeroize::Zeroizing;

use super::DataKey;

/// SOPS's nonces are longer than the usual ones.
type Cipher = AesGcm<Aes256, U32>;

/// What a value turned out to be.
pub(super) enum Plain {
    /// A value.
    Value(Value),
    /// A comment, which stood as an item in a list.
    Comment,
}

/// An encrypted value, in its parts.
struct Encrypted<'a> {
    /// The ciphertext, and behind it the tag.
    sealed: Vec<u8>,
    nonce: Vec<u8>,
    kind: &'a str,
}

/// Decrypts one value. An empty text is itself: SOPS does not encrypt it.
pub(super) fn decrypt(text: &str, key: &DataKey, additional: &str) -> Result<Plain, &'static str> {
    if text.is_empty() {
        return Ok(Plain::Value(Value::String(String::new())));
    }
    let encrypted = Encrypted::parse(text).ok_or("is not as SOPS writes an encrypted value")?;
    typed(encrypted.kind, &encrypted.open(key, additional)?)
}

impl<'a> Encrypted<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts = text.strip_prefix("ENC[AES256_GCM,data:")?.strip_suffix(']')?;
        let (data, rest) = parts.split_once(",iv:")?;
        let (nonce, rest) = rest.split_once(",tag:")?;
        let (tag, kind) = rest.split_once(",type:")?;
        let mut sealed = BASE64.decode(data).ok()?;
        let tag = BASE64.decode(tag).ok().filter(|tag| tag.len() == 16)?;
        sealed.extend(tag);
        Some(Self { sealed, nonce: BASE64.decode(nonce).ok()?, kind })
    }

    fn open(&self, key: &DataKey, additional: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let nonce = Nonce::<U32>::try_from(self.nonce.as_slice()).map_err(|_| "has a nonce of an unknown length")?;
        let cipher =
            Cipher::new_from_slice(key.as_slice()).map_err(|_| "cannot be decrypted with a key of this length")?;
        let opened = cipher.decrypt(&nonce, Payload { msg: &self.sealed, aad: additional.as_bytes() });
        opened.map(Zeroizing::new).map_err(|_| "was changed, or moved here from another place, after it was encrypted")
    }
}

/// The value of a type as SOPS writes it.
fn typed(kind: &str, bytes: &[u8]) -> Result<Plain, &'static str> {
    const NOT_ITS_TYPE: &str = "is not of the type that it says it is of";
    let text = std::str::from_utf8(bytes).map_err(|_| "is no text (UTF-8), which no manifest can hold");
    let value = match kind {
        "str" | "bytes" | "time" => Value::String(text?.to_owned()),
        "int" => Value::Int(text?.parse().map_err(|_| NOT_ITS_TYPE)?),
        "float" => text?.parse().ok().and_then(Value::from_f64).ok_or(NOT_ITS_TYPE)?,
        // SOPS writes the first two; Go reads them all.
        "bool" => match text? {
            "True" | "true" | "TRUE" | "T" | "t" | "1" => Value::Bool(true),
            "False" | "false" | "FALSE" | "F" | "f" | "0" => Value::Bool(false),
            _ => return Err(NOT_ITS_TYPE),
        },
        "comment" => return Ok(Plain::Comment),
        _ => return Err("is of a type that is not known here"),
    };
    Ok(Plain::Value(value))
}

/// What the MAC is over: a value as SOPS turns it into bytes.
pub(super) fn mac_bytes(value: &Value) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Int(number) => number.to_string().into_bytes(),
        // Without an exponent, as Go's format `f`.
        Value::Float(number) => number.to_string().into_bytes(),
        Value::Bool(true) => b"True".to_vec(),
        Value::Bool(false) => b"False".to_vec(),
        Value::Null | Value::Array(_) | Value::Map(_) => Vec::new(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::sops) const KEY: [u8; 32] = [7; 32];

    /// As SOPS encrypts.
    pub(in crate::sops) fn encrypt(text: &str, kind: &str, additional: &str) -> String {
        let cipher = Cipher::new_from_slice(&KEY).expect("a key");
        let nonce = [9; 32];
        let payload = Payload { msg: text.as_bytes(), aad: additional.as_bytes() };
        let sealed = cipher.encrypt(&Nonce::<U32>::try_from(&nonce[..]).expect("a nonce"), payload).expect("encrypted");
        let (data, tag) = sealed.split_at(sealed.len() - 16);
        let [data, nonce, tag] = [data, &nonce[..], tag].map(|bytes| BASE64.encode(bytes));
        format!("ENC[AES256_GCM,data:{data},iv:{nonce},tag:{tag},type:{kind}]")
    }

    fn opened(text: &str, additional: &str) -> Result<Option<Value>, &'static str> {
        decrypt(text, &Zeroizing::new(KEY), additional).map(|plain| match plain {
            Plain::Value(value) => Some(value),
            Plain::Comment => None,
        })
    }

    #[test]
    fn values_have_their_types() {
        for (text, kind, value) in [
            ("x", "str", Some(Value::from("x"))),
            ("7", "int", Some(Value::Int(7))),
            ("1.5", "float", Some(Value::Float(1.5))),
            ("True", "bool", Some(Value::Bool(true))),
            ("x", "bytes", Some(Value::from("x"))),
            ("x", "comment", None),
        ] {
            assert_eq!(opened(&encrypt(text, kind, "data:a:"), "data:a:"), Ok(value), "{kind}");
        }
        for (text, kind) in [("x", "int"), ("NaN", "float"), ("yes", "bool"), ("x", "other")] {
            assert!(opened(&encrypt(text, kind, ""), "").is_err(), "{kind}");
        }
        assert_eq!(opened("", "data:a:"), Ok(Some(Value::from(""))));
    }

    #[test]
    fn what_was_changed_or_moved_is_an_error() {
        let whole = encrypt("hunter2", "str", "data:a:");
        assert!(opened(&whole, "data:b:").is_err_and(|message| message.contains("moved")));
        for (from, to) in [("iv:CQ", "iv:CA"), (",iv:", ",nonce:"), ("]", ""), ("AES256_GCM", "AES128_GCM")] {
            assert!(opened(&whole.replacen(from, to, 1), "data:a:").is_err(), "{from}");
        }
        let short = whole.replacen("CQkJ", "", 1);
        assert!(opened(&short, "data:a:").is_err_and(|message| message.contains("nonce")));
    }

    #[test]
    fn the_mac_is_over_values_as_go_writes_them() {
        for (value, bytes) in [
            (Value::Float(1e21), "1000000000000000000000"),
            (Value::Float(0.000_001), "0.000001"),
            (Value::Int(-3), "-3"),
            (Value::Bool(false), "False"),
        ] {
            assert_eq!(mac_bytes(&value).as_slice(), bytes.as_bytes());
        }
    }
}
