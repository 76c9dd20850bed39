//! Every rule with a change in which it objects, and one in which it does not.
//!
//! A case is three texts of manifests: before, a change that the rule objects to, and one that it does not. The last test
//! makes sure that no rule is without one.

use std::collections::BTreeSet;

use crate::graph::ResourceGraph;
use crate::lock::{Lock, Request};
use crate::manifest;

use super::super::rule::RULES;
use super::super::tests::{World, reviewed};
use super::super::{Day, Outcome, Pair, Settings, Side, SideName, Whole, review};

/// What stands for the application being absent.
const ABSENT: &str = "absent";

/// What stands for a side that does not compile.
const FAILED: &str = "failed";

struct Case {
    rule: &'static str,
    base: String,
    fires: String,
    quiet: String,
}

fn case(rule: &'static str, base: impl Into<String>, fires: impl Into<String>, quiet: impl Into<String>) -> Case {
    Case { rule, base: base.into(), fires: fires.into(), quiet: quiet.into() }
}

/// The names of the rules that object.
fn found(base: &str, head: &str, whole: &Whole) -> BTreeSet<String> {
    let graph = |text: &str| {
        let (manifests, findings) = manifest::read("a.yaml", text.as_bytes());
        let is_empty = text.is_empty() || text == ABSENT || text == FAILED;
        assert!(is_empty || !manifests.is_empty(), "{findings:?}\n{text}");
        ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
    };
    let (base_graph, head_graph) = (graph(base), graph(head));
    let outcome = |text: &str, graph| match text {
        ABSENT => Outcome::Absent,
        FAILED => Outcome::Failed { findings: &[], error: "1 error" },
        _ => Outcome::Compiled(Side { graph, origins: &[] }),
    };
    let pair =
        Pair { application: "shop", base: outcome(base, &base_graph), head: outcome(head, &head_graph), files: &[] };
    let today = Day::new(2026, 6, 1).expect("a day");
    let review = review(SideName::default(), SideName::default(), &[pair], whole, today);
    let of_applications = review.applications.iter().flat_map(|application| &application.risks);
    review.risks.iter().chain(of_applications).map(|risk| risk.rule.clone()).collect()
}

fn object(version: &str, kind: &str, name: &str, rest: &str) -> String {
    format!("---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n{rest}\n")
}

fn cluster(version: &str, kind: &str, name: &str, rest: &str) -> String {
    format!("---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n{rest}\n")
}

/// A Deployment whose Pods have one container.
fn web(container: &str, pod: &str) -> String {
    web_with("replicas: 2, ", container, pod)
}

fn web_with(spec: &str, container: &str, pod: &str) -> String {
    let template =
        format!("{{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: web{container}}}]{pod}}}}}");
    let rest = format!("spec: {{{spec}selector: {{matchLabels: {{app: web}}}}, template: {template}}}");
    object("apps/v1", "Deployment", "web", &rest)
}

fn image(image: &str) -> String {
    web(&format!(", image: '{image}'"), "")
}

fn service(rest: &str) -> String {
    object("v1", "Service", "web", &format!("spec: {{{rest}, ports: [{{port: 80}}]}}"))
}

fn claim(size: &str) -> String {
    object("v1", "PersistentVolumeClaim", "data", &format!("spec: {{resources: {{requests: {{storage: {size}}}}}}}"))
}

fn map(value: &str) -> String {
    object("v1", "ConfigMap", "cfg", &format!("data: {{k: '{value}'}}"))
}

fn role(rules: &str) -> String {
    cluster("rbac.authorization.k8s.io/v1", "ClusterRole", "ops", &format!("rules: [{rules}]"))
}

fn binding(role: &str, subjects: &str) -> String {
    let reference = format!("roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}");
    cluster(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "ops",
        &format!("{reference}\nsubjects: [{subjects}]"),
    )
}

fn definition(versions: &str) -> String {
    let names = "names: {kind: Thing, plural: things}, group: acme.io, scope: Namespaced";
    cluster(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "things.acme.io",
        &format!("spec: {{{names}, versions: [{versions}]}}"),
    )
}

fn version(name: &str, served: bool, storage: bool, size: &str) -> String {
    let schema =
        format!("{{type: object, properties: {{spec: {{type: object, properties: {{size: {{type: {size}}}}}}}}}}}");
    format!("{{name: {name}, served: {served}, storage: {storage}, schema: {{openAPIV3Schema: {schema}}}}}")
}

fn ingress(path: &str, tls: &str) -> String {
    let backend = "backend: {service: {name: web, port: {number: 80}}}";
    let rules =
        format!("rules: [{{host: a.example.com, http: {{paths: [{{path: {path}, pathType: Prefix, {backend}}}]}}}}]");
    object("networking.k8s.io/v1", "Ingress", "web", &format!("spec: {{{rules}{tls}}}"))
}

fn budget(rest: &str) -> String {
    object(
        "policy/v1",
        "PodDisruptionBudget",
        "web",
        &format!("spec: {{{rest}, selector: {{matchLabels: {{app: web}}}}}}"),
    )
}

fn autoscaler() -> String {
    let target = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}";
    object("autoscaling/v2", "HorizontalPodAutoscaler", "web", &format!("spec: {{{target}, maxReplicas: 9}}"))
}

fn webhook(rest: &str) -> String {
    let rules = "rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]";
    let hook = format!("webhooks: [{{name: a.acme.io, {rules}{rest}}}]");
    cluster("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "acme", &hook)
}

fn many(count: usize, value: &str) -> String {
    (0..count).map(|at| object("v1", "ConfigMap", &format!("m{at}"), &format!("data: {{k: '{value}'}}"))).collect()
}

fn labelled(level: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{pod-security.kubernetes.io/enforce: {level}}}}}\n"
    )
}

fn finalizer(names: &str) -> String {
    format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: cfg, finalizers: [{names}]}}\n")
}

fn chart(version: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: cfg, labels: {{helm.sh/chart: redis-{version}}}}}\n"
    )
}

fn stateful(name: &str, rest: &str) -> String {
    let template = "template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: 'db:1'}]}}";
    let spec = format!("spec: {{serviceName: db, selector: {{matchLabels: {{app: db}}}}, {template}{rest}}}");
    object("apps/v1", "StatefulSet", name, &spec)
}

fn secure(context: &str) -> String {
    web(&format!(", image: 'web:1', securityContext: {{{context}}}"), "")
}

fn of_data() -> Vec<Case> {
    let namespace = || cluster("v1", "Namespace", "shop", "");
    let kept = "  annotations: {helm.sh/resource-policy: keep}\nspec: {resources: {requests: {storage: 1Gi}}}\n";
    let kept = format!("---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: kept\n{kept}");
    let volume = || cluster("v1", "PersistentVolume", "data", "spec: {capacity: {storage: 1Gi}}");
    let policy = || object("networking.k8s.io/v1", "NetworkPolicy", "deny", "spec: {podSelector: {}}");
    let reads = web(", image: 'web:1', envFrom: [{configMapRef: {name: cfg}}]", "");
    vec![
        case("application-removed", map("1"), ABSENT, map("2")),
        case("claim-removed", format!("{}{kept}", claim("1Gi")), kept.clone(), claim("1Gi")),
        case("claim-shrinks", claim("10Gi"), claim("5Gi"), claim("10240Mi")),
        case("volume-removed", volume(), "", volume()),
        case("namespace-removed", format!("{}{}", namespace(), map("1")), map("1"), namespace()),
        case("network-policy-removed", policy(), map("1"), format!("{}{}", policy(), map("1"))),
        case("stateful-set-removed", stateful("db", ""), "", stateful("db", ", minReadySeconds: 1")),
        case("renamed", stateful("db", ""), stateful("pg", ""), stateful("db", ", replicas: 2")),
        case(
            "reference-dangles",
            format!("{}{reads}", map("1")),
            reads.clone(),
            format!("{}{}", map("1"), image("web:1")),
        ),
        case("many-removed", many(12, "1"), many(2, "1"), many(8, "1")),
        case("large-change", many(60, "1"), many(60, "2"), many(59, "1")),
        case("does-not-compile", map("1"), FAILED, map("2")),
        case(
            "disruption-budget-removed",
            format!("{}{}", budget("maxUnavailable: 1"), image("web:1")),
            image("web:1"),
            "",
        ),
        case(
            "definition-removed",
            definition(&version("v1", true, true, "string")),
            "",
            definition(&version("v1", true, true, "integer")),
        ),
        case(
            "immutable-field",
            stateful("db", ""),
            stateful("db", ", podManagementPolicy: Parallel").replace("serviceName: db", "serviceName: other"),
            stateful("db", ", replicas: 3"),
        ),
        case("finalizer-added", finalizer("a.io/x"), finalizer("a.io/x, a.io/y"), finalizer("")),
        case(
            "plain-secret",
            map("1"),
            format!("{}{}", map("1"), object("v1", "Secret", "s", "stringData: {a: b}")),
            format!("{}{}", map("1"), object("v1", "Secret", "s", "type: Opaque")),
        ),
        case(
            "config-not-reloaded",
            format!("{}{reads}", map("1")),
            format!("{}{reads}", map("2")),
            format!("{}{}", map("2"), reads.replace("web:1", "web:2")),
        ),
    ]
}

fn of_pods() -> Vec<Case> {
    let probe = ", image: 'web:1', readinessProbe: {httpGet: {path: /, port: 80}}";
    let memory = ", image: 'web:1', resources: {limits: {memory: 1Gi}}";
    vec![
        case("privileged", image("web:1"), secure("privileged: true"), secure("privileged: false")),
        case(
            "capability-added",
            secure("capabilities: {add: [CHOWN]}"),
            secure("capabilities: {add: [CHOWN, NET_ADMIN]}"),
            secure("capabilities: {drop: [ALL]}"),
        ),
        case(
            "escalation-allowed",
            secure("allowPrivilegeEscalation: false, runAsNonRoot: true"),
            secure("allowPrivilegeEscalation: false"),
            secure("allowPrivilegeEscalation: false, runAsNonRoot: true, readOnlyRootFilesystem: true"),
        ),
        case(
            "host-access",
            web(", image: 'web:1'", ""),
            web(", image: 'web:1'", ", volumes: [{name: v, hostPath: {path: /}}]"),
            web(", image: 'web:1'", ", hostNetwork: false, volumes: [{name: v, emptyDir: {}}]"),
        ),
        case("probe-removed", web(probe, ""), image("web:1"), web(&probe.replace("80", "81"), "")),
        case("limit-removed", web(memory, ""), image("web:1"), web(&memory.replace("1Gi", "2Gi"), "")),
        case(
            "pod-security-lowered",
            labelled("restricted"),
            labelled("baseline"),
            labelled("restricted").replace("shop,", "shop, annotations: {a: b},"),
        ),
        case(
            "scaled-to-zero",
            image("web:1"),
            web_with("replicas: 0, ", ", image: 'web:1'", ""),
            web_with("replicas: 1, ", ", image: 'web:1'", ""),
        ),
        case(
            "replicas-and-autoscaler",
            image("web:1"),
            format!("{}{}", image("web:1"), autoscaler()),
            format!("{}{}", web_with("", ", image: 'web:1'", ""), autoscaler()),
        ),
        case(
            "disruption-budget-blocks",
            image("web:1"),
            format!("{}{}", image("web:1"), budget("minAvailable: 2")),
            format!("{}{}", image("web:1"), budget("minAvailable: 1")),
        ),
    ]
}

fn of_images() -> Vec<Case> {
    vec![
        case("image-mutable", image("web:1"), image("web:latest"), image("web:1.1")),
        case("image-moved", image("web:1"), image("evil.example.com/web:1"), image("docker.io/library/web:1")),
        case("digest-dropped", image("web:1@sha256:00"), image("web:1"), image("web:1@sha256:11")),
        case(
            "major-version",
            format!("{}{}", image("web:1.9"), chart("1.0.0")),
            format!("{}{}", image("web:1.9"), chart("2.0.0")),
            format!("{}{}", image("web:1.10"), chart("1.1.0")),
        ),
        case("version-lowered", image("web:1.9"), image("web:1.8"), image("web:1.10")),
    ]
}

fn of_rights() -> Vec<Case> {
    let rule = |verb: &str| format!("{{apiGroups: [''], resources: [pods], verbs: [{verb}]}}");
    let secrets = "{apiGroups: [''], resources: [secrets], verbs: [get]}";
    let named = secrets.replace("verbs", "resourceNames: [a], verbs");
    let account = "{kind: ServiceAccount, name: a, namespace: shop}";
    let group = "{kind: Group, name: 'system:authenticated', apiGroup: rbac.authorization.k8s.io}";
    vec![
        case("rights-widened", role(&rule("get, list")), role(&rule("get, delete")), role(&rule("list"))),
        case(
            "rights-escalate",
            role(&rule("get")),
            role(&format!("{}, {secrets}", rule("get"))),
            role(&format!("{}, {named}", rule("get"))),
        ),
        case(
            "encrypted-unseen",
            map("1"),
            binding("view", account) + "sops: {mac: x, lastmodified: z}\nmore: 'ENC[AES256_GCM,data:a'\n",
            object("v1", "Secret", "s", "data: {a: 'ENC[AES256_GCM,data:a'}\nsops: {mac: x, lastmodified: z}"),
        ),
        case("cluster-admin-bound", map("1"), binding("cluster-admin", account), binding("view", account)),
        case(
            "everybody-bound",
            binding("view", account),
            binding("view", &format!("{account}, {group}")),
            binding("view", account),
        ),
        case(
            "subject-added",
            binding("view", account),
            binding("view", &format!("{account}, {}", account.replace("name: a", "name: b"))),
            binding("view", ""),
        ),
    ]
}

fn of_network() -> Vec<Case> {
    let selects = || format!("{}{}", service("selector: {app: web}"), image("web:1"));
    let tls = ", tls: [{hosts: [a.example.com], secretName: t}]";
    vec![
        case(
            "service-exposed",
            service("selector: {app: web}"),
            service("type: LoadBalancer, selector: {app: web}"),
            service("type: ClusterIP, selector: {app: web}"),
        ),
        case(
            "selects-nothing",
            selects(),
            format!("{}{}", service("selector: {app: wep}"), image("web:1")),
            format!("{}{}", service("selector: {app: web}"), image("web:2")),
        ),
        case("route-removed", ingress("/cart", ""), ingress("/basket", ""), ingress("/", "")),
        case("tls-removed", ingress("/", tls), ingress("/", ""), ingress("/", &tls.replace(": t", ": u"))),
        case(
            "webhook-fails-closed",
            webhook(", failurePolicy: Ignore"),
            webhook(""),
            webhook(", failurePolicy: Fail, objectSelector: {matchLabels: {a: b}}"),
        ),
    ]
}

fn of_definitions() -> Vec<Case> {
    let one = |size: &str| definition(&version("v1", true, true, size));
    let two = |served: bool, storage: bool| {
        definition(&format!(
            "{}, {}",
            version("v1", served, storage, "string"),
            version("v2", true, !storage, "string")
        ))
    };
    vec![
        case("definition-narrowed", one("integer"), one("string"), one("number")),
        case("definition-version-removed", two(true, false), two(false, false), two(true, true)),
        case("definition-storage-changed", two(true, true), two(true, false), two(true, true)),
    ]
}

fn cases() -> Vec<Case> {
    [of_data(), of_pods(), of_images(), of_rights(), of_network(), of_definitions()].into_iter().flatten().collect()
}

#[test]
fn every_rule_objects_where_it_should_and_only_there() {
    let mut wrong = Vec::new();
    for Case { rule, base, fires, quiet } in cases() {
        let objects = |head: &str| found(&base, head, &Whole::default());
        if !objects(&fires).contains(rule) {
            wrong.push(format!("{rule} does not object, only {:?}", objects(&fires)));
        }
        if objects(&quiet).contains(rule) {
            wrong.push(format!("{rule} objects to what is harmless"));
        }
        if objects(&base).contains(rule) {
            wrong.push(format!("{rule} objects to what is as it was"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_older_side_that_is_not_known_is_a_risk() {
    let objects = |base: &str| found(base, &map("1"), &Whole::default()).contains("base-unknown");
    assert!(objects(FAILED) && !objects(ABSENT) && !objects(&map("2")));
}

#[test]
fn who_holds_a_role_is_told() {
    let role = |verbs: &str, rest: &str| {
        let rules = format!("rules: [{{apiGroups: [''], resources: [pods], verbs: [{verbs}]}}]");
        format!("{}{rest}", object("rbac.authorization.k8s.io/v1", "Role", "ops", &rules))
    };
    let binding = |name: &str, namespace: &str, users: &str| {
        let users: Vec<String> = users.split(' ').map(|user| format!("{{kind: User, name: {user}}}")).collect();
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n\
             metadata: {{name: {name}, namespace: {namespace}}}\nroleRef: {{kind: Role, name: ops}}\nsubjects: [{}]\n",
            users.join(", ")
        )
    };
    let evidence = |rest: &str| {
        let review = reviewed(&World::new(&role("get", rest)), &World::new(&role("get, list", rest)), "");
        review.applications[0].risks[0].evidence.clone()
    };
    assert_eq!(evidence(""), "gains list pods");
    assert_eq!(evidence(&binding("a", "other", "ann")), "gains list pods", "a role of another namespace");
    assert_eq!(evidence(&binding("a", "shop", "ann")), "gains list pods, held by User ann");
    let both = format!("{}{}", binding("a", "shop", "ann bob"), binding("b", "shop", "bob cem dee"));
    assert_eq!(evidence(&both), "gains list pods, held by User ann, User bob, User cem and 1 more");
    let all = both.replace("name: dee", "name: 'system:anonymous'");
    assert!(evidence(&all).contains("held by User system:anonymous, User ann"), "everybody comes first");
    let unbound = binding("a", "shop", "ann").replace(", namespace: shop", "");
    assert_eq!(evidence(&unbound), "gains list pods, held by User ann", "it goes where the application goes");
    let of_cluster = |verbs: &str| {
        let rules = format!("rules: [{{apiGroups: [''], resources: [pods], verbs: [{verbs}]}}]");
        let everywhere = binding("a", "shop", "bob").replace("kind: Role,", "kind: ClusterRole,");
        let other = binding("b", "other", "ann").replace("kind: Role,", "kind: ClusterRole,");
        World::new(&format!(
            "{}{everywhere}{other}",
            cluster("rbac.authorization.k8s.io/v1", "ClusterRole", "ops", &rules)
        ))
    };
    let review = reviewed(&of_cluster("get"), &of_cluster("get, list"), "");
    assert!(
        review.applications[0].risks[0].evidence.ends_with(", held by User ann in other, User bob in shop"),
        "wherever they are bound"
    );
}

#[test]
fn nothing_hides_among_many_rights() {
    let objects = |old: &str, new: &str| found(&role(old), &role(new), &Whole::default());
    let rule = |verbs: &str, resources: &str, names: &str| {
        format!("{{apiGroups: [''], resources: [{resources}], verbs: [{verbs}], resourceNames: [{names}]}}")
    };
    let list = |prefix: &str, count: usize| (0..count).map(|at| format!("{prefix}{at}")).collect::<Vec<_>>().join(", ");
    let everything = "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}";
    let padding = rule(&list("v", 30), &list("r", 30), &list("n", 30));
    // A name of `*` is a name.
    let (star, more) = (rule("get", "secrets", "'*'"), rule("get", "secrets", "'*', db"));
    assert!(objects(&star, &more).contains("rights-widened"));
    for resources in ["'*'", "'*/exec'", "pods/exec"] {
        assert!(objects("", &rule("create", resources, "")).contains("rights-escalate"), "{resources}");
    }
    for new in [format!("{padding}, {everything}"), format!("{everything}, {padding}"), padding.clone()] {
        assert!(objects(&rule("get", "pods", ""), &new).contains("rights-escalate"), "{} letters", new.len());
    }
    assert!(objects(&padding, &rule("get", "pods", "")).contains("rights-widened"));
    assert!(objects(&padding, &format!("{padding}, {everything}")).contains("rights-escalate"));
    let account = "{kind: ServiceAccount, name: a, namespace: shop}";
    let bound = |rules: &str| format!("{}{}", role(rules), binding("ops", account));
    let binds = |rules: &str| found("", &bound(rules), &Whole::default()).contains("cluster-admin-bound");
    assert!(binds(&format!("{padding}, {everything}")) && binds(&padding) && !binds(&rule("get", "pods", "")));
}

#[test]
fn roles_gain_by_aggregation_without_a_binding() {
    let with = |name: &str, rest: &str| {
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\n{rest}\n"
        )
    };
    let objects = |base: &str, head: &str| found(base, head, &Whole::default());
    let all = with("all", "aggregationRule: {clusterRoleSelectors: [{matchLabels: {}}]}\nrules: []");
    assert!(
        objects("", &all).contains("rights-escalate")
            && objects(&with("all", "rules: []"), &all).contains("rights-escalate")
    );
    assert!(!objects(&all, &all.replace("name: all", "name: all, labels: {a: b}")).contains("rights-escalate"));
    let joined =
        role("").replace("{name: ops}", "{name: ops, labels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}}");
    assert!(objects("", &joined).contains("rights-widened") && objects(&role(""), &joined).contains("rights-widened"));
    assert!(!objects("", &role("")).contains("rights-widened"));
}

/// A beginning is looked up, not searched for: this must not take minutes.
#[test]
fn many_long_paths_are_compared_soon() {
    let paths: Vec<String> = (0..140).map(|at| format!("/{}{at}", "p".repeat(500))).collect();
    let verbs: Vec<String> = (0..140).map(|at| format!("v{at}")).collect();
    let rules = format!("{{nonResourceURLs: [{}], verbs: [{}]}}", paths.join(", "), verbs.join(", "));
    assert!(
        found(&role("{nonResourceURLs: ['/q*'], verbs: ['*']}"), &role(&rules), &Whole::default())
            .contains("rights-widened")
    );
}

#[test]
fn what_a_role_had_already_is_not_gained() {
    let widens = |old: &str, new: &str| {
        let found = found(&role(old), &role(new), &Whole::default());
        found.iter().any(|rule| rule.starts_with("rights-"))
    };
    let rule = |resources: &str| format!("{{apiGroups: [apps], resources: [{resources}], verbs: [get]}}");
    let url = |urls: &str| format!("{{nonResourceURLs: [{urls}], verbs: [get]}}");
    let named = rule("deployments").replace("verbs", "resourceNames: [a], verbs");
    for (old, new) in [
        (rule("'*'"), rule("deployments, deployments/scale")),
        (rule("'*/scale'"), rule("deployments/scale")),
        (rule("deployments"), named.clone()),
        (rule("deployments").replace("[apps]", "['*']"), rule("deployments")),
        (rule("deployments").replace("[get]", "['*']"), rule("deployments")),
        (url("'*'"), url("/healthz")),
        (url("'/healthz/*'"), url("/healthz/etcd")),
        (url("'/healthz*'"), url("/healthz")),
    ] {
        assert!(!widens(&old, &new), "{old} {new}");
        assert!(widens(&new, &old), "{new} {old}");
    }
    // No `*` but these is more than a name.
    assert!(widens(&rule("'deployments/*'"), &rule("deployments/scale")));
    assert!(widens(&rule("'*'"), &url("/healthz")));
    assert!(widens(&url("'/healthz/*'"), &url("/healthz")));
}

#[test]
fn what_the_newer_side_accepts_is_a_risk() {
    let read = |text: &str| Settings::read("review.yaml", text.as_bytes());
    let accepts = "accept: [{rule: renamed, resource: '*', until: 2030-01-01, reason: x}]";
    let objects = |new| {
        let whole = Whole { new_settings: Some(new), ..Whole::default() };
        found(&map("1"), &map("1"), &whole).contains("acceptance-changed")
    };
    assert!(objects(read(accepts)) && objects(read("rules: {renamed: off}")) && objects(read("nonsense: 1")));
    assert!(!objects(read("")) && !objects(read("rules: {renamed: block}")));
}

#[test]
fn inputs_from_a_new_host_are_a_risk() {
    let lock = |addresses: &[&str]| {
        let file = addresses.iter().map(|address| {
            let request = Request::git(address, "main");
            let pin = crate::lock::Pin::Git { commit: "0".repeat(40).parse().expect("an oid") };
            (request, pin)
        });
        let mut lock = Lock::default();
        file.for_each(|(request, pin)| lock.insert(request, pin));
        lock
    };
    let old = ["https://git.example.com/a"];
    let objects = |new: &[&str]| {
        let whole = Whole { locks: Some((lock(&old), lock(new))), ..Whole::default() };
        found(&map("1"), &map("1"), &whole).contains("lock-host-added")
    };
    assert!(objects(&["https://git.example.com/a", "https://evil.example.com/a"]));
    assert!(objects(&["git@evil.example.com:a"]) && objects(&["https://git.example.com@evil.example.com/a"]));
    assert!(!objects(&["https://bot@git.example.com/b"]) && !objects(&["git@git.example.com:c"]) && !objects(&[]));
}

#[test]
fn no_rule_is_without_a_case() {
    let elsewhere = ["acceptance-changed", "base-unknown", "lock-host-added"];
    let told: BTreeSet<&str> = cases().iter().map(|case| case.rule).chain(elsewhere).collect();
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(told, all);
}
