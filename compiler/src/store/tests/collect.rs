//! What a collection keeps: what was used last, what builds in flight have used, what nobody can do without.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::model::Model;
use super::{graph, store};
use crate::canon::{Chunk, Id, Recipe};
use crate::store::{Keep, Store};

const HOUR: Duration = Duration::from_hours(1);
const ALL: Duration = Duration::MAX;

fn in_memory() -> (Arc<Model>, Store) {
    let model = Model::new();
    let store = Store::open_in(Path::new("/store"), model.clone()).expect("a store");
    (model, store)
}

fn has(store: &Store, chunk: &[u8]) -> bool {
    store.look_at_chunk(Id::<Chunk>::of(chunk)).is_some()
}

#[test]
fn what_was_not_used_for_long_goes() {
    let (model, store) = in_memory();
    store.put_chunk(b"old").expect("written");
    store.put_memo(Id::of(b"recipe"), b"used").expect("written");
    store.put_graph(&graph()).expect("written");
    model.wait(10 * HOUR);
    assert!(store.memo(Id::<Recipe>::of(b"recipe")).is_some() && store.has_graph(graph().id()));
    store.put_chunk(b"new").expect("written");
    store.verify(false).expect("looking is no use");
    let collected = store.collect(Keep { used_within: 10 * HOUR, max_bytes: None }).expect("collected");
    assert_eq!((collected.removed, collected.bytes, collected.kept), (1, 3, 3));
    assert!(!has(&store, b"old") && has(&store, b"new"));
}

#[test]
fn a_use_is_noted_once_an_hour() {
    let (model, store) = in_memory();
    store.put_chunk(b"chunk").expect("written");
    let steps = model.steps();
    for _ in 0..100 {
        model.wait(HOUR / 50);
        assert!(store.chunk(Id::of(b"chunk")).is_some());
    }
    assert_eq!(model.steps() - steps, 2);
}

#[test]
fn the_least_recently_used_goes_until_there_is_room() {
    let (model, store) = in_memory();
    for chunk in [b"1 first", b"2 third", b"3 forth"] {
        store.put_chunk(chunk).expect("written");
        model.wait(2 * HOUR);
    }
    assert!(store.chunk(Id::of(b"1 first")).is_some(), "used again");
    let max_bytes = |bytes| Keep { used_within: ALL, max_bytes: Some(bytes) };
    assert_eq!(store.collect(max_bytes(21)).expect("collected").removed, 0);
    let collected = store.collect(max_bytes(20)).expect("collected");
    assert_eq!((collected.removed, collected.kept, collected.kept_bytes), (1, 2, 14));
    assert!(has(&store, b"1 first") && !has(&store, b"2 third") && has(&store, b"3 forth"));
    assert_eq!(store.collect(max_bytes(0)).expect("collected").kept, 0);
}

#[test]
fn a_store_with_a_size_makes_room_by_itself_where_it_has_grown() {
    let (model, store) = in_memory();
    store.put_chunk(b"one").expect("written");
    model.wait(HOUR);
    store.put_chunk(b"two").expect("written");
    store.make_room().expect("no size is no limit");
    assert!(has(&store, b"one"));
    let store = store.with_max_bytes(Some(6));
    store.put_chunk(b"3").expect("written");
    store.make_room().expect("there is room now");
    assert!(!has(&store, b"one") && has(&store, b"two") && has(&store, b"3"));
    let smaller = store.with_max_bytes(Some(0));
    smaller.make_room().expect("nothing was written");
    assert!(has(&smaller, b"two"));
}

#[test]
fn what_a_build_in_flight_has_used_stays() {
    let (_folder, store) = store();
    store.put_chunk(b"used").expect("written");
    store.put_graph(&graph()).expect("written");
    let everything = Keep { used_within: Duration::ZERO, max_bytes: Some(0) };
    let building = store.begin_build();
    let another = Store::open(store.root().parent().expect("its folder")).expect("opened again").begin_build();
    for build in [building, another] {
        let collected = store.collect(everything).expect("collected");
        assert_eq!((collected.removed, collected.in_use), (0, 2));
        drop(build);
    }
    assert_eq!(store.collect(everything).expect("collected").removed, 2);
    assert_eq!(store.info().expect("counted").total().files, 0);
}

#[test]
fn what_the_dead_were_writing_goes_and_what_is_being_written_stays() {
    let (_folder, store) = store();
    std::fs::write(store.root().join("tmp/left-behind"), b"half").expect("written");
    let nothing = Keep { used_within: ALL, max_bytes: None };
    let writing = store.lock_for_writing().expect("locked");
    let error = store.collect_within(nothing, Duration::ZERO).expect_err("somebody is writing");
    assert_eq!(error.source.kind(), std::io::ErrorKind::ResourceBusy);
    assert_eq!(store.info().expect("counted").temporary.files, 1);
    drop(writing);
    let collected = store.collect(nothing).expect("collected");
    assert_eq!((collected.removed, collected.bytes), (1, 4));
}

#[test]
fn a_pinned_graph_stays_until_it_is_unpinned() {
    let (model, store) = in_memory();
    let id = graph().id();
    assert!(!store.pin(id).expect("looked"), "it is not there");
    store.put_graph(&graph()).expect("written");
    assert!(store.pin(id).expect("pinned") && store.pin(id).expect("pinned"), "twice is no harm");
    store.put_chunk(b"chunk").expect("written");
    model.wait(1000 * HOUR);
    let everything = Keep { used_within: Duration::ZERO, max_bytes: Some(0) };
    assert_eq!(store.collect(everything).expect("collected").removed, 1);
    assert!(store.look_at_graph(id).is_some() && store.pins().expect("listed").contains(&id));
    assert!(store.unpin(id).expect("unpinned") && !store.unpin(id).expect("unpinned"));
    assert_eq!(store.collect(everything).expect("collected").removed, 1);
}
