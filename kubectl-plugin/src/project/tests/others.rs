//! In whose name something is applied, and what is of no Application.

use super::*;

const HERE: &str = "https://kubernetes.default.svc";

#[test]
fn the_first_entry_that_matches_says_who() {
    let shop = project(json!({"destinationServiceAccounts": [
        {"server": HERE, "namespace": "shop-*", "defaultServiceAccount": "deployer"},
        {"server": HERE, "namespace": "shop-a", "defaultServiceAccount": "never"},
        {"server": "https://{a,b}.example.com", "namespace": "*", "defaultServiceAccount": "ops:robot"},
        {"server": "*", "namespace": "", "defaultServiceAccount": "rest"},
    ]}));
    let who = |server: &str, namespace: &str| shop.service_account(server, namespace, "apps");
    let named = |name: &str| Ok(Some(format!("system:serviceaccount:{name}")));
    assert_eq!(who(HERE, "shop-a"), named("shop-a:deployer"));
    assert_eq!(who("https://b.example.com", "shop-a"), named("ops:robot"));
    assert_eq!(who("https://b.example.com", ""), named("ops:robot"), "whatever the namespace is");
    assert_eq!(who(HERE, ""), named("apps:rest"), "where the Application is");
    for (server, namespace) in [(HERE, "other"), ("https://c.example.com", "shop-a"), ("", "shop-a")] {
        let why = who(server, namespace).expect_err("nobody");
        assert!(why.contains("no matching service account") && why.contains("project shop"), "{why}");
    }
    assert_eq!(project(json!({})).service_account(HERE, "shop-a", "apps"), Ok(None));
}

#[test]
fn nobody_else_can_be_named_by_a_service_account() {
    for name in
        ["", " ", "a/b", "*", "a*", "a:b:c", ":a", "a:", "system:serviceaccount:a:b", "a\r\nImpersonate-Group: x", "A"]
    {
        let told = AppProject::read(&object(json!({"destinationServiceAccounts": [
            {"server": "*", "namespace": "*", "defaultServiceAccount": name},
        ]})))
        .expect_err(name);
        assert!(told[0].contains("spec.destinationServiceAccounts[0].defaultServiceAccount"), "{told:?}");
    }
    let denial = json!({"destinationServiceAccounts": [
        {"server": "!*", "namespace": "[", "defaultServiceAccount": "a"},
    ]});
    assert_eq!(AppProject::read(&object(denial)).expect_err("both").len(), 2);
}

#[test]
fn what_is_of_no_application_counts_unless_it_is_ignored() {
    let of = |spec: Json| project(json!({"orphanedResources": spec}));
    let shop = of(json!({"ignore": [
        {"kind": "Secret", "name": "*.example.com"},
        {"group": "apps", "kind": "{Deployment,StatefulSet}"},
        {"group": "batch"},
    ]}));
    let orphans = shop.orphans().expect("it looks");
    assert!(orphans.warns);
    for (group, kind, name, counts) in [
        ("", "Secret", "a", true),
        ("", "Secret", "a.example.com", false),
        ("apps", "Deployment", "a", false),
        ("apps", "DaemonSet", "a", true),
        ("batch", "Job", "a", false),
        ("", "ServiceAccount", "default", false),
        ("", "ServiceAccount", "a", true),
        ("", "ConfigMap", "kube-root-ca.crt", false),
        ("", "Service", "kubernetes", true),
    ] {
        assert_eq!(orphans.counts(group, kind, "shop", name), counts, "{group} {kind} {name}");
    }
    assert!(!orphans.counts("", "Service", "default", "kubernetes"));
    assert!(of(json!({})).orphans().is_some_and(|orphans| orphans.warns));
    assert!(of(json!({"warn": false})).orphans().is_some_and(|orphans| !orphans.warns));
    assert!(project(json!({})).orphans().is_none() && of(Json::Null).orphans().is_none());
    let wrong = object(json!({"orphanedResources": {"ignore": [{"kind": "["}]}}));
    assert!(AppProject::read(&wrong).expect_err("wrong")[0].contains("spec.orphanedResources.ignore[0].kind"));
}
