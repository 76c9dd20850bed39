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

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use super::address::{is_same_origin, shown};
use super::challenge::{self, Challenge};
use super::error::FetchError;
use super::registry::Chart;
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
    pub(super) fn known(&self, chart: &Chart<'_>) -> Option<Arc<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key(chart)).cloned()
    }

    /// Does what the registry wants; none where that is nothing we can do.
    pub(super) fn log_in(&self, chart: &Chart<'_>, headers: &HeaderMap) -> Result<Option<Arc<Identity>>, FetchError> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<Challenge> = values.flat_map(challenge::read).collect();
        let wants = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        let credential = chart.credential.as_ref();
        let has_token = credential.is_some_and(|one| !one.bearer_token.is_empty());
        let header = match (wants("bearer"), wants("basic")) {
            (Some(_), _) if has_token => authorization(&chart.registry, credential),
            (Some(bearer), _) => sensitive(&format!("Bearer {}", token(chart, bearer)?)),
            (None, Some(_)) => basic(&chart.registry, credential),
            (None, None) => None,
        };
        let identity = header.map(|header| Arc::new(Identity::new(chart.registry.url.clone(), header)));
        if let Some(identity) = &identity {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(key(chart), Arc::clone(identity));
        }
        Ok(identity)
    }
}

fn key(chart: &Chart<'_>) -> (String, String) {
    (chart.registry.url.to_string(), chart.name.clone())
}

/// Has a token made.
fn token(chart: &Chart<'_>, challenge: &Challenge) -> Result<String, FetchError> {
    let registry = &chart.registry.url;
    let wrong = |why: &str| FetchError::wrong(shown(registry), why);
    let realm = challenge.parameters.get("realm").and_then(|realm| Url::parse(realm).ok());
    let mut realm = realm.ok_or_else(|| wrong("the registry does not say where tokens are made"))?;
    let scope = format!("repository:{}:pull", chart.name);
    {
        let mut query = realm.query_pairs_mut();
        if let Some(service) = challenge.parameters.get("service") {
            query.append_pair("service", service);
        }
        query.append_pair("scope", challenge.parameters.get("scope").unwrap_or(&scope));
    }
    let both_encrypted = registry.scheme() == "https" && realm.scheme() == "https";
    let may_know = is_same_origin(registry, &realm) || both_encrypted;
    let header = if may_know { basic(&chart.registry, chart.credential.as_ref()) } else { None };
    let identity = header.map(|header| Arc::new(Identity::new(realm.clone(), header)));
    let has_identity = identity.is_some();
    let answer = chart.web.ask(Request {
        repository: registry.clone(),
        credential: chart.credential.clone(),
        url: realm.clone(),
        within: chart.within,
        identity,
        accept: None,
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
