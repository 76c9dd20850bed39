//! Submodules: taken from the clone at hand, or got when they are needed; never more than that.

use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use gitops_compiler::tree::{Error, Found, Repository, Snapshot, Submodule, Submodules, Tree};
use gitops_testdata::repository::RepositoryBuilder;

use super::{FIRST, OTHER, SECOND, example, paths, read, refused};

/// Gives one repository for every submodule, and remembers what was asked for.
struct Giving {
    repository: Option<Arc<Repository>>,
    asked: Mutex<Vec<Submodule>>,
}

impl Giving {
    fn new(repository: Option<&RepositoryBuilder>) -> Arc<Self> {
        let open = |builder: &RepositoryBuilder| Arc::new(Repository::open(builder.path()).expect("a repository"));
        Arc::new(Self { repository: repository.map(open), asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<Submodule> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

impl Submodules for Giving {
    fn tree(&self, submodule: &Submodule) -> Result<Tree, String> {
        self.asked.lock().expect("not poisoned").push(submodule.clone());
        let repository = self.repository.clone().ok_or("it was never fetched: leave out --offline")?;
        Tree::of_commit(repository, &submodule.commit).map_err(|error| error.to_string())
    }
}

/// A repository with `base/b.yaml`.
fn library() -> (RepositoryBuilder, String) {
    let library = RepositoryBuilder::new().expect("a repository");
    let commit = library.write("base/b.yaml", OTHER).expect("written").commit("Library").expect("committed");
    (library, commit)
}

/// Names a commit of another repository at a path, as `git submodule add` would, without a clone of it.
fn name(repository: &RepositoryBuilder, path: &str, commit: &str, url: &str) {
    let modules = format!("[submodule \"lib\"]\n\tpath = {path}\n\turl = {url}\n");
    repository.write(".gitmodules", modules).expect("written");
    repository.git(&["add", ".gitmodules"]).expect("added");
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{path}")]).expect("added");
    repository.git(&["commit", "--quiet", "--message", "A submodule"]).expect("committed");
    std::fs::create_dir_all(repository.path().join(path)).expect("made");
}

/// The same with a clone, by Git itself.
fn add(repository: &RepositoryBuilder, path: &str, library: &RepositoryBuilder) {
    let from = library.path().display().to_string();
    let allow = "protocol.file.allow=always";
    repository.git(&["-c", allow, "submodule", "--quiet", "add", "--name", "lib", &from, path]).expect("added");
    repository.commit("A submodule").expect("committed");
}

fn open(repository: &RepositoryBuilder) -> Arc<Repository> {
    Arc::new(Repository::discover(repository.path()).expect("a repository"))
}

/// The last commit, and the working tree.
fn trees(repository: &RepositoryBuilder, giving: &Arc<Giving>) -> [Tree; 2] {
    let address = Some("https://example.com/org/deploy.git".to_owned());
    let trees =
        [Tree::of_commit(open(repository), "HEAD").expect("a commit"), Tree::of_working_tree(open(repository), None)];
    trees.map(|tree| tree.with_submodules(address.clone(), Arc::clone(giving) as _))
}

fn whole(tree: &Tree, folder: &str) -> Result<Arc<Snapshot>, Error> {
    tree.whole_folder(folder, &|_| true)
}

fn text(tree: &Tree, path: &str) -> Result<Option<String>, Error> {
    let file = tree.file(path)?;
    file.map(|file| Ok(String::from_utf8(file.read()?).expect("text"))).transpose()
}

#[test]
fn a_submodule_is_got_when_a_file_below_it_is_needed() {
    let ((repository, _), (library, commit)) = (example(), library());
    name(&repository, "vendor/lib", &commit, "../lib.git");
    let giving = Giving::new(Some(&library));
    for (number, tree) in trees(&repository, &giving).into_iter().enumerate() {
        assert!(paths(&tree.folder("").expect("listed")).contains(&"vendor/lib"));
        assert_eq!(tree.find("vendor/lib").expect("found"), Found::Folder);
        assert_eq!(text(&tree, "app/a.yaml").expect("read").as_deref(), Some(FIRST));
        assert_eq!(giving.asked().len(), number, "nobody needs it yet");

        assert_eq!(text(&tree, "vendor/lib/base/b.yaml").expect("read").as_deref(), Some(OTHER));
        assert_eq!(text(&tree, "vendor/lib/base/c.yaml").expect("looked for"), None);
        assert_eq!(text(&tree, "vendor/lib/other/c.yaml").expect("looked for"), None);
        assert_eq!(tree.real_folder("vendor/lib/base").expect("a folder").as_deref(), Some("vendor/lib/base"));
        let folder = tree.folder("vendor/lib/base").expect("listed");
        assert_eq!((paths(&folder), folder.folder()), (vec!["vendor/lib/base/b.yaml"], "vendor/lib/base"));
        assert_eq!(folder.commit.as_ref().map(|commit| commit.subject.as_str()), Some("A submodule"));
        let all = whole(&tree, "").expect("listed");
        assert_eq!(paths(&all), [".gitmodules", "app/a.yaml", "vendor/lib/base/b.yaml"]);
        assert_eq!(read(&all, "vendor/lib/base/b.yaml").expect("read"), OTHER);
        assert_eq!(read(&all, "app/a.yaml").expect("read"), FIRST);
        assert!(!tree.is_dirty());
        assert!(
            matches!(tree.folder("vendor/lib/none"), Err(Error::NoFolder { path, .. }) if path == "vendor/lib/none")
        );
        assert_eq!(giving.asked().len(), number + 1, "it is got once");
    }
    let address = "https://example.com/org/lib.git".to_owned();
    assert_eq!(giving.asked()[0], Submodule { path: "vendor/lib".to_owned(), address, commit });
}

#[test]
fn a_checked_out_submodule_is_read_as_it_lies() {
    let ((repository, _), (library, _)) = (example(), library());
    add(&repository, "lib", &library);
    let giving = Giving::new(None);
    let now = |what: &str| {
        let [commit, working] = trees(&repository, &giving);
        let [commit, working] = [commit, working].map(|tree| {
            let all = whole(&tree, "").expect("listed");
            let content = read(&all, "lib/base/b.yaml").expect("read");
            (content, all.dirty || tree.is_dirty())
        });
        assert_eq!(commit, (OTHER.to_owned(), false), "{what}");
        working
    };
    assert_eq!(now("clean"), (OTHER.to_owned(), false));
    let checkout = RepositoryBuilder::at(repository.path().join("lib")).expect("the checkout");
    checkout.write("base/b.yaml", FIRST).expect("written");
    assert_eq!(now("changed"), (FIRST.to_owned(), true));
    checkout.commit("Moved").expect("committed");
    assert_eq!(now("moved"), (FIRST.to_owned(), true));
    repository.commit("The submodule moved").expect("committed");
    let [commit, _] = trees(&repository, &giving);
    assert_eq!(text(&commit, "lib/base/b.yaml").expect("read").as_deref(), Some(FIRST));
    // What Git keeps of it is enough.
    repository.git(&["submodule", "--quiet", "deinit", "--all", "--force"]).expect("gone");
    for tree in trees(&repository, &giving) {
        assert_eq!(text(&tree, "lib/base/b.yaml").expect("read").as_deref(), Some(FIRST));
    }
    assert_eq!(giving.asked(), [], "nobody was asked");
}

#[test]
fn submodules_lie_in_submodules() {
    let ((repository, _), (library, commit)) = (example(), library());
    name(&library, "inner", &commit, "./inner.git");
    let outer = library.git(&["rev-parse", "HEAD"]).expect("a commit").trim().to_owned();
    name(&repository, "lib", &outer, "../lib.git");
    let giving = Giving::new(Some(&library));
    for tree in trees(&repository, &giving) {
        assert_eq!(text(&tree, "lib/inner/base/b.yaml").expect("read").as_deref(), Some(OTHER));
        let listed = paths(&whole(&tree, "lib").expect("listed")).join(" ");
        assert_eq!(listed, "lib/.gitmodules lib/base/b.yaml lib/inner/base/b.yaml");
        assert_eq!(paths(&tree.folder("lib/inner/base").expect("listed")), ["lib/inner/base/b.yaml"]);
    }
    let addresses: Vec<_> = giving.asked().into_iter().map(|asked| asked.address).collect();
    assert_eq!(addresses[..2], ["https://example.com/org/lib.git", "https://example.com/org/lib.git/inner.git"]);
}

#[test]
fn submodules_do_not_lie_in_each_other_without_end() {
    let (library, mut commit) = library();
    for _ in 0..9 {
        name(&library, "inner", &commit, "./inner.git");
        library.git(&["commit", "--quiet", "--allow-empty", "--message", "More"]).expect("committed");
        commit = library.git(&["rev-parse", "HEAD"]).expect("a commit").trim().to_owned();
    }
    let giving = Giving::new(Some(&library));
    let [tree, _] = trees(&library, &giving);
    let said = refused(whole(&tree, ""));
    assert!(said.contains("inner/inner/inner") && said.contains("more than 8 deep"), "{said}");
}

#[test]
fn links_lead_where_they_lead_in_a_checkout_and_not_out() {
    let ((repository, _), (library, _)) = (example(), library());
    symlink("../app/a.yaml", library.path().join("up.yaml")).expect("linked");
    symlink("../../outside.yaml", library.path().join("out.yaml")).expect("linked");
    symlink("base/b.yaml", library.path().join("down.yaml")).expect("linked");
    let commit = library.commit("Links").expect("committed");
    symlink("lib/base", repository.path().join("linked")).expect("linked");
    repository.commit("A link").expect("committed");
    name(&repository, "lib", &commit, "../lib.git");
    let giving = Giving::new(Some(&library));
    for tree in trees(&repository, &giving) {
        let all = whole(&tree, "").expect("listed");
        for (path, is) in [("lib/up.yaml", FIRST), ("lib/down.yaml", OTHER)] {
            assert_eq!(text(&tree, path).expect("read").as_deref(), Some(is));
            assert_eq!(read(&all, path).expect("read"), is);
        }
        assert_eq!(text(&tree, "linked/b.yaml").expect("read").as_deref(), Some(OTHER));
        let out = "`lib/out.yaml`: this symbolic link leads out of the repository";
        assert_eq!(refused(text(&tree, "lib/out.yaml")), out);
        assert_eq!(refused(read(&all, "lib/out.yaml")), out);
    }
}

#[test]
fn what_is_hostile_is_never_asked_for() {
    let (library, commit) = library();
    let giving = Giving::new(Some(&library));
    for url in ["file:///etc", "/etc", "ext::sh -c touch% x", "-x", "--upload-pack=touch", "../../../../x", "x/y.git"] {
        let (repository, _) = example();
        name(&repository, "lib", &commit, url);
        for tree in trees(&repository, &giving) {
            let said = refused(text(&tree, "lib/base/b.yaml"));
            assert!(said.starts_with("`lib`: this submodule cannot be read: its address"), "{url}: {said}");
        }
    }
    let (repository, _) = example();
    name(&repository, "lib", &commit, "../lib.git");
    let modules = "[submodule \"../../evil\"]\n\tpath = lib\n\turl = ../lib.git\n";
    repository.write(".gitmodules", modules).expect("written").commit("Evil").expect("committed");
    for tree in trees(&repository, &giving) {
        assert!(refused(text(&tree, "lib/base/b.yaml")).contains("a name that leads elsewhere"));
    }
    repository.remove(".gitmodules").expect("removed").commit("None").expect("committed");
    for tree in trees(&repository, &giving) {
        assert!(refused(text(&tree, "lib/base/b.yaml")).contains("git submodule add"));
    }
    assert_eq!(giving.asked(), []);
}

#[test]
fn what_cannot_be_had_is_told_with_its_path() {
    let ((repository, _), (_, commit)) = (example(), library());
    name(&repository, "vendor/lib", &commit, "../lib.git");
    for tree in trees(&repository, &Giving::new(None)) {
        let said = "`vendor/lib`: this submodule cannot be read: it was never fetched: leave out --offline";
        assert_eq!(refused(whole(&tree, "")), said);
        assert_eq!(refused(tree.folder("vendor/lib/base")), said);
        assert_eq!(text(&tree, "app/a.yaml").expect("read").as_deref(), Some(FIRST));
    }
}

#[test]
fn a_commit_of_a_submodule_is_exactly_the_one_that_is_named() {
    let ((repository, _), (library, commit)) = (example(), library());
    library.write("base/b.yaml", SECOND).expect("written").commit("Newer").expect("committed");
    name(&repository, "lib", &commit, "../lib.git");
    for tree in trees(&repository, &Giving::new(Some(&library))) {
        assert_eq!(text(&tree, "lib/base/b.yaml").expect("read").as_deref(), Some(OTHER));
    }
}
