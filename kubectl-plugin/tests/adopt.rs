//! Taking over what other tools have applied, as release 0, against the real cluster: nothing changes, nothing is made again,
//! and a rollback to 0 gives back what was there before the first apply.

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value as Json;
use support::{Ended, World, config_map, deployment};

const CART: &str = "registry.invalid/cart";

fn image(world: &World) -> Json {
    world.get("deployment", "cart")["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

fn value(world: &World, name: &str) -> Json {
    world.get("configmap", name)["data"]["value"].clone()
}

fn managers(object: &Json) -> Vec<&str> {
    let entries = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry["manager"].as_str()).collect()
}

/// An object without what says who wrote it. A Deployment counts as changed where only its annotations are.
fn values(world: &World, kind: &str, name: &str) -> Json {
    let output = world.kubectl(&["get", kind, name, "-n", &world.name, "-o", "json"]);
    let mut object: Json = serde_json::from_str(&output).expect("JSON");
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    metadata.remove("resourceVersion");
    metadata.remove("generation");
    for (field, added) in [
        ("annotations", "kubectl.kubernetes.io/last-applied-configuration"),
        ("labels", "applyset.kubernetes.io/part-of"),
    ] {
        let texts = metadata.get_mut(field).and_then(Json::as_object_mut);
        if texts.is_some_and(|texts| texts.remove(added).is_some() && texts.is_empty()) {
            metadata.remove(field);
        }
    }
    object.as_object_mut().expect("an object").remove("status");
    object
}

fn adopt(world: &World, more: &[&str]) -> Ended {
    let mut arguments = vec!["adopt", &world.name, "-n", &world.name, "--yes"];
    arguments.extend(more);
    world.run(&arguments)
}

fn kubectl_apply(world: &World, manifests: &str, more: &[&str]) {
    let file = world.home.path().join("applied.yaml").display().to_string();
    std::fs::write(&file, manifests).expect("written");
    world.kubectl(&[&["apply", "-n", &world.name, "-f", &file], more].concat());
}

fn cart(version: &str) -> String {
    deployment("cart", &format!("{CART}:{version}"), "settings", "")
}

/// What kubectl has applied in one of its ways is taken over, changed, and gone back to.
fn there_and_back(name: &str, how: &[&str]) {
    let world = World::new(name);
    let first = cart("1").replacen("metadata:\n", "metadata:\n  labels: {old: \"yes\", kept: \"yes\"}\n", 1);
    kubectl_apply(&world, &format!("{}---\n{first}", config_map("settings", "1")), how);
    world.kubectl(&["label", "deployment", "cart", "-n", &world.name, "hand=made"]);
    // The server itself goes on writing until the Deployment is seen.
    world.kubectl(&["rollout", "status", "deployment", "cart", "-n", &world.name, "--timeout=60s"]);
    let before = [values(&world, "configmap", "settings"), values(&world, "deployment", "cart")];
    // The graph is another one already, and has something that is not there.
    world.write("settings.yaml", &config_map("settings", "2")).write("new.yaml", &config_map("new", "1"));
    world.write("cart.yaml", &cart("2").replacen("metadata:\n", "metadata:\n  labels: {kept: \"yes\"}\n", 1));
    let adopted = adopt(&world, &[]);
    assert_eq!(adopted.code, 0, "{}", adopted.told());
    assert!(adopted.stdout.starts_with(&format!("release 0 of {} is live", world.name)), "{}", adopted.told());
    assert_eq!([values(&world, "configmap", "settings"), values(&world, "deployment", "cart")], before);
    assert!(world.get("configmap", "new").is_null());
    let output =
        world.kubectl(&["get", "deployment", "cart", "-n", &world.name, "-o", "json", "--show-managed-fields"]);
    let owned: Json = serde_json::from_str(&output).expect("JSON");
    let tools = ["kubectl", "kubectl-client-side-apply", "argocd-controller"];
    assert!(!managers(&owned).iter().any(|manager| tools.contains(manager)), "{:?}", managers(&owned));
    assert!(managers(&owned).contains(&"kubectl-label"), "{:?}", managers(&owned));
    assert_eq!(world.run(&["drift", &world.name]).code, 0);
    let again = adopt(&world, &[]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.told());
    let history = world.run(&["history", &world.name]);
    assert!(history.stdout.contains("live, taken over"), "{}", history.told());
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!((value(&world, "settings"), image(&world)), ("2".into(), format!("{CART}:2").into()));
    let labels = &world.get("deployment", "cart")["metadata"]["labels"];
    assert!(labels["old"].is_null() && labels["hand"] == "made", "{labels}");
    let back = world.run(&["rollback", &world.name, "--to", "0", "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert!(world.get("configmap", "new").is_null());
    let mut after = values(&world, "deployment", "cart");
    // How often it was changed since its controller keeps there.
    after["metadata"]["annotations"] = before[1]["metadata"]["annotations"].clone();
    assert_eq!([values(&world, "configmap", "settings"), after], before);
    assert_eq!(world.outcomes(), ["succeeded", "succeeded", "succeeded"]);
    let refused = adopt(&world, &[]);
    assert_eq!(refused.code, 2, "{}", refused.told());
    assert!(refused.stderr.contains("was applied already"), "{}", refused.told());
}

#[test]
fn what_kubectl_applied_on_its_side_is_taken_over_and_gone_back_to() {
    there_and_back("adopt-client", &[]);
}

#[test]
fn what_kubectl_applied_on_the_servers_side_is_taken_over_and_gone_back_to() {
    there_and_back("adopt-server", &["--server-side"]);
}

#[test]
fn what_argo_cd_applied_is_taken_over_and_gone_back_to() {
    there_and_back("adopt-argocd", &["--server-side", "--field-manager=argocd-controller"]);
}

fn autoscaler(version: &str, most: u8, target: &str) -> String {
    format!(
        "apiVersion: autoscaling/{version}
kind: HorizontalPodAutoscaler
metadata: {{name: cart}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: cart}}
  maxReplicas: {most}
  {target}
"
    )
}

#[test]
fn what_was_applied_in_another_version_is_taken_over_in_that() {
    let world = World::new("adopt-version");
    kubectl_apply(&world, &autoscaler("v1", 3, "targetCPUUtilizationPercentage: 70"), &[]);
    let resource = "{name: cpu, target: {type: Utilization, averageUtilization: 80}}";
    world.write("cart.yaml", &autoscaler("v2", 5, &format!("metrics: [{{type: Resource, resource: {resource}}}]")));
    let before = values(&world, "hpa", "cart")["spec"].clone();
    let adopted = adopt(&world, &[]);
    assert_eq!(adopted.code, 0, "{}", adopted.told());
    let shown = world.run(&["show", &format!("{}@0", world.name), "-o", "yaml"]);
    assert!(shown.stdout.contains("targetCPUUtilizationPercentage: 70"), "{}", shown.told());
    assert_eq!(values(&world, "hpa", "cart")["spec"], before);
    let applied = world.apply(&["--wait=false"]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(values(&world, "hpa", "cart")["spec"]["maxReplicas"], 5);
    let back = world.run(&["rollback", &world.name, "--to", "0", "--yes", "--wait=false"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert_eq!(values(&world, "hpa", "cart")["spec"], before);
}

#[test]
fn what_people_set_by_hand_is_gone_back_to() {
    let world = World::new("adopt-hand");
    kubectl_apply(&world, &cart("1"), &["--server-side"]);
    world.kubectl(&["set", "image", "deployment/cart", "-n", &world.name, &format!("main={CART}:by-hand")]);
    world.write("cart.yaml", &cart("2"));
    assert_eq!(adopt(&world, &[]).code, 0);
    let conflict = world.apply(&[]);
    assert_eq!(conflict.code, 4, "what people set is theirs: {}", conflict.told());
    assert_eq!(world.apply(&["--force-conflicts"]).code, 0);
    assert_eq!(image(&world), format!("{CART}:2"));
    let back = world.run(&["rollback", &world.name, "--to", "0", "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert_eq!(image(&world), format!("{CART}:by-hand"));
}

#[test]
fn where_nothing_is_there_nothing_is_recorded() {
    let world = World::new("adopt-nothing");
    world.write("a.yaml", &config_map("a", "1"));
    let nothing = adopt(&world, &[]);
    assert_eq!(nothing.code, 0, "{}", nothing.told());
    assert!(nothing.stdout.contains("in the cluster to be taken over"), "{}", nothing.told());
    assert!(world.head_or_null().is_null());
    // What no tool has applied is nobody's to take over.
    let raw = format!("/api/v1/namespaces/{}/configmaps?fieldManager=some-controller", world.name);
    let file = world.home.path().join("a.json").display().to_string();
    let object = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"value":"theirs"}}"#;
    std::fs::write(&file, object).expect("written");
    world.kubectl(&["create", "--raw", &raw, "-f", &file]);
    let theirs = adopt(&world, &[]);
    assert!(theirs.code == 0 && theirs.stderr.contains("no tool that is known has applied it"), "{}", theirs.told());
    assert!(world.head_or_null().is_null());
}

#[test]
fn values_of_secrets_stay_where_they_are() {
    let world = World::new("adopt-secret");
    let secret =
        |word: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{word: {word}}}\n");
    kubectl_apply(&world, &secret("before"), &[]);
    world.write("s.yaml", &secret("after"));
    let shown = adopt(&world, &["--dry-run"]);
    let adopted = adopt(&world, &["-o", "json"]);
    assert_eq!((shown.code, adopted.code), (0, 0), "{} {}", shown.told(), adopted.told());
    assert_eq!(world.apply(&[]).code, 0);
    let diff = world.run(&["diff", &format!("{}@0", world.name), &format!("{}@1", world.name)]);
    for told in [shown.told(), adopted.told(), diff.told(), world.head().to_string()] {
        assert!(!told.contains("YmVmb3Jl") && !told.contains("before"), "{told}");
    }
    assert!(diff.stdout.contains("data.word  (secret) changed"), "{}", diff.told());
    assert_eq!(world.run(&["rollback", &world.name, "--to", "0", "--yes"]).code, 0);
    assert_eq!(world.get("secret", "s")["data"]["word"], "YmVmb3Jl");
}

#[test]
fn what_belongs_to_another_application_is_taken_with_its_word_only() {
    let world = World::new("adopt-claimed");
    let other = format!("{}-other", world.name);
    world.write("a.yaml", &config_map("a", "1"));
    assert_eq!(world.run(&["apply", &other, "-n", &world.name, "--yes"]).code, 0);
    let before = values(&world, "configmap", "a");
    let refused = adopt(&world, &[]);
    assert!(refused.code == 4 && refused.stderr.contains("--take-from"), "{}", refused.told());
    let taken = adopt(&world, &["--take-from", &other]);
    assert_eq!(taken.code, 0, "{}", taken.told());
    assert_eq!(values(&world, "configmap", "a"), before);
    world.write("a.yaml", &config_map("a", "2"));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(world.run(&["rollback", &world.name, "--to", "0", "--yes"]).code, 0);
    assert_eq!(value(&world, "a"), "1");
}

#[test]
fn a_run_that_was_killed_is_finished_by_the_next() {
    let world = World::new("adopt-killed");
    let count = 120;
    let manifests = |value: &str| (0..count).map(|index| config_map(&format!("c{index}"), value)).collect::<Vec<_>>();
    kubectl_apply(&world, &manifests("1").join("---\n"), &[]);
    world.write("all.yaml", &manifests("2").join("---\n"));
    let list = || {
        let listed = world.kubectl(&["get", "configmaps", "-n", &world.name, "-o", "json"]);
        let listed: Json = serde_json::from_str(&listed).expect("JSON");
        let items = listed["items"].as_array().expect("items").clone();
        let told = |item: &Json| format!("{} {} {}", item["metadata"]["name"], item["metadata"]["uid"], item["data"]);
        items.iter().map(told).collect::<Vec<_>>()
    };
    let before = list();
    for lines in [10, 60] {
        let mut command = world.command(&["adopt", &world.name, "-n", &world.name, "--yes"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let told = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let done = told.map_while(Result::ok).filter(|line| line.trim_start().starts_with('✓'));
        assert_eq!(done.take(lines).count(), lines, "it lasts long enough to be killed");
        child.kill().and_then(|()| child.wait()).expect("killed");
        assert!(!world.head()["pending"].is_null(), "it was killed too late");
        assert_eq!(list(), before);
    }
    let finished = adopt(&world, &[]);
    assert_eq!(finished.code, 0, "{}", finished.told());
    assert_eq!(list(), before);
    let head = world.head();
    assert!(head["pending"].is_null() && head["lock"].is_null() && head["live"] == 0, "{head}");
    assert_eq!(world.outcomes(), ["succeeded"], "{head}");
    assert_eq!(world.owned("configmaps").len(), count);
    assert_eq!(world.apply(&[]).code, 0);
    assert_eq!(value(&world, "c7"), "2");
    let back = world.run(&["rollback", &world.name, "--to", "0", "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert_eq!(list(), before);
}
