//! How registries come to know who we are.
//!
//! In: a challenge. Out: what is sent with the next request. Who learns our credentials:
//!
//! - the registry's own host, port and scheme, where it wants user and password, or where we have a token for it;
//! - the realm that the registry names for tokens: where it is the registry's own host; or where both are encrypted,
//!   because registries have their tokens made elsewhere, the registry could pass on what we sent to itself, and nobody
//!   between can have named another realm. Access judges the realm as it judges redirects.
//!
//! Nobody else: the token that comes back goes to the registry alone, and neither follows a redirect. A realm to which
//! credentials may not be sent is asked without.
//!
//! An identity token, which `docker login` keeps for some registries, is good for tokens only: it is posted to the realm, as
//! OAuth 2 has it, under the same rule, and to nobody else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use super::address::{is_same_origin, shown};
use super::challenge::{self, Challenge};
use super::credentials::Credential;
use super::error::FetchError;
use super::registry::Repository;
use super::secret::Secret;
use super::transfer::{Identity, Request};
use super::web::{authorization, basic, refusal, sensitive};

const LARGEST_ANSWER: u64 = 1 << 20;

/// Who we are for registries that asked, by registry and repository: a token is for one repository.
#[derive(Default)]
pub(super) struct Logins(Mutex<BTreeMap<(String, String), Arc<Identity>>>);

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Logins {
    /// What the registry knows us as.
    pub(super) fn known(&self, repository: &Repository<'_>) -> Option<Arc<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key(repository)).cloned()
    }

    /// Does what the registry wants; none where that is nothing we can do.
    pub(super) fn log_in(
        &self,
        repository: &Repository<'_>,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Identity>>, FetchError> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<Challenge> = values.flat_map(challenge::read).collect();
        let wants = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        let credential = repository.credential.as_ref();
        let has_token = credential.is_some_and(|one| !one.bearer_token.is_empty());
        let header = match (wants("bearer"), wants("basic")) {
            (Some(_), _) if has_token => authorization(&repository.registry, credential),
            (Some(bearer), _) => sensitive(&format!("Bearer {}", token(repository, bearer)?)),
            (None, Some(_)) => basic(&repository.registry, credential),
            (None, None) => None,
        };
        let identity = header.map(|header| Arc::new(Identity::new(repository.registry.url.clone(), header)));
        if let Some(identity) = &identity {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(key(repository), Arc::clone(identity));
        }
        Ok(identity)
    }
}

fn key(repository: &Repository<'_>) -> (String, String) {
    (repository.registry.url.to_string(), repository.name.clone())
}

/// Has a token made.
fn token(repository: &Repository<'_>, challenge: &Challenge) -> Result<String, FetchError> {
    let registry = &repository.registry.url;
    let wrong = |why: &str| FetchError::wrong(shown(registry), why);
    let realm = challenge.parameters.get("realm").and_then(|realm| Url::parse(realm).ok());
    let mut realm = realm.ok_or_else(|| wrong("the registry does not say where tokens are made"))?;
    let own_scope = format!("repository:{}:{}", repository.name, repository.actions);
    let scope = challenge.parameters.get("scope").unwrap_or(&own_scope);
    let service = challenge.parameters.get("service");
    let both_encrypted = registry.scheme() == "https" && realm.scheme() == "https";
    let may_know = is_same_origin(registry, &realm) || both_encrypted;
    let credential = repository.credential.as_ref().filter(|_| may_know);
    let form = credential.filter(|one| !one.identity_token.is_empty()).map(|one| form(one, scope, service));
    if form.is_none() {
        let mut query = realm.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", scope);
    }
    let header = if may_know && form.is_none() { basic(&repository.registry, credential) } else { None };
    let has_identity = header.is_some() || form.is_some();
    let identity = header.map(|header| Arc::new(Identity::new(realm.clone(), header)));
    let answer = repository.web.ask(Request {
        repository: registry.clone(),
        credential: repository.credential.clone(),
        told: None,
        url: realm.clone(),
        method: Method::GET,
        within: repository.within,
        identity,
        accept: None,
        form,
        body: None,
        limit: LARGEST_ANSWER,
        what: "the token".to_owned(),
    })?;
    if !answer.status.is_success() {
        return Err(refusal(&answer, has_identity));
    }
    let no_token = || FetchError::wrong(shown(&realm), "the answer is no token");
    let made: Token = serde_json::from_slice(&answer.body).map_err(|_| no_token())?;
    made.token.or(made.access_token).filter(|token| !token.is_empty()).ok_or_else(no_token)
}

/// What is posted for a token: an identity token is a refresh token of OAuth 2.
fn form(credential: &Credential, scope: &str, service: Option<&String>) -> Secret {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token").append_pair("client_id", "kubectl-gitops");
    form.append_pair("scope", scope);
    if let Some(service) = service {
        form.append_pair("service", service);
    }
    form.append_pair("refresh_token", credential.identity_token.reveal());
    Secret::new(form.finish())
}
