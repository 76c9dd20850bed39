//! Bad input of every kind: one clear error each, the right exit code, and nothing lost or half recorded.

mod support;

use support::{World, config_map};

/// Applies a folder with this one file and expects an error that contains `expected`.
fn refused(name: &str, contents: &str, code: i32, expected: &str) {
    let world = World::new(name);
    world.write("a.yaml", contents);
    let ended = world.apply(&[]);
    assert_eq!(ended.code, code, "{}", ended.told());
    assert!(ended.stderr.contains(expected), "expected `{expected}`: {}", ended.told());
    let record = format!("kubectl-gitops.{}", world.name);
    assert_eq!(
        world.kubectl(&["get", "secret", &record, "-n", "default", "--ignore-not-found"]),
        "",
        "nothing recorded"
    );
}

#[test]
fn broken_yaml_names_the_line() {
    refused("yaml", "apiVersion: v1\nkind: [\n", 2, "a.yaml:3");
}

#[test]
fn an_object_without_a_kind_is_refused() {
    refused("kind", "apiVersion: v1\nmetadata: {name: a}\n", 2, "a.yaml:1: error: this object has no `kind`");
}

#[test]
fn an_object_without_a_name_is_refused() {
    refused("name", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", 2, "this ConfigMap has no metadata.name");
}

#[test]
fn two_objects_with_one_key_are_refused() {
    let twice = format!("{}---\n{}", config_map("a", "1"), config_map("a", "2"));
    refused("twice", &twice, 2, "one application has each object once");
}

#[test]
fn a_cycle_is_shown_whole() {
    let one = |name: &str, other: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    \
             config.kubernetes.io/depends-on: /ConfigMap/{other}\n"
        )
    };
    let circle = format!("{}---\n{}", one("a", "b"), one("b", "a"));
    refused("cycle", &circle, 2, "ConfigMap b waits for ConfigMap a: its annotation says so");
}

#[test]
fn a_kind_that_the_server_does_not_know_is_refused_before_anything_changes() {
    let documents =
        format!("{}---\napiVersion: none.example/v1\nkind: Nothing\nmetadata: {{name: x}}\n", config_map("a", "1"));
    refused("unknown", &documents, 2, "the server does not serve Nothing in none.example/v1");
}

#[test]
fn an_empty_folder_is_refused() {
    let world = World::new("empty");
    world.write("notes.txt", "no manifests");
    let ended = world.apply(&[]);
    assert_eq!(ended.code, 2, "{}", ended.told());
    assert!(ended.stderr.contains("no manifests here"), "{}", ended.told());
}

#[test]
fn what_is_no_repository_is_refused() {
    let world = World::new("none");
    let folder = tempfile::tempdir().expect("a folder");
    let ended = world.run(&["compile", "--source", &folder.path().display().to_string()]);
    assert_eq!(ended.code, 2, "{}", ended.told());
    assert!(ended.stderr.contains("is not in a Git repository"), "{}", ended.told());
}

#[test]
fn an_unknown_revision_is_refused() {
    let world = World::new("revision");
    world.write("a.yaml", &config_map("a", "1"));
    world.repository.commit("first").expect("a commit");
    let ended = world.run(&["compile", "--revision", "nowhere"]);
    assert_eq!(ended.code, 2, "{}", ended.told());
    assert!(ended.stderr.contains("no commit is called `nowhere`"), "{}", ended.told());
}

#[test]
fn without_a_cluster_there_is_one_clear_error() {
    let world = World::new("no-cluster");
    world.write("a.yaml", &config_map("a", "1"));
    let kubeconfig = world.home.path().join("config");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster: {server: 'https://127.0.0.1:1'}\n\
                contexts:\n- name: c\n  context: {cluster: k, user: u}\nusers:\n- name: u\n  user: {token: t}\n";
    std::fs::write(&kubeconfig, text).expect("written");
    let ended = world.apply(&["--kubeconfig", &kubeconfig.display().to_string()]);
    assert_eq!(ended.code, 2, "{}", ended.told());
    assert!(ended.stderr.contains("no answer from the API server"), "{}", ended.told());
    let ended = world.apply(&["--kubeconfig", "/nonexistent"]);
    assert_eq!(ended.code, 2, "{}", ended.told());
    assert!(ended.stderr.contains("there is no usable kubeconfig"), "{}", ended.told());
}

#[test]
fn manifests_that_the_schema_refuses_are_refused_before_anything_changes() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 80}], slector: {}}\n";
    let documents = format!("{}---\n{service}", config_map("good", "1"));
    refused(
        "schema",
        &documents,
        2,
        "error[unknown-field]: Service bad: unknown field `spec.slector`, did you mean `selector`?",
    );
}

#[test]
fn manifests_that_the_server_refuses_fail_with_its_words_and_the_rest_goes_on() {
    let world = World::new("strict");
    world.write("a.yaml", &config_map("good", "1"));
    world.write(
        "b.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 80}], type: Balancer}\n",
    );
    let ended = world.apply(&[]);
    assert_eq!(ended.code, 3, "{}", ended.told());
    assert!(ended.stderr.contains("Balancer"), "{}", ended.told());
    assert_eq!(world.outcomes(), ["failed"]);
    assert_eq!(world.owned("configmaps"), ["configmap/good"]);
    world.remove("b.yaml");
    let mended = world.apply(&[]);
    assert_eq!(mended.code, 0, "{}", mended.told());
    assert_eq!(world.outcomes(), ["failed", "succeeded"]);
}

#[test]
fn a_record_in_a_namespace_of_the_graph_is_refused() {
    let world = World::new("own-namespace");
    world.write("n.yaml", &format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n", world.name));
    let ended = world.apply(&["--record-namespace", &world.name]);
    assert_eq!(ended.code, 2, "{}", ended.told());
    assert!(ended.stderr.contains("name another with --record-namespace"), "{}", ended.told());
}
