//! What users write: change rules of kapp, dependencies of werf, mutations of cli-utils.

use super::*;

const GROUP: &str = "kapp.k14s.io/change-group";
const RULE: &str = "kapp.k14s.io/change-rule";

fn findings(documents: serde_json::Value) -> Vec<String> {
    let (edges, findings) = infer_all(documents);
    assert_eq!(edges, NONE);
    findings
}

#[test]
fn change_rules_order_whole_groups_behind_barriers() {
    let documents = json!([
        annotated(object("v1", "ConfigMap", "a"), GROUP, "shop/db"),
        annotated(object("v1", "ConfigMap", "b"), &format!("{GROUP}.second"), "shop/db"),
        annotated(object("v1", "ConfigMap", "late"), RULE, "upsert after upserting shop/db"),
        annotated(object("v1", "ConfigMap", "early"), &format!("{RULE}.x"), "upsert before upserting shop/db"),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "ConfigMap a -> start of change group shop/db (before-change-group) ready hard []",
            "ConfigMap b -> start of change group shop/db (before-change-group) ready hard []",
            "ConfigMap late -> change group shop/db (change-rule) ready hard [annotation kapp.k14s.io/change-rule]",
            "change group shop/db -> ConfigMap a (change-group) ready hard []",
            "change group shop/db -> ConfigMap b (change-group) ready hard []",
            "start of change group shop/db -> ConfigMap early (change-rule) ready hard \
             [annotation kapp.k14s.io/change-rule.x]",
        ]
    );
}

#[test]
fn placeholders_stand_for_the_objects_own_values() {
    let documents = json!([
        annotated(
            resource("apps/v1", "Deployment", "ns/db", json!({})),
            GROUP,
            "{api-group}/{kind}-{namespace}-{name}"
        ),
        annotated(object("v1", "ConfigMap", "late"), RULE, "upsert after upserting apps/Deployment-ns-db"),
    ]);
    assert_eq!(
        edges(documents),
        [
            "ConfigMap late -> change group apps/Deployment-ns-db (change-rule)",
            "change group apps/Deployment-ns-db -> Deployment ns/db (change-group)",
        ]
    );
    let names = json!({"group": "acme.io", "names": {"kind": "Offer"}});
    let crd = resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "offers.acme.io", names);
    let documents = json!([
        annotated(crd, GROUP, "crds-{crd-group}-{crd-kind}"),
        annotated(object("v1", "ConfigMap", "late"), RULE, "upsert after upserting crds-acme.io-Offer"),
    ]);
    assert_eq!(edges(documents).len(), 2);
    let wrong = json!([
        annotated(object("v1", "ConfigMap", "a"), GROUP, "{crd-kind}"),
        annotated(object("v1", "ConfigMap", "b"), GROUP, "{nonsense}"),
    ]);
    assert_eq!(
        findings(wrong),
        [
            "a.yaml:1: error: ConfigMap a: kapp.k14s.io/change-group: `{crd-kind}`: {crd-kind} has no value for this object",
            "a.yaml:1: error: ConfigMap b: kapp.k14s.io/change-group: `{nonsense}`: there is no placeholder {nonsense}",
        ]
    );
}

#[test]
fn a_rule_that_nobody_can_follow_is_an_error_and_one_without_effect_is_told() {
    let wrong = json!([annotated(object("v1", "ConfigMap", "a"), RULE, "upsert  after upserting db")]);
    assert_eq!(
        findings(wrong),
        ["a.yaml:1: error: ConfigMap a: kapp.k14s.io/change-rule: `upsert  after upserting db`: \
          write `upsert after upserting GROUP`, or `before` for `after`"]
    );
    let nobody = json!([annotated(object("v1", "ConfigMap", "a"), RULE, "upsert after upserting db")]);
    assert_eq!(
        findings(nobody),
        ["a.yaml:1: warning[change-rule-ignored]: ConfigMap a: kapp.k14s.io/change-rule: \
          no object of this application is in that change group; this rule changes nothing"]
    );
    for rule in ["delete before upserting db", "upsert after deleting db"] {
        let against = json!([
            annotated(object("v1", "ConfigMap", "a"), RULE, rule),
            annotated(object("v1", "ConfigMap", "db"), GROUP, "db"),
        ]);
        assert!(findings(against)[0].contains("objects are deleted after all others are applied"), "{rule}");
    }
    for rule in ["delete after upserting db", "upsert before deleting db"] {
        let so_it_is = json!([annotated(object("v1", "ConfigMap", "a"), RULE, rule)]);
        assert_eq!(findings(so_it_is), NONE, "{rule}");
    }
}

#[test]
fn rules_for_deletion_have_barriers_of_their_own() {
    let documents = json!([
        annotated(object("v1", "ConfigMap", "db"), GROUP, "db"),
        annotated(object("v1", "ConfigMap", "first"), &format!("{RULE}.b"), "delete before deleting db"),
        annotated(object("v1", "ConfigMap", "last"), &format!("{RULE}.b"), "delete after deleting db"),
        annotated(object("v1", "ConfigMap", "none"), &format!("{RULE}.b"), "upsert after upserting db"),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    ConfigMap db -> deletion of change group db (before-change-group) absent hard []
    ConfigMap last -> end of change group db (delete-change-rule) absent hard [annotation kapp.k14s.io/change-rule.b]
    ConfigMap none -> change group db (change-rule) ready hard [annotation kapp.k14s.io/change-rule.b]
    change group db -> ConfigMap db (change-group) ready hard []
    end of change group db -> ConfigMap db (change-group) absent hard []
    deletion of change group db -> ConfigMap first (delete-change-rule) absent hard [annotation kapp.k14s.io/change-rule.b]
    ");
}

/// A body that is a hook, and one that has a wave.
fn hook(name: &str, annotation: &str, phases: &str, wave: &str) -> serde_json::Value {
    let wave_of = if annotation.starts_with("helm") { "helm.sh/hook-weight" } else { "argocd.argoproj.io/sync-wave" };
    annotated(annotated(object("batch/v1", "Job", name), annotation, phases), wave_of, wave)
}

#[test]
fn phases_stand_around_the_content_and_have_waves_of_their_own() {
    const ARGO: &str = "argocd.argoproj.io/hook";
    let found = edges(json!([
        hook("before", ARGO, "PreSync", "7"),
        hook("among", ARGO, "Sync", "0"),
        hook("both", ARGO, "PostSync, PreSync", "7"),
        hook("after", ARGO, "PostSync", "-1"),
        hook("failed", ARGO, "SyncFail", "0"),
        object("v1", "ConfigMap", "content"),
    ]));
    insta::assert_snapshot!(found.join("\n"), @r"
    ConfigMap content -> PreSync wave 7 (after-sync-wave)
    Job after -> wave 0 (after-sync-wave)
    Job among -> PreSync wave 7 (after-sync-wave)
    wave 0 -> ConfigMap content (sync-wave)
    wave 0 -> Job among (sync-wave)
    wave 0 -> PreSync wave 7 (after-sync-wave)
    PreSync wave 7 -> Job before (sync-wave)
    PreSync wave 7 -> Job both (sync-wave)
    PostSync wave -1 -> Job after (sync-wave)
    PostSync wave -1 -> wave 0 (after-sync-wave)
    ");
    let found = edges(json!([
        hook("before", "helm.sh/hook", "pre-install,pre-upgrade", "3"),
        hook("after", "helm.sh/hook", "post-install", "-5"),
        hook("test", "helm.sh/hook", "test", "0"),
        annotated(object("v1", "ConfigMap", "content"), "helm.sh/hook", "crd-install"),
    ]));
    insta::assert_snapshot!(found.join("\n"), @r"
    ConfigMap content -> PreSync wave 3 (after-sync-wave)
    Job after -> wave 0 (after-sync-wave)
    wave 0 -> ConfigMap content (sync-wave)
    wave 0 -> PreSync wave 3 (after-sync-wave)
    PreSync wave 3 -> Job before (sync-wave)
    ");
}

#[test]
fn a_hook_counts_as_argo_says_where_both_say_something() {
    let mut both = hook("both", "argocd.argoproj.io/hook", "PostSync", "0");
    both["metadata"]["annotations"]["helm.sh/hook"] = "pre-install".into();
    let found = edges(json!([both, object("v1", "ConfigMap", "content")]));
    assert_eq!(found, ["Job both -> wave 0 (after-sync-wave)", "wave 0 -> ConfigMap content (sync-wave)"]);
    assert_eq!(
        edges(json!([hook("no-phase", "argocd.argoproj.io/hook", "Skip", "4"), object("v1", "Secret", "s")])),
        NONE
    );
}

#[test]
fn annotations_that_only_begin_like_ours_are_not_ours() {
    let documents = json!([
        annotated(object("v1", "ConfigMap", "a"), "kapp.k14s.io/change-groups", "db"),
        annotated(object("v1", "ConfigMap", "b"), "kapp.k14s.io/change-rules", "nonsense"),
        annotated(object("v1", "ConfigMap", "c"), "werf.io/deploy-on", "nonsense"),
    ]);
    assert_eq!(edges(documents), NONE);
}

const WERF: &str = "werf.io/deploy-dependency-x";

#[test]
fn deploy_dependencies_match_whatever_they_do_not_name() {
    let documents = |wanted: &str| {
        json!([
            annotated(resource("v1", "ConfigMap", "shop/late", json!({})), WERF, wanted),
            resource("apps/v1", "Deployment", "shop/db", json!({})),
            resource("apps/v1", "Deployment", "bank/db", json!({})),
            resource("batch/v1", "Job", "shop/migrate", json!({})),
        ])
    };
    assert_eq!(
        whole_edges(documents("state=ready,kind=Deployment,name=db,namespace=shop")),
        [
            "ConfigMap shop/late -> Deployment shop/db (deploy-dependency) ready hard [annotation werf.io/deploy-dependency-x]"
        ]
    );
    assert_eq!(
        whole_edges(documents("kind=Job, state=present")),
        [
            "ConfigMap shop/late -> Job shop/migrate (deploy-dependency) present hard [annotation werf.io/deploy-dependency-x]"
        ]
    );
    assert_eq!(edges(documents("state=ready,group=apps,version=v1")).len(), 2);
    assert_eq!(edges(documents("state=ready,namespace=shop")).len(), 2, "all of the namespace but itself");
}

#[test]
fn a_deploy_dependency_that_finds_nothing_or_makes_no_sense_is_an_error() {
    for (wanted, reason) in [
        ("state=ready,kind=Deployment,name=db", "there is no such object in this application"),
        ("state=ready,kind=ConfigMap", "there is no such object in this application"),
        ("state=absent,kind=Job", "`state` must be `ready` or `present`"),
        ("kind=Job", "`state` must be `ready` or `present`"),
        ("state=ready", "it names no object: write kind=KIND,name=NAME"),
        ("state=ready,kid=Job", "there is no property `kid`"),
        ("state=ready,kind=", "`kind` has no value"),
        ("ready", "write state=ready,kind=KIND,name=NAME"),
    ] {
        let documents = json!([
            annotated(object("v1", "ConfigMap", "late"), WERF, wanted),
            resource("example.com/v1", "Deployment", "shop/other", json!({})),
        ]);
        assert_eq!(
            findings(documents),
            [format!("a.yaml:1: error: ConfigMap late: werf.io/deploy-dependency-x: `{wanted}`: {reason}")]
        );
    }
}

#[test]
fn a_mutation_while_applying_is_refused() {
    let annotation = "config.kubernetes.io/apply-time-mutation";
    let found = findings(json!([annotated(object("v1", "ConfigMap", "a"), annotation, "- sourceRef: {}")]));
    assert!(
        found[0].starts_with("a.yaml:1: error: ConfigMap a: config.kubernetes.io/apply-time-mutation is not supported")
    );
    assert_eq!(findings(json!([annotated(object("v1", "ConfigMap", "a"), annotation, " ")])), NONE);
}
