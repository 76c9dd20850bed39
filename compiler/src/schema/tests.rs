//! What is told of manifests that are wrong, and that nothing is told of those that are right. What the server says of
//! the same and more is compared in `kubectl-plugin/tests/schemas/main.rs`.

use proptest::prelude::*;
use serde_json::json;

use crate::manifest;

use super::{Documents, check, check_as_served, version};

/// Everything that is told of a file, without its path.
fn told(text: &str) -> Vec<String> {
    let (manifests, findings) = manifest::read("a.yaml", text.as_bytes());
    assert!(findings.iter().all(|finding| finding.rule.is_some()), "{findings:?}");
    let mut told = Vec::new();
    check(&manifests, version(), |_| Some(text.as_bytes().to_vec()), &mut told);
    told.iter().map(|finding| finding.to_string().replace("a.yaml:", "")).collect()
}

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.acme.io}
spec:
  group: acme.io
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size, color]
            properties:
              size: {type: integer, maximum: 5}
              color: {type: string, default: red, enum: [red, blue]}
              note: {type: string, nullable: true}
              port: {x-kubernetes-int-or-string: true}
              more: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: boolean}}}
              labels: {type: object, additionalProperties: {type: string}}
              template: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              rules:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}}}
          status: {type: object, required: [ready], properties: {ready: {type: boolean}}}
---
";

/// A thing with more lines behind those of its spec, and how many lines come before it.
fn thing(more: &str) -> String {
    format!("{DEFINITION}apiVersion: acme.io/v1\nkind: Thing\nmetadata: {{name: a}}\nspec:\n  size: 1\n{more}")
}

#[test]
fn a_field_that_is_not_known_is_told_with_its_place_and_the_one_that_was_meant() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  replica: 2\n  \
                selector: {matchLabels: {a: b}}\n  template:\n    spec:\n      containers:\n      - name: web\n        imgae: x\n";
    assert_eq!(
        told(text),
        [
            "7:3: warning[unknown-field]: Deployment shop/web: unknown field `spec.replica`, did you mean `replicas`?",
            "13:9: warning[unknown-field]: Deployment shop/web: unknown field `spec.template.spec.containers[0].imgae`, \
             did you mean `image`?",
        ]
    );
}

#[test]
fn a_value_of_another_type_is_told_with_what_is_expected() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostNetwork: \"yes\"\n  priority: 1.5\n  nodeSelector: []\n  \
                containers:\n  - name: a\n    args: [1]\n    resources: {limits: {cpu: many}}\n    \
                livenessProbe: {httpGet: {port: true}}\n";
    assert_eq!(
        told(text),
        [
            "10:12: warning[wrong-type]: Pod a: spec.containers[0].args[0]: invalid type: number 1, expected a string",
            "12:37: warning[wrong-type]: Pod a: spec.containers[0].livenessProbe.httpGet.port: invalid type: boolean \
             true, expected a whole number or a string",
            "11:31: warning[wrong-type]: Pod a: spec.containers[0].resources.limits[cpu]: invalid type: string \"many\", \
             expected a quantity like \"500m\" or \"1Gi\"",
            "5:16: warning[wrong-type]: Pod a: spec.hostNetwork: invalid type: string \"yes\", expected a boolean",
            "7:17: warning[wrong-type]: Pod a: spec.nodeSelector: invalid type: a list, expected a map",
            "6:13: warning[wrong-type]: Pod a: spec.priority: invalid type: number 1.5, expected a whole number",
        ]
    );
}

#[test]
fn a_field_that_is_missing_has_the_place_of_what_it_is_missing_from() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata: {name: a}\n\
                - apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n  spec:\n    ports:\n    - name: x\n";
    assert_eq!(
        told(text),
        ["12:7: warning[missing-field]: Service a: missing field `spec.ports[0].port`, which must be set"]
    );
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: null}\n";
    assert_eq!(told(text), ["4:1: warning[missing-field]: Pod a: missing field `spec.containers`, which must be set"]);
}

#[test]
fn a_part_of_an_object_that_is_there_need_not_be_whole() {
    let part = |options: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a, annotations: {{argocd.argoproj.io/sync-options: \
             '{options}'}}}}, spec: {{replicas: 3, paused: 1}}}}"
        )
    };
    assert_eq!(told(&part("ServerSideApply=true")).len(), 3);
    let left = told(&part("ServerSideApply=true, Validate=false"));
    assert!(left.len() == 1 && left[0].contains("wrong-type"), "{left:?}");
}

#[test]
fn items_with_the_same_keys_are_told() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a}]\n  volumes:\n  - name: x\n  \
                - name: z\n  - name: x\n";
    let expected = "9:5: warning[repeated-item]: Pod a: spec.volumes[2]: has the same name as item 0 of this list";
    assert_eq!(told(text), [expected]);
}

#[test]
fn what_the_server_takes_is_not_told() {
    for text in [
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, stdin: null, args: [null]}]}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, resources: {limits: {cpu: 1.5}}}]}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a}]}, status: {conditions: [{type: a}]}}",
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: YQ==, b: null}, stringData: {c: x}}",
        "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: a}}",
        "{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: a}, spec: {any: thing}}",
        "{apiVersion: acme.io/v1, kind: Thing, metadata: {name: a}, any: thing}",
        "{apiVersion: acme.io/v1, kind: Deployment, metadata: {name: a}, any: thing}",
    ] {
        assert_eq!(told(text), [""; 0], "{text}");
    }
}

#[test]
fn custom_kinds_are_compared_with_their_definition() {
    let good = "  note: null\n  port: 8080\n  more: {x: 1}\n  labels: {a: b}\n  template: {apiVersion: v1, kind: X, y: 1}\n  \
                rules: [{name: a}, {name: b}]\nstatus: {}\n";
    assert_eq!(told(&thing(good)), [""; 0]);
    for (more, expected) in [
        ("  sise: 1\n", "unknown field `spec.sise`, did you mean `size`?"),
        ("  port: true\n", "spec.port: invalid type: boolean true, expected a whole number or a string"),
        ("  labels: null\n", "spec.labels: invalid type: null, expected a map"),
        ("  labels: {a: 1}\n", "spec.labels[a]: invalid type: number 1, expected a string"),
        ("  more: {known: 1}\n", "spec.more.known: invalid type: number 1, expected a boolean"),
        ("  color: green\n", "spec.color: invalid value: string \"green\", expected one of \"red\", \"blue\""),
        ("  template: {apiVersion: v1}\n", "missing field `spec.template.kind`, which must be set"),
        (
            "  template: {apiVersion: v1, kind: X, metadata: {nme: x}}\n",
            "unknown field `spec.template.metadata.nme`, did you mean `name`?",
        ),
        ("  rules: [{name: a}, {name: a}]\n", "spec.rules[1]: has the same name as item 0 of this list"),
        ("  rules: [null]\n", "spec.rules[0]: invalid type: null, expected a map"),
        ("status: {raedy: true}\n", "unknown field `status.raedy`, did you mean `ready`?"),
        ("sepc: 1\n", "unknown field `sepc`, did you mean `spec`?"),
    ] {
        let told = told(&thing(more));
        assert!(told.len() == 1 && told[0].ends_with(&format!("Thing.acme.io a: {expected}")), "{more}: {told:?}");
    }
    assert_eq!(
        told(&thing("").replace("acme.io/v1\nkind: Thing", "acme.io/v2\nkind: Thing")),
        [""; 0],
        "another version"
    );
}

/// A definition whose objects have this schema for their `spec`.
fn defined(spec: &str) -> String {
    format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: things.acme.io}}, spec: \
         {{group: acme.io, scope: Namespaced, names: {{kind: Thing, plural: things}}, versions: [{{name: v1, served: true, \
         storage: true, schema: {{openAPIV3Schema: {{type: object, properties: {{metadata: {{type: object, properties: \
         {{name: {{type: string, maxLength: 5}}}}}}, spec: {spec}}}}}}}}}]}}}}\n---\n"
    )
}

#[test]
fn combinations_formats_and_sets_of_custom_kinds_hold() {
    let schema = "{type: object, oneOf: [{required: [a]}, {required: [b]}], properties: {a: {type: string, format: ipv4}, b: \
                  {type: integer, format: int32}, c: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: \
                  string}], pattern: '^[0-9]+%$'}, set: {type: array, x-kubernetes-list-type: set, items: {type: string}}}}";
    for (spec, expected) in [
        ("{a: 10.0.0.1, c: 5, set: [v, w]}", ""),
        ("{b: 1, c: 5%}", ""),
        (
            "{}",
            "spec: invalid value: a map, no alternative (`oneOf`) fits: expected a field `a`; or expected a field `b`",
        ),
        ("{a: 10.0.0.1, b: 1}", "spec: invalid value: a map, expected exactly one alternative (`oneOf`) to fit, 2 do"),
        ("{a: 10.0.0}", "spec.a: invalid value: string \"10.0.0\", expected an address like \"10.0.0.1\""),
        ("{b: 2147483648}", "spec.b: invalid value: number 2147483648, expected a whole number of 32 bits"),
        ("{b: 1, c: five}", "spec.c: invalid value: string \"five\", expected text that matches `^[0-9]+%$`"),
        ("{b: 1, set: [v, w, v]}", "spec.set[2]: has the same value as item 0 of this list"),
    ] {
        let told = told(&format!(
            "{}{{apiVersion: acme.io/v1, kind: Thing, metadata: {{name: a}}, spec: {spec}}}",
            defined(schema)
        ));
        let words = told.first().map_or("", |words| words.split("Thing.acme.io a: ").last().unwrap_or_default());
        assert!(words == expected && told.len() <= 1, "{spec}: {told:?}");
    }
}

#[test]
fn rules_see_defaults_and_names() {
    let schema = "{type: object, minProperties: 2, oneOf: [{required: [a]}, {required: [b]}], properties: {a: {type: string, \
                  default: x}, b: {type: string}, c: {type: string}}}";
    let thing = |name: &str, spec: &str| {
        let object = format!("{{apiVersion: acme.io/v1, kind: Thing, metadata: {{name: {name}}}, spec: {spec}}}");
        told(&format!("{}{object}", defined(schema)))
    };
    assert_eq!(thing("a", "{c: x}"), [""; 0]);
    assert!(thing("a", "{}")[0].ends_with("spec: invalid value: a map, expected at least 2 fields, there are 1"));
    assert!(thing("a", "{b: x}")[0].ends_with("expected exactly one alternative (`oneOf`) to fit, 2 do"));
    assert!(
        thing("sixsix", "{c: x}")[0]
            .ends_with("metadata.name: invalid value: string \"sixsix\", expected at most 5 characters, there are 6")
    );
}

/// What a server publishes of a custom kind, and of one that it has in Go.
fn published() -> Documents {
    let mut documents = Documents::default();
    let named = |group: &str, kind: &str| json!([{"group": group, "version": "v1", "kind": kind}]);
    let meta = json!({"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]});
    let spec =
        json!({"type": "object", "required": ["size"], "properties": {"size": {"type": "integer", "maximum": 5}}});
    let status = json!({"type": "object", "required": ["ready"], "properties": {"ready": {"type": "boolean"}}});
    let text = json!({"type": "string"});
    documents.insert("acme.io/v1", json!({
        "paths": {"/apis/acme.io/v1/namespaces/{namespace}/things/{name}/status": {
            "get": {"x-kubernetes-group-version-kind": {"group": "acme.io", "version": "v1", "kind": "Thing"}},
        }},
        "components": {"schemas": {
            "io.acme.v1.Thing": {
                "type": "object", "x-kubernetes-group-version-kind": named("acme.io", "Thing"),
                "properties": {"apiVersion": text, "kind": text, "metadata": meta, "spec": spec, "status": status},
            },
            "com.example.pkg.apis.v1.Typed": {
                "type": "object", "required": ["spec"], "x-kubernetes-group-version-kind": named("acme.io", "Typed"),
                "properties": {
                    "apiVersion": text, "kind": text, "metadata": meta,
                    "self": {"$ref": "#/components/schemas/com.example.pkg.apis.v1.Typed"},
                    "amount": {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"}]},
                },
            },
            "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "properties": {"name": text}},
            "io.acme.v1.Bare": {"type": "object", "x-kubernetes-group-version-kind": named("acme.io", "Bare")},
        }},
    }));
    documents
}

#[test]
fn what_a_server_publishes_is_compared_with_as_well() {
    let documents = published();
    for (object, expected) in [
        ("kind: Thing, spec: {size: 1}, status: {}", ""),
        (
            "kind: Thing, spec: {size: 6}",
            "1:73: warning[invalid-value]: Thing.acme.io a: spec.size: invalid value: number 6, expected at most 5",
        ),
        (
            "kind: Thing, spec: {}",
            "1:60: warning[missing-field]: Thing.acme.io a: missing field `spec.size`, which must be set",
        ),
        (
            "kind: Thing, spek: 1",
            "1:60: warning[unknown-field]: Thing.acme.io a: unknown field `spek`, did you mean `spec`?",
        ),
        ("kind: Typed, self: {self: {amount: 1Gi}}", ""),
        (
            "kind: Typed, self: {self: {amount: 1gi}}",
            "1:82: warning[wrong-type]: Typed.acme.io a: self.self.amount: invalid type: string \"1gi\", expected a quantity like \"500m\" or \"1Gi\"",
        ),
        ("kind: Typed, self: null, other: 1", "1:72: warning[unknown-field]: Typed.acme.io a: unknown field `other`"),
        ("kind: Bare, any: 1", ""),
        ("kind: Other, any: 1", ""),
    ] {
        let text = format!("{{apiVersion: acme.io/v1, metadata: {{name: a}}, {object}}}");
        let (manifests, _) = manifest::read("a.yaml", text.as_bytes());
        let mut findings = Vec::new();
        check_as_served(&manifests, &documents, |_| Some(text.as_bytes().to_vec()), &mut findings);
        let told: Vec<String> = findings.iter().map(|finding| finding.to_string().replace("a.yaml:", "")).collect();
        assert!(told.concat() == expected, "{object}: {told:?}");
    }
}

#[test]
fn of_another_kubernetes_only_custom_kinds_are_known() {
    let text = thing("  sise: 1\n---\n{apiVersion: v1, kind: Service, metadata: {name: a}, spek: 1}\n");
    let (manifests, _) = manifest::read("a.yaml", text.as_bytes());
    let mut findings = Vec::new();
    check(&manifests, crate::name::KubernetesVersion::of_minor(30), |_| None, &mut findings);
    assert!(findings.len() == 1 && findings[0].message.contains("sise"), "{findings:?}");
}

#[test]
fn a_definition_that_is_no_schema_says_nothing_about_its_objects() {
    let whole = thing("  any: 1\n");
    let schema = whole.find("      openAPIV3Schema").zip(whole.find("\n---\n")).expect("it is there");
    let without = format!("{}      openAPIV3Schema: null{}", &whole[..schema.0], &whole[schema.1..]);
    assert_eq!(told(&without), [""; 0]);
    let preserving = whole.replace("  group: acme.io\n", "  group: acme.io\n  preserveUnknownFields: true\n");
    assert_eq!(told(&preserving), [""; 0]);
}

#[test]
fn secrets_are_not_shown() {
    let text = "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: hunter2}, stringData: {b: 7654321}}";
    let told = told(text).join("\n");
    assert!(told.contains("data[a]: invalid type: a string, expected base64"), "{told}");
    assert!(told.contains("[b]: invalid type: a number"), "{told}");
    assert!(!told.contains("hunter2") && !told.contains("7654321"), "{told}");
}

#[test]
fn a_flood_of_faults_is_cut() {
    let fields: Vec<String> = (0..1000).map(|number| format!("  unknown{number}: 1\n")).collect();
    let text = format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec:\n{}", fields.concat());
    assert_eq!(told(&text).len(), super::walk::MOST);
}

#[test]
fn the_measured_objects_are_right() {
    for (path, text) in gitops_testdata::services::services(2, "shop") {
        assert_eq!(told(&text), [""; 0], "{path}");
    }
}

/// Values with the names that schemas and objects have, in every wrong place.
fn values() -> impl Strategy<Value = serde_json::Value> {
    const NAMES: [&str; 22] = [
        "additionalProperties",
        "allOf",
        "anyOf",
        "containers",
        "default",
        "enum",
        "format",
        "items",
        "metadata",
        "minLength",
        "name",
        "not",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "spec",
        "template",
        "type",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
    ];
    let text = prop::sample::select(
        ["object", "array", "string", "integer", "name", "date-time", "duration", "uri", "set", "(", "ä", ""]
            .as_slice(),
    );
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|truth| json!(truth)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        text.prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
            prop::collection::btree_map(prop::sample::select(NAMES.as_slice()), inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

#[test]
fn what_is_encrypted_may_be_anything_and_the_rest_is_compared() {
    let sops = "sops: {mac: x, lastmodified: t}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: 'ENC[AES256_GCM,data:x]', b: eA==}\n";
    let thing =
        "apiVersion: acme.io/v1\nkind: Thing\nmetadata: {name: a}\nspec: {size: 'ENC[AES256_GCM,x]', color: blue}\n";
    assert_eq!(told(&format!("{secret}{sops}")), [""; 0]);
    assert_eq!(told(&format!("{DEFINITION}---\n{thing}{sops}")), [""; 0]);
    assert_eq!(told(secret).len(), 1);
    assert_eq!(told(&format!("{secret}{sops}").replace("b: eA==", "b: 7")).len(), 1);
    assert_eq!(told(&format!("{DEFINITION}---\n{thing}{sops}").replace("color: blue", "color: green")).len(), 1);
}

proptest! {
    #[test]
    fn nothing_panics(schema in values(), spec in values()) {
        let served = json!({"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema}}}});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.acme.io"},
            "spec": {"group": "acme.io", "names": {"kind": "Thing"}, "versions": [served]},
        });
        let object = |api_version: &str, kind: &str| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": &spec});
        let all = [definition, object("acme.io/v1", "Thing"), object("apps/v1", "Deployment"), object("v1", "Pod")];
        let all = all.map(|object| object.to_string()).join("\n");
        let (manifests, _) = manifest::read("a.json", all.as_bytes());
        let mut told = Vec::new();
        check(&manifests, version(), |_| Some(all.as_bytes().to_vec()), &mut told);
        let mut again = Vec::new();
        check(&manifests, version(), |_| None, &mut again);
        prop_assert_eq!(told.len(), again.len());
    }
}
