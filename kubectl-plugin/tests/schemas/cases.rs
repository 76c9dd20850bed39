//! Manifests that are right or wrong in one thing, each with the lint that it should get; none where it is right.
//!
//! In a case, `NAME` and `GROUP` stand for a name of its own and the group of the custom kinds.

/// A lint, or nothing, and a manifest.
pub(crate) type Case = (&'static str, String);

const UNKNOWN: &str = "unknown-field";
const WRONG: &str = "wrong-type";
const MISSING: &str = "missing-field";
const REPEATED: &str = "repeated-item";
const INVALID: &str = "invalid-value";
const GOOD: &str = "";

/// Two custom kinds: one with everything that a schema can say, one without a status subresource.
pub(crate) const DEFINITIONS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing}
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
            required: [size]
            properties:
              size: {type: integer, minimum: 1, maximum: 5}
              ratio: {type: number}
              flag: {type: boolean}
              color: {type: string, enum: [red, blue]}
              word: {type: string, pattern: '^[a-z]+$', maxLength: 5}
              note: {type: string, nullable: true}
              port: {x-kubernetes-int-or-string: true}
              list: {type: array, maxItems: 2, items: {type: string}}
              notes: {type: array, items: {type: string, nullable: true}}
              labels: {type: object, additionalProperties: {type: string}}
              any: {x-kubernetes-preserve-unknown-fields: true}
              empty: {type: object}
              more: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: integer}}}
              whole: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              part: {type: object, x-kubernetes-embedded-resource: true, properties: {spec: {type: object, properties: {a: {type: string}}}}}
              defaults: {type: object, required: [a], properties: {a: {type: string, default: x}}}
              needs: {type: object, required: [a], properties: {a: {type: string, nullable: true}}}
              rules:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name, kind]
                items: {type: object, required: [name], properties: {name: {type: string}, kind: {type: string, default: A}}}
          status: {type: object, required: [ready], properties: {ready: {type: boolean}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: plains.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Plain, plural: plains, singular: plain}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          status: {type: object, required: [ready], properties: {ready: {type: boolean}}}
";

pub(crate) fn object(api_version: &str, kind: &str, more: &str) -> String {
    format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: NAME}}\n{more}\n")
}

/// A Pod whose container has these fields too.
fn container(fields: &str) -> String {
    object("v1", "Pod", &format!("spec: {{containers: [{{name: a, image: b, {fields}}}]}}"))
}

/// A Pod whose spec has these fields too.
fn pod(fields: &str) -> String {
    object("v1", "Pod", &format!("spec: {{containers: [{{name: a, image: b}}], {fields}}}"))
}

fn deployment(spec: &str) -> String {
    object("apps/v1", "Deployment", &format!("spec: {{{spec}}}"))
}

const TEMPLATE: &str = "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}";

pub(crate) fn all() -> Vec<Case> {
    [pods(), workloads(), configuration(), access_and_network(), custom_kinds(), definitions()].concat()
}

fn pods() -> Vec<Case> {
    let containers = [
        (GOOD, "command: [x], args: ['1'], env: [{name: A, value: '1'}]"),
        (GOOD, "stdin: null, args: null, resources: null"),
        (GOOD, "args: [a, null]"),
        (GOOD, "resources: {limits: {cpu: 1.5, memory: 100}, requests: {cpu: null}}"),
        (GOOD, "resources: {limits: {cpu: ' 1 ', memory: 1e3, ephemeral-storage: 1.5Gi}}"),
        (GOOD, "livenessProbe: {httpGet: {port: 80, path: /}}, readinessProbe: {tcpSocket: {port: http}}"),
        (GOOD, "ports: [{containerPort: 80, protocol: UDP}, {containerPort: 80}]"),
        (UNKNOWN, "imge: x"),
        (UNKNOWN, "Image: x"),
        (UNKNOWN, "livenessProbe: {httpget: {port: 80}}"),
        (UNKNOWN, "env: [{name: A, valueFrom: {secretRef: {key: a}}}]"),
        (WRONG, "workingDir: 1"),
        (WRONG, "args: [a, 1]"),
        (WRONG, "args: a"),
        (WRONG, "env: {A: b}"),
        (WRONG, "env: [{name: A, value: 1}]"),
        (WRONG, "env: [null]"),
        (WRONG, "stdin: 'yes'"),
        (WRONG, "tty: 1"),
        (WRONG, "ports: [{containerPort: '80'}]"),
        (WRONG, "ports: [{containerPort: 80.5}]"),
        (WRONG, "resources: {limits: {cpu: many}}"),
        (WRONG, "resources: {limits: {cpu: true}}"),
        (WRONG, "resources: {limits: {cpu: {}}}"),
        (WRONG, "resources: {limits: {cpu: ''}}"),
        (WRONG, "resources: {limits: {memory: 1GB}}"),
        (WRONG, "livenessProbe: {httpGet: {port: 1.5}}"),
        (WRONG, "livenessProbe: {httpGet: {port: true}}"),
        (WRONG, "livenessProbe: {httpGet: {port: 8589934592}}"),
        (MISSING, "ports: [{name: http}]"),
        (MISSING, "env: [{value: x}]"),
        (MISSING, "volumeMounts: [{name: x}]"),
        (MISSING, "env: [{name: A, valueFrom: {configMapKeyRef: {name: x}}}]"),
        (MISSING, "livenessProbe: {httpGet: {path: /}}"),
        (REPEATED, "volumeMounts: [{name: x, mountPath: /a}, {name: z, mountPath: /a}]"),
    ];
    let specs = [
        (GOOD, "tolerations: [{key: a, operator: Exists, tolerationSeconds: 5, effect: NoExecute}]"),
        (GOOD, "volumes: [{name: a, emptyDir: null}]"),
        (GOOD, "volumes: null, nodeSelector: null"),
        (UNKNOWN, "nodeselector: {a: b}"),
        (UNKNOWN, "affinity: {podAffinity: {required: []}}"),
        (WRONG, "tolerations: [{key: a, tolerationSeconds: '5'}]"),
        (WRONG, "volumes: {}"),
        (WRONG, "nodeSelector: []"),
        (WRONG, "nodeSelector: {a: true}"),
        (WRONG, "terminationGracePeriodSeconds: 1.5"),
        (WRONG, "hostNetwork: 'true'"),
        (MISSING, "volumes: [{emptyDir: {}}]"),
        (MISSING, "volumes: [{name: a, hostPath: {}}]"),
        (REPEATED, "volumes: [{name: a, emptyDir: {}}, {name: a, hostPath: {path: /}}]"),
        (REPEATED, "initContainers: [{name: b, image: a}, {name: b, image: c}]"),
    ];
    let containers = containers.map(|(lint, fields)| (lint, container(fields)));
    let specs = specs.map(|(lint, fields)| (lint, pod(fields)));
    let whole = [
        (GOOD, pod("") + "status: {conditions: [{type: a}]}"),
        (UNKNOWN, pod("") + "foo: 1"),
        (UNKNOWN, pod("") + "status: {foo: 1}"),
        (UNKNOWN, pod("").replace("{name: NAME}", "{name: NAME, lables: {a: b}}")),
        (WRONG, object("v1", "Pod", "spec: x")),
        (MISSING, object("v1", "Pod", "spec: {containers: null}")),
        (MISSING, object("v1", "Pod", "spec: {containers: [{image: b}]}")),
    ];
    [containers.to_vec(), specs.to_vec(), whole.to_vec()].concat()
}

fn workloads() -> Vec<Case> {
    let job = "spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}";
    let cron = "spec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: \
                [{name: a, image: b}]}}}}}";
    let scaler = "spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}";
    vec![
        (GOOD, deployment(TEMPLATE)),
        (GOOD, deployment(&format!("{TEMPLATE}, strategy: {{rollingUpdate: {{maxSurge: 25%, maxUnavailable: 0}}}}"))),
        (UNKNOWN, deployment(&format!("{TEMPLATE}, replica: 2"))),
        (WRONG, deployment(&format!("{TEMPLATE}, replicas: '2'"))),
        (WRONG, deployment(&format!("{TEMPLATE}, strategy: {{rollingUpdate: {{maxSurge: 0.5}}}}"))),
        (MISSING, deployment("template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}")),
        (MISSING, object("apps/v1", "Deployment", "")),
        (GOOD, object("apps/v1", "StatefulSet", &format!("spec: {{serviceName: a, {TEMPLATE}}}"))),
        (UNKNOWN, object("apps/v1", "StatefulSet", &format!("spec: {{servicename: a, {TEMPLATE}}}"))),
        (MISSING, object("apps/v1", "DaemonSet", "spec: {selector: {matchLabels: {a: b}}}")),
        (GOOD, object("batch/v1", "Job", job)),
        (WRONG, object("batch/v1", "Job", job).replace("spec: {template", "spec: {parallelism: two, template")),
        (GOOD, object("batch/v1", "CronJob", cron)),
        (MISSING, object("batch/v1", "CronJob", &cron.replace("schedule: '* * * * *', ", ""))),
        (GOOD, object("autoscaling/v2", "HorizontalPodAutoscaler", &format!("{scaler}}}"))),
        (
            MISSING,
            object("autoscaling/v2", "HorizontalPodAutoscaler", &format!("{scaler}}}").replace("maxReplicas: 2, ", "")),
        ),
        (
            UNKNOWN,
            object(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                &format!("{scaler}, targetCPUUtilizationPercentage: 5}}"),
            ),
        ),
        (
            GOOD,
            object(
                "autoscaling/v1",
                "HorizontalPodAutoscaler",
                &format!("{scaler}, targetCPUUtilizationPercentage: 5}}"),
            ),
        ),
        (GOOD, object("scheduling.k8s.io/v1", "PriorityClass", "description: x")),
        (WRONG, object("scheduling.k8s.io/v1", "PriorityClass", "value: high")),
        (
            GOOD,
            object("policy/v1", "PodDisruptionBudget", "spec: {minAvailable: 50%, selector: {matchLabels: {a: b}}}"),
        ),
        (WRONG, object("policy/v1", "PodDisruptionBudget", "spec: {minAvailable: [1]}")),
    ]
}

fn configuration() -> Vec<Case> {
    let claim = |more: &str| {
        object(
            "v1",
            "PersistentVolumeClaim",
            &format!("spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {more}}}}}}}"),
        )
    };
    let lease = |time: &str| object("coordination.k8s.io/v1", "Lease", &format!("spec: {{renewTime: {time}}}"));
    vec![
        (GOOD, object("v1", "ConfigMap", "data: {a: '1', b: null}\nimmutable: false")),
        (GOOD, object("v1", "ConfigMap", "binaryData: {a: YQ==}")),
        (WRONG, object("v1", "ConfigMap", "data: {a: 1}")),
        (WRONG, object("v1", "ConfigMap", "data: [a]")),
        (WRONG, object("v1", "ConfigMap", "binaryData: {a: '?'}")),
        (UNKNOWN, object("v1", "ConfigMap", "dat: {a: b}")),
        (UNKNOWN, object("v1", "ConfigMap", "spec: {}")),
        (GOOD, object("v1", "Secret", "data: {a: YQ==, b: null, c: \"YWJj\\nYWJj\", d: YR==}\nstringData: {e: x}")),
        (WRONG, object("v1", "Secret", "data: {a: '!!'}")),
        (WRONG, object("v1", "Secret", "data: {a: YQ}")),
        (WRONG, object("v1", "Secret", "data: {a: _-8=}")),
        (WRONG, object("v1", "Secret", "stringData: {a: 1}")),
        (UNKNOWN, object("v1", "Secret", "stringdata: {a: b}")),
        (GOOD, claim("1Gi")),
        (WRONG, claim("1gi")),
        (GOOD, lease("'2020-01-01T00:00:00.000000Z'")),
        (WRONG, lease("'2020-01-01T00:00:00Z'")),
        (WRONG, lease("''")),
        (GOOD, object("v1", "ServiceAccount", "automountServiceAccountToken: false")),
        (UNKNOWN, object("v1", "ServiceAccount", "automountServiceAccountTokens: false")),
        (GOOD, object("v1", "LimitRange", "spec: {limits: [{type: Container, max: {cpu: 1}}]}")),
        (MISSING, object("v1", "LimitRange", "spec: {limits: [{max: {cpu: 1}}]}")),
        (GOOD, object("v1", "ResourceQuota", "spec: {hard: {pods: 1, cpu: 500m}}")),
        (WRONG, object("v1", "ResourceQuota", "spec: {hard: {pods: few}}")),
        (GOOD, object("storage.k8s.io/v1", "StorageClass", "provisioner: a.b/c\nparameters: {a: b}")),
        (MISSING, object("storage.k8s.io/v1", "StorageClass", "parameters: {a: b}")),
    ]
}

fn access_and_network() -> Vec<Case> {
    let rbac = "rbac.authorization.k8s.io/v1";
    let network = "networking.k8s.io/v1";
    let ingress = |path: &str| {
        object(
            network,
            "Ingress",
            &format!("spec: {{rules: [{{host: a.example, http: {{paths: [{{path: /, {path}}}]}}}}]}}"),
        )
    };
    let webhook = |fields: &str| {
        let hook = format!(
            "{{name: a.b.example, admissionReviewVersions: [v1], clientConfig: {{url: 'https://a.example'}}, {fields}}}"
        );
        object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", &format!("webhooks: [{hook}]"))
    };
    vec![
        (GOOD, object("v1", "Service", "spec: {ports: [{port: 80, targetPort: http}], selector: {a: b}}")),
        (UNKNOWN, object("v1", "Service", "spec: {ports: [{port: 80}], slector: {}}")),
        (WRONG, object("v1", "Service", "spec: {ports: [{port: http}]}")),
        (WRONG, object("v1", "Service", "spec: {ports: {port: 80}}")),
        (MISSING, object("v1", "Service", "spec: {ports: [{name: a}]}")),
        (GOOD, object(rbac, "Role", "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]")),
        (MISSING, object(rbac, "Role", "rules: [{apiGroups: [''], resources: [pods]}]")),
        (WRONG, object(rbac, "Role", "rules: [{apiGroups: '', resources: [pods], verbs: [get]}]")),
        (GOOD, object(rbac, "RoleBinding", "roleRef: {kind: Role, name: a}\nsubjects: [{kind: User, name: a}]")),
        (MISSING, object(rbac, "RoleBinding", "subjects: [{kind: User, name: a}]")),
        (UNKNOWN, object(rbac, "RoleBinding", "roleRef: {kind: Role, name: a}\nsubject: [{kind: User, name: a}]")),
        (GOOD, object(network, "NetworkPolicy", "spec: {ingress: [{}]}")),
        (
            GOOD,
            object(network, "NetworkPolicy", "spec: {podSelector: {}, ingress: [{ports: [{port: 80}, {port: http}]}]}"),
        ),
        (UNKNOWN, object(network, "NetworkPolicy", "spec: {podSelector: {labels: {}}}")),
        (MISSING, object(network, "NetworkPolicy", "spec: {ingress: [{from: [{ipBlock: {}}]}]}")),
        (GOOD, ingress("pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}")),
        (MISSING, ingress("backend: {service: {name: a, port: {number: 80}}}")),
        (UNKNOWN, ingress("pathType: Prefix, backend: {serviceName: a, servicePort: 80}")),
        (GOOD, webhook("sideEffects: None, rules: []")),
        (MISSING, webhook("rules: []")),
        (WRONG, webhook("sideEffects: None, timeoutSeconds: '5'")),
    ]
}

fn custom_kinds() -> Vec<Case> {
    let cases = [
        (GOOD, "ratio: 1, flag: true, color: red, word: abc, list: [a]"),
        (GOOD, "ratio: 1.5, note: null, notes: [null], port: 80, any: null, empty: {}"),
        (GOOD, "port: http, any: {a: 1}, empty: {a: 1}, more: {known: 1, other: 2}, labels: {a: b}"),
        (GOOD, "whole: {apiVersion: v1, kind: X, metadata: {name: a}, other: 1}, defaults: {}, needs: {a: null}"),
        (GOOD, "part: {apiVersion: v1, kind: X, spec: {a: b}}, defaults: {a: null}"),
        (GOOD, "rules: [{name: a}, {name: a, kind: B}, {name: b}], port: 8589934592"),
        (UNKNOWN, "sise: 1"),
        (UNKNOWN, "part: {apiVersion: v1, kind: X, data: 1}"),
        (UNKNOWN, "whole: {apiVersion: v1, kind: X, metadata: {nme: a}}"),
        (WRONG, "ratio: '1'"),
        (WRONG, "flag: 'yes'"),
        (WRONG, "color: 1"),
        (WRONG, "flag: null"),
        (WRONG, "list: [null]"),
        (WRONG, "list: [1]"),
        (WRONG, "labels: {a: 1}"),
        (WRONG, "labels: {a: null}"),
        (WRONG, "port: true"),
        (WRONG, "port: 1.5"),
        (WRONG, "port: null"),
        (WRONG, "more: {known: x}"),
        (WRONG, "whole: {apiVersion: v1, kind: X, metadata: {name: 1}}"),
        (WRONG, "rules: [null]"),
        (MISSING, "whole: {apiVersion: v1}"),
        (MISSING, "needs: {}"),
        (REPEATED, "rules: [{name: a}, {name: a, kind: A}]"),
        (INVALID, "color: green"),
        (INVALID, "word: A"),
        (INVALID, "word: abcdef"),
        (INVALID, "list: [a, b, c]"),
    ];
    let thing = |more: &str| object("GROUP/v1", "Thing", more);
    let mut all: Vec<Case> = cases.map(|(lint, fields)| (lint, thing(&format!("spec: {{size: 1, {fields}}}")))).into();
    all.extend([
        (WRONG, thing("spec: {size: 1.5}")),
        (INVALID, thing("spec: {size: 6}")),
        (INVALID, thing("spec: {size: 0}")),
        (MISSING, thing("spec: {}")),
        (MISSING, thing("")),
        (WRONG, thing("spec: null")),
        (UNKNOWN, thing("spec: {size: 1}\nmore: 1")),
        (GOOD, thing("spec: {size: 1}\nstatus: {}")),
        (GOOD, thing("spec: {size: 1}\nstatus: {ready: null}")),
        (UNKNOWN, thing("spec: {size: 1}\nstatus: {raedy: true}")),
        (WRONG, thing("spec: {size: 1}\nstatus: {ready: 1}")),
        (GOOD, object("GROUP/v1", "Plain", "status: {ready: true}")),
        (MISSING, object("GROUP/v1", "Plain", "status: {}")),
    ]);
    all
}

fn definitions() -> Vec<Case> {
    let definition = |schema: &str| {
        let versions = format!("[{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}]");
        let spec = format!(
            "spec: {{group: NAME.example, scope: Cluster, names: {{kind: A, plural: as}}, versions: {versions}}}"
        );
        object("apiextensions.k8s.io/v1", "CustomResourceDefinition", &spec)
            .replace("name: NAME", "name: as.NAME.example")
    };
    let nested = "{type: object, properties: {spec: {type: object, default: {a: [1]}, properties: {a: {type: array, items: {type: \
                  integer, enum: [1, 2]}}, b: {type: object, additionalProperties: {type: string}}, c: {type: object, \
                  x-kubernetes-preserve-unknown-fields: true}}}}}";
    vec![
        (GOOD, definition(nested)),
        (UNKNOWN, definition("{type: object, properties: {spec: {type: object, propertys: {}}}}")),
        (WRONG, definition("{type: object, properties: {spec: {type: [object]}}}")),
        (MISSING, definition("{type: object}").replace("scope: Cluster, ", "")),
    ]
}
