//! Sign-ins of browsers: a cookie with a random id, and a Secret in the controller's namespace for each.
//!
//! In: tokens of those who sign in, ids of those who come again. Out: their tokens, for as long as the session lasts. A
//! session ends when its Secret is gone, whoever deletes it, for all replicas: the one that ends it forgets it before it
//! answers, the others hear of it by their watch at once, and whatever becomes of the watch they look again after
//! [`LOOKED_AT`]. `kubectl delete secrets -l kubectl-gitops/session` ends all of them.
//!
//! Bounded: [`LONGEST`] for each, so many for each name and in all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::cluster::{Cluster, Failure, Followed, Watched};
use crate::controller::report::written;

use super::seal::{PREFIX, SessionId};

/// The label of their Secrets.
const LABEL: &str = "kubectl-gitops/session";
const END: &str = "kubectl-gitops/session-ends";
const NAME: &str = "kubectl-gitops/session-of";
const TYPE: &str = "kubectl-gitops/session";

/// No session lasts longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);
/// What is known of a session is believed for so long without the watch.
const LOOKED_AT: Duration = Duration::from_secs(15);
/// So many sessions one name has; the oldest makes place.
const MOST_OF_ONE: usize = 20;
/// So many there are in all.
const MOST: usize = 5000;
/// How often those that are over are deleted, and how long it takes until the watch is tried again.
const SWEEP: Duration = Duration::from_mins(1);

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSession {
    /// There is none, or it is over.
    #[error("the session is over: sign in again")]
    Over,
    /// There are too many.
    #[error("there are too many sessions")]
    TooMany,
    /// It cannot be told.
    #[error("sessions cannot be read or written: {0}")]
    Unknown(String),
}

/// All sessions.
pub struct Sessions {
    cluster: Cluster,
    namespace: String,
    known: Mutex<HashMap<String, Known>>,
}

/// A session, as its Secret says.
struct Known {
    name: String,
    sealed: Vec<u8>,
    end: String,
    looked_at: Instant,
    /// Closed when it ends.
    lives: watch::Sender<()>,
}

/// A session that lives.
pub struct Session {
    /// The token that it stands for.
    pub token: Zeroizing<String>,
    /// Its id.
    pub id: SessionId,
    /// Ends with it.
    pub lives: watch::Receiver<()>,
}

impl Sessions {
    /// Those of a namespace.
    #[must_use]
    pub fn new(cluster: Cluster, namespace: String) -> Self {
        Self { cluster, namespace, known: Mutex::default() }
    }

    /// Begins a session of somebody whose token is known to be good; it ends with the token, where that is known. Gives for how
    /// long it lasts, too.
    ///
    /// # Errors
    /// Where there are too many, or it cannot be written.
    pub async fn begin(
        &self,
        token: &str,
        name: &str,
        token_ends: Option<Timestamp>,
    ) -> Result<(SessionId, SignedDuration), NoSession> {
        self.make_place(name).await?;
        let unknown = |why: &str| NoSession::Unknown(why.to_owned());
        let id = SessionId::new().map_err(|_| unknown("there are no random numbers"))?;
        let now = self.now();
        let longest = now.checked_add(LONGEST).unwrap_or(now);
        let ends = token_ends.map_or(longest, |token| token.min(longest));
        let end = written(ends);
        let sealed = id.seal(token, &end).ok_or_else(|| unknown("there are no random numbers"))?;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": TYPE,
            "metadata": {
                "name": id.name(), "namespace": self.namespace,
                "labels": {LABEL: ""}, "annotations": {END: end, NAME: name},
            },
            "data": {"token": BASE64.encode(sealed)},
        });
        let made = self.cluster.create(&self.collection(), &secret).await.map_err(|failure| failed(&failure))?;
        self.take(&made);
        Ok((id, ends.duration_since(now)))
    }

    /// The session of an id.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn get(&self, id: SessionId) -> Result<Session, NoSession> {
        let secret = id.name();
        let is_fresh = |known: &Known| known.looked_at.elapsed() < LOOKED_AT;
        let is_known = self.lock().get(&secret).is_some_and(is_fresh);
        if !is_known {
            let found = self.cluster.find(&format!("{}/{secret}", self.collection())).await;
            match found.map_err(|failure| failed(&failure))? {
                Some(found) => self.take(&found),
                None => self.forget(&secret),
            }
        }
        let known = self.lock();
        let known = known.get(&secret).ok_or(NoSession::Over)?;
        if is_over(&known.end, self.now()) {
            return Err(NoSession::Over);
        }
        let token = id.open(&known.sealed, &known.end).ok_or(NoSession::Over)?;
        Ok(Session { token, id, lives: known.lives.subscribe() })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Where that cannot be done for all replicas; for this one it has ended.
    pub async fn end(&self, id: &SessionId) -> Result<(), NoSession> {
        let name = id.name();
        self.forget(&name);
        let ended = self.delete(&name).await;
        // Whoever asked meanwhile may have found it still there.
        self.forget(&name);
        ended
    }

    /// Hears of sessions, and deletes those that are over, until the process ends.
    pub async fn run(&self) {
        let watched =
            Watched { collection: self.collection(), selector: LABEL.to_owned(), fields: format!("type={TYPE}") };
        let follow = async {
            loop {
                let (events, mut received) = mpsc::channel::<Followed<Json>>(64);
                let take = async {
                    while let Some(event) = received.recv().await {
                        self.hear(event);
                    }
                };
                tokio::select! {
                    _ = self.cluster.follow(&watched, &events) => {}
                    () = take => {}
                }
                tokio::time::sleep(SWEEP).await;
            }
        };
        let sweep = async {
            loop {
                tokio::time::sleep(SWEEP).await;
                let now = self.now();
                let over: Vec<String> = self
                    .lock()
                    .iter()
                    .filter(|(_, known)| is_over(&known.end, now))
                    .map(|(name, _)| name.clone())
                    .collect();
                for name in over {
                    self.forget(&name);
                    // Another replica may have been faster.
                    let _ = self.delete(&name).await;
                }
            }
        };
        tokio::join!(follow, sweep);
    }

    fn hear(&self, event: Followed<Json>) {
        match event {
            Followed::Listed(secrets) => {
                let there: Vec<&str> =
                    secrets.iter().filter_map(|secret| secret["metadata"]["name"].as_str()).collect();
                self.lock().retain(|name, _| there.contains(&name.as_str()));
                for secret in &secrets {
                    self.take(secret);
                }
            }
            Followed::Present(secret) => self.take(&secret),
            Followed::Gone(secret) => self.forget(secret["metadata"]["name"].as_str().unwrap_or_default()),
        }
    }

    /// Takes what a Secret says. What others made into something else is no session.
    fn take(&self, secret: &Json) {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let annotations = &secret["metadata"]["annotations"];
        let read = || {
            let name = text(&secret["metadata"]["name"]).filter(|name| name.starts_with(PREFIX))?;
            let sealed = BASE64.decode(secret["data"]["token"].as_str()?).ok()?;
            Some((name, sealed, text(&annotations[END])?, text(&annotations[NAME]).unwrap_or_default()))
        };
        let Some((secret, sealed, end, name)) = read().filter(|_| secret["type"] == TYPE) else { return };
        let mut all = self.lock();
        let lives = match all.remove(&secret) {
            Some(known) if known.sealed == sealed => known.lives,
            _ => watch::Sender::new(()),
        };
        all.insert(secret, Known { name, sealed, end, looked_at: Instant::now(), lives });
    }

    /// Ends the oldest session of a name that has as many as it may.
    async fn make_place(&self, name: &str) -> Result<(), NoSession> {
        let oldest = {
            let all = self.lock();
            let own: Vec<(&String, &Known)> = all.iter().filter(|(_, known)| known.name == name).collect();
            if own.len() < MOST_OF_ONE {
                return if all.len() < MOST { Ok(()) } else { Err(NoSession::TooMany) };
            }
            // Times of this form sort as text.
            own.iter().min_by_key(|(_, known)| &known.end).map(|(secret, _)| (*secret).clone())
        };
        let Some(oldest) = oldest else { return Ok(()) };
        self.forget(&oldest);
        self.delete(&oldest).await
    }

    async fn delete(&self, name: &str) -> Result<(), NoSession> {
        let path = format!("{}/{name}", self.collection());
        let uid = match self.cluster.get_metadata(&path).await {
            Ok(Some(metadata)) => metadata.uid,
            Ok(None) => return Ok(()),
            Err(failure) => return Err(failed(&failure)),
        };
        let propagation = gitops_compiler::manifest::Propagation::Background;
        self.cluster.delete(&path, &uid, None, propagation).await.map(|_| ()).map_err(|failure| failed(&failure))
    }

    fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets", self.namespace)
    }

    fn now(&self) -> Timestamp {
        self.cluster.connection.server_time()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Each change is whole before the next begins.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(failure: &Failure) -> NoSession {
    NoSession::Unknown(failure.told(true))
}

/// Whether a session has ended; one whose end is no time has.
fn is_over(end: &str, now: Timestamp) -> bool {
    end.parse::<Timestamp>().map_or(true, |end| end <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_an_end() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        assert!(is_over("2026-01-01T00:00:00Z", now) && is_over("never", now) && is_over("", now));
        assert!(!is_over("2026-01-01T00:00:01Z", now));
    }
}
