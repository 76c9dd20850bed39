//! `Application` objects of Argo CD, from the files they are written in.
//!
//! In: the bytes of a file. Out: [`Application`]s, and everything there is to say about them with line and column. What
//! this version knows nothing of is kept (in [`Application::body`]) and reported, never dropped in silence.
//!
//! The rules are those of Argo CD 3.5 (`validation` of an application's spec): one of `source` and `sources`, of which
//! the latter counts where both are there; a source has a path, a chart or a `ref`; a chart has a version.

use serde::Deserialize;

use crate::canon::Value;
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::manifest::yaml::{self, Limits, Locator};
use crate::name::AppName;

use super::decode::decode;
use super::{IgnoreDifference, Source, SyncPolicy};

/// The API version that is read.
const API_VERSION: &str = "argoproj.io/v1alpha1";

/// Fields whose nulls have a meaning of their own: in Helm's values a null takes a default away.
const NULLS_COUNT: &str = "valuesObject";

/// An `Application`.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// `metadata.name`.
    pub name: AppName,
    /// `metadata.namespace`, where it is written.
    pub namespace: Option<String>,
    /// `spec`, as far as it is understood.
    pub spec: Spec,
    /// The whole object, as it was written.
    pub body: Value,
    /// Where it begins.
    pub origin: Origin,
}

/// `spec` of an `Application`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Its project; empty means `default`.
    pub project: String,
    /// Where its objects go.
    pub destination: Destination,
    /// Its only source.
    pub source: Option<Source>,
    /// Its sources; where there are any, `source` does not count.
    pub sources: Vec<Source>,
    /// Rendering into another branch. It is refused.
    pub source_hydrator: Option<serde_json::Value>,
    /// When and how it is synced.
    pub sync_policy: Option<SyncPolicy>,
    /// Differences that do not count.
    pub ignore_differences: Vec<IgnoreDifference>,
    /// What people want to know.
    pub info: Option<serde_json::Value>,
    /// How many releases are kept.
    pub revision_history_limit: Option<i64>,
    /// Secrets of webhooks, an addition of ours.
    pub webhook: Option<serde_json::Value>,
}

/// Where an application's objects go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Destination {
    /// The address of the cluster.
    pub server: String,
    /// The name of the cluster, instead of its address.
    pub name: String,
    /// Where objects without a namespace go.
    pub namespace: String,
}

impl Application {
    /// The sources that count, in order.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        if self.spec.sources.is_empty() { self.spec.source.as_slice() } else { &self.spec.sources }
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &str {
        if self.spec.project.is_empty() { "default" } else { &self.spec.project }
    }
}

/// Reads the Applications of a file. Objects of other kinds are errors: who names a file means all of it.
#[must_use]
pub fn read(path: &str, bytes: &[u8]) -> (Vec<Application>, Vec<Diagnostic>) {
    let origin = |line, column| Origin { path: path.to_owned(), line, column };
    let reading = yaml::read(bytes, Limits::default());
    let mut file = File { origin: origin(0, 0), locator: Locator::new(bytes), findings: Vec::new() };
    for problem in reading.problems {
        file.findings.push(Diagnostic::error(origin(problem.line, problem.column), problem.message));
    }
    let mut applications = Vec::new();
    for document in reading.documents {
        applications.extend(file.application(document));
    }
    if applications.is_empty() && file.findings.is_empty() {
        file.findings.push(Diagnostic::error(origin(0, 0), "there is no Application in this file"));
    }
    file.findings.sort();
    (applications, file.findings)
}

/// A file that is being read.
struct File {
    origin: Origin,
    locator: Locator,
    findings: Vec<Diagnostic>,
}

impl File {
    fn application(&mut self, document: yaml::Document) -> Option<Application> {
        let yaml::Document { value: body, index, line } = document;
        let text = |path: &[&str]| body.at(path).and_then(Value::as_str).unwrap_or_default();
        let origin = Origin { line, ..self.origin.clone() };
        let (version, kind) = (text(&["apiVersion"]), text(&["kind"]));
        if (version, kind) != (API_VERSION, "Application") {
            let message = match kind {
                "ApplicationSet" => {
                    "an ApplicationSet is not read: write out the Applications that it makes".to_owned()
                }
                _ if version.contains(".toolkit.fluxcd.io/") => format!(
                    "Flux's {kind} is not read: write an Application with the same source (docs/sources.md says what each of \
                     its fields does)"
                ),
                _ => format!("this is `{kind}` of `{version}`, not Application of {API_VERSION}"),
            };
            self.findings.push(Diagnostic::error(origin, message));
            return None;
        }
        let name = text(&["metadata", "name"]).parse::<AppName>().map_err(|error| error.to_string());
        let namespace = Some(text(&["metadata", "namespace"]).to_owned()).filter(|namespace| !namespace.is_empty());
        let before = self.findings.len();
        let name = name.map_err(|message| self.error(index, "/metadata/name", message)).ok();
        let spec = self.spec(index, &body);
        if let Some(spec) = &spec {
            self.check(index, spec);
        }
        let sound = self.findings[before..].iter().all(|finding| finding.level != Level::Error);
        let (name, spec) = (name?, spec?);
        sound.then_some(Application { name, namespace, spec, body, origin })
    }

    fn spec(&mut self, document: usize, body: &Value) -> Option<Spec> {
        let Some(spec) = body.get("spec") else {
            self.error(document, "", "an Application needs a `spec`".to_owned());
            return None;
        };
        let decoded = decode::<Spec>(without_nulls(spec));
        for pointer in decoded.unknown {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            let message = format!("`spec.{field}` is no field that is known here: it has no effect");
            let origin = self.place(document, &format!("/spec{pointer}"));
            self.findings.push(Diagnostic::lint(origin, "unknown-application-field", message));
        }
        match decoded.value {
            Ok(spec) => Some(spec),
            Err((pointer, message)) => {
                self.error(document, &format!("/spec{pointer}"), message);
                None
            }
        }
    }

    fn check(&mut self, document: usize, spec: &Spec) {
        let Destination { server, name, .. } = &spec.destination;
        if !server.is_empty() && !name.is_empty() {
            self.error(document, "/spec/destination", "a destination has a `server` or a `name`, not both".to_owned());
        }
        if spec.source_hydrator.is_some() {
            let message = "a source hydrator is not run: name the branch that it writes as the source".to_owned();
            self.error(document, "/spec/sourceHydrator", message);
        }
        let sources: Vec<(String, &Source)> = if spec.sources.is_empty() {
            spec.source.iter().map(|source| ("/spec/source".to_owned(), source)).collect()
        } else {
            spec.sources.iter().enumerate().map(|(index, source)| (format!("/spec/sources/{index}"), source)).collect()
        };
        if sources.is_empty() && spec.source_hydrator.is_none() {
            self.error(document, "/spec", "an Application needs a `source` or `sources`".to_owned());
        }
        for (pointer, source) in sources {
            for message in faults(source) {
                self.error(document, &pointer, message);
            }
        }
    }

    fn error(&mut self, document: usize, pointer: &str, message: String) {
        let origin = self.place(document, pointer);
        self.findings.push(Diagnostic::error(origin, message));
    }

    fn place(&self, document: usize, pointer: &str) -> Origin {
        let found = self.locator.locate(document, pointer).map(|found| found.key.unwrap_or(found.value));
        let (line, column) = found.map_or((0, 0), |position| (position.line, position.column));
        Origin { line, column, ..self.origin.clone() }
    }
}

/// What is wrong with one source.
fn faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    if source.repo_url.is_empty() {
        faults.push("a source needs a `repoURL`".to_owned());
    }
    match (source.path.is_empty(), source.chart.is_empty()) {
        (true, true) if source.reference.is_empty() => {
            faults.push("a source needs a `path` or a `chart`".to_owned());
        }
        (false, false) => faults.push("a source has a `path` or a `chart`, not both".to_owned()),
        (_, false) if source.target_revision.is_empty() => {
            faults.push("a chart needs its version as `targetRevision`".to_owned());
        }
        _ => {}
    }
    if source.path.starts_with('/') || source.path.split('/').any(|part| part == "..") {
        faults.push(format!("the path `{}` leads out of the repository", source.path));
    }
    if !source.reference.is_empty() && !source.chart.is_empty() {
        faults.push("a chart cannot lend its files: `ref` goes with a repository".to_owned());
    }
    faults
}

/// The value with its nulls taken for absent, as Go's reader of JSON does.
fn without_nulls(value: &Value) -> serde_json::Value {
    match value {
        Value::Map(map) => {
            let fields = map.iter().filter(|(_, value)| **value != Value::Null).map(|(key, value)| {
                (key.clone(), if key == NULLS_COUNT { serde_json::Value::from(value) } else { without_nulls(value) })
            });
            serde_json::Value::Object(fields.collect())
        }
        Value::Array(items) => serde_json::Value::Array(items.iter().map(without_nulls).collect()),
        other => serde_json::Value::from(other),
    }
}
