//! Who the controller is to repositories, as its own namespace says last.
//!
//! In: Secrets and ConfigMaps, as watches tell them. Out: what fetches use from then on ([`RepositoryServer::give`]), and which
//! requests may be answered otherwise now. Nothing is fetched before Secrets are known: what one project alone may read must
//! not be read for all.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gitops_compiler::lock::Request;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use crate::cluster::{Failure, Followed};
use crate::error::CommandError;
use crate::settings::{Given, RepositoryServer};

/// The Secrets of repositories, by their label.
pub const SELECTOR: &str = "argocd.argoproj.io/secret-type in (repository,repo-creds)";

/// Keys of SSH servers, as Argo CD calls the ConfigMap.
pub const KNOWN_HOSTS: &str = "argocd-ssh-known-hosts-cm";

/// Certificates of hosts, as Argo CD calls the ConfigMap.
pub const CERTIFICATES: &str = "argocd-tls-certs-cm";

/// How long the first list of Secrets is waited for.
const FIRST_LIST: Duration = Duration::from_secs(30);

/// What the namespace says.
#[derive(Debug)]
pub struct RepositoryCredentials {
    state: Mutex<State>,
    /// Whether Secrets are known, or why not.
    known: watch::Sender<Option<Result<(), String>>>,
}

#[derive(Debug, Default, PartialEq)]
struct State {
    secrets: BTreeMap<String, Json>,
    known_hosts: Option<Json>,
    certificates: Option<Json>,
}

impl Default for RepositoryCredentials {
    fn default() -> Self {
        Self { state: Mutex::default(), known: watch::Sender::new(None) }
    }
}

impl RepositoryCredentials {
    /// Takes what a watch of Secrets tells. Gives whether anything is another now.
    pub fn take_secrets(&self, event: Followed<Json>) -> bool {
        let name = |object: &Json| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut state = self.state();
        match event {
            Followed::Listed(objects) => {
                let listed = objects.iter().map(|object| (name(object), said(object))).collect();
                std::mem::replace(&mut state.secrets, listed) != state.secrets
            }
            Followed::Present(object) => {
                let said = said(&object);
                state.secrets.insert(name(&object), said.clone()) != Some(said)
            }
            Followed::Gone(object) => state.secrets.remove(&name(&object)).is_some(),
        }
    }

    /// Takes the ConfigMap of keys of SSH servers; nothing where there is none. Gives whether it is another now.
    pub fn take_known_hosts(&self, config_map: Option<&Json>) -> bool {
        let (said, mut state) = (config_map.map(said), self.state());
        std::mem::replace(&mut state.known_hosts, said) != state.known_hosts
    }

    /// Takes the ConfigMap of certificates; nothing where there is none. Gives whether it is another now.
    pub fn take_certificates(&self, config_map: Option<&Json>) -> bool {
        let (said, mut state) = (config_map.map(said), self.state());
        std::mem::replace(&mut state.certificates, said) != state.certificates
    }

    /// Says that Secrets are known and given, or cannot be watched. Gives whether they could not be before.
    pub fn know(&self, known: Result<(), &Failure>) -> bool {
        let before = self.known.send_replace(Some(known.map_err(ToString::to_string)));
        matches!(before, Some(Err(_)))
    }

    /// Waits until Secrets are known.
    ///
    /// # Errors
    /// Where they cannot be.
    pub async fn known(&self) -> Result<(), CommandError> {
        let mut known = self.known.subscribe();
        let first = tokio::time::timeout(FIRST_LIST, known.wait_for(Option::is_some)).await;
        match first.ok().and_then(Result::ok).and_then(|known| known.clone()) {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(CommandError::user("the Secrets of repositories cannot be read").details(vec![why])),
            None => Err(CommandError::user("the Secrets of repositories are not read yet")),
        }
    }

    /// Gives all of it to a server. Gives the requests of these that may be answered otherwise now, and what is wrong.
    #[must_use]
    pub fn give(&self, server: &RepositoryServer, requests: Vec<Request>) -> (Vec<Request>, Vec<String>) {
        let (given, mut problems) = {
            let state = self.state();
            let secrets: Vec<Json> = state.secrets.values().cloned().collect();
            Given::read(&secrets, state.known_hosts.as_ref(), state.certificates.as_ref())
        };
        let others = requests.into_iter().filter(|request| server.is_other_for(&given, request)).collect();
        problems.extend(server.give(given));
        (others, problems)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the next begins.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an object says, without what the API server adds.
fn said(object: &Json) -> Json {
    let metadata = &object["metadata"];
    json!({"metadata": {"name": metadata["name"], "labels": metadata["labels"]}, "data": object["data"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_another_is_news() {
        let credentials = RepositoryCredentials::default();
        let secret = |version: &str, password: &str| json!({"metadata": {"name": "a", "resourceVersion": version}, "data": {"password": password}});
        assert!(!credentials.take_secrets(Followed::Listed(Vec::new())));
        assert!(credentials.take_secrets(Followed::Present(secret("1", "x"))));
        assert!(!credentials.take_secrets(Followed::Present(secret("2", "x"))));
        assert!(!credentials.take_secrets(Followed::Listed(vec![secret("3", "x")])));
        assert!(credentials.take_secrets(Followed::Listed(vec![secret("4", "y")])));
        assert!(credentials.take_secrets(Followed::Gone(secret("5", "y"))));
        let hosts = json!({"data": {"ssh_known_hosts": "x"}});
        assert!(!credentials.take_known_hosts(None) && credentials.take_known_hosts(Some(&hosts)));
        assert!(!credentials.take_known_hosts(Some(&hosts)) && credentials.take_known_hosts(None));
    }

    #[tokio::test]
    async fn nothing_is_fetched_before_secrets_are_known() {
        let credentials = RepositoryCredentials::default();
        credentials.know(Err(&Failure::Timeout(15)));
        assert!(credentials.known().await.is_err());
        credentials.know(Ok(()));
        assert!(credentials.known().await.is_ok());
    }
}
