//! Several replicas: each Application has one that cares for it, whoever dies, ends or is frozen.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::config_map;
use crate::world::Ground;

const APPLICATIONS: usize = 6;

fn name(index: usize) -> String {
    format!("app-{index}")
}

/// Writes the ConfigMap of each Application, and pushes.
fn write(ground: &Ground, value: &str) -> String {
    for index in 0..APPLICATIONS {
        ground.world.write(&format!("{}/config.yaml", name(index)), &config_map(&name(index), value));
    }
    ground.push()
}

fn until_all_are_synced(ground: &Ground, what: &str, commit: &str, value: &str) {
    ground.until(what, |ground| {
        (0..APPLICATIONS).all(|index| {
            let status = ground.status_of(&name(index));
            let is_synced = status["sync"]["status"] == "Synced" && status["sync"]["revision"] == commit;
            is_synced && ground.value(&name(index)).as_deref() == Some(value)
        })
    });
}

/// Numbers of releases, which a forked record would have twice.
fn releases(ground: &Ground, index: usize) -> Vec<u64> {
    let history = ground.status_of(&name(index))["history"].as_array().cloned().unwrap_or_default();
    history.iter().filter_map(|entry| entry["id"].as_u64()).collect()
}

#[test]
fn who_dies_or_sleeps_is_taken_over_from_and_nothing_is_done_twice() {
    let mut ground = Ground::new("ctl-many");
    let commit = write(&ground, "1");
    for _ in 0..3 {
        ground.start_with(&["--polling", "1", "--sharding"]);
    }
    for index in 0..APPLICATIONS {
        ground.create(&ground.another(&name(index)));
    }
    until_all_are_synced(&ground, "three replicas sync all", &commit, "1");

    ground.kill();
    let commit = write(&ground, "2");
    until_all_are_synced(&ground, "what the dead one had is taken over", &commit, "2");

    ground.freeze(true);
    let commit = write(&ground, "3");
    until_all_are_synced(&ground, "what the frozen one had is taken over", &commit, "3");
    ground.freeze(false);
    let commit = write(&ground, "4");
    until_all_are_synced(&ground, "it is back", &commit, "4");
    assert_eq!(ground.stop(), 0);
    let commit = write(&ground, "5");
    until_all_are_synced(&ground, "one is left", &commit, "5");
    ground.stays("nobody brings back what was", Duration::from_secs(3), |ground| {
        (0..APPLICATIONS).all(|index| ground.value(&name(index)).as_deref() == Some("5"))
    });
    for index in 0..APPLICATIONS {
        let numbers = releases(&ground, index);
        let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
        assert!(distinct.len() == numbers.len() && numbers.len() >= 5, "{numbers:?}");
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
}

#[test]
fn a_webhook_that_reaches_another_replica_is_heard() {
    let mut ground = Ground::new("ctl-news");
    let commit = write(&ground, "1");
    let listen = ["--polling", "0", "--sharding", "--listen", "127.0.0.1:0"];
    ground.start_with(&listen);
    ground.start_with(&["--polling", "0", "--sharding"]);
    for index in 0..APPLICATIONS {
        ground.create(&ground.another(&name(index)));
    }
    until_all_are_synced(&ground, "the first sync", &commit, "1");
    let address = crate::webhooks::address(&ground);
    let commit = write(&ground, "2");
    assert_eq!(crate::webhooks::push(&address, &ground.address(), ""), 200);
    until_all_are_synced(&ground, "both have heard of it", &commit, "2");
}
