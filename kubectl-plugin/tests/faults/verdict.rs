//! Whether a case has come to rest where it should: asked of the API server, object by object.
//!
//! In: a case, the graph that should be there. Out: what is wrong, one line each.

use std::collections::{BTreeMap, BTreeSet};

use gitops_testdata::faults::Exchange;
use serde_json::Value as Json;

use super::application::{Graph, collections, own_namespace, path};
use super::case::{Case, Goal, Run};

const MEMBER: &str = "applyset.kubernetes.io/part-of";
const TARGET: &str = "kubectl-gitops/target";

/// What is wrong where this graph should be there, and nothing else of ours.
pub(crate) fn wrong(case: &Case, graph: Graph) -> Vec<String> {
    let head = case.head();
    let mut wrong = unsettled(&head);
    let inventory = inventory(&head);
    wrong.extend(unlike(case, graph, &inventory));
    wrong.extend(left_over(case, graph, &head, &inventory));
    wrong.extend(hooks(case, &head));
    wrong.extend(foreign(case));
    wrong.extend(chunks(case, &head));
    wrong.extend(repeated_hooks(&case.runs));
    wrong.extend(said(&case.runs));
    wrong.extend(status(case));
    wrong
}

/// What is wrong where nothing of ours should be there any more. What was there before us and what somebody made again
/// is kept, without our label.
pub(crate) fn wrong_after_deletion(case: &Case) -> Vec<String> {
    let name = &case.world.name;
    let mut wrong = foreign(case);
    wrong.extend(said(&case.runs));
    let head = case.head();
    if !head.is_null() {
        wrong.push(format!("there is still a record: {head}"));
    }
    for namespace in [name.clone(), own_namespace(name)] {
        for secret in case.list(&format!("/api/v1/namespaces/{namespace}/secrets?labelSelector={TARGET}")) {
            wrong.push(format!("Secret {} is a part of no record", secret["metadata"]["name"]));
        }
    }
    let ours = |metadata: &Json| metadata["namespace"] == **name || metadata["namespace"] == own_namespace(name);
    for collection in collections(name) {
        for object in case.list(&format!("{collection}?labelSelector={MEMBER}")) {
            let metadata = &object["metadata"];
            if ours(metadata) || metadata["name"].as_str().is_some_and(|other| other.contains(name.as_str())) {
                wrong.push(format!("{collection} {} still has our label", metadata["name"]));
            }
        }
    }
    for path in Graph::ALL.into_iter().flat_map(|graph| graph.content(name)).map(|manifest| path(&manifest, name)) {
        if !path.ends_with("/replaced") && !case.get(&path).is_null() {
            wrong.push(format!("{path} is still there"));
        }
    }
    wrong
}

/// A record at rest, whose last release has succeeded and is live.
fn unsettled(head: &Json) -> Vec<String> {
    let mut wrong = Vec::new();
    for field in ["lock", "pending"] {
        if !head[field].is_null() {
            wrong.push(format!("the record is not at rest: {field} is {}", head[field]));
        }
    }
    let last = head["releases"].as_array().and_then(|releases| releases.last()).cloned().unwrap_or_default();
    if last["outcome"]["type"] != "succeeded" || head["live"] != last["number"] {
        wrong.push(format!("release {} is live, and the last is {last}", head["live"]));
    }
    let numbers = head["releases"].as_array().into_iter().flatten().filter_map(|release| release["number"].as_u64());
    let numbers: Vec<u64> = numbers.collect();
    if numbers.windows(2).any(|pair| pair[0] >= pair[1]) {
        wrong.push(format!("the record has forked: {numbers:?}"));
    }
    wrong
}

/// The uid of each object that the record says is ours.
fn inventory(head: &Json) -> BTreeMap<String, String> {
    let changes = head["inventory"]["changes"].as_object().cloned().unwrap_or_default();
    let uid = |(key, entry): (String, Json)| Some((key, entry["uid"].as_str()?.to_owned()));
    changes.into_iter().filter_map(uid).collect()
}

/// Where what the graph has is not there as it says.
fn unlike(case: &Case, graph: Graph, inventory: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let recorded: BTreeSet<&String> = inventory.values().collect();
    for manifest in graph.content(&case.world.name) {
        let path = path(&manifest, &case.world.name);
        let there = case.get(&path);
        let uid = there["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        if !has(&there, &manifest) {
            wrong.push(format!("{path} should have {manifest}, and is {there}"));
        } else if !recorded.contains(&uid) {
            wrong.push(format!("{path} is {uid}, which is not in the record"));
        } else if !there["metadata"]["deletionTimestamp"].is_null() {
            wrong.push(format!("{path} is being deleted"));
        }
        // Nothing of another graph stays in it; what somebody else put there does.
        let values = |object: &Json| object["data"].as_object().map_or(0, serde_json::Map::len);
        let theirs = usize::from(there["data"]["theirs"].is_string());
        if values(&there) != values(&manifest) + theirs {
            wrong.push(format!("{path} has more than it should: {}", there["data"]));
        }
    }
    wrong
}

/// Whether an object has everything that its manifest says.
fn has(object: &Json, manifest: &Json) -> bool {
    match (object, manifest) {
        (Json::Object(object), Json::Object(manifest)) => {
            manifest.iter().all(|(name, value)| object.get(name).is_some_and(|there| has(there, value)))
        }
        (Json::Array(object), Json::Array(manifest)) => {
            object.len() == manifest.len()
                && object.iter().zip(manifest).all(|(object, manifest)| has(object, manifest))
        }
        _ => object == manifest,
    }
}

/// What is there and should not: with our label and not in the record, in the record and not with our label, or of another
/// graph.
fn left_over(case: &Case, graph: Graph, head: &Json, inventory: &BTreeMap<String, String>) -> Vec<String> {
    let name = &case.world.name;
    let selector = format!("{MEMBER}={}", head["applySet"].as_str().unwrap_or_default());
    let labelled = collections(name).into_iter().flat_map(|collection| {
        let found = case.list(&format!("{collection}?labelSelector={selector}"));
        found.into_iter().map(move |object| (collection.clone(), object))
    });
    let labelled: BTreeMap<String, String> = labelled
        .map(|(collection, object)| {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            (text("uid"), format!("{collection} {}/{}", text("namespace"), text("name")))
        })
        .collect();
    let hooks = hook_objects(head).into_values();
    let recorded: BTreeSet<String> = inventory.values().cloned().chain(hooks).collect();
    let mut wrong = Vec::new();
    for (uid, place) in &labelled {
        if !recorded.contains(uid) {
            wrong.push(format!("{place} has our label, and is not in the record"));
        }
    }
    // The object of a hook may be gone: what it did is done.
    for (key, uid) in inventory {
        if !labelled.contains_key(uid) {
            wrong.push(format!("{key} is in the record, and is not there"));
        }
    }
    let wanted: BTreeSet<String> = graph.content(name).iter().map(|manifest| path(manifest, name)).collect();
    let others = Graph::ALL.into_iter().flat_map(|other| other.content(name)).map(|manifest| path(&manifest, name));
    for other in others.collect::<BTreeSet<_>>().difference(&wanted) {
        if !case.get(other).is_null() {
            wrong.push(format!("{other} is of another graph, and is still there"));
        }
    }
    wrong
}

/// The uid of each hook's object that the record has, by name.
fn hook_objects(head: &Json) -> BTreeMap<String, String> {
    let hooks = head["hooks"].as_array().cloned().unwrap_or_default();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    hooks.iter().map(|hook| (text(&hook["object"]), text(&hook["uid"]))).collect()
}

/// Objects of hooks: each on record with its outcome, and let go.
fn hooks(case: &Case, head: &Json) -> Vec<String> {
    let mut wrong = Vec::new();
    let recorded: BTreeSet<String> = hook_objects(head).into_values().collect();
    for job in case.list(&format!("/apis/batch/v1/namespaces/{}/jobs", case.world.name)) {
        let metadata = &job["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        if metadata["finalizers"].to_string().contains("kubectl-gitops") {
            wrong.push(format!("Job {name} still has our finalizer"));
        }
        if !metadata["uid"].as_str().is_some_and(|uid| recorded.contains(uid)) {
            wrong.push(format!("Job {name} is not in the record"));
        }
    }
    for hook in head["hooks"].as_array().into_iter().flatten() {
        if hook["outcome"] != "succeeded" {
            wrong.push(format!("{} has not succeeded: {hook}", hook["object"]));
        }
    }
    wrong
}

/// What is none of ours is as it was, to the last byte.
fn foreign(case: &Case) -> Vec<String> {
    let touched = case.foreign.iter().filter(|(path, before)| case.get(path) != *before);
    touched.map(|(path, _)| format!("{path} is foreign, and was touched")).collect()
}

/// Parts of the record belong to this record: one that nothing names is collected later, one of no record never.
fn chunks(case: &Case, head: &Json) -> Vec<String> {
    let mut wrong = Vec::new();
    for namespace in [case.world.name.clone(), own_namespace(&case.world.name)] {
        for secret in case.list(&format!("/api/v1/namespaces/{namespace}/secrets?labelSelector={TARGET}")) {
            if secret["metadata"]["labels"][TARGET] != head["target"] {
                wrong.push(format!("Secret {} belongs to a record that is nowhere", secret["metadata"]["name"]));
            }
        }
    }
    wrong
}

/// Runs with one goal, one after another, run each hook of their graph once, unless they say that they run it again.
fn repeated_hooks(runs: &[Run]) -> Vec<String> {
    let mut wrong = Vec::new();
    // What has failed is recorded, and delivered once more with all of its hooks.
    let goes_on = |left: &Run, right: &Run| left.goal == right.goal && !left.ended.stderr.contains("error: release ");
    for group in runs.chunk_by(goes_on) {
        let mut made: BTreeMap<&str, usize> = BTreeMap::new();
        for (hook, _) in group.iter().flat_map(Run::made_hooks) {
            *made.entry(hook).or_default() += 1;
        }
        let says_again = group.iter().any(|run| run.ended.stderr.contains("is run again"));
        let has_succeeded = group.last().is_some_and(|run| run.ended.code == 0);
        let Goal::Apply(graph) = group[0].goal else {
            wrong.extend(made.keys().map(|hook| format!("hook {hook} ran where none does")));
            continue;
        };
        for (hook, times) in graph.hooks() {
            let there = made.get(hook).copied().unwrap_or_default();
            let is_missed = there < *times && has_succeeded && is_delivery(group);
            if is_missed || (there > *times && !says_again) {
                wrong.push(format!("hook {hook} ran {there} times without a word, and not {times}"));
            }
        }
    }
    wrong
}

/// Whether hooks have something to run for: the same graph again has not.
fn is_delivery(group: &[Run]) -> bool {
    group.last().is_some_and(|run| !run.ended.stdout.contains("nothing to do"))
        && group.iter().any(|run| run.goal != Goal::Apply(Graph::First))
}

/// A run says what it knows, and nothing else: there was no other run.
fn said(runs: &[Run]) -> Vec<String> {
    let mut wrong = Vec::new();
    for run in runs {
        let text = &run.ended.stderr;
        // Whoever is told that the record has changed may say so.
        let is_told = |exchange: &Exchange| exchange.is_faulty && exchange.method == "PUT";
        let is_told = run.ended.code == 4 && run.exchanges.iter().any(is_told);
        for lie in ["took over", "in the meantime", "panicked", "a bug of ours", "RUST_BACKTRACE"] {
            if text.contains(lie) && !(is_told && lie == "in the meantime") {
                wrong.push(format!("a run says `{lie}`"));
            }
        }
        if !run.was_killed && run.ended.code != 0 && (!matches!(run.ended.code, 2..=4) || !text.contains("error: ")) {
            wrong.push(format!("a run ends with {} and no clear error", run.ended.code));
        }
    }
    wrong
}

fn status(case: &Case) -> Vec<String> {
    let name = &case.world.name;
    let status = case.world.run(&["status", name, "--record-namespace", name, "-o", "json"]);
    let shown: Json = serde_json::from_str(&status.stdout).unwrap_or_default();
    if shown["sync"] == "Synced" { Vec::new() } else { vec![format!("status: {}", status.told())] }
}
