//! Watching the objects of a kind: all of them, or those with a label.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connect::Current;
use super::request::encode;
use super::{Cluster, Failure};

/// How long the server keeps a watch open.
const SERVER_TIMEOUT_SECONDS: u32 = 240;

/// A watch that ends sooner than this is not opened again before as much time again has passed.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Nor does it ever take longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A kind whose CRD was just made is served within this, by every API server.
const SERVED_WITHIN: Duration = Duration::from_secs(30);

/// What a watch saw.
#[derive(Debug, Clone)]
pub enum WatchEvent {
    /// The watch is open, for the first time or again: from here on nothing is missed.
    Opened,
    /// An object as it is now.
    Present(Json),
    /// An object as it was when it went.
    Gone(Json),
}

/// Where to watch.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Path of the collection.
    pub collection: String,
    /// Label selector; empty for all.
    pub selector: String,
    /// Field selector; empty for all.
    pub fields: String,
}

impl Watched {
    /// What is asked of it, as a query that begins with `&`.
    pub(super) fn query(&self) -> String {
        let selectors = [("labelSelector", &self.selector), ("fieldSelector", &self.fields)];
        let given = selectors.into_iter().filter(|(_, value)| !value.is_empty());
        given.fold(String::new(), |query, (name, value)| format!("{query}&{name}={}", encode(value)))
    }
}

/// How a watch has ended so far.
#[derive(Default)]
pub(super) struct Ends {
    pause: Duration,
    /// Since when its kind is not served.
    unserved: Option<Instant>,
    /// Whether credentials were refused, and read again.
    was_unauthorized: bool,
}

impl Ends {
    /// Whether credentials may be read again: once for each time that they were refused.
    pub(super) fn may_renew(&mut self) -> bool {
        !std::mem::replace(&mut self.was_unauthorized, true)
    }

    /// How long to wait before a watch that was opened at `opened` is opened again.
    ///
    /// # Errors
    /// What would only be repeated.
    pub(super) fn pause_after(&mut self, result: Result<(), Failure>, opened: Instant) -> Result<Duration, Failure> {
        // Some proxies close at once what they do not like.
        if result.is_ok() && opened.elapsed() > self.pause.max(FIRST_PAUSE) {
            *self = Self::default();
            return Ok(Duration::ZERO);
        }
        if let Err(failure) = result {
            let is_new = failure.is_unserved() && opened < *self.unserved.get_or_insert(opened) + SERVED_WITHIN;
            let is_final = (400..500).contains(&failure.code()) && !matches!(failure.code(), 410 | 429);
            if is_final && !is_new {
                return Err(failure);
            }
        }
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        Ok(self.pause)
    }
}

impl Cluster {
    /// Sends what happens to `events` until the receiver is dropped: first all objects as they are now, then changes.
    /// A watch that ends or breaks is opened again.
    ///
    /// # Errors
    ///
    /// A refusal that would be repeated: no right to watch, no such kind, also not after a while.
    pub async fn watch(&self, watched: &Watched, events: &mpsc::Sender<WatchEvent>) -> Result<(), Failure> {
        let mut end = Ends::default();
        while !events.is_closed() {
            let (opened, current) = (Instant::now(), self.connection.current());
            let result = self.watch_once(watched, &current, events).await;
            if let Err(failure) = &result
                && failure.is_unauthorized()
                && end.may_renew()
                && self.connection.renew(&current).await
            {
                continue;
            }
            tokio::time::sleep(end.pause_after(result, opened)?).await;
        }
        Ok(())
    }

    async fn watch_once(
        &self,
        watched: &Watched,
        current: &Current,
        events: &mpsc::Sender<WatchEvent>,
    ) -> Result<(), Failure> {
        let path =
            format!("{}?watch=true&timeoutSeconds={SERVER_TIMEOUT_SECONDS}{}", watched.collection, watched.query());
        let request = self.connection.begin(&http::Method::GET, &path).body(Vec::new());
        let request = request.map_err(|error| Failure::Malformed(error.to_string()))?;
        let stream = current.client.request_events::<Json>(request).await.map_err(Failure::from_client)?;
        let mut stream = std::pin::pin!(stream);
        if events.send(WatchEvent::Opened).await.is_err() {
            return Ok(());
        }
        while let Some(event) = stream.next().await {
            let event = match event.map_err(Failure::from_client)? {
                kube::core::WatchEvent::Added(object) | kube::core::WatchEvent::Modified(object) => {
                    WatchEvent::Present(object)
                }
                kube::core::WatchEvent::Deleted(object) => WatchEvent::Gone(object),
                kube::core::WatchEvent::Bookmark(_) => continue,
                kube::core::WatchEvent::Error(status) => return Err(Failure::Answer(status)),
            };
            if events.send(event).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn answered(code: u16) -> Result<(), Failure> {
        let mut status = Status::failure("", "");
        status.code = code;
        Err(Failure::Answer(Box::new(status)))
    }

    #[test]
    fn what_passes_is_tried_again_and_a_refusal_is_not() {
        let mut ends = Ends::default();
        let now = Instant::now();
        for code in [410, 429, 500, 503] {
            assert!(ends.pause_after(answered(code), now).is_ok(), "{code}");
        }
        assert!(ends.pause <= LONGEST_PAUSE && ends.pause > FIRST_PAUSE);
        for code in [400, 401, 403, 405] {
            assert!(ends.pause_after(answered(code), now).is_err(), "{code}");
        }
    }

    #[test]
    fn a_kind_may_be_served_a_little_later_and_not_never() {
        let mut ends = Ends::default();
        let now = Instant::now();
        assert!(ends.pause_after(answered(404), now).is_ok());
        assert!(ends.pause_after(answered(404), now + SERVED_WITHIN / 2).is_ok());
        assert!(ends.pause_after(answered(404), now + SERVED_WITHIN * 2).is_err());
    }

    #[test]
    fn a_watch_that_lasted_is_opened_again_at_once() {
        let mut ends = Ends { pause: FIRST_PAUSE, ..Ends::default() };
        let long_ago = Instant::now().checked_sub(Duration::from_mins(4)).expect("the machine runs for minutes");
        assert_eq!(ends.pause_after(Ok(()), long_ago).ok(), Some(Duration::ZERO));
        assert_eq!(
            ends.pause_after(Ok(()), Instant::now()).ok(),
            Some(FIRST_PAUSE),
            "one that is closed at once is not"
        );
    }
}
