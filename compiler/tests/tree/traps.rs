//! More hostile repositories: files that configuration includes, grafts, bombs, an index that lies.

use gix::bstr::ByteSlice as _;

use super::{FIRST, OTHER, SECOND, beside, commit, compiled, example, open, paths, read, refused, working_tree};

#[test]
fn included_configuration_does_not_count() {
    let (repository, _) = example();
    let included = beside(&repository, "included");
    let ignore = beside(&repository, "ignore");
    std::fs::write(&ignore, "*.yaml\n").expect("written");
    let text = format!("[core]\n\tuseReplaceRefs = true\n\texcludesFile = {}\n\tbare = true\n", ignore.display());
    std::fs::write(&included, text).expect("written");
    for key in ["include.path", "includeIf.gitdir:/.path"] {
        repository.git(&["config", key, included.to_str().expect("text")]).expect("set");
    }
    repository.write("app/new.yaml", OTHER).expect("written");
    assert_eq!(paths(&working_tree(&repository, "app")), ["app/a.yaml", "app/new.yaml"]);
}

#[test]
fn attributes_outside_of_the_tree_do_not_count() {
    let (repository, _) = example();
    let attributes = beside(&repository, "attributes");
    std::fs::write(&attributes, "*.yaml text\n").expect("written");
    repository.git(&["config", "core.attributesFile", attributes.to_str().expect("text")]).expect("set");
    repository.write(".git/info/attributes", "*.yaml text\n").expect("written");
    std::os::unix::fs::symlink(&attributes, repository.path().join(".gitattributes")).expect("linked");
    let text = FIRST.replace('\n', "\r\n");
    repository.write("app/a.yaml", &text).expect("written");
    assert_eq!(read(&working_tree(&repository, "app"), "app/a.yaml").expect("read"), text);
}

#[test]
fn grafts_and_shallow_histories_change_nothing_of_a_commit() {
    let (repository, first) = example();
    let second = repository.write("app/a.yaml", SECOND).expect("written").commit("Second").expect("committed");
    let id = compiled(&commit(&repository, &second, "app")).graph.id();
    repository.write(".git/info/grafts", format!("{second}\n")).expect("written");
    assert_eq!(compiled(&commit(&repository, &second, "app")).graph.id(), id);
    assert_eq!(commit(&repository, "HEAD~1", "app").commit.expect("a commit").oid, first, "a graft is no parent");
    let shallow = beside(&repository, "shallow");
    let from = format!("file://{}", repository.path().display());
    repository.git(&["clone", "--quiet", "--depth=1", &from, shallow.to_str().expect("text")]).expect("cloned");
    let opened = open(&shallow);
    assert_eq!(compiled(&opened.commit(&second, "app").expect("a commit")).graph.id(), id);
    assert_eq!(compiled(&opened.working_tree("app", None).expect("a working tree")).graph.id(), id);
    assert_eq!(refused(opened.commit(&first, "app")), format!("no commit is called `{first}` in this repository"));
}

#[test]
fn a_clone_without_blobs_says_which_is_missing() {
    let (repository, first) = example();
    repository.git(&["config", "uploadpack.allowFilter", "true"]).expect("set");
    let partial = beside(&repository, "partial");
    let from = format!("file://{}", repository.path().display());
    let to = partial.to_str().expect("text");
    repository.git(&["clone", "--quiet", "--bare", "--filter=blob:none", &from, to]).expect("cloned");
    let tree = open(&partial).commit(&first, "app").expect("a commit");
    assert!(refused(read(&tree, "app/a.yaml")).starts_with("cannot read `app/a.yaml` ("));
}

/// A repository of a few kilobytes that holds 16,000,000 paths.
#[test]
fn a_bomb_of_trees_is_refused_before_it_goes_off() {
    let (repository, _) = example();
    let blob = repository.git(&["rev-parse", "HEAD:app/a.yaml"]).expect("a blob");
    let mut oid = blob.trim().to_owned();
    let mut entry = "100644 blob";
    for _ in 0..6 {
        let lines: Vec<String> = (0..16).map(|index| format!("{entry} {oid}\tf{index}\n")).collect();
        std::fs::write(beside(&repository, "lines"), lines.concat()).expect("written");
        let script = "git mktree <../lines";
        oid = repository.git(&["-c", &format!("alias.make=!{script}"), "make"]).expect("a tree").trim().to_owned();
        entry = "040000 tree";
    }
    let bomb = repository.git(&["commit-tree", &oid, "-m", "Bomb"]).expect("a commit");
    let opened = open(repository.path());
    let error = refused(opened.commit(bomb.trim(), ""));
    assert_eq!(error, "more than 200000 files below ``: choose a smaller folder with --path");
    assert_eq!(opened.commit(bomb.trim(), "f0/f0/f0").expect("a part of it").entries().len(), 4096);
}

#[test]
fn an_index_that_lies_is_not_believed() {
    let (repository, _) = example();
    let first = repository.git(&["rev-parse", "HEAD:app/a.yaml"]).expect("an oid");
    repository.write("app/a.yaml", SECOND).expect("written");
    // The index says that the file is what it was, with just the times that the file has. It is an old file, since Git
    // mistrusts what is as new as the index.
    let file = std::fs::File::options().write(true).open(repository.path().join("app/a.yaml")).expect("opened");
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    file.set_times(std::fs::FileTimes::new().set_modified(old)).expect("set");
    repository.git(&["add", "app/a.yaml"]).expect("added");
    let path = repository.path().join(".git/index");
    let mut index = std::fs::read(&path).expect("read");
    let second = repository.git(&["hash-object", "app/a.yaml"]).expect("an oid");
    let bytes = |oid: &str| gix::ObjectId::from_hex(oid.trim().as_bytes()).expect("an oid").as_slice().to_vec();
    let at = index.find(bytes(&second)).expect("it is there");
    index[at..at + 20].copy_from_slice(&bytes(&first));
    let end = index.len() - 20;
    // A checksum of zeros is one that Git does not check.
    index[end..].fill(0);
    std::fs::write(&path, index).expect("written");
    assert_eq!(repository.git(&["diff", "--name-only"]).expect("a diff"), "", "git believes it");
    let tree = working_tree(&repository, "app");
    assert!(tree.dirty);
    assert_eq!(read(&tree, "app/a.yaml").expect("read"), SECOND);
}
