//! Working trees in Git's form: line endings, encodings, sparse checkouts, pointers of LFS.

use gitops_testdata::repository::RepositoryBuilder;

use super::{FIRST, OTHER, commit, compiled, example, paths, read, refused, try_compile, working_tree};

fn git(repository: &RepositoryBuilder, arguments: &[&str]) {
    repository.git(arguments).expect("Git does it");
}

/// Whether Git itself sees no change, and we neither, and both trees have the ids of their commit.
fn is_clean(repository: &RepositoryBuilder) {
    git(repository, &["diff", "--exit-code", "--quiet"]);
    let (tree, committed) = (working_tree(repository, "app"), commit(repository, "HEAD", "app"));
    assert!(!tree.dirty);
    let (left, right) = (compiled(&tree), compiled(&committed));
    assert_eq!((left.graph.id(), left.recipe), (right.graph.id(), right.recipe));
}

#[test]
fn line_endings_on_disk_do_not_matter_where_the_attributes_say_so() {
    for rule in ["*.yaml text eol=crlf\n", "* text=auto eol=crlf\n", "*.yaml eol=crlf\n", "*.yaml crlf eol=crlf\n"] {
        let (repository, _) = example();
        repository.write(".gitattributes", rule).expect("written").commit("Attributes").expect("committed");
        repository.remove("app/a.yaml").expect("removed");
        git(&repository, &["checkout", "--", "app/a.yaml"]);
        let on_disk = std::fs::read_to_string(repository.path().join("app/a.yaml")).expect("read");
        assert!(on_disk.contains("\r\n"), "{rule}");
        is_clean(&repository);
        assert_eq!(read(&working_tree(&repository, "app"), "app/a.yaml").expect("read"), FIRST);
    }
}

#[test]
fn without_attributes_line_endings_are_content() {
    let (repository, _) = example();
    repository.write("app/a.yaml", FIRST.replace('\n', "\r\n")).expect("written");
    assert!(working_tree(&repository, "app").dirty);
}

#[test]
fn automatic_text_that_was_stored_with_crlf_stays_so() {
    let (repository, _) = example();
    repository.write("app/a.yaml", FIRST.replace('\n', "\r\n")).expect("written").commit("CRLF").expect("committed");
    repository.write(".gitattributes", "* text=auto\n").expect("written").commit("Attributes").expect("committed");
    is_clean(&repository);
}

#[test]
fn an_encoding_of_the_working_tree_is_undone() {
    let (repository, _) = example();
    let rule = "*.yaml text working-tree-encoding=UTF-16LE\n";
    repository.write(".gitattributes", rule).expect("written");
    git(&repository, &["rm", "--quiet", "--cached", "app/a.yaml"]);
    let bytes: Vec<u8> = FIRST.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(repository.path().join("app/a.yaml"), bytes).expect("written");
    repository.commit("Encoded").expect("committed");
    is_clean(&repository);
    assert_eq!(read(&commit(&repository, "HEAD", "app"), "app/a.yaml").expect("read"), FIRST);
    repository.write(".gitattributes", "*.yaml working-tree-encoding=KLINGON\n").expect("written");
    let opened = super::open(repository.path());
    let message = "`app/a.yaml`: the working-tree-encoding `KLINGON` of .gitattributes is not known";
    assert_eq!(refused(opened.working_tree("app", None)), message);
}

#[test]
fn neither_filters_nor_ident_nor_autocrlf_of_the_configuration_count() {
    let (repository, _) = example();
    let before = compiled(&working_tree(&repository, "app")).graph.id();
    git(&repository, &["config", "filter.evil.clean", "touch evil; cat"]);
    git(&repository, &["config", "core.autocrlf", "true"]);
    repository.write(".gitattributes", "*.yaml filter=evil ident\n").expect("written");
    let marked = FIRST.replace("first", "$Id: 0123$");
    repository.write("app/a.yaml", &marked).expect("written");
    let tree = working_tree(&repository, "app");
    assert_eq!(read(&tree, "app/a.yaml").expect("read"), marked);
    assert!(!repository.path().join("evil").exists());
    repository.write("app/a.yaml", FIRST).expect("written");
    assert_eq!(compiled(&working_tree(&repository, "app")).graph.id(), before);
}

#[test]
fn files_outside_of_a_sparse_checkout_were_not_deleted() {
    for index in ["--no-sparse-index", "--sparse-index"] {
        let (repository, _) = example();
        repository.write("app/deep/b.yaml", OTHER).expect("written").commit("Second").expect("committed");
        repository.write("other/c.yaml", OTHER).expect("written").commit("Third").expect("committed");
        let whole = compiled(&working_tree(&repository, "app")).graph.id();
        git(&repository, &["sparse-checkout", "init", "--cone", index]);
        git(&repository, &["sparse-checkout", "set", index, "other"]);
        // Git leaves the folder away where nothing of it is checked out.
        std::fs::create_dir_all(repository.path().join("app")).expect("made");
        assert!(!repository.path().join("app/deep").exists());
        let tree = working_tree(&repository, "app");
        assert_eq!(paths(&tree), ["app/a.yaml", "app/deep/b.yaml"], "{index}");
        assert!(!tree.dirty);
        assert_eq!(compiled(&tree).graph.id(), whole);
    }
}

#[test]
fn a_pointer_of_lfs_is_an_error_that_says_so() {
    let (repository, _) = example();
    let pointer = "version https://git-lfs.github.com/spec/v1\n\
                   oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    repository.write("app/big.yaml", pointer).expect("written").commit("Pointer").expect("committed");
    for tree in [working_tree(&repository, "app"), commit(&repository, "HEAD", "app")] {
        let findings = match try_compile(&tree) {
            Err(gitops_compiler::compile::Error::Manifests { findings, .. }) => findings,
            other => panic!("it is refused: {other:?}"),
        };
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "app/big.yaml:1: error: this is a pointer of Git LFS, and its content is not in the repository: --lfs reads \
              contents, and so does `enableLfs` in the Secret of the repository"
            ]
        );
    }
}
