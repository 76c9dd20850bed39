//! Applications as they change: as events for browsers, or as lines of JSON.
//!
//! In: who asks, which Applications, from where on. Out: parts, for as long as somebody reads them, may see them, and is still
//! signed in. First all that there are, or what has changed since the event that was heard last; then each change. Many
//! changes of one Application become one for whoever is slower than they come; who does not read at all is cut.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use zeroize::Zeroizing;

use super::answer::{Answer, Code, Parts, Refusal};
use super::caller::Caller;
use super::fields::Wanted;
use super::filter::Filter;
use super::form::{Form, send};
use super::routes::Action;
use super::shapes::{RowEventJson, RowJson};
use super::shown::Shown;
use super::{Api, Begun};
use crate::access::{Namespaces, Person};
use crate::controller::catalog::{Change, ChangeKind, Row};

/// So many parts wait for a reader.
const WAITING: usize = 8;
/// Changes that come within this are told together.
const SETTLE: Duration = Duration::from_millis(50);
/// A silent stream says this often that it is there; and whoever reads it is asked about again.
const BEAT: Duration = Duration::from_secs(15);
/// Events are sent together up to this size.
const PART_BYTES: usize = 32 << 10;

/// What is told of each Application.
#[derive(Debug, Clone)]
enum Told {
    /// All of it, but for what is not wanted.
    Whole(Wanted),
    /// In short.
    Row,
}

/// One stream.
struct Follower {
    api: Arc<Api>,
    person: Arc<Person>,
    token: Zeroizing<String>,
    peer: std::net::IpAddr,
    session: Option<watch::Receiver<()>>,
    filter: Filter,
    told: Told,
    form: Form,
    parts: mpsc::Sender<Bytes>,
}

/// Why a stream ends.
enum End {
    /// Whoever reads it is gone, or may not read it any more, or has to begin anew.
    Over,
    /// It is not read.
    Slow,
}

#[derive(Serialize)]
struct EventShown<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<Shown<'a>>,
}

#[derive(Serialize)]
struct ResultShown<T> {
    result: T,
}

impl Api {
    /// Where a stream goes on after a change.
    pub(super) fn event_id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// The change that an id names, where it is of this process.
    fn number_of(&self, id: &str) -> Option<u64> {
        id.strip_prefix(&self.epoch)?.strip_prefix('-')?.parse().ok()
    }

    /// `GET /api/v1/stream/applications`, and the same in short.
    pub(super) fn watch(self: &Arc<Self>, begun: &Begun, caller: &Caller) -> Result<Answer, Refusal> {
        let query = &begun.asked.query;
        let filter = Filter::read(query)?;
        let since = query.number("resourceVersion")?;
        let place = self.users.stream(caller.person.key());
        let place = place.ok_or_else(|| Refusal::new(Code::TooMuch, "there are too many streams"))?;
        let told = match begun.route.action {
            Action::WatchRows => Told::Row,
            _ => Told::Whole(Wanted::read(query.one("fields"))),
        };
        let (parts, receiver) = mpsc::channel(WAITING);
        let (slow, is_slow) = oneshot::channel();
        let form = Form::of(&begun.asked);
        let follower = Follower {
            api: Arc::clone(self),
            person: Arc::clone(&caller.person),
            token: caller.token(),
            peer: begun.asked.peer,
            session: caller.session.as_ref().map(|(_, lives)| lives.clone()),
            filter,
            told,
            form,
            parts,
        };
        let last = begun.asked.last_event.as_deref().and_then(|id| self.number_of(id));
        tokio::spawn(async move {
            let _place = place;
            if let Err(End::Slow) = follower.run(last, since).await {
                let _ = slow.send(());
            }
        });
        Ok(Answer::Parts(Parts { content_type: form.content_type(), parts: receiver, is_slow }))
    }
}

impl Follower {
    async fn run(mut self, last: Option<u64>, since: Option<u64>) -> Result<(), End> {
        let api = Arc::clone(&self.api);
        let catalog = &api.controller.apps.catalog;
        let mut news = catalog.subscribe();
        let mut at = match last.filter(|number| catalog.since(*number).is_ok()) {
            Some(number) => number,
            None => self.tell_all(since).await?,
        };
        let mut beat = tokio::time::interval(BEAT);
        beat.tick().await;
        let parts = self.parts.clone();
        loop {
            let (changes, newest) = catalog.since(at).map_err(|_| End::Over)?;
            if !changes.is_empty() {
                self.tell(&changes).await?;
            }
            at = newest;
            let session = self.session.as_mut();
            let ended = async move {
                match session {
                    // What it waits for is never said: it ends with the session.
                    Some(lives) => drop(lives.changed().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = parts.closed() => return Err(End::Over),
                () = ended => return Err(End::Over),
                heard = news.changed() => {
                    heard.map_err(|_| End::Over)?;
                    tokio::time::sleep(SETTLE).await;
                }
                _ = beat.tick() => {
                    self.api.access.who(&self.token, self.peer).await.map_err(|_| End::Over)?;
                    self.send(self.form.mark(&self.api.event_id(at))).await?;
                }
            }
        }
    }

    /// All that there are. Gives the newest change that they have.
    async fn tell_all(&self, since: Option<u64>) -> Result<u64, End> {
        let (rows, newest) = self.api.controller.apps.catalog.rows();
        let seen = self.seen().await?;
        let is_new = |row: &Row| since.is_none_or(|since| row.version > since);
        let wanted = rows.iter().filter(|row| self.is_seen(&seen, row) && is_new(row));
        self.tell_each(wanted.map(|row| (ChangeKind::Added, row, ""))).await?;
        self.send(self.form.mark(&self.api.event_id(newest))).await?;
        Ok(newest)
    }

    async fn tell(&self, changes: &[Change]) -> Result<(), End> {
        let seen = self.seen().await?;
        let wanted = changes.iter().filter(|change| self.is_seen(&seen, &change.row));
        let ids: Vec<(ChangeKind, &Arc<Row>, String)> =
            wanted.map(|change| (change.kind, &change.row, self.api.event_id(change.number))).collect();
        self.tell_each(ids.iter().map(|(kind, row, id)| (*kind, *row, id.as_str()))).await
    }

    async fn tell_each<'a>(
        &self,
        events: impl Iterator<Item = (ChangeKind, &'a Arc<Row>, &'a str)>,
    ) -> Result<(), End> {
        let mut part = Vec::new();
        for (kind, row, id) in events {
            part.extend(self.event(kind, row, id));
            if part.len() >= PART_BYTES {
                self.send(std::mem::take(&mut part)).await?;
            }
        }
        if part.is_empty() { Ok(()) } else { self.send(part).await }
    }

    fn event(&self, kind: ChangeKind, row: &Row, id: &str) -> Vec<u8> {
        let kind = match kind {
            ChangeKind::Added => "ADDED",
            ChangeKind::Modified => "MODIFIED",
            ChangeKind::Deleted => "DELETED",
        };
        match &self.told {
            Told::Row => self.form.part(&RowEventJson { kind, application: RowJson::of(row) }, id),
            Told::Whole(wanted) => {
                // Argo CD's clients name fields from the outermost on.
                let fields = wanted.fields().below("result").unwrap_or(wanted.fields());
                let application = fields.below("application").map(|fields| Shown::of(row, fields));
                let result = EventShown { kind: fields.below("type").map(|_| kind), application };
                self.form.part(&ResultShown { result }, id)
            }
        }
    }

    async fn seen(&self) -> Result<Namespaces, End> {
        let there = self.api.controller.apps.catalog.namespaces();
        self.api.access.namespaces(&self.person, "watch", there).await.map_err(|_| End::Over)
    }

    fn is_seen(&self, seen: &Namespaces, row: &Row) -> bool {
        seen.contains(&row.id.namespace) && self.filter.takes(row)
    }

    async fn send(&self, part: Vec<u8>) -> Result<(), End> {
        send(&self.parts, part).await.map_err(|is_slow| if is_slow { End::Slow } else { End::Over })
    }
}
