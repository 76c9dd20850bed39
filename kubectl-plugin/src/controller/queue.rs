//! The queue of what has to be looked at.
//!
//! In: keys, now or later. Out: one key at a time for each worker. Guarantees: a key that waits is there once, however often
//! it was added; no two workers have the same key; one that is added while a worker has it comes again afterwards, so that
//! nothing that happened meanwhile is missed. Of times the earliest counts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A queue.
#[derive(Debug)]
pub struct Queue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<K> {
    /// Those whose turn it is: what somebody waits for stands before what is only due.
    urgent: VecDeque<K>,
    ready: VecDeque<K>,
    /// Those in either of these.
    waiting: BTreeSet<K>,
    running: BTreeSet<K>,
    /// Those that run, and come again.
    again: BTreeSet<K>,
    later: BTreeSet<(Instant, K)>,
    due: BTreeMap<K, Instant>,
    is_closed: bool,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        let state = State {
            urgent: VecDeque::new(),
            ready: VecDeque::new(),
            waiting: BTreeSet::new(),
            running: BTreeSet::new(),
            again: BTreeSet::new(),
            later: BTreeSet::new(),
            due: BTreeMap::new(),
            is_closed: false,
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// Adds a key: it is due.
    pub fn add(&self, key: &K) {
        self.put(key, false);
    }

    /// Adds a key that somebody waits for.
    pub fn add_urgent(&self, key: &K) {
        self.put(key, true);
    }

    fn put(&self, key: &K, urgent: bool) {
        self.state().put(key, urgent);
        self.changed.notify_one();
    }

    /// Adds a key after some time, unless it comes earlier anyway.
    pub fn add_after(&self, key: &K, time: Duration) {
        let at = Instant::now() + time;
        {
            let mut state = self.state();
            if state.due.get(key).is_some_and(|earlier| *earlier <= at) {
                return;
            }
            state.not_later(key);
            state.due.insert(key.clone(), at);
            state.later.insert((at, key.clone()));
        }
        self.changed.notify_one();
    }

    /// Forgets a key.
    pub fn forget(&self, key: &K) {
        let mut state = self.state();
        state.not_later(key);
        state.again.remove(key);
        if state.waiting.remove(key) {
            state.urgent.retain(|other| other != key);
            state.ready.retain(|other| other != key);
        }
    }

    /// Ends the queue: nobody gets another key.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// Whether it is ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Whether some key is with a worker.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.state().running.is_empty()
    }

    /// The next key, which nobody else gets until [`Queue::done`]; none once the queue is closed.
    pub async fn next(&self) -> Option<K> {
        loop {
            let changed = self.changed.notified();
            let next_due = {
                let mut state = self.state();
                if state.is_closed {
                    return None;
                }
                state.ripen(Instant::now());
                if let Some(key) = state.take() {
                    let more = !state.urgent.is_empty() || !state.ready.is_empty();
                    drop(state);
                    if more {
                        // Whoever was woken may have been woken for two.
                        self.changed.notify_one();
                    }
                    return Some(key);
                }
                state.later.first().map(|(at, _)| *at)
            };
            match next_due {
                Some(at) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    /// Gives a key back.
    pub fn done(&self, key: &K) {
        {
            let mut state = self.state();
            state.running.remove(key);
            if !state.again.remove(key) {
                return;
            }
            state.put(key, false);
        }
        self.changed.notify_one();
    }

    /// How many wait for a worker.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Whether none waits for a worker.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        // Each change is whole before the next begins.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Clone> State<K> {
    fn put(&mut self, key: &K, urgent: bool) {
        self.not_later(key);
        if self.running.contains(key) {
            self.again.insert(key.clone());
        } else if self.waiting.insert(key.clone()) {
            let queue = if urgent { &mut self.urgent } else { &mut self.ready };
            queue.push_back(key.clone());
        } else if urgent && !self.urgent.contains(key) {
            self.ready.retain(|other| other != key);
            self.urgent.push_back(key.clone());
        }
    }

    fn take(&mut self) -> Option<K> {
        let key = self.urgent.pop_front().or_else(|| self.ready.pop_front())?;
        self.waiting.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    fn not_later(&mut self, key: &K) {
        if let Some(at) = self.due.remove(key) {
            self.later.remove(&(at, key.clone()));
        }
    }

    fn ripen(&mut self, now: Instant) {
        while let Some((_, key)) = self.later.first().filter(|(at, _)| *at <= now).cloned() {
            self.put(&key, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_that_is_added_while_it_runs_comes_again_and_once() {
        let queue = Queue::default();
        queue.add(&1);
        queue.add(&1);
        assert_eq!(queue.next().await, Some(1));
        assert!(queue.is_empty(), "twice is once");
        queue.add(&1);
        queue.add_urgent(&1);
        assert!(queue.is_empty(), "nobody else gets it");
        queue.done(&1);
        assert_eq!(queue.next().await, Some(1));
        queue.done(&1);
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn what_somebody_waits_for_comes_first() {
        let queue = Queue::default();
        for key in [1, 2, 3] {
            queue.add(&key);
        }
        queue.add_urgent(&3);
        queue.add_urgent(&4);
        let order = [queue.next().await, queue.next().await, queue.next().await, queue.next().await];
        assert_eq!(order.map(Option::unwrap_or_default), [3, 4, 1, 2]);
    }

    #[tokio::test]
    async fn of_times_the_earliest_counts_and_now_is_earlier() {
        let queue = Queue::default();
        let ms = Duration::from_millis;
        queue.add_after(&1, ms(500_000));
        queue.add_after(&1, ms(20));
        queue.add_after(&1, ms(300_000));
        queue.add_after(&2, ms(60));
        queue.add_after(&3, ms(40));
        queue.add(&3);
        let order = [queue.next().await, queue.next().await, queue.next().await];
        assert_eq!(order, [Some(3), Some(1), Some(2)]);
        queue.add_after(&4, ms(1));
        queue.forget(&4);
        queue.add_after(&5, ms(30));
        assert_eq!(queue.next().await, Some(5));
        queue.add(&6);
        queue.close();
        assert_eq!(queue.next().await, None, "it is closed");
    }

    #[tokio::test]
    async fn no_two_workers_have_one_key() {
        let queue = std::sync::Arc::new(Queue::default());
        let running = std::sync::Arc::new(Mutex::new(BTreeSet::new()));
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let (queue, running) = (std::sync::Arc::clone(&queue), std::sync::Arc::clone(&running));
                tokio::spawn(async move {
                    for _ in 0..50 {
                        let key: usize = queue.next().await.expect("a key");
                        assert!(running.lock().expect("running").insert(key), "{key} runs already");
                        tokio::task::yield_now().await;
                        running.lock().expect("running").remove(&key);
                        queue.add(&key);
                        queue.done(&key);
                    }
                })
            })
            .collect();
        for key in 0..20 {
            queue.add(&key);
        }
        for worker in workers {
            worker.await.expect("a worker");
        }
    }
}
