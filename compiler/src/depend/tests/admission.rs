//! Admission policies and flow control.

use super::*;

const GROUP: &str = "admissionregistration.k8s.io/v1";

fn crd(kind: &str, scope: &str) -> serde_json::Value {
    let spec = json!({"group": "acme.io", "names": {"kind": kind}, "scope": scope});
    resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "limits.acme.io", spec)
}

#[test]
fn a_binding_waits_for_its_policy_and_its_parameters() {
    let policy = json!({"paramKind": {"apiVersion": "acme.io/v1", "kind": "Limit"}});
    let binding = json!({"policyName": "p", "paramRef": {"name": "strict", "namespace": "shop"}});
    for kind in ["ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"] {
        let documents = json!([
            resource(GROUP, kind, "p", policy.clone()),
            resource(GROUP, &format!("{kind}Binding"), "b", binding.clone()),
            resource("acme.io/v1", "Limit", "shop/strict", json!({})),
            resource("acme.io/v1", "Limit", "other/strict", json!({})),
            crd("Limit", "Namespaced"),
        ]);
        let found = whole_edges(documents);
        assert!(
            found.contains(&format!("{kind}Binding b -> {kind} p (policy-binding) present hard [spec.policyName]"))
        );
        let parameter = "Limit.acme.io shop/strict (policy-parameter) present hard [spec.paramRef]";
        assert!(found.contains(&format!("{kind}Binding b -> {parameter}")), "{found:?}");
        let definition =
            "CustomResourceDefinition limits.acme.io (policy-parameter-kind) present soft [spec.paramKind]";
        assert!(found.contains(&format!("{kind} p -> {definition}")), "{found:?}");
        assert_eq!(found.len(), 5, "two more from the parameters to their definition: {found:?}");
    }
}

#[test]
fn parameters_without_namespaces_are_found_by_their_name() {
    let documents = json!([
        resource(
            GROUP,
            "ValidatingAdmissionPolicy",
            "p",
            json!({"paramKind": {"apiVersion": "acme.io/v1", "kind": "Limit"}})
        ),
        resource(
            GROUP,
            "ValidatingAdmissionPolicyBinding",
            "b",
            json!({"policyName": "p", "paramRef": {"name": "strict"}})
        ),
        resource("acme.io/v1", "Limit", "strict", json!({})),
        crd("Limit", "Cluster"),
    ]);
    let found = edges(documents);
    let wanted = "ValidatingAdmissionPolicyBinding b -> Limit.acme.io strict (policy-parameter)";
    assert!(found.iter().any(|edge| edge == wanted), "{found:?}");
}

#[test]
fn a_policy_of_the_other_kind_or_parameters_of_each_namespace_are_not_meant() {
    let documents = json!([
        resource(GROUP, "MutatingAdmissionPolicy", "p", json!({})),
        resource(GROUP, "ValidatingAdmissionPolicyBinding", "b", json!({"policyName": "p"})),
        resource(
            GROUP,
            "ValidatingAdmissionPolicy",
            "q",
            json!({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}})
        ),
        resource(GROUP, "ValidatingAdmissionPolicyBinding", "c", json!({"policyName": "q", "paramRef": {"name": "m"}})),
        object("v1", "ConfigMap", "m"),
    ]);
    assert_eq!(
        edges(documents),
        ["ValidatingAdmissionPolicyBinding c -> ValidatingAdmissionPolicy q (policy-binding)"]
    );
}

#[test]
fn a_flow_schema_waits_for_its_priority_level() {
    let spec = json!({"priorityLevelConfiguration": {"name": "low"}});
    let documents = json!([
        resource("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "f", spec.clone()),
        resource("example.com/v1", "FlowSchema", "f", spec.clone()),
        object("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", "low"),
        object("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", "high"),
    ]);
    assert_eq!(
        whole_edges(documents),
        ["FlowSchema f -> PriorityLevelConfiguration low (priority-level) present soft \
             [spec.priorityLevelConfiguration.name]"]
    );
}
