//! Watching the objects of a kind: all of them, or those with a label.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::request::encode;
use super::{Cluster, Failure};

/// How long the server keeps a watch open.
const SERVER_TIMEOUT_SECONDS: u32 = 240;

/// A watch that ends sooner than this is not opened again before as much time again has passed.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

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

impl Cluster {
    /// Sends what happens to `events` until the receiver is dropped: first all objects as they are now, then changes.
    /// A watch that ends or breaks is opened again.
    ///
    /// # Errors
    ///
    /// A refusal that would be repeated: no right to watch, no such kind.
    pub async fn watch(&self, watched: &Watched, events: &mpsc::Sender<WatchEvent>) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        while !events.is_closed() {
            let opened = Instant::now();
            match self.watch_once(watched, events).await {
                // Some proxies close at once what they do not like.
                Ok(()) if opened.elapsed() > pause => pause = FIRST_PAUSE,
                Err(failure) if (400..500).contains(&failure.code()) && !matches!(failure.code(), 410 | 429) => {
                    return Err(failure);
                }
                Ok(()) | Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
            }
        }
        Ok(())
    }

    async fn watch_once(&self, watched: &Watched, events: &mpsc::Sender<WatchEvent>) -> Result<(), Failure> {
        let Watched { collection, selector, fields } = watched;
        let mut path = format!("{collection}?watch=true&timeoutSeconds={SERVER_TIMEOUT_SECONDS}");
        for (name, value) in [("labelSelector", selector), ("fieldSelector", fields)] {
            if !value.is_empty() {
                path = format!("{path}&{name}={}", encode(value));
            }
        }
        let request = http::Request::get(path).body(Vec::new());
        let request = request.map_err(|error| Failure::Malformed(error.to_string()))?;
        let stream = self.connection.client.request_events::<Json>(request).await.map_err(Failure::from_client)?;
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
