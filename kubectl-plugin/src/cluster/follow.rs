//! Following the objects of a kind for as long as a process lives.
//!
//! In: where, and in which form. Out: first all objects as they are, then each change. Unlike [`Cluster::watch`], which
//! tells all objects again whenever it is opened, this goes on from where a watch ended, and lists again only where the
//! server has forgotten that place (410). What goes while nothing is watched is told by the next list.

use std::time::Duration;

use futures::StreamExt as _;
use kube::core::WatchEvent as Event;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::list::Listed;
use super::request::encode;
use super::watch::{Ends, Watched};
use super::{Cluster, Failure, ObjectMeta, PartialObject};

/// How long the server keeps a watch open.
const SERVER_TIMEOUT_SECONDS: u32 = 290;

/// What follows.
#[derive(Debug, Clone)]
pub enum Followed<T> {
    /// All objects there are: what is not among them is gone.
    Listed(Vec<T>),
    /// An object as it is now.
    Present(T),
    /// An object as it was when it went.
    Gone(T),
}

/// An object that says which version of it this is.
pub trait Versioned: Listed + Clone + Send + 'static {
    /// What is asked for in a watch.
    const WATCHED_AS: &'static str;

    /// Opaque.
    fn resource_version(&self) -> &str;
}

impl Versioned for PartialObject {
    const WATCHED_AS: &'static str = super::request::METADATA;

    fn resource_version(&self) -> &str {
        let ObjectMeta { resource_version, .. } = &self.metadata;
        resource_version
    }
}

impl Versioned for serde_json::Value {
    const WATCHED_AS: &'static str = "application/json";

    fn resource_version(&self) -> &str {
        self["metadata"]["resourceVersion"].as_str().unwrap_or_default()
    }
}

impl Cluster {
    /// Sends what happens until the receiver is dropped. What passes is waited for.
    ///
    /// # Errors
    /// A refusal that would be repeated: no right to, no such kind, also not after a while.
    pub async fn follow<T: Versioned>(
        &self,
        watched: &Watched,
        events: &mpsc::Sender<Followed<T>>,
    ) -> Result<(), Failure> {
        self.follow_since(watched, None, events).await
    }

    /// The same from a version on that was read or written before: nothing is listed unless the server has forgotten it.
    ///
    /// # Errors
    /// As of [`Cluster::follow`].
    pub async fn follow_since<T: Versioned>(
        &self,
        watched: &Watched,
        mut version: Option<String>,
        events: &mpsc::Sender<Followed<T>>,
    ) -> Result<(), Failure> {
        let mut ends = Ends::default();
        while !events.is_closed() {
            let opened = Instant::now();
            let result = self.follow_once(watched, &mut version, events).await;
            if result.as_ref().is_err_and(|failure| failure.code() == 410) {
                version = None;
            }
            if result.as_ref().is_err_and(Failure::is_unauthorized) && ends.may_renew() {
                let current = self.connection.current();
                if self.connection.renew(&current).await {
                    continue;
                }
            }
            let pause = ends.pause_after(result, opened)?;
            // Whatever it is, not all who follow come back at one moment.
            tokio::time::sleep(pause + spread(pause)).await;
        }
        Ok(())
    }

    async fn follow_once<T: Versioned>(
        &self,
        watched: &Watched,
        version: &mut Option<String>,
        events: &mpsc::Sender<Followed<T>>,
    ) -> Result<(), Failure> {
        let at = if let Some(at) = version {
            at.clone()
        } else {
            let (listed, at) = self.list_at::<T>(&watched.collection, &watched.query()).await?;
            if events.send(Followed::Listed(listed)).await.is_err() {
                return Ok(());
            }
            version.insert(at).clone()
        };
        self.connection.may_send()?;
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={SERVER_TIMEOUT_SECONDS}&resourceVersion={}{}",
            watched.collection,
            encode(&at),
            watched.query()
        );
        let request = self.connection.begin(&http::Method::GET, &path).header(http::header::ACCEPT, T::WATCHED_AS);
        let request = request.body(Vec::new()).map_err(|error| Failure::Malformed(error.to_string()))?;
        let stream =
            self.connection.current().client.request_events::<T>(request).await.map_err(Failure::from_client)?;
        let mut stream = std::pin::pin!(stream);
        while let Some(event) = stream.next().await {
            let followed = match event.map_err(Failure::from_client)? {
                Event::Added(object) | Event::Modified(object) => Followed::Present(object),
                Event::Deleted(object) => Followed::Gone(object),
                Event::Bookmark(bookmark) => {
                    *version = Some(bookmark.metadata.resource_version);
                    continue;
                }
                Event::Error(status) => return Err(Failure::Answer(status)),
            };
            if let Followed::Present(object) | Followed::Gone(object) = &followed {
                *version = Some(object.resource_version().to_owned());
            }
            if events.send(followed).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Up to as much again.
fn spread(pause: Duration) -> Duration {
    let mut byte = [0_u8];
    // Without randomness there is none.
    let _ = getrandom::fill(&mut byte);
    pause * u32::from(byte[0]) / 256
}
