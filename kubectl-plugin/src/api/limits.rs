//! How much of the API one may have, and all together.
//!
//! In: who asks. Out: places, which are given back when they are dropped. Nobody waits for one: who has too many is told.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::{Pace, Rate};

/// The limits.
#[derive(Debug, Clone, Copy)]
pub struct ApiLimits {
    /// How large a body may be.
    pub body: usize,
    /// How often one may ask.
    pub requests: Rate,
    /// How many requests of one are answered at once.
    pub at_once: usize,
    /// How many streams one has at once.
    pub streams: usize,
    /// How many streams there are.
    pub all_streams: usize,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            requests: Rate { burst: 200.0, a_second: 50.0 },
            at_once: 16,
            streams: 32,
            all_streams: 512,
        }
    }
}

/// So many users are known.
const MOST_USERS: usize = 20_000;

/// No answer that tells of all objects of an Application has more bytes; whoever asks may ask for some of them.
pub(super) const MOST_BYTES: usize = 32 << 20;

/// How often refusals of a peer are told.
const TOLD: Rate = Rate { burst: 20.0, a_second: 0.5 };

/// By whom somebody is known.
type Key = [u8; 32];

/// What everybody has.
pub(super) struct Users {
    pub(super) limits: ApiLimits,
    pace: Pace<Key>,
    /// How often refusals of a peer are told.
    pub(super) told: Pace<IpAddr>,
    requests: Arc<Places>,
    streams: Arc<Places>,
}

/// Places that are taken.
#[derive(Debug, Default)]
struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<Key, usize>,
}

/// One of them; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Places>,
    who: Key,
}

impl Users {
    pub(super) fn new(limits: ApiLimits) -> Self {
        let pace = Pace::new(limits.requests, MOST_USERS);
        let told = Pace::new(TOLD, MOST_USERS);
        Self { limits, pace, told, requests: Arc::default(), streams: Arc::default() }
    }

    /// A place for a request.
    pub(super) fn request(&self, who: Key) -> Option<Place> {
        if !self.pace.take(&who) {
            return None;
        }
        self.requests.take(who, self.limits.at_once, usize::MAX)
    }

    /// A place for a stream.
    pub(super) fn stream(&self, who: Key) -> Option<Place> {
        self.streams.take(who, self.limits.streams, self.limits.all_streams)
    }
}

impl Places {
    fn take(self: &Arc<Self>, who: Key, most: usize, most_of_all: usize) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= most_of_all || taken.of.get(&who).is_some_and(|own| *own >= most) {
            return None;
        }
        taken.all += 1;
        *taken.of.entry(who).or_default() += 1;
        Some(Place { of: Arc::clone(self), who })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let own = taken.of.get_mut(&self.who).map(|own| {
            *own = own.saturating_sub(1);
            *own
        });
        if own == Some(0) {
            taken.of.remove(&self.who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places() {
        let limits = ApiLimits { streams: 2, all_streams: 3, ..ApiLimits::default() };
        let (users, [one, other]) = (Users::new(limits), [[1; 32], [2; 32]]);
        let first = users.stream(one).expect("a place");
        let second = users.stream(one).expect("a place");
        assert!(users.stream(one).is_none());
        let third = users.stream(other).expect("a place");
        assert!(users.stream(other).is_none(), "there are no more");
        drop(first);
        assert!(users.stream(other).is_some());
        drop((second, third));
        assert!(users.streams.0.lock().expect("no panic").of.is_empty());
    }

    #[test]
    fn who_asks_too_often_is_told() {
        let limits = ApiLimits { requests: Rate { burst: 2.0, a_second: 0.0 }, ..ApiLimits::default() };
        let users = Users::new(limits);
        assert!(users.request([1; 32]).is_some() && users.request([1; 32]).is_some());
        assert!(users.request([1; 32]).is_none() && users.request([2; 32]).is_some());
    }
}
