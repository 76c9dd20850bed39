//! The requests that the plugin sends.

use std::time::Duration;

use gitops_compiler::manifest::Propagation;
use http::Method;
use kube::core::response::StatusDetails;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::connect::Current;
use super::{Connection, Failure};
use crate::trace;

/// How often a request that can be repeated is tried, where nobody says to come again and nothing is begun.
pub(super) const ATTEMPTS: u32 = 4;

/// Longest pause between two attempts, unless the server asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An API server, spoken to with one timeout for every request.
#[derive(Clone)]
pub struct Cluster {
    /// The way to it.
    pub connection: Connection,
    /// How long a request may take.
    pub timeout: Duration,
    /// Whether a request is repeated for as long as it may take, however often nobody answers: what was begun waits for an
    /// API server that restarts.
    pub is_patient: bool,
}

/// The part of an object's metadata that we use.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Name.
    pub name: String,
    /// Namespace; empty where the kind has none.
    pub namespace: String,
    /// Uid.
    pub uid: String,
    /// Opaque, but for equality.
    pub resource_version: String,
    /// Rises with each change of the spec, for kinds that have it.
    pub generation: Option<i64>,
    /// When it was made.
    pub creation_timestamp: String,
    /// Set while the object is being deleted.
    pub deletion_timestamp: Option<String>,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Annotations.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// Who owns which field.
    pub managed_fields: Vec<ManagedFields>,
    /// Whether another object owns it.
    #[serde(rename = "ownerReferences", deserialize_with = "is_some")]
    pub is_owned: bool,
}

/// Whether a list is there and not empty; what is in it is not kept.
fn is_some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let list = Option::<Vec<serde::de::IgnoredAny>>::deserialize(deserializer)?;
    Ok(list.is_some_and(|list| !list.is_empty()))
}

/// One entry of `managedFields`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedFields {
    /// The manager's name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The version in which the fields are named.
    pub api_version: String,
    /// Empty for the object itself.
    pub subresource: String,
    /// When the entry changed last.
    pub time: String,
    /// The fields.
    pub fields_v1: Json,
}

/// An object without its body.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PartialObject {
    /// Its metadata.
    pub metadata: ObjectMeta,
}

/// How an object is applied.
#[derive(Debug, Clone)]
pub struct ApplyOptions<'a> {
    /// Our name to the server.
    pub field_manager: &'a str,
    /// Whether fields that others own are taken.
    pub force: bool,
    /// Whether the server only pretends.
    pub dry_run: bool,
}

/// What became of an object that was applied.
#[derive(Debug, Clone)]
pub struct AppliedObject {
    /// Whether it was not there before (HTTP 201).
    pub created: bool,
    /// The object as it is now.
    pub object: Json,
}

/// What became of an object that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// It is gone, and another object has its name.
    Replaced,
    /// It goes once nothing holds it any more: a finalizer, a grace period.
    Held,
}

pub(super) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

impl Cluster {
    /// Reads an object or anything else.
    pub async fn get(&self, path: &str) -> Result<Json, Failure> {
        self.get_as(path, "application/json").await
    }

    pub(super) async fn get_as(&self, path: &str, accept: &str) -> Result<Json, Failure> {
        self.repeated(&Request { method: Method::GET, path, accept, content_type: "", body: None })
            .await
            .map(|answer| answer.body)
    }

    /// Reads an object's metadata; `None` where it is not there. That its kind is not served is a failure: nothing is
    /// known of the object then.
    pub async fn get_metadata(&self, path: &str) -> Result<Option<ObjectMeta>, Failure> {
        match self.get_as(path, METADATA).await {
            Ok(answer) => parse::<PartialObject>(answer).map(|object| Some(object.metadata)),
            Err(failure) if failure.is_not_found() && !failure.is_unserved() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Which cluster this is: the uid of its namespace `kube-system`; `None` where whoever asks may not know it.
    pub async fn identity(&self) -> Result<Option<String>, Failure> {
        match self.get_metadata("/api/v1/namespaces/kube-system").await {
            Ok(found) => Ok(found.map(|metadata| metadata.uid)),
            // Whoever is restricted to some namespaces.
            Err(failure) if failure.is_forbidden() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Server-side apply. Repeated where nothing was answered: applying twice is applying once. An object that only a
    /// repetition found is new where its metadata say so: the answer was lost, not the request.
    pub async fn apply(&self, path: &str, body: &Json, options: &ApplyOptions<'_>) -> Result<AppliedObject, Failure> {
        let ApplyOptions { field_manager, force, dry_run } = options;
        let dry_run = if *dry_run { "&dryRun=All" } else { "" };
        let manager = encode(field_manager);
        let path = format!("{path}?fieldManager={manager}&force={force}&fieldValidation=Strict{dry_run}");
        let content_type = "application/apply-patch+yaml";
        let request =
            Request { method: Method::PATCH, path: &path, accept: "application/json", content_type, body: Some(body) };
        let Answer { code, body: object, repeated } = self.repeated(&request).await?;
        let created = code == 201 || (repeated && made_by(&object, field_manager));
        Ok(AppliedObject { created, object })
    }

    /// Reads an object; `None` where it is not there, or its kind is not served.
    pub async fn find(&self, path: &str) -> Result<Option<Json>, Failure> {
        match self.get(path).await {
            Ok(object) => Ok(Some(object)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Creates an object. Repeated where nothing was answered; so an object that is there already may be the one that was
    /// to be made.
    pub async fn create(&self, collection: &str, body: &Json) -> Result<Json, Failure> {
        self.write(Method::POST, collection, body).await
    }

    /// Whether the server would make this object, were none of its name there. Nothing is changed.
    pub async fn could_create(&self, collection: &str, body: &Json, field_manager: &str) -> Result<(), Failure> {
        let manager = encode(field_manager);
        let path = format!("{collection}?fieldManager={manager}&fieldValidation=Strict&dryRun=All");
        match self.write(Method::POST, &path, body).await {
            Err(failure) if !failure.is_already_exists() => Err(failure),
            _ => Ok(()),
        }
    }

    /// Replaces all of an object, in the name of a manager; the uid and resourceVersion in the body must be those of the
    /// object. Repeated where nothing was answered.
    pub async fn replace_as(&self, path: &str, body: &Json, field_manager: &str) -> Result<Json, Failure> {
        let path = format!("{path}?fieldManager={}&fieldValidation=Strict", encode(field_manager));
        self.write(Method::PUT, &path, body).await
    }

    /// Replaces an object; the uid and resourceVersion in the body must be those of the object. Repeated where nothing was
    /// answered; so what another seems to have changed may be as it was to be.
    pub async fn replace(&self, path: &str, body: &Json) -> Result<Json, Failure> {
        self.write(Method::PUT, path, body).await
    }

    /// Deletes the object with this uid and no other, in this version where one is given. What becomes of its dependents is
    /// said (a raw DELETE of a Job would orphan its Pods).
    ///
    /// # Errors
    /// A conflict is one of versions only: the object is there, and has changed since, or in that very moment.
    pub async fn delete(
        &self,
        path: &str,
        uid: &str,
        resource_version: Option<&str>,
        propagation: Propagation,
    ) -> Result<Deleted, Failure> {
        let mut preconditions = json!({"uid": uid});
        if let Some(version) = resource_version {
            preconditions["resourceVersion"] = version.into();
        }
        let body = json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "propagationPolicy": propagation.as_str(), "preconditions": preconditions,
        });
        let request = Request {
            method: Method::DELETE,
            path,
            accept: "application/json",
            content_type: "application/json",
            body: Some(&body),
        };
        match self.repeated(&request).await {
            // The server answers with a Status where the object is gone, and with the object where it is not.
            Ok(answer) if answer.body["metadata"]["deletionTimestamp"].is_null() => Ok(Deleted::Gone),
            Ok(_) => Ok(Deleted::Held),
            Err(failure) if failure.is_not_found() && !failure.is_unserved() => Ok(Deleted::Gone),
            Err(failure) if failure.is_conflict() => match self.get_metadata(path).await? {
                None => Ok(Deleted::Gone),
                Some(metadata) if metadata.uid != uid => Ok(Deleted::Replaced),
                // So the server answers for a namespace that is being emptied.
                Some(metadata) if metadata.deletion_timestamp.is_some() => Ok(Deleted::Held),
                Some(_) => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    async fn write(&self, method: Method, path: &str, body: &Json) -> Result<Json, Failure> {
        let content_type = "application/json";
        let request = Request { method, path, accept: "application/json", content_type, body: Some(body) };
        self.repeated(&request).await.map(|answer| answer.body)
    }

    /// Sends a request again where it was not done, or may be done twice. All attempts together take no longer than one request may: whoever
    /// asked for permission to send has it for that long.
    pub(super) async fn repeated(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let deadline = tokio::time::Instant::now() + self.timeout;
        let mut attempt = 1;
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            match self.once(request, left).await {
                Err(failure) if failure.is_transient() => {
                    let Some(pause) = self.pause(&failure, attempt) else { return Err(failure) };
                    if tokio::time::Instant::now() + pause >= deadline {
                        return Err(failure);
                    }
                    tokio::time::sleep(pause).await;
                    attempt += 1;
                }
                result => {
                    return result.map(|(code, body)| Answer { code, body, repeated: attempt > 1 });
                }
            }
        }
    }

    /// How long to wait after an attempt, where there is to be another.
    fn pause(&self, failure: &Failure, attempt: u32) -> Option<Duration> {
        let usual = Duration::from_millis(100 << attempt.min(4)).min(LONGEST_PAUSE);
        match failure.retry_after() {
            Some(asked) => Some(asked.max(usual)),
            None => (self.is_patient || attempt < ATTEMPTS).then_some(usual),
        }
    }

    /// Whether the server does what it is for: one request, also where it is given up.
    ///
    /// # Errors
    /// Where it has no answer, or does not know who asks.
    pub async fn is_there(&self) -> Result<(), Failure> {
        let (accept, body) = ("application/json", None);
        let request = Request { method: Method::GET, path: "/version", accept, content_type: "", body };
        match self.sent(&request, self.timeout).await {
            Err(failure) if failure.is_of_server() => Err(failure),
            _ => Ok(()),
        }
    }

    async fn once(&self, request: &Request<'_>, timeout: Duration) -> Result<(u16, Json), Failure> {
        self.connection.may_send()?;
        self.sent(request, timeout).await
    }

    async fn sent(&self, request: &Request<'_>, timeout: Duration) -> Result<(u16, Json), Failure> {
        if trace::is_on() {
            return Box::pin(self.traced(request, timeout)).await;
        }
        self.answered(request, timeout).await
    }

    async fn traced(&self, request: &Request<'_>, timeout: Duration) -> Result<(u16, Json), Failure> {
        if request.method != Method::GET && self.connection.authorization().is_some() {
            // Somebody changes it, and the controller looks at what became of it.
            trace::cause(|| application_of(request.path));
        }
        let path = || request.path.split('?').next().unwrap_or_default().to_owned();
        let about = || vec![("http.request.method", request.method.to_string()), ("url.path", path())];
        trace::part("kubernetes", about, self.answered(request, timeout)).await
    }

    async fn answered(&self, request: &Request<'_>, timeout: Duration) -> Result<(u16, Json), Failure> {
        let sent = async {
            let current = self.connection.current();
            match self.send(request, &current).await {
                // Nothing was done. Credentials that expire in the middle of a run are not its end.
                Err(failure) if failure.is_unauthorized() && self.connection.renew(&current).await => {
                    self.send(request, &self.connection.current()).await
                }
                other => other,
            }
        };
        let seconds = self.timeout.as_secs();
        let result = tokio::time::timeout(timeout, sent).await.unwrap_or(Err(Failure::Timeout(seconds)));
        self.connection.note_answer(&result);
        result
    }

    async fn send(&self, request: &Request<'_>, current: &Current) -> Result<(u16, Json), Failure> {
        let body = request.body.map(Json::to_string).unwrap_or_default();
        let mut builder = self.connection.begin(&request.method, request.path);
        builder = builder.header(http::header::ACCEPT, request.accept);
        if !request.content_type.is_empty() {
            builder = builder.header(http::header::CONTENT_TYPE, request.content_type);
        }
        let built = builder.body(kube::client::Body::from(body.into_bytes()));
        let built = built.map_err(|error| Failure::Malformed(error.to_string()))?;
        let answer = current.client.send(built).await.map_err(Failure::from_client)?;
        self.connection.note_time(answer.headers());
        let code = answer.status().as_u16();
        let retry_after =
            answer.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = answer.into_body().collect_bytes().await.map_err(Failure::from_client)?;
        if (200..300).contains(&code) {
            return Ok((code, parse_bytes(&bytes)?));
        }
        Err(refusal(code, retry_after, &bytes))
    }
}

/// The Application that a path leads to, as traces name it.
fn application_of(path: &str) -> Option<String> {
    let path = path.split('?').next()?.strip_prefix("/apis/argoproj.io/v1alpha1/namespaces/")?;
    let (namespace, name) = path.split_once("/applications/")?;
    (!name.contains('/')).then(|| format!("{namespace}/{name}"))
}

/// A request.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) accept: &'a str,
    pub(super) content_type: &'a str,
    pub(super) body: Option<&'a Json>,
}

/// What the server answered.
pub(super) struct Answer {
    code: u16,
    pub(super) body: Json,
    /// Whether it was asked more than once.
    repeated: bool,
}

/// Whether an object says of itself that this manager made it by applying it: it is as old as the manager's own entry,
/// and nobody else has written to it so early.
fn made_by(object: &Json, field_manager: &str) -> bool {
    let Ok(PartialObject { metadata }) = serde_json::from_value(object.clone()) else { return false };
    let own = |entry: &ManagedFields| entry.manager == field_manager && entry.operation == "Apply";
    let entries: Vec<&ManagedFields> =
        metadata.managed_fields.iter().filter(|entry| entry.subresource.is_empty()).collect();
    let born = metadata.creation_timestamp.as_str();
    // Times of this form sort as text.
    !born.is_empty()
        && entries.iter().any(|entry| own(entry) && entry.time == born)
        && entries.iter().all(|entry| own(entry) || entry.time.as_str() > born)
}

/// A refusal in the API's own form, or made into it: proxies answer in prose. `retry_after` is what its head says, in
/// seconds; a date is not understood.
fn refusal(code: u16, retry_after: Option<u32>, bytes: &[u8]) -> Failure {
    let status = serde_json::from_slice::<kube::core::Status>(bytes).ok().filter(|status| status.code != 0);
    let mut status = status.unwrap_or_else(|| {
        let text: String = String::from_utf8_lossy(bytes).chars().take(200).collect();
        let mut status = kube::core::Status::failure(&format!("HTTP {code}: {text}"), "");
        status.code = code;
        status
    });
    if let Some(seconds) = retry_after {
        let none = || StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
        };
        status.details.get_or_insert_with(none).retry_after_seconds = seconds;
    }
    Failure::Answer(Box::new(status))
}

fn parse_bytes(bytes: &[u8]) -> Result<Json, Failure> {
    serde_json::from_slice(bytes).map_err(|error| Failure::Malformed(error.to_string()))
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(answer: Json) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| Failure::Malformed(error.to_string()))
}

/// Percent-encodes a query value.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lost_answer_made_is_told_from_what_was_there() {
        let entry = |manager: &str, operation: &str, time: &str| json!({"manager": manager, "operation": operation, "time": time});
        let object =
            |born: &str, entries: &[Json]| json!({"metadata": {"creationTimestamp": born, "managedFields": entries}});
        let ours = entry("us", "Apply", "2026-01-01T00:00:05Z");
        assert!(made_by(&object("2026-01-01T00:00:05Z", std::slice::from_ref(&ours)), "us"));
        let later = entry("controller", "Update", "2026-01-01T00:00:06Z");
        assert!(made_by(&object("2026-01-01T00:00:05Z", &[ours.clone(), later]), "us"));
        assert!(
            !made_by(&object("2026-01-01T00:00:04Z", std::slice::from_ref(&ours)), "us"),
            "it is older than our entry"
        );
        let other = entry("kubectl-create", "Update", "2026-01-01T00:00:05Z");
        assert!(!made_by(&object("2026-01-01T00:00:05Z", &[ours, other]), "us"), "another may have been first");
        assert!(!made_by(&Json::Null, "us"));
    }
}
