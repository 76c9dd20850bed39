//! What is written comes back, and what was changed since does not.

use std::fs;

use super::{graph, store};
use crate::canon::{Chunk, Id, Recipe};

#[test]
fn graphs_come_back() {
    let (_folder, store) = store();
    let graph = graph();
    assert_eq!(store.graph(graph.id()), None);
    store.put_graph(&graph).expect("written");
    assert_eq!(store.graph(graph.id()), Some(graph));
}

#[test]
fn each_flipped_byte_is_found() {
    let (_folder, store) = store();
    let graph = graph();
    store.put_graph(&graph).expect("written");
    store.put_memo(Id::of(b"recipe"), b"entry").expect("written");
    store.put_chunk(b"chunk").expect("written");
    let graph_path = store.path("graphs", graph.id());
    let memo_path = store.path("memo", Id::<Recipe>::of(b"recipe"));
    let chunk_path = store.path("chunks", Id::<Chunk>::of(b"chunk"));
    for path in [graph_path, memo_path, chunk_path] {
        let whole = fs::read(&path).expect("read");
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 1;
            fs::write(&path, &damaged).expect("written");
            // A flipped bit that zstd does not look at changes nothing: what comes back is the true graph or none.
            assert!(store.graph(graph.id()).is_none_or(|read| read == graph));
            let wrong = store.memo(Id::of(b"recipe")).is_some_and(|entry| entry != b"entry");
            assert!(!wrong && store.chunk(Id::of(b"chunk")).is_none_or(|chunk| chunk == b"chunk"));
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("written");
            assert!(store.graph(graph.id()).is_none_or(|read| read == graph));
            assert!(store.memo(Id::of(b"recipe")).is_none_or(|entry| entry == b"entry"));
        }
        fs::write(&path, &whole).expect("written");
    }
}

#[test]
fn an_entry_under_another_recipe_is_refused() {
    let (_folder, store) = store();
    store.put_memo(Id::of(b"one"), b"entry").expect("written");
    fs::copy(store.path("memo", Id::<Recipe>::of(b"one")), store.path("memo", Id::<Recipe>::of(b"two")))
        .expect("copied");
    assert_eq!(store.memo(Id::of(b"two")), None);
}

#[test]
fn damage_is_found_and_repaired() {
    let (_folder, store) = store();
    store.put_chunk(b"one").expect("written");
    store.put_chunk(b"two").expect("written");
    fs::write(store.path("chunks", Id::<Chunk>::of(b"one")), b"none").expect("written");
    fs::write(store.root().join("graphs/notes.txt"), b"no graph").expect("written");
    let damaged = [format!("chunks/{}", Id::<Chunk>::of(b"one")), "graphs/notes.txt".to_owned()];
    assert_eq!(store.verify(false).expect("verified").damaged, damaged);
    let verified = store.verify(true).expect("verified");
    assert_eq!((verified.whole, &verified.damaged[..]), (1, &damaged[..]));
    assert_eq!(store.verify(false).expect("verified").damaged, Vec::<String>::new());
    assert_eq!(store.info().expect("counted").total().files, 1);
}
