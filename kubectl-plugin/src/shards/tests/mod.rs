//! Sharding in simulated time: never two owners, always one in the end; and the figures of docs/scale.md.

mod scale;
mod world;

use std::time::Duration;

use super::membership::{Membership, Seen, Standing, Time, Timing};
use world::{CALM, SECOND, STORM, World};

/// Applications that are looked at.
const APPLICATIONS: [&str; 4] = ["a", "b", "c", "d"];

/// Lets time pass, and looks who owns what at each event and often between; says where two own one application.
fn run(world: &mut World, until: u64) -> Result<(), String> {
    while world.now < until {
        // Who begins to own something does so at an event, or when its wait is over.
        let next = (world.now + SECOND / 5).min(until);
        world.step(next);
        for application in APPLICATIONS {
            let owners = world.owners(application);
            if owners.len() > 1 {
                return Err(format!("{application} is owned by {owners:?} at {}", world.now));
            }
        }
    }
    Ok(())
}

/// A random history of members that come, go, freeze and die, while messages take long and get lost.
fn history(seed: u64, timing: Timing) -> Result<World, String> {
    let mut world = World::new(seed, timing, STORM);
    for _ in 0..3 {
        world.join();
    }
    for _ in 0..30 {
        let pause = world.now + world.below(8 * SECOND);
        run(&mut world, pause)?;
        let number = usize::try_from(world.below(world.count() as u64)).expect("it fits");
        match world.below(8) {
            0 | 1 => drop(world.join()),
            2 => world.kill(number),
            3 if world.is_working(number) => world.leave(number),
            4 => world.delete_lease(number),
            5 | 6 => {
                let time = world.below(20 * SECOND);
                world.freeze(number, time);
            }
            _ => {}
        }
    }
    Ok(world)
}

#[test]
fn there_are_never_two_owners_and_in_the_end_there_is_one() {
    for seed in 0..40 {
        let mut world = history(seed, Timing::default()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        world.join();
        world.set_weather(world::Weather { drift: STORM.drift, ..CALM });
        // What was under way arrives, whoever was frozen wakes up, and all of them join.
        let calm = world.now + 60 * SECOND;
        run(&mut world, calm).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let working: Vec<usize> = (0..world.count()).filter(|number| world.is_working(*number)).collect();
        assert!(working.iter().all(|number| world.standing(*number) == Standing::Member), "seed {seed}");
        for application in APPLICATIONS {
            assert_eq!(world.owners(application).len(), 1, "seed {seed}: {application}");
        }
    }
}

/// What the rules are there for: without any of them the same histories find two owners.
#[test]
fn each_of_the_times_is_needed() {
    let right = Timing::default();
    let of = Duration::from_secs;
    for (what, wrong) in [
        ("lost before the fence", Timing { lost: of(3), ..right }),
        ("no wait of those who come", Timing { join: of(0), ..right }),
        ("no fence", Timing { fence: of(60), ..right }),
    ] {
        let found = (0..200).find_map(|seed| history(seed, wrong).err());
        assert!(found.is_some(), "{what}: no history has two owners");
    }
}

/// Seconds, of a clock that all have.
#[derive(Debug, Clone, Copy)]
struct At(f64);

impl Time for At {
    fn at_most_since(self, before: Self) -> Duration {
        Duration::from_secs_f64((self.0 - before.0).max(0.0))
    }

    fn at_least_since(self, before: Self) -> Duration {
        self.at_most_since(before)
    }
}

fn lease(name: &str, version: u64) -> Seen {
    Seen { name: name.to_owned(), version: version.to_string(), is_released: false }
}

/// A member alone at second 0, which has seen `others`.
fn member(others: &[Seen]) -> Membership<At> {
    let mut membership = Membership::new("us", Timing::default());
    membership.renewed(At(0.0), At(0.0));
    membership.observe(others, At(0.0), At(0.0));
    membership
}

/// Renews and looks every second from `from` to `to`, and always sees this.
fn go_on(membership: &mut Membership<At>, others: &[Seen], from: u32, to: u32) {
    for second in from..=to {
        let now = At(f64::from(second));
        membership.renewed(now, now);
        membership.observe(others, now, now);
    }
}

fn names(membership: &Membership<At>) -> Vec<&str> {
    membership.members().collect()
}

#[test]
fn who_comes_waits_and_who_is_cut_off_stops_by_itself() {
    let mut membership = member(&[]);
    assert_eq!(membership.standing(At(0.0)), Standing::Joining);
    go_on(&mut membership, &[], 1, 8);
    assert_eq!(membership.standing(At(7.9)), Standing::Joining);
    assert_eq!(membership.standing(At(8.0)), Standing::Member);
    assert!(membership.owns("a", At(13.9)));
    assert!(!membership.owns("a", At(14.0)), "by the time alone");
    // A renewal alone does not help: the others must be seen, too.
    membership.renewed(At(13.5), At(13.6));
    assert_eq!(membership.standing(At(14.0)), Standing::CutOff);
    membership.observe(&[], At(14.0), At(14.1));
    assert_eq!(membership.standing(At(14.1)), Standing::Member, "it was renewed in time ever after");
}

#[test]
fn who_was_cut_off_comes_as_somebody_new() {
    let mut membership = member(&[]);
    go_on(&mut membership, &[], 1, 8);
    // Asked in time, and acknowledged too late.
    membership.renewed(At(13.9), At(14.1));
    membership.observe(&[], At(13.9), At(14.1));
    assert_eq!(membership.standing(At(14.1)), Standing::Joining);
    go_on(&mut membership, &[], 15, 22);
    assert_eq!(membership.standing(At(22.0)), Standing::Joining);
    assert_eq!(membership.standing(At(22.1)), Standing::Member);
    membership.lapse();
    assert_eq!(membership.standing(At(22.1)), Standing::CutOff);
}

#[test]
fn a_member_is_lost_when_its_lease_stays_as_it_is() {
    let mut membership = member(&[lease("a", 1)]);
    go_on(&mut membership, &[lease("a", 1)], 1, 7);
    assert_eq!(names(&membership), ["us", "a"]);
    go_on(&mut membership, &[lease("a", 2)], 8, 15);
    assert_eq!(names(&membership), ["us", "a"], "it was renewed");
    go_on(&mut membership, &[lease("a", 2)], 16, 16);
    assert_eq!(names(&membership), ["us"]);
    go_on(&mut membership, &[lease("a", 2)], 17, 30);
    assert_eq!(names(&membership), ["us"], "what lies there is no life");
    go_on(&mut membership, &[lease("a", 3)], 31, 31);
    assert_eq!(names(&membership), ["us", "a"], "it came back");
}

#[test]
fn a_lease_that_is_gone_says_no_more_than_one_that_is_not_renewed() {
    let mut membership = member(&[lease("a", 1)]);
    go_on(&mut membership, &[], 5, 12);
    assert_eq!(names(&membership), ["us", "a"], "it may have been renewed just before it was deleted");
    go_on(&mut membership, &[], 13, 13);
    assert_eq!(names(&membership), ["us"]);
}

#[test]
fn a_list_that_was_asked_for_before_says_nothing_of_now() {
    let mut membership = member(&[lease("a", 1)]);
    membership.observe(&[lease("a", 1)], At(7.9), At(20.0));
    assert_eq!(names(&membership), ["us", "a"], "answered late");
    membership.observe(&[lease("a", 1)], At(8.0), At(21.0));
    assert_eq!(names(&membership), ["us"]);
}

#[test]
fn a_lease_that_was_given_up_is_gone_at_once_and_old_ones_may_be_deleted() {
    let mut membership = member(&[lease("a", 1), lease("b", 1)]);
    let released = Seen { is_released: true, ..lease("a", 2) };
    go_on(&mut membership, &[released.clone(), lease("b", 1)], 1, 1);
    assert_eq!(names(&membership), ["us", "b"]);
    go_on(&mut membership, &[released.clone(), lease("b", 1)], 2, 60);
    assert_eq!(names(&membership), ["us"]);
    assert_eq!(membership.forgettable(At(60.0)).count(), 0);
    assert_eq!(membership.forgettable(At(61.0)).collect::<Vec<_>>(), [("a", "2")]);
    assert_eq!(membership.forgettable(At(68.0)).collect::<Vec<_>>(), [("a", "2"), ("b", "1")]);
    go_on(&mut membership, &[lease("b", 2)], 69, 69);
    assert_eq!(membership.forgettable(At(1000.0)).count(), 0, "one is deleted, the other came back");
}
