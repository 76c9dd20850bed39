//! Whatever a manifest says under these kinds, inference ends well: nothing panics, edges stay inside of the set, and
//! their number stays bounded.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::canon::Value;
use crate::graph::ResourceGraph;
use crate::name::group_of;
use crate::name::{ResourceKey, Scope};

const KINDS: [(&str, &str); 33] = [
    ("v1", "Pod"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolumeClaim"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("v1", "ResourceQuota"),
    ("v1", "Endpoints"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "ReferenceGrant"),
    ("cert-manager.io/v1", "Certificate"),
    ("cert-manager.io/v1", "Issuer"),
    ("external-secrets.io/v1", "ExternalSecret"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
];

/// Every word that a rule looks for, so that arbitrary trees often come close to what it expects.
const FIELDS: [&str; 101] = [
    "metadata",
    "labels",
    "annotations",
    "ownerReferences",
    "spec",
    "template",
    "jobTemplate",
    "containers",
    "initContainers",
    "env",
    "envFrom",
    "valueFrom",
    "configMapKeyRef",
    "secretKeyRef",
    "configMapRef",
    "secretRef",
    "name",
    "namespace",
    "kind",
    "apiVersion",
    "apiGroup",
    "group",
    "optional",
    "volumes",
    "configMap",
    "secret",
    "secretName",
    "projected",
    "sources",
    "persistentVolumeClaim",
    "claimName",
    "csi",
    "nodePublishSecretRef",
    "imagePullSecrets",
    "serviceAccountName",
    "priorityClassName",
    "runtimeClassName",
    "resourceClaims",
    "resourceClaimName",
    "ephemeral",
    "volumeClaimTemplate",
    "volumeClaimTemplates",
    "storageClassName",
    "serviceName",
    "dataSource",
    "dataSourceRef",
    "volumeName",
    "parameters",
    "provisioner",
    "source",
    "persistentVolumeClaimName",
    "secrets",
    "type",
    "roleRef",
    "subjects",
    "verbs",
    "aggregationRule",
    "clusterRoleSelectors",
    "resource",
    "clusterTrustBundle",
    "ingressClassName",
    "rules",
    "http",
    "paths",
    "path",
    "host",
    "backend",
    "service",
    "defaultBackend",
    "tls",
    "gatewayClassName",
    "listeners",
    "certificateRefs",
    "parentRefs",
    "backendRefs",
    "from",
    "to",
    "scaleTargetRef",
    "policyName",
    "paramRef",
    "paramKind",
    "selector",
    "matchLabels",
    "matchExpressions",
    "key",
    "operator",
    "values",
    "webhooks",
    "clientConfig",
    "operations",
    "apiGroups",
    "apiVersions",
    "resources",
    "namespaceSelector",
    "objectSelector",
    "conversion",
    "webhook",
    "strategy",
    "versions",
    "names",
    "storage",
];

const TEXTS: [&str; 28] = [
    "a",
    "b",
    "*",
    "",
    "/",
    "v1",
    "apps",
    "Secret",
    "Service",
    "Issuer",
    "In",
    "Webhook",
    "ServiceAccount",
    "CREATE",
    "configmaps",
    "update",
    "cert-manager.io",
    "delete after deleting a",
    "argocd.argoproj.io/hook",
    "kapp.k14s.io/change-group",
    "kapp.k14s.io/change-rule.x",
    "werf.io/deploy-dependency-x",
    "upsert after upserting a",
    "upsert before upserting {name}",
    "{crd-kind}{",
    "state=ready,name=a",
    "state=,",
    "config.kubernetes.io/depends-on",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(&TEXTS[..]).prop_map(str::to_owned), any::<String>()]
}

pub(super) fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::String),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::Int),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        let field = prop_oneof![
            6 => prop::sample::select(&FIELDS[..]).prop_map(str::to_owned),
            1 => text(),
        ];
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            4 => prop::collection::btree_map(field, inner, 0..6).prop_map(Value::Map),
        ]
    })
}

pub(super) fn manifest() -> impl Strategy<Value = Manifest> {
    let scope = prop_oneof![
        Just(Scope::Unbound),
        prop::sample::select(vec!["a", "b"]).prop_map(|name| Scope::Namespace(name.to_owned()))
    ];
    (prop::sample::select(&KINDS[..]), scope, prop::sample::select(vec!["a", "b"]), tree()).prop_map(
        |((api_version, kind), scope, name, tree)| {
            let mut body: BTreeMap<String, Value> = tree.as_map().cloned().unwrap_or_default();
            body.insert("apiVersion".to_owned(), api_version.into());
            body.insert("kind".to_owned(), kind.into());
            let group = group_of(api_version).to_owned();
            let key = ResourceKey { group, kind: kind.to_owned(), scope, name: name.to_owned() };
            let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
            Manifest { key, body: Value::Map(body), origin }
        },
    )
}

proptest! {
    #[test]
    fn any_tree_gives_edges_inside_of_the_set(mut manifests in prop::collection::vec(manifest(), 0..12)) {
        manifests.sort_by(|left, right| left.key.cmp(&right.key));
        manifests.dedup_by(|left, right| left.key == right.key);
        let mut findings = Vec::new();
        let (edges, barriers) = infer(&manifests, &mut findings);
        let nodes = manifests.len() + barriers.len();
        for edge in &edges {
            prop_assert!(edge.from < nodes && edge.to < nodes && edge.from != edge.to, "{edge:?}");
            prop_assert!(RULES.contains(&edge.rule), "{edge:?}");
        }
        prop_assert!(edges.is_sorted() && barriers.is_sorted());
        // And if there is a graph, it is the same after it was stored.
        if let Ok(built) = ResourceGraph::build(manifests, &mut findings) {
            let decoded = ResourceGraph::decode(&built.graph.encode(), built.graph.id());
            prop_assert_eq!(decoded, Ok(built.graph));
        }
    }
}

#[test]
fn a_value_nested_deeper_than_the_stack_is_walked() {
    let mut spec = Value::Null;
    for _ in 0..9_000 {
        spec = Value::Map(BTreeMap::from([("x".to_owned(), spec)]));
    }
    let key = ResourceKey::new("cert-manager.io", "Issuer", ".", "i");
    let body = Value::Map(BTreeMap::from([("spec".to_owned(), spec)]));
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let (edges, _) = infer(&[Manifest { key, body, origin }], &mut Vec::new());
    assert_eq!(edges, []);
}

#[test]
fn no_rule_is_there_twice() {
    let mut names: Vec<_> = RULES.iter().map(|rule| (rule.name, rule.version)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len());
}

/// Every object bound to every other, in a few hundred KB of input.
#[test]
fn a_set_that_asks_for_too_many_edges_is_an_error() {
    let mut documents = Vec::new();
    for number in 0..1_500 {
        let mut binding = resource("rbac.authorization.k8s.io/v1", "RoleBinding", &format!("b{number:04}"), json!({}));
        binding["subjects"] = json!([{"kind": "ServiceAccount", "name": "sa"}]);
        documents.push(binding);
        let spec = json!({"template": {"spec": {"serviceAccountName": "sa"}}});
        documents.push(resource("apps/v1", "Deployment", &format!("d{number:04}"), spec));
    }
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let list = json!({"kind": "List", "apiVersion": "v1", "items": documents});
    let mut findings = Vec::new();
    let mut manifests = objects(list.into(), &origin, &mut findings);
    manifests.sort_by(|left, right| left.key.cmp(&right.key));
    let (edges, _) = infer(&manifests, &mut findings);
    assert_eq!(edges.len(), edges::MAX_EDGES);
    let told = findings.last().map(|finding| finding.message.as_str()).unwrap_or_default();
    assert!(told.contains("in more than 2000000 ways"), "{told}");
}
