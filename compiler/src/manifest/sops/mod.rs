//! Objects that SOPS encrypted: they stay ciphertext here and in everything that is made of them.
//!
//! In: a document with a map `sops` at its top that has `mac` and `lastmodified`. Out: a body that is hashed, stored and
//! recorded as it is written, ciphertext and `sops` and all, or the reason why it can be no object. Whoever applies it
//! decrypts it just before the request, and settles it then: nothing is rewritten before, since SOPS binds each value to
//! the keys that lead to it (they are its additional data).
//!
//! # The order of the file
//! SOPS signs a document as a whole, too: `sops.mac` is over all values in the order of the *file*, and our maps are
//! sorted. Without that order nobody could tell that a value was taken out, or put back from an older file. So it is
//! kept, in the body itself under `sops`, where it is hashed, stored and recorded with the rest, needs no format of its
//! own, and goes with `sops` before anything is sent: `kubectl-gitops-order` has the number of each value as the file has
//! them, where values are numbered as the sorted body has them. Null is no value to SOPS. A body in whose file the
//! values stand sorted has no such field. The alternative, the text of the file, would make every comment a change and
//! hide the object from whoever reads bodies.
//!
//! The order is no secret and need not be trusted: a wrong one gives another MAC, which is an error.
//!
//! # Guarantees
//! What has `sops` at its top is an object that says openly what it is (kind, version and metadata); everything else is
//! refused, as are lists: kubectl takes them apart, and `sops` is lost.

mod order;

use std::collections::BTreeSet;

use crate::canon::{Map, Value};
use crate::diagnostic::Diagnostic;

use super::Manifest;
use super::yaml::Document;

pub(super) use order::remember;
pub use order::{ORDER, order_of};

/// How an encrypted value begins.
const CIPHERTEXT: &str = "ENC[AES256_GCM,";

/// The field with what SOPS needs to know.
pub const SOPS: &str = "sops";

/// The group of objects that an operator decrypts in the cluster: to us they are as any other.
const OF_AN_OPERATOR: &str = "isindir.github.com/";

/// Whether SOPS has encrypted this document, for whoever applies it.
#[must_use]
pub fn is_sops(document: &Value) -> bool {
    let api_version = document.get("apiVersion").and_then(Value::as_str);
    if api_version.is_some_and(|version| version.starts_with(OF_AN_OPERATOR)) {
        return false;
    }
    let has = |field: &str| document.at(&[SOPS, field]).is_some_and(|value| matches!(value, Value::String(_)));
    has("mac") && has("lastmodified")
}

/// Whether a text is an encrypted value.
#[must_use]
pub fn is_ciphertext(text: &str) -> bool {
    text.starts_with(CIPHERTEXT)
}

/// Whether there is an encrypted value in a value.
#[must_use]
pub fn has_ciphertext(value: &Value) -> bool {
    match value {
        Value::String(text) => is_ciphertext(text),
        Value::Map(map) => map.values().any(has_ciphertext),
        Value::Array(items) => items.iter().any(has_ciphertext),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => false,
    }
}

/// Why a document that SOPS has encrypted can be no object; the error is for the user.
pub(super) fn check(document: &Value) -> Result<(), String> {
    let kind = document.get("kind").and_then(Value::as_str).filter(|kind| !is_ciphertext(kind)).unwrap_or("document");
    if document.get("items").is_some() {
        return Err(format!("this {kind} is a list that SOPS encrypted as one: encrypt each object in its own file"));
    }
    for field in ["apiVersion", "kind", "metadata"] {
        if let Some(path) = document.get(field).and_then(|value| first_ciphertext(value, field)) {
            return Err(format!(
                "{path} of this {kind} is encrypted, so that nobody can tell which object this is: encrypt its values \
                 alone, with `--encrypted-regex '^(data|stringData)$'` or the same in .sops.yaml"
            ));
        }
    }
    Ok(())
}

/// The place of the first encrypted text in a value.
fn first_ciphertext(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::String(text) if is_ciphertext(text) => Some(path.to_owned()),
        Value::Map(map) => map.iter().find_map(|(key, value)| first_ciphertext(value, &format!("{path}.{key}"))),
        Value::Array(items) => items.iter().find_map(|item| first_ciphertext(item, path)),
        _ => None,
    }
}

/// The MACs that more than one document of a file has.
pub(super) fn shared_macs(documents: &[Document]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let macs = documents.iter().filter(|document| is_sops(&document.value));
    let macs = macs.filter_map(|document| document.value.at(&[SOPS, "mac"])?.as_str());
    macs.filter(|mac| !seen.insert(*mac)).map(str::to_owned).collect()
}

/// The lint that a MAC is of several documents.
pub(super) fn many_documents(manifest: &Manifest) -> Diagnostic {
    let message = format!(
        "{} was encrypted together with other documents: its MAC is over all of them, and it will not be applied without \
         --sops-ignore-mac; encrypt each object in its own file",
        manifest.key
    );
    Diagnostic::lint(manifest.origin.clone(), "sops-many-documents", message)
}

/// The values of a Secret that are not encrypted, as `data.key`.
#[must_use]
pub fn open_values(body: &Value) -> Vec<String> {
    let is_open = |value: &Value| value.as_str().is_none_or(|text| !text.is_empty() && !is_ciphertext(text));
    let fields = ["data", "stringData"].into_iter().filter_map(|field| Some((field, body.get(field)?.as_map()?)));
    fields
        .flat_map(|(field, map)| map.iter().map(move |(key, value)| (field, key, value)))
        .filter(|(_, _, value)| **value != Value::Null && is_open(value))
        .map(|(field, key, _)| format!("{field}.{key}"))
        .collect()
}

/// Whether what stands at a JSON pointer is SOPS's own or encrypted: no schema knows what it must be.
#[must_use]
pub fn is_hidden(body: &Value, pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).peekable();
    if parts.peek().is_some_and(|first| first == SOPS) {
        return true;
    }
    let found = parts.try_fold(body, |value, part| match value {
        Value::Map(map) => map.get(&part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    });
    found.and_then(Value::as_str).is_some_and(is_ciphertext)
}

/// What comes in the place of a value; nothing where it is left out.
pub type Replaced<E> = Result<Option<Value>, E>;

/// The body without `sops`, with each value replaced. `replace` gets the keys that lead to a value and the value, in the
/// order of their numbers (see above); an item of a list for which it gives nothing is left out: it was a comment.
pub fn replace_values<E>(body: &Value, replace: &mut dyn FnMut(&[&str], &Value) -> Replaced<E>) -> Result<Value, E> {
    let Some(map) = body.as_map() else { return Ok(body.clone()) };
    let mut replaced = Map::new();
    for (key, value) in map.iter().filter(|(key, _)| *key != SOPS) {
        if let Some(value) = replace_in(value, &mut vec![key.as_str()], replace)? {
            replaced.insert(key.clone(), value);
        }
    }
    Ok(Value::Map(replaced))
}

fn replace_in<'a, E>(
    value: &'a Value,
    keys: &mut Vec<&'a str>,
    replace: &mut dyn FnMut(&[&str], &Value) -> Replaced<E>,
) -> Replaced<E> {
    match value {
        Value::Null => Ok(Some(Value::Null)),
        Value::Map(map) => {
            let mut replaced = Map::new();
            for (key, value) in map {
                keys.push(key);
                let value = replace_in(value, keys, replace)?;
                keys.pop();
                replaced.extend(value.map(|value| (key.clone(), value)));
            }
            Ok(Some(Value::Map(replaced)))
        }
        Value::Array(items) => {
            let mut replaced = Vec::with_capacity(items.len());
            for item in items {
                replaced.extend(replace_in(item, keys, replace)?);
            }
            Ok(Some(Value::Array(replaced)))
        }
        _ => replace(keys.as_slice(), value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;
    use serde_json::json;

    const ENCRYPTED: &str = "ENC[AES256_GCM,data:aa,iv:bb,tag:cc,type:str]";

    fn document(more: serde_json::Value) -> Value {
        let mut document = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "sops": {"mac": ENCRYPTED, "lastmodified": "2026-01-01T00:00:00Z"}});
        if let (Some(all), Some(more)) = (document.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        document.into()
    }

    #[test]
    fn mac_and_time_make_a_document_of_sops() {
        assert!(is_sops(&document(json!({}))));
        let of_an_operator = document(json!({"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret"}));
        assert!(!is_sops(&of_an_operator));
        for other in [json!({}), json!({"sops": "x"}), json!({"sops": {"mac": "x"}}), json!({"spec": {"sops": {}}})] {
            assert!(!is_sops(&other.clone().into()), "{other}");
        }
    }

    #[test]
    fn what_hides_which_object_it_is_is_refused() {
        assert_eq!(check(&document(json!({"data": {"a": ENCRYPTED}}))), Ok(()));
        for (more, place) in [
            (json!({"apiVersion": ENCRYPTED, "kind": ENCRYPTED}), "apiVersion of this document is encrypted"),
            (json!({"metadata": {"name": ENCRYPTED}}), "metadata.name of this Secret is encrypted"),
            (json!({"metadata": {"name": "a", "finalizers": [ENCRYPTED]}}), "metadata.finalizers of this"),
            (json!({"items": []}), "this Secret is a list"),
        ] {
            let message = check(&document(more)).expect_err(place);
            assert!(message.starts_with(place), "{message}");
        }
    }

    #[test]
    fn open_values_are_named() {
        let body = json!({"data": {"a": ENCRYPTED, "b": "", "c": "eA==", "d": null}, "stringData": {"e": "x"}});
        assert_eq!(open_values(&body.into()), ["data.c", "stringData.e"]);
    }

    #[test]
    fn no_schema_knows_what_is_hidden() {
        let body = document(json!({"data": {"a/b": ENCRYPTED, "c": "x"}, "list": ["x", ENCRYPTED]}));
        for (pointer, hidden) in [
            ("/sops", true),
            ("/sops/mac", true),
            ("/data/a~1b", true),
            ("/list/1", true),
            ("/data/c", false),
            ("", false),
        ] {
            assert_eq!(is_hidden(&body, pointer), hidden, "{pointer}");
        }
    }

    #[test]
    fn values_are_replaced_with_the_keys_that_lead_to_them() {
        let body = document(json!({"list": [{"b": 1, "a": null}, "comment"], "empty": {}}));
        let mut seen = Vec::new();
        let replaced = replace_values(&body, &mut |keys, value| {
            seen.push(keys.join(":"));
            Ok::<_, ()>((value.as_str() != Some("comment")).then_some(Value::Bool(true)))
        });
        assert_eq!(seen, ["apiVersion", "kind", "list:b", "list", "metadata:name"]);
        let expected = json!({"apiVersion": true, "kind": true, "metadata": {"name": true},
            "list": [{"a": null, "b": true}], "empty": {}});
        assert_eq!(replaced, Ok(expected.into()));
    }

    #[test]
    fn nothing_is_rewritten_and_the_order_is_kept() {
        let text = format!(
            "kind: Secret\napiVersion: v1\nmetadata: {{name: a, uid: x, creationTimestamp: ~}}\nstringData: {{b: '{ENCRYPTED}', \
             a: '{ENCRYPTED}'}}\nsops: {{mac: '{ENCRYPTED}', lastmodified: t, kubectl-gitops-order: [0]}}\n"
        );
        let (manifests, findings) = manifest::read("a.yaml", text.as_bytes());
        assert!(findings.is_empty(), "{findings:?}");
        let expected = json!({"kind": "Secret", "apiVersion": "v1",
            "metadata": {"name": "a", "uid": "x", "creationTimestamp": null},
            "stringData": {"a": ENCRYPTED, "b": ENCRYPTED},
            "sops": {"mac": ENCRYPTED, "lastmodified": "t", "kubectl-gitops-order": [1, 0, 2, 3, 5, 4]}});
        assert_eq!(manifests[0].body, expected.into());
    }

    #[test]
    fn documents_that_share_a_mac_are_told_of() {
        let one = |name: &str, mac: &str| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nsops: {{mac: {mac}, lastmodified: t}}\n---\n"
            )
        };
        let rules = |text: String| -> Vec<Option<String>> {
            manifest::read("a.yaml", text.as_bytes()).1.into_iter().map(|finding| finding.rule).collect()
        };
        assert_eq!(rules(one("a", "first") + &one("b", "second")), []);
        assert_eq!(
            rules(one("a", "first") + &one("b", "first")),
            [(); 2].map(|()| Some("sops-many-documents".to_owned()))
        );
    }
}
