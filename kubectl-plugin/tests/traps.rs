//! What others do to the objects of an application, each against the real server: whose field it is, and what goes with a field that
//! nobody names any more; objects and namespaces that are being deleted; a webhook that is not there; a record that is deleted meanwhile.
//!
//! Other traps have tests of their own: objects of two applications and two API groups in `ownership`, replaced objects in `drift`,
//! `stringData` in `apply`.

mod support;

use std::process::{Child, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_testdata::servers::Certificates;
use serde_json::Value as Json;
use support::{Ended, World, config_map, deployment};

/// A Deployment with a number of replicas, or without.
fn scaled(name: &str, image: &str, replicas: Option<u32>) -> String {
    let text = deployment(name, &format!("registry.invalid/{image}"), "settings", "");
    let Some(replicas) = replicas else { return text };
    text.replacen("spec:\n", &format!("spec:\n  replicas: {replicas}\n"), 1)
}

fn autoscaler(name: &str) -> String {
    format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: {name}}}\nspec:\n  maxReplicas: 9\n  \
         scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}\n"
    )
}

fn replicas(world: &World, name: &str) -> Json {
    world.get("deployment", name)["spec"]["replicas"].clone()
}

fn good(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}", ended.told());
}

/// Waits for what was started, and gives its exit code and what it told.
fn ended(child: Child) -> (i32, String) {
    let output = child.wait_with_output().expect("it ends");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn replicas_that_manifests_drop_stay_for_what_scales_them() {
    let world = World::new("dropped");
    world.write("config.yaml", &config_map("settings", "1"));
    for name in ["own", "other", "none"] {
        world.write(&format!("{name}.yaml"), &scaled(name, "a:1", Some(3)));
    }
    good(&world.apply(&["--wait=false"]));
    // One is scaled from this commit on, one by somebody else's autoscaler, one by nobody.
    let file = world.home.path().join("other.yaml");
    std::fs::write(&file, autoscaler("other")).expect("written");
    world.kubectl(&["apply", "-n", &world.name, "-f", &file.display().to_string()]);
    world.write("scaler.yaml", &autoscaler("own"));
    for name in ["own", "other", "none"] {
        world.write(&format!("{name}.yaml"), &scaled(name, "a:1", None));
    }
    let differs = world.run(&["diff", &format!("{}@live", world.name)]);
    let numbers: Vec<&str> = differs.stdout.lines().filter(|line| line.contains("spec.replicas")).collect();
    assert!(numbers == ["    spec.replicas  3 → 1"] && differs.code == 1, "of what nobody scales: {}", differs.told());
    let applied = world.apply(&["--wait=false"]);
    good(&applied);
    for name in ["own", "other"] {
        assert_eq!(replicas(&world, name), 3, "{}", applied.told());
        let note = format!("Deployment {}/{name}: spec.replicas stays 3, for whoever scales it", world.name);
        assert!(applied.told().contains(&note), "{}", applied.told());
    }
    assert_eq!(replicas(&world, "none"), 1, "the default is what the manifest says");
    assert!(world.apply(&[]).stdout.contains("nothing to do"));
    good(&world.run(&["drift", &world.name]));
    // Scaled later, it stays so, also where the manifest names a number again. What was never scaled is taken back.
    world.kubectl(&["scale", "deployment", "own", "-n", &world.name, "--replicas=5"]);
    world.write("own.yaml", &scaled("own", "a:2", None));
    good(&world.apply(&["--wait=false"]));
    assert_eq!(replicas(&world, "own"), 5);
    for name in ["own", "other"] {
        world.write(&format!("{name}.yaml"), &scaled(name, "a:2", Some(2)));
    }
    let applied = world.apply(&["--wait=false"]);
    good(&applied);
    assert_eq!([replicas(&world, "own"), replicas(&world, "other")], [5, 2], "{}", applied.told());
}

#[test]
fn replicas_stay_for_what_scales_them_where_the_object_is_taken_over_or_replaced() {
    let world = World::new("rescaled");
    world.write("config.yaml", &config_map("settings", "1"));
    // What others applied is taken over, replicas and all, and our manifest names none.
    let theirs = world.home.path().join("theirs.yaml");
    std::fs::write(&theirs, format!("{}---\n{}", scaled("taken", "a:1", Some(3)), autoscaler("taken")))
        .expect("written");
    world.kubectl(&["apply", "--server-side", "-n", &world.name, "-f", &theirs.display().to_string()]);
    world.write("taken.yaml", &scaled("taken", "a:2", None));
    let replaced = |image: &str| {
        let mut text = scaled("replaced", image, None);
        text =
            text.replacen("metadata:", "metadata:\n  annotations: {argocd.argoproj.io/sync-options: Replace=true}", 1);
        text
    };
    world.write("replaced.yaml", &replaced("a:1")).write("scaler.yaml", &autoscaler("replaced"));
    let adopted = world.apply(&["--adopt", "--wait=false"]);
    good(&adopted);
    assert_eq!(replicas(&world, "taken"), 3, "{}", adopted.told());
    good(&world.run(&["drift", &world.name]));
    // What is replaced as a whole keeps them, too.
    world.kubectl(&["scale", "deployment", "replaced", "-n", &world.name, "--replicas=4"]);
    world.write("replaced.yaml", &replaced("a:2"));
    let applied = world.apply(&["--wait=false"]);
    good(&applied);
    let image = world.get("deployment", "replaced")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!((replicas(&world, "replaced"), image), (4.into(), "registry.invalid/a:2".into()), "{}", applied.told());
}

#[test]
fn what_is_left_to_others_is_left_where_fields_beside_it_are_taken() {
    let world = World::new("mixed");
    world.write("config.yaml", &config_map("settings", "1")).write("cart.yaml", &scaled("cart", "a:1", Some(1)));
    good(&world.apply(&["--wait=false"]));
    world.kubectl(&["scale", "deployment", "cart", "-n", &world.name, "--replicas=4"]);
    let edit = r#"{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"registry.invalid/theirs"}]}}}}"#;
    world.kubectl(&["patch", "deployment", "cart", "-n", &world.name, "-p", edit, "--field-manager=anna"]);
    world.write("cart.yaml", &scaled("cart", "a:2", Some(1)));
    let image = || world.get("deployment", "cart")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let refused = world.apply(&["--wait=false"]);
    assert_eq!(refused.code, 4, "{}", refused.told());
    assert!(
        refused.stderr.contains("image belongs to anna") && !refused.stderr.contains("replicas belongs"),
        "{}",
        refused.told()
    );
    assert_eq!((image(), replicas(&world, "cart")), ("registry.invalid/theirs".into(), 4.into()));
    let forced = world.apply(&["--wait=false", "--force-conflicts"]);
    good(&forced);
    assert_eq!((image(), replicas(&world, "cart")), ("registry.invalid/a:2".into(), 4.into()), "{}", forced.told());
}

#[test]
fn rules_that_are_aggregated_and_certificates_that_are_injected_stay() {
    let world = World::new("injected");
    let name = world.name.as_str();
    let made = || Certificates::make().expect("certificates");
    let [authority, injected] =
        [made(), made()].map(|made| BASE64_STANDARD.encode(std::fs::read(made.authority()).expect("a certificate")));
    let manifests = |team: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}-all, labels: {{team: {team}}}}}\n\
             aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{of: {name}}}}}]}}\n\
             rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}-part, labels: {{of: {name}}}}}\n\
             rules: [{{apiGroups: [''], resources: [secrets], verbs: [list]}}]\n---\n\
             apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n\
             metadata: {{name: {name}, labels: {{team: {team}}}}}\nwebhooks:\n- name: a.example.com\n  admissionReviewVersions: [v1]\n  \
             sideEffects: None\n  failurePolicy: Ignore\n  clientConfig: {{url: 'https://127.0.0.1:1/', caBundle: {authority}}}\n  \
             rules: [{{apiGroups: [{name}.example.com], apiVersions: [v1], operations: [CREATE], resources: [none]}}]\n"
        )
    };
    world.write("all.yaml", &manifests("a"));
    good(&world.apply(&[]));
    let rules = || world.get("clusterrole", &format!("{name}-all"))["rules"].clone();
    let is_aggregated = || rules()[0]["resources"][0] == "secrets" && rules()[1].is_null();
    assert!(World::waits_until(is_aggregated), "{}", rules());
    let edit = format!(r#"[{{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "{injected}"}}]"#);
    world.kubectl(&[
        "patch",
        "validatingwebhookconfiguration",
        name,
        "--type=json",
        "-p",
        &edit,
        "--field-manager=cainjector",
    ]);
    let told = world.run(&["drift", name]);
    good(&told);
    // Of the rules that are there instead: what, and what may be done to it.
    assert_eq!(told.stdout.matches("left to it").count(), 3, "{}", told.told());
    world.write("all.yaml", &manifests("b"));
    good(&world.apply(&[]));
    assert!(is_aggregated(), "{}", rules());
    let webhook = world.get("validatingwebhookconfiguration", name);
    assert_eq!(webhook["webhooks"][0]["clientConfig"]["caBundle"], injected.as_str());
    assert_eq!(webhook["metadata"]["labels"]["team"], "b");
    good(&world.run(&["delete", name, "--yes"]));
}

#[test]
fn names_of_env_that_come_twice_are_applied_as_kubectl_does_and_are_no_drift() {
    let world = World::new("env-twice");
    let manifest = |value: &str| {
        deployment("cart", "registry.invalid/a", "settings", "").replace(
            "          envFrom:\n",
            &format!("          env: [{{name: A, value: '1'}}, {{name: B, value: b}}, {{name: A, value: '{value}'}}]\n          envFrom:\n"),
        )
    };
    world.write("config.yaml", &config_map("settings", "1")).write("cart.yaml", &manifest("2"));
    good(&world.apply(&["--wait=false"]));
    let value = || {
        let env = world.get("deployment", "cart")["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        let last = env.as_array().into_iter().flatten().rfind(|entry| entry["name"] == "A").cloned();
        last.map(|entry| entry["value"].clone())
    };
    assert_eq!(value(), Some("2".into()), "the last one counts");
    assert!(world.apply(&[]).stdout.contains("nothing to do"));
    good(&world.run(&["drift", &world.name]));
    world.write("cart.yaml", &manifest("3"));
    good(&world.apply(&["--wait=false"]));
    assert_eq!(value(), Some("3".into()));
}

const HOLD: &str = r#"{"metadata":{"finalizers":["example.com/hold"]}}"#;
const LET_GO: &str = r#"{"metadata":{"finalizers":null}}"#;

#[test]
fn what_is_being_deleted_is_waited_for_and_made_again() {
    let world = World::new("leaving");
    let space = format!("{}-space", world.name);
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}}}\n");
    let within = |value: &str| {
        config_map("inside", value).replacen("metadata:\n", &format!("metadata:\n  namespace: {space}\n"), 1)
    };
    world.write("a.yaml", &config_map("a", "1")).write("space.yaml", &namespace).write("inside.yaml", &within("1"));
    // Neither it nor its namespace changes: what goes comes back all the same.
    world.write("beside.yaml", &within("1").replace("inside", "beside"));
    good(&world.apply(&[]));
    let patch = |name: &str, namespace: &str, patch: &str| {
        world.kubectl(&["patch", "configmap", name, "-n", namespace, "--type=merge", "-p", patch]);
    };
    patch("a", &world.name, HOLD);
    patch("inside", &space, HOLD);
    let before = world.get("configmap", "a")["metadata"]["uid"].clone();
    world.kubectl(&["delete", "configmap", "a", "-n", &world.name, "--wait=false"]);
    world.kubectl(&["delete", "namespace", &space, "--wait=false"]);
    world.write("a.yaml", &config_map("a", "2")).write("inside.yaml", &within("2"));
    let plan = world.run(&["plan", &world.name, "-n", &world.name]);
    let is_told = |name: &str| {
        let line = plan.stdout.lines().find(|line| line.split_whitespace().any(|word| word.ends_with(name)));
        line.is_some_and(|line| line.contains(" + ") && line.contains("is being deleted by somebody"))
    };
    assert!(["/a", "-space", "/inside", "/beside"].iter().all(|name| is_told(name)), "{}", plan.told());
    let run = world.start_apply(&[], Stdio::piped());
    std::thread::sleep(Duration::from_secs(4));
    patch("a", &world.name, LET_GO);
    patch("inside", &space, LET_GO);
    let (code, told) = ended(run);
    assert_eq!(code, 0, "{told}");
    let now = world.get("configmap", "a");
    assert!(now["data"]["value"] == "2" && now["metadata"]["uid"] != before, "{now}");
    for (name, value) in [("inside", "2"), ("beside", "1")] {
        assert_eq!(world.kubectl(&["get", "configmap", name, "-n", &space, "-o", "jsonpath={.data.value}"]), value);
    }
    assert!(world.apply(&[]).stdout.contains("nothing to do"));
    good(&world.run(&["delete", &world.name, "--yes", "--allow-delete=Namespace"]));
}

#[test]
fn what_holds_a_deletion_is_named() {
    let world = World::new("held-long");
    world.write("a.yaml", &config_map("a", "1")).write("b.yaml", &config_map("b", "1"));
    good(&world.apply(&[]));
    world.kubectl(&["patch", "configmap", "b", "-n", &world.name, "--type=merge", "-p", HOLD]);
    world.remove("b.yaml");
    let late = world.apply(&["--timeout", "4"]);
    assert_eq!(late.code, 3, "{}", late.told());
    assert!(late.stderr.contains("not gone after 4 s: the finalizer example.com/hold holds it"), "{}", late.told());
    world.kubectl(&["patch", "configmap", "b", "-n", &world.name, "--type=merge", "-p", LET_GO]);
    good(&world.apply(&[]));
}

/// Lets the server ask a webhook that is not there before ConfigMaps of the world are created, changed or deleted, and waits until
/// it does.
fn away(world: &World, operations: &str, probe: &[&str]) {
    let name = world.name.as_str();
    let file = world.home.path().join("webhook.yaml");
    let configuration = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: {name}}}\nwebhooks:\n\
         - name: away.example.com\n  admissionReviewVersions: [v1]\n  sideEffects: None\n  failurePolicy: Fail\n  \
         clientConfig: {{url: 'https://127.0.0.1:1/'}}\n  \
         namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}\n  \
         rules: [{{apiGroups: [''], apiVersions: [v1], operations: [{operations}], resources: [configmaps]}}]\n"
    );
    std::fs::write(&file, configuration).expect("written");
    world.kubectl(&["apply", "-f", &file.display().to_string()]);
    let probe = [probe, &["-n", name, "--dry-run=server"]].concat();
    let is_in_force = || !world.try_kubectl(&probe).status.success();
    assert!(World::waits_until(is_in_force), "the webhook is asked");
}

/// A run goes on while the webhook is away, and goes through when it is asked no more.
fn waits_for_the_webhook(world: &World) {
    let mut run = world.start_apply(&["--wait=false"], Stdio::piped());
    std::thread::sleep(Duration::from_secs(3));
    assert!(run.try_wait().expect("a process").is_none(), "it goes on");
    world.kubectl(&["delete", "validatingwebhookconfiguration", &world.name]);
    let (code, told) = ended(run);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_webhook_that_is_not_reached_is_waited_for() {
    let world = World::new("webhook-away");
    away(&world, "CREATE, UPDATE", &["create", "configmap", "probe"]);
    world.write("a.yaml", &config_map("a", "1"));
    waits_for_the_webhook(&world);
    assert_eq!(world.get("configmap", "a")["data"]["value"], "1");
}

#[test]
fn a_webhook_of_deletions_that_is_not_reached_is_waited_for() {
    let world = World::new("webhook-deletes");
    world.write("a.yaml", &config_map("a", "1")).write("b.yaml", &config_map("b", "1"));
    good(&world.apply(&[]));
    away(&world, "DELETE", &["delete", "configmap", "b"]);
    world.remove("a.yaml");
    waits_for_the_webhook(&world);
    assert!(world.get("configmap", "a").is_null() && !world.get("configmap", "b").is_null());
}

#[test]
fn a_record_that_is_deleted_meanwhile_stays_deleted_and_ends_the_run() {
    let world = World::new("headless");
    let wait = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: long}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      \
                nodeSelector: {no: where}\n      containers: [{name: main, image: registry.invalid/a}]\n";
    world.write("a.yaml", &config_map("a", "1"));
    good(&world.apply(&[]));
    world.write("a.yaml", &config_map("a", "2")).write("job.yaml", wait);
    let run = world.start_apply(&["--timeout", "8"], Stdio::piped());
    assert!(World::waits_until(|| !world.get("job", "long").is_null()), "it is under way");
    world.kubectl(&["delete", "secret", &format!("kubectl-gitops.{}", world.name), "-n", "default"]);
    let (code, told) = ended(run);
    assert_eq!(code, 3, "{told}");
    assert!(world.head_or_null().is_null(), "a record that somebody deleted does not come back: {told}");
    assert_eq!(world.get("configmap", "a")["data"]["value"], "2", "what was applied stays");
    // The next run has a record of its own, for what is there.
    world.remove("job.yaml");
    good(&world.apply(&["--adopt"]));
    assert_eq!(world.outcomes(), ["succeeded"]);
}
