//! The cache in a real Redis, as stores of several replicas have it: what comes of it, who may speak to it, and what happens
//! where it is killed, emptied, or filled by somebody who means harm.

mod harm;
mod reach;
mod replica;

use redis::Commands as _;

use replica::{Replica, World, application, reference, same};

#[test]
fn what_one_replica_compiled_another_has() {
    let world = World::new();
    let (first, second) = (Replica::new(&world.settings()), Replica::new(&world.settings()));
    let made = first.compile(&application(1));
    assert!(!made.memoised);
    first.wait_until_stored(2);
    let found = second.compile(&application(1));
    assert!(found.memoised, "{:?}", second.cache.counts());
    same(&found, &made);
    // What is known once is not asked for again.
    let asked = second.cache.counts();
    assert!(second.compile(&application(1)).memoised);
    assert_eq!(second.cache.counts(), asked);
    assert_eq!((asked.hits, asked.refused, asked.failed), (2, 0, 0));
}

#[test]
fn names_tell_nothing_and_values_live_for_a_day_after_their_last_use() {
    let world = World::new();
    let replica = Replica::new(&world.settings());
    let made = replica.compile(&application(1));
    replica.wait_until_stored(2);
    let mut redis = world.client();
    let names: Vec<String> = redis.keys("*").expect("it answers");
    assert_eq!(names.len(), 2, "{names:?}");
    for name in &names {
        assert!(name.starts_with("kubectl-gitops|v1|memo|") || name.starts_with("kubectl-gitops|v1|graph|"), "{name}");
        assert!(!name.contains(&made.graph.id().to_string()) && !name.contains(&made.recipe.to_string()), "{name}");
        let life: i64 = redis.ttl(name).expect("it answers");
        assert!((86_000..=86_400).contains(&life), "{life}");
        let _: () = redis.expire(name, 1000).expect("it answers");
    }
    assert!(Replica::new(&world.settings()).compile(&application(1)).memoised);
    for name in &names {
        let life: i64 = redis.ttl(name).expect("it answers");
        assert!(life > 86_000, "{life}");
    }
}

#[test]
fn an_application_with_a_secret_leaves_no_trace() {
    let world = World::new();
    let replica = Replica::new(&world.settings());
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";
    let mut files = application(1);
    files.insert("secret.yaml".to_owned(), secret.as_bytes().to_vec());
    let made = replica.compile(&files);
    same(&made, &reference(&files));
    // Another, so that whatever was under way is there.
    replica.compile(&application(2));
    replica.wait_until_stored(2);
    let names: Vec<String> = world.client().keys("*").expect("it answers");
    assert_eq!(names.len(), 2, "those of the other: {names:?}");
    assert_eq!(replica.cache.counts().withheld, 2);
}
