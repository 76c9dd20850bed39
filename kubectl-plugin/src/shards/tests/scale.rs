//! The figures of docs/scale.md: how 50,000 applications spread over replicas, what moves, and how long an application is
//! without an owner when replicas come and go. They are computed again here, and must be those of the page;
//! `UPDATE_DOCS=1` writes them there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::world::{CALM, SECOND, World};
use crate::shards::membership::Timing;
use crate::shards::rendezvous::owner;

const APPLICATIONS: usize = 50_000;

fn members(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("member-{number}")).collect()
}

fn owners(members: &[String]) -> Vec<&str> {
    let of = |application| owner(&format!("uid-{application}"), members.iter().map(String::as_str)).expect("a member");
    (0..APPLICATIONS).map(of).collect()
}

fn percent(part: usize) -> String {
    let tenths = (part * 1000 + APPLICATIONS / 2) / APPLICATIONS;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// How the applications spread, and what moves when a member more comes: what it takes, and no more.
fn spread() -> String {
    let mut table =
        String::from("| replicas | fewest | even | most | move when one more comes |\n|--:|--:|--:|--:|--:|\n");
    for count in [1, 2, 3, 5, 10, 20] {
        let more = members(count + 1);
        let (before, after) = (owners(&more[..count]), owners(&more));
        let mut owned = BTreeMap::<&str, usize>::new();
        for owner in &before {
            *owned.entry(*owner).or_default() += 1;
        }
        let moved = before.iter().zip(&after).filter(|(before, after)| before != after);
        let moved =
            moved.inspect(|(_, after)| assert_eq!(**after, more[count], "between the others nothing moves")).count();
        let (fewest, most) = (owned.values().min().unwrap_or(&0), owned.values().max().unwrap_or(&0));
        let _ = writeln!(table, "| {count} | {fewest} | {} | {most} | {} |", APPLICATIONS / count, percent(moved));
    }
    table
}

/// What happens to a group of five.
#[derive(Clone, Copy)]
enum Change {
    Comes,
    Leaves,
    Dies,
    Freezes,
}

/// Longest time in tenths of a second that an application was without an owner, of those that had one.
fn pauses(change: Change) -> Vec<u64> {
    let applications: Vec<String> = (0..12).map(|number| format!("uid-{number}")).collect();
    let mut pauses = Vec::new();
    for seed in 0..10 {
        let mut world = World::new(seed, Timing::default(), CALM);
        let replicas: Vec<usize> = (0..5).map(|_| world.join()).collect();
        pass(&mut world, 20 * SECOND, &applications);
        assert!(applications.iter().all(|application| world.owners(application).len() == 1));
        let moment = world.below(2 * SECOND);
        pass(&mut world, moment, &applications);
        match change {
            Change::Comes => drop(world.join()),
            Change::Leaves => world.leave(replicas[0]),
            Change::Dies => world.kill(replicas[0]),
            Change::Freezes => world.freeze(replicas[0], 30 * SECOND),
        }
        pauses.push(pass(&mut world, 25 * SECOND, &applications));
    }
    pauses.sort_unstable();
    pauses
}

/// Lets time pass; returns how long the application was without an owner that was so for longest, in tenths of a second.
fn pass(world: &mut World, time: u64, applications: &[String]) -> u64 {
    let (end, mut missing, mut longest) = (world.now + time, vec![0; applications.len()], 0);
    while world.now < end {
        let next = (world.now + SECOND / 10).min(end);
        while world.now < next {
            world.step(next);
        }
        for (application, missing) in applications.iter().zip(&mut missing) {
            let owners = world.owners(application).len();
            assert!(owners <= 1);
            *missing = if owners == 0 { *missing + 1 } else { 0 };
            longest = longest.max(*missing);
        }
    }
    longest
}

/// How long the changes take.
fn hand_overs() -> String {
    let mut table = String::from("| a replica | median | longest |\n|---|--:|--:|\n");
    for (what, change) in
        [("ends well", Change::Leaves), ("dies", Change::Dies), ("freezes", Change::Freezes), ("comes", Change::Comes)]
    {
        let pauses = pauses(change);
        let (median, longest) = (pauses[pauses.len() / 2], pauses[pauses.len() - 1]);
        let _ = writeln!(table, "| {what} | {}.{} s | {}.{} s |", median / 10, median % 10, longest / 10, longest % 10);
    }
    table
}

#[test]
fn the_figures_of_the_page_are_those_that_come_out() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let mut expected = page.clone();
    for (name, table) in [("spread", spread()), ("hand-over", hand_overs())] {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (before, rest) = expected.split_once(&begin).expect("the beginning of the table");
        let (_, after) = rest.split_once(&end).expect("its end");
        expected = format!("{before}{begin}{table}{end}{after}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).expect("written");
    } else {
        assert_eq!(page, expected, "run the test with UPDATE_DOCS=1");
    }
}
