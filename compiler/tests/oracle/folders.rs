//! Whole folders: those of real repositories and of Argo CD's own tests, each compiled as an application, beside what
//! kubectl would read there.
//!
//! In: a tree. Out: a [`Row`] for each folder with files that have the names of manifests: a graph of exactly the
//! objects that kubectl reads, or a refusal for reasons that have names here. A folder for another renderer (with a
//! kustomization, a chart, Jsonnet) is compiled too: as what lies there, or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::compile::{Compilation, Error, Sources, compile};
use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::lint::Levels;
use gitops_compiler::tree::Snapshot;
use gitops_testdata::oracle::Oracle;
use serde_json::Value as Json;

use crate::Result;
use crate::ours::canonical;

/// Why a folder may be refused though kubectl reads its files: what we say begins so, or has this lint's name.
const NAMED: [(&str, &str); 11] = [
    ("an object twice", ": one application has each object once"),
    ("an object without a name", " has no metadata.name"),
    ("an object without metadata", "this object has no `metadata`"),
    ("Jsonnet", "nothing is run here"),
    ("a list that would lose or add objects", "[list-without-list-kind]"),
    ("schema: an unknown field", "[unknown-field]"),
    ("schema: a wrong type", "[wrong-type]"),
    ("schema: a missing field", "[missing-field]"),
    ("schema: an item twice", "[repeated-item]"),
    ("schema: an invalid value", "[invalid-value]"),
    ("a removed API version", "[removed-api-version]"),
];

/// What became of a folder.
pub(crate) struct Row {
    pub(crate) folder: String,
    /// The graph, or the reasons.
    pub(crate) outcome: std::result::Result<String, BTreeSet<&'static str>>,
    objects: usize,
    lints: usize,
    /// What is wrong with it.
    pub(crate) mistakes: Vec<String>,
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, outcome) = match &self.outcome {
            Ok(graph) => ("=", graph.clone()),
            Err(reasons) => ("✗", reasons.iter().copied().collect::<Vec<_>>().join("; ")),
        };
        let Self { folder, objects, lints, .. } = self;
        write!(formatter, "{sign} {folder:62} {objects:5} objects {lints:4} lints  {outcome}")
    }
}

/// The folders that hold files with the names of manifests, and those files.
pub(crate) fn of(files: &[(String, Vec<u8>)]) -> BTreeMap<String, Vec<&(String, Vec<u8>)>> {
    let mut folders: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for file in files {
        let folder = file.0.rsplit_once('/').map_or("", |(folder, _)| folder);
        folders.entry(folder.to_owned()).or_default().push(file);
    }
    folders
}

/// All files below a folder of the disk that have the names of manifests, by their path from there.
pub(crate) fn on_disk(root: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known)) {
                let name = path.strip_prefix(root)?.to_str().ok_or("a name that is no text")?.to_owned();
                files.push((name, std::fs::read(&path)?));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Compiles one folder, and compares.
pub(crate) fn row(oracle: &mut Oracle, folder: &str, snapshot: &Snapshot, files: &[&(String, Vec<u8>)]) -> Result<Row> {
    let (mut expected, mut refused) = (Vec::new(), BTreeSet::new());
    // Parameters of a source are no manifests, here.
    let is_parameters = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with(".argocd-source"));
    for (path, bytes) in files.iter().filter(|file| !is_parameters(&file.0)) {
        let answer = oracle.read(bytes)?;
        expected.extend(answer.objects.iter().map(|object| json(object)));
        if answer.error.is_some() {
            refused.insert(path.as_str());
        }
    }
    let app = AppSpec::folder("table".parse()?, Source::directory(Directory::default()));
    let made = compile(&Sources::folder(snapshot, &app), &Levels::default(), None, &mut |_| ());
    let row = |outcome, objects, lints, mistakes| Row { folder: folder.to_owned(), outcome, objects, lints, mistakes };
    match made {
        Ok(Compilation { graph, lints, .. }) => {
            let made = graph.resources().iter().map(|resource| json(&canonical(&resource.body))).collect();
            let mut mistakes = differences(expected, made);
            mistakes.extend(refused.iter().map(|path| format!("kubectl refuses {path}, and we do not")));
            let shown: String = graph.id().to_string().chars().take(12).collect();
            Ok(row(Ok(shown), graph.resources().len(), lints.len(), mistakes))
        }
        Err(Error::Manifests { findings, .. }) => {
            let (errors, lints): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.level == Level::Error);
            let classes = errors.iter().map(|error| (class(error, &refused), error));
            let (known, unknown): (Vec<_>, Vec<_>) = classes.partition(|(class, _)| class.is_some());
            let mistakes = unknown.iter().map(|(_, error)| format!("refused for no reason known here: {error}"));
            let reasons = known.iter().filter_map(|(class, _)| *class).collect();
            Ok(row(Err(reasons), expected.len(), lints.len(), mistakes.collect()))
        }
        Err(error) => {
            // kubectl fails there as well, as soon as it opens the link.
            let is_link = error.to_string().contains(": this symbolic link leads ");
            let reasons =
                if is_link { BTreeSet::from(["a link to no file of the repository"]) } else { BTreeSet::new() };
            let mistakes = if is_link { Vec::new() } else { vec![format!("no compilation: {error}")] };
            Ok(row(Err(reasons), expected.len(), 0, mistakes))
        }
    }
}

/// The name of the class that an error is of.
fn class(error: &Diagnostic, refused: &BTreeSet<&str>) -> Option<&'static str> {
    if refused.contains(error.origin.path.as_str()) && error.rule.is_none() {
        return Some("kubectl refuses it, too");
    }
    let text = format!("{} [{}]", error.message, error.rule.as_deref().unwrap_or_default());
    NAMED.iter().find(|(_, words)| text.contains(words)).map(|(class, _)| *class)
}

/// The oracle's form as JSON: only its floats are none, and become text.
fn json(object: &str) -> Json {
    let mut text = String::with_capacity(object.len());
    let (mut inside, mut escaped, mut rest) = (false, false, object);
    while let Some(c) = rest.chars().next() {
        if !inside && let Some(float) = rest.strip_prefix("float:") {
            text.extend(["\"float:", &float[..16], "\""]);
            rest = &float[16..];
            continue;
        }
        inside ^= c == '"' && !escaped;
        escaped = inside && c == '\\' && !escaped;
        text.push(c);
        rest = &rest[c.len_utf8()..];
    }
    serde_json::from_str(&text).unwrap_or(Json::String(text))
}

/// What is in one and not in the other, as often.
fn differences(expected: Vec<Json>, made: Vec<Json>) -> Vec<String> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for object in expected.into_iter().filter(|object| !is_left_out(object)) {
        *counts.entry(settled(object).to_string()).or_default() += 1;
    }
    for object in made {
        *counts.entry(settled(object).to_string()).or_default() -= 1;
    }
    let differing = counts.into_iter().filter(|(_, count)| *count != 0);
    let told = |count| if count > 0 { "kubectl reads, and we do not" } else { "we read, and kubectl does not" };
    differing
        .map(|(object, count)| format!("{}: {}", told(count), object.chars().take(600).collect::<String>()))
        .collect()
}

/// Whether it is another tool's, as `docs/lints.md` has it.
fn is_left_out(object: &Json) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let local = &object["metadata"]["annotations"]["config.kubernetes.io/local-config"];
    version.starts_with("kustomize.config.k8s.io/") || local == "true"
}

/// Without what we settle before hashing (`manifest::settle`).
fn settled(mut object: Json) -> Json {
    const SERVER_SET: [&str; 7] =
        ["creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];
    if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
        for field in SERVER_SET {
            metadata.remove(field);
        }
    }
    let is_secret = object["kind"] == "Secret" && object["apiVersion"] == "v1";
    if let (true, Some(fields)) = (is_secret, object.as_object_mut()) {
        // `oracle` compares the values of each; here the one is encoded into the other.
        for field in ["data", "stringData"] {
            fields.remove(field);
        }
    }
    keep_last(&mut object);
    object
}

/// Of items with one merge key the last: no order is compared here.
fn keep_last(value: &mut Json) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(keep_last),
        Json::Object(fields) => {
            for (list, keys) in
                [("env", ["name", "name"]), ("ports", ["containerPort", "protocol"]), ("ports", ["port", "protocol"])]
            {
                let Some(Json::Array(items)) = fields.get_mut(list) else { continue };
                let key = |item: &Json| {
                    let part = |key: &str| item.get(key).map_or_else(|| "TCP".to_owned(), ToString::to_string);
                    item.get(keys[0]).map(|first| (first.to_string(), part(keys[1])))
                };
                let all: Vec<_> = items.iter().map(key).collect();
                let mut number = 0;
                items.retain(|_| {
                    number += 1;
                    all[number - 1].is_none() || !all[number..].contains(&all[number - 1])
                });
            }
            fields.values_mut().for_each(keep_last);
        }
        _ => {}
    }
}
