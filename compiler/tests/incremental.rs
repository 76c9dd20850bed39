//! Compiling again after edits gives, byte for byte, what compiling without a store gives: whatever was edited, whatever
//! lies in the store, on any number of threads.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::canon::{Id, Place};
use gitops_compiler::compile::{self, Compilation, Sources, compile, summarise};
use gitops_compiler::diagnostic::Diagnostic;
use gitops_compiler::lint::Levels;
use gitops_compiler::store::Store;
use gitops_compiler::tree::Snapshot;
use gitops_testdata::repository::RepositoryBuilder;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

type Files = BTreeMap<String, String>;

fn app() -> AppSpec {
    let directory = Directory { recurse: true, ..Directory::default() };
    AppSpec::folder("app".parse().expect("a name"), Source::directory(directory))
}

fn in_memory(files: &Files) -> Snapshot {
    Snapshot::from_memory(files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect())
}

/// All that a compilation gives.
fn outcome(made: Result<Compilation, compile::Error>) -> Result<Compilation, (Vec<Diagnostic>, usize)> {
    match made {
        Ok(made) => Ok(Compilation { memoised: false, ..made }),
        Err(compile::Error::Manifests { findings, files }) => Err((findings, files)),
        Err(error) => panic!("{error}"),
    }
}

fn whole(snapshot: &Snapshot, levels: &Levels, store: Option<&Store>) -> Result<Compilation, (Vec<Diagnostic>, usize)> {
    outcome(compile(&Sources::folder(snapshot, &app()), levels, store, &mut |warning| panic!("{warning}")))
}

fn same(
    left: &Result<Compilation, (Vec<Diagnostic>, usize)>,
    right: &Result<Compilation, (Vec<Diagnostic>, usize)>,
    what: &str,
) {
    match (left, right) {
        (Ok(left), Ok(right)) => {
            assert_eq!(left.graph, right.graph, "{what}");
            assert_eq!(left.graph.encode(), right.graph.encode(), "{what}");
            assert_eq!((left.recipe, left.files), (right.recipe, right.files), "{what}");
            assert_eq!((&left.provenance, &left.lints), (&right.provenance, &right.lints), "{what}");
        }
        (Err(left), Err(right)) => assert_eq!(left, right, "{what}"),
        _ => panic!("{what}: one compiles, the other does not: {left:?} {right:?}"),
    }
}

/// A document of each sort that matters: referred to and referring, with lints of its own and with others, custom and
/// their definitions, hooks, waves, names that are counted.
fn document() -> impl Strategy<Value = String> {
    // Few enough to be met again, and enough that most sets compile.
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "g", "h"]);
    let word = prop::sample::select(vec!["a", "b", "c", "yes", "x: y"]);
    (0..32_u8, name, word, any::<bool>()).prop_map(|(sort, name, word, flag)| {
        let head = |version: &str, kind: &str, more: &str| {
            format!("apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{more}")
        };
        let image = if flag { "nginx" } else { "nginx:1.29" };
        // What is missing ties a file to the others: then it is no change.
        let account = if flag { "default" } else { "a" };
        let pod = format!(
            "serviceAccountName: {account}\n      containers:\n      - name: c\n        image: {image}\n        env:\n        \
             - {{name: A, value: '{word}'}}\n        envFrom: [{{configMapRef: {{name: {name}, optional: {flag}}}}}]\n"
        );
        match sort {
            0..3 | 14..20 => head("v1", "ConfigMap", &format!("data:\n  key: '{word}'\n")),
            3 => head("v1", "ConfigMap", &format!("data:\n  key: '{word}'\n  key: again\n")),
            4 => head("v1", "Secret", &format!("stringData:\n  key: '{word}'\n")),
            8 => head("v1", "ServiceAccount", ""),
            9 => {
                let wave = if flag { "1" } else { word };
                head("v1", "ConfigMap", &format!("  annotations: {{argocd.argoproj.io/sync-wave: '{wave}'}}\n"))
            }
            10 => {
                let depends = format!("  annotations: {{config.kubernetes.io/depends-on: '/ConfigMap/{name}'}}\n");
                let back = format!("  annotations: {{config.kubernetes.io/depends-on: '/Secret/{name}'}}\n");
                if flag { head("v1", "Secret", &depends) } else { head("v1", "ConfigMap", &back) }
            }
            11 => format!(
                "apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: {name}-\n  annotations: \
                 {{argocd.argoproj.io/hook: PreSync}}\nspec: {{containers: [{{name: c, image: '{image}'}}]}}\n"
            ),
            12 => head(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                &format!(
                    "spec:\n  group: x.io\n  scope: Namespaced\n  names: {{kind: K{name}, plural: k{name}s}}\n  versions:\n  \
                     - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, properties: \
                     {{spec: {{type: object, properties: {{word: {{type: {}}}}}}}}}}}}}}}\n",
                    if flag { "string" } else { "integer" }
                ),
            ),
            13 => head("x.io/v1", &format!("K{name}"), &format!("spec: {{word: '{word}'}}\n")),
            _ => head("apps/v1", "Deployment", &format!("spec:\n  template:\n    spec:\n      {pod}")),
        }
    })
}

fn text() -> impl Strategy<Value = String> {
    let documents = || prop::collection::vec(document(), 0..3).prop_map(|documents| documents.join("---\n"));
    let broken =
        prop::sample::select(vec!["a: [\n", "kind: ConfigMap\n", "version https://git-lfs.github.com/spec/v1\n"]);
    prop_oneof![
        32 => documents(),
        4 => documents().prop_map(|text| format!("# moved\n\n---\n{text}")),
        1 => broken.prop_map(str::to_owned),
    ]
}

#[derive(Debug, Clone)]
enum Edit {
    Write(usize, String),
    Append(usize, String),
    /// Another value wherever there is one: what most edits are.
    Touch(usize, u8),
    Remove(usize),
    Rename(usize, usize),
    /// Flips a byte of a file of the store, or cuts it short.
    Damage(usize, usize, bool),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => (0..6_usize, text()).prop_map(|(file, text)| Edit::Write(file, text)),
        1 => (0..6_usize, document()).prop_map(|(file, document)| Edit::Append(file, document)),
        6 => (0..6_usize, any::<u8>()).prop_map(|(file, value)| Edit::Touch(file, value)),
        1 => (0..6_usize).prop_map(Edit::Remove),
        1 => (0..6_usize, 0..6_usize).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => (any::<usize>(), any::<usize>(), any::<bool>()).prop_map(|(file, at, cut)| Edit::Damage(file, at, cut)),
    ]
}

fn path(number: usize) -> String {
    format!("{}/{number}.yaml", ["x", "y"][number % 2])
}

fn act(files: &mut Files, edit: Edit, store: &Store) {
    match edit {
        Edit::Write(number, text) => drop(files.insert(path(number), text)),
        Edit::Append(number, document) => {
            let text = files.entry(path(number)).or_default();
            *text = format!("{text}---\n{document}");
        }
        Edit::Touch(number, value) => {
            if let Some(text) = files.get_mut(&path(number)) {
                let lines = text.lines().map(|line| match line.trim_start() {
                    found if found.starts_with("key: ") => format!("  key: 'touched {value}'\n"),
                    found if found.starts_with("image: ") => format!("        image: nginx:{value}\n"),
                    found if found.starts_with("---") && value > 128 => format!("# {value}\n---\n"),
                    _ => format!("{line}\n"),
                });
                *text = lines.collect();
            }
        }
        Edit::Remove(number) => drop(files.remove(&path(number))),
        Edit::Rename(from, to) => {
            if let Some(text) = files.remove(&path(from)) {
                files.insert(path(to), text);
            }
        }
        Edit::Damage(number, at, cut) => {
            let found = stored(store);
            if let Some(path) = found.get(number % found.len().max(1)) {
                let mut bytes = fs::read(path).expect("read");
                let at = at % bytes.len().max(1);
                if cut {
                    bytes.truncate(at);
                } else {
                    bytes[at] ^= 0x10;
                }
                fs::write(path, bytes).expect("written");
            }
        }
    }
}

fn files_in(store: &Store, folder: &str) -> Vec<PathBuf> {
    let listed = fs::read_dir(store.root().join(folder)).expect("a folder");
    listed.map(|entry| entry.expect("an entry").path()).collect()
}

/// The files of a store, sorted.
fn stored(store: &Store) -> Vec<PathBuf> {
    let mut found = ["changes", "graphs", "memo", "places"].map(|folder| files_in(store, folder)).concat();
    found.sort();
    found
}

#[test]
fn edits_give_what_a_compilation_without_a_store_gives() {
    let mut runner = TestRunner::new(ProptestConfig { cases: 96, ..ProptestConfig::default() });
    let edits = prop::collection::vec((edit(), any::<bool>()), 1..24);
    let made_as_changes = AtomicUsize::new(0);
    let tried = runner.run(&(prop::collection::vec(text(), 4), edits), |(texts, edits)| {
        made_as_changes.fetch_add(live(texts, edits), Ordering::Relaxed);
        Ok(())
    });
    tried.expect("they are the same");
    let made_as_changes = made_as_changes.into_inner();
    assert!(made_as_changes > 20, "only {made_as_changes} were changes of what was there");
}

/// Edits files and compiles after each edit, with one store. How many graphs were kept as changes.
fn live(texts: Vec<String>, edits: Vec<(Edit, bool)>) -> usize {
    let (_folder, store) = store();
    let mut files: Files = texts.into_iter().enumerate().map(|(number, text)| (path(number), text)).collect();
    let strict = Levels { deny: ["mutable-image".to_owned()].into(), ..Levels::default() };
    // Most documents here lack what the server demands; told they are where nothing is allowed.
    let allow = ["missing-field", "wrong-type"].map(str::to_owned).into();
    let lenient = Levels { allow, ..Levels::default() };
    for (edit, denied) in edits {
        let what = format!("{edit:?} of {files:#?}");
        act(&mut files, edit, &store);
        let snapshot = in_memory(&files);
        let levels = if denied { &strict } else { &lenient };
        let expected = whole(&snapshot, levels, None);
        // Who asks for the ids first has the graph made from what that left.
        let summary =
            summarise(&Sources::folder(&snapshot, &app()), levels, Some(&store), &mut |warning| panic!("{warning}"));
        assert_eq!(summary.is_ok(), expected.is_ok(), "{what}");
        if let (Ok(summary), Ok(expected)) = (&summary, &expected) {
            let graph = &expected.graph;
            assert_eq!((summary.graph, summary.recipe), (graph.id(), expected.recipe), "{what}");
            let roots = (summary.content_root, summary.hook_root);
            assert_eq!(roots, (graph.content_root(), graph.hook_root()), "{what}");
            assert_eq!(summary.lints, expected.lints, "{what}");
        }
        same(&whole(&snapshot, levels, Some(&store)), &expected, &what);
        same(&whole(&snapshot, levels, Some(&store)), &expected, &what);
    }
    changes(&store)
}

/// So many files that each of several threads has some.
fn services(changed: usize) -> Files {
    let revision = |index| u32::from(index == changed);
    gitops_testdata::services::services_with(60, "shop", revision).into_iter().collect()
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    (folder, store)
}

/// How many graphs are kept as changes.
fn changes(store: &Store) -> usize {
    files_in(store, "changes").len()
}

#[test]
fn one_value_after_the_other_is_a_change_each() {
    let (_folder, store) = store();
    for (round, threads) in [1, 2, 7].into_iter().enumerate() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        for changed in 5 * round..5 * round + 5 {
            let snapshot = in_memory(&services(changed));
            let made = pool.install(|| whole(&snapshot, &Levels::default(), Some(&store)));
            same(&made, &whole(&snapshot, &Levels::default(), None), "a service has changed");
        }
    }
    assert_eq!((changes(&store), store.info().expect("counted").graphs.files), (14, 15));
    assert_eq!(store.verify(false).expect("verified").damaged, Vec::<String>::new());
}

/// Each of these is found out by another look at the files.
#[test]
fn what_is_more_than_values_is_compiled_whole() {
    let (_folder, store) = store();
    let mut files = services(99);
    let mut compiled_as_change = |edit: &dyn Fn(&mut Files)| {
        let before = changes(&store);
        edit(&mut files);
        let snapshot = in_memory(&files);
        same(
            &whole(&snapshot, &Levels::default(), Some(&store)),
            &whole(&snapshot, &Levels::default(), None),
            "edited",
        );
        changes(&store) > before
    };
    let path = "services/service-0007.yaml";
    let replace = |from: &'static str, to: &'static str| {
        move |files: &mut Files| {
            let text = files.get_mut(path).expect("it is there");
            assert!(text.contains(from), "{from}");
            *text = text.replace(from, to);
        }
    };
    assert!(!compiled_as_change(&|_| ()), "the first");
    assert!(compiled_as_change(&replace("revision: \"0\"", "revision: \"7\"")));
    assert!(!compiled_as_change(&replace("kind: ConfigMap", "kind: ConfigMap # a word")), "the same graph: no change");
    assert!(compiled_as_change(&replace("revision: \"7\"", "more: lines\n  revision: \"8\"")));
    assert!(!compiled_as_change(&|files| drop(files.remove("services/service-0008.yaml"))), "a file is gone");
    assert!(compiled_as_change(&replace("revision: \"8\"", "revision: \"9\"")), "there is a new baseline");
    assert!(!compiled_as_change(&replace("serviceAccountName: service-0007", "serviceAccountName: service-0006")));
    let touch_all = |files: &mut Files| {
        for text in files.values_mut() {
            *text = text.replace("revision: \"0\"", "revision: \"10\"");
        }
    };
    assert!(!compiled_as_change(&touch_all), "too many");
}

#[test]
fn a_repository_is_compiled_again_from_commits_and_from_the_working_tree() {
    let (_folder, store) = store();
    let repository = RepositoryBuilder::new().expect("a repository");
    let opened = || gitops_compiler::tree::Repository::discover(repository.path()).expect("a repository");
    for round in 0..3 {
        for (path, text) in services(round) {
            repository.write(&format!("deploy/{path}"), text).expect("written");
        }
        let tree = opened().working_tree("deploy", Some(&store)).expect("a tree");
        same(&whole(&tree, &Levels::default(), Some(&store)), &whole(&tree, &Levels::default(), None), "working tree");
        repository.commit("Again").expect("committed");
        let before = changes(&store);
        let commit = opened().commit("HEAD", "deploy").expect("a tree");
        same(&whole(&commit, &Levels::default(), Some(&store)), &whole(&commit, &Levels::default(), None), "commit");
        assert_eq!(changes(&store), before, "it is the same recipe");
    }
    assert_eq!(changes(&store), 2);
}

/// The baseline of the store, with the name of the compiler in it written by `rename`, and a checksum that fits.
fn sign_anew(store: &Store, rename: impl Fn(&mut [u8])) {
    let [path] = &files_in(store, "places")[..] else { panic!("one baseline") };
    let id: Id<Place> = path.file_name().and_then(|name| name.to_str()).expect("a name").parse().expect("an id");
    let mut entry = fs::read(path).expect("read").split_off(32);
    let compiler = env!("GITOPS_COMPILER_SOURCES").as_bytes();
    let at = entry.windows(compiler.len()).position(|bytes| bytes == compiler).expect("it names its compiler");
    rename(&mut entry[at..at + compiler.len()]);
    let checksum = blake3::keyed_hash(id.digest(), &entry);
    fs::write(path, [checksum.as_bytes(), &entry[..]].concat()).expect("written");
}

#[test]
fn what_another_compiler_left_is_not_used() {
    for (another, expected) in [(false, 1), (true, 0)] {
        let (_folder, store) = store();
        let compiled = |changed| {
            let snapshot = in_memory(&services(changed));
            let made = whole(&snapshot, &Levels::default(), Some(&store));
            same(&made, &whole(&snapshot, &Levels::default(), None), "whoever was there before");
        };
        compiled(99);
        sign_anew(&store, |name| name[0] ^= u8::from(another));
        compiled(7);
        assert_eq!(changes(&store), expected);
    }
}
