//! Files that Git LFS keeps: a commit with pointers and its working tree with contents are one thing, and no content is
//! believed or looked for before it must be.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gitops_compiler::tree::{
    EntryKind, Error, File, FileMemo, LargeFile, LargeFiles, Pointer, Repository, Snapshot, Submodule,
};
use gitops_compiler::tree::{Submodules, Tree};
use gitops_testdata::repository::RepositoryBuilder;

use super::{FIRST, OTHER, SECOND, compiled, paths, read, refused, try_compile};

const ATTRIBUTES: &str = "*.big.yaml filter=lfs diff=lfs merge=lfs -text\n";

/// Gives contents by their oids, and remembers what was asked for.
#[derive(Default)]
struct Giving {
    contents: BTreeMap<String, Vec<u8>>,
    asked: Mutex<Vec<LargeFile>>,
    /// What was said to be asked for together.
    together: Mutex<Vec<Vec<Pointer>>>,
}

impl Giving {
    fn new(contents: &[&str]) -> Arc<Self> {
        let of = |content: &&str| (Pointer::of(content.as_bytes()).oid(), content.as_bytes().to_vec());
        Arc::new(Self { contents: contents.iter().map(of).collect(), ..Self::default() })
    }

    fn asked(&self) -> Vec<LargeFile> {
        std::mem::take(&mut self.asked.lock().expect("not poisoned"))
    }

    fn together(&self) -> Vec<Vec<Pointer>> {
        std::mem::take(&mut self.together.lock().expect("not poisoned"))
    }
}

impl LargeFiles for Giving {
    fn content(&self, file: &LargeFile) -> Result<Vec<u8>, String> {
        self.asked.lock().expect("not poisoned").push(file.clone());
        self.contents.get(&file.pointer.oid()).cloned().ok_or_else(|| "nobody has it".to_owned())
    }

    fn prepare(&self, files: &[LargeFile]) {
        let pointers = files.iter().map(|file| file.pointer).collect();
        self.together.lock().expect("not poisoned").push(pointers);
    }
}

fn pointer(content: &str) -> String {
    Pointer::of(content.as_bytes()).text()
}

/// A repository whose only commit has the pointer of `FIRST` at `app/a.big.yaml`, and a plain manifest beside it.
fn example() -> RepositoryBuilder {
    let repository = RepositoryBuilder::new().expect("a repository");
    repository.write(".gitattributes", ATTRIBUTES).expect("written").write("app/b.yaml", OTHER).expect("written");
    repository.write("app/a.big.yaml", pointer(FIRST)).expect("written").commit("First").expect("committed");
    repository
}

fn open(repository: &RepositoryBuilder) -> Arc<Repository> {
    Arc::new(Repository::discover(repository.path()).expect("a repository"))
}

fn working_tree(repository: &RepositoryBuilder, giving: &Arc<Giving>) -> Tree {
    Tree::of_working_tree(open(repository), None).with_large_files(Some(Arc::clone(giving) as _))
}

fn commit(repository: &RepositoryBuilder, giving: &Arc<Giving>) -> Tree {
    let tree = Tree::of_commit(open(repository), "HEAD").expect("a commit");
    tree.with_large_files(Some(Arc::clone(giving) as _))
}

fn folder(tree: &Tree) -> Arc<Snapshot> {
    tree.folder("app").expect("a folder")
}

/// Where `git lfs` keeps a content.
fn kept(repository: &RepositoryBuilder, content: &str) -> PathBuf {
    let oid = Pointer::of(content.as_bytes()).oid();
    repository.path().join(format!(".git/lfs/objects/{}/{}/{oid}", &oid[..2], &oid[2..4]))
}

fn keep(repository: &RepositoryBuilder, content: &str, bytes: &[u8]) {
    let path = kept(repository, content);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, bytes).expect("written");
}

/// What a folder that cannot be compiled says.
fn told(snapshot: &Snapshot) -> Vec<String> {
    match try_compile(snapshot) {
        Err(gitops_compiler::compile::Error::Manifests { findings, .. }) => {
            findings.iter().map(ToString::to_string).collect()
        }
        other => panic!("it is refused: {other:?}"),
    }
}

#[test]
fn a_commit_and_its_clean_working_tree_are_one_whether_contents_or_pointers_lie_there() {
    let repository = example();
    let giving = Giving::new(&[FIRST]);
    let of_commit = folder(&commit(&repository, &giving));
    let with_pointer = folder(&working_tree(&repository, &giving));
    repository.write("app/a.big.yaml", FIRST).expect("written");
    let with_content = folder(&working_tree(&repository, &giving));
    let expected = compiled(&of_commit);
    for tree in [&with_pointer, &with_content] {
        assert!(!tree.dirty);
        assert_eq!(tree.entries(), of_commit.entries());
        let found = compiled(tree);
        assert_eq!((found.graph.id(), found.recipe), (expected.graph.id(), expected.recipe));
        assert_eq!(read(tree, "app/a.big.yaml").expect("its content"), FIRST);
    }
    // As a file of Git's own it is the same resource, by another recipe.
    let plain = RepositoryBuilder::new().expect("a repository");
    plain.write("app/b.yaml", OTHER).expect("written").write("app/a.big.yaml", FIRST).expect("written");
    plain.commit("First").expect("committed");
    let found = compiled(&folder(&Tree::of_commit(open(&plain), "HEAD").expect("a commit")));
    assert_eq!(found.graph.id(), expected.graph.id());
    assert_ne!(found.recipe, expected.recipe);

    repository.write("app/a.big.yaml", SECOND).expect("written");
    let changed = folder(&working_tree(&repository, &giving));
    assert!(changed.dirty);
    assert_eq!(read(&changed, "app/a.big.yaml").expect("its content"), SECOND);
    assert_ne!(compiled(&changed).graph.id(), expected.graph.id());
}

#[test]
fn nobody_is_asked_before_a_content_is_read_and_not_for_what_is_here() {
    let repository = example();
    let giving = Giving::new(&[FIRST]);
    for tree in [commit(&repository, &giving), working_tree(&repository, &giving)] {
        let file = tree.file("app/a.big.yaml").expect("a tree").expect("a file");
        assert_eq!(paths(&folder(&tree)), ["app/a.big.yaml", "app/b.yaml"]);
        assert!(file.entry.identity().is_some() && giving.asked().is_empty());
        assert_eq!(file.read().expect("its content"), FIRST.as_bytes());
        assert_eq!(giving.asked(), [LargeFile { pointer: Pointer::of(FIRST.as_bytes()), server: None }]);
    }
    keep(&repository, FIRST, FIRST.as_bytes());
    let alone = Giving::new(&[]);
    for tree in [commit(&repository, &alone), working_tree(&repository, &alone)] {
        assert_eq!(read(&folder(&tree), "app/a.big.yaml").expect("its content"), FIRST);
    }
    assert!(alone.asked().is_empty());
}

#[test]
fn those_that_are_about_to_be_read_are_asked_for_together_and_no_others() {
    let repository = example();
    repository.write("app/c.big.yaml", pointer(SECOND)).expect("written");
    repository.write("app/same.big.yaml", pointer(SECOND)).expect("written");
    repository.write("app/d.big.yaml", pointer("d")).expect("written");
    repository.write("app/text.big.yaml", "in Git").expect("written");
    repository.write("elsewhere/e.big.yaml", pointer("e")).expect("written");
    let huge = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize \
                99999999\n";
    repository.write("app/huge.big.yaml", huge).expect("written").commit("More").expect("committed");
    let giving = Giving::new(&[FIRST, SECOND, "d", "e"]);
    let prepare = |tree: &Tree| {
        let app = folder(tree);
        app.prepare(&app.entries().iter().collect::<Vec<_>>());
        giving.together().into_iter().map(|some| some.into_iter().collect::<BTreeSet<_>>()).collect::<Vec<_>>()
    };
    let of =
        |contents: &[&str]| contents.iter().map(|content| Pointer::of(content.as_bytes())).collect::<BTreeSet<_>>();
    for tree in [commit(&repository, &giving), working_tree(&repository, &giving)] {
        assert_eq!(prepare(&tree), [of(&[FIRST, SECOND, "d"])]);
        let file = |path: &str| tree.file(path).expect("a tree").expect("a file");
        let files = [file("app/a.big.yaml"), file("elsewhere/e.big.yaml"), file("app/b.yaml"), file("app/d.big.yaml")];
        File::prepare(files.iter());
        let asked: BTreeSet<Pointer> = giving.together().into_iter().flatten().collect();
        assert!(asked.is_superset(&of(&[FIRST, "d"])) && asked.is_subset(&of(&[FIRST, "d", "e"])), "{asked:?}");
    }
    // Not what is in the clone, and not where one is left: that is asked for when it is read.
    keep(&repository, FIRST, FIRST.as_bytes());
    assert_eq!(prepare(&commit(&repository, &giving)), [of(&[SECOND, "d"])]);
    keep(&repository, "d", b"d");
    assert!(prepare(&commit(&repository, &giving)).is_empty());
    // Nor what lies in the working tree.
    std::fs::remove_dir_all(repository.path().join(".git/lfs")).expect("removed");
    repository.write("app/a.big.yaml", FIRST).expect("written");
    assert_eq!(prepare(&working_tree(&repository, &giving)), [of(&[SECOND, "d"])]);
    assert!(giving.asked().is_empty(), "nothing was read");
}

#[test]
fn all_large_files_of_a_tree_are_checked() {
    let repository = example();
    repository.write("deep/c.big.yaml", pointer(SECOND)).expect("written").commit("More").expect("committed");
    let check = |giving: &Arc<Giving>| {
        let root = commit(&repository, giving).folder("").expect("a folder");
        root.check_large_files().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(check(&Giving::new(&[FIRST, SECOND])).is_empty());
    let giving = Giving::new(&[SECOND]);
    let faults = check(&giving);
    assert!(faults.len() == 1 && faults[0].contains("app/a.big.yaml"), "{faults:?}");
    assert_eq!((giving.together().len(), giving.asked().len()), (1, 2));
    let unwanted = Tree::of_commit(open(&repository), "HEAD").expect("a commit").folder("").expect("a folder");
    assert!(unwanted.check_large_files().is_empty());
}

#[test]
fn what_lies_in_the_clone_is_hashed_and_never_behind_a_link() {
    let repository = example();
    let giving = Giving::new(&[FIRST]);
    let is_asked = |told: &str| {
        assert_eq!(read(&folder(&commit(&repository, &giving)), "app/a.big.yaml").expect("its content"), FIRST);
        assert_eq!(giving.asked().len(), 1, "{told}");
    };
    for damaged in [&SECOND.as_bytes()[..FIRST.len()], b"", &[FIRST.as_bytes(), b"x"].concat()] {
        keep(&repository, FIRST, damaged);
        is_asked("damaged");
    }
    let elsewhere = repository.path().with_file_name("elsewhere");
    std::fs::write(&elsewhere, FIRST).expect("written");
    let path = kept(&repository, FIRST);
    std::fs::remove_file(&path).expect("removed");
    symlink(&elsewhere, &path).expect("linked");
    is_asked("a link to the content");
    std::fs::remove_file(&path).expect("removed");
    keep(&repository, FIRST, FIRST.as_bytes());
    let objects = repository.path().join(".git/lfs");
    std::fs::rename(&objects, repository.path().with_file_name("lfs")).expect("moved");
    symlink(repository.path().with_file_name("lfs"), &objects).expect("linked");
    is_asked("a link to the folder");
}

#[test]
fn a_content_that_is_another_is_refused_wherever_it_comes_from() {
    let repository = example();
    let oid = Pointer::of(FIRST.as_bytes()).oid();
    let other = FIRST.replace("first", "other");
    for (lie, why) in [(other.as_str(), "SHA-256"), ("", "0 bytes"), (FIRST.trim_end(), "bytes, not")] {
        let contents = BTreeMap::from([(oid.clone(), lie.as_bytes().to_vec())]);
        let giving = Arc::new(Giving { contents, ..Giving::default() });
        let error = refused(read(&folder(&commit(&repository, &giving)), "app/a.big.yaml"));
        assert!(error.contains("`app/a.big.yaml`") && error.contains("what came is another"), "{error}");
        assert!(error.contains(why), "{error}");
    }
    let size = FIRST.len();
    let lying = pointer(FIRST).replace(&format!("size {size}"), &format!("size {}", size + 1));
    repository.write("app/a.big.yaml", lying).expect("written").commit("Another size").expect("committed");
    let error = refused(read(&folder(&commit(&repository, &Giving::new(&[FIRST]))), "app/a.big.yaml"));
    assert!(error.contains(&format!("it has {size} bytes, not {}", size + 1)), "{error}");
}

#[test]
fn what_is_too_large_is_not_asked_for() {
    let repository = example();
    let giving = Giving::new(&[FIRST]);
    let huge = pointer(FIRST).replace(&format!("size {}", FIRST.len()), "size 16777217");
    repository.write("app/a.big.yaml", huge).expect("written").commit("Huge").expect("committed");
    let error = refused(read(&folder(&commit(&repository, &giving)), "app/a.big.yaml"));
    assert!(error.contains("16777217 bytes; at most 16 MiB are read"), "{error}");
    assert!(giving.asked().is_empty());
}

#[test]
fn all_that_cannot_be_had_is_told_at_once_and_no_pointer_passes_for_a_file() {
    let repository = example();
    let unsound = pointer(SECOND).replace("size", "ext-0-x sha256:00\nsize");
    let unmarked = pointer(SECOND);
    repository.write("app/c.big.yaml", unsound).expect("written").write("app/d.yaml", unmarked).expect("written");
    repository.commit("More").expect("committed");
    let giving = Giving::new(&[]);
    for tree in [commit(&repository, &giving), working_tree(&repository, &giving)] {
        let told = told(&folder(&tree));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(
            told[0].starts_with("app/a.big.yaml:1: error: its content, which Git LFS keeps, cannot be had: nobody")
        );
        assert!(told[1].starts_with("app/c.big.yaml:1: error: this begins as a pointer of Git LFS and is none"));
        assert!(told[2].starts_with("app/d.yaml:1: error: this is a pointer of Git LFS at a path that .gitattributes"));
    }
    assert_eq!(giving.asked().len(), 2, "for the sound one alone");
}

#[test]
fn what_git_stores_itself_is_a_file_like_any_other() {
    let repository = example();
    // Added by a Git without Git LFS; an empty file is its own pointer.
    repository.write("app/c.big.yaml", SECOND.replace("name: a", "name: c")).expect("written");
    repository.write("app/empty.big.yaml", "").expect("written").commit("Whole").expect("committed");
    let giving = Giving::new(&[FIRST]);
    let (of_commit, lying) = (folder(&commit(&repository, &giving)), folder(&working_tree(&repository, &giving)));
    assert_eq!(lying.entries(), of_commit.entries());
    assert!(!lying.dirty);
    assert_eq!(compiled(&lying).recipe, compiled(&of_commit).recipe);
    let large: Vec<_> = lying.entries().iter().filter(|entry| entry.large.is_some()).map(|entry| &entry.path).collect();
    assert_eq!(large, ["app/a.big.yaml"]);
    // Changed it would be stored by Git LFS.
    repository.write("app/c.big.yaml", SECOND.replace("name: a", "name: d")).expect("written");
    let changed = folder(&working_tree(&repository, &giving));
    assert!(changed.dirty && changed.entries()[2].large.is_some());
}

#[test]
fn attributes_of_all_folders_count_and_no_links_for_them() {
    let repository = RepositoryBuilder::new().expect("a repository");
    for path in ["a.yaml", "app/a.yaml", "app/deep/a.yaml", "app/deep/b.yaml", "app/link/a.yaml", "other/a.yaml"] {
        repository.write(path, pointer(FIRST)).expect("written");
    }
    repository.write("app/.gitattributes", "a.yaml filter=lfs\n").expect("written");
    repository.write("app/deep/.gitattributes", "a.yaml -filter\nb.yaml filter=lfs\n").expect("written");
    symlink("../deep/.gitattributes", repository.path().join("app/link/.gitattributes")).expect("linked");
    repository.commit("Attributes").expect("committed");
    let giving = Giving::new(&[FIRST]);
    for tree in [commit(&repository, &giving), working_tree(&repository, &giving)] {
        for place in ["", "app", "app/deep", "app/link"] {
            let listed = tree.folder(place).expect("a folder");
            let large = listed.entries().iter().filter(|entry| entry.large.is_some()).map(|entry| entry.path.as_str());
            let all = ["app/a.yaml", "app/deep/b.yaml", "app/link/a.yaml"];
            let expected: Vec<_> = all.into_iter().filter(|path| path.starts_with(place)).collect();
            assert_eq!(large.collect::<Vec<_>>(), expected, "{place}");
        }
    }
}

#[test]
fn links_and_line_endings_and_sparse_checkouts_change_nothing() {
    let repository = example();
    symlink("a.big.yaml", repository.path().join("app/z.yaml")).expect("linked");
    let attributes = "*.big.yaml filter=lfs text eol=crlf\n";
    repository.write(".gitattributes", attributes).expect("written").write("other/x.yaml", OTHER).expect("written");
    repository.commit("Links").expect("committed");
    let giving = Giving::new(&[FIRST]);
    let expected = folder(&commit(&repository, &giving));
    assert_eq!(read(&expected, "app/z.yaml").expect("its content"), FIRST);
    // A pointer as a checkout without Git LFS leaves it, and a content, which no line endings are for.
    for lying in [pointer(FIRST).replace('\n', "\r\n"), FIRST.to_owned()] {
        repository.write("app/a.big.yaml", lying).expect("written");
        let tree = folder(&working_tree(&repository, &giving));
        assert_eq!((tree.entries(), tree.dirty), (expected.entries(), false));
        assert_eq!(read(&tree, "app/z.yaml").expect("its content"), FIRST);
    }
    // Git itself knows nothing of contents here.
    repository.git(&["checkout", "--quiet", "--force", "HEAD"]).expect("checked out");
    repository.git(&["sparse-checkout", "set", "--no-cone", "/other/", "/.gitattributes"]).expect("sparse");
    assert!(!repository.path().join("app/a.big.yaml").exists());
    std::fs::create_dir_all(repository.path().join("app")).expect("made");
    let tree = folder(&working_tree(&repository, &giving));
    assert_eq!((tree.entries(), tree.dirty), (expected.entries(), false));
    assert_eq!(read(&tree, "app/a.big.yaml").expect("its content"), FIRST);
}

#[test]
fn the_server_that_the_repository_names_is_passed_on_and_nothing_else() {
    let repository = example();
    let config =
        "[lfs]\n\turl = https://lfs.example.com/x\n\tstorage = /tmp\n[lfs \"customtransfer.x\"]\n\tpath = touch\n";
    repository.write(".lfsconfig", config).expect("written").commit("Config").expect("committed");
    let giving = Giving::new(&[FIRST]);
    for tree in [commit(&repository, &giving), working_tree(&repository, &giving)] {
        assert_eq!(read(&folder(&tree), "app/a.big.yaml").expect("its content"), FIRST);
        let servers: Vec<_> = giving.asked().into_iter().map(|file| file.server).collect();
        assert_eq!(servers, [Some("https://lfs.example.com/x".to_owned())]);
    }
    // The working tree as it lies, the commit as it was.
    repository.write(".lfsconfig", "[lfs").expect("written");
    let error = refused(read(&folder(&working_tree(&repository, &giving)), "app/a.big.yaml"));
    assert!(error.contains(".lfsconfig is not understood"), "{error}");
    assert!(read(&folder(&commit(&repository, &giving)), "app/a.big.yaml").is_ok());
}

/// A memo that threads may share.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<PathBuf, Vec<u8>>>);

impl FileMemo for Memory {
    fn load(&self, folder: &Path) -> Option<Vec<u8>> {
        self.0.lock().expect("not poisoned").get(folder).cloned()
    }

    fn save(&self, folder: &Path, bytes: &[u8]) {
        self.0.lock().expect("not poisoned").insert(folder.to_owned(), bytes.to_vec());
    }
}

#[test]
fn what_is_remembered_of_large_files_holds_as_long_as_the_index_does() {
    let repository = example();
    repository.write("app/a.big.yaml", FIRST).expect("written");
    let giving = Giving::new(&[FIRST]);
    // What is known of pointers as files is no answer to what is known of them as pointers.
    let memos = [(true, Arc::new(Memory::default())), (false, Arc::new(Memory::default()))];
    // Longer than any file is taken for one that may still change.
    std::thread::sleep(std::time::Duration::from_millis(3100));
    let listed = |memo: Option<&Arc<Memory>>, is_wanted: bool| {
        let memo = memo.map(|memo| Arc::clone(memo) as Arc<dyn FileMemo + Send + Sync>);
        let source = is_wanted.then(|| Arc::clone(&giving) as Arc<dyn LargeFiles>);
        let tree = Tree::of_working_tree(open(&repository), memo).with_large_files(source);
        let folder = folder(&tree);
        (folder.entries().to_vec(), folder.dirty)
    };
    let is_same = |told: &str| {
        for (is_wanted, memo) in &memos {
            for round in 0..3 {
                let (with, without) = (listed(Some(memo), *is_wanted), listed(None, *is_wanted));
                assert_eq!(with, without, "{told}, {is_wanted}, {round}");
            }
        }
    };
    is_same("clean");
    assert_eq!([listed(Some(&memos[0].1), true).1, listed(Some(&memos[0].1), false).1], [false, true]);
    is_same("clean");
    // The same file, which Git stores whole from now on.
    let whole = repository.git(&["hash-object", "-w", "--no-filters", "app/a.big.yaml"]).expect("written");
    let entry = format!("100644,{},app/a.big.yaml", whole.trim());
    repository.git(&["update-index", "--cacheinfo", &entry]).expect("added");
    is_same("stored whole");
    repository.git(&["update-index", "--force-remove", "app/a.big.yaml"]).expect("removed");
    is_same("untracked");
}

/// Gives a repository for every submodule, and contents to those of one address.
struct WithSubmodules {
    library: Arc<Repository>,
    giving: Arc<Giving>,
    addresses: Mutex<Vec<Option<String>>>,
}

impl Submodules for WithSubmodules {
    fn tree(&self, submodule: &Submodule) -> Result<Tree, String> {
        Tree::of_commit(Arc::clone(&self.library), &submodule.commit).map_err(|error| error.to_string())
    }

    fn large_files(&self, address: Option<&str>) -> Option<Arc<dyn LargeFiles>> {
        self.addresses.lock().expect("not poisoned").push(address.map(str::to_owned));
        Some(Arc::clone(&self.giving) as _)
    }
}

#[test]
fn submodules_are_told_apart_by_their_addresses() {
    let library = example();
    let oid = library.git(&["rev-parse", "HEAD"]).expect("a commit");
    let outer = RepositoryBuilder::new().expect("a repository");
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../library.git\n";
    outer.write(".gitmodules", modules).expect("written").git(&["add", ".gitmodules"]).expect("added");
    outer.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},lib", oid.trim())]).expect("added");
    outer.git(&["commit", "--quiet", "--message", "A submodule"]).expect("committed");
    std::fs::create_dir_all(outer.path().join("lib")).expect("made");
    let source =
        Arc::new(WithSubmodules { library: open(&library), giving: Giving::new(&[]), addresses: Mutex::default() });
    let tree = Tree::of_commit(open(&outer), "HEAD").expect("a commit");
    let tree = tree.with_submodules(Some("https://example.com/org/outer.git".to_owned()), Arc::clone(&source) as _);
    let file = tree.file("lib/app/a.big.yaml").expect("a tree").expect("a file");
    let error = refused(file.read());
    assert!(error.contains("`lib/app/a.big.yaml`") && error.contains("nobody has it"), "{error}");
    let joined = tree.whole_folder("", &|_| true).expect("all of it");
    assert!(refused(read(&joined, "lib/app/a.big.yaml")).contains("`lib/app/a.big.yaml`"));
    let addresses = source.addresses.lock().expect("not poisoned").clone();
    assert_eq!(addresses, [Some("https://example.com/org/library.git".to_owned())]);
    keep(&library, FIRST, FIRST.as_bytes());
    assert_eq!(file.read().expect("its content"), FIRST.as_bytes());
    assert_eq!(read(&joined, "lib/app/a.big.yaml").expect("its content"), FIRST);
    // The outer repository has none, and its pointers stay what they are.
    outer.write(".gitattributes", ATTRIBUTES).expect("written");
    outer.write("app/a.big.yaml", pointer(FIRST)).expect("written");
    let tree = Tree::of_working_tree(open(&outer), None);
    let snapshot = tree.folder("app").expect("a folder");
    assert_eq!(read(&snapshot, "app/a.big.yaml").expect("the pointer"), pointer(FIRST));
    assert!(told(&snapshot)[0].contains("this is a pointer of Git LFS"));
    assert!(snapshot.entries().iter().all(|entry| entry.kind == EntryKind::File && entry.large.is_none()));
    assert!(matches!(read(&joined, "lib/app/a.big.yaml"), Ok(_) | Err(Error::LargeFile { .. })));
}
