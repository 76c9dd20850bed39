//! Bytes of a record, and answers of a cluster, that a stranger may have written: nothing panics, and memory is bounded.
//!
//! `GITOPS_LONG=1` runs a million mutations of each target; else a short slice. `gitops_testdata::fuzz` runs and counts,
//! `targets` says what is done and what must hold, `json` mutates what random bytes would never get past. Packed parts
//! are tried twice: as they lie, and below their compression.

mod json;
mod targets;

use gitops_compiler::canon::{Encoder, Value};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::manifest;
use gitops_testdata::fuzz::{Heap, PeakAlloc, mutate, turn};
use kubectl_gitops::record::{Head, pack};
use targets::Part;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What typed JSON may take of memory.
const DECODED: Heap = Heap { for_any_input: 256 << 10, for_each_byte: 1 << 10 };

/// The same of what is unpacked first: small input may unpack to much, up to the limit of its kind.
const UNPACKED: Heap = Heap { for_any_input: 1 << 30, for_each_byte: 1 << 10 };

const HEAD: &str = include_str!("head.json");

/// What the head's graphs are like.
const MANIFESTS: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: YQ==}\n---\napiVersion: apps/v1\nkind: \
     Deployment\nmetadata: {name: b}\nspec: {template: {spec: {containers: [{name: c, envFrom: [{secretRef: {name: a}}]}]}}}\n";

const INVENTORY: &str = r#"{
    "/Secret/n/a": {"uid": "u", "fields": "f:0", "applied": "r1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                    "apiVersion": "v1", "created": true},
    "apps/Deployment/n/c": {"uid": "v", "fields": "v:1", "applied": "r1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                            "apiVersion": "apps/v1", "created": false}}"#;

/// Live objects, each with what its rule looks at.
const LIVE: [&str; 6] = [
    r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2, "uid": "u", "managedFields": [
        {"manager": "m", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}}}]},
        "spec": {"replicas": 3}, "status": {"observedGeneration": "2", "replicas": 3, "updatedReplicas": 1, "conditions": [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "m"}]}}"#,
    r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"restartPolicy": "Always"}, "status": {
        "phase": "Running", "containerStatuses": [{"name": "c", "ready": false, "restartCount": 9, "state": {"waiting": {
        "reason": "ImagePullBackOff", "message": "Back-off"}}, "lastState": {"terminated": {"exitCode": 137}}}]}}"#,
    r#"{"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": {"suspend": false}, "status": {"conditions": [
        {"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}]}}"#,
    r#"{"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"annotations": {
        "autoscaling.alpha.kubernetes.io/conditions": "[{\"type\":\"AbleToScale\",\"status\":\"False\",\"reason\":\"x\"}]"}}}"#,
    r#"{"apiVersion": "x.io/v1", "kind": "A", "metadata": {"generation": 1}, "status": {"observedGeneration": 1, "phase": "Ready",
        "conditions": [{"type": "Ready", "status": "Unknown", "observedGeneration": 9, "message": "a\u001b[31m"}]}}"#,
    r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"generation": 1}, "status": {"listeners": [
        {"name": "l", "conditions": [{"type": "Programmed", "status": "False"}]}], "conditions": []}}"#,
];

const FAILURES: [&str; 2] = [
    r#"{"kind": "Status", "status": "Failure", "message": "Apply failed with 1 conflict", "reason": "Conflict", "code": 409,
        "details": {"name": "a", "causes": [{"reason": "FieldManagerConflict", "message":
        "conflict with \"kubectl-edit\" using apps/v1 at 2026-01-01T00:00:00Z", "field": ".spec.replicas"}]}}"#,
    r#"{"kind": "Status", "status": "Failure", "message": "namespaces \"a\" not found", "reason": "NotFound", "code": 404,
        "details": {"name": "a", "kind": "namespaces"}}"#,
];

fn graph() -> ResourceGraph {
    let (manifests, _) = manifest::read("a.yaml", MANIFESTS.as_bytes());
    ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
}

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn heads() {
    let turn = turn();
    serde_json::from_str::<Head>(HEAD).expect("the seed is a head");
    turn.run("head", DECODED, &seeds(&[HEAD]), json::mutate, targets::head);
}

/// A lock until the last second of the calendar, a release with the last number: neither is a panic.
#[test]
fn heads_at_the_ends_of_times_and_numbers() {
    let replaced = [
        (r#""expires": "2026-01-01T00:00:00Z""#, r#""expires": "9999-12-30T22:00:00Z""#),
        (r#""leaseSeconds": 90"#, r#""leaseSeconds": 18446744073709551615"#),
        (r#""requestTimeoutSeconds": 30"#, r#""requestTimeoutSeconds": 18446744073709551615"#),
        (r#""number": 2"#, r#""number": 18446744073709551615"#),
    ];
    let text = replaced.iter().fold(HEAD.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
    let head: Head = serde_json::from_str(&text).expect("a head");
    assert!(
        head.foreign_lock(jiff::Timestamp::now()).is_some_and(|lock| lock.request_timeout_seconds == u64::MAX),
        "it is never over"
    );
    assert_eq!(head.next_number(), u64::MAX);
    targets::head(text.as_bytes());
}

#[test]
fn live_objects() {
    let turn = turn();
    turn.run("live object", DECODED, &seeds(&LIVE), json::mutate, targets::live);
}

#[test]
fn failures_of_a_server() {
    let turn = turn();
    turn.run("failure", DECODED, &seeds(&FAILURES), json::mutate, targets::failure);
}

#[test]
fn plans() {
    let turn = turn();
    let graph = graph();
    turn.run("plan", DECODED, &seeds(&[INVENTORY]), json::mutate, |data| targets::plan(&graph, data));
}

#[test]
fn layers_as_they_lie() {
    let turn = turn();
    let (graph, empty) = (graph(), ResourceGraph::empty());
    let whole = pack::graph(&graph, None).expect("packed");
    let change = pack::graph(&graph, Some(&empty)).expect("packed");
    let base = empty.encode();
    turn.run("layer", UNPACKED, &[whole, change], mutate, |data| targets::layer(data, &base, graph.id()));
}

#[test]
fn other_parts_as_they_lie() {
    let turn = turn();
    let packed = |text: &str| zstd::encode_all(text.as_bytes(), 3).expect("packed");
    turn.run("packed part", UNPACKED, &[packed(INVENTORY), packed("[\"/Secret/n/a\"]")], mutate, |data| {
        for part in [Part::Inventory, Part::Keys, Part::Bodies] {
            targets::part(part, data);
        }
    });
}

#[test]
fn inventories_below_their_compression() {
    let turn = turn();
    turn.run("inventory", UNPACKED, &seeds(&[INVENTORY]), json::mutate, |data| targets::below(Part::Inventory, data));
}

#[test]
fn keys_below_their_compression() {
    let turn = turn();
    let keys = r#"["/Secret/n/a", "apps/Deployment/n/b", "/Namespace//n"]"#;
    turn.run("keys", UNPACKED, &seeds(&[keys]), json::mutate, |data| targets::below(Part::Keys, data));
}

#[test]
fn bodies_below_their_compression() {
    let turn = turn();
    let bodies = graph().resources().iter().map(|resource| (*resource.body).clone()).collect::<Vec<_>>();
    let seed = Encoder::encode(&Value::Array(bodies));
    turn.run("bodies", UNPACKED, &[seed], mutate, |data| targets::below(Part::Bodies, data));
}
