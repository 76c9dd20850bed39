//! Applications as they change: as events for browsers, or as lines of JSON.
//!
//! In: who asks, which Applications, from where on. Out: parts, for as long as somebody reads them, may see them, and is still
//! signed in. First all that there are, or what has changed since the event that was heard last; then each change. Many
//! changes of one Application become one for whoever is slower than they come; who does not read at all is cut.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::answer::{Answer, Refusal};
use super::caller::Caller;
use super::fields::Wanted;
use super::filter::Filter;
use super::listener::{End, Listener};
use super::routes::Action;
use super::shapes::{RowEventJson, RowJson};
use super::shown::Shown;
use super::{Api, Begun};
use crate::access::Namespaces;
use crate::controller::catalog::{Change, ChangeKind, Row};

/// Changes that come within this are told together.
const SETTLE: Duration = Duration::from_millis(50);
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
    listener: Listener,
    filter: Filter,
    told: Told,
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
        self.own_id(&number.to_string())
    }

    /// An id of something that only this process knows.
    pub(super) fn own_id(&self, what: &str) -> String {
        format!("{}-{what}", self.epoch)
    }

    /// What an id names, where it is of this process.
    pub(super) fn named_by<'a>(&self, id: &'a str) -> Option<&'a str> {
        id.strip_prefix(&self.epoch)?.strip_prefix('-')
    }

    /// `GET /api/v1/stream/applications`, and the same in short.
    pub(super) fn watch(self: &Arc<Self>, begun: &Begun, caller: &Caller) -> Result<Answer, Refusal> {
        let query = &begun.asked.query;
        let filter = Filter::read(query)?;
        let since = query.number("resourceVersion")?;
        let told = match begun.route.action {
            Action::WatchRows => Told::Row,
            _ => Told::Whole(Wanted::read(query.one("fields"))),
        };
        let last = begun.asked.last_event.as_deref().and_then(|id| self.named_by(id)?.parse().ok());
        self.stream(begun, caller, None, |listener| Follower { listener, filter, told }.run(last, since))
    }
}

impl Follower {
    async fn run(mut self, last: Option<u64>, since: Option<u64>) -> Result<(), End> {
        let api = Arc::clone(&self.listener.api);
        let catalog = &api.controller.apps.catalog;
        let mut news = catalog.subscribe();
        let mut at = match last.filter(|number| catalog.since(*number).is_ok()) {
            Some(number) => number,
            None => self.tell_all(since).await?,
        };
        loop {
            let (changes, newest) = catalog.since(at).map_err(|_| End::Over)?;
            if !changes.is_empty() {
                self.tell(&changes).await?;
            }
            at = newest;
            self.listener.is_at(api.event_id(at));
            self.listener.until(news.changed()).await?.map_err(|_| End::Over)?;
            self.listener.until(tokio::time::sleep(SETTLE)).await?;
        }
    }

    /// All that there are. Gives the newest change that they have.
    async fn tell_all(&self, since: Option<u64>) -> Result<u64, End> {
        let (rows, newest) = self.listener.api.controller.apps.catalog.rows();
        let seen = self.seen().await?;
        let is_new = |row: &Row| since.is_none_or(|since| row.version > since);
        let wanted = rows.iter().filter(|row| self.is_seen(&seen, row) && is_new(row));
        self.tell_each(wanted.map(|row| (ChangeKind::Added, row, ""))).await?;
        self.listener.send(self.listener.form.mark(&self.listener.api.event_id(newest))).await?;
        Ok(newest)
    }

    async fn tell(&self, changes: &[Change]) -> Result<(), End> {
        let seen = self.seen().await?;
        let wanted = changes.iter().filter(|change| self.is_seen(&seen, &change.row));
        let ids: Vec<(ChangeKind, &Arc<Row>, String)> =
            wanted.map(|change| (change.kind, &change.row, self.listener.api.event_id(change.number))).collect();
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
                self.listener.send(std::mem::take(&mut part)).await?;
            }
        }
        if part.is_empty() { Ok(()) } else { self.listener.send(part).await }
    }

    fn event(&self, kind: ChangeKind, row: &Row, id: &str) -> Vec<u8> {
        let kind = match kind {
            ChangeKind::Added => "ADDED",
            ChangeKind::Modified => "MODIFIED",
            ChangeKind::Deleted => "DELETED",
        };
        match &self.told {
            Told::Row => self.listener.form.part(&RowEventJson { kind, application: RowJson::of(row) }, id),
            Told::Whole(wanted) => {
                // Argo CD's clients name fields from the outermost on.
                let fields = wanted.fields().below("result").unwrap_or(wanted.fields());
                let application = fields.below("application").map(|fields| Shown::of(row, fields));
                let result = EventShown { kind: fields.below("type").map(|_| kind), application };
                self.listener.form.part(&ResultShown { result }, id)
            }
        }
    }

    async fn seen(&self) -> Result<Namespaces, End> {
        let there = self.listener.api.controller.apps.catalog.namespaces();
        self.listener.api.access.namespaces(&self.listener.person, "watch", there).await.map_err(|_| End::Over)
    }

    fn is_seen(&self, seen: &Namespaces, row: &Row) -> bool {
        seen.contains(&row.id.namespace) && self.filter.takes(row)
    }
}
