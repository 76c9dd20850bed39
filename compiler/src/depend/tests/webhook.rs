//! Objects and the webhooks that are called for them.

use super::*;

const ADMISSION: &str = "admissionregistration.k8s.io/v1";

/// A configuration with one webhook, which is called for everything unless `more` says otherwise.
fn webhook(name: &str, more: serde_json::Value) -> serde_json::Value {
    let rule = json!({"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]});
    let mut hook = json!({"name": format!("{name}.acme.io"), "rules": [rule]});
    if let Some(more) = more.as_object() {
        for (field, value) in more {
            hook[field] = value.clone();
        }
    }
    let mut body = object(ADMISSION, "ValidatingWebhookConfiguration", name);
    body["webhooks"] = json!([hook]);
    body
}

fn rule(group: &str, resource: &str) -> serde_json::Value {
    json!([{"operations": ["CREATE"], "apiGroups": [group], "apiVersions": ["v1"], "resources": [resource]}])
}

/// Which of these a webhook is called for.
fn matched(more: serde_json::Value, objects: &[serde_json::Value]) -> Vec<String> {
    let documents: Vec<_> = objects.iter().cloned().chain([webhook("w", more)]).collect();
    let found = edges(json!(documents)).into_iter().filter(|edge| edge.ends_with("(webhook)"));
    found.filter_map(|edge| Some(edge.split_once(" -> ")?.0.to_owned())).collect()
}

#[test]
fn an_object_waits_for_the_webhook_that_its_rules_are_for() {
    let documents = json!([
        webhook("w", json!({"rules": rule("", "configmaps")})),
        object("v1", "ConfigMap", "c"),
        object("v1", "Secret", "s")
    ]);
    assert_eq!(
        whole_edges(documents),
        ["ConfigMap c -> ValidatingWebhookConfiguration w (webhook) present soft [kind]"]
    );
}

#[test]
fn rules_are_read_as_the_server_reads_them() {
    let config = [object("v1", "ConfigMap", "c")];
    let is_matched = |rules: serde_json::Value| !matched(json!({"rules": rules}), &config).is_empty();
    for resource in ["configmaps", "configmaps/*", "*/*", "*"] {
        assert!(is_matched(rule("", resource)), "{resource}");
    }
    for resource in ["secrets", "configmaps/status", "*/scale", ""] {
        assert!(!is_matched(rule("", resource)), "{resource}");
    }
    assert!(!is_matched(rule("apps", "*")));
    let with = |field: &str, value: serde_json::Value| {
        let mut rules = rule("", "configmaps");
        rules[0][field] = value;
        is_matched(rules)
    };
    assert!(with("operations", json!(["DELETE", "UPDATE"])) && !with("operations", json!(["DELETE"])));
    assert!(with("scope", json!("Namespaced")) && with("scope", json!("*")) && !with("scope", json!("Cluster")));
    assert!(with("apiVersions", json!(["v2"])), "a rule for one version is for all");
}

#[test]
fn an_exact_match_is_of_the_version_too() {
    let config = [object("v1", "ConfigMap", "c")];
    let mut rules = rule("", "configmaps");
    assert_eq!(matched(json!({"rules": rules, "matchPolicy": "Exact"}), &config), ["ConfigMap c"]);
    rules[0]["apiVersions"] = json!(["v2"]);
    assert_eq!(matched(json!({"rules": rules, "matchPolicy": "Exact"}), &config), NONE);
}

#[test]
fn the_resource_of_a_kind_is_what_its_definition_says() {
    let names = json!({"group": "acme.io", "names": {"kind": "Person", "plural": "people"}, "scope": "Namespaced"});
    let definition = resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "people.acme.io", names);
    let person = object("acme.io/v1", "Person", "p");
    let policy = object("networking.k8s.io/v1", "NetworkPolicy", "n");
    let is_matched = |group: &str, resource: &str| {
        matched(json!({"rules": rule(group, resource)}), &[definition.clone(), person.clone(), policy.clone()])
    };
    assert_eq!(is_matched("acme.io", "people"), ["Person.acme.io p"]);
    assert_eq!(is_matched("acme.io", "persons"), NONE);
    assert_eq!(is_matched("networking.k8s.io", "networkpolicies"), ["NetworkPolicy n"]);
}

#[test]
fn selectors_decide_only_where_the_labels_are_known() {
    let mut labelled = object("v1", "ConfigMap", "labelled");
    labelled["metadata"]["labels"] = json!({"app": "web"});
    let selector = json!({"objectSelector": {"matchLabels": {"app": "web"}}});
    assert_eq!(matched(selector, &[labelled, object("v1", "ConfigMap", "plain")]), ["ConfigMap labelled"]);

    let mut namespace = object("v1", "Namespace", "shop");
    namespace["metadata"]["labels"] = json!({"inject": "yes"});
    let objects = [
        namespace,
        resource("v1", "ConfigMap", "shop/known", json!({})),
        resource("v1", "ConfigMap", "elsewhere/unknown", json!({})),
        object("v1", "ConfigMap", "unbound"),
        object("rbac.authorization.k8s.io/v1", "ClusterRole", "r"),
    ];
    let select = |selector: serde_json::Value| matched(json!({"namespaceSelector": selector}), &objects);
    let injected = select(json!({"matchLabels": {"inject": "yes"}}));
    assert_eq!(injected, ["ConfigMap shop/known", "Namespace shop", "ClusterRole r"]);
    let not_injected = select(json!({"matchExpressions": [{"key": "inject", "operator": "DoesNotExist"}]}));
    assert_eq!(not_injected, ["ClusterRole r"], "of a namespace outside of the set nothing is known");
    let by_name =
        json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}]});
    assert_eq!(select(by_name), ["ConfigMap elsewhere/unknown", "ClusterRole r"]);
}

#[test]
fn conditions_are_not_guessed_and_configurations_are_never_judged() {
    let conditions = json!({"matchConditions": [{"name": "a", "expression": "true"}]});
    assert_eq!(matched(conditions, &[object("v1", "ConfigMap", "c")]), NONE);
    let exempt =
        [object(ADMISSION, "ValidatingAdmissionPolicy", "p"), object(ADMISSION, "MutatingWebhookConfiguration", "m")];
    assert_eq!(matched(json!({}), &exempt), NONE);
}

/// What a webhook `name` needs in namespace `sys`, and itself.
fn installation(name: &str) -> Vec<serde_json::Value> {
    let service = json!({"clientConfig": {"service": {"name": name, "namespace": "sys"}}});
    let place = format!("sys/{name}");
    let pods = json!({"template": {
        "metadata": {"labels": {"app": name}},
        "spec": {"serviceAccountName": name, "volumes": [{"name": "v", "secret": {"secretName": name}}]},
    }});
    vec![
        webhook(name, service),
        resource("v1", "Service", &place, json!({"selector": {"app": name}})),
        resource("apps/v1", "Deployment", &place, pods),
        resource("v1", "ServiceAccount", &place, json!({})),
        resource("v1", "Secret", &place, json!({})),
        resource("v1", "ResourceQuota", "sys/quota", json!({})),
        resource("v1", "Namespace", "sys", json!({})),
    ]
}

#[test]
fn what_a_webhook_itself_needs_does_not_wait_for_it() {
    let mut documents = installation("w");
    documents.push(resource("v1", "ConfigMap", "sys/unrelated", json!({})));
    let found = edges(json!(documents));
    let waiting: Vec<_> = found.iter().filter(|edge| edge.ends_with("(webhook)")).collect();
    assert_eq!(waiting, ["ConfigMap sys/unrelated -> ValidatingWebhookConfiguration w (webhook)"]);
}

#[test]
fn what_comes_in_an_earlier_wave_does_not_wait_for_a_webhook() {
    let early = object("v1", "ConfigMap", "early");
    let late = annotated(webhook("w", json!({})), "argocd.argoproj.io/sync-wave", "1");
    let found = edges(json!([early, late]));
    assert!(found.iter().all(|edge| !edge.ends_with("(webhook)")), "{found:?}");
}

#[test]
fn many_objects_wait_for_many_webhooks_behind_one_barrier() {
    let mut mutating = webhook("w", json!({}));
    mutating["kind"] = "MutatingWebhookConfiguration".into();
    let mut documents = vec![webhook("w", json!({})), mutating];
    documents.extend((0..5).map(|number| object("v1", "ConfigMap", &format!("c{number}"))));
    let found = whole_edges(json!(documents));
    assert_eq!(found.len(), 7, "{found:?}");
    assert_eq!(found[0], "ConfigMap c0 -> webhooks w (webhooks) present soft [kind]");
    assert_eq!(
        found[5..],
        [
            "webhooks w -> MutatingWebhookConfiguration w (webhook-of-several) present hard []",
            "webhooks w -> ValidatingWebhookConfiguration w (webhook-of-several) present hard []",
        ]
    );
}

#[test]
fn a_few_objects_wait_for_a_few_webhooks_one_by_one() {
    let documents = json!([webhook("a", json!({})), webhook("b", json!({})), object("v1", "ConfigMap", "c")]);
    assert_eq!(
        edges(documents),
        [
            "ConfigMap c -> ValidatingWebhookConfiguration a (webhook)",
            "ConfigMap c -> ValidatingWebhookConfiguration b (webhook)",
        ]
    );
}
