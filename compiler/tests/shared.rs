//! Compiling on two machines that have a cache in common: what one compiled the other does not compile, and whatever the
//! cache gives, the result is the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::compile::{Compilation, Sources, compile, summarise};
use gitops_compiler::lint::Levels;
use gitops_compiler::store::{Part, Shared, Store};
use gitops_compiler::tree::Snapshot;

type Values = BTreeMap<(Part, String), Vec<u8>>;

#[derive(Debug, Default)]
struct Table {
    values: Mutex<Values>,
    withheld: Mutex<usize>,
}

impl Shared for Table {
    fn get(&self, part: Part, name: &str) -> Option<Vec<u8>> {
        self.values().get(&(part, name.to_owned())).cloned()
    }

    fn put(&self, part: Part, name: &str, bytes: &[u8]) {
        self.values().insert((part, name.to_owned()), bytes.to_owned());
    }

    fn refused(&self, _: Part, _: &str) {}

    fn withheld(&self, _: Part) {
        *self.withheld.lock().expect("unpoisoned") += 1;
    }
}

impl Table {
    fn values(&self) -> std::sync::MutexGuard<'_, Values> {
        self.values.lock().expect("unpoisoned")
    }
}

/// A store on a machine of its own.
struct Machine {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Machine {
    fn new(table: &Arc<Table>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let shared: Arc<dyn Shared> = Arc::<Table>::clone(table);
        Self { store: Store::open(folder.path()).expect("a store").with_shared(shared), _folder: folder }
    }

    fn compile(&self, files: &[(&str, &str)]) -> Compilation {
        compiled(files, Some(&self.store))
    }
}

fn compiled(files: &[(&str, &str)], store: Option<&Store>) -> Compilation {
    let snapshot = snapshot(files);
    let sources = Sources::folder(&snapshot, &app());
    let mut warn = |warning: String| panic!("{warning}");
    compile(&sources, &Levels::default(), store, &mut warn).expect("it compiles")
}

fn app() -> AppSpec {
    AppSpec::folder("app".parse().expect("a name"), Source::directory(Directory::default()))
}

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    Snapshot::from_memory(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
}

fn same(one: &Compilation, other: &Compilation) {
    assert_eq!(one.graph, other.graph);
    assert_eq!((one.recipe, &one.provenance, one.files), (other.recipe, &other.provenance, other.files));
    let told = |of: &Compilation| of.lints.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told(one), told(other));
}

const BEFORE: [(&str, &str); 2] = [
    ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: yes, k: 'v'}\n"),
    ("b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"),
];
const AFTER: [(&str, &str); 2] =
    [BEFORE[0], ("b.yaml", "# new\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {k: new}\n")];

#[test]
fn what_one_machine_compiled_another_does_not() {
    let table = Arc::new(Table::default());
    let (first, second) = (Machine::new(&table), Machine::new(&table));
    let made = first.compile(&BEFORE);
    assert!(!made.memoised && !made.lints.is_empty());
    let found = second.compile(&BEFORE);
    assert!(found.memoised);
    same(&made, &found);
    // After an edit the first keeps a change only.
    let changed = first.compile(&AFTER);
    assert!(table.values().keys().any(|(part, _)| *part == Part::Change), "{:?}", table.values().keys());
    for machine in [Machine::new(&table), second] {
        let found = machine.compile(&AFTER);
        assert!(found.memoised);
        same(&changed, &found);
    }
    same(&changed, &compiled(&AFTER, None));
}

#[test]
fn ids_are_known_without_compiling_and_the_graph_comes_with_them() {
    let table = Arc::new(Table::default());
    let (first, second) = (Machine::new(&table), Machine::new(&table));
    let made = first.compile(&BEFORE);
    let snapshot = snapshot(&BEFORE);
    let summary = summarise(&Sources::folder(&snapshot, &app()), &Levels::default(), Some(&second.store), &mut |_| {});
    assert_eq!(summary.expect("it compiles").graph, made.graph.id());
    table.values().clear();
    assert_eq!(second.store.graph(made.graph.id()), Some(made.graph));
}

#[test]
fn whatever_is_wrong_with_the_cache_the_result_is_the_same() {
    let reference = compiled(&AFTER, None);
    let filled = Arc::new(Table::default());
    let machine = Machine::new(&filled);
    machine.compile(&BEFORE);
    machine.compile(&AFTER);
    let good = filled.values().clone();
    // What no MAC would let through, and what one would where the key is known: the former for all, the latter for graphs,
    // which prove themselves.
    let mut poisoned: Vec<Values> = vec![Values::new()];
    for (name, bytes) in &good {
        let mut without = good.clone();
        without.remove(name);
        poisoned.push(without);
        for changed in [Vec::new(), bytes[..bytes.len() / 2].to_vec(), vec![0xff; 100], [bytes, &b"x"[..]].concat()] {
            let mut other = good.clone();
            other.insert(name.clone(), changed);
            poisoned.push(other);
        }
        for at in 0..bytes.len() {
            if matches!(name.0, Part::Graph | Part::Change) {
                let mut other = good.clone();
                other.entry(name.clone()).and_modify(|bytes| bytes[at] ^= 0x10);
                poisoned.push(other);
            }
        }
    }
    assert!(poisoned.len() > 100);
    for values in poisoned {
        let table = Arc::new(Table { values: Mutex::new(values), ..Table::default() });
        let machine = Machine::new(&table);
        same(&machine.compile(&AFTER), &reference);
        same(&Machine::new(&table).compile(&AFTER), &reference);
        assert!(machine.store.verify(false).expect("verified").damaged.is_empty());
    }
}

#[test]
fn an_application_with_a_secret_leaves_no_trace() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";
    let table = Arc::new(Table::default());
    let (first, second) = (Machine::new(&table), Machine::new(&table));
    let files = [BEFORE[0], BEFORE[1], ("s.yaml", secret)];
    let made = first.compile(&files);
    let edited = [AFTER[0], AFTER[1], ("s.yaml", secret)];
    first.compile(&edited);
    assert_eq!(table.values().keys().collect::<Vec<_>>(), Vec::<&(Part, String)>::new());
    assert_eq!(*table.withheld.lock().expect("unpoisoned"), 4);
    let again = second.compile(&files);
    assert!(!again.memoised);
    same(&made, &again);
}
