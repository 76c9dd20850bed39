//! References that only the user knows.

use super::*;

fn rules(text: &str) -> EdgeRules {
    EdgeRules::read("shop/.gitops/edges.yaml", text.as_bytes()).expect("rules")
}

fn found(text: &str, documents: serde_json::Value) -> Vec<String> {
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let list = json!({"kind": "List", "apiVersion": "v1", "items": documents});
    let mut manifests = objects(list.into(), &origin, &mut Vec::new());
    manifests.sort_by(|left, right| left.key.cmp(&right.key));
    let (edges, _) = super::super::infer_with(&manifests, &rules(text), &mut Vec::new());
    let tell = |edge: &Edge| {
        let [from, to] = [edge.from, edge.to].map(|node| manifests[node].key.to_string());
        format!("{from} -> {to} ({}) {:?} {:?} [{}]", edge.rule.name, edge.state, edge.strength, edge.field)
    };
    edges.iter().map(tell).collect()
}

const CLUSTER_REF: &str = "
references:
- from: {group: acme.io, kinds: [Pool, Backup]}
  field: spec.clusterRef
  to: {group: acme.io, kind: Cluster}
  state: ready
- from: {group: acme.io, kinds: [Pool]}
  field: spec.subnetRefs[*].name
  to: {group: acme.io, kind: Subnet, scope: Cluster}
- from: {kinds: [ConfigMap]}
  field: data.cluster
  to: {group: acme.io, kind: Cluster}
";

#[test]
fn a_written_reference_makes_a_soft_edge_where_it_leads_to_an_object() {
    let pool = json!({"clusterRef": {"name": "main"}, "subnetRefs": [{"name": "a"}, {"name": "missing"}]});
    let mut config = object("v1", "ConfigMap", "c");
    config["data"] = json!({"cluster": "main"});
    let documents = json!([
        resource("acme.io/v1", "Pool", "p", pool),
        resource("acme.io/v1", "Backup", "b", json!({"clusterRef": {"name": "main", "namespace": "other"}})),
        config,
        object("acme.io/v1", "Cluster", "main"),
        resource("acme.io/v1", "Cluster", "other/main", json!({})),
        object("acme.io/v1", "Subnet", "a"),
    ]);
    assert_eq!(
        found(CLUSTER_REF, documents),
        [
            "ConfigMap c -> Cluster.acme.io main (edge-rule) Present Soft [data.cluster]",
            "Backup.acme.io b -> Cluster.acme.io other/main (edge-rule) Ready Soft [spec.clusterRef]",
            "Pool.acme.io p -> Cluster.acme.io main (edge-rule) Ready Soft [spec.clusterRef]",
            "Pool.acme.io p -> Subnet.acme.io a (edge-rule) Present Soft [spec.subnetRefs[a].name]",
        ]
    );
}

#[test]
fn a_written_reference_is_for_its_own_kinds_and_places() {
    let reference = json!({"clusterRef": {"name": "main"}});
    let documents = json!([
        resource("example.com/v1", "Pool", "p", reference.clone()),
        resource("acme.io/v1", "Queue", "q", reference.clone()),
        resource("acme.io/v1", "Pool", "other/p", reference.clone()),
        resource("acme.io/v1", "Pool", "optional", json!({"clusterRef": {"name": "main", "optional": true}})),
        resource("acme.io/v1", "Pool", "third", json!({"clusterRef": {"name": "main", "kind": "Region"}})),
        object("acme.io/v1", "Cluster", "main"),
    ]);
    assert_eq!(found(CLUSTER_REF, documents), NONE);
}

#[test]
fn rules_of_ours_may_be_asked_to_wait_for_readiness() {
    let documents = json!([
        resource("cert-manager.io/v1", "Certificate", "a", json!({"issuerRef": {"name": "ca"}})),
        resource("cert-manager.io/v1", "Issuer", "ca", json!({"ca": {"secretName": "ca"}})),
        object("v1", "Secret", "ca"),
    ]);
    assert_eq!(
        found("ready: [issuer, secret-store, flux-source, flux-depends-on, argo-project]", documents),
        [
            "Certificate.cert-manager.io a -> Issuer.cert-manager.io ca (issuer) Ready Soft [spec.issuerRef]",
            "Issuer.cert-manager.io ca -> Secret ca (issuer-secret) Present Soft [spec.ca.secretName]",
        ]
    );
}

#[test]
fn a_file_that_says_nothing_has_no_rules() {
    for text in ["", "# nothing yet\n", "{}", "references: []"] {
        assert_eq!(rules(text), EdgeRules::default());
    }
}

#[test]
fn what_is_no_rule_is_told_with_its_line() {
    let told = |text: &str| EdgeRules::read("shop/.gitops/edges.yaml", text.as_bytes()).expect_err(text).to_string();
    insta::assert_snapshot!(
        [
            "references:\n- from: {kinds: [Pool]}\n  field: spec.a\n  to: {kind: Secret}\n  strength: hard\n",
            "references:\n- from: {kinds: [Pool]}\n  field: spec.*Ref\n  to: {kind: Secret}\n",
            "references:\n- from: {kinds: [Pool]}\n  field: spec.a\n",
            "ready: [pod-config]\n",
            "references: [\n",
        ]
        .map(told)
        .join("\n"),
        @r"
        shop/.gitops/edges.yaml:5:3: error: references[0]: unknown field `strength`, expected one of `from`, `field`, `to`, `state`
        shop/.gitops/edges.yaml:2:3: error: references[0]: `spec.*Ref` is no path: write spec.subnetRefs[*].name
        shop/.gitops/edges.yaml:2:3: error: references[0]: missing field `to`
        shop/.gitops/edges.yaml:1:9: error: ready[0]: unknown variant `pod-config`, expected one of `issuer`, `secret-store`, `flux-source`, `flux-depends-on`, `argo-project`
        shop/.gitops/edges.yaml:2:1: error: did not find expected node content
        "
    );
}
