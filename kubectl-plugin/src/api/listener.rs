//! Whoever reads a stream: for as long as they read, may see it, and are still signed in.
//!
//! In: who asks, what they are told. Out: an answer in parts. Many changes become one for whoever is slower than they come, since
//! nothing waits but a few parts; who does not read at all is cut.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Interval;
use zeroize::Zeroizing;

use super::answer::{Answer, Code, Parts, Refusal};
use super::caller::Caller;
use super::form::{Form, send};
use super::sight::Part;
use super::{Api, Begun};
use crate::access::{Person, Right};
use crate::application::AppId;
use crate::controller::catalog::Row;
use crate::controller::elsewhere::Elsewhere;

/// So many parts wait for a reader.
const WAITING: usize = 8;
/// A silent stream says this often that it is there; and whoever reads it is asked about again.
const BEAT: Duration = Duration::from_secs(15);

/// Why a stream ends.
pub(super) enum End {
    /// Whoever reads it is gone, or may not read it any more, or has to begin anew.
    Over,
    /// It is not read.
    Slow,
}

impl End {
    /// Why a part was not sent.
    pub(super) fn of(is_slow: bool) -> Self {
        if is_slow { Self::Slow } else { Self::Over }
    }
}

/// The Application that a stream is about.
pub(super) struct About {
    pub(super) id: AppId,
    /// Whether it tells of what is where the Application's objects are.
    looks_at_the_destination: bool,
    /// The address of that cluster.
    server: Option<String>,
    /// What is shown of another cluster, and what decides on it.
    there: Option<(Part, Arc<Elsewhere>)>,
}

/// Whoever reads a stream.
pub(super) struct Listener {
    pub(super) api: Arc<Api>,
    pub(super) person: Arc<Person>,
    pub(super) form: Form,
    token: Zeroizing<String>,
    peer: IpAddr,
    session: Option<watch::Receiver<()>>,
    /// The Application that it is about, where it is about one: for as long as they may get that.
    about: Option<About>,
    /// Where whoever has heard all so far goes on.
    at: String,
    parts: mpsc::Sender<Bytes>,
    beat: Interval,
}

impl Api {
    /// What a request is about; `there` is what decides on what is shown of another cluster.
    pub(super) fn about(&self, begun: &Begun, row: &Row, there: Option<Arc<Elsewhere>>) -> About {
        let action = begun.route.action;
        About {
            id: row.id.clone(),
            looks_at_the_destination: action.looks_at_the_destination(),
            server: self.controller.clusters.server(row),
            there: Part::of(action).zip(there),
        }
    }

    /// Answers with a stream, which `tell` writes.
    pub(super) fn stream<T>(
        self: &Arc<Self>,
        begun: &Begun,
        caller: &Caller,
        about: Option<About>,
        tell: impl FnOnce(Listener) -> T,
    ) -> Result<Answer, Refusal>
    where
        T: Future<Output = Result<(), End>> + Send + 'static,
    {
        let place = self.users.stream(caller.person.key());
        let place = place.ok_or_else(|| Refusal::new(Code::TooMuch, "there are too many streams"))?;
        let (parts, receiver) = mpsc::channel(WAITING);
        let (slow, is_slow) = oneshot::channel();
        let form = Form::of(&begun.asked);
        let telling = tell(Listener {
            api: Arc::clone(self),
            person: Arc::clone(&caller.person),
            form,
            token: caller.token(),
            peer: begun.asked.peer,
            session: caller.session.as_ref().map(|(_, lives)| lives.clone()),
            about,
            at: String::new(),
            parts,
            beat: tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT),
        });
        tokio::spawn(async move {
            let _place = place;
            if let Err(End::Slow) = telling.await {
                let _ = slow.send(());
            }
        });
        Ok(Answer::Parts(Parts { content_type: form.content_type(), parts: receiver, is_slow }))
    }
}

impl Listener {
    /// Sends a part, where what it is about is still there.
    pub(super) async fn send(&self, part: Vec<u8>) -> Result<(), End> {
        self.is_there()?;
        send(&self.parts, part).await.map_err(End::of)
    }

    /// Where parts go that somebody else writes, until [`Listener::over`].
    pub(super) fn parts(&self) -> mpsc::Sender<Bytes> {
        self.parts.clone()
    }

    /// Waits until nobody may read any more.
    pub(super) async fn over(&mut self) -> End {
        match self.until(std::future::pending::<Infallible>()).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    /// Says that all is told up to here.
    pub(super) fn is_at(&mut self, at: String) {
        self.at = at;
    }

    /// Waits for something, for as long as anybody may still read.
    pub(super) async fn until<T>(&mut self, something: impl Future<Output = T>) -> Result<T, End> {
        let mut something = pin!(something);
        loop {
            let Self { parts, session, beat, .. } = &mut *self;
            let ended = async {
                match session {
                    // What it waits for is never said: it ends with the session.
                    Some(lives) => drop(lives.changed().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = parts.closed() => return Err(End::Over),
                () = ended => return Err(End::Over),
                done = &mut something => return Ok(done),
                _ = beat.tick() => {}
            }
            self.ask_again().await?;
            self.send(self.form.mark(&self.at)).await?;
        }
    }

    /// Whether they are still known, and may still see it.
    async fn ask_again(&self) -> Result<(), End> {
        let access = &self.api.access;
        let who = match &self.session {
            Some(_) => access.who_signed_in(&self.token, self.peer).await,
            None => access.who(&self.token, self.peer).await,
        };
        who.map_err(|_| End::Over)?;
        let Some(About { id, there, .. }) = &self.about else { return Ok(()) };
        let right = Right::application("get", &id.namespace, &id.name);
        let may = access.may(&self.person, &right).await.map_err(|_| End::Over)?;
        if !may {
            return Err(End::Over);
        }
        if let Some((part, before)) = there {
            let row = self.api.controller.apps.catalog.get(id).ok_or(End::Over)?;
            self.api.let_see(&self.person, &row, *part).await.map_err(|_| End::Over)?;
            let now = self.api.there(&row).await.map_err(|_| End::Over)?;
            if !now.is_as(before) {
                return Err(End::Over);
            }
        }
        self.is_there()
    }

    /// Whether the Application is still there, and its objects in the same cluster.
    fn is_there(&self) -> Result<(), End> {
        let Some(About { id, looks_at_the_destination, server, .. }) = &self.about else { return Ok(()) };
        let row = self.api.controller.apps.catalog.get(id).ok_or(End::Over)?;
        let is_same = || server.is_some() && self.api.controller.clusters.server(&row) == *server;
        if *looks_at_the_destination && !is_same() { Err(End::Over) } else { Ok(()) }
    }
}
