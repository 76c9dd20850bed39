//! Sources, destinations, namespaces and resources, in tables.

use super::super::{Asked, Cluster, Violation};
use super::*;

const OWN: Cluster<'static> =
    Cluster { server: "https://kubernetes.default.svc", name: "in-cluster", is_of_project: false };
const FAR: Cluster<'static> = Cluster { server: "https://10.0.0.1:6443", name: "far", is_of_project: true };

#[test]
fn sources_are_permitted_as_in_argo_cd() {
    for (patterns, address, permitted) in [
        (&[][..], "https://git.example.com/shop/deploy", false),
        (&["*"], "https://git.example.com/shop/deploy", true),
        (&["https://git.example.com/shop/*"], "https://git.example.com/Shop/deploy.git", true),
        (&["https://git.example.com/shop/*"], "https://git.example.com/shop/a/b", false),
        (&["https://git.example.com/**"], "https://git.example.com/shop/a/b", true),
        (&["git@git.example.com:shop/deploy.git"], "ssh://git@git.example.com/shop/deploy", true),
        (&["https://git.example.com/shop/deploy"], "ssh://git@git.example.com/shop/deploy", false),
        (&["*", "!https://git.example.com/secret/*"], "https://git.example.com/secret/x", false),
        (&["!https://git.example.com/secret/*", "*"], "https://git.example.com/secret/x", false),
        (&["*", "!https://git.example.com/secret/*"], "https://git.example.com/x/../secret/x", false),
        (&["!https://git.example.com/secret/*"], "https://git.example.com/open/x", true),
        (&["oci://registry.example.com/charts/*"], "oci://registry.example.com/charts/web", true),
    ] {
        let violations = project(json!({"sourceRepos": patterns})).sources([address]);
        assert_eq!(violations.is_empty(), permitted, "{patterns:?} {address}");
    }
}

#[test]
fn all_sources_that_are_not_permitted_are_told_without_passwords() {
    let project = project(json!({"sourceRepos": ["https://a.example.com/*", "!https://u:s3cret@a.example.com/x"]}));
    let told =
        project.sources(["https://a.example.com/y", "https://u:s3cret@a.example.com/x", "https://a.example.com/x"]);
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    let expected = "project shop does not permit the source https://a.example.com/x: `!https://a.example.com/x` of \
                    spec.sourceRepos denies it";
    assert_eq!(told, [expected, expected]);
}

#[test]
fn destinations_are_permitted_as_in_argo_cd() {
    let destination =
        |server: &str, name: &str, namespace: &str| json!({"server": server, "name": name, "namespace": namespace});
    for (destinations, cluster, namespace, permitted) in [
        (vec![], OWN, "shop", false),
        (vec![destination("*", "", "*")], OWN, "shop", true),
        (vec![destination("https://kubernetes.default.svc", "", "shop-*")], OWN, "shop-a", true),
        (vec![destination("https://kubernetes.default.svc", "", "shop-*")], OWN, "other", false),
        (vec![destination("https://kubernetes.default.svc", "", "shop")], FAR, "shop", false),
        (vec![destination("", "in-cluster", "shop")], OWN, "shop", true),
        (vec![destination("", "f*", "*")], FAR, "shop", true),
        // Without separators `*` crosses them.
        (vec![destination("https://*:6443", "", "*")], FAR, "shop", true),
        // A denied namespace, in either order.
        (vec![destination("*", "", "*"), destination("*", "", "!kube-system")], OWN, "kube-system", false),
        (vec![destination("*", "", "!kube-system"), destination("*", "", "*")], OWN, "kube-system", false),
        (vec![destination("*", "", "!kube-system")], OWN, "shop", true),
        // It denies only in the clusters of its server.
        (vec![destination("*", "", "*"), destination("https://10.0.0.1:6443", "", "!shop")], OWN, "shop", true),
        (vec![destination("*", "", "*"), destination("https://10.0.0.1:6443", "", "!shop")], FAR, "shop", false),
        // A denied server denies in the namespaces of its entry.
        (vec![destination("*", "", "*"), destination("!https://10.0.0.1:6443", "", "shop")], FAR, "shop", false),
        (vec![destination("*", "", "*"), destination("!https://10.0.0.1:6443", "", "shop")], FAR, "other", true),
        (vec![destination("*", "", "*"), destination("!https://10.0.0.1:6443", "", "*")], OWN, "shop", true),
        // A denied name denies everywhere.
        (vec![destination("*", "", "*"), destination("", "!far", "shop")], FAR, "other", false),
        (vec![destination("*", "", "*"), destination("", "!far", "*")], OWN, "shop", true),
        // Without a namespace only what has none matches.
        (vec![destination("*", "", "")], OWN, "shop", false),
    ] {
        let violation = project(json!({"destinations": destinations})).destination(&cluster, namespace);
        assert_eq!(violation.is_none(), permitted, "{destinations:?} {cluster:?} {namespace}");
    }
}

#[test]
fn what_is_not_known_of_a_cluster_matches_nothing() {
    let nameless = Cluster { name: "", ..OWN };
    let all = json!({"server": "*", "namespace": "*"});
    assert_eq!(project(json!({"destinations": [all]})).destination(&nameless, "shop"), None);
    let named = project(json!({"destinations": [all, {"name": "!far", "namespace": "*"}]}));
    assert!(named.destination(&nameless, "shop").is_some(), "it may be the one that is denied");
}

#[test]
fn clusters_of_other_projects_may_be_closed() {
    let spec = json!({"destinations": [{"server": "*", "namespace": "*"}], "permitOnlyProjectScopedClusters": true});
    assert_eq!(project(spec.clone()).destination(&FAR, "shop"), None);
    let told = project(spec).destination(&OWN, "shop").expect("a violation").to_string();
    assert!(told.contains("spec.permitOnlyProjectScopedClusters"), "{told}");
}

#[test]
fn applications_live_where_the_project_says() {
    for (patterns, namespace, permitted) in [
        (json!([]), "argocd", true),
        (json!([]), "", true),
        (json!([]), "team-a", false),
        (json!(["team-*"]), "team-a", true),
        (json!(["/^team-[0-9]$/"]), "team-a", false),
        (json!(["/^team-[a-z]$/"]), "team-a", true),
        (json!(["!team-a"]), "team-b", false),
    ] {
        let violation = project(json!({"sourceNamespaces": patterns})).application_namespace(namespace, "argocd");
        assert_eq!(violation.is_none(), permitted, "{patterns} {namespace}");
    }
}

fn asked<'a>(group: &'a str, kind: &'a str, namespace: Option<&'a str>) -> Asked<'a> {
    Asked { group, kind, name: "web", namespace }
}

fn told(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(ToString::to_string).collect()
}

#[test]
fn kinds_are_permitted_as_in_argo_cd() {
    let (role, cluster_role) = ("rbac.authorization.k8s.io", "ClusterRole");
    let any = json!({"group": "*", "kind": "*"});
    for (spec, resource, permitted) in [
        // Kinds with a namespace: all where nothing is said, none of an empty list.
        (json!({}), asked("apps", "Deployment", Some("shop")), true),
        (json!({"namespaceResourceWhitelist": null}), asked("apps", "Deployment", Some("shop")), true),
        (json!({"namespaceResourceWhitelist": []}), asked("apps", "Deployment", Some("shop")), false),
        (json!({"namespaceResourceWhitelist": [any]}), asked("apps", "Deployment", Some("shop")), true),
        (
            json!({"namespaceResourceWhitelist": [{"group": "apps", "kind": "*"}]}),
            asked("", "ConfigMap", Some("shop")),
            false,
        ),
        (
            json!({"namespaceResourceWhitelist": [{"group": "", "kind": "Config*"}]}),
            asked("", "ConfigMap", Some("shop")),
            true,
        ),
        (
            json!({"namespaceResourceBlacklist": [{"group": "", "kind": "ResourceQuota"}]}),
            asked("", "ResourceQuota", Some("shop")),
            false,
        ),
        (
            json!({"namespaceResourceWhitelist": [any], "namespaceResourceBlacklist": [any]}),
            asked("", "ConfigMap", Some("shop")),
            false,
        ),
        (json!({"namespaceResourceBlacklist": []}), asked("", "ConfigMap", Some("shop")), true),
        // Kinds without one: none where nothing is said.
        (json!({}), asked(role, cluster_role, None), false),
        (json!({"clusterResourceWhitelist": []}), asked(role, cluster_role, None), false),
        (json!({"clusterResourceWhitelist": [any]}), asked(role, cluster_role, None), true),
        (
            json!({"clusterResourceWhitelist": [{"group": role, "kind": cluster_role, "name": "we?"}]}),
            asked(role, cluster_role, None),
            true,
        ),
        (
            json!({"clusterResourceWhitelist": [{"group": role, "kind": cluster_role, "name": "admin"}]}),
            asked(role, cluster_role, None),
            false,
        ),
        (
            json!({"clusterResourceWhitelist": [any], "clusterResourceBlacklist": [{"group": role, "kind": "*", "name": "w*"}]}),
            asked(role, cluster_role, None),
            false,
        ),
        (
            json!({"clusterResourceWhitelist": [any], "clusterResourceBlacklist": [{"group": role, "kind": "*", "name": "x"}]}),
            asked(role, cluster_role, None),
            true,
        ),
        // The lists of one sort say nothing of the other.
        (json!({"namespaceResourceWhitelist": [any]}), asked(role, cluster_role, None), false),
        (
            json!({"clusterResourceWhitelist": [], "clusterResourceBlacklist": [any]}),
            asked("", "ConfigMap", Some("shop")),
            true,
        ),
    ] {
        let mut spec = spec;
        spec["destinations"] = json!([{"server": "*", "namespace": "shop"}]);
        let violations = project(spec.clone()).resource(&OWN, &resource);
        assert_eq!(violations.is_empty(), permitted, "{spec} {resource:?} {:?}", told(&violations));
    }
}

#[test]
fn a_resource_goes_only_to_destinations_and_all_that_is_wrong_is_told() {
    let shop = project(json!({
        "destinations": [{"server": "*", "namespace": "shop"}],
        "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
        "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
    }));
    assert_eq!(
        told(&shop.resource(&OWN, &asked("", "Secret", Some("kube-system")))),
        [
            "project shop does not permit Secret kube-system/web: spec.namespaceResourceBlacklist has its kind",
            "project shop does not permit the destination namespace kube-system of cluster in-cluster: nothing in \
             spec.destinations matches it: add its server and namespace there",
        ]
    );
    assert_eq!(
        told(&shop.resource(&OWN, &asked("apiextensions.k8s.io", "CustomResourceDefinition", None))),
        ["project shop does not permit CustomResourceDefinition web: spec.clusterResourceWhitelist does not have \
          CustomResourceDefinition of apiextensions.k8s.io: add it there"]
    );
    assert_eq!(shop.resource(&OWN, &asked("", "Namespace", None)), []);
}

#[test]
fn the_default_project_permits_all() {
    let default = AppProject::permits_all();
    assert_eq!(default.name(), "default");
    assert_eq!(default.sources(["https://anywhere.example.com/x/y", "git@host:a/b/c"]), []);
    assert_eq!(default.destination(&FAR, "anything"), None);
    assert_eq!(default.resource(&OWN, &asked("rbac.authorization.k8s.io", "ClusterRole", None)), []);
    assert_eq!(default.resource(&OWN, &asked("", "Secret", Some("kube-system"))), []);
    assert_eq!(default.application_namespace("argocd", "argocd"), None);
    assert!(default.application_namespace("team-a", "argocd").is_some(), "only where the project says so");
}
