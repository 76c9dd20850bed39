//! Ids, order and cycles of whole graphs.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest::{Manifest, objects};

fn manifests(documents: serde_json::Value) -> Vec<Manifest> {
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let list = json!({"kind": "List", "apiVersion": "v1", "items": documents});
    objects(list.into(), &origin, &mut Vec::new())
}

fn build(documents: serde_json::Value) -> Result<(ResourceGraph, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut findings = Vec::new();
    match ResourceGraph::build(manifests(documents), &mut findings) {
        Ok(built) => Ok((built.graph, findings)),
        Err(error) => Err(error.findings),
    }
}

fn object(kind: &str, name: &str, depends_on: &str) -> serde_json::Value {
    let mut body = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    if !depends_on.is_empty() {
        body["metadata"]["annotations"] = json!({"config.kubernetes.io/depends-on": depends_on});
    }
    body
}

#[test]
fn the_graph_of_a_small_application_is_pinned() {
    let documents = json!([
        object("ConfigMap", "late", "/Secret/early"),
        object("Secret", "early", ""),
        object("Namespace", "shop", ""),
    ]);
    let (graph, findings) = build(documents).expect("a graph");
    assert!(findings.is_empty());
    let order: Vec<String> = graph.ordered().map(|resource| resource.key.to_string()).collect();
    assert_eq!(order, ["Namespace shop", "Secret early", "ConfigMap late"]);
    insta::assert_snapshot!(graph.id(), @"g1-tvhm6nevcm25wqtmknaduuczvje4mm7dmkcp4ktxzk3vmgvdywkq");
    insta::assert_snapshot!(graph.content_root(), @"c1-etvv7uc32ewxf75vdbn64l6l3ovjeg2ljv4pdclpkv2xnfepq5hq");
}

#[test]
fn the_same_key_twice_is_an_error_with_both_places() {
    let errors = build(json!([object("Secret", "a", ""), object("Secret", "a", "")])).expect_err("no graph");
    assert_eq!(
        errors[0].to_string(),
        "a.yaml:1: error: Secret a is also in a.yaml:1: one application has each object once"
    );
}

#[test]
fn a_hard_cycle_is_shown_whole() {
    let documents = json!([
        object("ConfigMap", "a", "/ConfigMap/b"),
        object("ConfigMap", "b", "/ConfigMap/c"),
        object("ConfigMap", "c", "/ConfigMap/a"),
        object("ConfigMap", "d", "/ConfigMap/a"),
    ]);
    let errors = build(documents).expect_err("no graph");
    insta::assert_snapshot!(errors[0], @r"
    a.yaml:1: error: these wait for each other in a circle
        ConfigMap a waits for ConfigMap b: its annotation says so [annotation config.kubernetes.io/depends-on]
        ConfigMap b waits for ConfigMap c: its annotation says so [annotation config.kubernetes.io/depends-on]
        ConfigMap c waits for ConfigMap a: its annotation says so [annotation config.kubernetes.io/depends-on]
    ");
}

#[test]
fn a_soft_edge_gives_way_to_a_hard_one_and_is_reported() {
    let mut deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}});
    deployment["spec"] =
        json!({"template": {"spec": {"containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "a"}}]}]}}});
    let documents = json!([deployment, object("ConfigMap", "a", "apps/Deployment/d")]);
    let (graph, findings) = build(documents).expect("a graph");
    assert_eq!(graph.edges().len(), 1);
    assert_eq!(findings[0].rule.as_deref(), Some("soft-edge-dropped"));
}

/// A graph with every kind of barrier. Its id pins how barriers are encoded.
#[test]
fn barriers_have_names_and_survive_encoding() {
    let annotated = |name: &str, annotation: &str, text: &str| {
        let mut body = object("ConfigMap", name, "");
        body["metadata"]["annotations"] = json!({annotation: text});
        body
    };
    let rule = json!({"operations": ["*"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["configmaps"]});
    let webhook = |kind: &str| {
        let (version, metadata) = ("admissionregistration.k8s.io/v1", json!({"name": "w"}));
        json!({"apiVersion": version, "kind": kind, "metadata": metadata, "webhooks": [{"rules": [rule]}]})
    };
    let (graph, findings) = build(json!([
        annotated("a", "kapp.k14s.io/change-group", "g"),
        annotated("b", "kapp.k14s.io/change-rule", "upsert before upserting g"),
        annotated("c", "kapp.k14s.io/change-rule", "upsert after upserting g"),
        annotated("d", "argocd.argoproj.io/sync-wave", "1"),
        object("ConfigMap", "e", ""),
        object("Pod", "p", ""),
        object("ResourceQuota", "q", ""),
        webhook("MutatingWebhookConfiguration"),
        webhook("ValidatingWebhookConfiguration"),
    ]))
    .expect("a graph");
    assert_eq!(findings, []);
    let resources = graph.resources().len();
    let names: Vec<String> = (0..graph.barriers().len()).map(|index| graph.node_name(resources + index)).collect();
    assert_eq!(
        names,
        [
            "wave 0",
            "policies of the destination's namespace",
            "change group g",
            "start of change group g",
            "webhooks w"
        ]
    );
    assert_eq!(ResourceGraph::decode(&graph.encode(), graph.id()).as_ref(), Ok(&graph));
    insta::assert_snapshot!(graph.id(), @"g1-ym7daarz5fch4uzqfjnbcgnnjocmcrjmt2v32rmdavlduxjozv3q");
}

/// Found by fuzzing: a table of rules with one twice, or with one that no edge has, gave the same graph.
#[test]
fn a_graph_has_one_spelling() {
    let (graph, _) = build(json!([object("ConfigMap", "a", "/Secret/b"), object("Secret", "b", "")])).expect("a graph");
    let bytes = graph.encode();
    let name = graph.edges()[0].rule.name;
    let at = bytes.windows(name.len()).rposition(|window| window == name.as_bytes()).expect("the rule has its name");
    // `[[name, version]]`, with one byte each for the list of one, the list of two and the text, and for the version.
    let (table, rule) = (at - 3, at - 2..at + name.len() + 1);
    assert_eq!(bytes[table], 0x81, "one rule");
    let mut twice = bytes.clone();
    twice[table] = 0x82;
    let first = table + 1;
    twice.splice(first..first, bytes[rule].iter().copied());
    let refused = ResourceGraph::decode(&twice, graph.id()).expect_err("another spelling");
    assert!(matches!(refused, DecodeGraphError::Invalid(reason) if reason.starts_with("the rules")), "{refused}");
}

#[test]
fn a_soft_edge_that_is_dropped_is_told_with_its_reason_and_place() {
    let mut deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}});
    deployment["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": "-1"});
    deployment["spec"] = json!({"template": {"spec": {"containers": []}}});
    let (_, findings) = build(json!([deployment, object("LimitRange", "l", "")])).expect("a graph");
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        findings,
        ["a.yaml:1: warning[soft-edge-dropped]: Deployment d does not wait for policies of the destination's \
          namespace (they bind its pods): they would wait for each other"]
    );
}

#[test]
fn a_hook_is_not_content() {
    let mut hook = object("ConfigMap", "hook", "");
    hook["metadata"]["annotations"] = json!({"argocd.argoproj.io/hook": "PreSync"});
    let (with, _) = build(json!([object("ConfigMap", "a", ""), hook])).expect("a graph");
    let (without, _) = build(json!([object("ConfigMap", "a", "")])).expect("a graph");
    assert_eq!(with.content_root(), without.content_root());
    assert_ne!(with.hook_root(), without.hook_root());
}

proptest! {
    /// Whatever order the manifests come in, the graph is the same, its order is topological, and it survives
    /// encoding. Large sets go through the sharded root.
    #[test]
    fn the_graph_depends_on_the_set_alone(
        links in prop::collection::btree_map(0_usize..60, 0_usize..60, 0..40),
        seed in any::<usize>(),
        padding in prop_oneof![Just(0_usize), Just(1100)],
    ) {
        let name = |index: usize| format!("n{index:04}");
        let mut documents: Vec<serde_json::Value> = (0..60 + padding)
            .map(|index| match links.get(&index) {
                Some(to) if *to < index => object("ConfigMap", &name(index), &format!("/ConfigMap/{}", name(*to))),
                _ => object("ConfigMap", &name(index), ""),
            })
            .collect();
        let (graph, _) = build(json!(documents)).expect("a graph");
        let length = documents.len();
        for index in 0..length {
            let other = seed.wrapping_mul(index + 1) % length;
            documents.swap(index, other);
        }
        let (again, _) = build(json!(documents)).expect("a graph");
        prop_assert_eq!(&graph, &again);
        let position = |node: Node| graph.order().iter().position(|other| *other == node);
        for edge in graph.edges() {
            prop_assert!(position(edge.to) < position(edge.from));
        }
        let decoded = ResourceGraph::decode(&graph.encode(), graph.id());
        prop_assert_eq!(decoded, Ok(graph));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = ResourceGraph::decode(&bytes, Id::of(b""));
    }
}
