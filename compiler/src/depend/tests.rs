//! Each family: an edge that must be there, and one that must not be invented.

use serde_json::json;

use super::*;
use crate::diagnostic::Origin;
use crate::manifest::objects;

mod admission;
mod any;
mod deletion;
mod extensions;
mod network;
mod order;
mod pods;
mod rights;
mod rules;
mod served;
mod signature;
mod storage;
mod webhook;

/// `dependent -> dependency (rule)` for each edge among `documents`, barriers by their names.
fn edges(documents: serde_json::Value) -> Vec<String> {
    let (edges, findings) = infer_all(documents);
    assert_eq!(findings, Vec::<String>::new());
    edges
}

/// Like [`edges`], with all that there is to know: `a -> b (rule) ready hard [field]`.
fn whole_edges(documents: serde_json::Value) -> Vec<String> {
    let (edges, findings) = infer_with(documents, |edge| {
        let [state, strength] = [format!("{:?}", edge.state), format!("{:?}", edge.strength)];
        format!(" {} {} [{}]", state.to_lowercase(), strength.to_lowercase(), edge.field)
    });
    assert_eq!(findings, Vec::<String>::new());
    edges
}

fn infer_all(documents: serde_json::Value) -> (Vec<String>, Vec<String>) {
    infer_with(documents, |_| String::new())
}

fn infer_with(documents: serde_json::Value, tell: impl Fn(&Edge) -> String) -> (Vec<String>, Vec<String>) {
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let mut findings = Vec::new();
    let mut manifests =
        objects(json!({"kind": "List", "apiVersion": "v1", "items": documents}).into(), &origin, &mut findings);
    manifests.sort_by(|left, right| left.key.cmp(&right.key));
    let (edges, barriers) = infer(&manifests, &mut findings);
    let name = |node: Node| match manifests.get(node) {
        Some(manifest) => manifest.key.to_string(),
        None => barriers[node - manifests.len()].name(&|node| manifests[node].key.name.clone()),
    };
    let edges =
        edges.iter().map(|edge| format!("{} -> {} ({}){}", name(edge.from), name(edge.to), edge.rule.name, tell(edge)));
    let (edges, told) = (edges.collect(), findings.iter().filter(|finding| finding.rule.as_deref() != Some(DANGLING)));
    (edges, told.map(ToString::to_string).collect())
}

/// What is missing, as messages.
fn dangling(documents: serde_json::Value) -> Vec<String> {
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let list = json!({"kind": "List", "apiVersion": "v1", "items": documents});
    let mut manifests = objects(list.into(), &origin, &mut Vec::new());
    manifests.sort_by(|left, right| left.key.cmp(&right.key));
    let mut findings = Vec::new();
    infer(&manifests, &mut findings);
    let dangling = findings.into_iter().filter(|finding| finding.rule.as_deref() == Some(DANGLING));
    dangling.map(|finding| finding.message).collect()
}

#[test]
fn a_reference_to_nothing_is_told_and_one_that_others_answer_is_not() {
    let pod = |spec: serde_json::Value| {
        let mut pod = object("v1", "Pod", "p");
        pod["spec"] = spec;
        pod
    };
    let from = |kind: &str, name: &str| json!({"containers": [{"name": "c", "envFrom": [{kind: {"name": name}}]}]});
    assert_eq!(
        dangling(json!([pod(from("configMapRef", "a"))])),
        ["Pod p: spec.containers[c].envFrom names ConfigMap a, which is not among these manifests"]
    );
    assert_eq!(dangling(json!([pod(from("configMapRef", "a")), object("v1", "ConfigMap", "a")])), [""; 0]);
    let optional = json!({"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "s", "optional": true}}]}]});
    assert_eq!(dangling(json!([pod(optional)])), [""; 0]);
    assert_eq!(
        dangling(json!([pod(from("secretRef", "s")), object("bitnami.com/v1alpha1", "SealedSecret", "s")])),
        [""; 0],
        "a controller makes it"
    );
    assert_eq!(dangling(json!([pod(json!({"serviceAccountName": "default"}))])), [""; 0]);
    assert_eq!(dangling(json!([pod(json!({"serviceAccountName": "robot"}))])).len(), 1);
    let mut scaler = object("autoscaling/v2", "HorizontalPodAutoscaler", "h");
    scaler["spec"] = json!({"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}});
    assert_eq!(dangling(json!([scaler])).len(), 1);
    assert_eq!(dangling(json!([scaler, object("apps/v1", "Deployment", "web")])), [""; 0]);
    let mut ingress = object("networking.k8s.io/v1", "Ingress", "i");
    ingress["spec"] = json!({"defaultBackend": {"service": {"name": "web"}}, "ingressClassName": "nginx"});
    assert_eq!(dangling(json!([ingress])).len(), 1, "the class is the cluster's own");
}

fn object(api_version: &str, kind: &str, name: &str) -> serde_json::Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}})
}

/// An object with a spec, in a namespace where `place` is `namespace/name`.
fn resource(api_version: &str, kind: &str, place: &str, spec: serde_json::Value) -> serde_json::Value {
    let (namespace, name) = place.split_once('/').map_or((None, place), |(namespace, name)| (Some(namespace), name));
    let mut body = object(api_version, kind, name);
    if let Some(namespace) = namespace {
        body["metadata"]["namespace"] = namespace.into();
    }
    body["spec"] = spec;
    body
}

/// The object with an annotation.
fn annotated(mut body: serde_json::Value, annotation: &str, text: &str) -> serde_json::Value {
    body["metadata"]["annotations"][annotation] = text.into();
    body
}

const NONE: [&str; 0] = [];

fn deployment(pod_spec: serde_json::Value) -> serde_json::Value {
    let mut body = object("apps/v1", "Deployment", "d");
    body["spec"] = json!({"template": {"spec": pod_spec}});
    body
}

#[test]
fn an_object_waits_for_its_namespace_only() {
    let mut inside = object("v1", "ConfigMap", "a");
    inside["metadata"]["namespace"] = "shop".into();
    let documents = json!([inside, object("v1", "ConfigMap", "b"), object("v1", "Namespace", "shop")]);
    assert_eq!(edges(documents), ["ConfigMap shop/a -> Namespace shop (namespace)"]);
}

#[test]
fn a_custom_resource_waits_for_the_definition_of_its_kind() {
    let mut crd = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "offers.acme.io");
    crd["spec"] = json!({"group": "acme.io", "names": {"kind": "Offer"}});
    let documents = json!([crd, object("acme.io/v1", "Offer", "o"), object("acme.io/v1", "Other", "x")]);
    assert_eq!(edges(documents), ["Offer.acme.io o -> CustomResourceDefinition offers.acme.io (custom-resource)"]);
}

#[test]
fn a_workload_waits_for_what_its_pods_read_unless_optional() {
    let pod_spec = json!({
        "serviceAccountName": "sa",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"name": "c", "env": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "maybe", "key": "k", "optional": true}}},
        ], "envFrom": [{"configMapRef": {"name": "env"}}]}],
        "volumes": [
            {"name": "v", "configMap": {"name": "files"}},
            {"name": "w", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "x", "projected": {"sources": [{"secret": {"name": "token"}}]}},
            {"name": "y", "secret": {"secretName": "not-in-the-set"}},
        ],
    });
    let documents = json!([
        deployment(pod_spec),
        object("v1", "ServiceAccount", "sa"),
        object("v1", "Secret", "pull"),
        object("v1", "Secret", "key"),
        object("v1", "Secret", "token"),
        object("v1", "ConfigMap", "maybe"),
        object("v1", "ConfigMap", "env"),
        object("v1", "ConfigMap", "files"),
        object("v1", "PersistentVolumeClaim", "data"),
    ]);
    let mut found = edges(documents);
    found.sort();
    assert_eq!(
        found,
        [
            "Deployment d -> ConfigMap env (pod-config)",
            "Deployment d -> ConfigMap files (pod-config)",
            "Deployment d -> PersistentVolumeClaim data (pod-claim)",
            "Deployment d -> Secret key (pod-config)",
            "Deployment d -> Secret pull (pod-config)",
            "Deployment d -> Secret token (pod-config)",
            "Deployment d -> ServiceAccount sa (pod-service-account)",
        ]
    );
}

#[test]
fn references_do_not_cross_namespaces() {
    let mut secret = object("v1", "Secret", "key");
    secret["metadata"]["namespace"] = "other".into();
    let pod_spec = json!({"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "key"}}]}]});
    assert_eq!(edges(json!([deployment(pod_spec), secret])), Vec::<String>::new());
}

#[test]
fn bindings_wait_for_roles_and_workloads_for_their_bindings() {
    let mut binding = object("rbac.authorization.k8s.io/v1", "RoleBinding", "b");
    binding["roleRef"] = json!({"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"});
    binding["subjects"] = json!([{"kind": "ServiceAccount", "name": "sa"}, {"kind": "User", "name": "sa"}]);
    let documents = json!([
        binding,
        object("rbac.authorization.k8s.io/v1", "Role", "r"),
        object("rbac.authorization.k8s.io/v1", "ClusterRole", "r"),
        object("v1", "ServiceAccount", "sa"),
        deployment(json!({"serviceAccountName": "sa"})),
    ]);
    assert_eq!(
        edges(documents),
        [
            "Deployment d -> ServiceAccount sa (pod-service-account)",
            "Deployment d -> RoleBinding b (pod-rights)",
            "RoleBinding b -> ServiceAccount sa (role-subject)",
            "RoleBinding b -> Role r (role)",
        ]
    );
}

#[test]
fn an_ingress_waits_for_its_services() {
    let mut ingress = object("networking.k8s.io/v1", "Ingress", "i");
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    ingress["spec"] =
        json!({"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}], "tls": [{"secretName": "t"}]});
    let documents =
        json!([ingress, object("v1", "Service", "web"), object("v1", "Service", "db"), object("v1", "Secret", "t")]);
    assert_eq!(
        edges(documents),
        ["Ingress i -> Secret t (ingress-certificate)", "Ingress i -> Service web (ingress-backend)"]
    );
}

#[test]
fn depends_on_is_read_as_cli_utils_reads_it() {
    let mut after = object("v1", "ConfigMap", "after");
    after["metadata"]["annotations"] =
        json!({"config.kubernetes.io/depends-on": "/namespaces/shop/Secret/s, apps/namespaces/shop/Deployment/d"});
    let documents = json!([after, object("v1", "Secret", "s"), deployment(json!({}))]);
    assert_eq!(
        edges(documents),
        ["ConfigMap after -> Secret s (depends-on)", "ConfigMap after -> Deployment d (depends-on)"]
    );
}

#[test]
fn depends_on_outside_the_set_is_an_error() {
    let mut after = object("v1", "ConfigMap", "after");
    after["metadata"]["annotations"] = json!({"config.kubernetes.io/depends-on": "/Secret/s,nonsense"});
    let (_, findings) = infer_all(json!([after]));
    assert_eq!(findings.len(), 2);
    assert!(findings[0].contains("`/Secret/s`: there is no such object"), "{findings:?}");
    assert!(findings[1].contains("`nonsense`: write group/kind/name"), "{findings:?}");
}

#[test]
fn waves_are_barriers_and_pull_namespaces_down() {
    let wave = |mut body: serde_json::Value, wave: &str| {
        body["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": wave});
        body
    };
    let mut first = wave(object("v1", "ConfigMap", "first"), "-1");
    first["metadata"]["namespace"] = "shop".into();
    let documents = json!([first, object("v1", "ConfigMap", "second"), wave(object("v1", "Namespace", "shop"), "5")]);
    assert_eq!(
        edges(documents),
        [
            "ConfigMap second -> wave -1 (after-sync-wave)",
            "ConfigMap shop/first -> Namespace shop (namespace)",
            "wave -1 -> ConfigMap shop/first (sync-wave)",
            "wave -1 -> Namespace shop (sync-wave)",
        ]
    );
}
