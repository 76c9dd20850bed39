//! Working trees as they lie.

use std::process::Command;

use super::{FIRST, OTHER, SECOND, beside, commit, compiled, example, open, paths, read, refused, working_tree};

/// In the child of the test below: the repository to look at.
const CHILD: &str = "GITOPS_TEST_TREE";

#[test]
fn edits_and_untracked_files_count_and_deleted_and_ignored_ones_do_not() {
    let (repository, first) = example();
    repository.write("app/gone.yaml", OTHER).expect("written").write(".gitignore", "*.tmp\n").expect("written");
    repository.write("app/.gitignore", "secret.yaml\n/build/\n").expect("written").commit("Second").expect("committed");
    repository.write(".git/info/exclude", "local.yaml\n").expect("written");
    repository.write("app/a.yaml", SECOND).expect("written").remove("app/gone.yaml").expect("removed");
    for path in ["new.yaml", "deep/new.yaml", "x.tmp", "secret.yaml", "build/x.yaml", "local.yaml", "deep/local.yaml"] {
        repository.write(&format!("app/{path}"), OTHER).expect("written");
    }
    repository.write("elsewhere/new.yaml", OTHER).expect("written");
    let tree = working_tree(&repository, "app");
    assert_eq!(paths(&tree), ["app/.gitignore", "app/a.yaml", "app/deep/new.yaml", "app/new.yaml"]);
    assert_eq!(read(&tree, "app/a.yaml").expect("read"), SECOND);
    assert!(tree.dirty);
    assert_ne!(tree.commit.expect("it has a commit").oid, first, "the commit under it is the newest");
}

#[test]
fn an_ignored_file_that_is_tracked_counts() {
    let (repository, _) = example();
    repository.write(".gitignore", "*.yaml\n").expect("written").commit("Second").expect("committed");
    let tree = working_tree(&repository, "app");
    assert_eq!((paths(&tree), tree.dirty), (vec!["app/a.yaml"], false));
}

#[test]
fn a_clean_tree_and_its_commit_are_one() {
    let (repository, _) = example();
    repository.write("app/deep/b.yaml", OTHER).expect("written").commit("Second").expect("committed");
    std::os::unix::fs::symlink("deep/b.yaml", repository.path().join("app/link.txt")).expect("linked");
    repository.commit("Third").expect("committed");
    let tree = working_tree(&repository, "app");
    let committed = commit(&repository, "HEAD", "app");
    assert_eq!((tree.dirty, &tree.commit), (false, &committed.commit));
    assert_eq!(paths(&tree), paths(&committed));
    let (left, right) = (compiled(&tree), compiled(&committed));
    assert_eq!(left.graph.id(), right.graph.id());
    assert_eq!(left.recipe, right.recipe, "what one gave is known for the other");
}

#[test]
fn a_file_that_changes_after_the_listing_is_not_read_as_what_it_was() {
    let (repository, _) = example();
    let tree = working_tree(&repository, "app");
    repository.write("app/a.yaml", SECOND).expect("written");
    let error = refused(read(&tree, "app/a.yaml"));
    assert_eq!(error, "`app/a.yaml`: it changed while it was read: run this again");
}

#[test]
fn each_kind_of_change_makes_a_tree_dirty() {
    let (repository, _) = example();
    repository.write("app/b.yaml", OTHER).expect("written").commit("Second").expect("committed");
    let dirty = || working_tree(&repository, "app").dirty;
    let restore = || {
        repository.git(&["reset", "--quiet", "--hard"]).expect("restored");
        repository.git(&["clean", "--quiet", "-d", "--force"]).expect("cleaned");
        assert!(!dirty());
    };
    restore();
    repository.write("app/a.yaml", SECOND).expect("an edit");
    assert!(dirty(), "an edit");
    repository.git(&["add", "--all"]).expect("staged");
    assert!(dirty(), "a staged edit");
    restore();
    repository.write("app/new.yaml", OTHER).expect("untracked");
    assert!(dirty(), "an untracked file");
    restore();
    repository.remove("app/b.yaml").expect("deleted");
    assert!(dirty(), "a deleted file");
    repository.write("app/c.yaml", OTHER).expect("renamed");
    assert!(dirty(), "a file under another name");
    restore();
    repository.remove("app/b.yaml").expect("deleted").write("app/b.yaml/x", "x").expect("a folder instead");
    assert!(dirty(), "a folder in the place of a file");
    repository.remove("app/b.yaml").expect("deleted");
    std::os::unix::fs::symlink("a.yaml", repository.path().join("app/b.yaml")).expect("linked");
    assert!(dirty(), "a link in the place of a file");
    repository.remove("app/b.yaml").expect("deleted");
    restore();
    repository.write("elsewhere", "x").expect("written");
    assert!(!dirty(), "only the folder counts");
}

#[test]
fn a_large_file_beside_the_manifests_is_no_obstacle() {
    let (repository, _) = example();
    let large = vec![b'x'; (16 << 20) + 1];
    repository.write("app/large.bin", &large).expect("written").commit("Second").expect("committed");
    let tree = working_tree(&repository, "app");
    assert!(!tree.dirty);
    assert_eq!(compiled(&tree).graph.id(), compiled(&commit(&repository, "HEAD", "app")).graph.id());
    let mut other = large;
    other[0] = b'y';
    repository.write("app/large.bin", &other).expect("written");
    assert!(working_tree(&repository, "app").dirty);
}

#[test]
fn a_tree_without_commits_is_read() {
    let repository = gitops_testdata::repository::RepositoryBuilder::new().expect("a repository");
    repository.write("app/a.yaml", FIRST).expect("written");
    let tree = working_tree(&repository, "app");
    assert_eq!((paths(&tree), &tree.commit), (vec!["app/a.yaml"], &None));
}

#[test]
fn a_clone_at_another_path_has_the_same_ids() {
    let (repository, _) = example();
    repository.git(&["clone", "--quiet", ".", "../clone"]).expect("cloned");
    let clone = open(&beside(&repository, "clone")).working_tree("app", None).expect("a working tree");
    let (here, there) = (compiled(&working_tree(&repository, "app")), compiled(&clone));
    assert_eq!((here.graph.id(), here.recipe), (there.graph.id(), there.recipe));
}

#[test]
fn a_linked_worktree_is_its_own_tree_of_one_repository() {
    let (repository, first) = example();
    repository.git(&["worktree", "add", "--quiet", "-b", "other", "../linked"]).expect("a worktree");
    let folder = beside(&repository, "linked");
    std::fs::write(folder.join("app/a.yaml"), SECOND).expect("written");
    let linked = open(&folder);
    let tree = linked.working_tree("app", None).expect("a working tree");
    assert_eq!((read(&tree, "app/a.yaml").expect("read").as_str(), tree.dirty), (SECOND, true));
    assert!(!working_tree(&repository, "app").dirty);
    assert_eq!(linked.commit("other", "app").expect("a commit").commit.expect("it has a commit").oid, first);
    assert_eq!(linked.folder_of(&folder.join("app")).as_deref(), Some("app"));
}

/// The environment of a process cannot be changed in it safely: the test runs itself again.
#[test]
fn neither_the_users_configuration_nor_the_environment_counts() {
    if let Some(path) = std::env::var_os(CHILD) {
        let tree = open(std::path::Path::new(&path)).working_tree("app", None).expect("a working tree");
        assert_eq!(paths(&tree), ["app/a.yaml", "app/x.user", "app/x.xdg"]);
        return;
    }
    let (repository, _) = example();
    repository.write("app/x.user", "").expect("written").write("app/x.xdg", "").expect("written");
    let home = beside(&repository, "user");
    std::fs::create_dir_all(home.join("xdg/git")).expect("a home");
    let configuration = format!("[core]\n\texcludesFile = {}\n", home.join("ignore").display());
    std::fs::write(home.join("ignore"), "*.user\n").expect("written");
    std::fs::write(home.join(".gitconfig"), &configuration).expect("written");
    std::fs::write(home.join("xdg/git/ignore"), "*.xdg\n").expect("written");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "working::neither_the_users_configuration_nor_the_environment_counts"])
        .env(CHILD, repository.path())
        .env("HOME", &home)
        .env("XDG_CONFIG_HOME", home.join("xdg"))
        .env("GIT_CONFIG_GLOBAL", home.join(".gitconfig"))
        .env("GIT_DIR", home.join("nothing.git"))
        .env("GIT_WORK_TREE", &home)
        .env("GIT_INDEX_FILE", home.join("index"))
        .env("GIT_OBJECT_DIRECTORY", home.join("objects"))
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.excludesFile")
        .env("GIT_CONFIG_VALUE_0", home.join("ignore"))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
