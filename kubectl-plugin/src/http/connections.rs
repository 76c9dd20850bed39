//! How many connections there are at once, and which one makes place for another.
//!
//! In: connections that come, say what they do, and go. Out: a [`Place`] for each, or none. Where all places are taken, the
//! connection that has been sending the longest is cut, if it had [`patience`](Connections::new) for it: thousands who send
//! a byte now and then are cut one after another, and whoever sends a whole request at once is heard. A request that has
//! arrived is never cut for another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    places: Mutex<Places>,
    most: usize,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Places {
    next: u64,
    taken: HashMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    /// Since when a request is waited for; `None` while one is answered.
    waits_since: Option<Instant>,
    cut: Arc<Notify>,
}

/// The place of one connection; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Connections>,
    number: u64,
    cut: Arc<Notify>,
    streams: AtomicBool,
}

impl Connections {
    /// So many places. Within `patience` nobody is cut for another.
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        Self { places: Mutex::default(), most, patience }
    }

    /// A place for one more, which another may lose for it.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        self.enter_at(Instant::now())
    }

    fn enter_at(self: &Arc<Self>, now: Instant) -> Option<Place> {
        let mut places = self.lock();
        if places.taken.len() >= self.most {
            let oldest = places.oldest(now, self.patience)?;
            if let Some(taken) = places.taken.remove(&oldest) {
                taken.cut.notify_one();
            }
        }
        let (number, cut) = (places.next, Arc::new(Notify::new()));
        places.next += 1;
        places.taken.insert(number, Taken { waits_since: Some(now), cut: Arc::clone(&cut) });
        Some(Place { of: Arc::clone(self), number, cut, streams: AtomicBool::new(false) })
    }

    /// Cuts all of them.
    pub(super) fn cut_all(&self) {
        for taken in self.lock().taken.values() {
            taken.cut.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// The one that has waited the longest, and long enough.
    fn oldest(&self, now: Instant, patience: Duration) -> Option<u64> {
        let waiting = self.taken.iter().filter_map(|(number, taken)| Some((taken.waits_since?, *number)));
        let (since, number) = waiting.min()?;
        (now.saturating_duration_since(since) >= patience).then_some(number)
    }
}

impl Place {
    /// Ends when this connection is to be cut.
    pub(super) async fn cut(&self) {
        self.cut.notified().await;
    }

    /// Cuts this connection.
    pub(super) fn end(&self) {
        self.cut.notify_one();
    }

    /// An answer goes out in parts, for as long as somebody reads them.
    pub(super) fn is_streaming(&self) {
        self.is_answering();
        self.streams.store(true, Ordering::Relaxed);
    }

    /// Whether an answer goes out in parts.
    pub(super) fn streams(&self) -> bool {
        self.streams.load(Ordering::Relaxed)
    }

    /// Ends when this connection has waited for so long without a request that was answered. That is also the end of those who
    /// do not read what they are answered: no request of theirs is looked for until they have.
    pub(super) async fn is_overdue(&self, time: Duration) {
        loop {
            let waits_since = self.of.lock().taken.get(&self.number).and_then(|taken| taken.waits_since);
            let rest = waits_since.map_or(time, |since| time.saturating_sub(since.elapsed()));
            if rest.is_zero() {
                return;
            }
            tokio::time::sleep(rest).await;
        }
    }

    /// A whole request is there: it is answered whatever comes.
    pub(super) fn is_answering(&self) {
        self.set(None);
    }

    /// The next request is waited for.
    pub(super) fn is_waiting(&self) {
        self.streams.store(false, Ordering::Relaxed);
        self.set(Some(Instant::now()));
    }

    fn set(&self, waits_since: Option<Instant>) {
        // Where it has been cut, its place is another's.
        if let Some(taken) = self.of.lock().taken.get_mut(&self.number) {
            taken.waits_since = waits_since;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.lock().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_cut(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.cut()).await.is_ok()
    }

    #[tokio::test]
    async fn the_one_that_sends_longest_makes_place() {
        let connections = Arc::new(Connections::new(2, Duration::from_secs(1)));
        let start = Instant::now();
        let enter = |after: u64| connections.enter_at(start + Duration::from_millis(after));
        let first = enter(0).expect("a place");
        let second = enter(600).expect("a place");
        assert!(enter(999).is_none(), "nobody has had time enough");
        let third = enter(1000).expect("the place of the first");
        assert!(is_cut(&first).await && !is_cut(&second).await && !is_cut(&third).await);
        assert!(enter(1500).is_none());
        drop(first);
        assert!(enter(1500).is_none(), "its place was gone already");
        drop(second);
        assert!(enter(1500).is_some());
    }

    #[tokio::test]
    async fn who_waits_for_too_long_is_overdue() {
        let connections = Arc::new(Connections::new(1, Duration::from_secs(1)));
        let only = connections.enter_at(Instant::now()).expect("a place");
        let is_overdue = async |time| tokio::time::timeout(Duration::ZERO, only.is_overdue(time)).await.is_ok();
        assert!(!is_overdue(Duration::from_hours(1)).await && is_overdue(Duration::ZERO).await);
        only.is_answering();
        assert!(!is_overdue(Duration::from_nanos(1)).await);
        only.is_waiting();
        only.is_overdue(Duration::from_millis(1)).await;
    }

    #[tokio::test]
    async fn who_is_answered_is_not_cut() {
        let connections = Arc::new(Connections::new(1, Duration::from_secs(1)));
        let start = Instant::now();
        let enter = |after: u64| connections.enter_at(start + Duration::from_secs(after));
        let only = enter(0).expect("a place");
        only.is_answering();
        assert!(enter(60).is_none());
        only.set(Some(start + Duration::from_mins(1)));
        assert!(enter(60).is_none(), "its time begins anew");
        let next = enter(61).expect("its place");
        only.is_answering();
        drop(only);
        assert!(enter(61).is_none() && !is_cut(&next).await);
        connections.cut_all();
        assert!(is_cut(&next).await);
    }
}
