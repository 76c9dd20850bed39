//! A whole object, and whether it is the one that was encrypted.
//!
//! In: a body of ciphertext, what it says of its encryption, the data key. Out: the body in plain, without `sops`; or which
//! field is wrong, and how. The MAC is over the values in the order of the file, which the body has kept; see
//! [`gitops_compiler::manifest::sops`].

use std::fmt::Write as _;

use gitops_compiler::canon::Value;
use gitops_compiler::manifest::sops::{is_ciphertext, order_of, replace_values};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use super::DataKey;
use super::cipher::{self, Plain, mac_bytes};
use super::document::Document;

/// With what a MAC begins that is over the encrypted values alone: SHA-256 of `sops`.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// What is done about the MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mac {
    /// It must be right.
    Verified,
    /// The user does not ask for it.
    Ignored,
}

/// Decrypts a body.
pub(super) fn decrypt(body: &Value, document: &Document, key: &DataKey, mac: Mac) -> Result<Value, String> {
    let mut parts: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    let decrypted = replace_values(body, &mut |keys, value| {
        let is_encrypted = document.is_encrypted(keys);
        let plain = open(keys, value, is_encrypted, key).map_err(|reason| format!("{} {reason}", keys.join(".")))?;
        let counts = is_encrypted || !document.mac_only_encrypted;
        // Every value has its number, also one that the MAC is not over.
        parts.push(plain.as_ref().filter(|_| counts).map(mac_bytes).unwrap_or_default());
        Ok::<_, String>(plain)
    })?;
    if mac == Mac::Verified {
        verify(body, document, key, &parts)?;
    }
    Ok(decrypted)
}

/// One value; nothing for a comment.
fn open(keys: &[&str], value: &Value, is_encrypted: bool, key: &DataKey) -> Result<Option<Value>, &'static str> {
    match value {
        Value::String(text) if is_encrypted => {
            let additional = Zeroizing::new(keys.iter().fold(String::new(), |all, key| all + key + ":"));
            cipher::decrypt(text, key, &additional).map(|plain| match plain {
                Plain::Value(value) => Some(value),
                Plain::Comment => None,
            })
        }
        _ if is_encrypted => Err("is not encrypted, and by the rules of its document it must be"),
        Value::String(text) if is_ciphertext(text) => {
            Err("is encrypted, and by the rules of its document it must not be")
        }
        _ => Ok(Some(value.clone())),
    }
}

/// Compares the MAC with that of what was decrypted.
fn verify(body: &Value, document: &Document, key: &DataKey, parts: &[Zeroizing<Vec<u8>>]) -> Result<(), String> {
    const LIFT: &str = "; --sops-ignore-mac applies it all the same";
    let Ok(Plain::Value(Value::String(expected))) = cipher::decrypt(&document.mac, key, &document.last_modified) else {
        return Err(format!("its MAC cannot be read: it, or the time beside it, was changed{LIFT}"));
    };
    let order = order_of(body).unwrap_or_else(|| (0..parts.len()).collect());
    let mut hasher = Sha512::new();
    if document.mac_only_encrypted {
        hasher.update(ONLY_ENCRYPTED);
    }
    for number in &order {
        hasher.update(parts.get(*number).map(|part| part.as_slice()).unwrap_or_default());
    }
    let found = upper_hex(&hasher.finalize());
    if is_permutation(&order, parts.len()) && found == expected {
        return Ok(());
    }
    Err(format!(
        "its MAC is not that of its values: something was changed, added or taken out after it was encrypted, or a \
         renderer (Kustomize, Helm) has put its fields into another order{LIFT}"
    ))
}

/// A hash as SOPS writes it.
fn upper_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// Whether each number stands there once: else a value could hide behind an equal one.
fn is_permutation(order: &[usize], length: usize) -> bool {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..length)
}

#[cfg(test)]
mod tests {
    use super::super::cipher::tests::{KEY, encrypt};
    use super::*;
    use serde_json::json;

    const TIME: &str = "2026-01-01T00:00:00Z";

    /// A Secret whose file has `b` before `a`, and the MAC over these texts.
    fn body(mac_over: &[&[u8]], more: serde_json::Value) -> Value {
        let mut hasher = Sha512::new();
        for part in mac_over {
            hasher.update(part);
        }
        let mac = upper_hex(&hasher.finalize());
        let mut sops = json!({"mac": encrypt(&mac, "str", TIME), "lastmodified": TIME, "encrypted_regex": "^data$"});
        if let (Some(all), Some(more)) = (sops.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        json!({"kind": "Secret", "sops": sops, "data": {
            "a": encrypt("1", "str", "data:a:"), "b": encrypt("2", "str", "data:b:"), "c": null}})
        .into()
    }

    fn opened(body: &Value, mac: Mac) -> Result<Value, String> {
        decrypt(body, &Document::read(body)?, &Zeroizing::new(KEY), mac)
    }

    #[test]
    fn the_mac_is_over_the_order_of_the_file() {
        let plain: Value = json!({"kind": "Secret", "data": {"a": "1", "b": "2", "c": null}}).into();
        let sorted = body(&[b"12Secret"], json!({}));
        assert_eq!(opened(&sorted, Mac::Verified), Ok(plain.clone()));
        let order = json!({"kubectl-gitops-order": [2, 1, 0]});
        assert_eq!(opened(&body(&[b"Secret21"], order.clone()), Mac::Verified), Ok(plain.clone()));
        let only = json!({"kubectl-gitops-order": [2, 1, 0], "mac_only_encrypted": true});
        assert_eq!(opened(&body(&[&ONLY_ENCRYPTED, b"21"], only), Mac::Verified), Ok(plain.clone()));
        let other = body(&[b"12Secret"], order);
        assert!(opened(&other, Mac::Verified).is_err_and(|message| message.contains("its MAC is not")));
        assert_eq!(opened(&other, Mac::Ignored), Ok(plain));
        for wrong in [json!([0, 1]), json!([0, 1, 1]), json!([0, 1, 9]), json!([])] {
            let other = body(&[b"12Secret"], json!({"kubectl-gitops-order": wrong}));
            assert!(opened(&other, Mac::Verified).is_err());
        }
    }

    #[test]
    fn what_is_encrypted_and_what_is_not_must_be_as_the_rules_say() {
        for (rule, reason) in [
            ("^(data|kind)$", "kind is not as SOPS writes an encrypted value"),
            ("^a$", "data.b is encrypted, and by the rules of its document it must not be"),
        ] {
            let body = body(&[], json!({"encrypted_regex": rule}));
            assert_eq!(opened(&body, Mac::Ignored), Err(reason.to_owned()));
        }
    }

    #[test]
    fn a_mac_of_another_time_cannot_be_read() {
        let body = body(&[b"12Secret"], json!({"lastmodified": "2026-01-01T00:00:01Z"}));
        assert!(opened(&body, Mac::Verified).is_err_and(|message| message.contains("cannot be read")));
    }
}
