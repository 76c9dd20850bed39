//! What a document says of its encryption.
//!
//! In: a body with `sops`. Out: a [`Document`]: which of its values are encrypted, the MAC, and whose keys open it.
//! Guarantees: what would decide over values in a way that is not known here is refused by name, never skipped.

use gitops_compiler::canon::Value;
use gitops_compiler::manifest::sops::SOPS;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value as Json;

/// What SOPS leaves open where nothing else is said.
const UNENCRYPTED_SUFFIX: &str = "_unencrypted";

/// Keys that we do not ask for, by their fields, as people call them.
const OTHER_KEYS: [(&str, &str); 5] = [
    ("kms", "AWS KMS"),
    ("gcp_kms", "Google Cloud KMS"),
    ("azure_kv", "Azure Key Vault"),
    ("hc_vault", "HashiCorp Vault"),
    ("hckms", "Huawei Cloud KMS"),
];

/// The data key, encrypted for one age recipient.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct AgeEntry {
    pub(super) recipient: String,
    pub(super) enc: String,
}

/// The data key, encrypted for one PGP key.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PgpEntry {
    /// Its fingerprint.
    pub(super) fp: String,
    pub(super) enc: String,
}

/// A document of SOPS, less its values.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) age: Vec<AgeEntry>,
    pub(super) pgp: Vec<PgpEntry>,
    /// Key services that could open it, and that are not asked.
    pub(super) others: Vec<&'static str>,
    /// Encrypted.
    pub(super) mac: String,
    pub(super) last_modified: String,
    /// Whether the MAC is over the encrypted values alone.
    pub(super) mac_only_encrypted: bool,
    rule: Rule,
}

/// Which values are encrypted: it is asked of all keys that lead to a value, and one is enough.
#[derive(Debug)]
enum Rule {
    AllButSuffix(String),
    Suffix(String),
    AllButMatching(Regex),
    Matching(Regex),
}

#[derive(Deserialize)]
struct Metadata {
    mac: String,
    lastmodified: String,
    #[serde(default)]
    age: Option<Vec<AgeEntry>>,
    #[serde(default)]
    pgp: Option<Vec<PgpEntry>>,
    #[serde(default)]
    mac_only_encrypted: Option<bool>,
    #[serde(default)]
    unencrypted_suffix: Option<String>,
    #[serde(default)]
    encrypted_suffix: Option<String>,
    #[serde(default)]
    unencrypted_regex: Option<String>,
    #[serde(default)]
    encrypted_regex: Option<String>,
    #[serde(default)]
    unencrypted_comment_regex: Option<String>,
    #[serde(default)]
    encrypted_comment_regex: Option<String>,
}

impl Document {
    /// Reads `sops` of a body.
    pub(super) fn read(body: &Value) -> Result<Self, String> {
        let sops = body.get(SOPS).map(Json::from).unwrap_or_default();
        let has = |field: &str| sops[field].as_array().is_some_and(|keys| !keys.is_empty());
        if has("key_groups") || sops["shamir_threshold"].as_i64().unwrap_or_default() > 0 {
            return Err("its key is shared among key groups (shamir_threshold), which is not known here: encrypt it \
                        for one group"
                .to_owned());
        }
        let others = OTHER_KEYS.iter().filter(|(field, _)| has(field)).map(|(_, name)| *name).collect();
        let metadata: Metadata =
            serde_json::from_value(sops).map_err(|_| "its field `sops` is not as SOPS writes it".to_owned())?;
        let rule = Rule::of(&metadata)?;
        let Metadata { mac, lastmodified: last_modified, age, pgp, mac_only_encrypted, .. } = metadata;
        let (age, pgp) = (age.unwrap_or_default(), pgp.unwrap_or_default());
        Ok(Self { age, pgp, others, mac, last_modified, mac_only_encrypted: mac_only_encrypted == Some(true), rule })
    }

    /// Whether the value to which these keys lead is encrypted.
    pub(super) fn is_encrypted(&self, keys: &[&str]) -> bool {
        match &self.rule {
            Rule::AllButSuffix(suffix) => !keys.iter().any(|key| key.ends_with(suffix.as_str())),
            Rule::Suffix(suffix) => keys.iter().any(|key| key.ends_with(suffix.as_str())),
            Rule::AllButMatching(regex) => !keys.iter().any(|key| regex.is_match(key.as_bytes())),
            Rule::Matching(regex) => keys.iter().any(|key| regex.is_match(key.as_bytes())),
        }
    }
}

impl Rule {
    fn of(metadata: &Metadata) -> Result<Self, String> {
        let set = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        if set(&metadata.unencrypted_comment_regex).or_else(|| set(&metadata.encrypted_comment_regex)).is_some() {
            return Err("which of its values are encrypted is said in comments (encrypted_comment_regex or \
                        unencrypted_comment_regex), and comments are not kept: use encrypted_regex"
                .to_owned());
        }
        let rules = [
            set(&metadata.unencrypted_suffix).map(|suffix| Ok(Self::AllButSuffix(suffix))),
            set(&metadata.encrypted_suffix).map(|suffix| Ok(Self::Suffix(suffix))),
            set(&metadata.unencrypted_regex).map(|text| regex(&text).map(Self::AllButMatching)),
            set(&metadata.encrypted_regex).map(|text| regex(&text).map(Self::Matching)),
        ];
        let mut rules = rules.into_iter().flatten();
        match (rules.next(), rules.next()) {
            (None, _) => Ok(Self::AllButSuffix(UNENCRYPTED_SUFFIX.to_owned())),
            (Some(rule), None) => rule,
            (Some(_), Some(_)) => Err("it has more than one rule about which values are encrypted".to_owned()),
        }
    }
}

/// As Go reads it: classes such as `\d` are ASCII.
fn regex(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).unicode(false).build();
    built.map_err(|_| format!("its rule `{text}` is no regular expression that is known here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(more: Json) -> Result<Document, String> {
        let mut sops = json!({"mac": "m", "lastmodified": "t"});
        if let (Some(all), Some(more)) = (sops.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        Document::read(&json!({"sops": sops}).into())
    }

    #[test]
    fn any_key_on_the_way_decides() {
        for (rule, keys, encrypted) in [
            (json!({}), ["data", "a"], true),
            (json!({}), ["data_unencrypted", "a"], false),
            (json!({"encrypted_suffix": "_x"}), ["a_x", "b"], true),
            (json!({"encrypted_suffix": "_x"}), ["a", "b"], false),
            (json!({"encrypted_regex": "^(data|stringData)$"}), ["data", "a"], true),
            (json!({"encrypted_regex": "^(data|stringData)$", "unencrypted_suffix": ""}), ["metadata", "name"], false),
            (json!({"unencrypted_regex": "^\\d"}), ["a", "1"], false),
            (json!({"unencrypted_regex": "^\\d"}), ["a", "b1"], true),
        ] {
            let document = read(rule.clone()).expect("a rule");
            assert_eq!(document.is_encrypted(&keys), encrypted, "{rule} {keys:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (more, word) in [
            (json!({"shamir_threshold": 2, "key_groups": [{}]}), "key groups"),
            (json!({"encrypted_comment_regex": "x"}), "comments"),
            (json!({"encrypted_regex": "x", "encrypted_suffix": "y"}), "more than one rule"),
            (json!({"encrypted_regex": "("}), "no regular expression"),
            (json!({"age": [{"recipient": 7}]}), "as SOPS writes it"),
        ] {
            let message = read(more).expect_err(word);
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn other_key_services_are_named() {
        let document = read(json!({"kms": [{"arn": "x"}], "azure_kv": [], "hc_vault": [{}], "age": null}));
        assert_eq!(document.expect("a document").others, ["AWS KMS", "HashiCorp Vault"]);
    }
}
