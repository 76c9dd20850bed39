//! When the cluster is ready, and the objects that it begins with.
//!
//! In: the API server. Out: yes or no to each of the questions that the supervisor asks until all are yes; the Node,
//! the storage class and the rights of `viewer`, made.

use serde_json::{Value, json};

use super::api::Api;
use super::error::Error;

/// Whether the API server takes requests. It has more to do then, and waits a second of its own for a part of it.
pub(super) fn takes_requests(api: &Api) -> bool {
    let hooks = ["rbac/bootstrap-roles", "scheduling/bootstrap-system-priority-classes"];
    let excluded = hooks.map(|hook| format!("exclude=poststarthook/{hook}")).join("&");
    api.get(&format!("/readyz?{excluded}")).is_ok_and(|reply| reply.status == 200)
}

/// Whether the API server says that it is ready.
pub(super) fn api_server(api: &Api) -> bool {
    api.get("/readyz").is_ok_and(|reply| reply.status == 200)
}

/// Makes the objects that kubeadm, a kubelet and the provider of volumes would make.
pub(super) fn make_objects(api: &Api) -> Result<(), Error> {
    for (path, object) in [
        ("/api/v1/nodes", node()),
        ("/apis/storage.k8s.io/v1/storageclasses", storage_class()),
        ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", viewer()),
    ] {
        let reply = api.post(path, &object)?;
        if reply.status != 201 {
            let (path, status, body) = (path.to_owned(), reply.status, reply.body);
            return Err(Error::Refused { path, status, body });
        }
    }
    Ok(())
}

/// Whether Pods can be made in the namespace `default`.
pub(super) fn default_account(api: &Api) -> bool {
    let path = "/api/v1/namespaces/default/serviceaccounts/default";
    api.get(path).is_ok_and(|reply| reply.status == 200)
}

/// Whether the metrics of Pods are there; without them, discovery would be incomplete.
pub(super) fn metrics(api: &Api) -> bool {
    let path = "/apis/metrics.k8s.io/v1beta1/pods";
    api.get(path).is_ok_and(|reply| reply.status == 200)
}

/// Whether Pods can be given to the Node: it is Ready, and the taint of a Node that is not is gone.
pub(super) fn node_is_usable(api: &Api) -> bool {
    let Ok(reply) = api.get("/api/v1/nodes/local") else {
        return false;
    };
    let node = reply.json();
    let conditions = node["status"]["conditions"].as_array();
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    conditions.is_some_and(|all| all.iter().any(ready)) && node["spec"]["taints"].is_null()
}

fn node() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "local",
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": "local",
                "kubernetes.io/os": "linux",
            },
        },
    })
}

fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "kwok-volume",
            "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        "provisioner": "kwok.x-k8s.io/volume",
    })
}

fn viewer() -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "viewer" },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "apiGroup": group, "kind": "User", "name": "viewer" }],
    })
}
