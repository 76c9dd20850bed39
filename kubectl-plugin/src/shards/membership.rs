//! Who is a member, and whether we are: decided from what we sent, what we saw, and our own clock. Pure.
//!
//! In: renewals of our own Lease as they are acknowledged; Leases of others as lists show them; the time. Out: whether we may
//! own anything now, and among which members. Guarantees: no two members own the same application at one instant, however
//! long messages take, wherever a process is frozen, as long as no clock runs a quarter faster than another's; it
//! follows from these rules:
//!
//! 1. We own something only while our last renewal that was acknowledged, and the last list that was answered, were both
//!    *asked* for less than `fence` ago. Whoever is cut off or frozen owns nothing when that time is over, whoever else is there.
//! 2. Lists are consistent reads: what was acknowledged before a list was asked for is in it. So every owner knows all Leases
//!    that were made `fence` ago.
//! 3. Whoever comes owns nothing until `join` has passed since its Lease was acknowledged, and so do we whenever `fence` had
//!    passed before a renewal was acknowledged. As `join` is longer than `fence`, all owners know of us by then.
//! 4. A member is lost when a list that was asked for `lost` or more after the answer that first showed its Lease as it is, or
//!    showed it gone, still shows it so. It was renewed before that answer and not since, so its `fence` is over; and where it
//!    comes back, rule 3 holds for it.
//! 5. A Lease that says of itself that it was given up is gone at once: its owner stopped before it said so.
//!
//! So any two who own anything know of each other, and then `rendezvous` gives nothing to both.

use std::collections::BTreeMap;
use std::time::Duration;

/// A moment, by a clock that is ours alone. Clocks may disagree on how much time has passed: whoever must not be late takes
/// the one measure, and whoever must not be early the other.
pub(super) trait Time: Copy {
    /// No less time than has passed since `before`.
    fn at_most_since(self, before: Self) -> Duration;
    /// No more time than has passed since `before`.
    fn at_least_since(self, before: Self) -> Duration;
}

/// The times of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often a Lease is renewed, and the others are looked at.
    pub renew: Duration,
    /// How long a member may own something after its last renewal.
    pub fence: Duration,
    /// How long a Lease must stay as it is until its holder is lost.
    pub lost: Duration,
    /// How long whoever comes owns nothing.
    pub join: Duration,
    /// How long the Lease of a member that is lost is left there.
    pub forget: Duration,
}

impl Default for Timing {
    /// Renewed every 2 s, stopped by itself after 6, lost to others after 8.
    fn default() -> Self {
        let of = Duration::from_secs;
        Self { renew: of(2), fence: of(6), lost: of(8), join: of(8), forget: of(60) }
    }
}

/// A Lease as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) name: String,
    /// Another whenever anything about it is, also when it was made anew.
    pub(super) version: String,
    /// Whether its holder has given it up.
    pub(super) is_released: bool,
}

/// The members as one of them knows them.
#[derive(Debug, Clone)]
pub(super) struct Membership<T> {
    timing: Timing,
    name: String,
    /// When the last renewal was asked for that was acknowledged.
    renewed: Option<T>,
    /// When we became what we are since: acknowledged, and renewed in time ever after.
    joined: Option<T>,
    /// When the last list was asked for.
    listed: Option<T>,
    others: BTreeMap<String, Other<T>>,
    /// Leases of those who are lost, as they were, and since when.
    gone: BTreeMap<String, (String, T)>,
}

#[derive(Debug, Clone)]
struct Other<T> {
    /// As it is; absent where it is not there.
    version: Option<String>,
    /// When the first list was answered that showed it so.
    since: T,
}

/// Whether something may be owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Member,
    /// Not yet: not all others may know of us.
    Joining,
    /// No: our Lease was not renewed in time, or the others were not seen.
    CutOff,
}

impl<T: Time> Membership<T> {
    /// Nobody yet, we neither.
    pub(super) fn new(name: &str, timing: Timing) -> Self {
        let (others, gone) = (BTreeMap::new(), BTreeMap::new());
        Self { timing, name: name.to_owned(), renewed: None, joined: None, listed: None, others, gone }
    }

    /// A renewal of our own Lease was acknowledged at `now`. `asked` is from before it was sent.
    pub(super) fn renewed(&mut self, asked: T, now: T) {
        let in_time = self.renewed.is_some_and(|renewed| now.at_most_since(renewed) <= self.timing.fence);
        if !in_time {
            self.joined = Some(now);
        }
        self.renewed = Some(asked);
    }

    /// Our Lease is gone, or was given up: we are no member any more.
    pub(super) fn lapse(&mut self) {
        (self.renewed, self.joined) = (None, None);
    }

    /// A list was answered at `now`. `asked` is from before it was sent.
    pub(super) fn observe(&mut self, leases: &[Seen], asked: T, now: T) {
        let others = leases.iter().filter(|lease| lease.name != self.name);
        let there: BTreeMap<&str, &Seen> = others.map(|lease| (lease.name.as_str(), lease)).collect();
        self.gone.retain(|name, (version, _)| there.get(name.as_str()).is_some_and(|lease| lease.version == *version));
        for (name, lease) in &there {
            if self.gone.contains_key(*name) {
                continue;
            }
            if lease.is_released {
                self.others.remove(*name);
                self.gone.insert((*name).to_owned(), (lease.version.clone(), now));
                continue;
            }
            let other = self.others.entry((*name).to_owned());
            let other = other.or_insert_with(|| Other { version: None, since: now });
            if other.version.as_ref() != Some(&lease.version) {
                *other = Other { version: Some(lease.version.clone()), since: now };
            }
        }
        for (name, other) in &mut self.others {
            if !there.contains_key(name.as_str()) && other.version.is_some() {
                *other = Other { version: None, since: now };
            }
        }
        let lost = |other: &Other<T>| asked.at_least_since(other.since) >= self.timing.lost;
        let (lost, others): (BTreeMap<_, _>, _) =
            std::mem::take(&mut self.others).into_iter().partition(|(_, other)| lost(other));
        self.others = others;
        let left = lost.into_iter().filter_map(|(name, other)| Some((name, (other.version?, now))));
        self.gone.extend(left);
        self.listed = Some(asked);
    }

    /// Whether we may own anything now.
    pub(super) fn standing(&self, now: T) -> Standing {
        let is_fresh = |asked: Option<T>| asked.is_some_and(|asked| now.at_most_since(asked) < self.timing.fence);
        let Some(joined) = self.joined.filter(|_| is_fresh(self.renewed) && is_fresh(self.listed)) else {
            return Standing::CutOff;
        };
        if now.at_least_since(joined) < self.timing.join { Standing::Joining } else { Standing::Member }
    }

    /// How long it takes until we may own something, if nothing else happens; `None` where time alone does not help.
    pub(super) fn until_member(&self, now: T) -> Option<Duration> {
        let joined = self.joined.filter(|_| self.standing(now) == Standing::Joining)?;
        Some(self.timing.join.saturating_sub(now.at_least_since(joined)))
    }

    /// The members as we know them, we among them.
    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.others.keys().map(String::as_str))
    }

    /// Whether an application is ours now.
    pub(super) fn owns(&self, application: &str, now: T) -> bool {
        self.standing(now) == Standing::Member
            && super::rendezvous::owner(application, self.members()) == Some(self.name.as_str())
    }

    /// Leases that nobody holds any more, for long enough that they may be deleted as they are: name and version.
    pub(super) fn forgettable(&self, now: T) -> impl Iterator<Item = (&str, &str)> {
        let is_old = move |since: &T| now.at_least_since(*since) >= self.timing.forget;
        let old = self.gone.iter().filter(move |(_, (_, since))| is_old(since));
        old.map(|(name, (version, _))| (name.as_str(), version.as_str()))
    }
}
