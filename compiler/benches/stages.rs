//! Each stage of the compiler over 10,001 resources in 1,001 files, and the planner over as many.
//!
//! `cargo bench -p gitops-compiler --bench stages`. Gates nothing; `kubectl-plugin/benches/compile.rs` measures whole
//! processes.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::canon::{Decoder, Encoder, Value};
use gitops_compiler::compile::{Sources, compile};
use gitops_compiler::depend;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::lint::Levels;
use gitops_compiler::manifest::{self, Manifest};
use gitops_compiler::plan::{self, Approvals, Bound, Seen};
use gitops_compiler::review::{self, ChangedFile, Day, Outcome, Pair, Side, SideName, Whole};
use gitops_compiler::schema;
use gitops_compiler::store::Store;
use gitops_compiler::tree::{Repository, Snapshot};
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::services::services_with;

const SERVICES: usize = 1000;

fn main() {
    divan::main();
}

fn files() -> &'static BTreeMap<String, Vec<u8>> {
    static FILES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let files = services_with(SERVICES, "bench", |_| 0).into_iter();
        files.map(|(path, text)| (path, text.into_bytes())).collect()
    })
}

fn bytes() -> BytesCount {
    BytesCount::new(files().values().map(Vec::len).sum::<usize>())
}

fn manifests() -> &'static Vec<Manifest> {
    static MANIFESTS: OnceLock<Vec<Manifest>> = OnceLock::new();
    MANIFESTS.get_or_init(|| {
        let read = files().iter().flat_map(|(path, text)| manifest::read(path, text).0);
        let mut manifests: Vec<Manifest> = read.collect();
        manifests.sort_by(|left, right| left.key.cmp(&right.key));
        manifests
    })
}

fn graph() -> &'static ResourceGraph {
    static GRAPH: OnceLock<ResourceGraph> = OnceLock::new();
    GRAPH.get_or_init(|| ResourceGraph::build(manifests().clone(), &mut Vec::new()).expect("a graph").graph)
}

fn app() -> AppSpec {
    let directory = Directory { recurse: true, ..Directory::default() };
    AppSpec::folder("bench".parse().expect("a name"), Source::directory(directory))
}

#[divan::bench]
fn read_on_one_thread(bencher: Bencher<'_, '_>) {
    bencher
        .counter(bytes())
        .bench(|| files().iter().map(|(path, text)| manifest::read(path, text).0.len()).sum::<usize>());
}

#[divan::bench]
fn encode_bodies(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(manifests().len()))
        .bench(|| manifests().iter().map(|manifest| Encoder::encode(&manifest.body).len()).sum::<usize>());
}

#[divan::bench]
fn decode_bodies(bencher: Bencher<'_, '_>) {
    let encoded: Vec<Vec<u8>> = manifests().iter().map(|manifest| Encoder::encode(&manifest.body)).collect();
    bencher
        .counter(ItemsCount::new(encoded.len()))
        .bench(|| encoded.iter().filter(|bytes| matches!(Decoder::decode(bytes), Ok(Value::Map(_)))).count());
}

/// With the schemas read already, as a compilation of many objects has them; all objects are right.
#[divan::bench]
fn validate(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(manifests().len())).bench(|| {
        let mut findings = Vec::new();
        schema::check(manifests(), schema::version(), |_| None, &mut findings);
        assert!(findings.is_empty(), "{findings:?}");
    });
}

#[divan::bench]
fn infer_edges(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(manifests().len())).bench(|| depend::infer(manifests(), &mut Vec::new()).0.len());
}

#[divan::bench]
fn build_graph(bencher: Bencher<'_, '_>) {
    let inputs = || manifests().clone();
    bencher
        .with_inputs(inputs)
        .bench_values(|manifests| ResourceGraph::build(manifests, &mut Vec::new()).map(|built| built.graph.id()));
}

/// 20,002 objects with all of their edges.
#[divan::bench]
fn build_graph_20_000(bencher: Bencher<'_, '_>) {
    let files = services_with(2 * SERVICES, "bench", |_| 0);
    let manifests: Vec<Manifest> =
        files.iter().flat_map(|(path, text)| manifest::read(path, text.as_bytes()).0).collect();
    bencher
        .counter(ItemsCount::new(manifests.len()))
        .with_inputs(|| manifests.clone())
        .bench_values(|manifests| ResourceGraph::build(manifests, &mut Vec::new()).map(|built| built.graph.id()));
}

#[divan::bench]
fn encode_graph(bencher: Bencher<'_, '_>) {
    bencher.bench(|| graph().encode());
}

#[divan::bench]
fn decode_graph(bencher: Bencher<'_, '_>) {
    let encoded = graph().encode();
    bencher.bench(|| ResourceGraph::decode(&encoded, graph().id()).expect("it comes back"));
}

#[divan::bench]
fn store_write(bencher: Bencher<'_, '_>) {
    let stores = || {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        (folder, store)
    };
    bencher.with_inputs(stores).bench_refs(|(_, store)| store.put_graph(graph()).expect("written"));
}

#[divan::bench]
fn store_read(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    store.put_graph(graph()).expect("written");
    bencher.bench(|| store.graph(graph().id()).expect("it comes back"));
}

/// A repository with all files in one commit.
fn repository() -> &'static RepositoryBuilder {
    static REPOSITORY: OnceLock<RepositoryBuilder> = OnceLock::new();
    REPOSITORY.get_or_init(|| {
        let repository = RepositoryBuilder::new().expect("a repository");
        for (path, text) in files() {
            repository.write(path, text).expect("written");
        }
        repository.commit("All").expect("committed");
        repository
    })
}

#[divan::bench]
fn list_commit(bencher: Bencher<'_, '_>) {
    let opened = Repository::discover(repository().path()).expect("a repository");
    bencher.bench(|| opened.commit("HEAD", "").expect("a tree"));
}

#[divan::bench]
fn list_working_tree(bencher: Bencher<'_, '_>) {
    let opened = Repository::discover(repository().path()).expect("a repository");
    bencher.bench(|| opened.working_tree("", None).expect("a tree"));
}

#[divan::bench]
fn list_known_working_tree(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let opened = Repository::discover(repository().path()).expect("a repository");
    // Files must have rested to be remembered.
    std::thread::sleep(std::time::Duration::from_secs(4));
    opened.working_tree("", Some(&store)).expect("a tree");
    bencher.bench(|| opened.working_tree("", Some(&store)).expect("a tree"));
}

fn compiled(snapshot: &Snapshot, store: &Store) {
    compile(&Sources::folder(snapshot, &app()), &Levels::default(), Some(store), &mut |_| ()).expect("it compiles");
}

#[divan::bench]
fn compile_again(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let snapshot = Repository::discover(repository().path()).expect("a repository").commit("HEAD", "").expect("a tree");
    compiled(&snapshot, &store);
    bencher.bench(|| compiled(&snapshot, &store));
}

/// One ConfigMap has another value each time, and all other files are as they were.
#[divan::bench]
fn compile_after_an_edit(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let snapshot = |revision: u32| {
        let files = services_with(SERVICES, "bench", |index| if index == SERVICES / 2 { revision } else { 0 });
        Snapshot::from_memory(files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect())
    };
    compiled(&snapshot(0), &store);
    let mut revision = 0;
    let edited = || {
        revision += 1;
        snapshot(revision)
    };
    bencher.with_inputs(edited).bench_local_refs(|snapshot| compiled(snapshot, &store));
}

/// Two sets of services, applied as one: 20,002 objects of which every other one changes.
#[divan::bench]
fn plan_20_000(bencher: Bencher<'_, '_>) {
    let set = |revision: u32| {
        let files = services_with(2 * SERVICES, "bench", |index| if index % 2 == 0 { revision } else { 0 });
        let read = files.iter().flat_map(|(path, text)| manifest::read(path, text.as_bytes()).0).collect();
        let graph = ResourceGraph::build(read, &mut Vec::new()).expect("a graph").graph;
        Bound::new(Arc::new(graph), "bench", |_, kind| Some(kind != "Namespace")).expect("bound")
    };
    let (base, desired) = (set(0), set(1));
    let owned = |(key, resource): (&_, &gitops_compiler::graph::GraphResource)| {
        let owned = plan::Owned { uid: "u".to_owned(), applied: resource.id, created: true };
        (Clone::clone(key), owned)
    };
    let inventory: BTreeMap<_, _> = base.keys().iter().zip(base.graph.resources()).map(owned).collect();
    let present = || Seen::Present {
        uid: "u".to_owned(),
        as_applied: true,
        ours: true,
        policy: gitops_compiler::manifest::Policy::default(),
        is_of_another: false,
        leaving: false,
    };
    let seen: BTreeMap<_, _> = inventory.keys().map(|key| (key.clone(), present())).collect();
    bencher.counter(ItemsCount::new(inventory.len())).bench(|| {
        plan::build(&plan::Input {
            desired: &desired,
            base: Some(&base),
            attempted: &[],
            absent_before: &std::collections::BTreeSet::new(),
            inventory: &inventory,
            seen: &seen,
            approvals: &Approvals::default(),
            hooks: &plan::Hooks::default(),
            options: &gitops_compiler::manifest::SyncOptions::default(),
        })
        .steps
        .len()
    });
}

/// One object of a hundred differs among 10,001: a ConfigMap that others read, with the files for causes.
#[divan::bench]
fn review_one_percent(bencher: Bencher<'_, '_>) {
    let set = |revision: u32| {
        let files = services_with(SERVICES, "bench", |index| if index % 10 == 0 { revision } else { 0 });
        let read = files.iter().flat_map(|(path, text)| manifest::read(path, text.as_bytes()).0).collect();
        let built = ResourceGraph::build(read, &mut Vec::new()).expect("a graph");
        (files, built)
    };
    let ((old_files, old), (new_files, new)) = (set(0), set(1));
    let differing = old_files.iter().zip(&new_files).filter(|(old, new)| old != new);
    let files: Vec<ChangedFile> = differing
        .map(|((path, old), (_, new))| {
            let (old, new) = (Some(old.clone().into_bytes()), Some(new.clone().into_bytes()));
            ChangedFile { path: path.clone(), old, new }
        })
        .collect();
    assert_eq!(files.len(), SERVICES / 10);
    // As they come out of a store: bodies are not decoded yet.
    let again = |graph: &ResourceGraph| ResourceGraph::decode(&graph.encode(), graph.id()).expect("it comes back");
    let today = Day::new(2026, 1, 1).expect("a day");
    bencher.with_inputs(|| (again(&old.graph), again(&new.graph))).bench_refs(|(was, is)| {
        let base = Outcome::Compiled(Side { graph: was, origins: &old.origins });
        let head = Outcome::Compiled(Side { graph: is, origins: &new.origins });
        let pair = Pair { application: "bench", base, head, files: &files };
        let review = review::review(SideName::default(), SideName::default(), &[pair], &Whole::default(), today);
        assert_eq!(review.applications[0].counts.changed, SERVICES / 10);
        review::write::markdown(&review, review::write::ROOM, review::write::Detail::default()).len()
    });
}
