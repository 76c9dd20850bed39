//! Tests of the store: its objects, its format, who waits for whom, what it keeps, and what a crash leaves of it.

mod changes;
mod collect;
mod crash;
mod format;
mod model;
mod objects;
mod shared;

use super::Store;
use crate::diagnostic::Origin;
use crate::graph::ResourceGraph;

/// A graph of one object.
fn graph() -> ResourceGraph {
    let body = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let manifests = crate::manifest::objects(body.into(), &origin, &mut Vec::new());
    ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    (folder, store)
}
