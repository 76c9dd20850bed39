//! Provenance and reviews: what is told of where a bundle comes from is true, and is the same wherever it is built.

use gitops_compiler::bundle::{Bundle, IN_TOTO, Statement};
use gitops_testdata::repository::RepositoryBuilder;
use kubectl_gitops::bundle;
use serde_json::Value as Json;

use crate::shop::{Shop, write};

fn provenance(shop: &Shop, name: &str) -> Json {
    let read = Bundle::read(&bundle::read(&shop.path(name)).expect("read")).expect("it is whole");
    let said = read.referrers.iter().find(|referrer| referrer.artifact_type == IN_TOTO).expect("a statement");
    let statement = Statement::read(&said.layers[0].bytes).expect("a statement");
    statement.is_about(&read.manifest, read.bundle.graph.id()).expect("it is about it");
    assert_eq!(statement.predicate_type, "https://slsa.dev/provenance/v1");
    statement.predicate
}

fn head(repository: &RepositoryBuilder) -> String {
    let git = std::process::Command::new("git").args(["rev-parse", "HEAD"]).current_dir(repository.path()).output();
    String::from_utf8(git.expect("git").stdout).expect("text").trim().to_owned()
}

#[test]
fn a_provenance_names_the_commit_and_no_time_and_is_the_same_for_everybody() {
    let shop = Shop::new();
    let oid = head(&shop.repository);
    shop.bundle("one.tar", &["--provenance"]);
    shop.bundle("two", &["--provenance"]);
    let told = provenance(&shop, "one.tar");
    assert_eq!(told["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"], oid);
    assert_eq!(told["buildDefinition"]["externalParameters"]["sources"][0]["path"], "deploy");
    assert!(told["runDetails"]["metadata"].is_null(), "no time unless one is given: {told}");
    assert!(!told.to_string().contains(&shop.repository.path().display().to_string()), "{told}");
    let files = |name: &str| bundle::read(&shop.path(name)).expect("read");
    assert!(files("one.tar") == files("two"), "equal to the byte");
    shop.bundle("three", &["--provenance", "--finished-on", "2026-01-02T03:04:05+01:00"]);
    assert_eq!(provenance(&shop, "three")["runDetails"]["metadata"]["finishedOn"], "2026-01-02T02:04:05Z");
}

#[test]
fn a_working_tree_that_differs_has_no_provenance() {
    let shop = Shop::new();
    let build = ["bundle", "build", "shop", "--path", "deploy", "--out", "@shop.tar", "--provenance"];
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {word: two}\n";
    shop.repository.write("deploy/a.yaml", text).expect("written");
    let told = shop.run(&build).refused();
    assert!(told.contains("a working tree has no provenance: files of it differ from the commit"), "{told}");
    assert!(!shop.path("shop.tar").exists());
    // A commit has one, whatever lies around.
    shop.run(&[build.as_slice(), &["--revision", "HEAD"]].concat()).good();
    shop.repository.commit("Two").expect("a commit");
    shop.run(&build).good();
    assert_eq!(
        provenance(&shop, "shop.tar")["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"],
        head(&shop.repository)
    );
    shop.repository.write("gitops.lock", "version: 1\n").expect("written");
    assert!(shop.run(&build).refused().contains("gitops.lock differs"));
}

#[test]
fn a_review_is_signed_for_the_bundle_that_it_led_to() {
    let shop = Shop::new();
    shop.ed25519("anna");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {word: two}\n";
    shop.repository.write("deploy/a.yaml", text).expect("written");
    shop.repository.commit("Two").expect("a commit");
    let review = shop.run(&["review", "HEAD~1..HEAD", "shop", "--path", "deploy", "-o", "json"]);
    write(&shop.path("review.json"), review.good());
    shop.bundle("shop.tar", &[]);
    let sign =
        ["bundle", "sign", "@shop.tar", "--key", "@anna.key", "--review", "@review.json", "--accepted-by", "anna"];
    assert!(shop.run(&sign).good().contains("review signed by the key"));
    let told = shop.run(&["bundle", "verify", "@shop.tar", "--key", "@anna.pub"]).refused();
    assert!(told.contains("there is none"), "a review is no signature: {told}");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {word: three}\n";
    shop.repository.write("deploy/a.yaml", text).expect("written");
    shop.bundle("shop.tar", &[]);
    let told = shop.run(&sign);
    assert!(told.code == 2 && told.stderr.contains("and the bundle holds"), "{}", told.stderr);
}
