//! What objects and applications ask for, in a plan.

use super::*;

fn asking(name: &str, value: &str, annotation: &str, text: &str) -> serde_json::Value {
    let mut body = config(name, value, "");
    body["metadata"]["annotations"] = json!({annotation: text});
    body
}

const OPTIONS: &str = "argocd.argoproj.io/sync-options";

fn present(name: &str) -> Seen {
    Seen::Present {
        uid: format!("uid-{name}"),
        as_applied: true,
        ours: true,
        policy: Policy::default(),
        is_of_another: false,
        leaving: false,
    }
}

#[test]
fn what_asks_to_be_kept_is_kept_and_what_asks_for_a_word_needs_one() {
    let base = || {
        bound(json!([
            asking("stays-ours", "1", OPTIONS, "Prune=false"),
            asking("stays", "1", "helm.sh/resource-policy", "keep"),
            asking("asks", "1", OPTIONS, "Prune=confirm"),
            asking("not-with-the-application", "1", OPTIONS, "Delete=false"),
            config("goes", "1", ""),
        ]))
    };
    let mut situation = Situation::from_to(base(), bound(json!([config("x", "1", "")])));
    let plan = situation.plan();
    assert_eq!(plan.kept, [key("stays-ours")]);
    assert_eq!(plan.forgotten.len(), 1, "{:?}", plan.forgotten);
    assert_eq!((&plan.forgotten[0].key, plan.forgotten[0].kept.as_deref()), (&key("stays"), Some("uid-stays")));
    let deleted = |plan: &Plan| -> Vec<String> {
        plan.steps.iter().filter(|step| step.action == Action::Delete).map(|step| step.key.name.clone()).collect()
    };
    let mut names = deleted(&plan);
    names.sort();
    assert_eq!(names, ["asks", "goes", "not-with-the-application"]);
    assert_eq!(plan.guards[0].to_string(), "ConfigMap shop/asks may only be deleted with --confirm-deletions");
    situation.approvals.confirmed = true;
    assert!(situation.plan().guards.is_empty());
    // With the application other words count, and nothing stays ours.
    let mut situation = Situation::from_to(base(), bound(json!([])));
    situation.hooks.deleting = true;
    let plan = situation.plan();
    assert!(plan.kept.is_empty());
    let mut forgotten: Vec<&str> = plan.forgotten.iter().map(|forgotten| forgotten.key.name.as_str()).collect();
    forgotten.sort_unstable();
    assert_eq!(forgotten, ["not-with-the-application", "stays"]);
}

#[test]
fn the_application_and_the_live_object_have_a_say() {
    let base = || bound(json!([config("a", "1", ""), config("b", "1", "")]));
    let mut situation = Situation::from_to(base(), bound(json!([config("x", "1", "")])));
    situation.options = SyncOptions::read(["Prune=false"].into_iter());
    assert_eq!(situation.plan().kept, [key("a"), key("b")]);
    let mut situation = Situation::from_to(base(), bound(json!([config("x", "1", "")])));
    let keep = |name: &str| (name == "helm.sh/resource-policy").then_some("keep");
    let policy = Policy::of(keep, |_| None, &SyncOptions::default());
    let seen = Seen::Present {
        uid: "uid-a".to_owned(),
        as_applied: false,
        ours: true,
        policy,
        is_of_another: false,
        leaving: false,
    };
    situation.seen.insert(key("a"), seen);
    assert_eq!(situation.plan().forgotten[0].key, key("a"), "somebody said so on the object");
}

#[test]
fn what_others_keep_up_to_date_is_made_and_then_left_alone() {
    let body = |value: &str| asking("a", value, "kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent");
    let mut situation = Situation::from_to(bound(json!([body("1")])), bound(json!([body("2")])));
    assert!(situation.steps().is_empty(), "what it has is not ours to change");
    situation.seen.insert(key("a"), Seen::Absent);
    assert_eq!(situation.steps(), ["1 Create a (Missing)"]);
    let never = || asking("a", "2", "kustomize.toolkit.fluxcd.io/reconcile", "disabled");
    let mut situation = Situation::from_to(bound(json!([])), bound(json!([never()])));
    assert!(situation.steps().is_empty());
    situation.seen.insert(key("a"), present("a"));
    assert!(situation.steps().is_empty());
}

#[test]
fn what_cannot_change_is_told_before_anything_runs() {
    let deployment = |app: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart"},
               "spec": {"selector": {"matchLabels": {"app": app}}}})
    };
    let mut situation = Situation::from_to(bound(json!([deployment("a")])), bound(json!([deployment("b")])));
    let guards = situation.plan().guards;
    assert_eq!(
        guards.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "spec.selector.matchLabels.app of Deployment shop/cart cannot change, so that it would be deleted and made again: \
          that needs --allow-recreate=Deployment"
        ]
    );
    situation.approvals.recreate.insert("Deployment".to_owned());
    assert!(situation.plan().guards.is_empty());
}

#[test]
fn what_another_application_took_over_is_not_deleted() {
    let mut situation =
        Situation::from_to(bound(json!([config("moved", "1", "")])), bound(json!([config("x", "1", "")])));
    let seen = Seen::Present {
        uid: "uid-moved".to_owned(),
        as_applied: false,
        ours: true,
        policy: Policy::default(),
        is_of_another: true,
        leaving: false,
    };
    situation.seen.insert(key("moved"), seen);
    let plan = situation.plan();
    assert_eq!(plan.forgotten[0].key, key("moved"));
    assert!(plan.steps.iter().all(|step| step.action != Action::Delete));
}
