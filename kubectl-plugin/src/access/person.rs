//! Who asks, as the API server knows them; and what we ask the API server about them. Pure.
//!
//! In: answers of TokenReview, rights. Out: a [`Person`], bodies of reviews.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value as Json, json};

/// Somebody whom the API server knows: a person, or a machine's ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// By which name.
    pub name: String,
    /// By which id; empty where there is none.
    pub uid: String,
    /// Of which groups.
    pub groups: Vec<String>,
    /// What else authenticators say.
    pub extra: BTreeMap<String, Vec<String>>,
    /// Tells everybody whom the API server tells apart.
    key: [u8; 32],
}

/// A right, as the API server names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Right<'a> {
    /// `get`, `list`, `watch`, `create`, `patch`, `delete`.
    pub verb: &'a str,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The resource, in the plural.
    pub resource: &'a str,
    /// The subresource; empty for the object itself.
    pub subresource: &'a str,
    /// The namespace; empty for all, or where the resource has none.
    pub namespace: &'a str,
    /// The object; empty for all.
    pub name: &'a str,
}

/// `status` of a TokenReview.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reviewed {
    authenticated: bool,
    user: User,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    uid: String,
    groups: Option<Vec<String>>,
    extra: Option<BTreeMap<String, Vec<String>>>,
}

impl<'a> Right<'a> {
    /// To do something with an Application; with all of a namespace where it has no name.
    #[must_use]
    pub fn application(verb: &'a str, namespace: &'a str, name: &'a str) -> Self {
        Self { verb, group: "argoproj.io", resource: "applications", subresource: "", namespace, name }
    }

    /// To read the logs of the Pods of a namespace.
    #[must_use]
    pub fn logs(namespace: &'a str) -> Self {
        Self { verb: "get", group: "", resource: "pods", subresource: "log", namespace, name: "" }
    }

    /// The question whether whoever asks has it.
    pub(super) fn own_question(&self) -> Json {
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": self.attributes()},
        })
    }

    fn attributes(&self) -> Json {
        json!({
            "verb": self.verb, "group": self.group, "resource": self.resource,
            "subresource": self.subresource, "namespace": self.namespace, "name": self.name,
        })
    }
}

impl Person {
    /// Whom a TokenReview names; nobody where the token is not good.
    #[must_use]
    pub fn of(review: &Json) -> Option<Self> {
        let Reviewed { authenticated, user } = serde_json::from_value(review["status"].clone()).ok()?;
        let User { username: name, uid, groups, extra } = user;
        if !authenticated || name.is_empty() {
            return None;
        }
        let (groups, extra) = (groups.unwrap_or_default(), extra.unwrap_or_default());
        let all = json!([name, uid, groups, extra]).to_string();
        let key = *blake3::hash(all.as_bytes()).as_bytes();
        Some(Self { name, uid, groups, extra, key })
    }

    /// Whom a SelfSubjectReview names; nobody where it names none.
    #[must_use]
    pub fn of_own(review: &Json) -> Option<Self> {
        Self::of(&json!({"status": {"authenticated": true, "user": review["status"]["userInfo"]}}))
    }

    /// Tells everybody whom the API server tells apart.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// The question whether they have a right.
    pub(super) fn question(&self, right: &Right<'_>) -> Json {
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {
                "user": self.name, "uid": self.uid, "groups": self.groups, "extra": self.extra,
                "resourceAttributes": right.attributes(),
            },
        })
    }
}

/// The question whose token this is.
pub(super) fn token_question(token: &str) -> Json {
    json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}})
}

/// Whether the API server says yes. An evaluation error beside a yes is of some other authorizer.
pub(super) fn is_allowed(review: &Json) -> bool {
    review["status"]["allowed"] == true && review["status"]["denied"] != true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(name: &str, groups: Json) -> Json {
        json!({"status": {"authenticated": true, "user": {"username": name, "groups": groups}}})
    }

    #[test]
    fn only_who_is_authenticated_is_somebody() {
        let anna = Person::of(&review("anna", json!(["a"]))).expect("somebody");
        assert_eq!((anna.name.as_str(), anna.groups.as_slice()), ("anna", &["a".to_owned()][..]));
        for wrong in [
            json!({}),
            json!({"status": {"authenticated": false, "user": {"username": "anna"}}}),
            json!({"status": {"user": {"username": "anna"}}}),
            json!({"status": {"authenticated": "true", "user": {"username": "anna"}}}),
            review("", json!(["system:masters"])),
            json!({"status": "anna"}),
        ] {
            assert_eq!(Person::of(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn whoever_differs_in_anything_is_another() {
        let key = |name: &str, groups| Person::of(&review(name, groups)).expect("somebody").key();
        let keys = [key("a", json!(["b"])), key("a", json!(["b", "c"])), key("a", json!(null)), key("ab", json!([]))];
        assert!(keys.iter().all(|key| keys.iter().filter(|other| *other == key).count() == 1));
    }

    #[test]
    fn the_whole_of_somebody_is_asked_about() {
        let mut told = review("anna", json!(["a"]));
        told["status"]["user"]["extra"] = json!({"scopes": ["x"]});
        let question = Person::of(&told).expect("somebody").question(&Right::application("get", "n", "m"));
        let spec = &question["spec"];
        assert_eq!(
            (&spec["user"], &spec["groups"], &spec["extra"]["scopes"]),
            (&json!("anna"), &json!(["a"]), &json!(["x"]))
        );
        assert_eq!(spec["resourceAttributes"]["resource"], "applications");
        assert!(is_allowed(&json!({"status": {"allowed": true}})));
        for no in [json!({"status": {"allowed": true, "denied": true}}), json!({"status": {"allowed": 1}}), json!({})] {
            assert!(!is_allowed(&no), "{no}");
        }
    }
}
