//! The document of the API: the table of what is served and the types of its bodies, as OpenAPI 3.1. Pure.
//!
//! In: nothing. Out: JSON, which `schemas/openapi.json` publishes and a test compares with this.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::answer::ErrorJson;
use super::asked::{COOKIE_NAME, CSRF_HEADER};
use super::asks::{HoldAsk, PatchAsk, RefreshAsk, ReleaseAsk, RollbackAsk, SignInAsk, SyncAsk};
use super::definition;
use super::live::LogEntryJson;
use super::managed::ManagedListJson;
use super::routes::{Action, Door, Route, Verb};
use super::selector;
use super::shapes::{
    ClusterJson, GraphShown, ItemsJson, ListMetaJson, ManifestJson, ManifestsJson, RepositoryJson, RightsJson,
    RowEventJson, RowsJson, SettingsJson, SignedInJson, UserInfoJson, VersionJson,
};
use super::table::ROUTES;
use super::tree::TreeJson;
use crate::json::{DiffJson, EventJson, HistoryJson, PlanJson};

/// Where schemas are.
const SCHEMAS: &str = "/components/schemas";

/// The document.
#[must_use]
pub fn document() -> Json {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Json>> = BTreeMap::new();
    for route in ROUTES.iter().filter(|route| !is_for_browsers(route)) {
        let method = route.verb.name().to_lowercase();
        paths.entry(route.path).or_default().insert(method, operation(route, &mut schemas));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "kubectl-gitops",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Paths below /api/v1 are Argo CD's, with its shapes; those below /api/gitops/v1 are ours.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.done(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token that the API server knows."},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE_NAME},
                "csrf": {
                    "type": "apiKey", "in": "header", "name": CSRF_HEADER,
                    "description": "With a session, for whatever is no read.",
                },
            },
        },
    })
}

/// Whether it sends browsers elsewhere, and has no bodies.
fn is_for_browsers(route: &Route) -> bool {
    route.path.starts_with("/auth/")
}

fn operation(route: &Route, schemas: &mut Schemas) -> Json {
    let content_type = if is_stream(route.action) { "text/event-stream" } else { "application/json" };
    let mut operation = json!({
        "operationId": id(route),
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": {
            "200": {"description": "Done.", "content": {content_type: {"schema": schemas.given(route.gives)}}},
            "default": {
                "description": "Not done.",
                "content": {"application/json": {"schema": schemas.given("Error")}},
            },
        },
        "security": security(route),
    });
    if !route.takes.is_empty() {
        let schema = schemas.taken(route.takes);
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    operation
}

/// A name for each, although two paths may lead to one action.
fn id(route: &Route) -> String {
    let more = if route.path.contains("{podName}") { "OfPod" } else { "" };
    format!("{:?}{more}", route.action)
}

fn is_stream(action: Action) -> bool {
    matches!(action, Action::Watch | Action::WatchRows | Action::WatchTree | Action::WatchRun | Action::Logs)
}

fn security(route: &Route) -> Json {
    let session = if route.verb == Verb::Get { json!({"session": []}) } else { json!({"session": [], "csrf": []}) };
    match route.door {
        Door::Open => json!([]),
        Door::Ajar => json!([{}, {"token": []}, session]),
        Door::Closed => json!([{"token": []}, session]),
    }
}

fn parameters(route: &Route) -> Vec<Json> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let name = json!({"type": "string", "pattern": definition::NAME, "maxLength": 253});
    let in_path = in_path.map(|part| json!({"name": part, "in": "path", "required": true, "schema": name}));
    let in_query = route.query.iter().copied().flatten();
    let in_query = in_query.map(|part| {
        let mut parameter = json!({"name": part, "in": "query", "schema": query_schema(part)});
        if is_needed(route, part) {
            parameter["required"] = true.into();
        }
        parameter
    });
    in_path.chain(in_query).collect()
}

/// Without what nothing can be answered.
fn is_needed(route: &Route, name: &str) -> bool {
    match route.action {
        Action::Resource => matches!(name, "kind" | "resourceName"),
        Action::Logs => name == "podName" && !route.path.contains("{podName}"),
        _ => false,
    }
}

fn query_schema(name: &str) -> Json {
    match name {
        "sinceSeconds" => json!({"type": "integer", "minimum": 1, "maximum": i64::MAX}),
        "limit" | "tailLines" | "resourceVersion" | "release" => {
            json!({"type": "integer", "minimum": 0, "maximum": i64::MAX})
        }
        "from" | "to" => json!({"type": "string", "pattern": "^([0-9]{1,18}|live)$"}),
        "selector" => json!({"type": "string", "pattern": selector::pattern()}),
        "continue" => json!({"type": "string", "pattern": "/"}),
        "follow" | "previous" | "cascade" | "upsert" | "prune" => json!({"type": "boolean"}),
        "project" | "sync" | "health" => json!({"type": "array", "items": {"type": "string"}}),
        "refresh" => json!({"enum": ["", "normal", "hard", "true"]}),
        "propagationPolicy" => json!({"enum": ["", "foreground", "background", "orphan"]}),
        _ => json!({"type": "string"}),
    }
}

/// The schemas of bodies, by name.
struct Schemas {
    given: SchemaGenerator,
    taken: SchemaGenerator,
    written: BTreeMap<&'static str, Json>,
}

impl Schemas {
    fn new() -> Self {
        let settings = |settings: SchemaSettings| {
            settings.with(|settings| settings.definitions_path = SCHEMAS.into()).into_generator()
        };
        Self {
            given: settings(SchemaSettings::draft2020_12().for_serialize()),
            taken: settings(SchemaSettings::draft2020_12().for_deserialize()),
            written: BTreeMap::new(),
        }
    }

    fn given(&mut self, name: &str) -> Json {
        let given = &mut self.given;
        match name {
            "Error" => of::<ErrorJson>(given),
            "Version" => of::<VersionJson>(given),
            "Settings" => of::<SettingsJson>(given),
            "UserInfo" => of::<UserInfoJson>(given),
            "Rows" => of::<RowsJson>(given),
            "RowEvents" => of::<RowEventJson>(given),
            "Rights" => of::<RightsJson>(given),
            "History" => of::<HistoryJson>(given),
            "Graph" => of::<GraphShown>(given),
            "Resource" => of::<ManifestJson>(given),
            "Manifests" => of::<ManifestsJson>(given),
            "Tree" => of::<TreeJson>(given),
            "TreeEvents" => {
                let tree = of::<TreeJson>(given);
                json!({"type": "object", "required": ["result"], "properties": {"result": tree}})
            }
            "ManagedResources" => of::<ManagedListJson>(given),
            "Diff" => of::<DiffJson>(given),
            "Plan" => of::<PlanJson>(given),
            "RunEvents" => of::<EventJson>(given),
            "ClusterList" => of::<ItemsJson<ClusterJson>>(given),
            "RepositoryList" => of::<ItemsJson<RepositoryJson>>(given),
            "LogEntries" => {
                let entry = of::<LogEntryJson<'_>>(given);
                json!({"type": "object", "required": ["result"], "properties": {"result": entry}})
            }
            "ApplicationList" => {
                let (metadata, item) = (of::<ListMetaJson>(given), self.kubernetes("Application"));
                json!({
                    "type": "object",
                    "properties": {"metadata": metadata, "items": {"type": "array", "items": item}},
                })
            }
            "ApplicationEvents" => {
                let (kinds, application) = (["ADDED", "MODIFIED", "DELETED"], self.kubernetes("Application"));
                let result = json!({
                    "type": "object",
                    "properties": {"type": {"enum": kinds}, "application": application},
                });
                json!({"type": "object", "required": ["result"], "properties": {"result": result}})
            }
            "SignedIn" => of::<SignedInJson>(given),
            "Empty" => json!({"type": "object"}),
            "Application" => self.kubernetes("Application"),
            "ApplicationSpec" => self.spec(),
            "ProjectList" => self.list_of("AppProject"),
            "EventList" => self.list_of("Event"),
            other => unknown(other),
        }
    }

    fn taken(&mut self, name: &str) -> Json {
        let taken = &mut self.taken;
        match name {
            "SignIn" => of::<SignInAsk>(taken),
            "SyncRequest" => of::<SyncAsk>(taken),
            "RollbackRequest" => of::<RollbackAsk>(taken),
            "PatchRequest" => of::<PatchAsk>(taken),
            "RefreshRequest" => of::<RefreshAsk>(taken),
            "HoldRequest" => of::<HoldAsk>(taken),
            "ReleaseRequest" => of::<ReleaseAsk>(taken),
            "NewApplication" => {
                let nothing = json!({"type": ["object", "null"], "maxProperties": 0});
                definition::object(
                    json!({
                        "metadata": definition::metadata(true), "spec": self.taken_spec(), "status": nothing,
                        "operation": nothing,
                    }),
                    &["metadata", "spec"],
                )
            }
            "Application" => definition::object(
                json!({"metadata": definition::metadata(false), "spec": self.taken_spec()}),
                &["spec"],
            ),
            "ApplicationSpec" => self.taken_spec(),
            other => unknown(other),
        }
    }

    /// What people may send as a spec.
    fn taken_spec(&mut self) -> Json {
        self.written.insert("NewApplicationSpec", definition::spec());
        json!({"$ref": format!("#{SCHEMAS}/NewApplicationSpec")})
    }

    /// An object of Kubernetes. Its definition says more of it.
    fn kubernetes(&mut self, kind: &'static str) -> Json {
        let spec = if kind == "Application" { self.spec() } else { json!({"type": "object"}) };
        let schema = json!({
            "type": "object",
            "properties": {
                "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
                "spec": spec, "status": {"type": "object"},
            },
        });
        self.written.insert(kind, schema);
        json!({"$ref": format!("#{SCHEMAS}/{kind}")})
    }

    fn spec(&mut self) -> Json {
        let schema = json!({
            "type": "object",
            "description": "As the CustomResourceDefinition of Applications has it.",
            "properties": {
                "project": {"type": "string"}, "source": {"type": "object"}, "destination": {"type": "object"},
                "sources": {"type": "array", "items": {"type": "object"}}, "syncPolicy": {"type": "object"},
            },
        });
        self.written.insert("ApplicationSpec", schema);
        json!({"$ref": format!("#{SCHEMAS}/ApplicationSpec")})
    }

    fn list_of(&mut self, kind: &'static str) -> Json {
        let item = self.kubernetes(kind);
        json!({
            "type": "object", "required": ["items"],
            "properties": {"metadata": {"type": "object"}, "items": {"type": "array", "items": item}},
        })
    }

    fn done(mut self) -> BTreeMap<String, Json> {
        let mut all: BTreeMap<String, Json> =
            self.written.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
        all.extend(self.given.take_definitions(true));
        all.extend(self.taken.take_definitions(true));
        all
    }
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Json {
    generator.subschema_for::<T>().into()
}

/// A name that nobody wrote a schema for; a test finds it.
fn unknown(name: &str) -> Json {
    json!({"$ref": format!("#{SCHEMAS}/{name}")})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn references(value: &Json, found: &mut BTreeSet<String>) {
        match value {
            Json::Object(object) => {
                found.extend(object.get("$ref").and_then(Json::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Json::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn whatever_is_named_is_there() {
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
        let ids: Vec<String> = ROUTES.iter().map(id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!(ROUTES.iter().all(|route| !route.summary.is_empty() && !route.gives.is_empty()));
    }
}
