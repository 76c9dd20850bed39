//! Ingresses, Gateways, routes, and the endpoints of Services.

use super::*;

const GATEWAY: &str = "gateway.networking.k8s.io/v1";

#[test]
fn an_ingress_waits_for_its_class_with_the_field_that_names_each() {
    let backend = |name: &str| json!({"service": {"name": name, "port": {"number": 80}}});
    let spec = json!({
        "ingressClassName": "nginx", "defaultBackend": backend("fallback"),
        "rules": [{"host": "shop.example.com", "http": {"paths": [{"path": "/cart", "backend": backend("cart")}]}}],
        "tls": [{"hosts": ["shop.example.com"], "secretName": "tls"}],
    });
    let documents = json!([
        resource("networking.k8s.io/v1", "Ingress", "i", spec),
        object("networking.k8s.io/v1", "IngressClass", "nginx"),
        object("v1", "Service", "cart"),
        object("v1", "Service", "fallback"),
        object("v1", "Secret", "tls"),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    Ingress i -> Secret tls (ingress-certificate) present soft [spec.tls[0].secretName]
    Ingress i -> Service cart (ingress-backend) present soft [spec.rules[shop.example.com].http.paths[/cart].backend.service.name]
    Ingress i -> Service fallback (ingress-backend) present soft [spec.defaultBackend.service.name]
    Ingress i -> IngressClass nginx (ingress-class) present soft [spec.ingressClassName]
    ");
}

#[test]
fn an_ingress_of_another_group_or_namespace_waits_for_nothing() {
    let spec = json!({"defaultBackend": {"service": {"name": "cart"}}, "ingressClassName": "nginx"});
    let documents = json!([
        resource("networking.k8s.io/v1", "Ingress", "other/i", spec.clone()),
        resource("example.com/v1", "Ingress", "i", spec),
        object("v1", "Service", "cart"),
        object("example.com/v1", "IngressClass", "nginx"),
    ]);
    assert_eq!(edges(documents), NONE);
}

#[test]
fn old_ingresses_are_read_too() {
    let spec = json!({"backend": {"serviceName": "cart", "servicePort": 80}});
    let documents = json!([resource("extensions/v1beta1", "Ingress", "i", spec), object("v1", "Service", "cart")]);
    assert_eq!(
        whole_edges(documents),
        ["Ingress i -> Service cart (ingress-backend) present soft [spec.backend.serviceName]"]
    );
}

#[test]
fn endpoints_wait_for_their_service() {
    let mut slice = object("discovery.k8s.io/v1", "EndpointSlice", "db-1");
    slice["metadata"]["labels"] = json!({"kubernetes.io/service-name": "db"});
    let service = object("v1", "Service", "db");
    assert_eq!(
        whole_edges(json!([slice, object("v1", "Endpoints", "db"), object("v1", "Endpoints", "other"), service])),
        [
            "Endpoints db -> Service db (endpoints) present soft [metadata.name]",
            "EndpointSlice db-1 -> Service db (endpoints) present soft [metadata.labels[kubernetes.io/service-name]]",
        ]
    );
    let elsewhere = resource("v1", "Service", "other/db", json!({}));
    assert_eq!(edges(json!([slice, object("v1", "Endpoints", "db"), elsewhere])), NONE);
}

fn gateway() -> serde_json::Value {
    let listener =
        json!({"name": "https", "tls": {"certificateRefs": [{"name": "tls"}, {"name": "wild", "namespace": "certs"}]}});
    resource(GATEWAY, "Gateway", "infra/gw", json!({"gatewayClassName": "envoy", "listeners": [listener]}))
}

fn route(backends: serde_json::Value) -> serde_json::Value {
    let spec = json!({"parentRefs": [{"name": "gw", "namespace": "infra"}], "rules": [{"backendRefs": backends}]});
    resource(GATEWAY, "HTTPRoute", "shop/r", spec)
}

#[test]
fn a_gateway_waits_for_its_class_and_its_certificates() {
    let documents = json!([
        gateway(),
        object(GATEWAY, "GatewayClass", "envoy"),
        resource("v1", "Secret", "infra/tls", json!({})),
        resource("v1", "Secret", "certs/wild", json!({})),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    Gateway infra/gw -> Secret certs/wild (gateway-certificate) present soft [spec.listeners[https].tls.certificateRefs[wild]]
    Gateway infra/gw -> Secret infra/tls (gateway-certificate) present soft [spec.listeners[https].tls.certificateRefs[tls]]
    Gateway infra/gw -> GatewayClass envoy (gateway-class) present soft [spec.gatewayClassName]
    ");
}

#[test]
fn a_route_waits_for_its_gateway_and_its_backends() {
    let documents = json!([
        route(
            json!([{"name": "cart", "port": 80}, {"name": "imported", "group": "multicluster.x-k8s.io", "kind": "ServiceImport"}])
        ),
        gateway(),
        resource("v1", "Service", "shop/cart", json!({})),
        resource("multicluster.x-k8s.io/v1alpha1", "ServiceImport", "shop/imported", json!({})),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    HTTPRoute shop/r -> Service shop/cart (route-backend) present soft [spec.rules[0].backendRefs[cart]]
    HTTPRoute shop/r -> Gateway infra/gw (route-parent) present soft [spec.parentRefs[gw]]
    HTTPRoute shop/r -> ServiceImport.multicluster.x-k8s.io shop/imported (route-backend) present soft [spec.rules[0].backendRefs[imported]]
    ");
}

#[test]
fn a_route_into_another_namespace_waits_for_the_grant_that_lets_it() {
    let grant = |place: &str, from: &str, to: serde_json::Value| {
        let from = json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": from}]);
        resource("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", place, json!({"from": from, "to": to}))
    };
    let services = json!([{"group": "", "kind": "Service"}]);
    let documents = json!([
        route(json!([{"name": "pay", "namespace": "bank"}])),
        resource("v1", "Service", "bank/pay", json!({})),
        grant("bank/all", "shop", services.clone()),
        grant("bank/named", "shop", json!([{"group": "", "kind": "Service", "name": "pay"}])),
        grant("bank/other-name", "shop", json!([{"group": "", "kind": "Service", "name": "x"}])),
        grant("bank/other-kind", "shop", json!([{"group": "", "kind": "Secret"}])),
        grant("bank/other-referrer", "market", services.clone()),
        grant("shop/other-place", "shop", services),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "HTTPRoute shop/r -> Service bank/pay (route-backend) present soft [spec.rules[0].backendRefs[pay]]",
            "HTTPRoute shop/r -> ReferenceGrant bank/all (reference-grant) present soft [spec.rules[0].backendRefs[pay]]",
            "HTTPRoute shop/r -> ReferenceGrant bank/named (reference-grant) present soft [spec.rules[0].backendRefs[pay]]",
        ]
    );
}

#[test]
fn a_route_of_another_group_or_to_another_namespace_waits_for_nothing() {
    let documents = json!([
        route(json!([{"name": "cart"}])),
        resource(
            "example.com/v1",
            "HTTPRoute",
            "shop/r",
            json!({"parentRefs": [{"name": "gw", "namespace": "infra"}]})
        ),
        resource(GATEWAY, "Gateway", "shop/gw", json!({})),
        resource("v1", "Service", "infra/cart", json!({})),
    ]);
    assert_eq!(edges(documents), NONE);
}

#[test]
fn an_ingress_waits_for_a_backend_that_is_no_service() {
    let resource_of = |group: &str| json!({"resource": {"apiGroup": group, "kind": "Bucket", "name": "static"}});
    let spec = json!({
        "defaultBackend": resource_of("acme.io"),
        "rules": [{"http": {"paths": [{"path": "/", "backend": resource_of("other.io")}]}}],
    });
    let documents =
        json!([resource("networking.k8s.io/v1", "Ingress", "i", spec), object("acme.io/v1", "Bucket", "static")]);
    assert_eq!(
        whole_edges(documents),
        ["Ingress i -> Bucket.acme.io static (ingress-backend) present soft [spec.defaultBackend.resource]"]
    );
}
