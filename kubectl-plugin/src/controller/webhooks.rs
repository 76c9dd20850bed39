//! Webhooks, on the side of the controller: what they are judged by, and what they make it do.
//!
//! In: Applications and Secrets as the API server tells them; events from the inbox. Out: a look at Git, for the requests that
//! an event concerns and no others. An event decides nothing: what Git answers does.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_compiler::app::Application;
use gitops_compiler::lock::Request;
use serde_json::Value as Json;
use tokio::sync::Semaphore;

use crate::application::AppId;
use crate::cluster::{Cluster, Failure};
use crate::webhook::{Asked, Entry, Inbox, Known, Secret, SecretReference, Secrets, Source};

/// The Secret of the providers' secrets, in the controller's namespace, as Argo CD calls it.
pub const SECRET: &str = "argocd-secret";

/// What Argo CD wants of a Secret that another refers to.
const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "argocd");

/// So many looks at Git, for what was heard, go on together. More events wait in the inbox, where they become one.
const LOOKS: usize = 32;

/// All that has to do with webhooks.
pub struct Webhooks {
    /// What they are judged by.
    pub known: Arc<Known>,
    /// Events that wait.
    pub inbox: Arc<Inbox>,
    /// Held by whoever looks at Git for what was heard.
    pub looks: Arc<Semaphore>,
}

impl Default for Webhooks {
    /// Nothing is taken before it is known which secrets there are.
    fn default() -> Self {
        let webhooks = Self { known: Arc::default(), inbox: Arc::default(), looks: Arc::new(Semaphore::new(LOOKS)) };
        webhooks.lose_secrets();
        webhooks
    }
}

impl Webhooks {
    /// Takes an Application. Gives whose secret counts for it, in a word, and what is wrong with what it asks for.
    pub async fn set(
        &self,
        cluster: &Cluster,
        id: &AppId,
        object: &Json,
        application: &Application,
    ) -> (&'static str, Vec<String>) {
        let sources = application.sources().iter();
        let sources = sources
            .map(|source| Source::with(&source.repo_url, &source.target_revision, &source.chart, &source.tag_prefix));
        let mut asked = Asked::of(object);
        let has_own = !asked.is_nothing();
        let mut secrets = std::mem::take(&mut asked.written);
        for reference in &asked.references {
            match value(cluster, &id.namespace, reference, None).await {
                Ok(value) => match value.as_deref().and_then(Secret::of) {
                    Some(secret) => secrets.push(secret),
                    None => asked.problems.push(format!("the Secret {} has no {}", reference.name(), reference.key())),
                },
                Err(failure) => asked.problems.push(unreadable(reference, &failure)),
            }
        }
        let entry = Entry { sources: sources.collect(), secrets: has_own.then_some(secrets) };
        self.known.set(id.clone(), entry);
        (if has_own { "application" } else { "global" }, asked.problems)
    }

    /// Forgets an Application.
    pub fn forget(&self, id: &AppId) {
        self.known.remove(id);
    }

    /// Takes the Secret of the providers' secrets; nothing where there is none.
    ///
    /// # Errors
    /// Where others that it refers to cannot be read now: webhooks of those providers are refused until this is tried again.
    pub async fn set_secrets(&self, cluster: &Cluster, namespace: &str, secret: Option<&Json>) -> Result<(), String> {
        let data: BTreeMap<String, Vec<u8>> = secret.map(decoded).unwrap_or_default();
        let find = |key: &str| data.get(key).cloned();
        let (mut others, mut problems) = (BTreeMap::new(), Vec::new());
        for reference in Secrets::references(find) {
            let value = value(cluster, namespace, &reference, Some(PART_OF)).await;
            let value = value.unwrap_or_else(|failure| {
                problems.push(unreadable(&reference, &failure));
                None
            });
            others.insert(reference, value);
        }
        self.known.set_secrets(Secrets::read(find, |reference| others.get(reference).cloned().flatten()));
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }

    /// Says that the Secret of the providers' secrets cannot be read: none of their webhooks is taken then, since whoever
    /// sends one may have to show something.
    pub fn lose_secrets(&self) {
        // Each secret is elsewhere, and nothing is found there.
        self.known.set_secrets(Secrets::read(|_| Some(b"$unreadable:secret".to_vec()), |_| None));
    }
}

/// A request, as events know it.
#[must_use]
pub fn source_of(request: &Request) -> Source {
    match request {
        Request::Git { repository, revision, tag_prefix, .. } => Source::with(repository, revision, "", tag_prefix),
        Request::Chart { repository, chart, version } => Source::with(repository, version, chart, ""),
        Request::Oci { repository, revision } => Source::new(repository, revision),
        Request::File { address } => Source::new(address, ""),
    }
}

fn decoded(secret: &Json) -> BTreeMap<String, Vec<u8>> {
    let data = secret["data"].as_object().into_iter().flatten();
    data.filter_map(|(key, value)| Some((key.clone(), BASE64_STANDARD.decode(value.as_str()?).ok()?))).collect()
}

fn unreadable(reference: &SecretReference, failure: &Failure) -> String {
    format!("the Secret {} cannot be read: {}", reference.name(), failure.told(true))
}

/// The value that a reference leads to, where there is one; `label` is what its Secret must carry.
async fn value(
    cluster: &Cluster,
    namespace: &str,
    reference: &SecretReference,
    label: Option<(&str, &str)>,
) -> Result<Option<Vec<u8>>, Failure> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{}", reference.name());
    let Some(secret) = cluster.find(&path).await? else { return Ok(None) };
    if label.is_some_and(|(name, value)| secret["metadata"]["labels"][name] != value) {
        return Ok(None);
    }
    Ok(decoded(&secret).remove(reference.key()))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use crate::webhook::{Provider, Refused, receive};

    use super::*;

    #[test]
    fn nothing_is_taken_before_secrets_are_known_nor_when_they_are_lost() {
        let webhooks = Webhooks::default();
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-github-event", "push"), ("content-type", "application/json")] {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
        let body = br#"{"ref": "refs/heads/main", "repository": {"html_url": "https://git.example.com/a/b"}}"#;
        let refused = || receive(&headers, body, &webhooks.known).err();
        assert_eq!(refused(), Some(Refused::NoSecret(Provider::GitHub)));
        webhooks.known.set_secrets(Secrets::default());
        assert_eq!(refused(), None, "there is none: anybody may send them");
        webhooks.lose_secrets();
        assert_eq!(refused(), Some(Refused::NoSecret(Provider::GitHub)));
        let all = Secrets::read(|_| Some(b"$unreadable:secret".to_vec()), |_| None);
        assert_eq!(all.lost().count(), 8, "all providers");
    }
}
