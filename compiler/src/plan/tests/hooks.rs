//! Hooks among the steps of a plan.

use super::*;
use crate::manifest::HookPhase;

fn hook(name: &str, phases: &str, wave: &str) -> serde_json::Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "annotations": {
            "argocd.argoproj.io/hook": phases, "argocd.argoproj.io/sync-wave": wave,
        }},
    })
}

fn in_wave(name: &str, wave: &str) -> serde_json::Value {
    let mut body = config(name, "1", "");
    body["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": wave});
    body
}

fn nothing() -> Bound {
    bound(json!([]))
}

/// Each step with those that it waits for, directly or not.
fn told(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| match &step.hook {
        Some(hook) => format!("{} {} {}", step.layer, hook.phase, step.key.name),
        None => format!("{} {:?} {}", step.layer, step.action, step.key.name),
    };
    plan.steps.iter().map(line).collect()
}

#[test]
fn phases_and_waves_are_around_the_content_and_what_is_deleted() {
    let desired = bound(json!([
        hook("after", "PostSync", "0"),
        hook("after-that", "PostSync", "1"),
        hook("before", "PreSync", "0"),
        hook("before-that", "PreSync", "-1"),
        hook("broken", "SyncFail", "0"),
        hook("broken-too", "SyncFail", "3"),
        hook("never", "Skip", "0"),
        hook("on-deletion", "PreDelete", "0"),
        hook("between", "Sync", "1"),
        in_wave("a", "0"),
        in_wave("b", "2"),
    ]));
    let mut situation = Situation::from_to(bound(json!([config("old", "1", "")])), desired);
    let told_all = [
        "1 PreSync before-that",
        "2 PreSync before",
        "3 Create a",
        "4 Sync between",
        "5 Create b",
        "6 Delete old",
        "7 PostSync after",
        "8 PostSync after-that",
        "9 SyncFail broken",
        "10 SyncFail broken-too",
    ];
    assert_eq!(told(&situation.plan()), told_all);
    let on_failure: Vec<bool> = situation.plan().nodes.iter().map(|node| node.on_failure).collect();
    assert_eq!(on_failure.iter().filter(|on_failure| **on_failure).count(), 2);
    assert!(on_failure.ends_with(&[true, true]));
    situation.hooks.run = false;
    assert_eq!(told(&situation.plan()), ["1 Create a", "2 Create b", "3 Delete old"], "no hook runs unasked");
}

#[test]
fn a_hook_of_several_phases_is_a_step_in_each() {
    let desired = bound(json!([
        hook("both", "PreSync,PostSync", "-1"),
        hook("last", "PostSync", "0"),
        hook("thrice", "PreSync,Sync,PostSync", "1"),
        in_wave("a", "0"),
        in_wave("b", "2"),
    ]));
    let situation = Situation::from_to(nothing(), desired);
    assert_eq!(
        told(&situation.plan()),
        [
            "1 PreSync both",
            "2 PreSync thrice",
            "3 Create a",
            "4 Sync thrice",
            "5 Create b",
            "6 PostSync both",
            "7 PostSync last",
            "8 PostSync thrice",
        ]
    );
    let alone = Situation::from_to(nothing(), bound(json!([hook("both", "PreSync,PostSync", "0")])));
    assert_eq!(told(&alone.plan()), ["1 PreSync both", "2 PostSync both"]);
}

#[test]
fn hooks_of_deletion_run_when_the_application_is_deleted_and_only_then() {
    let base = || {
        bound(json!([
            config("a", "1", ""),
            hook("first", "PreDelete", "0"),
            hook("last", "PostDelete", "0"),
            hook("sync", "PreSync", "0"),
        ]))
    };
    let mut situation = Situation::from_to(base(), nothing());
    situation.inventory.retain(|key, _| key.kind == "ConfigMap");
    assert_eq!(told(&situation.plan()), ["1 Delete a"]);
    situation.hooks.deleting = true;
    assert_eq!(told(&situation.plan()), ["1 PreDelete first", "2 Delete a", "3 PostDelete last"]);
    situation.inventory.clear();
    assert_eq!(told(&situation.plan()), ["1 PreDelete first", "2 PostDelete last"]);
    situation.hooks.run = false;
    assert!(situation.plan().is_empty());
}

#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    let desired =
        bound(json!([hook("done", "PreSync", "-2"), hook("going", "PreSync", "-1"), hook("not", "PreSync", "0")]));
    let key = |name: &str| ResourceKey::new("batch", "Job", "shop", name);
    let started = StartedHook { object: key("going"), uid: "uid-1".to_owned() };
    let mut situation = Situation::from_to(nothing(), desired);
    situation.hooks.progress = BTreeMap::from([
        ((key("done"), HookPhase::PreSync), HookProgress::Succeeded),
        ((key("going"), HookPhase::PreSync), HookProgress::Started(started.clone())),
    ]);
    let plan = situation.plan();
    assert_eq!(told(&plan), ["1 PreSync going", "2 PreSync not"]);
    let hook = |index: usize| plan.steps[index].hook.as_ref().expect("a hook");
    assert_eq!((&hook(0).started, hook(0).again), (&Some(started), false));
    assert_eq!((&hook(1).started, hook(1).again), (&None, false));
    situation.hooks.progress.insert((key("not"), HookPhase::PreSync), HookProgress::Failed);
    assert!(situation.plan().steps[1].hook.as_ref().expect("a hook").again);
}

#[test]
fn hooks_are_never_pruned_and_what_becomes_one_is_replaced() {
    let content = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}});
    let key = ResourceKey::new("batch", "Job", "shop", "migrate");
    let mut situation = Situation::from_to(bound(json!([content])), bound(json!([hook("migrate", "PreSync", "0")])));
    let plan = situation.plan();
    assert_eq!(told(&plan), ["1 PreSync migrate"]);
    let replaced = plan.steps[0].hook.as_ref().expect("a hook").replaces.as_ref();
    assert_eq!(replaced.map(|owned| owned.uid.as_str()), Some("uid-migrate"));
    situation.hooks.run = false;
    assert_eq!(told(&situation.plan()), ["1 Delete migrate"], "nothing takes its place");
    // A run that died had a hook, and the graph that is wanted now has none.
    let mut situation = Situation::from_to(nothing(), nothing());
    situation.attempted = vec![bound(json!([hook("migrate", "PreSync", "0")]))];
    situation.absent_before = BTreeSet::from([key.clone()]);
    situation.seen.insert(
        key,
        Seen::Present {
            uid: "u".to_owned(),
            as_applied: true,
            ours: true,
            policy: Policy::default(),
            is_of_another: false,
            leaving: false,
        },
    );
    assert!(situation.plan().is_empty());
}

#[test]
fn what_waits_for_a_hook_behind_the_deletions_is_behind_them_too() {
    let mut late = hook("late", "PostSync", "0");
    late["metadata"]["annotations"]["kapp.k14s.io/change-group"] = json!("acme.io/late");
    let mut later = hook("later", "PostSync", "0");
    later["metadata"]["annotations"]["kapp.k14s.io/change-rule"] = json!("upsert after upserting acme.io/late");
    let desired = bound(json!([late, later, in_wave("a", "0")]));
    let situation = Situation::from_to(bound(json!([config("old", "1", "")])), desired);
    assert_eq!(told(&situation.plan()), ["1 Create a", "2 Delete old", "3 PostSync late", "4 PostSync later"]);
}
