//! Replicas and a server in simulated time: messages that take long or get lost, processes that freeze and die, clocks that
//! run at different speeds, Leases that somebody deletes.
//!
//! In: a seed, what may happen. Out: at each moment, who owns what. A second is a million.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use gitops_testdata::random::SplitMix64;

use crate::shards::membership::{Membership, Seen, Standing, Time, Timing};

pub(super) const SECOND: u64 = 1_000_000;
/// As long a replica waits for an answer, by its own clock.
const TIMEOUT: u64 = 2 * SECOND;

/// What the clock of a replica shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown(u64);

impl Time for Shown {
    fn at_most_since(self, before: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(before.0))
    }

    fn at_least_since(self, before: Self) -> Duration {
        self.at_most_since(before)
    }
}

/// What may happen besides what must.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// Longest way of a message, there or back.
    pub(super) delay: u64,
    /// One of so many messages takes a hundred times as long, or is lost; none where it is 0.
    pub(super) bad_message: u64,
    /// How much clocks differ, in thousandths.
    pub(super) drift: u64,
}

pub(super) const CALM: Weather = Weather { delay: SECOND / 20, bad_message: 0, drift: 0 };
pub(super) const STORM: Weather = Weather { delay: SECOND / 2, bad_message: 6, drift: 100 };

struct Replica {
    membership: Membership<Shown>,
    /// Thousandths of a second that its clock runs in a second.
    rate: u64,
    offset: u64,
    frozen_until: u64,
    is_dead: bool,
    is_leaving: bool,
    has_lease: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Tick(usize),
    Arrives(usize, Asked),
    Answered(usize, Answer),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Renew { asked: u64, makes: bool },
    List { asked: u64 },
    Release,
    Delete,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Renewed { asked: u64, is_there: bool },
    Listed { asked: u64, leases: Vec<(String, u64, bool)> },
    Released,
}

/// All of it.
pub(super) struct World {
    pub(super) now: u64,
    timing: Timing,
    weather: Weather,
    random: SplitMix64,
    replicas: Vec<Replica>,
    /// Of each Lease its version, and whether it was released.
    leases: BTreeMap<String, (u64, bool)>,
    versions: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    numbered: u64,
}

impl World {
    pub(super) fn new(seed: u64, timing: Timing, weather: Weather) -> Self {
        Self {
            now: 0,
            timing,
            weather,
            random: SplitMix64::new(seed),
            replicas: Vec::new(),
            leases: BTreeMap::new(),
            versions: 0,
            events: BinaryHeap::new(),
            numbered: 0,
        }
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.random.number() % bound.max(1)
    }

    pub(super) fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// A replica more; returns its number.
    pub(super) fn join(&mut self) -> usize {
        let number = self.replicas.len();
        let (rate, offset) = (1000 + self.below(2 * self.weather.drift + 1) - self.weather.drift, self.below(1 << 40));
        let membership = Membership::new(&format!("member-{number}"), self.timing);
        let (frozen_until, is_dead, is_leaving, has_lease) = (0, false, false, false);
        self.replicas.push(Replica { membership, rate, offset, frozen_until, is_dead, is_leaving, has_lease });
        self.at(self.now, Event::Tick(number));
        number
    }

    pub(super) fn count(&self) -> usize {
        self.replicas.len()
    }

    pub(super) fn is_working(&self, number: usize) -> bool {
        !self.replicas[number].is_dead && !self.replicas[number].is_leaving
    }

    pub(super) fn kill(&mut self, number: usize) {
        self.replicas[number].is_dead = true;
    }

    pub(super) fn freeze(&mut self, number: usize, time: u64) {
        self.replicas[number].frozen_until = self.now + time;
    }

    /// Stops to own anything, and says so.
    pub(super) fn leave(&mut self, number: usize) {
        self.replicas[number].is_leaving = true;
        self.replicas[number].membership.lapse();
        self.send(number, Asked::Release);
    }

    /// Somebody deletes a Lease.
    pub(super) fn delete_lease(&mut self, number: usize) {
        self.leases.remove(&name(number));
    }

    /// Who owns an application now. Those who are frozen are asked as well: they could wake up at any moment.
    pub(super) fn owners(&self, application: &str) -> Vec<usize> {
        let living = self.replicas.iter().enumerate().filter(|(_, replica)| !replica.is_dead);
        let owning = living.filter(|(_, replica)| replica.membership.owns(application, self.clock(replica)));
        owning.map(|(number, _)| number).collect()
    }

    pub(super) fn standing(&self, number: usize) -> Standing {
        let replica = &self.replicas[number];
        replica.membership.standing(self.clock(replica))
    }

    /// The time of the next event.
    pub(super) fn next(&self) -> u64 {
        self.events.peek().map_or(u64::MAX, |Reverse((time, ..))| *time)
    }

    /// Lets time pass until a moment, or the next event if that comes first.
    pub(super) fn step(&mut self, until: u64) {
        if self.next() > until {
            self.now = until;
            return;
        }
        let Some(Reverse((time, _, event))) = self.events.pop() else { return };
        self.now = time;
        match event {
            Event::Tick(number) => self.tick(number),
            Event::Arrives(number, asked) => self.arrives(number, asked),
            Event::Answered(number, answer) => self.answered(number, answer),
        }
    }

    fn clock(&self, replica: &Replica) -> Shown {
        Shown(replica.offset + self.now / 1000 * replica.rate + self.now % 1000 * replica.rate / 1000)
    }

    fn at(&mut self, time: u64, event: Event) {
        self.numbered += 1;
        self.events.push(Reverse((time, self.numbered, event)));
    }

    /// How long a message takes; `None` where it is lost.
    fn delay(&mut self) -> Option<u64> {
        let Weather { delay, bad_message, .. } = self.weather;
        let (usual, long) = (self.below(delay) + 100, self.below(delay * 100));
        if bad_message == 0 || self.below(bad_message) > 0 {
            return Some(usual);
        }
        if self.below(2) == 0 { None } else { Some(long) }
    }

    fn send(&mut self, number: usize, asked: Asked) {
        if let Some(delay) = self.delay() {
            self.at(self.now + delay, Event::Arrives(number, asked));
        }
    }

    fn tick(&mut self, number: usize) {
        let replica = &self.replicas[number];
        if replica.is_dead || replica.is_leaving {
            return;
        }
        if self.now < replica.frozen_until {
            return self.at(replica.frozen_until, Event::Tick(number));
        }
        let (asked, makes) = (self.clock(replica).0, !replica.has_lease);
        self.send(number, Asked::Renew { asked, makes });
        self.send(number, Asked::List { asked });
        let pause = u64::try_from(self.timing.renew.as_micros()).expect("it fits") + self.below(SECOND / 10);
        self.at(self.now + pause, Event::Tick(number));
    }

    fn arrives(&mut self, number: usize, asked: Asked) {
        let answer = match asked {
            Asked::Renew { asked, makes } => {
                let is_there = makes || self.leases.contains_key(&name(number));
                if is_there {
                    self.versions += 1;
                    self.leases.insert(name(number), (self.versions, false));
                }
                Answer::Renewed { asked, is_there }
            }
            Asked::List { asked } => {
                let all = self.leases.iter().map(|(name, (version, released))| (name.clone(), *version, *released));
                Answer::Listed { asked, leases: all.collect() }
            }
            Asked::Release => {
                self.versions += 1;
                if let Some(lease) = self.leases.get_mut(&name(number)) {
                    *lease = (self.versions, true);
                }
                Answer::Released
            }
            Asked::Delete => {
                self.leases.remove(&name(number));
                return;
            }
        };
        if let Some(delay) = self.delay() {
            self.at(self.now + delay, Event::Answered(number, answer));
        }
    }

    fn answered(&mut self, number: usize, answer: Answer) {
        let replica = &self.replicas[number];
        if self.now < replica.frozen_until {
            return self.at(replica.frozen_until, Event::Answered(number, answer));
        }
        let now = self.clock(replica);
        let replica = &mut self.replicas[number];
        let in_time = |asked: u64| now.0 - asked <= TIMEOUT;
        match answer {
            // As `sharding` does: all others have seen it by then.
            Answer::Released => self.at(self.now + 5 * SECOND / 2, Event::Arrives(number, Asked::Delete)),
            _ if replica.is_leaving => {}
            Answer::Renewed { asked, is_there: true } if in_time(asked) => {
                replica.has_lease = true;
                replica.membership.renewed(Shown(asked), now);
            }
            Answer::Renewed { asked, is_there: false } if in_time(asked) => {
                replica.has_lease = false;
                replica.membership.lapse();
            }
            Answer::Listed { asked, leases } if in_time(asked) => {
                let seen = |(name, version, is_released): (String, u64, bool)| Seen {
                    name,
                    version: version.to_string(),
                    is_released,
                };
                let leases: Vec<Seen> = leases.into_iter().map(seen).collect();
                replica.membership.observe(&leases, Shown(asked), now);
            }
            Answer::Renewed { .. } | Answer::Listed { .. } => {}
        }
    }
}

fn name(number: usize) -> String {
    format!("member-{number}")
}
