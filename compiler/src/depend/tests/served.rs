//! Kinds that must be served first, and who answers the API server.

use super::*;

const ADMISSION: &str = "admissionregistration.k8s.io/v1";

/// A Service of namespace `sys` and the Deployment behind it.
fn backend() -> [serde_json::Value; 3] {
    let template = |app: &str| json!({"template": {"metadata": {"labels": {"app": app, "v": "1"}}, "spec": {}}});
    [
        resource("v1", "Service", "sys/hook", json!({"selector": {"app": "hook", "v": "1"}})),
        resource("apps/v1", "Deployment", "sys/hook", template("hook")),
        resource("apps/v1", "Deployment", "sys/other", template("other")),
    ]
}

fn with_backend(documents: Vec<serde_json::Value>) -> serde_json::Value {
    json!(documents.into_iter().chain(backend()).collect::<Vec<_>>())
}

fn api_service(service: serde_json::Value) -> serde_json::Value {
    let spec = json!({"group": "metrics.acme.io", "version": "v1beta1", "service": service});
    resource("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.acme.io", spec)
}

fn crd(conversion: serde_json::Value) -> serde_json::Value {
    let versions = json!([{"name": "v1", "storage": true}, {"name": "v1alpha1", "storage": false}]);
    let spec = json!({"group": "acme.io", "names": {"kind": "Offer"}, "versions": versions, "conversion": conversion});
    resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "offers.acme.io", spec)
}

#[test]
fn an_object_waits_for_the_api_service_of_its_version() {
    let documents = json!([
        api_service(json!({"name": "metrics", "namespace": "sys"})),
        object("metrics.acme.io/v1beta1", "Metric", "m"),
        object("metrics.acme.io/v1", "Metric", "other-version"),
        object("acme.io/v1beta1", "Metric", "other-group"),
    ]);
    assert_eq!(
        whole_edges(documents),
        ["Metric.metrics.acme.io m -> APIService v1beta1.metrics.acme.io (api-service) ready hard [apiVersion]"]
    );
}

#[test]
fn an_api_service_of_the_server_itself_is_always_there() {
    let documents = json!([api_service(json!(null)), object("metrics.acme.io/v1beta1", "Metric", "m")]);
    assert_eq!(edges(documents), NONE);
}

#[test]
fn who_is_called_by_the_server_waits_for_service_and_workload() {
    let service = json!({"name": "hook", "namespace": "sys"});
    let mut webhook = object(ADMISSION, "ValidatingWebhookConfiguration", "w");
    webhook["webhooks"] = json!([{"name": "w.acme.io", "clientConfig": {"service": service}}]);
    insta::assert_snapshot!(whole_edges(with_backend(vec![webhook, api_service(service)])).join("\n"), @r"
    ValidatingWebhookConfiguration w -> Service sys/hook (backend-service) present soft [webhooks[w.acme.io].clientConfig.service]
    ValidatingWebhookConfiguration w -> Deployment sys/hook (backend-workload) ready soft [webhooks[w.acme.io].clientConfig.service]
    APIService v1beta1.metrics.acme.io -> Service sys/hook (backend-service) present soft [spec.service]
    APIService v1beta1.metrics.acme.io -> Deployment sys/hook (backend-workload) ready soft [spec.service]
    ");
}

#[test]
fn a_definition_waits_for_its_service_and_objects_of_old_versions_for_its_workload() {
    let service = json!({"name": "hook", "namespace": "sys"});
    let conversion = json!({"strategy": "Webhook", "webhook": {"clientConfig": {"service": service}}});
    let documents =
        vec![crd(conversion), object("acme.io/v1", "Offer", "new"), object("acme.io/v1alpha1", "Offer", "old")];
    insta::assert_snapshot!(whole_edges(with_backend(documents)).join("\n"), @r"
    Offer.acme.io new -> CustomResourceDefinition offers.acme.io (custom-resource) ready hard [kind]
    Offer.acme.io old -> CustomResourceDefinition offers.acme.io (custom-resource) ready hard [kind]
    Offer.acme.io old -> Deployment sys/hook (conversion-backend) ready soft [apiVersion]
    CustomResourceDefinition offers.acme.io -> Service sys/hook (backend-service) present soft [spec.conversion.webhook.clientConfig.service]
    Deployment sys/hook -> CustomResourceDefinition offers.acme.io (conversion-until-gone) absent soft [labels of its pods]
    ");
}

#[test]
fn backends_of_other_places_and_other_labels_are_not_meant() {
    let mut webhook = object(ADMISSION, "MutatingWebhookConfiguration", "w");
    webhook["webhooks"] = json!([
        {"name": "a", "clientConfig": {"service": {"name": "hook", "namespace": "other"}}},
        {"name": "b", "clientConfig": {"url": "https://hook.sys.svc"}},
    ]);
    let no_conversion = json!({"strategy": "None"});
    let documents = vec![webhook, crd(no_conversion), object("acme.io/v1alpha1", "Offer", "old")];
    let found = edges(with_backend(documents));
    assert_eq!(found, ["Offer.acme.io old -> CustomResourceDefinition offers.acme.io (custom-resource)"]);
}

#[test]
fn a_service_that_selects_nothing_or_only_jobs_has_no_workload() {
    let template = json!({"template": {"metadata": {"labels": {"app": "hook"}}, "spec": {}}});
    let documents = |selector: serde_json::Value| {
        json!([
            api_service(json!({"name": "hook", "namespace": "sys"})),
            resource("v1", "Service", "sys/hook", json!({"selector": selector})),
            resource("batch/v1", "Job", "sys/hook", template.clone()),
            resource("apps/v1", "Deployment", "other/hook", template.clone()),
        ])
    };
    for selector in [json!({"app": "hook"}), json!({}), json!(null)] {
        assert_eq!(
            edges(documents(selector)),
            ["APIService v1beta1.metrics.acme.io -> Service sys/hook (backend-service)"]
        );
    }
}
