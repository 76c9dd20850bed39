//! The process is stopped, or the power cut, at every single change that a store makes to its files.
//!
//! A day in the life of a store is lived on a [`Model`] once for each change, and ends there. Then all that a power cut
//! may leave is looked at: no graph that was reported as kept may be lost, and nothing may be read that is not what was
//! written. What is missing must come back with the next compilation.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::model::{Contents, Model, Names, PowerCut};
use crate::app::{AppSpec, Directory, Source};
use crate::canon::{Chunk, Graph, Id, Recipe};
use crate::compile::{Compilation, Sources, compile};
use crate::graph::ResourceGraph;
use crate::lint::Levels;
use crate::store::disk::{GRAPHS, MEMO};
use crate::store::{Keep, Store};
use crate::tree::{FileMemo as _, Snapshot};

/// Nothing above it is there before the store is opened first.
const ROOT: &str = "/home/user/.local/state/kubectl-gitops/store";
const FOLDER: &str = "/home/user/shop";
const DAY: Duration = Duration::from_hours(24);

/// A version of an application.
fn snapshot(version: usize) -> Snapshot {
    let file = |name: &str| {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{version: '{version}', version: '{version}'}}\n"
        );
        (format!("{name}.yaml"), text.into_bytes())
    };
    Snapshot::from_memory([file("one"), file("two")].into_iter().collect())
}

fn compiled(version: usize, store: Option<&Store>) -> (Compilation, Vec<String>) {
    let app = AppSpec::folder("shop".parse().expect("a name"), Source::directory(Directory::default()));
    let mut warnings = Vec::new();
    let made = compile(&Sources::folder(&snapshot(version), &app), &Levels::default(), store, &mut |warning| {
        warnings.push(warning);
    });
    (made.expect("it compiles, whatever the store does"), warnings)
}

/// What was ever written, and what was reported as kept.
#[derive(Clone, Default)]
struct Seen {
    expected: Arc<BTreeMap<usize, Compilation>>,
    kept: BTreeMap<Id<Graph>, ResourceGraph>,
    pinned: BTreeSet<Id<Graph>>,
    memo: BTreeMap<Id<Recipe>, BTreeSet<Vec<u8>>>,
    chunks: BTreeSet<Vec<u8>>,
    places: BTreeSet<Vec<u8>>,
    /// What was read that nobody wrote.
    wrong: usize,
}

impl Seen {
    fn new() -> Self {
        let expected = (1..=4).map(|version| (version, compiled(version, None).0)).collect();
        Self { expected: Arc::new(expected), ..Self::default() }
    }

    fn same(&self, version: usize, made: &Compilation) -> bool {
        let expected = &self.expected[&version];
        (&made.graph, &made.provenance, &made.lints) == (&expected.graph, &expected.provenance, &expected.lints)
    }

    /// Compiles; where nothing is said of the store its graph is kept.
    fn compile(&mut self, store: &Store, version: usize) {
        let (made, warnings) = compiled(version, Some(store));
        self.wrong += usize::from(!self.same(version, &made));
        if warnings.is_empty() && !made.memoised {
            self.kept.insert(made.graph.id(), made.graph);
        }
    }

    fn put_graph(&mut self, store: &Store, version: usize) {
        let graph = &self.expected[&version].graph;
        if store.put_graph(graph).is_ok() {
            self.kept.insert(graph.id(), graph.clone());
        }
    }

    fn pin(&mut self, store: &Store, version: usize) {
        let graph = &self.expected[&version].graph;
        if store.pin(graph.id()).is_ok_and(|pinned| pinned) {
            self.pinned.insert(graph.id());
            self.kept.insert(graph.id(), graph.clone());
        }
    }

    fn unpin(&mut self, model: &Model, store: &Store, version: usize) {
        let id = self.expected[&version].graph.id();
        if !model.has_failed() {
            self.pinned.remove(&id);
        }
        let _ = store.unpin(id);
    }

    fn put_memo(&mut self, store: &Store, recipe: &[u8], entry: &[u8]) {
        self.memo.entry(Id::of(recipe)).or_default().insert(entry.to_vec());
        let _ = store.put_memo(Id::of(recipe), entry);
    }

    fn put_chunk(&mut self, store: &Store, chunk: &[u8]) {
        self.chunks.insert(chunk.to_vec());
        let _ = store.put_chunk(chunk);
    }

    fn save_place(&mut self, store: &Store, bytes: &[u8]) {
        self.places.insert(bytes.to_vec());
        store.save(Path::new(FOLDER), bytes);
    }

    /// The others are about to be collected, or damaged; unless the power is off already.
    fn only_keeps(&mut self, model: &Model, versions: &[usize]) {
        if model.has_failed() {
            return;
        }
        let kept: Vec<_> = versions.iter().map(|version| self.expected[version].graph.id()).collect();
        self.kept.retain(|id, _| kept.contains(id));
    }

    /// A day in the life of a store. Everything that a store does to its files is in it.
    fn live(&mut self, model: &Arc<Model>) {
        let Ok(store) = Store::open_in(Path::new(ROOT), model.clone()) else { return };
        self.save_place(&store, b"places, the first");
        self.compile(&store, 1);
        self.put_chunk(&store, b"chunk one");
        self.put_chunk(&store, b"chunk two");
        self.put_memo(&store, b"recipe", b"an entry");
        self.compile(&store, 1);
        // Another process, another version; places are written again and again.
        let Ok(store) = Store::open_in(Path::new(ROOT), model.clone()) else { return };
        self.save_place(&store, b"places, the second, longer");
        self.compile(&store, 2);
        self.put_graph(&store, 1);
        self.put_chunk(&store, b"chunk one");
        self.pin(&store, 1);
        // Forty days later one version is old.
        model.wait(40 * DAY);
        self.compile(&store, 2);
        let old = Keep { used_within: 30 * DAY, max_bytes: None };
        self.only_keeps(model, &if self.pinned.is_empty() { vec![2] } else { vec![1, 2] });
        let _ = store.collect(old);
        self.unpin(model, &store, 1);
        self.only_keeps(model, &[2]);
        let _ = store.collect(old);
        self.compile(&store, 1);
        // A disk goes bad, and is repaired.
        self.only_keeps(model, &[1]);
        let damaged = self.expected[&2].graph.id();
        model.damage(&store.path(GRAPHS, damaged));
        model.damage(&store.path(MEMO, self.expected[&1].recipe));
        let _ = store.verify(true);
        self.compile(&store, 2);
        self.compile(&store, 1);
        // The store is full: of the four versions only the last two have room, and what they are changes of.
        model.wait(DAY);
        let store = store.with_max_bytes(Some(1900));
        self.only_keeps(model, &[]);
        self.compile(&store, 3);
        model.wait(DAY);
        self.only_keeps(model, &[]);
        self.compile(&store, 4);
        self.save_place(&store, b"places, the third");
    }

    /// Opens what is left: how many kept graphs are lost. What is wrong is counted, too.
    fn look_at(&mut self, model: &Arc<Model>) -> usize {
        let store = Store::open_in(Path::new(ROOT), model.clone()).expect("it can always be opened");
        let pins = store.pins().expect("listed");
        let unpinned = self.pinned.iter().filter(|id| !pins.contains(id)).count();
        let lost =
            unpinned + self.kept.values().filter(|graph| store.graph(graph.id()).as_ref() != Some(*graph)).count();
        for expected in Arc::clone(&self.expected).values() {
            let read = store.graph(expected.graph.id());
            self.wrong += usize::from(read.is_some_and(|graph| graph != expected.graph));
        }
        for (recipe, entries) in &self.memo {
            self.wrong += usize::from(store.memo(*recipe).is_some_and(|entry| !entries.contains(&entry)));
        }
        for chunk in &self.chunks {
            self.wrong += usize::from(store.chunk(Id::<Chunk>::of(chunk)).is_some_and(|read| read != *chunk));
        }
        self.wrong += usize::from(store.load(Path::new(FOLDER)).is_some_and(|read| !self.places.contains(&read)));
        self.recover(&store);
        lost
    }

    /// Whatever is left, the next compilations are right, the store is whole again, and nothing lies about.
    fn recover(&mut self, store: &Store) {
        store.verify(true).expect("repaired");
        for version in [1, 4] {
            let (made, warnings) = compiled(version, Some(store));
            assert_eq!(warnings, Vec::<String>::new());
            self.wrong += usize::from(!self.same(version, &made));
            assert!(compiled(version, Some(store)).0.memoised, "it is remembered again");
        }
        assert_eq!(store.verify(false).expect("verified").damaged, Vec::<String>::new());
        store.collect(Keep { used_within: Duration::MAX, max_bytes: None }).expect("collected");
        assert_eq!(store.info().expect("counted").temporary.files, 0, "what the dead left is collected");
    }
}

/// The worst, the best, and some of what lies between.
fn power_cuts(step: usize) -> Vec<PowerCut> {
    let contents = [Contents::None, Contents::Prefix, Contents::Zeros, Contents::All];
    let seeds = (0..3).map(|seed| seed + 1000 * step as u64);
    let extreme = |names| contents.map(|contents| PowerCut { names, contents, seed: step as u64 });
    let between = seeds.flat_map(|seed| {
        [Contents::Some, Contents::None, Contents::All].map(|contents| PowerCut { names: Names::Some, contents, seed })
    });
    extreme(Names::None).into_iter().chain(extreme(Names::All)).chain(between).collect()
}

/// How many steps another process does before the power is cut.
const SOON: usize = 16;

#[derive(Debug, Default)]
struct Outcome {
    writes: usize,
    crashes: usize,
    lost: usize,
    wrong: usize,
}

/// Stops at each step in turn, on machines that `new` makes.
fn crash_everywhere(new: fn() -> Arc<Model>) -> Outcome {
    let whole = new();
    let mut seen = Seen::new();
    seen.live(&whole);
    let store = Store::open_in(Path::new(ROOT), whole.clone()).expect("it can be opened");
    let id = |version: &usize| seen.expected[version].graph.id();
    let whole_graph = |version: &usize| store.look_at_graph(id(version)).is_some();
    let changed_graph = |version: &usize| store.look_at_changed_graph(id(version)).is_some();
    let left = [1, 2, 3, 4].map(|version| (whole_graph(&version), changed_graph(&version)));
    let expected = [(true, false), (false, false), (false, true), (false, true)];
    assert_eq!(left, expected, "there is room for the last two, and what they change: {:?}", store.info());
    let mut outcome = Outcome { writes: whole.steps(), wrong: seen.wrong, ..Outcome::default() };
    // One more than there are: the power is cut after the last.
    for step in 0..=outcome.writes {
        let model = new();
        let mut seen = Seen::new();
        model.fail_from(step, ErrorKind::Other);
        seen.live(&model);
        assert_eq!(model.has_failed(), step < outcome.writes, "step {step} is there each time");
        for cut in power_cuts(step) {
            outcome.lost += seen.look_at(&model.after(cut));
        }
        outcome.crashes += power_cuts(step).len();
        outcome.wrong += seen.wrong;
        outcome.go_on_after(&model, &seen);
    }
    outcome
}

impl Outcome {
    /// Only the process died. Another goes on with what it left: until the power is cut, soon or in the end.
    fn go_on_after(&mut self, dead: &Model, seen: &Seen) {
        let worst = PowerCut { names: Names::None, contents: Contents::None, seed: 0 };
        for steps in (0..SOON).chain([usize::MAX]) {
            let model = dead.killed();
            let mut seen = seen.clone();
            seen.wrong = 0;
            model.fail_from(model.steps().saturating_add(steps), ErrorKind::Other);
            seen.live(&model);
            let cuts = if steps < SOON { vec![worst] } else { power_cuts(self.crashes) };
            self.lost += cuts.iter().map(|cut| seen.look_at(&model.after(*cut))).sum::<usize>();
            self.crashes += 1 + cuts.len();
            self.wrong += seen.wrong;
        }
    }
}

#[test]
fn a_store_that_is_stopped_anywhere_loses_nothing_and_reads_nothing_wrong() {
    let outcome = crash_everywhere(Model::new);
    let Outcome { writes, crashes, lost, wrong } = outcome;
    let _ = writeln!(std::io::stdout(), "{writes} writes; {crashes} crashes; {lost} lost, {wrong} wrong reads");
    assert_eq!((lost, wrong), (0, 0));
    assert!(writes > 80, "the day has become short: {writes} writes");
}

/// The test above would notice: on a disk that only says it syncs, graphs are lost; and still nothing wrong is read.
#[test]
fn a_disk_that_does_not_sync_loses_graphs_and_nothing_wrong_is_read() {
    let outcome = crash_everywhere(Model::dishonest);
    assert!(outcome.lost > 0, "{outcome:?}");
    assert_eq!(outcome.wrong, 0);
}

#[test]
fn a_disk_that_fills_up_anywhere_costs_warnings_only() {
    for how in [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem] {
        let whole = Model::new();
        Seen::new().live(&whole);
        for step in 0..whole.steps() {
            let model = Model::new();
            let mut seen = Seen::new();
            model.fail_from(step, how);
            seen.live(&model);
            let lost = seen.look_at(&model.killed());
            assert_eq!((lost, seen.wrong), (0, 0), "{how} from step {step} on");
        }
    }
}
