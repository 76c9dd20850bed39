//! Scripts in the style of Argo CD's users, and expressions in that of Flux's, over objects of their kinds.

use kubectl_gitops::health::Verdict;
use serde_json::{Value, json};

use crate::cases::all;
use crate::corpus::{part, say};
use crate::examples::SCRIPTS;
use crate::world::{line, rules, scripts};

/// Our dozen, over the cases that Argo CD has for these kinds: they are written to agree with all of them.
#[test]
fn scripts_agree_with_the_cases_of_their_kinds() {
    let Some(root) = part("argocd/health") else { return };
    let rules = scripts(SCRIPTS);
    let (mut agreed, mut wrong) = (0, Vec::new());
    for case in all(&root).iter().filter(|case| SCRIPTS.iter().any(|(kind, _)| *kind == case.kind)) {
        let health = rules.assess(&case.object);
        if health.status.to_string() == case.status {
            agreed += 1;
        } else {
            wrong.push(format!(
                "{} {}: {} {}, not {}",
                case.kind, case.input, health.status, health.message, case.status
            ));
        }
    }
    say(&format!("{} scripts agree with {agreed} cases", SCRIPTS.len()));
    assert!(wrong.is_empty() && agreed > 50, "{agreed} agreed; {wrong:#?}");
}

fn database(status: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "a", "generation": 2}, "status": status})
}

#[test]
fn expressions_of_flux() {
    let file = "
healthCheckExprs:
- apiVersion: example.com/v1
  kind: Database
  inProgress: status.?conditions.orValue([]).exists(e, e.type == 'Ready' && e.status == 'Unknown')
  failed: status.conditions.exists(e, e.type == 'Ready' && e.status == 'False')
  current: status.conditions.exists(e, e.type == 'Ready' && e.status == 'True')
";
    let rules = rules(file);
    let ready = |truth: &str| {
        database(json!({"conditions": [{"type": "Ready", "status": truth, "reason": "Disk", "message": "full"}]}))
    };
    assert_eq!(line(&rules, &ready("True")), "Healthy (ready)");
    assert_eq!(line(&rules, &ready("False")), "Degraded (failed) Disk: full");
    assert_eq!(line(&rules, &ready("Unknown")), "Progressing (waiting) Disk: full");
    let silent = database(json!({}));
    assert_eq!(line(&rules, &silent), "Progressing (waiting) Waiting for its controller to report a status");
    assert!(!rules.is_silent(&silent), "the expressions say themselves what silence means");
    let wrong = "Unknown (waiting) its health check is wrong: failed: No such key: conditions";
    assert_eq!(line(&rules, &database(json!({"phase": "Up"}))), wrong);
    let behind = database(json!({"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}));
    assert!(line(&rules, &behind).starts_with("Progressing (waiting) Waiting for the controller to observe"));
}

#[test]
fn a_check_of_the_user_counts_before_ours() {
    let rules = scripts(&[("apps/Deployment", "return {status = 'Healthy', message = 'said so'}")]);
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "generation": 1}});
    assert_eq!(line(&rules, &deployment), "Healthy (ready) said so");
    let mut deleted = deployment.clone();
    deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(line(&rules, &deleted), "Progressing (waiting) Pending deletion");
    assert!(rules.gates("apps", "Deployment") && !rules.gates("", "ConfigMap"));
    let all = scripts(&[("*", "return {status = 'Suspended'}")]);
    assert!(all.gates("", "ConfigMap") && all.is_assessed("", "ConfigMap"), "what has a check is waited for");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"a": "c2VjcmV0"}});
    assert_eq!(line(&all, &secret), "Healthy (ready)", "Secrets are given to no check");
}

#[test]
fn many_objects_are_asked_of_one_worker() {
    let rules = scripts(&[("example.com/Database", "return {status = 'Healthy', message = obj.metadata.name}")]);
    for number in 0..500 {
        let mut object = database(json!({"padding": "x".repeat(2000)}));
        object["metadata"]["name"] = json!(format!("n{number}"));
        assert_eq!(line(&rules, &object), format!("Healthy (ready) n{number}"));
    }
    // More than a pipe holds, in one question.
    let mut large = database(json!({"padding": "x".repeat(3 << 20)}));
    large["metadata"]["name"] = json!("large");
    assert_eq!(line(&rules, &large), "Healthy (ready) large");
}

#[test]
fn several_threads_may_ask() {
    let rules = scripts(&[("example.com/Database", "return {status = 'Degraded', message = obj.metadata.name}")]);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let rules = rules.clone();
            scope.spawn(move || {
                for number in 0..50 {
                    let mut object = database(json!({}));
                    object["metadata"]["name"] = json!(format!("{thread}-{number}"));
                    let health = rules.assess(&object);
                    assert_eq!(health.message, format!("{thread}-{number}"));
                    assert_eq!(health.verdict(), Verdict::Waiting);
                }
            });
        }
    });
}
