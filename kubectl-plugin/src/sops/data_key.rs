//! The data key of a document, from whoever can open it here.
//!
//! In: a document, where keys are. Out: its data key, or whose key it takes and how to give it. Identities are read once,
//! and only where a document asks for one; age goes first, as with SOPS: gpg has to be started.

use super::document::Document;
use super::gpg;
use super::identities::Identities;
use super::{DataKey, KeySources};

/// The keys of this machine.
pub(super) struct Keys<'a> {
    sources: &'a KeySources,
    identities: Option<Identities>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(sources: &'a KeySources) -> Self {
        Self { sources, identities: None }
    }

    /// Opens the data key of a document.
    pub(super) fn data_key(&mut self, document: &Document) -> Result<DataKey, String> {
        let mut reasons = Vec::new();
        if !document.age.is_empty() {
            let identities = self.identities.get_or_insert_with(|| Identities::read(self.sources));
            if let Some(key) = document.age.iter().find_map(|entry| identities.open(&entry.enc)) {
                return Ok(key);
            }
            reasons.extend(identities.complaints.iter().cloned());
            if identities.is_empty() {
                reasons.push("there is no identity of age here".to_owned());
            } else {
                reasons.push("no identity of age here opens it".to_owned());
            }
        }
        for entry in &document.pgp {
            match gpg::open(&entry.enc) {
                Ok(key) => return Ok(key),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(refusal(document, &reasons))
    }
}

/// Whose keys open a document, why none did, and what to do.
fn refusal(document: &Document, reasons: &[String]) -> String {
    let age = document.age.iter().map(|entry| shown(&entry.recipient));
    let pgp = document.pgp.iter().map(|entry| format!("PGP {}", shown(&entry.fp)));
    let whose: Vec<String> = age.chain(pgp).chain(document.others.iter().map(|name| (*name).to_owned())).collect();
    if whose.is_empty() {
        return "it is encrypted for nobody: it has neither age nor PGP keys".to_owned();
    }
    let mut ways = Vec::new();
    if !document.age.is_empty() {
        ways.push("name a file of age identities with --sops-age-key-file");
    }
    if !document.pgp.is_empty() {
        ways.push("import the PGP key into gpg and unlock it");
    }
    if ways.is_empty() {
        ways.push("key services are not asked: encrypt it for an age or a PGP key, too (sops rotate --add-age)");
    }
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
    format!("it is encrypted for {}{reasons}: {}", whose.join(", "), ways.join(", or "))
}

/// A name from a file, safe to print and not too long.
fn shown(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(sops: serde_json::Value) -> String {
        let mut whole = json!({"mac": "m", "lastmodified": "t"});
        if let (Some(all), Some(more)) = (whole.as_object_mut(), sops.as_object()) {
            all.extend(more.clone());
        }
        let document = Document::read(&json!({"sops": whole}).into()).expect("a document");
        Keys::new(&KeySources::default()).data_key(&document).expect_err("there are no keys")
    }

    #[test]
    fn who_could_open_it_is_named_with_what_to_do() {
        assert_eq!(
            refused(json!({"age": [{"recipient": "age1x\u{1b}", "enc": "x"}], "kms": [{}]})),
            "it is encrypted for age1x, AWS KMS (there is no identity of age here): name a file of age identities with \
             --sops-age-key-file"
        );
        assert!(
            refused(json!({"hc_vault": [{}]})).starts_with("it is encrypted for HashiCorp Vault: key services are")
        );
        assert!(refused(json!({})).contains("for nobody"));
    }
}
