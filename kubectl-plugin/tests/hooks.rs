//! Hooks, phases and waves against the real cluster: the order that the server saw, what is left behind, and runs that die
//! while a hook is at work.

mod support;

use std::process::Stdio;

use support::timeline::Timeline;
use support::{World, config_map};

/// A Job that is a hook. Its Pods get `labels`, by which the cluster lets them fail or start slowly.
fn job(name: &str, annotations: &[(&str, &str)], labels: &str) -> String {
    let annotations: Vec<String> = annotations.iter().map(|(key, value)| format!("    {key}: \"{value}\"\n")).collect();
    let annotations = annotations.concat();
    format!(
        "apiVersion: batch/v1
kind: Job
metadata:
  {name}
  annotations:
{annotations}spec:
  backoffLimit: 0
  template:
    metadata:
      labels: {{app: hook{labels}}}
    spec:
      restartPolicy: Never
      containers: [{{name: main, image: registry.invalid/hook}}]
"
    )
}

const HOOK: &str = "argocd.argoproj.io/hook";
const WAVE: &str = "argocd.argoproj.io/sync-wave";
const POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
const FAILS: &str = ", testdata.kubectl-gitops/fail: exit";

fn in_wave(name: &str, wave: &str) -> String {
    config_map(name, "1").replace("metadata:\n", &format!("metadata:\n  annotations: {{{WAVE}: \"{wave}\"}}\n"))
}

/// The events without what Kubernetes makes by itself.
fn without_pods(events: Vec<String>) -> Vec<String> {
    events.into_iter().filter(|event| !event.contains("kube-root-ca")).collect()
}

#[test]
fn phases_waves_and_deletions_come_in_argo_cds_order() {
    let world = World::new("phases");
    world.write("old.yaml", &config_map("old", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    world.remove("old.yaml");
    world.write("before.yaml", &job("name: before", &[(HOOK, "PreSync")], ""));
    world.write("between.yaml", &job("name: between", &[(HOOK, "Sync"), (WAVE, "1")], ""));
    world.write("after.yaml", &job("name: after", &[(HOOK, "PostSync"), (POLICY, "HookSucceeded")], ""));
    world.write("broken.yaml", &job("name: broken", &[(HOOK, "SyncFail")], ""));
    world.write("never.yaml", &job("name: never", &[(HOOK, "Skip")], ""));
    world.write("a.yaml", &in_wave("first", "0")).write("b.yaml", &in_wave("last", "2"));
    let timeline = Timeline::of(&world, &["configmaps", "jobs"]);
    let planned = world.run(&["plan", &world.name, "-n", &world.name]);
    assert!(planned.stdout.contains("PreSync hook") && planned.stdout.contains("4 hooks"), "{}", planned.told());
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    let events = without_pods(timeline.events_until("- Job after"));
    assert_eq!(
        events,
        [
            "+ Job before",
            "✓ Job before",
            "+ ConfigMap first",
            "+ Job between",
            "✓ Job between",
            "+ ConfigMap last",
            "- ConfigMap old",
            "+ Job after",
            "✓ Job after",
            "- Job after",
        ],
        "{}",
        applied.told()
    );
    let finalizers = world.get("job", "before")["metadata"]["finalizers"].clone();
    assert!(!finalizers.to_string().contains("kubectl-gitops"), "{finalizers}");
    // Nothing changed: no hook runs, and nothing is asked beyond the head and the kinds that are owned.
    let again = world.apply(&[]);
    assert!(again.stdout.contains("nothing to do, 2 requests"), "{}", again.told());
    // Drift is put back without hooks; with the word for it they run.
    world.kubectl(&["delete", "configmap", "first", "-n", &world.name]);
    let healed = world.apply(&[]);
    assert!(healed.code == 0 && !healed.stderr.contains("Job"), "{}", healed.told());
    let before = world.get("job", "before")["metadata"]["uid"].clone();
    let asked = world.apply(&["--hooks", "always"]);
    assert_eq!(asked.code, 0, "{}", asked.told());
    assert_ne!(world.get("job", "before")["metadata"]["uid"], before, "it is replaced by a new run");
    let deleted = world.run(&["delete", &world.name, "--yes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.told());
    assert!(world.owned("jobs,configmaps").is_empty(), "hooks go with their application");
}

#[test]
fn a_hook_that_fails_stops_what_comes_after_it_and_sync_fail_runs() {
    let world = World::new("hook-fails");
    world.write("a.yaml", &config_map("a", "1"));
    world.write("before.yaml", &job("name: before", &[(HOOK, "PreSync"), (POLICY, "HookFailed")], FAILS));
    world.write("broken.yaml", &job("name: broken", &[(HOOK, "SyncFail"), (POLICY, "BeforeHookCreation")], ""));
    let failed = world.apply(&[]);
    assert_eq!(failed.code, 3, "{}", failed.told());
    assert!(failed.stderr.contains("ConfigMap") && failed.stderr.contains("not tried"), "{}", failed.told());
    assert!(failed.stderr.contains("✓ > Job"), "SyncFail ran: {}", failed.told());
    assert!(world.get("configmap", "a").is_null());
    assert!(World::waits_until(|| world.get("job", "before").is_null()), "HookFailed: it is deleted");
    assert_eq!(world.owned("jobs"), ["job.batch/broken"]);
    // The next attempt runs it again, as another.
    world.write("before.yaml", &job("name: before", &[(HOOK, "PreSync")], ""));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert!(!applied.stderr.contains(&format!("Job {}/broken", world.name)), "{}", applied.told());
}

#[test]
fn generated_names_and_old_runs_do_not_pile_up() {
    let world = World::new("generated");
    world.write("job.yaml", &job("generateName: migrate-", &[(HOOK, "PreSync"), (POLICY, "HookFailed")], ""));
    for value in ["1", "2", "3"] {
        world.write("a.yaml", &config_map("a", value));
        let applied = world.apply(&["--history-limit", "2"]);
        assert_eq!(applied.code, 0, "{}", applied.told());
    }
    let is_two = || world.owned("jobs").len() == 2;
    assert!(World::waits_until(is_two), "those of releases that are remembered: {:?}", world.owned("jobs"));
    assert!(world.owned("jobs").iter().all(|name| name.contains("migrate-")));
    assert_eq!(world.head()["hooks"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_has_the_name_of_a_hook_and_is_none_is_not_touched() {
    let world = World::new("foreign-hook");
    world.kubectl(&["create", "configmap", "settings", "-n", &world.name, "--from-literal=mine=yes"]);
    let hook =
        config_map("settings", "1").replace("metadata:\n", &format!("metadata:\n  annotations: {{{HOOK}: PreSync}}\n"));
    world.write("a.yaml", &hook);
    let refused = world.apply(&[]);
    assert_eq!(refused.code, 4, "{}", refused.told());
    assert!(refused.stderr.contains("no earlier run of this hook"), "{}", refused.told());
    assert!(
        !refused.stderr.contains("--force-conflicts") && refused.stderr.contains("another name"),
        "{}",
        refused.told()
    );
    assert_eq!(world.get("configmap", "settings")["data"]["mine"], "yes");
    // One that another tool left behind says so.
    world.kubectl(&["annotate", "configmap", "settings", "-n", &world.name, &format!("{HOOK}=PreSync")]);
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(world.get("configmap", "settings")["data"]["value"], "1");
}

/// A run that is killed while its hook is at work.
fn die_in_hook(world: &World) {
    let mut child = world.start_apply(&[], Stdio::null());
    assert!(World::waits_until(|| world.head_or_null()["hooks"][0]["uid"].is_string()), "the hook is on record");
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn a_run_that_dies_while_a_hook_works_is_gone_on_with() {
    let world = World::new("hook-dies");
    world.write("a.yaml", &config_map("a", "1"));
    world.write("before.yaml", &job("name: before", &[(HOOK, "PreSync")], ", testdata.kubectl-gitops/start: slow"));
    die_in_hook(&world);
    let uid = world.get("job", "before")["metadata"]["uid"].clone();
    assert!(uid.is_string());
    let resumed = world.apply(&[]);
    assert_eq!(resumed.code, 0, "{}", resumed.told());
    assert!(resumed.stderr.contains("started it"), "{}", resumed.told());
    assert_eq!(world.get("job", "before")["metadata"]["uid"], uid, "it is not run twice");
    assert_eq!(world.get("configmap", "a")["data"]["value"], "1");
}

#[test]
fn a_hook_whose_outcome_cannot_be_known_needs_a_word() {
    let world = World::new("hook-lost");
    world.write("a.yaml", &config_map("a", "1"));
    world.write("before.yaml", &job("name: before", &[(HOOK, "PreSync")], ", testdata.kubectl-gitops/start: slow"));
    die_in_hook(&world);
    // Somebody forces it away.
    world.kubectl(&["delete", "job", "before", "-n", &world.name, "--wait=false"]);
    let patch = r#"{"metadata":{"finalizers":null}}"#;
    world.kubectl(&["patch", "job", "before", "-n", &world.name, "--type=merge", "-p", patch]);
    assert!(World::waits_until(|| world.get("job", "before").is_null()));
    let refused = world.apply(&[]);
    assert_eq!(refused.code, 4, "{}", refused.told());
    assert!(refused.stderr.contains("--rerun-hooks"), "{}", refused.told());
    let applied = world.apply(&["--rerun-hooks"]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert!(applied.stderr.contains("run again"), "{}", applied.told());
}

#[test]
fn another_goal_ends_the_hooks_of_a_run_that_died() {
    let world = World::new("hook-abandoned");
    world.write("a.yaml", &config_map("a", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    world.write("before.yaml", &job("name: before", &[(HOOK, "PreSync")], ", testdata.kubectl-gitops/start: slow"));
    die_in_hook(&world);
    let back = world.run(&["rollback", &world.name, "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert!(back.stderr.contains("had not ended: it is deleted"), "{}", back.told());
    assert!(World::waits_until(|| world.get("job", "before").is_null()));
    assert!(world.head()["hooks"].is_null());
}

#[test]
fn deleting_an_application_runs_its_hooks_around_the_deletion() {
    let world = World::new("hook-deletes");
    world.write("a.yaml", &config_map("a", "1"));
    world.write("first.yaml", &job("name: first", &[(HOOK, "PreDelete")], ""));
    world.write("last.yaml", &job("name: last", &[("helm.sh/hook", "post-delete")], ""));
    assert_eq!(world.apply(&[]).code, 0);
    assert!(world.owned("jobs").is_empty());
    let timeline = Timeline::of(&world, &["configmaps", "jobs"]);
    let deleted = world.run(&["delete", &world.name, "--yes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.told());
    let events = without_pods(timeline.events_until("- Job last"));
    let around: Vec<&str> = events.iter().map(String::as_str).filter(|event| !event.starts_with("- Job")).collect();
    assert_eq!(around, ["+ Job first", "✓ Job first", "- ConfigMap a", "+ Job last", "✓ Job last"]);
    assert!(World::waits_until(|| world.owned("jobs").is_empty()), "nothing is left of it");
}
