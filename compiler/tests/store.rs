//! The store on a real file system: builds and collectors at the same time, a full disk, a disk that is read-only.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::compile::{Compilation, Sources, compile};
use gitops_compiler::lint::Levels;
use gitops_compiler::store::{Keep, Store};
use gitops_compiler::tree::Snapshot;

const EVERYTHING: Keep = Keep { used_within: Duration::ZERO, max_bytes: Some(0) };

/// An application of `count` objects that no other version has.
fn snapshot(version: usize, count: usize) -> Snapshot {
    let file = |index: usize| {
        // Each line is another, so that it cannot be compressed to nothing.
        let line = |line| format!("  k{line}: '{:x}'\n", mixed(version, index, line));
        let data = (0..20).map(line).collect::<Vec<_>>().concat();
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{index}}}\ndata:\n{data}");
        (format!("{index}.yaml"), text.into_bytes())
    };
    Snapshot::from_memory((0..count).map(file).collect::<BTreeMap<_, _>>())
}

fn mixed(version: usize, index: usize, line: usize) -> u64 {
    gitops_testdata::random::SplitMix64::new((version << 32 | index << 8 | line) as u64).number()
}

fn compiled(snapshot: &Snapshot, store: Option<&Store>) -> (Compilation, Vec<String>) {
    let app = AppSpec::folder("app".parse().expect("a name"), Source::directory(Directory::default()));
    let mut warnings = Vec::new();
    let made =
        compile(&Sources::folder(snapshot, &app), &Levels::default(), store, &mut |warning| warnings.push(warning));
    (made.expect("it compiles"), warnings)
}

/// What is locked is an opened file, so threads stand for processes here; `store_gc_runs_beside_compilations` of the
/// transcripts has processes.
#[test]
fn builds_and_collectors_run_at_the_same_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = || Store::open(folder.path()).expect("a store");
    let snapshots: Vec<Snapshot> = (0..4).map(|version| snapshot(version, 3)).collect();
    let expected: Vec<Compilation> = snapshots.iter().map(|snapshot| compiled(snapshot, None).0).collect();
    let (building, removed) = (AtomicUsize::new(4), AtomicUsize::new(0));
    let begun = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (snapshots, expected) = (&snapshots, &expected);
            let (building, removed, begun) = (&building, &removed, &begun);
            scope.spawn(move || {
                for round in 0..10_000 {
                    // At least as often, and until something was collected in the middle.
                    if round >= 100 && removed.load(Ordering::Relaxed) > 0 {
                        break;
                    }
                    let version = (round + thread) % snapshots.len();
                    let (made, warnings) = compiled(&snapshots[version], Some(&store()));
                    assert_eq!(warnings, Vec::<String>::new(), "round {round}");
                    assert_eq!(made.graph, expected[version].graph);
                    assert_eq!((made.provenance, made.lints.len()), (expected[version].provenance.clone(), 0));
                    begun.store(true, Ordering::Relaxed);
                }
                building.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let (building, removed, begun) = (&building, &removed, &begun);
        for _ in 0..2 {
            scope.spawn(move || {
                while building.load(Ordering::Relaxed) > 0 {
                    if begun.load(Ordering::Relaxed) {
                        let collected = store().collect(EVERYTHING).expect("collected");
                        removed.fetch_add(collected.removed, Ordering::Relaxed);
                    }
                    std::thread::yield_now();
                }
            });
        }
    });
    assert!(store().verify(false).expect("verified").damaged.is_empty());
    removed.fetch_add(store().collect(EVERYTHING).expect("collected").removed, Ordering::Relaxed);
    assert!(removed.into_inner() >= 8, "a graph and an entry of each version");
    assert_eq!(store().info().expect("counted").total().files, 0);
}

#[test]
fn a_build_that_relies_on_a_graph_finds_it_until_it_is_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let building = store.begin_build();
    let (made, _) = compiled(&snapshot(1, 1), Some(&store));
    let collector = Store::open(folder.path()).expect("a store");
    assert_eq!(collector.collect(EVERYTHING).expect("collected").in_use, 3, "the graph, its entry, the baseline");
    assert_eq!(store.graph(made.graph.id()).as_ref(), Some(&made.graph));
    drop(building);
    assert_eq!(collector.collect(EVERYTHING).expect("collected").removed, 3);
    assert_eq!(store.graph(made.graph.id()), None);
}

/// A small file system in memory; `None`, and a line that says so, where we may not mount one.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let options = format!("size={size},mode=700");
        if run("mount", &["-t", "tmpfs", "-o", &options, "none"], folder.path()) {
            return Some(Self(folder));
        }
        let _ = writeln!(std::io::stdout(), "skipped: no file system may be mounted here (that takes root)");
        None
    }

    fn make_read_only(&self) {
        assert!(run("mount", &["-o", "remount,ro"], self.0.path()), "remounted");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &[], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    let output = Command::new(program).args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_disk_costs_a_warning() {
    let Some(mount) = Mount::new("64k") else { return };
    let store = Store::open(mount.0.path()).expect("a store");
    let large = snapshot(1, 400);
    let expected = compiled(&large, None).0;
    for _ in 0..2 {
        let (made, warnings) = compiled(&large, Some(&store));
        assert_eq!((&made.graph, made.memoised), (&expected.graph, false));
        let [warning] = &warnings[..] else { panic!("one warning: {warnings:?}") };
        assert!(warning.contains("No space left on device"), "{warning}");
    }
    assert_eq!(store.info().expect("counted").total().files, 0, "nothing half is left");
    let small = snapshot(2, 1);
    assert_eq!(compiled(&small, Some(&store)).1, Vec::<String>::new());
    assert!(compiled(&small, Some(&store)).0.memoised, "what has room is remembered");
}

#[test]
fn a_read_only_disk_is_read_and_costs_a_warning() {
    let Some(mount) = Mount::new("1m") else { return };
    let (known, unknown) = (snapshot(1, 1), snapshot(2, 1));
    compiled(&known, Some(&Store::open(mount.0.path()).expect("a store")));
    mount.make_read_only();
    let store = Store::open(mount.0.path()).expect("it can be read");
    let (made, warnings) = compiled(&known, Some(&store));
    assert!(made.memoised && warnings.is_empty(), "{warnings:?}");
    let (made, warnings) = compiled(&unknown, Some(&store));
    assert_eq!(made.graph, compiled(&unknown, None).0.graph);
    let [warning] = &warnings[..] else { panic!("one warning: {warnings:?}") };
    assert!(warning.contains("Read-only file system") && warning.ends_with("; going on without it"), "{warning}");
    assert!(store.verify(false).expect("verified").damaged.is_empty());
    let error = store.collect(EVERYTHING).expect_err("nothing can be removed");
    assert_eq!(error.source.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    // Nothing is there yet, and nothing can be made.
    assert!(Store::open(&mount.0.path().join("new")).is_err());
}
