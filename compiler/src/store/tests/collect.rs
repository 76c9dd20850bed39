//! What a collection keeps: what was used last, what builds in flight have used, what nobody can do without.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use super::model::Model;
use super::{graph, store};
use crate::canon::{Chunk, Id, Recipe};
use crate::store::files::Files as _;
use crate::store::{CollectedMirrors, Count, Keep, Mirror, MirrorCount, Mirrors, Store, TakenAway};

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

/// Mirrors in memory.
#[derive(Debug, Default)]
struct Beside(Mutex<Folder>);

#[derive(Debug, Default)]
struct Folder {
    mirrors: BTreeMap<String, Mirror>,
    in_use: BTreeSet<String>,
    /// Those that are used as soon as somebody has looked at them.
    soon: BTreeSet<String>,
    /// What was taken away and is not free yet, and what the dead left.
    left: Count,
}

impl Beside {
    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.0.lock().expect("not poisoned")
    }

    fn put(&self, name: &str, used: SystemTime, bytes: u64) {
        let mirror = Mirror { name: name.into(), used, count: Count { files: 10, bytes } };
        self.folder().mirrors.insert(name.to_owned(), mirror);
    }

    fn names(&self) -> Vec<String> {
        self.folder().mirrors.keys().cloned().collect()
    }
}

impl Mirrors for Beside {
    fn folder(&self) -> &Path {
        Path::new("/mirrors")
    }

    fn list(&self) -> io::Result<Vec<Mirror>> {
        Ok(self.folder().mirrors.values().cloned().collect())
    }

    fn take_away(&self, mirror: &Mirror) -> io::Result<TakenAway> {
        let mut folder = self.folder();
        let name = mirror.name.to_string_lossy().into_owned();
        if folder.in_use.contains(&name) {
            return Ok(TakenAway::InUse);
        }
        if folder.soon.contains(&name) {
            return Ok(TakenAway::UsedSince);
        }
        let taken = folder.mirrors.remove(&name).expect("it was listed");
        folder.left += taken.count;
        Ok(TakenAway::Gone)
    }

    fn left_behind(&self) -> io::Result<Count> {
        Ok(self.folder().left)
    }

    fn sweep(&self) -> io::Result<Count> {
        Ok(std::mem::take(&mut self.folder().left))
    }
}

fn with_mirrors() -> (Arc<Model>, Arc<Beside>, Store) {
    let ((model, store), beside) = (in_memory(), Arc::new(Beside::default()));
    let store = store.with_mirrors(Arc::clone(&beside) as _);
    (model, beside, store)
}

#[test]
fn mirrors_that_were_not_used_for_long_go_and_those_in_use_do_not() {
    let (model, beside, store) = with_mirrors();
    for (name, bytes) in [("old", 3), ("read", 5), ("soon", 7)] {
        beside.put(name, model.now(), bytes);
    }
    beside.folder().in_use.insert("read".to_owned());
    beside.folder().soon.insert("soon".to_owned());
    store.put_chunk(b"old").expect("written");
    model.wait(10 * HOUR);
    beside.put("new", model.now(), 11);
    assert_eq!(store.info().expect("counted").mirrors, MirrorCount { repositories: 4, files: 40, bytes: 26 });
    assert_eq!(store.info().expect("counted").total().bytes, 29);
    let collected = store.collect(Keep { used_within: 10 * HOUR, max_bytes: None }).expect("collected");
    let mirrors = CollectedMirrors { removed: 1, bytes: 3, kept: 3, kept_bytes: 23, in_use: 1 };
    assert_eq!((collected.removed, collected.kept, collected.in_use, collected.mirrors), (1, 0, 0, mirrors));
    assert_eq!(beside.names(), ["new", "read", "soon"]);
    assert_eq!(beside.folder().left, Count::default(), "what it took up is free");
}

#[test]
fn what_the_dead_left_among_mirrors_is_counted_and_freed() {
    let (_, beside, store) = with_mirrors();
    let left = Count { files: 3, bytes: 70 };
    beside.folder().left = left;
    let info = store.info().expect("counted");
    assert_eq!((info.temporary, info.total(), info.mirrors), (left, left, MirrorCount::default()));
    let collected = store.collect(Keep { used_within: ALL, max_bytes: None }).expect("collected");
    assert_eq!((collected.removed, collected.bytes, collected.mirrors), (3, 70, CollectedMirrors::default()));
    assert_eq!(beside.folder().left, Count::default());
}

/// A collection that cannot say what there is says so, and where.
#[test]
fn mirrors_that_cannot_be_read_are_an_error_that_names_their_folder() {
    #[derive(Debug)]
    struct Unreadable;
    impl Mirrors for Unreadable {
        fn folder(&self) -> &Path {
            Path::new("/mirrors")
        }
        fn list(&self) -> io::Result<Vec<Mirror>> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
        fn left_behind(&self) -> io::Result<Count> {
            Ok(Count::default())
        }
        fn take_away(&self, _: &Mirror) -> io::Result<TakenAway> {
            Ok(TakenAway::Gone)
        }
        fn sweep(&self) -> io::Result<Count> {
            Ok(Count::default())
        }
    }
    let (_, store) = in_memory();
    let store = store.with_mirrors(Arc::new(Unreadable));
    for error in [
        store.info().expect_err("what is there is not known"),
        store.collect(Keep { used_within: ALL, max_bytes: Some(0) }).expect_err("nothing can be said to fit"),
    ] {
        assert!(error.to_string().contains("/mirrors"), "{error}");
    }
}

#[test]
fn mirrors_count_against_the_size_and_go_in_their_turn() {
    let (model, beside, store) = with_mirrors();
    store.put_chunk(b"1 first").expect("written");
    model.wait(2 * HOUR);
    beside.put("2 second", model.now(), 100);
    model.wait(2 * HOUR);
    store.put_chunk(b"3 third").expect("written");
    model.wait(2 * HOUR);
    beside.put("4 fourth", model.now(), 50);
    model.wait(2 * HOUR);
    let max_bytes = |bytes| Keep { used_within: ALL, max_bytes: Some(bytes) };
    let removed = |bytes| {
        let collected = store.collect(max_bytes(bytes)).expect("collected");
        (collected.removed, collected.mirrors.removed, collected.kept_bytes + collected.mirrors.kept_bytes)
    };
    assert_eq!(removed(164), (0, 0, 164));
    assert_eq!(removed(163), (1, 0, 157));
    assert_eq!(removed(156), (0, 1, 57));
    assert_eq!(removed(0), (1, 1, 0));
    assert!(beside.names().is_empty());
}

#[test]
fn a_mirror_that_has_grown_makes_the_next_build_make_room() {
    let (model, beside, store) = with_mirrors();
    let store = store.with_max_bytes(Some(10));
    beside.put("large", model.now(), 11);
    model.wait(3 * HOUR);
    store.make_room().expect("nobody has written");
    assert_eq!(beside.names().len(), 1);
    store.note_growth();
    store.make_room().expect("there is room now");
    assert!(beside.names().is_empty());
}

#[test]
fn while_builds_are_in_flight_mirrors_that_were_used_lately_stay() {
    // With locks, which are on a disk only.
    let ((_folder, store), beside) = (store(), Arc::new(Beside::default()));
    let store = store.with_mirrors(Arc::clone(&beside) as _);
    let now = SystemTime::now();
    beside.put("old", now.checked_sub(3 * HOUR).expect("a time"), 1);
    beside.put("new", now, 1);
    let building = store.begin_build();
    let nothing = Keep { used_within: Duration::ZERO, max_bytes: None };
    let mirrors = store.collect(nothing).expect("collected").mirrors;
    assert_eq!((mirrors.removed, mirrors.in_use), (1, 1));
    assert_eq!(beside.names(), ["new"]);
    drop(building);
    assert_eq!(store.collect(nothing).expect("collected").mirrors.removed, 1);
}
