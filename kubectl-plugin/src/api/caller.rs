//! Who asks, before anything is done for them.
//!
//! In: the head of a request, what it leads to. Out: a [`Caller`] and a place for the request, or a refusal.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::answer::{Code, Refusal};
use super::asked::Asked;
use super::limits::Place;
use super::routes::{Door, Route};
use super::{Api, is_write};
use crate::access::{NoSession, Person, SessionId};
use crate::cluster::Cluster;

/// Somebody whom the API server knows.
pub(super) struct Caller {
    /// Who.
    pub(super) person: Arc<Person>,
    /// Their token.
    token: Zeroizing<String>,
    /// Their session, where they have one.
    pub(super) session: Option<(SessionId, watch::Receiver<()>)>,
    /// Whether it is whoever runs this process, whose credentials this process has itself.
    is_own: bool,
}

/// The place of a request.
pub(super) type Turn = Place;

impl Caller {
    /// The API server, asked in their name.
    pub(super) fn ask(&self, theirs: &Cluster) -> Result<Cluster, Refusal> {
        if self.is_own {
            return Ok(theirs.clone());
        }
        theirs.bearing(&self.token).ok_or_else(|| Refusal::new(Code::Broken, "the API server cannot be asked for you"))
    }

    /// Their token, to be asked about again.
    pub(super) fn token(&self) -> Zeroizing<String> {
        self.token.clone()
    }
}

impl Api {
    /// Lets a request in.
    pub(super) async fn admit(&self, asked: &Asked, route: &Route) -> Result<(Option<Caller>, Option<Turn>), Refusal> {
        if asked.is_foreign {
            return Err(Refusal::new(Code::Forbidden, "a page of another host may not ask"));
        }
        if !route.takes.is_empty() && !asked.is_json {
            return Err(Refusal::invalid("the body must be application/json"));
        }
        let has_credentials = asked.credentials.token.is_some() || asked.credentials.session.is_some();
        if route.door == Door::Open || (route.door == Door::Ajar && !has_credentials) {
            return Ok((None, None));
        }
        let caller = self.caller(asked).await?;
        let often = || Refusal::new(Code::TooMuch, "you ask too often, or for too much at once");
        let turn = self.users.request(caller.person.key()).ok_or_else(often)?;
        Ok((Some(caller), Some(turn)))
    }

    async fn caller(&self, asked: &Asked) -> Result<Caller, Refusal> {
        let (credentials, is_own) = (&asked.credentials, self.access.is_own());
        // Who sends a token means that one: no browser adds it by itself.
        if let Some(token) = &credentials.token {
            let person = self.access.who(token, asked.peer).await?;
            return Ok(Caller { person, token: token.clone(), session: None, is_own });
        }
        let nobody = || Refusal::new(Code::Unknown, "nobody is signed in");
        // Cookies of this host may come from anybody who listens on another port of it.
        let text = credentials.session.as_ref().filter(|_| !is_own).ok_or_else(nobody)?;
        let over = || Refusal::from(NoSession::Over);
        let id = SessionId::read(text).ok_or_else(over)?;
        if is_write(asked) && !is_same(credentials.csrf.as_deref().unwrap_or_default(), &id.csrf()) {
            return Err(Refusal::new(Code::Forbidden, "a request with a cookie needs the header X-CSRF-Token"));
        }
        let session = self.renewed(self.sessions.get(&id).await?).await?;
        let person = self.access.who_signed_in(&session.token, asked.peer).await?;
        if person.name != session.name {
            // A token that was renewed is of the same person, or of no use here.
            self.sessions.end(&session.id).await?;
            return Err(over());
        }
        Ok(Caller { person, token: session.token, session: Some((session.id, session.lives)), is_own })
    }
}

impl From<NoSession> for Refusal {
    fn from(none: NoSession) -> Self {
        let code = match none {
            NoSession::Over => Code::Unknown,
            NoSession::TooMany => Code::TooMuch,
            NoSession::Unknown(_) => Code::Away,
        };
        Self::new(code, none.to_string())
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
