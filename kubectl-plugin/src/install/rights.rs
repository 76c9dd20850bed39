//! Who the controller is, and what it may do.
//!
//! Two cluster roles, so that the second can be replaced: what the controller needs for itself, and the right to apply
//! whatever Applications contain, which is everything, as Argo CD's controller has it; or only to act in the name of the ServiceAccounts
//! that projects name.

use serde_json::{Value as Json, json};

use super::metadata;
use super::names::{NAME, labels};

/// What the controller needs for itself.
const CONTROLLER: &str = "kubectl-gitops-controller";

/// The right to apply whatever Applications contain.
const APPLIER: &str = "kubectl-gitops-applier";

const READ: [&str; 3] = ["get", "list", "watch"];

/// The account, its roles and their bindings.
pub(super) fn objects(namespace: &str, has_api: bool, impersonates: bool) -> Vec<Json> {
    let mut own = vec![
        // It writes status and takes operations away. There is no status subresource.
        rule("argoproj.io", &["applications"], &[&READ[..], &["patch", "update"]].concat()),
        rule("argoproj.io", &["appprojects"], &READ),
        rule("", &["events"], &["create", "patch"]),
        rule("", &["namespaces"], &READ),
        // Records are Secrets beside their Applications, and watched in all namespaces at once.
        rule("", &["secrets"], &READ),
    ];
    if has_api {
        // Who asks, and what they may.
        own.push(rule("authentication.k8s.io", &["tokenreviews"], &["create"]));
        own.push(rule("authorization.k8s.io", &["subjectaccessreviews"], &["create"]));
    }
    let all = if impersonates {
        // It sees all, and changes nothing but in the name of those whom projects name.
        json!([rule("*", &["*"], &READ), rule("", &["serviceaccounts"], &["impersonate"])])
    } else {
        json!([rule("*", &["*"], &["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}])
    };
    // Records of Applications here, their locks, credentials, and who looks after which.
    let at_home = json!([
        rule("", &["secrets", "configmaps"], &[&READ[..], &["create", "delete", "patch", "update"]].concat()),
        rule("coordination.k8s.io", &["leases"], &[&READ[..], &["create", "delete", "patch", "update"]].concat()),
    ]);
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(namespace)}),
        cluster_role(CONTROLLER, own.into()),
        cluster_role(APPLIER, all),
        binding(CONTROLLER, namespace),
        binding(APPLIER, namespace),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": metadata(namespace), "rules": at_home,
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": metadata(namespace),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
            "subjects": subjects(namespace),
        }),
    ]
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Json {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

fn cluster_role(name: &str, rules: Json) -> Json {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels()}, "rules": rules,
    })
}

fn binding(role: &str, namespace: &str) -> Json {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": role, "labels": labels()},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": subjects(namespace),
    })
}

fn subjects(namespace: &str) -> Json {
    json!([{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}])
}
