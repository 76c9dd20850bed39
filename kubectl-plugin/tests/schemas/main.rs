//! What the compiler says of manifests without a cluster is what the API server says of them: each case is applied as a
//! dry run by server-side apply with strict validation, and both verdicts must be one.
//!
//! What the server finds by rules that are in no schema is no part of this; a case that runs into one is a wrong case.

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod conditions;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gitops_compiler::diagnostic::Level;
use gitops_compiler::{manifest, schema};
use support::World;

/// How kubectl is run beside itself: it mostly waits.
const THREADS: usize = 4;

/// How the server tells what it finds by schemas: while it reads, and of custom kinds. What is missing is nothing or zero
/// to Kubernetes' own kinds.
const BY_SCHEMA: [&str; 17] = [
    "failed to create typed patch object",
    "failed to convert new object",
    "Required value",
    "in body should",
    "in body must be of type",
    "value must be of type",
    "must validate",
    "must not validate",
    "must not be empty",
    "Duplicate value",
    "should be a multiple",
    "must be of type integer",
    "Unsupported value",
    "Too long",
    "Too many",
    "Invalid value: 0:",
    "Invalid value: \"\":",
];

/// What the server says, by kubectl; nothing where it takes the object.
fn servers(world: &World, name: &str, text: &str) -> Option<String> {
    let path = world.home.path().join(format!("{name}.yaml"));
    std::fs::write(&path, text).expect("written");
    let apply = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-n", &world.name, "-f"];
    let path = path.display().to_string();
    let output = world.try_kubectl(&[apply.as_slice(), &[&path]].concat());
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The lints of the last document of these, and what they say.
fn ours(definitions: &str, text: &str) -> Vec<(String, String)> {
    let both = format!("{definitions}---\n{text}");
    let (manifests, errors) = manifest::read("a.yaml", both.as_bytes());
    assert!(errors.iter().all(|finding| finding.level == Level::Warning), "{errors:?}: {text}");
    let mut findings = Vec::new();
    schema::check(&manifests, schema::version(), |_| None, &mut findings);
    findings.into_iter().map(|finding| (finding.rule.unwrap_or_default(), finding.message)).collect()
}

/// What is wrong about one case, if anything.
fn disagreement(world: &World, definitions: &str, name: &str, lint: &str, text: &str) -> Option<String> {
    let (server, ours) = (servers(world, name, text), ours(definitions, text));
    let wrong = match &server {
        None => !lint.is_empty() || !ours.is_empty(),
        Some(words) => {
            !BY_SCHEMA.iter().any(|known| words.contains(known))
                || lint.is_empty()
                || !ours.iter().all(|(found, _)| found == lint)
                || ours.is_empty()
        }
    };
    wrong.then(|| format!("{text}expected: {lint}\nthe server: {server:?}\nours: {ours:?}\n"))
}

/// Defines the custom kinds of this test, and takes them away again.
struct Kinds<'a>(&'a World, String);

impl Drop for Kinds<'_> {
    fn drop(&mut self) {
        self.0.try_kubectl(&["delete", "-f", &self.1, "--wait=false", "--ignore-not-found"]);
    }
}

#[test]
fn the_compiler_and_the_server_agree() {
    let world = World::new("schemas");
    let group = format!("{}.example.com", world.name);
    let definitions = format!("{}{}", cases::DEFINITIONS, conditions::definitions()).replace("GROUP", &group);
    let path = world.home.path().join("definitions.yaml");
    std::fs::write(&path, &definitions).expect("written");
    let kinds = Kinds(&world, path.display().to_string());
    world.kubectl(&["apply", "--server-side", "-f", &kinds.1]);
    world.kubectl(&["wait", "--for=condition=Established", "--timeout=120s", "-f", &kinds.1]);
    let cases = [cases::all(), conditions::all()].concat();
    let next = AtomicUsize::new(0);
    let take = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        cases.get(number).map(|case| (number, case))
    };
    let work = || {
        let compare = |(number, (lint, text)): (usize, &cases::Case)| {
            let name = format!("case-{number}");
            let text = text.replace("NAME", &name).replace("GROUP", &group);
            disagreement(&world, &definitions, &name, lint, &text)
        };
        std::iter::from_fn(take).filter_map(compare).collect::<Vec<String>>()
    };
    let disagreements: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it compares")).collect()
    });
    assert!(disagreements.is_empty(), "{} of {}:\n{}", disagreements.len(), cases.len(), disagreements.join("\n"));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (lint, _) in &cases {
        *counts.entry(lint).or_default() += 1;
    }
    assert!(counts.len() == 6 && counts.values().all(|count| *count >= 4), "every verdict has cases: {counts:?}");
}
