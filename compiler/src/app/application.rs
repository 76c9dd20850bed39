//! `Application` objects of Argo CD, from the files they are written in.
//!
//! In: the bytes of a file, or an object that another Application renders. Out: [`Application`]s, and everything there is to
//! say about them with line and column, as far as these are known. What this version knows nothing of is kept (in
//! [`Application::body`]) and reported, never dropped in silence.
//!
//! The rules are those of Argo CD 3.5 (`validation` of an application's spec): one of `source` and `sources`, of which
//! the latter counts where both are there; a source has a path, a chart or a `ref`; a chart has a version.

use serde::Deserialize;

use crate::canon::Value;
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::manifest::yaml::{self, Limits};
use crate::name::AppName;

use super::decode::decode;
use super::places::Places;
use super::{IgnoreDifference, Source, SyncPolicy};

/// The API version that is read.
const API_VERSION: &str = "argoproj.io/v1alpha1";

/// Fields whose nulls have a meaning of their own: in Helm's values a null takes a default away.
const NULLS_COUNT: &str = "valuesObject";

/// An `Application`.
#[derive(Debug, Clone)]
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
    /// Where its fields are.
    pub places: Places,
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

    /// Where the fields of each of these are.
    #[must_use]
    pub fn source_places(&self) -> Vec<Places> {
        self.spec.sources().into_iter().map(|(pointer, _)| self.places.below(&pointer)).collect()
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &str {
        if self.spec.project.is_empty() { "default" } else { &self.spec.project }
    }
}

impl Spec {
    /// The sources that count, in order, each with its JSON pointer from the top of the object.
    fn sources(&self) -> Vec<(String, &Source)> {
        if self.sources.is_empty() {
            self.source.iter().map(|source| ("/spec/source".to_owned(), source)).collect()
        } else {
            let numbered = self.sources.iter().enumerate();
            numbered.map(|(index, source)| (format!("/spec/sources/{index}"), source)).collect()
        }
    }
}

/// Reads the Applications of a file. Objects of other kinds are errors: who names a file means all of it.
#[must_use]
pub fn read(path: &str, bytes: &[u8]) -> (Vec<Application>, Vec<Diagnostic>) {
    let origin = |line, column| Origin { path: path.to_owned(), line, column };
    let reading = yaml::read(bytes, Limits::default());
    let mut findings = Vec::new();
    for problem in reading.problems {
        findings.push(Diagnostic::error(origin(problem.line, problem.column), problem.message));
    }
    let file = Places::of_document(path, bytes, 0);
    let mut applications = Vec::new();
    for document in reading.documents {
        let (origin, places) = (origin(document.line, 0), file.document(document.index));
        applications.extend(Object { origin, places, findings: &mut findings }.application(document.value));
    }
    if applications.is_empty() && findings.is_empty() {
        findings.push(Diagnostic::error(origin(0, 0), "there is no Application in this file"));
    }
    findings.sort();
    (applications, findings)
}

/// Reads the Application that an object is, which stands at `origin`, its fields in these places.
#[must_use]
pub fn of_object(body: Value, origin: &Origin, places: Places) -> (Option<Application>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let application = Object { origin: origin.clone(), places, findings: &mut findings }.application(body);
    findings.sort();
    (application, findings)
}

/// An object that is being read.
struct Object<'f> {
    origin: Origin,
    places: Places,
    findings: &'f mut Vec<Diagnostic>,
}

impl Object<'_> {
    fn application(mut self, body: Value) -> Option<Application> {
        let text = |path: &[&str]| body.at(path).and_then(Value::as_str).unwrap_or_default();
        let (version, kind) = (text(&["apiVersion"]), text(&["kind"]));
        if (version, kind) != (API_VERSION, "Application") {
            self.findings.push(Diagnostic::error(self.origin, refusal(version, kind)));
            return None;
        }
        let name = text(&["metadata", "name"]).parse::<AppName>().map_err(|error| error.to_string());
        let namespace = Some(text(&["metadata", "namespace"]).to_owned()).filter(|namespace| !namespace.is_empty());
        let before = self.findings.len();
        let name = name.map_err(|message| self.error("/metadata/name", message)).ok();
        let spec = self.spec(&body);
        if let Some(spec) = &spec {
            self.check(spec);
        }
        let sound = self.findings[before..].iter().all(|finding| finding.level != Level::Error);
        let Self { origin, places, .. } = self;
        let (name, spec) = (name?, spec?);
        sound.then_some(Application { name, namespace, spec, body, origin, places })
    }

    fn spec(&mut self, body: &Value) -> Option<Spec> {
        let Some(spec) = body.get("spec") else {
            self.error("", "an Application needs a `spec`".to_owned());
            return None;
        };
        let decoded = decode::<Spec>(without_nulls(spec));
        for pointer in decoded.unknown {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            let message = format!("`spec.{field}` is no field that is known here: it has no effect");
            let origin = self.place(&format!("/spec{pointer}"));
            self.findings.push(Diagnostic::lint(origin, "unknown-application-field", message));
        }
        match decoded.value {
            Ok(spec) => Some(spec),
            Err((pointer, message)) => {
                self.error(&format!("/spec{pointer}"), message);
                None
            }
        }
    }

    fn check(&mut self, spec: &Spec) {
        let Destination { server, name, .. } = &spec.destination;
        if !server.is_empty() && !name.is_empty() {
            self.error("/spec/destination", "a destination has a `server` or a `name`, not both".to_owned());
        }
        if spec.source_hydrator.is_some() {
            let message = "a source hydrator is not run: name the branch that it writes as the source".to_owned();
            self.error("/spec/sourceHydrator", message);
        }
        let sources = spec.sources();
        if sources.is_empty() && spec.source_hydrator.is_none() {
            self.error("/spec", "an Application needs a `source` or `sources`".to_owned());
        }
        for (pointer, source) in sources {
            for (field, message) in faults(source) {
                self.error(&format!("{pointer}{field}"), message);
            }
        }
    }

    fn error(&mut self, pointer: &str, message: String) {
        let origin = self.place(pointer);
        self.findings.push(Diagnostic::error(origin, message));
    }

    fn place(&self, pointer: &str) -> Origin {
        self.places.find(pointer).unwrap_or_else(|| self.origin.clone())
    }
}

/// What is said of an object that is no Application.
fn refusal(version: &str, kind: &str) -> String {
    match kind {
        "ApplicationSet" => "an ApplicationSet is not read: write out the Applications that it makes".to_owned(),
        _ if version.contains(".toolkit.fluxcd.io/") => format!(
            "Flux's {kind} is not read: write an Application with the same source (docs/sources.md says what each of its \
             fields does)"
        ),
        _ => format!("this is `{kind}` of `{version}`, not Application of {API_VERSION}"),
    }
}

/// What is wrong with one source, and with which of its fields.
fn faults(source: &Source) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    if source.repo_url.is_empty() {
        faults.push(("/repoURL", "a source needs a `repoURL`".to_owned()));
    }
    match (source.path.is_empty(), source.chart.is_empty()) {
        (true, true) if source.reference.is_empty() => {
            faults.push(("", "a source needs a `path` or a `chart`".to_owned()));
        }
        (false, false) => faults.push(("", "a source has a `path` or a `chart`, not both".to_owned())),
        (_, false) if source.target_revision.is_empty() => {
            faults.push(("/targetRevision", "a chart needs its version as `targetRevision`".to_owned()));
        }
        _ if source.is_artifact() && source.target_revision.is_empty() => {
            let message = "an artifact of a registry needs its tag, digest or range of versions as `targetRevision`";
            faults.push(("/targetRevision", message.to_owned()));
        }
        _ => {}
    }
    if source.path.starts_with('/') || source.path.split('/').any(|part| part == "..") {
        faults.push(("/path", format!("the path `{}` leads out of the repository", source.path)));
    }
    if !source.reference.is_empty() && !source.chart.is_empty() {
        faults.push(("/ref", "a chart cannot lend its files: `ref` goes with a repository".to_owned()));
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
