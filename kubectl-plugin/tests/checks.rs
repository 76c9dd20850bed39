//! Health checks of users, and waits that cannot succeed, on the real cluster: a run waits by them, and ends by them.

mod support;

use support::{World, config_map};

/// A ConfigMap that says how it does; it is waited for as soon as there is a check for it.
fn phase(name: &str, phase: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{phase: {phase}}}\n")
}

const EXPRESSIONS: &str = "
healthCheckExprs:
- apiVersion: v1
  kind: ConfigMap
  failed: data.phase == 'broken'
  current: data.phase == 'up'
";

/// As Argo CD's users have it.
const SCRIPT: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm}
data:
  resource.customizations.health.ConfigMap: |
    local is = { up = "Healthy", broken = "Degraded", halted = "Suspended" }
    return { status = is[obj.data.phase] or "Progressing", message = "it is " .. obj.data.phase }
"#;

#[test]
fn a_run_waits_by_the_checks_of_the_application() {
    let world = World::new("expressions");
    world.write("a.yaml", &phase("settings", "up")).write(".gitops/health.yaml", EXPRESSIONS);
    let up = world.apply(&[]);
    assert_eq!(up.code, 0, "{}", up.told());
    // It fails at once, whatever the timeout is.
    world.write("a.yaml", &phase("settings", "broken"));
    let broken = world.apply(&["--timeout", "3000"]);
    assert_eq!(broken.code, 3, "{}", broken.told());
    // It becomes healthy while it is waited for.
    world.write("a.yaml", &phase("settings", "down"));
    let waiting = world.start_apply(&["--timeout", "3000"], std::process::Stdio::piped());
    assert!(World::waits_until(|| world.get("configmap", "settings")["data"]["phase"] == "down"));
    world.kubectl(&[
        "patch",
        "configmap",
        "settings",
        "-n",
        &world.name,
        "--type=merge",
        "-p",
        r#"{"data":{"phase":"up"}}"#,
    ]);
    let ended = waiting.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    // What cannot be understood is told before anything happens.
    world.write(".gitops/health.yaml", "healthCheckExprs: [{apiVersion: v1, kind: ConfigMap, current: '(('}]");
    world.write("a.yaml", &phase("settings", "never"));
    let refused = world.apply(&[]);
    assert!(
        refused.code == 2 && refused.stderr.contains(".gitops/health.yaml: healthCheckExprs[0]: current: "),
        "{}",
        refused.told()
    );
    assert_eq!(world.get("configmap", "settings")["data"]["phase"], "up");
}

#[test]
fn status_and_rollback_judge_by_the_checks_of_the_release_or_of_the_flag() {
    let world = World::new("scripts");
    let file = world.home.path().join("argocd-cm.yaml");
    std::fs::write(&file, SCRIPT).expect("written");
    let flag = ["--health-checks", &file.to_string_lossy()];
    world.write("a.yaml", &phase("settings", "up"));
    assert_eq!(world.apply(&flag).code, 0);
    world.write("a.yaml", &phase("settings", "halted"));
    assert_eq!(world.apply(&flag).code, 0, "what is suspended is not waited for");
    let status = |more: &[&str]| world.run(&[&["status", &world.name], more].concat());
    let told = status(&flag);
    assert!(told.stdout.contains("Suspended") && told.stdout.contains("it is halted"), "{}", told.told());
    assert!(status(&[]).stdout.contains("it is halted"), "the release keeps them: {}", status(&[]).told());
    let others = world.home.path().join("others.yaml");
    std::fs::write(&others, EXPRESSIONS).expect("written");
    let other = status(&["--health-checks", &others.to_string_lossy()]);
    assert!(other.stdout.contains("Synced  Progressing") && !other.stdout.contains("halted"), "{}", other.told());
    let annotate = |value: &str| {
        let annotation = format!("argocd.argoproj.io/ignore-healthcheck={value}");
        world.kubectl(&["annotate", "--overwrite", "configmap", "settings", "-n", &world.name, &annotation]);
    };
    annotate("true");
    let ignored = status(&flag);
    assert!(
        ignored.stdout.contains("Synced  Healthy") && ignored.stdout.contains("it is halted"),
        "{}",
        ignored.told()
    );
    annotate("false");
    assert!(status(&flag).stdout.contains("Synced  Suspended"));
    // On a machine that has neither the file nor what it has seen before.
    std::fs::remove_file(&file).expect("removed");
    let empty = tempfile::tempdir().expect("a folder");
    let elsewhere = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        let output = command.env("HOME", empty.path()).current_dir(empty.path()).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    elsewhere(&["rollback", &world.name, "--yes"]);
    let told = elsewhere(&["status", &world.name]);
    assert!(told.contains("it is up"), "{told}");
}

#[test]
fn a_rollback_waits_by_the_checks_of_its_release() {
    let world = World::new("release-checks");
    world.write("a.yaml", &phase("settings", "down"));
    assert_eq!(world.apply(&[]).code, 0, "nobody looks");
    world.write(".gitops/health.yaml", EXPRESSIONS).write("a.yaml", &phase("settings", "up"));
    assert_eq!(world.apply(&[]).code, 0);
    world.write("a.yaml", &phase("settings", "broken"));
    assert_eq!(world.apply(&["--timeout", "3000"]).code, 3);
    let first = world.run(&["rollback", &world.name, "--to", "1", "--yes"]);
    assert_eq!(first.code, 0, "it had no checks: {}", first.told());
    let back = world.run(&["rollback", &world.name, "--to", "3", "--yes"]);
    assert_eq!(back.code, 4, "held: {}", back.told());
    world.run(&["release", &world.name]);
    let back = world.run(&["rollback", &world.name, "--to", "3", "--yes"]);
    assert_eq!(back.code, 3, "it had: {}", back.told());
    let status = world.run(&["status", &world.name]);
    assert!(status.stdout.contains("Degraded"), "{}", status.told());
    assert_eq!(world.run(&["delete", &world.name, "--yes"]).code, 0);
}

#[test]
fn a_check_that_never_ends_does_not_hold_up_the_run() {
    let world = World::new("endless");
    let endless = "resourceCustomizations: {ConfigMap: {health.lua: 'while true do pcall(function() while true do end end) end'}}";
    world.write("a.yaml", &phase("settings", "up")).write(".gitops/health.yaml", endless);
    world.write("b.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: beside}\n");
    let ended = world.apply(&["--timeout", "5"]);
    assert_eq!(ended.code, 3, "{}", ended.told());
    assert!(
        ended.stderr.contains("its health check is wrong: it used more than 2 s of processor time"),
        "{}",
        ended.told()
    );
    assert_eq!(world.get("secret", "beside")["metadata"]["name"], "beside");
}

fn workload(kind: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: {kind}
metadata: {{name: web}}
spec:
  {more}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: 'web:1'}}]}}
"
    )
}

/// Nothing is waited for that a quota forbids, although nothing but Events tells so of a StatefulSet.
#[test]
fn pods_that_a_quota_forbids_end_the_wait() {
    for (kind, more) in [("Deployment", "replicas: 1"), ("StatefulSet", "serviceName: web")] {
        let world = World::new("quota");
        world.kubectl(&["create", "quota", "few", "--hard=pods=0", "-n", &world.name]);
        assert!(World::waits_until(|| !world.get("resourcequota", "few")["status"]["hard"].is_null()));
        world.write("web.yaml", &workload(kind, more));
        let ended = world.apply(&["--timeout", "3000"]);
        assert_eq!(ended.code, 3, "{kind}: {}", ended.told());
        let says = ended.stderr.contains("its Pods cannot be made: ") && ended.stderr.contains("exceeded quota: few");
        assert!(says, "{kind}: {}", ended.told());
    }
}

#[test]
fn what_a_pod_waits_for_is_told_in_the_end() {
    let world = World::new("unschedulable");
    let web = workload("Deployment", "replicas: 1")
        .replace("spec: {containers", "spec: {nodeSelector: {no: node}, containers");
    world.write("web.yaml", &web);
    let ended = world.apply(&["--timeout", "8"]);
    assert_eq!(ended.code, 3, "{}", ended.told());
    assert!(ended.stderr.contains("Unschedulable: 0/1 nodes are available"), "{}", ended.told());
}

/// As kapp has it: that it is there is enough for what depends on it, and for the end of the run.
#[test]
fn what_asks_not_to_be_awaited_is_not() {
    let world = World::new("unawaited");
    world.kubectl(&["create", "quota", "few", "--hard=pods=0", "-n", &world.name]);
    assert!(World::waits_until(|| !world.get("resourcequota", "few")["status"]["hard"].is_null()));
    let web = workload("Deployment", "replicas: 1")
        .replace("metadata: {name: web}\n", "metadata: {name: web, annotations: {kapp.k14s.io/disable-wait: ''}}\n");
    world.write("web.yaml", &web);
    let reference = format!("apps/namespaces/{}/Deployment/web", world.name);
    let after = config_map("after", "1").replace(
        "metadata:\n",
        &format!("metadata:\n  annotations: {{config.kubernetes.io/depends-on: {reference}}}\n"),
    );
    world.write("after.yaml", &after);
    let ended = world.apply(&["--timeout", "3000"]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    assert_eq!(world.get("configmaps", "after")["data"]["value"], "1");
    assert!(world.get("deployments", "web")["status"]["readyReplicas"].is_null());
}
