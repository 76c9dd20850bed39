//! Sign-ins of browsers: a cookie with a random id, and a Secret in the controller's namespace for each.
//!
//! In: tokens of those who sign in, ids of those who come again. Out: their tokens, for as long as the session lasts. A
//! session ends when its Secret is gone, whoever deletes it, for all replicas: the one that ends it forgets it before it
//! answers, the others hear of it by their watch at once, and whatever becomes of the watch they look again after
//! [`LOOKED_AT`]. `kubectl delete secrets -l kubectl-gitops/session` ends all of them.
//!
//! A session lasts as long as its token, or longer where that can be renewed (`renewal`).
//!
//! Bounded: [`LONGEST`] for each, so many for each name and in all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::cluster::{Cluster, Failure, Followed, Watched};
use crate::controller::report::written;

use super::renewal::{claim_of, due, is_claimed};
use super::seal::{PREFIX, SessionId};
use super::sealed::{Opened, Renewal, Sealed};

/// The label of their Secrets.
const LABEL: &str = "kubectl-gitops/session";
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
    pub(super) cluster: Cluster,
    namespace: String,
    known: Mutex<HashMap<String, Known>>,
}

/// A session, as its Secret says.
struct Known {
    name: String,
    uid: String,
    /// Its version, as a number.
    version: u64,
    sealed: Sealed,
    /// When somebody began to renew its token.
    claimed: Option<String>,
    looked_at: Instant,
    /// Closed when it ends.
    lives: watch::Sender<()>,
}

/// A session that lives.
pub struct Session {
    /// The token that it stands for.
    pub token: Zeroizing<String>,
    /// How that goes on, where it does.
    pub renewal: Option<Renewal>,
    /// Whose it is, by name.
    pub name: String,
    /// Its id.
    pub id: SessionId,
    /// Ends with it.
    pub lives: watch::Receiver<()>,
}

impl Session {
    /// Whether its token is to be renewed.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.renewal.as_ref().is_some_and(|renewal| renewal.at <= now)
    }
}

impl Sessions {
    /// Those of a namespace.
    #[must_use]
    pub fn new(cluster: Cluster, namespace: String) -> Self {
        Self { cluster, namespace, known: Mutex::default() }
    }

    /// Begins a session of somebody whose token is known to be good. It ends with the token, where that is known; where there is
    /// what renews it, the token goes on until the session ends. Gives for how long it lasts, too.
    ///
    /// # Errors
    /// Where there are too many, or it cannot be written.
    pub async fn begin(
        &self,
        token: &str,
        name: &str,
        token_ends: Option<Timestamp>,
        refresh: Option<&str>,
    ) -> Result<(SessionId, SignedDuration), NoSession> {
        self.make_place(name).await?;
        let unknown = |why: &str| NoSession::Unknown(why.to_owned());
        let id = SessionId::new().map_err(|_| unknown("there are no random numbers"))?;
        let now = self.now();
        let longest = now.checked_add(LONGEST).unwrap_or(now);
        let renewal = token_ends.zip(refresh).map(|(end, refresh)| (refresh, written(due(now, end))));
        let ends = token_ends.filter(|_| renewal.is_none()).map_or(longest, |token| token.min(longest));
        let sealed = Sealed::new(&id, token, renewal, written(ends));
        let (mut annotations, data) = sealed.ok_or_else(|| unknown("there are no random numbers"))?.written();
        annotations[NAME] = name.into();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": TYPE,
            "metadata": {
                "name": id.name(), "namespace": self.namespace, "labels": {LABEL: ""}, "annotations": annotations,
            },
            "data": data,
        });
        let made = self.cluster.create(&self.collection(), &secret).await.map_err(|failure| failed(&failure))?;
        self.take(&made);
        Ok((id, ends.duration_since(now)))
    }

    /// The session of an id.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn get(&self, id: &SessionId) -> Result<Session, NoSession> {
        let is_fresh = |known: &Known| known.looked_at.elapsed() < LOOKED_AT;
        let is_known = self.lock().get(&id.name()).is_some_and(is_fresh);
        if !is_known {
            self.look(id).await?;
        }
        self.opened(id)
    }

    /// Looks what the cluster has.
    pub(super) async fn look(&self, id: &SessionId) -> Result<(), NoSession> {
        match self.cluster.find(&self.path(id)).await.map_err(|failure| failed(&failure))? {
            Some(found) => self.take(&found),
            None => self.forget(&id.name()),
        }
        Ok(())
    }

    /// The session of an id, by what is known.
    pub(super) fn opened(&self, id: &SessionId) -> Result<Session, NoSession> {
        let known = self.lock();
        let known = known.get(&id.name()).ok_or(NoSession::Over)?;
        if is_over(&known.sealed.end, self.now()) {
            return Err(NoSession::Over);
        }
        let Opened { token, renewal } = known.sealed.open(id).ok_or(NoSession::Over)?;
        let (name, lives) = (known.name.clone(), known.lives.subscribe());
        Ok(Session { token, renewal, name, id: id.again(), lives })
    }

    /// Whether somebody is at renewing its token, by what is known.
    pub(super) fn is_claimed(&self, id: &SessionId) -> bool {
        let now = self.now();
        self.lock().get(&id.name()).is_some_and(|known| is_claimed(known.claimed.as_deref(), now))
    }

    /// Ends a session. Gives what renewed its token: it is to be taken back.
    ///
    /// # Errors
    /// Where that cannot be done for all replicas; for this one it has ended.
    pub async fn end(&self, id: &SessionId) -> Result<Option<Zeroizing<String>>, NoSession> {
        let name = id.name();
        let renewal = self.opened(id).ok().and_then(|session| session.renewal);
        self.forget(&name);
        let ended = self.delete(&name).await;
        // Whoever asked meanwhile may have found it still there.
        self.forget(&name);
        ended.map(|()| renewal.map(|renewal| renewal.refresh))
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
                    .filter(|(_, known)| is_over(&known.sealed.end, now))
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
    pub(super) fn take(&self, secret: &Json) {
        let metadata = &secret["metadata"];
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let name = text(&metadata["name"]);
        let sealed = Sealed::read(secret).filter(|_| secret["type"] == TYPE && name.starts_with(PREFIX));
        let Some(sealed) = sealed else { return };
        let (uid, version) = (text(&metadata["uid"]), text(&metadata["resourceVersion"]).parse().unwrap_or_default());
        let mut all = self.lock();
        let lives = match all.remove(&name) {
            // A watch may tell late of what was written here.
            Some(known) if known.uid == uid && known.version > version => {
                all.insert(name, known);
                return;
            }
            // It is the same one also with its next token.
            Some(known) if known.uid == uid => known.lives,
            _ => watch::Sender::new(()),
        };
        let (of, claimed) = (text(&metadata["annotations"][NAME]), claim_of(secret));
        all.insert(name, Known { name: of, uid, version, sealed, claimed, looked_at: Instant::now(), lives });
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
            own.iter().min_by_key(|(_, known)| &known.sealed.end).map(|(secret, _)| (*secret).clone())
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

    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Where the Secret of a session is.
    pub(super) fn path(&self, id: &SessionId) -> String {
        format!("{}/{}", self.collection(), id.name())
    }

    fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets", self.namespace)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.cluster.connection.server_time()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Each change is whole before the next begins.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn failed(failure: &Failure) -> NoSession {
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
