//! The driver end to end: one tree has one graph, however, wherever and with whatever store it is compiled.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::compile::{self, Compilation, Sources, compile};
use gitops_compiler::lint::Levels;
use gitops_compiler::store::Store;
use gitops_compiler::tree::{Repository, Snapshot};
use gitops_testdata::repository::RepositoryBuilder;

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\n  namespace: shop\ndata:\n  key: value\n";
const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec:\n  containers:\n  - name: web\n    \
                   image: example.com/web:1\n    envFrom: [{configMapRef: {name: config}}]\n";
/// With a field that Kubernetes does not know and one that is missing, both of which are denied by default.
const INVALID: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  slector: {}\n  ports:\n  - name: http\n";
/// With a key twice, for a lint.
const LINTED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: linted\ndata:\n  key: a\n  key: b\n";

fn files() -> BTreeMap<String, String> {
    let named = [("config.yaml", CONFIG), ("base/namespace.yaml", NAMESPACE), ("pod.yaml", POD), ("lint.yaml", LINTED)];
    named.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

fn in_memory(files: BTreeMap<String, String>) -> Snapshot {
    Snapshot::from_memory(files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect())
}

fn app() -> AppSpec {
    let directory = Directory { recurse: true, ..Directory::default() };
    AppSpec::folder("app".parse().expect("a name"), Source::directory(directory))
}

/// Compiles, and nothing may be warned of.
fn compiled(snapshot: &Snapshot, store: Option<&Store>) -> Compilation {
    let mut warnings = Vec::new();
    let compilation =
        compile(&Sources::folder(snapshot, &app()), &Levels::default(), store, &mut |warning| warnings.push(warning))
            .expect("it compiles");
    assert_eq!(warnings, Vec::<String>::new());
    compilation
}

fn same(left: &Compilation, right: &Compilation) {
    assert_eq!(left.graph, right.graph);
    assert_eq!((left.graph.id(), left.recipe, left.files), (right.graph.id(), right.recipe, right.files));
    assert_eq!((&left.provenance, &left.lints), (&right.provenance, &right.lints));
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    (folder, store)
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn the_second_run_is_remembered_and_gives_the_same() {
    let (_folder, store) = store();
    let snapshot = in_memory(files());
    let without = compiled(&snapshot, None);
    let first = compiled(&snapshot, Some(&store));
    let second = compiled(&snapshot, Some(&store));
    assert_eq!([without.memoised, first.memoised, second.memoised], [false, false, true]);
    same(&without, &first);
    same(&first, &second);
    assert_eq!((first.graph.resources().len(), first.lints.len(), first.files), (4, 1, 4));
    let another = Store::open(store.root().parent().expect("its folder")).expect("opened again");
    assert!(compiled(&snapshot, Some(&another)).memoised);
}

#[test]
fn the_name_of_the_application_is_no_part_of_the_graph() {
    let snapshot = in_memory(files());
    let other = AppSpec { name: "other".parse().expect("a name"), ..app() };
    let compilation =
        compile(&Sources::folder(&snapshot, &other), &Levels::default(), None, &mut |_| ()).expect("it compiles");
    same(&compilation, &compiled(&snapshot, None));
}

#[test]
fn what_the_schemas_say_is_remembered_with_its_places() {
    let (_folder, store) = store();
    let mut invalid = files();
    invalid.insert("service.yaml".to_owned(), INVALID.to_owned());
    let snapshot = in_memory(invalid);
    let allowing = Levels { allow: ["unknown-field", "missing-field"].map(str::to_owned).into(), ..Levels::default() };
    let run = |levels: &Levels| compile(&Sources::folder(&snapshot, &app()), levels, Some(&store), &mut |_| ());
    let refused = |levels: &Levels| {
        let Err(compile::Error::Manifests { findings, .. }) = run(levels) else { panic!("it compiles") };
        findings.iter().map(ToString::to_string).filter(|told| told.contains("error")).collect::<Vec<_>>()
    };
    let first = refused(&Levels::default());
    assert_eq!(
        first,
        [
            "service.yaml:5:3: error[unknown-field]: Service web: unknown field `spec.slector`, did you mean `selector`?",
            "service.yaml:7:5: error[missing-field]: Service web: missing field `spec.ports[0].port`, which must be set",
        ]
    );
    assert_eq!(refused(&Levels::default()), first, "from the memo");
    let allowed = run(&allowing).expect("it compiles");
    assert!(allowed.memoised && allowed.graph.resources().len() == 5);
}

#[test]
fn a_moved_folder_is_known_and_its_places_are_the_new_ones() {
    let (_folder, store) = store();
    let repository = RepositoryBuilder::new().expect("a repository");
    for (path, text) in files() {
        repository.write(&format!("old/{path}"), &text).expect("written");
        repository.write(&format!("deep/new/{path}"), &text).expect("written");
    }
    repository.commit("Two folders").expect("committed");
    let opened = Repository::discover(repository.path()).expect("opened");
    let old = compiled(&opened.commit("HEAD", "old").expect("a commit"), Some(&store));
    let moved_commit = opened.commit("HEAD", "deep/new").expect("a commit");
    let new = compiled(&moved_commit, Some(&store));
    assert_eq!((new.graph.id(), new.recipe, new.memoised), (old.graph.id(), old.recipe, true));
    let places = |compilation: &Compilation| -> Vec<String> {
        let origins = compilation.provenance.origins.iter().chain(compilation.lints.iter().map(|lint| &lint.origin));
        origins.map(|origin| origin.path.clone()).collect()
    };
    let moved = |path: &String| path.replacen("old/", "deep/new/", 1);
    assert_eq!(places(&new), places(&old).iter().map(moved).collect::<Vec<_>>());
    assert_eq!(places(&new), places(&compiled(&moved_commit, None)), "as without a store");
    assert!(
        compiled(&opened.working_tree("old", None).expect("a working tree"), Some(&store)).memoised,
        "a clean tree, too"
    );
}

#[test]
fn comments_styles_and_the_order_of_documents_do_not_change_the_content() {
    let plain = compiled(&in_memory(files()), None);
    let json = r#"{"data": {"key": "value"}, "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"namespace": "shop", "name": "config"}}"#;
    let all = format!("# all in one file\n---\n{POD}---\n{LINTED}\n---\n{NAMESPACE}# the end\n---\n{json}\n");
    let other = compiled(&in_memory(BTreeMap::from([("all.yml".to_owned(), all)])), None);
    assert_ne!(other.recipe, plain.recipe, "other files");
    assert_eq!(other.graph.content_root(), plain.graph.content_root());
    assert_eq!(other.graph.id(), plain.graph.id());
    let mut changed = files();
    changed.insert("config.yaml".to_owned(), CONFIG.replace("value", "other"));
    assert_ne!(compiled(&in_memory(changed), None).graph.content_root(), plain.graph.content_root());
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let many = |index: usize| (format!("{index:03}.yaml"), CONFIG.replace("name: config", &format!("name: c{index}")));
    let snapshot = in_memory(files().into_iter().chain((0..300).map(many)).collect());
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| compiled(&snapshot, None))
    };
    let one = with_threads(1);
    assert_eq!(one.graph.resources().len(), 304);
    same(&one, &with_threads(2));
    same(&one, &with_threads(7));
}

#[test]
fn errors_of_all_files_are_told_together_and_nothing_is_remembered() {
    let (_folder, store) = store();
    let mut broken = files();
    broken.insert("broken.yaml".to_owned(), "a: [\n".to_owned());
    broken.insert("again.yaml".to_owned(), CONFIG.to_owned());
    broken.insert("nameless.yaml".to_owned(), "apiVersion: v1\nkind: ConfigMap\n".to_owned());
    let snapshot = in_memory(broken);
    for _ in 0..2 {
        let error = compile(&Sources::folder(&snapshot, &app()), &Levels::default(), Some(&store), &mut |_| ())
            .expect_err("it does not compile");
        let compile::Error::Manifests { findings, files } = error else { panic!("{error}") };
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        for path in ["broken.yaml:", "nameless.yaml:", "lint.yaml:"] {
            assert!(told.iter().any(|line| line.starts_with(path)), "{path} in {told:#?}");
        }
        assert!(findings.is_sorted() && files == 7, "{told:#?}");
    }
    assert_eq!(store.info().expect("counted").memo.files, 0);
}

#[test]
fn a_damaged_store_is_not_believed() {
    let snapshot = in_memory(files());
    let expected = compiled(&snapshot, None);
    for folder in ["graphs", "memo"] {
        let (_folder, store) = store();
        compiled(&snapshot, Some(&store));
        let [path] = &files_of(&store.root().join(folder))[..] else { panic!("one file in {folder}") };
        let whole = fs::read(path).expect("read");
        for index in [0, 8, 31, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[index] ^= 0x10;
            fs::write(path, &damaged).expect("written");
            same(&compiled(&snapshot, Some(&store)), &expected);
        }
        for bytes in [&[][..], &whole[..whole.len() / 2], b"something else"] {
            fs::write(path, bytes).expect("written");
            let compilation = compiled(&snapshot, Some(&store));
            assert!(!compilation.memoised, "{folder}");
            same(&compilation, &expected);
        }
        assert!(store.verify(true).is_ok());
        compiled(&snapshot, Some(&store));
        assert!(compiled(&snapshot, Some(&store)).memoised, "repaired by the next compilation");
    }
}

#[test]
fn an_entry_of_another_recipe_is_not_believed() {
    let (_folder, store) = store();
    let snapshot = in_memory(files());
    compiled(&in_memory(BTreeMap::from([("a.yaml".to_owned(), NAMESPACE.to_owned())])), Some(&store));
    let [other] = &files_of(&store.root().join("memo"))[..] else { panic!("one entry") };
    let recipe = compiled(&snapshot, None).recipe;
    fs::copy(other, store.root().join("memo").join(recipe.to_string())).expect("copied");
    let compilation = compiled(&snapshot, Some(&store));
    assert!(!compilation.memoised);
    assert_eq!(compilation.graph.resources().len(), 4);
}

/// Found by fuzzing: levels are asked only for lints that there are.
#[test]
fn an_entry_with_a_lint_that_is_none_is_not_believed() {
    let (_folder, store) = store();
    let snapshot = in_memory(files());
    let whole = compiled(&snapshot, Some(&store));
    let mut entry = store.memo(whole.recipe).expect("an entry");
    let name = b"duplicate-key";
    let at = entry.windows(name.len()).position(|window| window == name).expect("its lint");
    entry[at] ^= 1;
    store.put_memo(whole.recipe, &entry).expect("written");
    let again = compiled(&snapshot, Some(&store));
    assert_eq!(again.lints, whole.lints);
    same(&again, &whole);
}

#[test]
fn a_store_that_cannot_be_written_only_warns() {
    let (_folder, store) = store();
    let snapshot = in_memory(files());
    // For root, too, a path below a file is no place to write.
    fs::remove_dir(store.root().join("tmp")).expect("removed");
    fs::write(store.root().join("tmp"), "a file").expect("written");
    let mut warnings = Vec::new();
    let compilation = compile(&Sources::folder(&snapshot, &app()), &Levels::default(), Some(&store), &mut |warning| {
        warnings.push(warning);
    });
    same(&compilation.expect("it compiles"), &compiled(&snapshot, None));
    let [warning] = &warnings[..] else { panic!("one warning: {warnings:?}") };
    assert!(warning.starts_with("cannot use the store at ") && warning.ends_with("; going on without it"), "{warning}");
}

#[test]
fn a_file_is_no_place_for_a_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, "").expect("written");
    let error = Store::open(&path).expect_err("it is a file");
    assert_eq!(error.to_string(), format!("cannot use the store at {}", path.join("v1/graphs").display()));
}

const RULES: &str = "references:\n- from: {kinds: [ConfigMap]}\n  field: data.after\n  to: {kind: ConfigMap}\n";

/// Two objects of which one names the other in a field that only the user knows.
fn written() -> BTreeMap<String, String> {
    let config = |name: &str, after: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{after: {after}}}\n")
    };
    let named = [("a.yaml", config("a", "b")), ("b.yaml", config("b", "none")), ("c.yaml", config("c", "none"))];
    named.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
}

fn edges(compilation: &Compilation) -> Vec<String> {
    let graph = &compilation.graph;
    let told = graph
        .edges()
        .iter()
        .map(|edge| format!("{} -> {} {}", graph.node_name(edge.from), graph.node_name(edge.to), edge.rule.name));
    told.collect()
}

#[test]
fn the_rules_of_an_application_are_part_of_its_recipe() {
    let (_folder, store) = store();
    let mut files = written();
    let without = compiled(&in_memory(files.clone()), Some(&store));
    assert_eq!(edges(&without), Vec::<String>::new());
    files.insert(".gitops/edges.yaml".to_owned(), RULES.to_owned());
    let with = compiled(&in_memory(files.clone()), Some(&store));
    assert_eq!(edges(&with), ["ConfigMap a -> ConfigMap b edge-rule"]);
    assert_ne!((without.recipe, without.graph.id()), (with.recipe, with.graph.id()));
    assert_eq!((without.graph.content_root(), with.files), (with.graph.content_root(), 3), "it is no manifest");
    // A value that only the user's rules read.
    let other = files["a.yaml"].replace("after: b", "after: c");
    files.insert("a.yaml".to_owned(), other);
    let changed = compiled(&in_memory(files.clone()), Some(&store));
    assert_eq!(edges(&changed), ["ConfigMap a -> ConfigMap c edge-rule"]);
    same(&changed, &compiled(&in_memory(files.clone()), None));
    files.remove(".gitops/edges.yaml");
    assert_eq!(edges(&compiled(&in_memory(files), Some(&store))), Vec::<String>::new());
}

#[test]
fn rules_that_are_wrong_are_told_with_everything_else_and_those_of_folders_below_are_theirs() {
    let mut files = written();
    files.insert(".gitops/edges.yaml".to_owned(), "references:\n- form: {}\n".to_owned());
    files.insert("broken.yaml".to_owned(), "a: [\n".to_owned());
    let made = compile(&Sources::folder(&in_memory(files.clone()), &app()), &Levels::default(), None, &mut |_| ());
    let Err(compile::Error::Manifests { findings, .. }) = made else { panic!("it compiles") };
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with(".gitops/edges.yaml:2:3: error: references[0]: unknown field `form`"), "{told:?}");
    files.remove("broken.yaml");
    files.remove(".gitops/edges.yaml");
    files.insert("below/.gitops/edges.yaml".to_owned(), RULES.to_owned());
    assert_eq!(edges(&compiled(&in_memory(files), None)), Vec::<String>::new());
}

#[test]
fn what_was_dropped_is_remembered_and_explained() {
    let (_folder, store) = store();
    let mut files = files();
    let after = "metadata:\n  annotations: {config.kubernetes.io/depends-on: /namespaces/shop/Pod/web}\n";
    files.insert("config.yaml".to_owned(), CONFIG.replace("metadata:\n", after));
    let snapshot = in_memory(files);
    let first = compiled(&snapshot, Some(&store));
    let second = compiled(&snapshot, Some(&store));
    assert!(second.memoised);
    same(&first, &second);
    let node = |name: &str| (0..4).find(|node| second.graph.node_name(*node) == name).expect(name);
    let [pod, config, namespace] = ["Pod shop/web", "ConfigMap shop/config", "Namespace shop"].map(node);
    let explanation = second.explain(pod, config);
    assert!(explanation.path.is_empty() && explanation.back.len() == 1, "{explanation:?}");
    let left_out = &explanation.left_out[0];
    assert_eq!(left_out.because.field, "spec.containers[web].envFrom");
    assert_eq!(left_out.because.origin.as_ref().map(ToString::to_string), Some("pod.yaml:1".to_owned()));
    assert_eq!(left_out.circle, explanation.back);
    let direct = second.explain(config, namespace);
    assert_eq!((direct.path.len(), direct.path[0].edge.rule.name), (1, "namespace"));
    assert_eq!(second.explain(namespace, pod).left_out, []);
}
