//! What a store takes from others, and what it gives them: all that is wrong there is as good as absent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::store;
use crate::canon::{Id, Recipe};
use crate::depend::Node;
use crate::diagnostic::Origin;
use crate::graph::{Body, Change, ResourceGraph};
use crate::store::{Part, Shared, Store};

/// A [`Shared`] that gives whatever it was given.
#[derive(Debug, Default)]
struct Table {
    values: Mutex<BTreeMap<(Part, String), Vec<u8>>>,
    refused: Mutex<Vec<Part>>,
    withheld: Mutex<Vec<Part>>,
}

impl Shared for Table {
    fn get(&self, part: Part, name: &str) -> Option<Vec<u8>> {
        self.values.lock().expect("unpoisoned").get(&(part, name.to_owned())).cloned()
    }

    fn put(&self, part: Part, name: &str, bytes: &[u8]) {
        self.values.lock().expect("unpoisoned").insert((part, name.to_owned()), bytes.to_owned());
    }

    fn refused(&self, part: Part, _name: &str) {
        self.refused.lock().expect("unpoisoned").push(part);
    }

    fn withheld(&self, part: Part) {
        self.withheld.lock().expect("unpoisoned").push(part);
    }
}

impl Table {
    fn names(&self) -> Vec<(Part, String)> {
        self.values.lock().expect("unpoisoned").keys().cloned().collect()
    }

    fn edit(&self, part: Part, change: impl Fn(&mut Vec<u8>)) {
        let mut values = self.values.lock().expect("unpoisoned");
        values.iter_mut().filter(|((of, _), _)| *of == part).for_each(|(_, bytes)| change(bytes));
    }

    fn refused(&self) -> Vec<Part> {
        self.refused.lock().expect("unpoisoned").clone()
    }
}

fn graph_of(body: serde_json::Value) -> ResourceGraph {
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let manifests = crate::manifest::objects(body.into(), &origin, &mut Vec::new());
    ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
}

fn config_map(value: &str) -> serde_json::Value {
    serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": value}})
}

fn sharing(table: &Arc<Table>) -> (tempfile::TempDir, Store) {
    let (folder, store) = store();
    let shared: Arc<dyn Shared> = Arc::<Table>::clone(table);
    (folder, store.with_shared(shared))
}

fn recipe(name: &str) -> Id<Recipe> {
    Id::of(name.as_bytes())
}

#[test]
fn what_one_store_compiled_another_has_and_keeps() {
    let table = Arc::new(Table::default());
    let ((_a, first), (_b, second)) = (sharing(&table), sharing(&table));
    let graph = graph_of(config_map("1"));
    first.share_compiled(recipe("r"), b"an entry", &graph);
    first.share_output(recipe("r"), b"kind: ConfigMap", false);
    assert!(second.has_graph(graph.id()));
    assert_eq!(second.graph(graph.id()).as_ref(), Some(&graph));
    assert_eq!(second.memo(recipe("r")).as_deref(), Some(&b"an entry"[..]));
    assert_eq!(second.output(recipe("r")).as_deref(), Some(&b"kind: ConfigMap"[..]));
    table.values.lock().expect("unpoisoned").clear();
    assert_eq!(second.graph(graph.id()).as_ref(), Some(&graph), "it is a file by now");
    assert_eq!(second.memo(recipe("r")).as_deref(), Some(&b"an entry"[..]));
    assert_eq!(second.output(recipe("r")).as_deref(), Some(&b"kind: ConfigMap"[..]));
    assert_eq!((table.refused(), first.memo(recipe("other"))), (Vec::new(), None));
}

#[test]
fn no_bit_of_a_graph_can_be_changed() {
    let table = Arc::new(Table::default());
    let graph = graph_of(config_map("1"));
    let bytes = graph.encode();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        table.put(Part::Graph, &graph.id().to_string(), &changed);
        let (_folder, store) = sharing(&table);
        assert_eq!(store.graph(graph.id()), None, "bit {bit}");
        assert!(!store.has_graph(graph.id()), "and nothing of it is kept");
    }
    assert_eq!(table.refused().len(), bytes.len() * 8 * 2);
}

#[test]
fn a_whole_graph_is_not_another() {
    let table = Arc::new(Table::default());
    let (_folder, store) = sharing(&table);
    let (wanted, other) = (graph_of(config_map("1")), graph_of(config_map("2")));
    table.put(Part::Graph, &wanted.id().to_string(), &other.encode());
    assert_eq!((store.graph(wanted.id()), table.refused()), (None, vec![Part::Graph]));
}

/// A graph, and another as a change of it.
fn changed() -> (ResourceGraph, ResourceGraph, Change) {
    let (base, after) = (graph_of(config_map("1")), graph_of(config_map("2")));
    let mut change = Change::of(base.id());
    let node: Node = 0;
    change.set(node, Body::new(config_map("2").into()));
    (base, after, change)
}

#[test]
fn a_graph_that_was_told_as_a_change_is_made_whole() {
    let table = Arc::new(Table::default());
    let (base, after, change) = changed();
    let (_a, first) = sharing(&table);
    first.share_compiled(recipe("1"), b"1", &base);
    first.share_changed(recipe("2"), b"2", (after.id(), &change), false);
    let (_b, second) = sharing(&table);
    assert_eq!(second.graph(after.id()).as_ref(), Some(&after));
    assert_eq!(second.memo(recipe("2")).as_deref(), Some(&b"2"[..]));
    // With a base of its own it needs no other.
    let (_c, third) = sharing(&table);
    third.put_graph(&base).expect("kept");
    table.values.lock().expect("unpoisoned").retain(|(part, _), _| *part != Part::Graph);
    assert_eq!(third.graph(after.id()).as_ref(), Some(&after));
    let (_d, fourth) = sharing(&table);
    assert_eq!(fourth.graph(after.id()), None, "there is no base");
}

#[test]
fn a_change_of_another_graph_or_into_another_is_refused() {
    let (base, after, change) = changed();
    let foreign = graph_of(serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}));
    let tell = || {
        let table = Arc::new(Table::default());
        let (_folder, store) = sharing(&table);
        store.share_compiled(recipe("1"), b"1", &base);
        store.share_changed(recipe("2"), b"2", (after.id(), &change), false);
        table
    };
    let (wrong_base, wrong_change, torn) = (tell(), tell(), tell());
    wrong_base.edit(Part::Graph, |bytes| *bytes = foreign.encode());
    wrong_change.edit(Part::Change, |bytes| *bytes = Change::of(base.id()).encode());
    torn.edit(Part::Change, |bytes| bytes.truncate(bytes.len() / 2));
    for table in [wrong_base, wrong_change, torn] {
        let (_folder, store) = sharing(&table);
        assert_eq!((store.graph(after.id()), table.refused()), (None, vec![Part::Change]));
    }
}

#[test]
fn secrets_in_plaintext_are_told_to_nobody() {
    let table = Arc::new(Table::default());
    let (_folder, store) = sharing(&table);
    let secret =
        serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"k": "dg=="}});
    store.share_compiled(recipe("1"), b"1", &graph_of(secret));
    let (_, after, change) = changed();
    store.share_changed(recipe("2"), b"2", (after.id(), &change), true);
    store.share_output(recipe("3"), b"kind: ConfigMap", true);
    for text in ["kind: Secret\n", "kind: 'Secret'", "Secret", "# a Secret", "{\"kind\":\"Secret\"}"] {
        store.share_output(recipe(text), text.as_bytes(), false);
    }
    assert_eq!(table.names(), []);
    let withheld = table.withheld.lock().expect("unpoisoned");
    assert_eq!(withheld[..5], [Part::Graph, Part::Memo, Part::Change, Part::Memo, Part::Output]);
    assert_eq!(withheld[5..], [Part::Output; 5]);
}

#[test]
fn words_that_only_begin_or_end_alike_are_no_secrets() {
    let table = Arc::new(Table::default());
    let (_folder, store) = sharing(&table);
    for text in ["kind: ExternalSecret", "kind: SecretStore", "secretName: a", "imagePullSecrets: []"] {
        store.share_output(recipe(text), text.as_bytes(), false);
    }
    assert_eq!(table.names().len(), 4);
}

#[test]
fn a_secret_without_values_may_be_told() {
    let table = Arc::new(Table::default());
    let (_folder, store) = sharing(&table);
    let empty = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    store.share_compiled(recipe("1"), b"1", &graph_of(empty));
    assert_eq!(table.names().len(), 2);
}

#[test]
fn entries_of_two_compilers_have_two_names() {
    let table = Arc::new(Table::default());
    let (_folder, store) = sharing(&table);
    store.share_compiled(recipe("1"), b"1", &graph_of(config_map("1")));
    let names = table.names();
    let memo = names.iter().find(|(part, _)| *part == Part::Memo).map(|(_, name)| name.as_str());
    assert_eq!(memo, Some(format!("{} {}", env!("GITOPS_COMPILER_SOURCES"), recipe("1")).as_str()));
}
