//! Whether an application is synced now. Pure.
//!
//! In: a [`Situation`]. Out: a [`Decision`]. The rules are Argo CD's (automatic sync, self-healing with its backoff, retries),
//! but for what follows from having a record: what differs is told from what was changed in the cluster, so that a commit is
//! delivered and a change by hand is put back, each by its own policy; and what was rolled back stays taken back.

use std::time::Duration;

use gitops_compiler::app::{Automated, Retry};
use jiff::{SignedDuration, Timestamp};

use crate::project::duration;

/// How often a sync is tried again where the policy does not say.
const DEFAULT_RETRIES: i64 = 5;

/// The first pause between two tries where the policy does not say, what each is multiplied by, and the longest.
const DEFAULT_BACKOFF: (Duration, i64, Duration) = (Duration::from_secs(5), 2, Duration::from_mins(3));

/// Pauses between healings that follow upon each other: the first comes at once.
const HEAL_BACKOFF: (Duration, i64, Duration) = (Duration::from_secs(2), 3, Duration::from_mins(5));

/// Healings that are further apart than this do not follow upon each other.
const HEAL_COOLDOWN: SignedDuration = SignedDuration::from_mins(10);

/// What is known when it is decided.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The time.
    pub now: Timestamp,
    /// The policy.
    pub automated: Option<&'a Automated>,
    /// The policy for what fails.
    pub retry: Option<&'a Retry>,
    /// Whether sync windows allow it now, and when that changes.
    pub window: Window,
    /// Whether the graph was rolled back, and not released since.
    pub is_held: bool,
    /// Whether Git gives another graph than is live, or a run did not end.
    pub has_changed: bool,
    /// Whether something is there that left Git, and the policy deletes it.
    pub has_left_overs: bool,
    /// Whether objects are not as they were applied.
    pub has_drifted: bool,
    /// Whether the graph has no resources, and the target has some.
    pub is_emptied: bool,
    /// The last sync to this same graph and with these same settings.
    pub last: Option<Attempt>,
    /// The healings before this.
    pub heals: Heals,
}

/// Whether something may be synced automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Whether it may.
    pub is_open: bool,
    /// When that changes, where it ever does.
    pub changes: Option<Timestamp>,
}

/// A sync that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Whether it did all.
    pub succeeded: bool,
    /// When.
    pub ended: Timestamp,
    /// How often it was tried again before.
    pub retries: i64,
    /// Whether somebody has ended it.
    pub is_terminated: bool,
}

/// Healings, one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heals {
    /// How many followed upon each other.
    pub count: i64,
    /// When the last one was.
    pub last: Option<Timestamp>,
}

impl Heals {
    /// With one more.
    #[must_use]
    pub fn and_one(self, now: Timestamp) -> Self {
        let follows = self.last.is_some_and(|last| now.duration_since(last) < HEAL_COOLDOWN);
        Self { count: if follows { self.count + 1 } else { 1 }, last: Some(now) }
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, until something changes, or this time comes.
    Rest {
        /// Why, where it would be synced otherwise.
        why: Option<Why>,
        /// When it is decided anew.
        until: Option<Timestamp>,
    },
    /// What Git says is delivered.
    Sync {
        /// How often that was tried before.
        retries: i64,
    },
    /// What was changed in the cluster is put back.
    Heal,
}

/// Why nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was rolled back.
    Held,
    /// Windows do not allow it.
    Window,
    /// It would delete everything.
    Emptied,
    /// It failed too often.
    Failed,
    /// It failed, or was healed, a moment ago.
    Backoff,
}

impl Situation<'_> {
    /// Decides.
    #[must_use]
    pub fn decide(&self) -> Decision {
        let rest = |why| Decision::Rest { why, until: None };
        let Some(automated) = self.automated.filter(|automated| automated.enabled != Some(false)) else {
            return rest(None);
        };
        if !self.has_changed && !self.has_left_overs && (!self.has_drifted || !automated.self_heal) {
            return rest(None);
        }
        if !self.window.is_open {
            return Decision::Rest { why: Some(Why::Window), until: self.window.changes };
        }
        // After a sync that did all, what is still left is so on purpose.
        let is_done = self.last.is_some_and(|last| last.succeeded);
        if self.is_held || !self.has_changed && (!self.has_left_overs || is_done) {
            return self.heal(automated);
        }
        if self.is_emptied && !automated.allow_empty {
            return rest(Some(Why::Emptied));
        }
        self.deliver()
    }

    fn deliver(&self) -> Decision {
        let Some(last) = self.last else { return Decision::Sync { retries: 0 } };
        if last.is_terminated {
            return Decision::Rest { why: Some(Why::Failed), until: None };
        }
        if last.succeeded {
            // Somebody has applied something else since.
            return self.after(last.ended, DEFAULT_BACKOFF.0, Decision::Sync { retries: 0 });
        }
        let limit = self.retry.map_or(DEFAULT_RETRIES, |retry| retry.limit);
        if limit >= 0 && last.retries >= limit {
            return Decision::Rest { why: Some(Why::Failed), until: None };
        }
        self.after(
            last.ended,
            pause(backoff(self.retry), last.retries),
            Decision::Sync { retries: last.retries.saturating_add(1) },
        )
    }

    fn heal(&self, automated: &Automated) -> Decision {
        if !self.has_drifted || !automated.self_heal {
            return Decision::Rest { why: self.is_held.then_some(Why::Held), until: None };
        }
        let Heals { count, last } = self.heals;
        match last.filter(|last| self.now.duration_since(*last) < HEAL_COOLDOWN) {
            Some(last) => self.after(last, pause(HEAL_BACKOFF, count - 1), Decision::Heal),
            None => Decision::Heal,
        }
    }

    fn after(&self, moment: Timestamp, pause: Duration, then: Decision) -> Decision {
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        match moment.checked_add(pause) {
            Ok(due) if due <= self.now => then,
            Ok(due) => Decision::Rest { why: Some(Why::Backoff), until: Some(due) },
            Err(_) => Decision::Rest { why: Some(Why::Backoff), until: None },
        }
    }
}

/// The pause after some tries: the first times the factor as often, and never longer than the longest.
fn pause((first, factor, longest): (Duration, i64, Duration), tries: i64) -> Duration {
    let mut pause = first;
    for _ in 0..tries.clamp(0, 64) {
        if pause >= longest {
            break;
        }
        pause = pause.saturating_mul(u32::try_from(factor.max(1)).unwrap_or(u32::MAX));
    }
    pause.min(longest)
}

fn backoff(retry: Option<&Retry>) -> (Duration, i64, Duration) {
    let (first, factor, longest) = DEFAULT_BACKOFF;
    let Some(backoff) = retry.and_then(|retry| retry.backoff.as_ref()) else { return DEFAULT_BACKOFF };
    let read = |text: &str, otherwise| duration_or_seconds(text).unwrap_or(otherwise);
    (read(&backoff.duration, first), backoff.factor.unwrap_or(factor), read(&backoff.max_duration, longest))
}

/// A duration as Go writes it, or a number of seconds; none is negative.
#[must_use]
pub fn duration_or_seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| Duration::try_from(duration(text)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_compiler::app::Backoff;

    const AUTOMATED: Automated = Automated { enabled: None, prune: true, self_heal: true, allow_empty: false };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn situation() -> Situation<'static> {
        Situation {
            now: at(0),
            automated: Some(&AUTOMATED),
            retry: None,
            window: Window { is_open: true, changes: None },
            is_held: false,
            has_changed: true,
            has_left_overs: false,
            has_drifted: false,
            is_emptied: false,
            last: None,
            heals: Heals::default(),
        }
    }

    fn rest(why: Why) -> Decision {
        Decision::Rest { why: Some(why), until: None }
    }

    const NOTHING: Decision = Decision::Rest { why: None, until: None };

    #[test]
    fn a_commit_is_delivered_by_policy() {
        assert_eq!(situation().decide(), Decision::Sync { retries: 0 });
        assert_eq!(Situation { automated: None, ..situation() }.decide(), NOTHING);
        let off = Automated { enabled: Some(false), ..AUTOMATED };
        assert_eq!(Situation { automated: Some(&off), ..situation() }.decide(), NOTHING);
        assert_eq!(Situation { has_changed: false, ..situation() }.decide(), NOTHING);
        assert_eq!(Situation { is_emptied: true, ..situation() }.decide(), rest(Why::Emptied));
        let empty = Automated { allow_empty: true, ..AUTOMATED };
        let allowed = Situation { is_emptied: true, automated: Some(&empty), ..situation() };
        assert_eq!(allowed.decide(), Decision::Sync { retries: 0 });
        let closed = Window { is_open: false, changes: Some(at(60)) };
        let waits = Decision::Rest { why: Some(Why::Window), until: Some(at(60)) };
        assert_eq!(Situation { window: closed, ..situation() }.decide(), waits);
    }

    #[test]
    fn what_was_rolled_back_stays_so_and_is_healed() {
        let held = Situation { is_held: true, ..situation() };
        assert_eq!(held.decide(), rest(Why::Held));
        assert_eq!(Situation { has_drifted: true, ..held }.decide(), Decision::Heal);
    }

    #[test]
    fn what_failed_is_tried_again_ever_more_rarely_and_not_for_ever() {
        let failed = |retries| Some(Attempt { succeeded: false, ended: at(0), retries, is_terminated: false });
        let after = |second, retries| Situation { now: at(second), last: failed(retries), ..situation() }.decide();
        assert_eq!(after(4, 0), Decision::Rest { why: Some(Why::Backoff), until: Some(at(5)) });
        assert_eq!(after(5, 0), Decision::Sync { retries: 1 });
        assert_eq!(after(39, 3), Decision::Rest { why: Some(Why::Backoff), until: Some(at(40)) });
        assert_eq!(after(40, 3), Decision::Sync { retries: 4 });
        assert_eq!(after(4000, 5), rest(Why::Failed));
        let backoff = Backoff { duration: "1m".to_owned(), factor: Some(3), max_duration: "5m".to_owned() };
        let retry = Retry { limit: -1, refresh: false, backoff: Some(backoff) };
        let patient = |second| Situation { now: at(second), last: failed(100), retry: Some(&retry), ..situation() };
        assert_eq!(patient(300).decide(), Decision::Sync { retries: 101 });
        assert_eq!(patient(299).decide(), Decision::Rest { why: Some(Why::Backoff), until: Some(at(300)) });
        let done = Some(Attempt { succeeded: true, ended: at(0), retries: 0, is_terminated: false });
        let left = Situation { has_changed: false, has_left_overs: true, ..situation() };
        assert_eq!(left.decide(), Decision::Sync { retries: 0 });
        assert_eq!(Situation { last: done, ..left }.decide(), NOTHING, "it is so on purpose");
        let other = Situation { last: done, now: at(60), ..situation() };
        assert_eq!(other.decide(), Decision::Sync { retries: 0 }, "somebody has applied something else");
        let ended = done.map(|last| Attempt { succeeded: false, is_terminated: true, ..last });
        assert_eq!(
            Situation { last: ended, now: at(60), retry: Some(&retry), ..situation() }.decide(),
            rest(Why::Failed)
        );
    }

    #[test]
    fn what_somebody_changed_is_put_back_at_once_and_then_ever_more_rarely() {
        let drifted = Situation { has_changed: false, has_drifted: true, ..situation() };
        assert_eq!(drifted.decide(), Decision::Heal);
        let no = Automated { self_heal: false, ..AUTOMATED };
        assert_eq!(Situation { automated: Some(&no), ..drifted.clone() }.decide(), NOTHING);
        let mut heals = Heals::default();
        let mut now = 0;
        for pause in [2, 6, 18, 54, 162, 300, 300] {
            heals = heals.and_one(at(now));
            let then = |second| Situation { now: at(second), heals, ..drifted.clone() }.decide();
            let due = at(now + pause);
            assert_eq!(then(now + pause - 1), Decision::Rest { why: Some(Why::Backoff), until: Some(due) });
            assert_eq!(then(now + pause), Decision::Heal);
            now += pause;
        }
        assert_eq!(heals.and_one(at(now + 3600)).count, 1, "after an hour it is another story");
    }

    #[test]
    fn durations_are_read_as_go_writes_them_and_seconds_beside() {
        let read = |text| duration_or_seconds(text).map(|time| time.as_millis());
        assert_eq!(read("5"), Some(5000));
        assert_eq!(read("1h30m"), Some(5_400_000));
        assert_eq!(read("1.5s"), Some(1500));
        assert_eq!(read("250ms"), Some(250));
        for wrong in ["", "s", "5x", "-5s", "1e9h", "99999999999999999999h"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
