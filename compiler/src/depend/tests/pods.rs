//! What makes pods: what they read, their classes, and the policies of their namespace.

use super::*;

#[test]
fn pods_wait_for_whoever_makes_the_secret_that_they_read() {
    let env =
        json!([{"secretRef": {"name": "tls"}}, {"secretRef": {"name": "api"}}, {"secretRef": {"name": "sealed"}}]);
    let documents = json!([
        deployment(json!({"containers": [{"name": "c", "envFrom": env}]})),
        resource("cert-manager.io/v1", "Certificate", "shop", json!({"secretName": "tls"})),
        resource("external-secrets.io/v1", "ExternalSecret", "e", json!({"target": {"name": "api"}})),
        object("bitnami.com/v1alpha1", "SealedSecret", "sealed"),
        object("v1", "Secret", "tls"),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "Deployment d -> Secret tls (pod-config) present soft [spec.template.spec.containers[c].envFrom]",
            "Deployment d -> SealedSecret.bitnami.com sealed (pod-secret-producer) ready soft \
             [spec.template.spec.containers[c].envFrom]",
            "Deployment d -> Certificate.cert-manager.io shop (pod-secret-producer) ready soft \
             [spec.template.spec.containers[c].envFrom]",
            "Deployment d -> ExternalSecret.external-secrets.io e (pod-secret-producer) ready soft \
             [spec.template.spec.containers[c].envFrom]",
        ]
    );
}

#[test]
fn a_producer_of_another_secret_is_not_awaited() {
    let env = json!([{"secretRef": {"name": "tls", "optional": true}}, {"secretRef": {"name": "api"}},
                     {"configMapRef": {"name": "sealed"}}]);
    let target = json!({"target": {"name": "api", "creationPolicy": "None"}});
    let documents = json!([
        deployment(json!({"containers": [{"name": "c", "envFrom": env}]})),
        resource("cert-manager.io/v1", "Certificate", "c", json!({"secretName": "tls"})),
        resource("external-secrets.io/v1", "ExternalSecret", "api", target),
        resource("external-secrets.io/v1", "ExternalSecret", "other/api", json!({})),
        resource("example.com/v1", "SealedSecret", "api", json!({})),
        object("bitnami.com/v1alpha1", "SealedSecret", "sealed"),
    ]);
    assert_eq!(edges(documents), NONE);
}

/// A pod spec with every class there is, and the objects that it names.
fn classes() -> (serde_json::Value, Vec<serde_json::Value>) {
    let spec = json!({
        "priorityClassName": "high",
        "runtimeClassName": "gvisor",
        "resourceClaims": [
            {"name": "gpu", "resourceClaimName": "gpu"}, {"name": "tpu", "resourceClaimTemplateName": "tpu"},
        ],
        "volumes": [
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "fast"}}}},
            {"name": "ceph", "cephfs": {"secretRef": {"name": "ceph"}}},
            {"name": "azure", "azureFile": {"secretName": "azure"}},
        ],
    });
    let named = vec![
        object("scheduling.k8s.io/v1", "PriorityClass", "high"),
        object("node.k8s.io/v1", "RuntimeClass", "gvisor"),
        object("resource.k8s.io/v1", "ResourceClaim", "gpu"),
        object("resource.k8s.io/v1", "ResourceClaimTemplate", "tpu"),
        object("storage.k8s.io/v1", "StorageClass", "fast"),
        object("v1", "Secret", "azure"),
        object("v1", "Secret", "ceph"),
    ];
    (spec, named)
}

#[test]
fn a_workload_waits_for_the_classes_and_claims_of_its_pods() {
    let (spec, mut documents) = classes();
    documents.push(deployment(spec));
    insta::assert_snapshot!(whole_edges(json!(documents)).join("\n"), @r"
    Deployment d -> Secret azure (pod-volume-secret) present soft [spec.template.spec.volumes[azure].azureFile.secretName]
    Deployment d -> Secret ceph (pod-volume-secret) present soft [spec.template.spec.volumes[ceph].cephfs.secretRef.name]
    Deployment d -> RuntimeClass gvisor (pod-class) present soft [spec.template.spec.runtimeClassName]
    Deployment d -> ResourceClaim gpu (pod-resource-claim) present soft [spec.template.spec.resourceClaims[gpu].resourceClaimName]
    Deployment d -> ResourceClaimTemplate tpu (pod-resource-claim) present soft [spec.template.spec.resourceClaims[tpu].resourceClaimTemplateName]
    Deployment d -> PriorityClass high (pod-class) present soft [spec.template.spec.priorityClassName]
    Deployment d -> StorageClass fast (pod-storage-class) present soft [spec.template.spec.volumes[scratch].ephemeral.volumeClaimTemplate.spec.storageClassName]
    ");
}

#[test]
fn a_bare_pod_is_refused_without_its_classes() {
    let (spec, mut documents) = classes();
    documents.push(resource("v1", "Pod", "p", spec));
    let found = whole_edges(json!(documents));
    let hard: Vec<_> = found.iter().filter(|edge| edge.contains(" hard ")).collect();
    assert_eq!(
        hard,
        [
            "Pod p -> RuntimeClass gvisor (bare-pod-class) present hard [spec.runtimeClassName]",
            "Pod p -> PriorityClass high (bare-pod-class) present hard [spec.priorityClassName]",
        ]
    );
    assert_eq!(found.len(), 7);
}

#[test]
fn classes_of_other_groups_and_claims_of_other_namespaces_are_not_meant() {
    let (spec, _) = classes();
    let documents = json!([
        deployment(spec),
        object("example.com/v1", "PriorityClass", "high"),
        object("v1", "RuntimeClass", "gvisor"),
        resource("resource.k8s.io/v1", "ResourceClaim", "other/gpu", json!({})),
        object("resource.k8s.io/v1", "ResourceClaim", "tpu"),
        object("storage.k8s.io/v1", "StorageClass", "slow"),
        resource("v1", "Secret", "other/ceph", json!({})),
    ]);
    assert_eq!(edges(documents), NONE);
}

#[test]
fn workloads_wait_for_the_policies_of_their_namespace_behind_one_barrier() {
    let documents = json!([
        resource("networking.k8s.io/v1", "NetworkPolicy", "shop/deny", json!({})),
        resource("v1", "ResourceQuota", "shop/quota", json!({})),
        resource("v1", "LimitRange", "shop/limits", json!({})),
        resource("apps/v1", "Deployment", "shop/web", json!({})),
        resource("batch/v1", "CronJob", "shop/nightly", json!({})),
        resource("v1", "Service", "shop/web", json!({})),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "Deployment shop/web -> policies of namespace shop (namespace-policies) present soft [metadata.namespace]",
            "CronJob shop/nightly -> policies of namespace shop (namespace-policies) present soft [metadata.namespace]",
            "policies of namespace shop -> LimitRange shop/limits (namespace-policy) present hard []",
            "policies of namespace shop -> ResourceQuota shop/quota (namespace-policy) present hard []",
            "policies of namespace shop -> NetworkPolicy shop/deny (namespace-policy) present hard []",
        ]
    );
}

#[test]
fn policies_of_another_namespace_or_group_bind_nobody() {
    let documents = json!([
        resource("networking.k8s.io/v1", "NetworkPolicy", "other/deny", json!({})),
        resource("cilium.io/v2", "NetworkPolicy", "shop/deny", json!({})),
        resource("v1", "ResourceQuota", "quota", json!({})),
        resource("apps/v1", "Deployment", "shop/web", json!({})),
    ]);
    assert_eq!(edges(documents), NONE);
}

#[test]
fn a_stateful_set_waits_for_the_claims_that_it_will_take() {
    let spec = json!({"template": {"spec": {}}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]});
    let claim = |place: &str| resource("v1", "PersistentVolumeClaim", place, json!({}));
    let documents = json!([
        resource("apps/v1", "StatefulSet", "shop/db", spec),
        claim("shop/data-db-0"),
        claim("shop/data-db-10"),
        claim("shop/data-db-x"),
        claim("shop/data-dbs-0"),
        claim("shop/logs-db-0"),
        claim("other/data-db-1"),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "StatefulSet shop/db -> PersistentVolumeClaim shop/data-db-0 (pod-claim) present soft [spec.volumeClaimTemplates[data]]",
            "StatefulSet shop/db -> PersistentVolumeClaim shop/data-db-10 (pod-claim) present soft [spec.volumeClaimTemplates[data]]",
        ]
    );
}

#[test]
fn pods_wait_for_the_trust_bundle_that_they_mount() {
    let volume = |more: serde_json::Value| {
        let mut bundle = json!({"name": "roots", "path": "ca.pem"});
        bundle.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        deployment(json!({"volumes": [{"name": "v", "projected": {"sources": [{"clusterTrustBundle": bundle}]}}]}))
    };
    let bundle = object("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "roots");
    let edge = "Deployment d -> ClusterTrustBundle roots (pod-trust-bundle)";
    assert_eq!(edges(json!([volume(json!({})), bundle])), [edge]);
    assert_eq!(edges(json!([volume(json!({"optional": true})), bundle])), NONE);
}
