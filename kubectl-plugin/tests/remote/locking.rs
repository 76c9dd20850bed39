//! The lock file: what it keeps, what it refuses.

use gitops_compiler::manifest::yaml::{self, Limits};
use gitops_testdata::schema::Schema;

use crate::elsewhere::{Elsewhere, write};
use crate::world::objects;

/// What we print and write is what we publish.
fn is_valid(name: &str, json: &serde_json::Value) {
    let path = format!("{}/../schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(path).expect("a schema");
    Schema::new(&serde_json::from_str(&schema).expect("JSON")).check(name, json);
}

#[test]
fn files_at_addresses_are_pinned_by_their_bytes() {
    let elsewhere = Elsewhere::new();
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n";
    write(elsewhere.web.files(), "install.yaml", config);
    write(elsewhere.web.files(), "app.conf", "a=b\n");
    let address = elsewhere.web.address();
    let kustomization = format!(
        "resources: ['{address}/files/install.yaml']\nconfigMapGenerator:\n- name: near\n  files: [config.yaml]\n"
    );
    elsewhere.world.write("deploy/kustomization.yaml", &kustomization).write("deploy/config.yaml", "x: y\n");
    elsewhere.done(&["lock", "--path", "deploy"]);
    let compile = ["compile", "--path", "deploy", "-o", "yaml"];
    let first = elsewhere.done(&[&compile[..], &["--offline"]].concat());
    assert_eq!(objects(first.as_bytes()).len(), 2, "{first}");

    // Other bytes at the address: kept where they were fetched, refused where they were not.
    write(elsewhere.web.files(), "install.yaml", format!("{config}data: {{a: b}}\n"));
    assert_eq!(elsewhere.done(&compile), first);
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().display().to_string();
    let said = elsewhere.refused(&[&compile[..], &["--store", &store]].concat());
    assert!(said.contains("install.yaml is not what gitops.lock says"), "{said}");
    let said = elsewhere.refused(&[&compile[..], &["--store", &store, "--offline"]].concat());
    assert!(said.contains("was never fetched"), "{said}");
}

#[test]
fn a_lock_keeps_what_it_has_and_is_written_only_where_it_changes() {
    let elsewhere = Elsewhere::new();
    let (base, address) = elsewhere.base("base");
    elsewhere.world.write("one/kustomization.yaml", &format!("resources: ['{address}//overlay?ref=main']\n"));
    elsewhere.world.write("two/kustomization.yaml", &format!("resources: ['{address}//common?ref=v1.0.0']\n"));
    elsewhere.done(&["lock", "--path", "one"]);
    let first = elsewhere.lock();
    base.write("new", "x").expect("written");
    base.commit("Two").expect("a commit");
    elsewhere.publish(&base, "base");
    elsewhere.done(&["lock", "--path", "two"]);
    let both = elsewhere.lock();
    for line in first.lines() {
        assert!(both.contains(line), "{line}: {both}");
    }
    assert_eq!(both.matches("- kind: git").count(), 2, "{both}");
    let told = elsewhere.done(&["lock", "--path", "one"]);
    assert!(told.contains("all of them in gitops.lock already"), "{told}");
    let json = elsewhere.done(&["lock", "--path", "one", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["changed"], false, "{json}");
    assert_eq!(json["inputs"][0]["before"], json["inputs"][0]["now"], "{json}");
    is_valid("lock", &json);
    let file = yaml::read(both.as_bytes(), Limits::default()).documents.remove(0).value;
    is_valid("lock-file", &serde_json::Value::from(&file));
    let verified = elsewhere.done(&["lock", "verify", "-o", "json"]);
    is_valid("lock-verify", &serde_json::from_str(&verified).expect("JSON"));

    let said = elsewhere.refused(&["lock", "update", "nothing"]);
    assert!(said.contains("no input is called nothing") && said.contains("there are base"), "{said}");
    elsewhere.done(&["lock", "update"]);
    assert_ne!(elsewhere.lock(), both);
}

#[test]
fn without_a_lock_inputs_may_be_looked_up_by_word_only() {
    let elsewhere = Elsewhere::new();
    let (_, address) = elsewhere.base("base");
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{address}//overlay?ref=main']\n"));
    elsewhere.refused(&["compile", "--path", "deploy"]);
    elsewhere.done(&["compile", "--path", "deploy", "--inputs", "resolve"]);
    assert_eq!(elsewhere.lock(), "", "nothing is written");
    let said = elsewhere.refused(&["compile", "--path", "deploy", "--inputs", "resolve", "--offline"]);
    assert!(said.contains("nothing is looked up with --offline"), "{said}");
}

#[test]
fn a_lock_of_a_commit_is_that_of_the_commit() {
    let elsewhere = Elsewhere::new();
    let (_, address) = elsewhere.base("base");
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{address}//overlay?ref=v1.0.0']\n"));
    elsewhere.done(&["lock", "--path", "deploy"]);
    elsewhere.world.repository.commit("Locked").expect("a commit");
    std::fs::remove_file(elsewhere.world.repository.path().join("gitops.lock")).expect("removed");
    elsewhere.done(&["compile", "--path", "deploy", "--revision", "HEAD", "--offline"]);
    elsewhere.refused(&["compile", "--path", "deploy", "--offline"]);
    elsewhere.world.write("gitops.lock", "version: 1\ninputs:\n- kind: git\n  revision: x\n");
    let said = elsewhere.refused(&["compile", "--path", "deploy"]);
    assert!(said.contains("gitops.lock:3:") && said.contains("repository"), "{said}");
}

#[test]
fn a_program_of_another_version_is_refused() {
    let elsewhere = Elsewhere::new();
    elsewhere.world.write("deploy/kustomization.yaml", "namePrefix: a-\nresources: [config.yaml]\n");
    elsewhere.world.write("deploy/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n");
    elsewhere.done(&["compile", "--path", "deploy"]);
    elsewhere.done(&["lock", "--path", "deploy"]);
    let lock = elsewhere.lock();
    assert!(lock.contains("name: kustomize\n  resolved: v5.8.1"), "{lock}");
    elsewhere.done(&["compile", "--path", "deploy"]);
    elsewhere.world.write("gitops.lock", &lock.replace("v5.8.1", "v5.9.0"));
    let said = elsewhere.refused(&["compile", "--path", "deploy"]);
    assert!(said.contains("gitops.lock says kustomize v5.9.0") && said.contains("is v5.8.1"), "{said}");
    let told = elsewhere.done(&["lock", "update", "kustomize"]);
    assert!(told.contains("v5.9.0 → v5.8.1"), "{told}");
    assert_eq!(elsewhere.lock(), lock);
    elsewhere.done(&["compile", "--path", "deploy"]);
}
