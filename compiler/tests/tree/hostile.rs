//! Repositories that try to run something, or to show other bytes than their oids say.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gitops_testdata::repository::RepositoryBuilder;

use super::{FIRST, SECOND, beside, commit, compiled, example, open, paths, read, refused, try_compile, working_tree};

/// The file of a loose object.
fn loose(repository: &RepositoryBuilder, revision: &str) -> PathBuf {
    let oid = repository.git(&["rev-parse", revision]).expect("an object");
    let (folder, name) = oid.trim().split_at(2);
    repository.path().join(".git/objects").join(folder).join(name)
}

fn replace_file(from: &Path, to: &Path) {
    // Objects are read-only.
    std::fs::remove_file(to).expect("removed");
    std::fs::copy(from, to).expect("copied");
}

#[test]
fn replacement_refs_do_not_change_what_is_read() {
    let (repository, first) = example();
    let second = repository.write("app/a.yaml", SECOND).expect("written").commit("Second").expect("committed");
    let old = repository.git(&["rev-parse", &format!("{first}:app/a.yaml")]).expect("a blob");
    let new = repository.git(&["rev-parse", &format!("{second}:app/a.yaml")]).expect("a blob");
    repository.git(&["replace", old.trim(), new.trim()]).expect("replaced");
    assert_eq!(repository.git(&["show", &format!("{first}:app/a.yaml")]).expect("shown"), SECOND, "git believes it");
    assert_eq!(read(&commit(&repository, &first, "app"), "app/a.yaml").expect("read"), FIRST);
    repository.git(&["replace", &first, &second]).expect("replaced");
    assert_eq!(read(&commit(&repository, &first, "app"), "app/a.yaml").expect("read"), FIRST);
    assert_eq!(commit(&repository, "HEAD~1", "app").commit.expect("it has a commit").oid, first);
    repository.git(&["config", "core.useReplaceRefs", "true"]).expect("set");
    assert_eq!(read(&commit(&repository, &first, "app"), "app/a.yaml").expect("read"), FIRST);
}

#[test]
fn an_object_whose_bytes_have_another_oid_is_refused() {
    for kind in ["HEAD:app/a.yaml", "HEAD:app", "HEAD"] {
        let (repository, first) = example();
        repository.write("app/a.yaml", SECOND).expect("written").commit("Second").expect("committed");
        let false_object = loose(&repository, &kind.replace("HEAD", &first));
        replace_file(&false_object, &loose(&repository, kind));
        let error = match open(repository.path()).commit("main", "app") {
            Ok(snapshot) => refused(read(&snapshot, "app/a.yaml")),
            Err(error) => refused::<()>(Err(error)),
        };
        assert!(error.contains("hash to") || error.contains("no commit is called"), "{kind}: {error}");
    }
}

#[test]
fn a_torn_or_missing_object_is_refused() {
    let (repository, _) = example();
    let blob = loose(&repository, "HEAD:app/a.yaml");
    let whole = std::fs::read(&blob).expect("read");
    std::fs::remove_file(&blob).expect("removed");
    let snapshot = commit(&repository, "HEAD", "app");
    assert!(refused(read(&snapshot, "app/a.yaml")).starts_with("cannot read `app/a.yaml` ("), "missing");
    for length in [0, 1, whole.len() / 2] {
        std::fs::write(&blob, &whole[..length]).expect("written");
        let snapshot = commit(&repository, "HEAD", "app");
        assert!(refused(read(&snapshot, "app/a.yaml")).starts_with("cannot read `app/a.yaml` ("), "{length} bytes");
        assert!(try_compile(&snapshot).is_err());
    }
}

#[test]
fn nothing_that_the_configuration_names_is_run() {
    let (repository, _) = example();
    repository.write(".gitattributes", "*.yaml filter=trap ident diff=trap\n").expect("written");
    repository.commit("Second").expect("committed");
    let marker = beside(&repository, "marker");
    let touch = format!("touch '{}'", marker.display());
    let hooks = beside(&repository, "hooks");
    std::fs::create_dir(&hooks).expect("made");
    for hook in ["post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman"] {
        std::fs::write(hooks.join(hook), format!("#!/bin/sh\n{touch}\n")).expect("written");
        std::fs::set_permissions(hooks.join(hook), PermissionsExt::from_mode(0o755)).expect("executable");
    }
    let cat = format!("{touch}; cat");
    let settings = [
        ("filter.trap.clean", cat.as_str()),
        ("filter.trap.smudge", &cat),
        ("filter.trap.required", "true"),
        ("diff.trap.textconv", &cat),
        ("diff.external", &cat),
        ("core.fsmonitor", &touch),
        ("core.hooksPath", hooks.to_str().expect("text")),
        ("core.sshCommand", &touch),
        ("core.pager", &cat),
        ("core.editor", &touch),
        ("core.alternateRefsCommand", &touch),
        ("credential.helper", &touch),
        ("safe.directory", "*"),
    ];
    for (key, value) in settings {
        repository.git(&["config", key, value]).expect("set");
    }
    let _ = std::fs::remove_file(&marker);
    // Edited, and with another time than the index has, so that a status would have to look.
    repository.write("app/a.yaml", SECOND).expect("written").write("app/new.yaml", "").expect("written");
    let tree = working_tree(&repository, "app");
    assert!(tree.dirty);
    assert_eq!(read(&tree, "app/a.yaml").expect("read"), SECOND);
    compiled(&tree);
    compiled(&commit(&repository, "HEAD", "app"));
    assert!(!marker.exists(), "something was run");
    repository.git(&["-c", "core.fsmonitor=", "add", "app/a.yaml"]).expect("added");
    assert!(marker.exists(), "git itself walks into the trap");
}

#[test]
fn the_configuration_cannot_point_to_another_working_tree() {
    let (repository, _) = example();
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(outside.path().join("app")).expect("made");
    std::fs::write(outside.path().join("app/secret.yaml"), "secret").expect("written");
    repository.git(&["config", "core.worktree", outside.path().to_str().expect("text")]).expect("set");
    let tree = working_tree(&repository, "app");
    assert_eq!((paths(&tree), tree.dirty), (vec!["app/a.yaml"], false));
}

#[test]
fn files_that_the_configuration_names_do_not_decide_what_is_ignored() {
    let (repository, _) = example();
    let ignore = beside(&repository, "ignore");
    std::fs::write(&ignore, "*.yaml\n").expect("written");
    repository.git(&["config", "core.excludesFile", ignore.to_str().expect("text")]).expect("set");
    repository.write("app/new.yaml", "").expect("written");
    assert_eq!(paths(&working_tree(&repository, "app")), ["app/a.yaml", "app/new.yaml"]);
}

#[test]
fn names_that_could_leave_the_tree_are_refused() {
    let (repository, _) = example();
    let blob = repository.git(&["rev-parse", "HEAD:app/a.yaml"]).expect("a blob");
    for name in ["..", ".", ".git", ".GIT", "a\\b.yaml"] {
        // `git mktree` refuses these, so the tree is written as bytes.
        let mut tree = format!("100644 {name}\0").into_bytes();
        let oid = blob.trim().as_bytes().chunks(2);
        tree.extend(oid.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex")));
        std::fs::write(beside(&repository, "tree"), tree).expect("written");
        let hash = ["hash-object", "-t", "tree", "-w", "--literally", "../tree"];
        let id = repository.git(&hash).expect("a tree");
        let made = repository.git(&["commit-tree", id.trim(), "-m", "Hostile"]).expect("a commit");
        let error = refused(open(repository.path()).commit(made.trim(), ""));
        assert!(error.ends_with("no file may have this name"), "{name}: {error}");
    }
}
