//! What must outlive what it serves.

use super::*;

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// The edges that order deletion.
fn deletions(documents: serde_json::Value) -> Vec<String> {
    whole_edges(documents).into_iter().filter(|edge| edge.contains(" absent ")).collect()
}

/// A controller in `sys`, and what binds it to a role that it has by `role`.
fn controller(role: serde_json::Value) -> Vec<serde_json::Value> {
    let mut binding = object(RBAC, "ClusterRoleBinding", "op");
    binding["roleRef"] = json!({"kind": role["kind"], "name": "op"});
    binding["subjects"] = json!([{"kind": "ServiceAccount", "name": "op", "namespace": "sys"}]);
    let pods = json!({"template": {"metadata": {"labels": {"app": "op"}}, "spec": {"serviceAccountName": "op"}}});
    vec![
        binding,
        role,
        resource("apps/v1", "Deployment", "sys/op", pods.clone()),
        resource("batch/v1", "Job", "sys/op", pods),
        resource("v1", "ServiceAccount", "sys/op", json!({})),
        resource("v1", "Namespace", "sys", json!({})),
    ]
}

fn role(verbs: serde_json::Value, groups: serde_json::Value, resources: serde_json::Value) -> serde_json::Value {
    let mut role = object(RBAC, "ClusterRole", "op");
    role["rules"] = json!([{"verbs": verbs, "apiGroups": groups, "resources": resources}]);
    role
}

fn offer(place: &str) -> serde_json::Value {
    resource("acme.io/v1", "Offer", place, json!({}))
}

fn with(mut documents: Vec<serde_json::Value>, more: &[serde_json::Value]) -> serde_json::Value {
    documents.extend_from_slice(more);
    json!(documents)
}

#[test]
fn a_controller_goes_after_the_objects_that_it_may_change() {
    let edge = "Deployment sys/op -> Offer.acme.io shop/o (controller-until-gone) absent soft [serviceAccountName]";
    for resources in [json!(["offers"]), json!(["offers/finalizers"]), json!(["*"]), json!(["*/finalizers"])] {
        for (verbs, groups) in [(json!(["get", "patch"]), json!(["acme.io"])), (json!(["*"]), json!(["*"]))] {
            let documents = controller(role(verbs, groups, resources.clone()));
            assert_eq!(deletions(with(documents, &[offer("shop/o")])), [edge], "{resources}");
        }
    }
}

#[test]
fn who_may_only_read_or_change_others_is_no_controller() {
    for (verbs, group, resources) in [
        (json!(["get", "list", "create", "delete"]), "acme.io", json!(["offers"])),
        (json!(["update"]), "acme.io", json!(["offers/status"])),
        (json!(["update"]), "acme.io", json!(["orders"])),
        (json!(["update"]), "example.com", json!(["offers"])),
    ] {
        let documents = controller(role(verbs, json!([group]), resources));
        assert_eq!(deletions(with(documents, &[offer("shop/o")])), NONE);
    }
    // What Kubernetes itself serves its own controllers delete.
    let documents = controller(role(json!(["*"]), json!(["*"]), json!(["*"])));
    assert_eq!(deletions(with(documents, &[object("apps/v1", "Deployment", "d")])), NONE);
}

#[test]
fn the_plural_is_what_the_definition_says() {
    let spec = json!({"group": "acme.io", "names": {"kind": "Offer", "plural": "bids"}, "scope": "Namespaced"});
    let crd = resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "bids.acme.io", spec);
    let of = |plural: &str| controller(role(json!(["update"]), json!(["acme.io"]), json!([plural])));
    assert_eq!(deletions(with(of("bids"), &[offer("shop/o"), crd.clone()])).len(), 1);
    assert_eq!(deletions(with(of("offers"), &[offer("shop/o"), crd])), NONE);
}

#[test]
fn rights_in_one_namespace_are_for_the_objects_of_that() {
    let mut documents = controller(role(json!(["update"]), json!(["acme.io"]), json!(["offers"])));
    documents[0]["kind"] = "RoleBinding".into();
    documents[0]["metadata"]["namespace"] = "shop".into();
    let found = deletions(with(documents, &[offer("shop/o"), offer("bank/o")]));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("Deployment sys/op -> Offer.acme.io shop/o "), "{found:?}");
}

#[test]
fn rights_may_be_aggregated_or_those_of_everything() {
    let mut whole = object(RBAC, "ClusterRole", "op");
    whole["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {"to": "op"}}]});
    let mut part = role(json!(["update"]), json!(["acme.io"]), json!(["offers"]));
    part["metadata"] = json!({"name": "part", "labels": {"to": "op"}});
    assert_eq!(deletions(with(controller(whole.clone()), &[part.clone(), offer("shop/o")])).len(), 1);
    part["metadata"]["labels"] = json!({"to": "others"});
    assert_eq!(deletions(with(controller(whole), &[part, offer("shop/o")])), NONE);
    let mut admin = controller(object(RBAC, "ClusterRole", "unused"));
    admin[0]["roleRef"] = json!({"kind": "ClusterRole", "name": "cluster-admin"});
    assert_eq!(deletions(with(admin, &[offer("shop/o")])).len(), 1);
}

#[test]
fn many_objects_stand_behind_a_barrier() {
    let documents = controller(role(json!(["update"]), json!(["acme.io"]), json!(["offers"])));
    let offers: Vec<_> = (0..9).map(|number| offer(&format!("shop/o{number}"))).collect();
    let found = deletions(with(documents, &offers));
    assert_eq!(found.len(), 10);
    assert_eq!(
        found[..2],
        [
            "Deployment sys/op -> all Offer.acme.io (controller-until-gone) absent soft [serviceAccountName]",
            "all Offer.acme.io -> Offer.acme.io shop/o0 (object-until-gone) absent hard []",
        ]
    );
}

fn webhook(more: &serde_json::Value) -> serde_json::Value {
    let mut webhook = object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "w");
    webhook["webhooks"] = json!([{"name": "w", "rules": [
        {"operations": ["*"], "apiGroups": ["acme.io"], "apiVersions": ["*"], "resources": ["offers"]},
    ]}]);
    for (field, value) in more.as_object().expect("a map") {
        webhook["webhooks"][0][field] = value.clone();
    }
    webhook
}

#[test]
fn a_webhook_goes_after_the_objects_that_it_may_judge() {
    let conditions = json!({"matchConditions": [{"name": "a", "expression": "true"}]});
    assert_eq!(
        deletions(json!([webhook(&conditions), offer("shop/o")])),
        ["ValidatingWebhookConfiguration w -> Offer.acme.io shop/o (webhook-until-gone) absent soft [webhooks]"]
    );
    // Where the object waits for it to be created, it goes before it anyway.
    assert_eq!(deletions(json!([webhook(&json!({})), offer("shop/o")])), NONE);
    assert_eq!(deletions(json!([webhook(&conditions), resource("acme.io/v1", "Order", "shop/o", json!({}))])), NONE);
}

#[test]
fn who_converts_objects_goes_after_their_definition() {
    let client = json!({"service": {"name": "op", "namespace": "sys"}});
    let spec = json!({
        "group": "acme.io", "names": {"kind": "Offer"}, "scope": "Namespaced",
        "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": client}},
    });
    let template = json!({"template": {"metadata": {"labels": {"app": "op"}}, "spec": {}}});
    let documents = |app: &str| {
        json!([
            resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "offers.acme.io", spec.clone()),
            resource("v1", "Service", "sys/op", json!({"selector": {"app": app}})),
            resource("apps/v1", "Deployment", "sys/op", template.clone()),
        ])
    };
    assert_eq!(
        deletions(documents("op")),
        ["Deployment sys/op -> CustomResourceDefinition offers.acme.io (conversion-until-gone) absent soft \
          [labels of its pods]"]
    );
    assert_eq!(deletions(documents("other")), NONE);
}
