//! What can go wrong with a request, as the rest of the plugin needs to tell it apart.

use std::time::Duration;

use kube::core::Status;
use kube::core::response::StatusDetails;

/// A request that did not do what it should.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The server answered, and said no.
    #[error("{}", answer(.0))]
    Answer(Box<Status>),
    /// There was no answer: connection refused or lost, TLS, a proxy.
    #[error("no answer from the API server: {0}")]
    NoAnswer(String),
    /// There was no answer in time. Whether the request was done is not known.
    #[error("no answer from the API server within {0} seconds")]
    Timeout(u64),
    /// The server behind an API group does not answer: what the group has is not known now.
    #[error("the server of the API group {0} does not answer")]
    Silent(String),
    /// The answer makes no sense.
    #[error("the API server's answer makes no sense: {0}")]
    Malformed(String),
    /// It was not sent, or not again, for a reason of ours: our lock is lost, or the object is another one.
    #[error("{0}")]
    NotSent(String),
}

/// One field that another manager owns with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The field, such as `.spec.replicas`.
    pub field: String,
    /// The manager, as the server names it.
    pub manager: String,
    /// The subresource through which it was taken; empty for the object itself.
    pub subresource: String,
}

impl Failure {
    /// From the client's error.
    pub(super) fn from_client(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Answer(status),
            kube::Error::SerdeError(error) => Self::Malformed(error.to_string()),
            other => Self::NoAnswer(innermost(&other)),
        }
    }

    /// What may be told of it. Where what was sent is secret, only how the server answered: its messages quote what they
    /// refuse.
    #[must_use]
    pub fn told(&self, is_secret: bool) -> String {
        match self {
            Self::Answer(status) if is_secret => {
                let reason = if status.reason.is_empty() { String::new() } else { format!(" {}", status.reason) };
                format!(
                    "the API server answered {}{reason}; its message may quote secret values and is not shown",
                    status.code
                )
            }
            Self::Malformed(_) if is_secret => "the API server's answer makes no sense".to_owned(),
            _ => self.to_string(),
        }
    }

    /// The HTTP status; 0 where there was no answer.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Answer(status) => status.code,
            Self::NoAnswer(_) | Self::Timeout(_) | Self::Silent(_) | Self::Malformed(_) | Self::NotSent(_) => 0,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Answer(status) => &status.reason,
            Self::NoAnswer(_) | Self::Timeout(_) | Self::Silent(_) | Self::Malformed(_) | Self::NotSent(_) => "",
        }
    }

    /// The object, or its kind, is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code() == 404
    }

    /// Not the object is missing, but the way to it: the server does not serve this kind in this version, or it is not
    /// known whether it does.
    #[must_use]
    pub fn is_unserved(&self) -> bool {
        let nameless = || self.details().is_none_or(|details| details.name.is_empty());
        matches!(self, Self::Silent(_)) || (self.is_not_found() && nameless())
    }

    /// The namespace is not there.
    #[must_use]
    pub fn is_namespace_not_found(&self) -> bool {
        self.is_not_found() && self.details().is_some_and(|details| details.kind == "namespaces")
    }

    fn details(&self) -> Option<&StatusDetails> {
        match self {
            Self::Answer(status) => status.details.as_ref(),
            Self::NoAnswer(_) | Self::Timeout(_) | Self::Silent(_) | Self::Malformed(_) | Self::NotSent(_) => None,
        }
    }

    /// It is there already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.code() == 409 && self.reason() == "AlreadyExists"
    }

    /// Somebody else was faster, or owns a field, or it is another object.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.code() == 409 && !self.is_already_exists()
    }

    /// The server has looked at the request, and does not do it: nothing of it was done, and no earlier attempt is the
    /// reason.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        (400..500).contains(&self.code()) && !matches!(self.code(), 404 | 409 | 429)
    }

    /// The server does not know who asks: credentials that it takes no more.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.code() == 401
    }

    /// The server as a whole does not do what it is for, whatever it was asked: it does not answer, nor does what stands
    /// before it know where it is, or it does not know who asks.
    #[must_use]
    pub fn is_of_server(&self) -> bool {
        match self {
            Self::Answer(status) => matches!(status.code, 401 | 502 | 503 | 504),
            Self::NoAnswer(_) | Self::Timeout(_) => true,
            Self::Silent(_) | Self::Malformed(_) | Self::NotSent(_) => false,
        }
    }

    /// How long to wait before the next attempt, where the server says so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.details()?.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// The user may not do this.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.code() == 403 && !self.is_namespace_terminating()
    }

    /// The namespace is being deleted.
    #[must_use]
    pub fn is_namespace_terminating(&self) -> bool {
        let Self::Answer(status) = self else { return false };
        let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
        status.code == 403 && causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// A webhook that must be asked first was not reached, or did not answer in time: nothing was done. What it denies is another
    /// matter.
    #[must_use]
    pub fn is_of_webhook(&self) -> bool {
        // What the API server says of admission (`failed calling webhook`) and of conversion.
        let Self::Answer(status) = self else { return false };
        let is_conversion = status.message.contains("conversion webhook for ") && status.message.contains(" failed: ");
        status.code == 500 && (status.message.contains("failed calling webhook") || is_conversion)
    }

    /// The fields that others own.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let Self::Answer(status) = self else { return Vec::new() };
        let causes = status.details.iter().flat_map(|details| &details.causes);
        causes
            .filter(|cause| cause.reason == "FieldManagerConflict")
            .map(|cause| {
                let quoted: Vec<&str> = cause.message.split('"').collect();
                let after = |word: &str| {
                    let position = quoted.iter().position(|part| part.trim_end().ends_with(word))?;
                    quoted.get(position + 1).map(|text| (*text).to_owned())
                };
                Conflict {
                    field: cause.field.clone(),
                    manager: after("conflict with").unwrap_or_else(|| "another manager".to_owned()),
                    subresource: after("subresource").unwrap_or_default(),
                }
            })
            .collect()
    }

    /// A field that cannot change once the object is there, where that is why the server refuses. Never one of `metadata`:
    /// a uid or a version that does not fit is no reason to delete anything.
    #[must_use]
    pub fn immutable_field(&self) -> Option<String> {
        // What `ValidateUpdate` of Kubernetes' own kinds says, and what rules of custom kinds say by convention.
        const SAYS: [&str; 8] = [
            "immutable",
            "field can not be less than",
            "may not change once set",
            "cannot change roleRef",
            "may not be changed in an update",
            "may not change fields other than",
            "updates to statefulset spec for fields other than",
            "updates to parameters are forbidden",
        ];
        if self.code() != 422 {
            return None;
        }
        let causes = self.details().map(|details| details.causes.as_slice()).unwrap_or_default();
        let is_immutable =
            |message: &str| SAYS.iter().any(|says| message.to_lowercase().contains(&says.to_lowercase()));
        let cause = causes.iter().find(|cause| is_immutable(&cause.message) && !cause.field.starts_with("metadata"))?;
        Some(cause.field.clone())
    }

    /// Nothing was done, or doing it twice does no harm: worth another try for a request that can be repeated.
    /// HTTP 500 "failed to create typed patch object" is an error of the input and stays what it is; one that says when to
    /// come again is none, nor is one of a storage that went away.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Answer(status) => {
                let is_asked_to = status.code >= 500 && self.retry_after().is_some();
                let is_of_storage = status.code == 500 && is_storage_away(&status.message);
                is_asked_to || is_of_storage || matches!(status.code, 429 | 502 | 503 | 504)
            }
            Self::NoAnswer(_) => true,
            Self::Timeout(_) | Self::Silent(_) | Self::Malformed(_) | Self::NotSent(_) => false,
        }
    }
}

/// Whether etcd is gone for the moment, or has no leader: the API server hands on what gRPC says of what was under way. Too
/// large a request stays so.
fn is_storage_away(message: &str) -> bool {
    const SAYS: [&str; 3] = ["rpc error: code = Unavailable", "rpc error: code = DeadlineExceeded", "etcdserver: "];
    SAYS.iter().any(|says| message.starts_with(says)) && !message.contains("too large")
}

/// The server's message, without what it repeats, on one line of bounded length.
fn answer(status: &Status) -> String {
    let text: String = status.message.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let mut short: String = text.chars().take(600).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if short.is_empty() { format!("HTTP {}", status.code) } else { short }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_name_field_manager_and_subresource() {
        let status = serde_json::json!({
            "code": 409, "reason": "Conflict", "message": "x",
            "details": {"causes": [
                {"reason": "FieldManagerConflict", "field": ".spec.replicas",
                 "message": "conflict with \"kube-controller-manager\" with subresource \"scale\" using apps/v1"},
                {"reason": "FieldManagerConflict", "field": ".data.a", "message": "conflict with \"kubectl-edit\" using v1"},
            ]},
        });
        let failure = Failure::Answer(Box::new(serde_json::from_value(status).expect("a status")));
        let found = failure.conflicts();
        assert_eq!((found[0].manager.as_str(), found[0].subresource.as_str()), ("kube-controller-manager", "scale"));
        assert_eq!((found[1].manager.as_str(), found[1].subresource.as_str()), ("kubectl-edit", ""));
        assert!(failure.is_conflict());
    }

    #[test]
    fn what_cannot_change_is_told_from_what_is_wrong() {
        let answer = |field: &str, message: &str| {
            let status = serde_json::json!({
                "code": 422, "reason": "Invalid", "message": "x",
                "details": {"causes": [
                    {"reason": "FieldValueRequired", "field": "spec.other", "message": "Required value"},
                    {"reason": "FieldValueInvalid", "field": field, "message": message},
                ]},
            });
            Failure::Answer(Box::new(serde_json::from_value(status).expect("a status"))).immutable_field()
        };
        for (field, message) in [
            ("spec.selector", "Invalid value: {…}: field is immutable"),
            ("spec.clusterIPs[0]", "Invalid value: [\"10.0.0.9\"]: may not change once set"),
            ("roleRef", "Invalid value: {…}: cannot change roleRef"),
            ("data", "Forbidden: field is immutable when `immutable` is set"),
            ("spec", "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"),
            ("value", "Forbidden: may not be changed in an update."),
            ("spec.name", "Invalid value: Value is Immutable"),
        ] {
            assert_eq!(answer(field, message).as_deref(), Some(field));
        }
        assert_eq!(answer("spec.replicas", "Invalid value: -1: must be greater than or equal to 0"), None);
        assert_eq!(answer("metadata.uid", "Invalid value: \"x\": field is immutable"), None);
    }

    #[test]
    fn a_storage_that_is_away_comes_back_and_an_error_of_the_input_does_not() {
        let is_transient = |message: &str| {
            let status = serde_json::json!({"code": 500, "message": message});
            Failure::Answer(Box::new(serde_json::from_value(status).expect("a status"))).is_transient()
        };
        assert!(is_transient(
            "rpc error: code = Unavailable desc = error reading from server: connection reset by peer"
        ));
        assert!(is_transient("etcdserver: leader changed"));
        assert!(!is_transient("etcdserver: request is too large"));
        assert!(!is_transient(
            "failed to create typed patch object: duplicate entries for key [name=\"etcdserver: x\"]"
        ));
    }

    #[test]
    fn of_secrets_only_the_kind_of_answer_is_told() {
        let status = serde_json::json!({"code": 500, "reason": "InternalError", "message": "got hunter2"});
        let failure = Failure::Answer(Box::new(serde_json::from_value(status).expect("a status")));
        assert_eq!(failure.told(false), "got hunter2");
        assert!(failure.told(true).starts_with("the API server answered 500 InternalError;"), "{}", failure.told(true));
        assert!(!Failure::Malformed("hunter2".to_owned()).told(true).contains("hunter2"));
    }
}
