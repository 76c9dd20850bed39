//! Events that wait for the controller.
//!
//! In: what was received, from any number of requests. Out: events, oldest first. Guarantees: at most [`CAPACITY`] wait;
//! events of the same repository and ref are one while they wait, so that thousands of pushes cost one look at Git; adding
//! never waits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::event::{Event, EventKey};
use super::received::{Received, Trust};

/// How many events wait at most, which is Argo CD's number.
pub const CAPACITY: usize = 50_000;

/// There is no room for an event that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many events wait")]
pub struct Full;

/// Events that wait.
#[derive(Debug)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<EventKey>,
    events: HashMap<EventKey, (Event, Trust)>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl Inbox {
    /// One with room for so many events.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { waiting: Mutex::default(), arrived: Notify::new(), capacity }
    }

    /// Puts in what was received: all of it or, where there is no room, nothing.
    ///
    /// # Errors
    /// Where there is no room.
    pub fn add(&self, received: Received) -> Result<(), Full> {
        let Received { events, trust, .. } = received;
        if events.is_empty() {
            return Ok(());
        }
        let mut waiting = self.lock();
        let new = events.iter().filter(|event| !waiting.events.contains_key(&event.key())).count();
        if waiting.order.len() + new > self.capacity {
            return Err(Full);
        }
        for event in events {
            waiting.add(event, trust.clone());
        }
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// The event that waited longest; waits for one. May be given up at any time without losing any.
    pub async fn next(&self) -> (Event, Trust) {
        loop {
            if let Some(next) = self.lock().take() {
                // There may be more, and another who waits.
                self.arrived.notify_one();
                return next;
            }
            self.arrived.notified().await;
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().order.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, event: Event, trust: Trust) {
        let key = event.key();
        if let Some((there, reaches)) = self.events.get_mut(&key) {
            there.join(event);
            reaches.join(trust);
        } else {
            self.order.push_back(key.clone());
            self.events.insert(key, (event, trust));
        }
    }

    fn take(&mut self) -> Option<(Event, Trust)> {
        let key = self.order.pop_front()?;
        self.events.remove(&key)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::address::Address;
    use super::super::event::{Change, Push};
    use super::super::provider::Provider;
    use super::super::target::Reference;
    use super::*;
    use crate::application::AppId;

    fn received(repository: &str, references: &[&str], trust: Trust) -> Received {
        let event = |reference: &&str| {
            let reference = Some(Reference::of(reference));
            let change = Change::Push(Push { reference, touches_default: false, before: None, after: None });
            Event { addresses: Address::of_git(repository).into_iter().collect(), change }
        };
        Received { provider: Provider::GitHub, events: references.iter().map(event).collect(), trust }
    }

    #[tokio::test]
    async fn events_come_in_order_and_each_once() {
        let inbox = Inbox::default();
        let own = |name: &str| Trust { own: [AppId::new("argocd", name)].into(), ..Trust::default() };
        for (repository, reference, trust) in [
            ("https://a.example/x/y", "refs/heads/main", own("shop")),
            ("https://a.example/x/z", "refs/heads/main", Trust::open()),
            ("git@a.example:x/y.git", "refs/heads/main", own("cart")),
            ("https://a.example/x/y", "refs/heads/next", Trust::open()),
        ] {
            assert_eq!(inbox.add(received(repository, &[reference], trust)), Ok(()));
        }
        assert_eq!(inbox.len(), 3);
        let (first, trust) = inbox.next().await;
        assert_eq!(first.to_string(), "refs/heads/main of a.example/x/y");
        let authenticated: Vec<_> = trust.authenticated().map(ToString::to_string).collect();
        assert_eq!(authenticated, ["argocd/cart", "argocd/shop"], "who sent either of the two");
        assert_eq!(inbox.next().await.0.to_string(), "refs/heads/main of a.example/x/z");
        assert_eq!(inbox.next().await.0.to_string(), "refs/heads/next of a.example/x/y");
        assert!(inbox.is_empty());
    }

    #[test]
    fn it_takes_all_of_a_webhook_or_nothing() {
        let inbox = Inbox::with_capacity(2);
        assert_eq!(inbox.add(received("https://a.example/x", &["a"], Trust::open())), Ok(()));
        assert_eq!(inbox.add(received("https://a.example/x", &["b", "c"], Trust::open())), Err(Full));
        assert_eq!(inbox.len(), 1);
        assert_eq!(inbox.add(received("https://a.example/x", &["a", "b"], Trust::open())), Ok(()));
        assert_eq!(inbox.add(received("https://a.example/x", &["a", "b"], Trust::open())), Ok(()), "they are there");
        assert_eq!(inbox.add(received("https://a.example/x", &[], Trust::open())), Ok(()), "it needs no room");
        assert_eq!(inbox.len(), 2);
    }

    #[tokio::test]
    async fn those_who_wait_are_woken() {
        let inbox = Arc::new(Inbox::default());
        let wait = |inbox: Arc<Inbox>| tokio::spawn(async move { inbox.next().await.0.to_string() });
        let waiting = [wait(Arc::clone(&inbox)), wait(Arc::clone(&inbox))];
        tokio::task::yield_now().await;
        assert_eq!(inbox.add(received("https://a.example/x", &["a", "b"], Trust::open())), Ok(()));
        let mut found = Vec::new();
        for one in waiting {
            found.push(one.await.expect("it ends"));
        }
        found.sort();
        assert_eq!(found, ["a of a.example/x", "b of a.example/x"]);
    }
}
