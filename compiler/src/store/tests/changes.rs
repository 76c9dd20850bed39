//! Graphs that are kept as changes of others: read only as what they are, kept as long as it takes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::model::Model;
use super::store;
use crate::canon::Value;
use crate::diagnostic::Origin;
use crate::graph::{Body, Change, ResourceGraph};
use crate::manifest;
use crate::store::{Keep, Store};

const HOUR: Duration = Duration::from_hours(1);

/// A graph of two objects, one of which has this value.
fn graph(value: &str) -> ResourceGraph {
    let object = |name: &str, value: &str| {
        let body = serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value},
        });
        let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
        manifest::objects(body.into(), &origin, &mut Vec::new())
    };
    let manifests = [object("a", "same"), object("b", value)].concat();
    ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
}

fn change(base: &ResourceGraph, graph: &ResourceGraph) -> Change {
    let mut change = Change::of(base.id());
    change.set(1, graph.resources()[1].body.clone());
    change
}

#[test]
fn a_change_comes_back_as_the_whole_graph() {
    let (_folder, store) = store();
    let (base, graph) = (graph("one"), graph("two"));
    let change = change(&base, &graph);
    assert!(!store.put_change(graph.id(), &change).expect("asked"), "there is nothing to change");
    store.put_graph(&base).expect("written");
    assert!(store.put_change(graph.id(), &change).expect("written"));
    assert_eq!(store.graph(graph.id()), Some(graph.clone()));
    assert!(store.has_graph(graph.id()) && store.verify(false).expect("verified").damaged.is_empty());
    let reader = store.clone().with_last_graph();
    assert_eq!(reader.graph(base.id()), Some(base.clone()));
    fs::remove_file(store.path("graphs", base.id())).expect("removed");
    assert_eq!(store.graph(graph.id()), None);
    assert_eq!(reader.graph(graph.id()), Some(graph.clone()), "its base was read before");
    assert!(!store.has_graph(graph.id()));
}

#[test]
fn what_is_not_the_graph_of_its_name_is_absent() {
    let (_folder, store) = store();
    let (base, graph, other) = (graph("one"), graph("two"), graph("three"));
    store.put_graph(&base).expect("written");
    let reader = store.clone().with_last_graph();
    let read = || {
        let found = store.graph(graph.id());
        assert_eq!(found, reader.graph(graph.id()), "from the file of the other graph, or from memory");
        found
    };
    // Another graph under its name, a node that is not there, and a body that is none of that key.
    let mut beyond = change(&base, &graph);
    beyond.set(7, Body::new(Value::Null));
    for wrong in [change(&base, &other), beyond, Change::of(base.id())] {
        assert!(store.put_change(graph.id(), &wrong).expect("written"));
        assert_eq!(read(), None);
        assert_eq!(store.verify(false).expect("verified").damaged, [format!("changes/{}", graph.id())]);
    }
    assert!(store.put_change(graph.id(), &change(&base, &graph)).expect("written again"));
    assert_eq!(read(), Some(graph.clone()));
    let path = store.path("changes", graph.id());
    let whole = fs::read(&path).expect("read");
    for index in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[index] ^= 1;
        for bytes in [&damaged[..], &whole[..index]] {
            fs::write(&path, bytes).expect("written");
            assert!(read().is_none_or(|read| read == graph));
        }
    }
}

#[test]
fn a_change_of_a_change_is_never_read() {
    let (_folder, store) = store();
    let (base, middle, graph) = (graph("one"), graph("two"), graph("three"));
    store.put_graph(&base).expect("written");
    assert!(store.put_change(middle.id(), &change(&base, &middle)).expect("written"));
    assert!(!store.put_change(graph.id(), &change(&middle, &graph)).expect("asked"));
}

#[test]
fn a_base_is_collected_after_its_changes() {
    let model = Model::new();
    let store = Store::open_in(Path::new("/store"), model.clone()).expect("a store");
    let (base, one, two) = (graph("base"), graph("one"), graph("two"));
    store.put_graph(&base).expect("written");
    for graph in [&one, &two] {
        model.wait(2 * HOUR);
        assert!(store.put_change(graph.id(), &change(&base, graph)).expect("written"));
    }
    model.wait(2 * HOUR);
    assert!(store.has_graph(one.id()), "used again");
    let sizes = store.info().expect("counted").graphs;
    assert_eq!(sizes.files, 3);
    let left = |store: &Store| [&base, &one, &two].map(|graph| store.graph(graph.id()).is_some());
    let keep = |max_bytes| Keep { used_within: Duration::MAX, max_bytes: Some(max_bytes) };
    store.collect(keep(sizes.bytes - 1)).expect("collected");
    assert_eq!(left(&store), [true, true, false]);
    store.collect(Keep { used_within: HOUR, max_bytes: None }).expect("collected");
    assert_eq!(left(&store), [true, true, false]);
    let sizes = store.info().expect("counted").graphs;
    store.collect(keep(sizes.bytes - 1)).expect("collected");
    assert_eq!(left(&store), [true, false, false]);
}

#[test]
fn what_is_pinned_is_whole() {
    let (_folder, store) = store();
    let (base, graph) = (graph("one"), graph("two"));
    store.put_graph(&base).expect("written");
    assert!(store.put_change(graph.id(), &change(&base, &graph)).expect("written"));
    assert!(store.pin(graph.id()).expect("pinned"));
    store.collect(Keep { used_within: Duration::ZERO, max_bytes: Some(0) }).expect("collected");
    assert_eq!((store.graph(base.id()), store.graph(graph.id())), (None, Some(graph.clone())));
    // It is lost, and made again.
    fs::remove_file(store.path("graphs", graph.id())).expect("removed");
    store.put_graph(&base).expect("written");
    assert!(!store.put_change(graph.id(), &change(&base, &graph)).expect("asked"), "pinned is whole");
}
