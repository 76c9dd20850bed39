//! Symbolic links and submodules: nothing outside the folder can be reached.

use std::os::unix::fs::symlink;

use gitops_compiler::compile;
use gitops_compiler::render;
use gitops_compiler::tree::EntryKind;
use gitops_testdata::repository::RepositoryBuilder;

use super::{FIRST, OTHER, commit, compiled, example, open, paths, read, refused, try_compile, working_tree};

fn link(repository: &RepositoryBuilder, target: &str, path: &str) {
    symlink(target, repository.path().join(path)).expect("linked");
}

#[test]
fn links_inside_the_folder_are_followed() {
    let (repository, _) = example();
    repository.write("app/deep/b.yaml", OTHER).expect("written");
    link(&repository, "deep/b.yaml", "app/link.yaml");
    link(&repository, "../link.yaml", "app/deep/chain.yaml");
    repository.commit("Second").expect("committed");
    for tree in [working_tree(&repository, "app"), commit(&repository, "HEAD", "app")] {
        assert_eq!(read(&tree, "app/link.yaml").expect("followed"), OTHER);
        assert_eq!(read(&tree, "app/deep/chain.yaml").expect("followed"), OTHER);
        assert!(!tree.dirty);
    }
}

#[test]
fn a_link_and_the_file_it_stands_for_compile_to_the_same() {
    let (repository, _) = example();
    repository.write("linked/base.txt", FIRST).expect("written");
    link(&repository, "base.txt", "linked/a.yaml");
    repository.commit("Second").expect("committed");
    let id = |folder| compiled(&commit(&repository, "HEAD", folder)).graph.id();
    assert_eq!(id("linked"), id("app"));
}

#[test]
fn links_that_lead_out_or_nowhere_are_refused() {
    let (repository, _) = example();
    repository.write("secret.yaml", OTHER).expect("written");
    let absolute = repository.path().join("app/a.yaml");
    let out = "this symbolic link leads out of the repository";
    let no_file = |path: &str| format!("this symbolic link leads to `{path}`, which is no file here");
    let cases = [
        ("/etc/hostname", out.to_owned()),
        (absolute.to_str().expect("text"), out.to_owned()),
        ("../../outside.yaml", out.to_owned()),
        ("../secret.yaml", no_file("secret.yaml")),
        ("missing.yaml", no_file("app/missing.yaml")),
        ("..", no_file("")),
        ("../.git/config", no_file(".git/config")),
        ("link.yaml", "this symbolic link leads in a circle".to_owned()),
    ];
    for (target, message) in cases {
        link(&repository, target, "app/link.yaml");
        repository.commit(target).expect("committed");
        for tree in [working_tree(&repository, "app"), commit(&repository, "HEAD", "app")] {
            assert_eq!(refused(read(&tree, "app/link.yaml")), format!("`app/link.yaml`: {message}"), "{target}");
            assert!(matches!(try_compile(&tree), Err(compile::Error::Render(render::Error::Tree(_)))), "{target}");
        }
        repository.remove("app/link.yaml").expect("removed");
    }
}

#[test]
fn a_folder_that_became_a_link_gives_no_files() {
    let (repository, _) = example();
    repository.write("app/deep/b.yaml", OTHER).expect("written").commit("Second").expect("committed");
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("b.yaml"), "secret").expect("written");
    repository.remove("app/deep").expect("removed");
    link(&repository, outside.path().to_str().expect("text"), "app/deep");
    let tree = working_tree(&repository, "app");
    assert_eq!((paths(&tree), tree.dirty), (vec!["app/a.yaml", "app/deep"], true));
    repository.remove("app/a.yaml").expect("removed").git(&["rm", "-r", "-q", "--cached", "app"]).expect("removed");
    std::fs::remove_file(repository.path().join("app/deep")).expect("removed");
    std::fs::remove_dir(repository.path().join("app")).expect("removed");
    link(&repository, outside.path().to_str().expect("text"), "app");
    let tree = open(repository.path()).working_tree("app", None);
    assert!(tree.is_err() || tree.is_ok_and(|tree| tree.entries().is_empty()), "nothing of the other folder is listed");
}

#[test]
fn submodules_are_refused_where_nobody_gets_them() {
    let (repository, first) = example();
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{first},app/module")]).expect("added");
    repository.git(&["commit", "--quiet", "--message", "A submodule"]).expect("committed");
    std::fs::create_dir(repository.path().join("app/module")).expect("made");
    for tree in [working_tree(&repository, "app"), commit(&repository, "HEAD", "app")] {
        let kind = tree.entries().iter().find(|entry| entry.path == "app/module").map(|entry| entry.kind);
        assert_eq!(kind, Some(EntryKind::Submodule));
        assert_eq!(refused(read(&tree, "app/module")), "`app/module`: submodules are not read");
        let error = try_compile(&tree).expect_err("it is refused");
        let compile::Error::Manifests { findings, .. } = error else { panic!("{error}") };
        assert!(findings[0].to_string().starts_with("app/module: error: a submodule lies in this folder"));
    }
}

#[test]
fn a_repository_inside_the_working_tree_is_no_part_of_it() {
    let (repository, _) = example();
    let inner = RepositoryBuilder::at(repository.path().join("app/inner")).expect("a repository");
    inner.write("b.yaml", OTHER).expect("written").commit("Inner").expect("committed");
    let tree = working_tree(&repository, "app");
    assert_eq!(paths(&tree), ["app/a.yaml", "app/inner"]);
    assert!(matches!(try_compile(&tree), Err(compile::Error::Manifests { .. })));
}
