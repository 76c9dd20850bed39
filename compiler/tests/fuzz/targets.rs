//! What is done with hostile bytes, and what must hold whatever they are.
//!
//! In: any bytes. Out: nothing; a broken promise is a panic. Shared by the programs of libFuzzer and by a test that runs
//! on a stable compiler.

use std::collections::BTreeMap;

use gitops_compiler::app::{AppSpec, Directory, Pattern, Source};
use gitops_compiler::canon::{Decoder, Encoder, Graph, Id, Resource};
use gitops_compiler::compile::{Compilation, Error, Sources, compile as compile_with};
use gitops_compiler::graph::{Body, Change, DecodeGraphError, Outline, ResourceGraph};
use gitops_compiler::lint::Levels;
use gitops_compiler::lock::Lock;
use gitops_compiler::manifest;
use gitops_compiler::manifest::yaml::emit;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::store::Store;
use gitops_compiler::tree::Snapshot;

/// The reader of manifests: what it accepts comes back from its own YAML unchanged.
pub(crate) fn read(data: &[u8]) {
    let (manifests, _) = manifest::read("fuzz.yaml", data);
    for manifest in manifests {
        let text = emit(&manifest.body);
        let (again, findings) = manifest::read("again.yaml", text.as_bytes());
        let bodies: Vec<_> = again.iter().map(|manifest| &manifest.body).collect();
        assert_eq!(bodies, [&manifest.body], "{text}\n{findings:?}");
    }
}

/// The reader of lock files: what it accepts is written and read back the same.
pub(crate) fn lock(data: &[u8]) {
    if let Ok(lock) = Lock::read("gitops.lock", data) {
        let text = lock.text();
        assert_eq!(Lock::read("gitops.lock", text.as_bytes()).expect("our own file"), lock, "{text}");
    }
}

/// The whole compiler: lints, schemas (those of definitions in the file too), edges and graph; a graph comes back.
pub(crate) fn compile(data: &[u8]) {
    let Ok(Compilation { graph, provenance, .. }) = compiled(snapshot(data), None) else { return };
    assert_eq!(provenance.origins.len(), graph.resources().len());
    assert_eq!(ResourceGraph::decode(&graph.encode(), graph.id()), Ok(graph));
}

/// A tree of one file.
pub(crate) fn snapshot(data: &[u8]) -> Snapshot {
    Snapshot::from_memory(BTreeMap::from([("a.yaml".to_owned(), data.to_vec())]))
}

/// The application that is compiled here.
pub(crate) fn app() -> AppSpec {
    AppSpec::folder("fuzz".parse().expect("a name"), Source::directory(Directory::default()))
}

pub(crate) fn compiled(snapshot: Snapshot, store: Option<&Store>) -> Result<Compilation, Error> {
    compile_with(&Sources::folder(&snapshot, &app()), &Levels::default(), store, &mut |_| ())
}

/// The decoder of graphs: what it accepts is written in just these bytes, under the id that it says.
pub(crate) fn graph(data: &[u8]) {
    let Err(DecodeGraphError::OtherGraph { actual, .. }) = ResourceGraph::decode(data, ResourceGraph::empty().id())
    else {
        return;
    };
    let graph = ResourceGraph::decode(data, actual).expect("it said so itself");
    assert!(graph.resources().iter().any(|resource| resource.id != resource.body.id()) || graph.encode() == data);
    for (node, resource) in graph.resources().iter().enumerate() {
        let _ = (resource.hook(), resource.api_version(), resource.definition(), resource.body.as_map());
        let _ = (graph.node_name(node), resource.shown_id(), graph.edges_of(node));
    }
    let outline = graph.outline();
    let ids = Outline::decode(&outline).expect("an outline comes back").ids();
    assert_eq!(ids, (graph.id(), graph.content_root(), graph.hook_root()), "and has the ids of its graph");
}

/// The decoder of changes: one spelling each; with any graph it gives an error or a graph.
pub(crate) fn change(data: &[u8]) {
    let Ok(change) = Change::decode(data) else { return };
    assert_eq!(change.encode(), data, "a change has one spelling");
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n";
    let graph = compiled(snapshot(text.as_bytes()), None).expect("it compiles").graph;
    let changed = ResourceGraph::decode_changed(&graph.encode(), change.clone(), graph.id());
    assert_eq!(changed, graph.changed(change.clone(), graph.id()), "from bytes or from memory");
    match changed {
        Ok(changed) => assert_eq!(changed, graph),
        Err(_) => assert_ne!(change, Change::of(change.base), "a change of nothing changes nothing"),
    }
}

/// The decoder of outlines: whatever is asked of one has an answer.
pub(crate) fn outline(data: &[u8]) {
    let Ok(mut outline) = Outline::decode(data) else { return };
    let key = ResourceKey::new("", "ConfigMap", ".", "a");
    let (_, node) = (outline.has_kind("apps", "Deployment"), outline.node(&key).unwrap_or(usize::MAX));
    let id: Id<Resource> = Body::new("other".into()).id();
    outline.replace(node, id);
    assert!(outline.resource(node).is_none_or(|found| found == id));
    let _ = outline.ids();
}

/// The decoder of values: one spelling each, and stepping over accepts what reading does.
pub(crate) fn value(data: &[u8]) {
    let read = Decoder::decode(data);
    if let Ok(value) = &read {
        assert_eq!(Encoder::encode(value), data, "a value has one spelling");
    }
    let mut decoder = Decoder::new(data);
    let stepped = decoder.skip().is_ok() && decoder.end().is_ok();
    assert_eq!(stepped, read.is_ok());
    let _ = Decoder::new(data).text_at(&["metadata", "annotations", "helm.sh/hook"]);
}

/// What is written on the command line, in files of ours and in file names of a store: what is accepted is told as it
/// was written.
pub(crate) fn spelling(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = text.parse::<Id<Graph>>() {
        assert_eq!(id.to_string(), text, "an id has one spelling");
    }
    if let Ok(name) = text.parse::<AppName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(pattern) = text.parse::<Pattern>() {
        let _ = (pattern.matches("a/b/c.yaml"), pattern.matches(text));
        assert_eq!(pattern.as_str(), text);
    }
}
