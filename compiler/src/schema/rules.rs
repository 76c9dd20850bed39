//! Rules of CustomResourceDefinitions in CEL (`x-kubernetes-validations`), for objects that are created.
//!
//! In: all manifests of an application, the bytes of their files, the sandbox. Out: the lints `failed-rule`, at the field
//! that the server would name, and `rule-not-evaluated`, at the definition; whether all of it was evaluated.
//!
//! An expression may compute for longer than anybody waits, and who evaluates it cannot be stopped: so each kind is
//! evaluated by a worker of its own, `work`, in a process that ends when it has used up its time. None is started but for
//! a kind that has rules, and objects. What the cluster would find is not certain, since this is another implementation of
//! CEL and of its library: these are warnings, and the server has the last word. Rules about changes (`oldSelf`) are not
//! evaluated.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::time::Duration;

use kube_cel::{ErrorKind, ValidationError, Validator, compile_schema};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::canon::Value;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Definition, Manifest, sops};
use crate::sandbox::{Job, Limits, Sandbox, Strength, Task, Worker};

use super::fault::{At, Fault, may_be_shown};
use super::place::Text;
use super::{api_version, told};

/// The worker, for the program whose executable the sandbox starts.
pub const RULES_WORKER: Worker = Worker { name: "cel-rules", work };

/// How deep a schema is looked at for rules.
const DEEPEST: usize = 100;
/// How many broken rules of one object are told.
const MOST: usize = 100;

/// What the worker is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    schema: serde_json::Value,
    objects: Vec<serde_json::Value>,
}

/// What it found.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Answer {
    broken: Vec<Broken>,
    /// Rules that cannot be evaluated, by their text, and why.
    unknown: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Broken {
    /// The number of the object.
    object: usize,
    /// As CEL has it: `spec.items[0].name`.
    path: String,
    rule: String,
    message: String,
}

/// A version of a kind that has rules, and its objects.
struct Kind<'a> {
    definition: &'a Manifest,
    schema: &'a Value,
    objects: Vec<&'a Manifest>,
}

/// Evaluates the rules of all kinds that are both defined and used. Gives whether all were: what was cut off depends on
/// the time it had, and must not be remembered.
pub fn check_rules(
    manifests: &[Manifest],
    source: impl Fn(&str) -> Option<Vec<u8>>,
    sandbox: Option<&Sandbox>,
    findings: &mut Vec<Diagnostic>,
) -> bool {
    let kinds = kinds(manifests);
    let Some(sandbox) = sandbox else { return kinds.is_empty() };
    let answers: Vec<_> = kinds.par_iter().map(|kind| kind.evaluate(sandbox)).collect();
    let mut is_whole = true;
    for (kind, answer) in kinds.iter().zip(answers) {
        match answer {
            Ok(answer) => kind.tell(&answer, &source, findings),
            Err(reason) => {
                is_whole = false;
                findings.push(kind.not_evaluated(&format!("its rules were not evaluated: {reason}")));
            }
        }
    }
    is_whole
}

fn kinds(manifests: &[Manifest]) -> Vec<Kind<'_>> {
    let definitions = manifests.iter().filter(|manifest| api_version(manifest) == "apiextensions.k8s.io/v1");
    let defined: HashMap<(&str, &str), &Manifest> = definitions
        .filter_map(|manifest| {
            let definition = Definition::of(&manifest.key, &manifest.body)?;
            Some(((definition.group, definition.kind), manifest))
        })
        .collect();
    let mut kinds: BTreeMap<(&str, &str), Option<Kind<'_>>> = BTreeMap::new();
    if defined.is_empty() {
        return Vec::new();
    }
    // Rules cannot judge what is encrypted.
    for manifest in manifests.iter().filter(|manifest| !sops::is_sops(&manifest.body)) {
        let (kind, api_version) = (manifest.key.kind.as_str(), api_version(manifest));
        let Some(definition) = defined.get(&(manifest.key.group.as_str(), kind)) else { continue };
        let found = kinds.entry((kind, api_version)).or_insert_with(|| {
            let schema = schema(definition, api_version)?;
            has_rules(schema, 0).then(|| Kind { definition, schema, objects: Vec::new() })
        });
        if let Some(found) = found {
            found.objects.push(manifest);
        }
    }
    kinds.into_values().flatten().collect()
}

fn schema<'a>(definition: &'a Manifest, api_version: &str) -> Option<&'a Value> {
    let (_, version) = api_version.split_once('/')?;
    let versions = definition.body.at(&["spec", "versions"])?.items();
    let found = versions.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(version))?;
    found.at(&["schema", "openAPIV3Schema"])
}

fn has_rules(schema: &Value, depth: usize) -> bool {
    match schema {
        _ if depth > DEEPEST => false,
        Value::Map(map) => {
            map.contains_key("x-kubernetes-validations") || map.values().any(|value| has_rules(value, depth + 1))
        }
        Value::Array(items) => items.iter().any(|value| has_rules(value, depth + 1)),
        _ => false,
    }
}

impl Kind<'_> {
    fn evaluate(&self, sandbox: &Sandbox) -> Result<Answer, String> {
        let objects = self.objects.iter().map(|object| (&object.body).into()).collect();
        let request = Request { schema: self.schema.into(), objects };
        let mut job = Job::new(Task::Worker(RULES_WORKER.name));
        job.stdin = serde_json::to_vec(&request).map_err(|error| error.to_string())?;
        job.limits = Limits {
            time: Duration::from_secs(30),
            processor_time: Duration::from_secs(10),
            memory: 2 << 30,
            output: 64 << 20,
            threads: 1,
            ..Limits::default()
        };
        // It is ours, and touches nothing: what it needs of the sandbox is an end.
        job.least = Strength::None;
        let output = sandbox.run(job).map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = output.stderr.lines().find(|line| !line.is_empty()).unwrap_or("it says nothing");
            return Err(format!("{}: {said}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    }

    fn tell(&self, answer: &Answer, source: impl Fn(&str) -> Option<Vec<u8>>, findings: &mut Vec<Diagnostic>) {
        if let Some((rule, reason)) = answer.unknown.first_key_value() {
            let (number, rule) = (answer.unknown.len(), in_one_line(rule));
            let plural = if number == 1 { "" } else { "s" };
            let message = format!("{number} rule{plural} cannot be evaluated here: `{rule}`: {}", in_one_line(reason));
            findings.push(self.not_evaluated(&message));
        }
        let mut texts: HashMap<&str, Option<Text>> = HashMap::new();
        for broken in &answer.broken {
            let Some(object) = self.objects.get(broken.object) else { continue };
            let path = object.origin.path.as_str();
            let text = texts.entry(path).or_insert_with(|| source(path).map(|bytes| Text::new(&bytes)));
            let fault = broken.fault(object);
            let origin = text.as_mut().and_then(|text| text.origin(object, &fault));
            findings.push(told(object, origin, fault));
        }
    }

    fn not_evaluated(&self, message: &str) -> Diagnostic {
        let Manifest { origin, key, .. } = self.definition;
        Diagnostic::lint(origin.clone(), "rule-not-evaluated", format!("{key}: {message}"))
    }
}

impl Broken {
    fn fault(&self, object: &Manifest) -> Fault {
        // What a rule says may have been made of values.
        let words = if may_be_shown(&object.key.kind) { &self.message } else { &self.rule };
        let (path, words) = (in_one_line(&self.path), in_one_line(words));
        let message = if path.is_empty() { words } else { format!("{path}: {words}") };
        Fault { lint: "failed-rule", pointer: pointer(&object.body, &self.path), at: At::Value, message }
    }
}

/// Text of a definition, without what would speak to a terminal.
fn in_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The pointer to what a path names, as far as it is there. Keys may hold dots themselves: the longest that fits is meant.
fn pointer(body: &Value, path: &str) -> String {
    let (mut value, mut rest, mut pointer) = (body, path, String::new());
    loop {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let next = match value {
            Value::Map(map) => map
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), value, rest.strip_prefix(key.as_str())?)))
                .filter(|(_, _, after)| after.is_empty() || after.starts_with(['.', '[']))
                .max_by_key(|(key, _, _)| key.len()),
            Value::Array(items) => rest.strip_prefix('[').and_then(|rest| {
                let (number, after) = rest.split_once(']')?;
                Some((number.to_owned(), items.get(number.parse::<usize>().ok()?)?, after))
            }),
            _ => None,
        };
        let Some((step, inner, after)) = next else { return pointer };
        pointer = format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"));
        (value, rest) = (inner, after);
    }
}

/// Evaluates the rules of one kind on its objects.
fn work(request: &mut dyn Read, answer: &mut dyn Write) -> Result<(), String> {
    let Request { schema, objects } = serde_json::from_reader(request).map_err(|error| error.to_string())?;
    let (compiled, validator) = (compile_schema(&schema), Validator::new());
    let mut all = Answer::default();
    for (number, object) in objects.iter().enumerate() {
        let found = validator.validate_compiled(&compiled, object, None);
        let mut errors = found.err().map(kube_cel::ValidationErrors::into_vec).unwrap_or_default();
        // They come in no order.
        errors.sort_by(|a, b| (&a.field_path, &a.rule, &a.message).cmp(&(&b.field_path, &b.rule, &b.message)));
        for ValidationError { rule, message, field_path, kind, .. } in errors.into_iter().take(MOST) {
            if kind == ErrorKind::ValidationFailure {
                all.broken.push(Broken { object: number, path: field_path, rule, message });
            } else {
                all.unknown.entry(rule).or_insert(message);
            }
        }
    }
    serde_json::to_writer(answer, &all).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ranges.example.com}
spec:
  group: example.com
  names: {kind: Range, plural: ranges}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: self.min <= self.max, message: min must not be above max}
            - {rule: self.max == oldSelf.max, message: max cannot change}
            - {rule: nobody.knows(self), message: unknown}
            properties:
              min: {type: integer}
              max: {type: integer}
              labels:
                type: object
                additionalProperties:
                  type: string
                  x-kubernetes-validations:
                  - {rule: size(self) > 2}
---
";
    const OBJECT: &str = "apiVersion: example.com/v1
kind: Range
metadata: {name: a}
spec:
  min: 3
  max: 1
  labels:
    a.b/c: xy
    long: enough
";

    fn manifests(text: &str) -> Vec<Manifest> {
        let (manifests, errors) = manifest::read("a.yaml", text.as_bytes());
        assert!(errors.is_empty(), "{errors:?}");
        manifests
    }

    fn evaluate(text: &str) -> Vec<Diagnostic> {
        let manifests = manifests(text);
        let mut findings = Vec::new();
        for kind in kinds(&manifests) {
            let objects = kind.objects.iter().map(|object| (&object.body).into()).collect();
            let request = Request { schema: kind.schema.into(), objects };
            let request = serde_json::to_vec(&request).expect("it is JSON");
            let mut answer = Vec::new();
            work(&mut request.as_slice(), &mut answer).expect("it answers");
            let answer = serde_json::from_slice(&answer).expect("an answer");
            kind.tell(&answer, |_| Some(text.as_bytes().to_vec()), &mut findings);
        }
        findings.sort();
        findings
    }

    #[test]
    fn broken_rules_are_told_at_their_fields() {
        let findings = evaluate(&format!("{DEFINITION}{OBJECT}"));
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(
            told[0]
                .contains("a.yaml:1: warning[rule-not-evaluated]: CustomResourceDefinition ranges.example.com: 1 rule"),
            "{}",
            told[0]
        );
        assert_eq!(told[1], "a.yaml:36:3: warning[failed-rule]: Range.example.com a: spec: min must not be above max");
        assert_eq!(
            told[2],
            "a.yaml:39:12: warning[failed-rule]: Range.example.com a: spec.labels.a.b/c: failed rule: size(self) > 2"
        );
    }

    #[test]
    fn nothing_is_evaluated_without_rules_or_objects() {
        let without = DEFINITION.replace("x-kubernetes-validations", "x-other");
        for text in [DEFINITION, OBJECT, &format!("{without}{OBJECT}")] {
            assert!(kinds(&manifests(text)).is_empty(), "{text}");
            assert!(check_rules(&manifests(text), |_| None, None, &mut Vec::new()), "all of nothing was evaluated");
        }
        let both = manifests(&format!("{DEFINITION}{OBJECT}"));
        assert!(!check_rules(&both, |_| None, None, &mut Vec::new()), "without a sandbox nothing is");
    }

    #[test]
    fn a_worker_that_cannot_be_started_is_a_warning() {
        let both = manifests(&format!("{DEFINITION}{OBJECT}"));
        let mut findings = Vec::new();
        let sandbox = Sandbox::new("/nonexistent", "/nonexistent");
        assert!(!check_rules(&both, |_| None, Some(&sandbox), &mut findings));
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("warning[rule-not-evaluated]: CustomResourceDefinition ranges.example.com: its rules"),
            "{told:?}"
        );
    }
}
