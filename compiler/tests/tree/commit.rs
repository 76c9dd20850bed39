//! Trees of commits, and the names that commits have.

use gitops_testdata::repository::RepositoryBuilder;

use super::{FIRST, OTHER, SECOND, beside, commit, compiled, example, open, paths, read, refused};

#[test]
fn a_commit_is_read_without_a_checkout() {
    let (repository, first) = example();
    repository.write("app/a.yaml", SECOND).expect("written").write("app/deep/b.yaml", OTHER).expect("written");
    let second = repository.write("README", "x").expect("written").commit("Second\n\nBody").expect("committed");
    repository.remove("app").expect("removed").write("app", "a file now").expect("written");
    let old = commit(&repository, &first, "app");
    assert_eq!(paths(&old), ["app/a.yaml"]);
    assert_eq!(read(&old, "app/a.yaml").expect("read"), FIRST);
    let new = commit(&repository, &second, "app");
    assert_eq!(paths(&new), ["app/a.yaml", "app/deep/b.yaml"], "only the folder, with what is below it");
    assert_eq!(read(&new, "app/a.yaml").expect("read"), SECOND);
    assert_eq!(paths(&commit(&repository, &second, "")), ["README", "app/a.yaml", "app/deep/b.yaml"]);
    let info = new.commit.as_ref().expect("it has a commit");
    assert_eq!((info.oid.as_str(), info.subject.as_str(), info.author.as_str()), (&*second, "Second", "Test Author"));
    assert!(!new.dirty && new.folder() == "app");
}

#[test]
fn a_bare_repository_has_commits_and_no_working_tree() {
    let (repository, first) = example();
    repository.git(&["clone", "--quiet", "--bare", ".", "../bare"]).expect("cloned");
    let bare = open(&beside(&repository, "bare"));
    assert_eq!(read(&bare.commit("main", "app").expect("a commit"), "app/a.yaml").expect("read"), FIRST);
    assert_eq!(bare.commit(&first, "app").expect("a commit").entries().len(), 1);
    assert_eq!(
        refused(bare.working_tree("app", None)),
        "this repository has no working tree: name a commit with --revision"
    );
}

#[test]
fn packed_objects_are_read_like_loose_ones() {
    let (repository, first) = example();
    repository.write("app/a.yaml", SECOND).expect("written").commit("Second").expect("committed");
    repository.git(&["gc", "--quiet"]).expect("packed");
    assert_eq!(read(&commit(&repository, &first, "app"), "app/a.yaml").expect("read"), FIRST);
    assert_eq!(read(&commit(&repository, "main", "app"), "app/a.yaml").expect("read"), SECOND);
}

#[test]
fn tags_branches_short_oids_and_parents_name_commits() {
    let (repository, first) = example();
    repository.git(&["tag", "--annotate", "v1", "--message", "One"]).expect("tagged");
    repository.git(&["tag", "--annotate", "v1-again", "--message", "A tag of a tag", "v1"]).expect("tagged");
    repository.tag("light").expect("tagged").branch("feature/x").expect("a branch");
    let second = repository.write("app/a.yaml", SECOND).expect("written").commit("Second").expect("committed");
    let oid = |revision: &str| commit(&repository, revision, "app").commit.expect("it has a commit").oid;
    let tag_object = repository.git(&["rev-parse", "v1"]).expect("a tag");
    for name in ["v1", "v1-again", "light", "main", "refs/heads/main", "refs/tags/v1", "HEAD~1", "HEAD^", &first[..9]] {
        assert_eq!(oid(name), first, "{name}");
    }
    assert_eq!(oid(tag_object.trim()), first, "the oid of a tag stands for its commit");
    for name in ["feature/x", "HEAD", &second, &second.to_uppercase()] {
        assert_eq!(oid(name), second, "{name}");
    }
}

#[test]
fn a_name_of_a_tag_and_of_a_branch_is_refused() {
    let (repository, first) = example();
    repository.tag("release").expect("tagged").branch("release").expect("a branch");
    repository.write("app/a.yaml", SECOND).expect("written").commit("Second").expect("committed");
    let opened = open(repository.path());
    assert_eq!(
        refused(opened.commit("release", "app")),
        "`release` is both a tag and a branch: write refs/tags/release or refs/heads/release"
    );
    let tag = opened.commit("refs/tags/release", "app").expect("whole names are clear");
    assert_eq!(tag.commit.expect("it has a commit").oid, first);
}

#[test]
fn a_whole_oid_is_an_oid_whatever_branches_are_called() {
    let (repository, first) = example();
    let second = repository.write("app/a.yaml", SECOND).expect("written").commit("Second").expect("committed");
    repository.git(&["update-ref", &format!("refs/heads/{first}"), &second]).expect("a misleading branch");
    assert_eq!(commit(&repository, &first, "app").commit.expect("it has a commit").oid, first);
}

#[test]
fn names_of_nothing_are_unknown_revisions() {
    let (repository, _) = example();
    let opened = open(repository.path());
    let tree = repository.git(&["rev-parse", "HEAD^{tree}"]).expect("a tree");
    let blob = repository.git(&["rev-parse", "HEAD:app/a.yaml"]).expect("a blob");
    let absent = [&"0".repeat(40), &"1".repeat(40), &"a".repeat(64)];
    let names = ["nothing", "HEAD~5", "", "--all", "-h", "ext::sh", tree.trim(), blob.trim()];
    for name in names.into_iter().chain(absent.map(String::as_str)) {
        assert_eq!(refused(opened.commit(name, "app")), format!("no commit is called `{name}` in this repository"));
    }
}

#[test]
fn a_folder_that_is_missing_or_a_file_is_refused() {
    let (repository, first) = example();
    let opened = open(repository.path());
    for folder in ["nowhere", "app/a.yaml", "app/deep", "../app", "APP"] {
        let place = format!("commit {}", &first[..12]);
        assert_eq!(refused(opened.commit("HEAD", folder)), format!("there is no folder `{folder}` in {place}"));
    }
    for folder in ["nowhere", "app/a.yaml"] {
        assert_eq!(
            refused(opened.working_tree(folder, None)),
            format!("there is no folder `{folder}` in the working tree")
        );
    }
}

#[test]
fn a_folder_outside_of_any_repository_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [folder.path().to_owned(), folder.path().join("absent")] {
        let error = refused(gitops_compiler::tree::Repository::discover(&path));
        assert_eq!(error, format!("`{}` is not in a Git repository", path.display()));
    }
}

#[test]
fn a_repository_is_found_from_below() {
    let (repository, _) = example();
    let opened = open(&repository.path().join("app"));
    assert_eq!(opened.folder_of(&repository.path().join("app")).as_deref(), Some("app"));
    assert_eq!(opened.folder_of(repository.path()).as_deref(), Some(""));
    assert_eq!(opened.folder_of(&std::env::temp_dir()), None);
}

#[test]
fn repositories_with_sha_256_are_read() {
    let (outer, _) = example();
    let init = ["init", "--quiet", "--template=", "--initial-branch=main", "--object-format=sha256", "../sha256"];
    outer.git(&init).expect("initialised");
    let repository = RepositoryBuilder::at(beside(&outer, "sha256")).expect("a repository");
    let first = repository.write("app/a.yaml", FIRST).expect("written").commit("First").expect("committed");
    assert_eq!(first.len(), 64);
    let opened = open(repository.path());
    // Not by short oids, though: the library that reads repositories finds those with SHA-1 only.
    for name in ["main", "HEAD", &first] {
        let snapshot = opened.commit(name, "app").expect("a commit");
        assert_eq!(read(&snapshot, "app/a.yaml").expect("read"), FIRST);
        assert_eq!(snapshot.commit.as_ref().expect("it has a commit").oid, first);
    }
    let tree = opened.working_tree("app", None).expect("a working tree");
    assert!(!tree.dirty);
    assert_eq!(compiled(&tree).graph.id(), compiled(&commit(&outer, "HEAD", "app")).graph.id(), "ids are ours");
    let absent = "1".repeat(40);
    let unknown = format!("no commit is called `{absent}` in this repository");
    assert_eq!(refused(opened.commit(&absent, "app")), unknown, "an oid of the other kind");
}
