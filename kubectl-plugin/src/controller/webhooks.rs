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

use crate::application::AppId;
use crate::cluster::Cluster;
use crate::webhook::{ApplicationKey, Asked, Entry, Inbox, Known, Secret, SecretReference, Secrets, Source};

/// The Secret of the providers' secrets, in the controller's namespace, as Argo CD calls it.
pub const SECRET: &str = "argocd-secret";

/// What Argo CD wants of a Secret that another refers to.
const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "argocd");

/// All that has to do with webhooks.
#[derive(Default)]
pub struct Webhooks {
    /// What they are judged by.
    pub known: Arc<Known>,
    /// Events that wait.
    pub inbox: Arc<Inbox>,
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
            match value(cluster, &id.namespace, reference, None).await.as_deref().and_then(Secret::of) {
                Some(secret) => secrets.push(secret),
                None => asked.problems.push(format!("the Secret {} has no {}", reference.name(), reference.key())),
            }
        }
        let entry = Entry { sources: sources.collect(), secrets: has_own.then_some(secrets) };
        self.known.set(key(id), entry);
        (if has_own { "application" } else { "global" }, asked.problems)
    }

    /// Forgets an Application.
    pub fn forget(&self, id: &AppId) {
        self.known.remove(&key(id));
    }

    /// Takes the Secret of the providers' secrets; nothing where there is none.
    pub async fn set_secrets(&self, cluster: &Cluster, namespace: &str, secret: Option<&Json>) {
        let data: BTreeMap<String, Vec<u8>> = secret.map(decoded).unwrap_or_default();
        let find = |key: &str| data.get(key).cloned();
        let mut others = BTreeMap::new();
        for reference in Secrets::references(find) {
            let value = value(cluster, namespace, &reference, Some(PART_OF)).await;
            others.insert(reference, value);
        }
        self.known.set_secrets(Secrets::read(find, |reference| others.get(reference).cloned().flatten()));
    }
}

fn key(id: &AppId) -> ApplicationKey {
    ApplicationKey::new(&id.namespace, &id.name)
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

/// The value that a reference leads to; `label` is what its Secret must carry.
async fn value(
    cluster: &Cluster,
    namespace: &str,
    reference: &SecretReference,
    label: Option<(&str, &str)>,
) -> Option<Vec<u8>> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{}", reference.name());
    let secret = cluster.find(&path).await.ok().flatten()?;
    if label.is_some_and(|(name, value)| secret["metadata"]["labels"][name] != value) {
        return None;
    }
    decoded(&secret).remove(reference.key())
}
