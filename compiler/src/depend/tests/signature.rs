//! Where the signature stays the same so does everything that is inferred; and it changes with what the rules read.

use proptest::prelude::*;

use super::any::{manifest, tree};
use super::*;
use crate::canon::Value;
use crate::manifest::Manifest;

/// A body with this in each field that has no say, and one like any other where there is none.
fn with_unread(kind: &str, tree: Option<&serde_json::Value>) -> serde_json::Value {
    let mut container = json!({
        "name": "a", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}}, {"name": "B"}],
        "envFrom": [{"configMapRef": {"name": "a"}}],
    });
    if let Some(tree) = tree {
        container["env"][0]["value"] = tree.clone();
        container["env"][1]["value"] = tree.clone();
        for field in super::super::signature::CONTAINER {
            container[field] = tree.clone();
        }
    }
    let pod = json!({"containers": [container], "initContainers": [container], "serviceAccountName": "a"});
    let template = json!({"metadata": {"labels": {"app": "a"}}, "spec": pod});
    let spec = |api_version: &str, spec: serde_json::Value| {
        let mut body = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": spec});
        if let (Some(tree), true) = (tree, kind != "Pod") {
            body["spec"]["replicas"] = tree.clone();
        }
        body
    };
    match kind {
        "Pod" => spec("v1", pod),
        "Deployment" => spec("apps/v1", json!({"template": template})),
        "CronJob" => spec("batch/v1", json!({"jobTemplate": {"spec": {"template": template}}})),
        _ => {
            let mut body = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}});
            if let Some(tree) = tree {
                body["data"] = tree.clone();
                body["binaryData"] = tree.clone();
            }
            body
        }
    }
}

fn manifest_of(body: serde_json::Value) -> Manifest {
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let text = |path: &str| body.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let group = crate::name::group_of(&text("/apiVersion")).to_owned();
    let key = crate::name::ResourceKey::new(&group, &text("/kind"), ".", &text("/metadata/name"));
    Manifest { key, body: Value::from(body), origin }
}

fn inferred(mut manifests: Vec<Manifest>) -> (Vec<Edge>, Vec<Barrier>, Vec<Diagnostic>) {
    manifests.sort_by(|left, right| left.key.cmp(&right.key));
    manifests.dedup_by(|left, right| left.key == right.key);
    let mut findings = Vec::new();
    let (edges, barriers) = infer(&manifests, &mut findings);
    (edges, barriers, findings)
}

fn signature_of(manifests: &[Manifest]) -> [u8; 32] {
    signature(manifests, &EdgeRules::default())
}

#[test]
fn of_kinds_that_the_user_has_rules_for_everything_is_read() {
    let text = b"references: [{from: {kinds: [ConfigMap]}, field: data.a, to: {kind: Secret}}]";
    let rules = EdgeRules::read("edges.yaml", text).expect("rules");
    let of = |kind: &str, tree: serde_json::Value, rules: &EdgeRules| {
        signature(&[manifest_of(with_unread(kind, Some(&tree)))], rules)
    };
    let (one, other) = (json!({"a": "b"}), json!({"a": "c"}));
    assert_ne!(of("ConfigMap", one.clone(), &rules), of("ConfigMap", other.clone(), &rules));
    assert_eq!(of("Secret", one.clone(), &rules), of("Secret", other.clone(), &rules));
    let none = EdgeRules::default();
    assert_eq!(of("ConfigMap", one, &none), of("ConfigMap", other, &none));
}

proptest! {
    #[test]
    fn what_the_signature_leaves_out_no_rule_reads(
        others in prop::collection::vec(manifest(), 0..12),
        kind in prop::sample::select(vec!["ConfigMap", "Secret", "Pod", "Deployment", "CronJob"]),
        tree in tree(),
    ) {
        let tree = serde_json::Value::from(&tree);
        let [without, with] = [None, Some(&tree)].map(|tree| manifest_of(with_unread(kind, tree)));
        prop_assert_eq!(signature_of(std::slice::from_ref(&without)), signature_of(std::slice::from_ref(&with)));
        // First, so that of two with one key this is the one that stays.
        let set = |one: &Manifest| [std::slice::from_ref(one), &others[..]].concat();
        prop_assert_eq!(inferred(set(&without)), inferred(set(&with)));
    }

    #[test]
    fn equal_signatures_mean_equal_edges(
        others in prop::collection::vec(manifest(), 0..8), one in manifest(), another in manifest(),
    ) {
        let another = Manifest { key: one.key.clone(), ..another };
        if signature_of(std::slice::from_ref(&one)) == signature_of(std::slice::from_ref(&another)) {
            let set = |one: &Manifest| [std::slice::from_ref(one), &others[..]].concat();
            prop_assert_eq!(inferred(set(&one)), inferred(set(&another)));
        }
    }
}

#[test]
fn what_rules_read_changes_the_signature() {
    let signature_of = |body: &serde_json::Value| signature_of(&[manifest_of(body.clone())]);
    for kind in ["Pod", "Deployment", "CronJob"] {
        let body = with_unread(kind, None);
        let pod = match kind {
            "Pod" => "/spec",
            "Deployment" => "/spec/template/spec",
            _ => "/spec/jobTemplate/spec/template/spec",
        };
        for path in ["/containers/0/env/0/valueFrom/secretKeyRef/name", "/initContainers/0/envFrom/0/configMapRef/name"]
        {
            let mut changed = body.clone();
            *changed.pointer_mut(&format!("{pod}{path}")).expect("it is there") = json!("b");
            assert_ne!(signature_of(&body), signature_of(&changed), "{kind}{path}");
        }
        for path in ["/metadata/labels", "/metadata/annotations"] {
            let mut changed = body.clone();
            changed["metadata"][path.rsplit('/').next().expect("a name")] = json!({"a": "b"});
            assert_ne!(signature_of(&body), signature_of(&changed), "{kind}{path}");
        }
    }
    let secret = with_unread("Secret", None);
    let mut token = secret.clone();
    token["type"] = json!("kubernetes.io/service-account-token");
    assert_ne!(signature_of(&secret), signature_of(&token));
}
