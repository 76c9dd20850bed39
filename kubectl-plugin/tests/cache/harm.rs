//! Redis killed, emptied, and filled by somebody who knows its password but not our key. What is compiled is always the
//! same, and what was refused is counted.

use std::sync::atomic::{AtomicBool, Ordering};

use gitops_testdata::random::SplitMix64;
use redis::Commands as _;

use crate::replica::{Files, Replica, World, application, reference, same};

/// All that is in a Redis.
fn all(redis: &mut redis::Connection) -> Vec<(String, Vec<u8>)> {
    let names: Vec<String> = redis.keys("*").expect("it answers");
    let value = |name: String| {
        let value = redis.get(&name).expect("it answers");
        (name, value)
    };
    names.into_iter().map(value).collect()
}

/// Compiles where the cache holds harm: the result is right. Says how much was refused.
fn refused(world: &World, files: &Files) -> u64 {
    // A busy machine may make Redis late; what was refused then is not known.
    for _ in 0..20 {
        let replica = Replica::new(&world.settings());
        let made = replica.compile(files);
        same(&made, &reference(files));
        if replica.cache.counts().failed == 0 {
            if !made.memoised {
                replica.wait_until_stored(2);
            }
            return replica.cache.counts().refused;
        }
    }
    panic!("Redis does not answer");
}

/// How much is refused when both versions are compiled.
fn refused_of_both(world: &World) -> u64 {
    refused(world, &application(1)) + refused(world, &application(2))
}

/// A world in which two versions were compiled, and what is stored of them.
fn filled() -> (World, redis::Connection, Vec<(String, Vec<u8>)>) {
    let world = World::new();
    let replica = Replica::new(&world.settings());
    for version in [1, 2] {
        replica.compile(&application(version));
    }
    replica.wait_until_stored(4);
    let mut redis = world.client();
    let stored = all(&mut redis);
    assert_eq!(stored.len(), 4);
    (world, redis, stored)
}

#[test]
fn a_byte_that_changed_is_refused() {
    let (world, mut redis, stored) = filled();
    let mut random = SplitMix64::new(1);
    for (name, value) in &stored {
        // All of the head and of the MAC, and some of the rest.
        let rest: Vec<usize> = (0..8).map(|_| random.below(value.len())).collect();
        for at in (0..33).step_by(4).chain(rest) {
            let mut changed = value.clone();
            changed[at] ^= 1 << random.below(8);
            let _: () = redis.set(name, &changed).expect("it answers");
            assert_eq!(refused_of_both(&world), 1, "byte {at} of {name}");
            restore(&mut redis, &stored);
        }
        for cut in [&value[..0], &value[..1], &value[..33], &value[..value.len() - 1], &[&value[..], b"x"].concat()] {
            let _: () = redis.set(name, cut).expect("it answers");
            // What is empty is as good as not there.
            assert_eq!(refused_of_both(&world), u64::from(!cut.is_empty()), "{} bytes of {name}", cut.len());
            restore(&mut redis, &stored);
        }
    }
}

/// Puts back what was there, and nothing else, whatever was compiled meanwhile.
fn restore(redis: &mut redis::Connection, stored: &[(String, Vec<u8>)]) {
    let _: () = redis.flushdb().expect("it answers");
    add(redis, stored);
}

fn add(redis: &mut redis::Connection, stored: &[(String, Vec<u8>)]) {
    for (name, value) in stored {
        let _: () = redis.set(name, value).expect("it answers");
    }
}

#[test]
fn a_value_of_another_key_is_refused_though_it_is_whole() {
    let (world, mut redis, stored) = filled();
    // Each in the place of each other: a graph of the other version, its memo, and either for the other.
    for (name, _) in &stored {
        for (other, value) in &stored {
            if name != other {
                let _: () = redis.set(name, value).expect("it answers");
                assert_eq!(refused_of_both(&world), 1, "{other} as {name}");
                restore(&mut redis, &stored);
            }
        }
    }
}

#[test]
fn values_of_another_secret_are_not_found_and_not_believed() {
    let (world, mut redis, ours) = filled();
    let stranger = Replica::with_key(&world.settings(), [7; 32]);
    assert!(!stranger.compile(&application(1)).memoised);
    stranger.wait_until_stored(2);
    assert_eq!((stranger.cache.counts().hits, stranger.cache.counts().refused), (0, 0), "it has other names");
    // A graph and a memo that are well-formed, under names of ours.
    let theirs: Vec<_> = all(&mut redis).into_iter().filter(|entry| !ours.contains(entry)).collect();
    assert_eq!(theirs.len(), 2);
    for (name, value) in &theirs {
        let kind = |name: &str| name.rsplit_once('|').map(|(kind, _)| kind.to_owned());
        for (of_ours, _) in ours.iter().filter(|(of_ours, _)| kind(of_ours) == kind(name)) {
            let _: () = redis.set(of_ours, value).expect("it answers");
        }
    }
    // The memo, and so nobody asks for the graph.
    assert_eq!(refused(&world, &application(1)), 1, "a foreign memo");
    assert_eq!(refused(&world, &application(2)), 1, "a foreign memo");
}

#[test]
fn what_was_kept_from_before_and_put_back_says_nothing_new() {
    let (world, mut redis, before) = filled();
    let _: () = redis.flushdb().expect("it answers");
    let replica = Replica::new(&world.settings());
    replica.compile(&application(3));
    replica.wait_until_stored(2);
    let now = all(&mut redis);
    // Under their own names they are still true, and of other files than those of now.
    add(&mut redis, &before);
    assert_eq!(refused(&world, &application(3)), 0, "values of other versions beside it");
    // Under the names of now they are refused.
    for (name, _) in &now {
        for (_, value) in &before {
            let _: () = redis.set(name, value).expect("it answers");
            assert_eq!(refused(&world, &application(3)), 1, "an older value");
            restore(&mut redis, &now);
        }
    }
}

#[test]
fn things_that_are_no_values_are_refused() {
    let (world, mut redis, stored) = filled();
    for (name, _) in &stored {
        let _: () = redis.del(name).and_then(|()| redis.rpush(name, "x")).expect("it answers");
    }
    assert_eq!(refused(&world, &application(1)), 1, "a list");
    for (name, _) in &stored {
        let _: () = redis.del(name).and_then(|()| redis.setrange(name, 17 << 20, "x")).expect("it answers");
    }
    assert_eq!(refused(&world, &application(2)), 1, "longer than any value");
}

#[test]
fn killed_emptied_and_poisoned_while_replicas_compile() {
    let mut world = World::new();
    let expected: Vec<_> = (0..6).map(|version| reference(&application(version))).collect();
    let settings = world.settings();
    let (mut hits, mut refused, mut round) = (0, 0, 0);
    // Until all of it has happened.
    while hits < 50 || refused < 10 {
        round += 1;
        assert!(round < 200, "{hits} hits, {refused} refused");
        let is_over = AtomicBool::new(false);
        let counts = std::thread::scope(|scope| {
            let compiling = (0..2).map(|thread| {
                let (settings, expected) = (&settings, &expected);
                scope.spawn(move || {
                    let mut sum = (0, 0);
                    for step in 0..24 {
                        // A replica that has nothing yet.
                        let replica = Replica::new(settings);
                        let version = (step + thread) % expected.len();
                        same(&replica.compile(&application(version)), &expected[version]);
                        let counts = replica.cache.counts();
                        sum = (sum.0 + counts.hits, sum.1 + counts.refused);
                    }
                    sum
                })
            });
            let compiling: Vec<_> = compiling.collect();
            let harm = scope.spawn(|| do_harm(&world, round, &is_over));
            let sums: Vec<(u64, u64)> = compiling.into_iter().map(|thread| thread.join().expect("no panic")).collect();
            is_over.store(true, Ordering::SeqCst);
            harm.join().expect("no panic");
            sums
        });
        hits += counts.iter().map(|(hits, _)| hits).sum::<u64>();
        refused += counts.iter().map(|(_, refused)| refused).sum::<u64>();
        if round % 3 == 0 {
            world.server.stop();
            let replica = Replica::new(&settings);
            same(&replica.compile(&application(0)), &expected[0]);
            assert!(replica.cache.counts().hits == 0 && replica.cache.counts().failed > 0);
            world.server.start_again().expect("Redis starts");
        }
    }
}

/// Empties, swaps, flips and holds up, until told to stop.
fn do_harm(world: &World, round: u64, is_over: &AtomicBool) {
    let (mut redis, mut random) = (world.client(), SplitMix64::new(round));
    while !is_over.load(Ordering::SeqCst) {
        std::thread::sleep(std::time::Duration::from_millis(3));
        let names: Vec<String> = redis.keys("*").expect("it answers");
        if names.is_empty() {
            continue;
        }
        let (one, other) = (&names[random.below(names.len())], &names[random.below(names.len())]);
        match random.below(16) {
            0 => redis.flushdb().expect("it answers"),
            1 => redis::cmd("CLIENT").arg("PAUSE").arg(20).arg("ALL").exec(&mut redis).expect("it answers"),
            2..6 => {
                let value: Vec<u8> = redis.get(one).expect("it answers");
                let _: () = redis.set(other, value).expect("it answers");
            }
            6..10 => {
                let mut value: Vec<u8> = redis.get(one).expect("it answers");
                if !value.is_empty() {
                    let at = random.below(value.len());
                    value[at] ^= 1 << random.below(8);
                    let _: () = redis.set(one, value).expect("it answers");
                }
            }
            _ => {}
        }
    }
}
