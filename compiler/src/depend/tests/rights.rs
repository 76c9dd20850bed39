//! ServiceAccounts, their Secrets and tokens; owners.

use super::*;

fn token(account: &str) -> serde_json::Value {
    let mut token = annotated(object("v1", "Secret", "token"), "kubernetes.io/service-account.name", account);
    token["type"] = "kubernetes.io/service-account-token".into();
    token
}

#[test]
fn a_token_waits_for_its_account_and_an_account_for_its_secrets() {
    let mut account = object("v1", "ServiceAccount", "sa");
    account["secrets"] = json!([{"name": "token"}, {"name": "key"}]);
    account["imagePullSecrets"] = json!([{"name": "pull"}]);
    let documents = json!([account, token("sa"), object("v1", "Secret", "key"), object("v1", "Secret", "pull")]);
    assert_eq!(
        whole_edges(documents),
        [
            "Secret token -> ServiceAccount sa (account-of-token) present hard \
             [annotation kubernetes.io/service-account.name]",
            "ServiceAccount sa -> Secret key (account-secret) present soft [secrets[key].name]",
            "ServiceAccount sa -> Secret pull (account-secret) present soft [imagePullSecrets[pull].name]",
        ]
    );
}

#[test]
fn an_account_of_another_place_or_a_secret_that_is_no_token_makes_no_edge() {
    let mut plain = token("sa");
    plain["type"] = "Opaque".into();
    let mut account = resource("v1", "ServiceAccount", "shop/sa", json!({}));
    account["secrets"] = json!([{"name": "key"}]);
    let documents = json!([plain, account, object("v1", "ServiceAccount", "sa"), object("v1", "Secret", "key")]);
    assert_eq!(edges(documents), NONE);
    assert_eq!(edges(json!([token("other"), object("v1", "ServiceAccount", "sa")])), NONE);
}

#[test]
fn a_binding_of_another_namespace_gives_no_rights_here() {
    let binding = |place: &str, subject: serde_json::Value| {
        let mut body = resource("rbac.authorization.k8s.io/v1", "RoleBinding", place, json!({}));
        body["subjects"] = json!([subject]);
        body
    };
    let documents = json!([
        binding("shop/mine", json!({"kind": "ServiceAccount", "name": "sa", "namespace": "shop"})),
        binding("other/for-shop", json!({"kind": "ServiceAccount", "name": "sa", "namespace": "shop"})),
        binding("shop/for-other", json!({"kind": "ServiceAccount", "name": "sa", "namespace": "other"})),
        binding("other/other", json!({"kind": "ServiceAccount", "name": "sa"})),
        resource("apps/v1", "Deployment", "shop/d", json!({"template": {"spec": {"serviceAccountName": "sa"}}})),
    ]);
    assert_eq!(
        edges(documents),
        [
            "Deployment shop/d -> RoleBinding other/for-shop (pod-rights)",
            "Deployment shop/d -> RoleBinding shop/mine (pod-rights)",
        ]
    );
}

fn owned(api_version: &str, kind: &str, name: &str) -> serde_json::Value {
    let mut body = resource("v1", "ConfigMap", "shop/owned", json!({}));
    body["metadata"]["ownerReferences"] = json!([{"apiVersion": api_version, "kind": kind, "name": name}]);
    body
}

#[test]
fn an_object_waits_for_its_owner() {
    let owner = resource("apps/v1", "Deployment", "shop/web", json!({}));
    assert_eq!(
        whole_edges(json!([owned("apps/v1", "Deployment", "web"), owner])),
        ["ConfigMap shop/owned -> Deployment shop/web (owner) present hard [metadata.ownerReferences[web]]"]
    );
    let node = object("v1", "Node", "n");
    assert_eq!(edges(json!([owned("v1", "Node", "n"), node])), ["ConfigMap shop/owned -> Node n (owner)"]);
}

#[test]
fn an_owner_of_another_namespace_or_group_is_not_meant() {
    let owners = [resource("apps/v1", "Deployment", "other/web", json!({})), object("apps/v1", "Deployment", "web")];
    assert_eq!(edges(json!([owned("apps/v1", "Deployment", "web"), owners[0], owners[1]])), NONE);
    let here = resource("apps/v1", "Deployment", "shop/web", json!({}));
    assert_eq!(edges(json!([owned("example.com/v1", "Deployment", "web"), here])), NONE);
}

#[test]
fn an_account_may_leave_its_namespace_to_the_destination() {
    let binding = |name: &str, namespace: &str| {
        let mut body = resource("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", name, json!({}));
        body["subjects"] = json!([{"kind": "ServiceAccount", "name": "sa", "namespace": namespace}]);
        body
    };
    let pods = json!({"template": {"spec": {"serviceAccountName": "sa"}}});
    let documents = |place: &str| {
        json!([
            binding("b", "shop"),
            resource("v1", "ServiceAccount", place, json!({})),
            resource("apps/v1", "Deployment", &place.replace("sa", "d"), pods.clone()),
        ])
    };
    assert_eq!(
        edges(documents("sa")),
        [
            "Deployment d -> ServiceAccount sa (pod-service-account)",
            "Deployment d -> ClusterRoleBinding b (pod-rights)",
            "ClusterRoleBinding b -> ServiceAccount sa (role-subject)",
        ]
    );
    // One that names another namespace is another.
    assert_eq!(edges(documents("other/sa")), ["Deployment other/d -> ServiceAccount other/sa (pod-service-account)"]);
}
