//! The main job against the real cluster: apply, change, prune, conflict, roll back.

mod support;

use support::{World, config_map, deployment};

#[test]
fn a_folder_is_applied_changed_and_rolled_back_with_few_requests() {
    let world = World::new("main-job");
    world.write("config.yaml", &config_map("settings", "one"));
    world.write("app.yaml", &deployment("web", "web:1", "settings", ""));
    let tried = world.apply(&["--dry-run=client"]);
    assert!(tried.stderr.contains("after ConfigMap"), "the plan says what waits: {}", tried.told());
    let first = world.apply(&[]);
    assert_eq!(first.code, 0, "{}", first.told());

    let again = world.apply(&[]);
    assert_eq!(again.code, 0, "{}", again.told());
    assert_eq!(again.requests(), 1 + 2, "the head and one LIST for each of two kinds");

    world.write("config.yaml", &config_map("settings", "two"));
    let change = world.apply(&[]);
    assert_eq!(change.code, 0, "{}", change.told());
    assert_eq!(change.requests(), 5 + 2, "head, LISTs, chunk, head, PATCH, head");
    assert_eq!(world.get("configmap", "settings")["data"]["value"], "two");

    world.write("config.yaml", &config_map("settings", "three"));
    let trusting = world.apply(&["--trust-record"]);
    assert_eq!(trusting.requests(), 5, "{}", trusting.told());

    let back = world.run(&["rollback", &world.name, "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert_eq!(world.get("configmap", "settings")["data"]["value"], "two");
    assert_eq!(world.outcomes(), ["succeeded"; 4]);

    let status = world.run(&["status", &world.name]);
    assert!(status.stdout.contains("Synced  Healthy"), "{}", status.told());
}

#[test]
fn what_leaves_the_graph_is_pruned_and_nothing_foreign_is_touched() {
    let world = World::new("prune");
    world.kubectl(&["create", "configmap", "foreign", "-n", &world.name, "--from-literal=a=b"]);
    let foreign = world.get("configmap", "foreign");
    world.write("a.yaml", &config_map("a", "1")).write("b.yaml", &config_map("b", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    world.remove("b.yaml");
    let pruned = world.apply(&[]);
    assert_eq!(pruned.code, 0, "{}", pruned.told());
    assert_eq!(world.owned("configmaps"), ["configmap/a"]);
    assert_eq!(world.get("configmap", "foreign"), foreign);

    world.write("foreign.yaml", &config_map("foreign", "mine"));
    let joined = world.apply(&[]);
    assert_eq!(joined.code, 0, "{}", joined.told());
    assert!(joined.stderr.contains("was there before us"), "{}", joined.told());
    // However often we change it, it stays what was there before us.
    for value in ["mine, again", "mine for good"] {
        world.write("foreign.yaml", &config_map("foreign", value));
        assert_eq!(world.apply(&[]).code, 0);
    }
    world.remove("foreign.yaml");
    let kept = world.apply(&[]);
    assert!(kept.stderr.contains("it was there before us: kept"), "{}", kept.told());
    let left = world.get("configmap", "foreign");
    assert!(!left.is_null(), "what was there before us is never deleted");
    assert!(left["metadata"]["labels"].is_null(), "another application may have it now: {left}");
}

#[test]
fn two_applications_from_one_folder_have_two_records() {
    let first = World::new("twin");
    first.write("a.yaml", &config_map("same", "1"));
    let second = World::new("other");
    second.write("a.yaml", &config_map("same", "1"));
    assert_eq!((first.apply(&[]).code, second.apply(&[]).code), (0, 0));
    let target = first.head()["target"].as_str().expect("a target").to_owned();
    let deleted = first.run(&["delete", &first.name, "--yes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.told());
    let parts = ["get", "secrets", "-A", "-o", "name", "-l", &format!("kubectl-gitops/target={target}")];
    assert_eq!(first.kubectl(&parts), "", "nothing of the record is left");
    // With an empty store, all comes from the record.
    let store = second.home.path().join("empty");
    let shown = second.run(&["show", &second.name, "--store", &store.to_string_lossy()]);
    assert!(shown.code == 0 && shown.stdout.contains("same"), "{}", shown.told());
}

#[test]
fn fields_of_others_are_not_taken_without_a_word() {
    let world = World::new("conflict");
    world.write("a.yaml", &config_map("a", "ours"));
    assert_eq!(world.apply(&[]).code, 0);
    let edit = r#"{"data":{"value":"theirs"}}"#;
    world.kubectl(&["patch", "configmap", "a", "-n", &world.name, "-p", edit, "--field-manager=someone"]);
    let plan = world.run(&["plan", &world.name, "-n", &world.name]);
    assert!(plan.stdout.contains("was changed by somebody"), "{}", plan.told());
    let refused = world.apply(&[]);
    assert_eq!(refused.code, 4, "{}", refused.told());
    assert!(refused.stderr.contains("data.value belongs to someone"), "{}", refused.told());
    assert_eq!(world.get("configmap", "a")["data"]["value"], "theirs");
    let forced = world.apply(&["--force-conflicts"]);
    assert_eq!(forced.code, 0, "{}", forced.told());
    assert_eq!(world.get("configmap", "a")["data"]["value"], "ours");
}

#[test]
fn an_object_belongs_to_one_application() {
    let first = World::new("owner");
    first.write("a.yaml", &config_map("shared", "1"));
    assert_eq!(first.apply(&[]).code, 0);
    let second = World::new("rival");
    second.write("a.yaml", &config_map("shared", "1")).write("b.yaml", &config_map("own", "1"));
    let before = first.get("configmap", "shared");
    let refused = second.run(&["apply", &second.name, "-n", &first.name, "--yes"]);
    assert_eq!(refused.code, 4, "{}", refused.told());
    let claim = format!("ConfigMap {}/shared belongs to {}", first.name, first.name);
    assert!(refused.stderr.contains(&claim), "{}", refused.told());
    assert_eq!(first.get("configmap", "shared"), before);
    assert!(first.get("configmap", "own").is_null(), "nothing was changed");
}

#[test]
fn a_pod_that_cannot_start_is_told_of_wherever_its_deployment_stands() {
    let world = World::new("late-pods");
    let in_wave = |wave: &str, manifest: &str| {
        let annotated = format!("metadata:\n  annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}\n");
        manifest.replacen("metadata:\n", &annotated, 1)
    };
    let (slow, broken) = (", testdata.kubectl-gitops/start: slow", ", testdata.kubectl-gitops/fail: image-pull");
    world.write("settings.yaml", &config_map("settings", "one"));
    world.write("slow.yaml", &deployment("slow", "slow", "settings", slow));
    // The watch of Pods is open by then.
    for index in 0..5 {
        let name = format!("broken-{index}");
        world.write(&format!("{name}.yaml"), &in_wave("1", &deployment(&name, "none", "settings", broken)));
    }
    let failed = world.apply(&[]);
    assert_eq!(failed.code, 3, "{}", failed.told());
    for index in 0..5 {
        let told = format!("{}/broken-{index}: pod broken-{index}-", world.name);
        assert!(failed.stderr.contains(&told), "{told}: {}", failed.told());
    }
    assert!(!failed.stderr.contains("not ready after"), "{}", failed.told());
}

#[test]
fn a_deployment_that_cannot_start_fails_the_release_with_the_reason() {
    let world = World::new("broken");
    world.write("config.yaml", &config_map("settings", "one"));
    world.write("app.yaml", &deployment("web", "web:1", "settings", ""));
    assert_eq!(world.apply(&[]).code, 0);
    let fail = r#", "testdata.kubectl-gitops/fail": image-pull"#;
    world.write("app.yaml", &deployment("web", "web:none", "settings", fail));
    let failed = world.apply(&[]);
    assert_eq!(failed.code, 3, "{}", failed.told());
    assert!(failed.stderr.contains("ImagePullBackOff"), "{}", failed.told());
    let status = world.run(&["status", &world.name]);
    assert!(
        status.stdout.contains("OutOfSync"),
        "a release that failed leaves the target unsettled: {}",
        status.told()
    );
    let back = world.run(&["rollback", &world.name, "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert_eq!(world.outcomes(), ["succeeded", "failed", "succeeded"]);
    let status = world.run(&["status", &world.name]);
    assert!(status.stdout.contains("Synced  Healthy"), "{}", status.told());
}

#[test]
fn secrets_come_back_from_the_record_and_are_never_shown() {
    let world = World::new("secrets");
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData: {{token: {value}}}\n")
    };
    world.write("secret.yaml", &secret("hunter-one"));
    let first = world.apply(&[]);
    assert_eq!(first.code, 0, "{}", first.told());
    world.write("secret.yaml", &secret("hunter-two"));
    let second = world.apply(&[]);
    assert_eq!(second.code, 0, "{}", second.told());
    // Another machine: no store, no repository.
    let elsewhere = World::at(&world.kubeconfig, std::path::Path::new("/nonexistent"), &world.name);
    let shown = elsewhere.run(&["show", &format!("{}@1", world.name), "-o", "yaml"]);
    let back = elsewhere.run(&["rollback", &world.name, "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    // base64 of hunter-one.
    assert_eq!(world.get("secret", "key")["data"]["token"], "aHVudGVyLW9uZQ==");
    for told in [first.told(), second.told(), shown.told(), back.told()] {
        assert!(!told.contains("hunter") && !told.contains("aHVudGVy"), "a secret was shown: {told}");
    }
    assert!(shown.stdout.contains("(secret)"), "{}", shown.told());
    std::mem::forget(elsewhere);
}

#[test]
fn bodies_of_secrets_are_kept_though_a_run_failed_before_their_namespace_was_there() {
    let world = World::new("late");
    let other = format!("{}-late", world.name);
    let namespace =
        |label: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {other}, labels: {{a: {label}}}}}\n");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: key, namespace: {other}}}\nstringData: {{token: hunter}}\n"
    );
    world.write("n.yaml", &namespace("\"no label!\"")).write("s.yaml", &secret);
    let failed = world.apply(&[]);
    assert_eq!(failed.code, 3, "{}", failed.told());
    // The same Secret, and now the namespace is there when the run begins.
    world.kubectl(&["create", "namespace", &other]);
    world.write("n.yaml", &namespace("fine"));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    let store = world.home.path().join("empty");
    let arguments = ["show", &world.name, "-o", "yaml", "--show-secrets", "--store", &store.to_string_lossy()];
    let shown = world.run(&arguments);
    // base64 of hunter.
    assert!(shown.stdout.contains("aHVudGVy"), "{}", shown.told());
    world.kubectl(&["delete", "namespace", &other, "--wait=false"]);
}
