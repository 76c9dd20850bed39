//! Where a secret is: a Secret and a key of it.
//!
//! In: `$name:key` of a value of the controller's Secret; `name:key` of an Application. Out: a [`SecretReference`], whose
//! name and key are such that the cluster may have them.
//!
//! An Application asks for secrets of its own with the annotation [`ANNOTATION`], or with `spec.webhook.gitlab[].secret`
//! where its CRD has that. Its namespace is where they are looked for, and nowhere else.

use std::fmt;

use serde_json::Value;

/// The annotation of an Application whose events must carry this secret: `<name of a Secret>:<key>`.
pub const ANNOTATION: &str = "kubectl-gitops/webhook-secret";

/// How many secrets one Application may have.
const MOST: usize = 16;

/// A key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretReference {
    name: String,
    key: String,
}

impl SecretReference {
    /// From `name:key`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, key) = text.trim().split_once(':')?;
        let is_name = (1..=253).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric());
        let is_key = (1..=253).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        (is_name && is_key).then(|| Self { name: name.to_owned(), key: key.to_owned() })
    }

    /// From a value `$name:key`; `None` where the value is something else.
    pub(super) fn of_value(value: &[u8]) -> Option<Self> {
        std::str::from_utf8(value).ok()?.trim().strip_prefix('$').and_then(Self::parse)
    }

    /// The name of the Secret.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key in its data.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.key)
    }
}

/// What an Application asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Where its secrets are.
    pub references: Vec<SecretReference>,
    /// What cannot be one, as sentences. Such an Application has a secret that nobody can show.
    pub problems: Vec<String>,
}

impl Asked {
    /// From the whole object.
    #[must_use]
    pub fn of(application: &Value) -> Self {
        let hooks = application.pointer("/spec/webhook/gitlab").and_then(Value::as_array);
        let hooks = hooks.into_iter().flatten().enumerate().filter_map(|(at, hook)| {
            let secret = hook.get("secret").filter(|secret| !secret.is_null())?;
            Some((format!("spec.webhook.gitlab[{at}].secret"), secret))
        });
        let annotation = application.pointer("/metadata/annotations").and_then(|all| all.get(ANNOTATION));
        let annotation = annotation.map(|secret| (format!("the annotation {ANNOTATION}"), secret));
        let mut asked = Self::default();
        for (place, secret) in annotation.into_iter().chain(hooks) {
            let text = secret.as_str().unwrap_or_default();
            let reference = SecretReference::parse(text.trim().strip_prefix('$').unwrap_or(text));
            match reference {
                Some(_) if asked.references.len() == MOST => {
                    asked.problems.push(format!("{place} is one too many: an Application has at most {MOST} secrets"));
                    break;
                }
                Some(reference) => asked.references.push(reference),
                // What was written may be the secret itself, and is not shown.
                None => asked.problems.push(format!("{place} is no <name of a Secret>:<key>, such as hooks:shop")),
            }
        }
        asked
    }

    /// Whether there is anything.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.references.is_empty() && self.problems.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_keys_are_those_of_the_cluster() {
        let reference = SecretReference::parse(" hooks:shop.token ").expect("a reference");
        assert_eq!((reference.name(), reference.key()), ("hooks", "shop.token"));
        for text in ["", "hooks", "hooks:", ":key", "Hooks:key", "../x:key", "hooks:a/b", "hooks:a b", "-a:b", "a:b:c"]
        {
            assert_eq!(SecretReference::parse(text), None, "{text}");
        }
        assert!(SecretReference::of_value(b"$hooks:key").is_some());
        for value in [&b"hooks:key"[..], b"$hooks", b"$", b"$\xff:key"] {
            assert_eq!(SecretReference::of_value(value), None);
        }
    }

    #[test]
    fn an_application_asks_in_two_places() {
        let asked = Asked::of(&json!({
            "metadata": {"annotations": {ANNOTATION: "hooks:shop"}},
            "spec": {"webhook": {"gitlab": [{"secret": "hooks:gitlab"}, {"secret": null}, {}, {"secret": "$hooks:third"}]}},
        }));
        let shown: Vec<String> = asked.references.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["hooks:shop", "hooks:gitlab", "hooks:third"]);
        assert!(asked.problems.is_empty());
        for application in [json!({}), json!({"metadata": {"annotations": null}, "spec": {"webhook": {"gitlab": {}}}})]
        {
            assert!(Asked::of(&application).is_nothing(), "{application}");
        }
    }

    #[test]
    fn what_is_no_reference_is_told_and_not_shown() {
        let asked = Asked::of(&json!({
            "metadata": {"annotations": {ANNOTATION: "hunter2"}},
            "spec": {"webhook": {"gitlab": [{"secret": 7}]}},
        }));
        assert_eq!((asked.references.len(), asked.problems.len()), (0, 2));
        assert!(!format!("{asked:?}").contains("hunter2"), "{asked:?}");
        assert!(!asked.is_nothing());
    }

    #[test]
    fn there_are_not_too_many() {
        let hooks: Vec<_> = (0..1000).map(|number| json!({"secret": format!("hooks:{number}")})).collect();
        let asked = Asked::of(&json!({"spec": {"webhook": {"gitlab": hooks}}}));
        assert_eq!((asked.references.len(), asked.problems.len()), (MOST, 1));
    }
}
