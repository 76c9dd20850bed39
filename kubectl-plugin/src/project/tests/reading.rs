//! What is read of an object, and what is wrong with it.

use super::*;

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let told = AppProject::read(&object(json!({
        "sourceRepos": ["https://{a", "*"],
        "sourceNamespaces": ["/(/"],
        "destinations": [{"server": "*", "namespace": "[a"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "["}],
        "namespaceResourceBlacklist": {"group": "*"},
        "permitOnlyProjectScopedClusters": "yes",
        "syncWindows": [{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "namespaces": ["{"]}],
    })))
    .expect_err("faults");
    let places = [
        "spec.sourceRepos[0]",
        "spec.sourceNamespaces[0]",
        "spec.destinations[0].namespace",
        "spec.permitOnlyProjectScopedClusters",
        "spec.clusterResourceWhitelist[0].kind",
        "spec.namespaceResourceBlacklist",
        "spec.syncWindows[0].namespaces[0]",
    ];
    for place in places {
        let with_place = told.iter().filter(|fault| fault.starts_with(&format!("project shop: {place}: ")));
        assert_eq!(with_place.count(), 1, "{place}: {told:?}");
    }
    assert_eq!(told.len(), places.len(), "{told:?}");
}

#[test]
fn what_is_not_known_is_let_be() {
    let project = project(json!({
        "roles": [{"name": "ci", "policies": ["p, …"]}],
        "orphanedResources": {"warn": true, "ignore": [{"kind": "Secret"}]},
        "tomorrow": {"is": "another day"},
        "sourceRepos": ["*"],
        "description": null,
    }));
    assert!(project.not_enforced().is_empty());
}

#[test]
fn what_restricts_and_is_not_looked_at_is_named() {
    let fields = project(json!({
        "signatureKeys": [{"keyID": "4AEE18F83AFDEB23"}],
        "sourceIntegrity": {"git": {"policies": []}},
        "destinationServiceAccounts": [],
    }));
    assert_eq!(fields.not_enforced(), ["signatureKeys", "sourceIntegrity"]);
}

#[test]
fn what_is_no_project_is_refused() {
    let mut other = object(json!({}));
    other["kind"] = json!("Application");
    let mut nameless = object(json!({}));
    nameless["metadata"] = json!({});
    for object in [other, nameless, json!({}), json!([]), object(json!("all"))] {
        assert!(AppProject::read(&object).is_err(), "{object}");
    }
}
