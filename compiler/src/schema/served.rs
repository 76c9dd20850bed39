//! Kinds as a server publishes them: documents of OpenAPI v3, one for each group and version.
//!
//! In: documents that somebody fetched. Out: [`ServedKind`]s in our model. A custom kind is published as its definition has
//! it, but for the names that its metadata may have. Of kinds that a server has in Go (Kubernetes' own, and those of
//! aggregated servers) the document knows the fields and their types; what it calls required is not what the server
//! demands, so that nothing is missing from them.

use std::collections::{BTreeMap, HashMap};

use crate::canon::{Map, Value};
use crate::name::group_of;

use super::custom::Custom;
use super::model::{Apart, Field, Form, Key, List, Model, NodeId, Object, Others};

/// How deep a type may be, with what it refers to. What is deeper may be anything.
const DEEPEST: usize = 200;

/// Documents by `apiVersion`.
#[derive(Debug, Default)]
pub struct Documents(BTreeMap<String, Value>);

/// A kind of a document.
pub(super) enum ServedKind<'a> {
    /// Of a CustomResourceDefinition.
    Custom(Box<Custom<'a>>),
    /// Of a type in Go.
    Typed(Model<'a>, NodeId),
}

impl Documents {
    /// Adds what a server publishes below `/openapi/v3` for a group and version.
    pub fn insert(&mut self, api_version: &str, document: serde_json::Value) {
        self.0.insert(api_version.to_owned(), Value::from(document));
    }

    /// What they say of a kind; none where they do not know it.
    pub(super) fn kind<'a>(&'a self, api_version: &str, kind: &str) -> Option<ServedKind<'a>> {
        let document = self.0.get(api_version)?;
        let schemas = document.at(&["components", "schemas"])?.as_map()?;
        let is_it = |schema: &Value| named(schema).iter().any(|name| is(name, api_version, kind));
        let (name, schema) = schemas.iter().find(|(_, schema)| is_it(schema))?;
        // A definition without a structural schema is published without fields: it says nothing.
        schema.get("properties")?;
        if *name == custom_name(api_version, kind) {
            let custom = Custom::of_schema(schema.as_map()?, !has_status(document, api_version, kind));
            return Some(ServedKind::Custom(Box::new(custom)));
        }
        let mut reader = Reader { schemas, model: Model::default(), known: HashMap::new() };
        let top = reader.definition(name, schema.as_map()?, 0);
        Some(ServedKind::Typed(reader.model, top))
    }
}

/// The kinds that a schema, or an operation, is for.
fn named(of: &Value) -> &[Value] {
    match of.get("x-kubernetes-group-version-kind") {
        Some(Value::Array(names)) => names,
        Some(name) => std::slice::from_ref(name),
        None => &[],
    }
}

fn is(name: &Value, api_version: &str, kind: &str) -> bool {
    let part = |part: &str| name.get(part).and_then(Value::as_str).unwrap_or_default();
    let version = api_version.rsplit('/').next().unwrap_or_default();
    part("group") == group_of(api_version) && part("version") == version && part("kind") == kind
}

/// How the server calls the schema of a custom kind: `io.acme.v1.Thing`. Types in Go are called by their packages.
fn custom_name(api_version: &str, kind: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let mut parts: Vec<&str> = group.split('.').collect();
    parts.reverse();
    format!("{}.{version}.{kind}", parts.join("."))
}

/// Whether there is a subresource for the status of a kind.
fn has_status(document: &Value, api_version: &str, kind: &str) -> bool {
    let paths = document.get("paths").and_then(Value::as_map);
    let is_status = |(path, operations): (&String, &Value)| {
        let operations = operations.as_map().into_iter().flat_map(Map::values);
        path.ends_with("/{name}/status") && operations.flat_map(named).any(|name| is(name, api_version, kind))
    };
    paths.into_iter().flatten().any(is_status)
}

/// Reads types.
struct Reader<'a> {
    schemas: &'a Map,
    model: Model<'a>,
    /// The definitions that were begun, by name.
    known: HashMap<&'a str, NodeId>,
}

impl<'a> Reader<'a> {
    fn definition(&mut self, name: &'a str, schema: &'a Map, depth: usize) -> NodeId {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        // It may contain itself.
        let id = self.model.add(Form::Any);
        self.known.insert(name, id);
        let form = own_form(name).unwrap_or_else(|| self.form(schema, depth));
        self.model.set(id, form);
        id
    }

    fn node(&mut self, schema: &'a Value, depth: usize) -> NodeId {
        let Some(schema) = schema.as_map().filter(|_| depth <= DEEPEST) else { return self.model.add(Form::Any) };
        if let Some((name, definition)) = self.referred(schema) {
            return self.definition(name, definition, depth);
        }
        let form = self.form(schema, depth);
        self.model.add(form)
    }

    /// The definition that a schema is a reference to.
    fn referred(&self, schema: &'a Map) -> Option<(&'a str, &'a Map)> {
        let reference = match schema.get("allOf").map(Value::items) {
            Some([one]) => one.get("$ref"),
            _ => schema.get("$ref"),
        };
        let (name, schema) = self.schemas.get_key_value(reference?.as_str()?.rsplit('/').next()?)?;
        Some((name, schema.as_map()?))
    }

    fn form(&mut self, schema: &'a Map, depth: usize) -> Form<'a> {
        let text = |name: &str| schema.get(name).and_then(Value::as_str);
        let is = |flag: &str| schema.get(flag).and_then(Value::as_bool) == Some(true);
        match (text("type"), text("format")) {
            _ if is("x-kubernetes-int-or-string") => Form::IntOrString,
            (Some("string"), Some("byte")) => Form::Bytes,
            (Some("string"), Some("date-time")) => Form::Time,
            (Some("string"), _) => Form::String,
            (Some("integer"), _) => Form::Integer,
            (Some("number"), _) => Form::Number,
            (Some("boolean"), _) => Form::Boolean,
            (Some("array"), _) => self.list(schema, depth),
            (Some("object"), _) => {
                let properties = schema.get("properties").and_then(Value::as_map);
                let field = |(name, schema): (&'a String, &'a Value)| Field {
                    name,
                    node: self.node(schema, depth + 1),
                    demanded: false,
                };
                let fields: Vec<Field<'a>> = properties.into_iter().flatten().map(field).collect();
                let others = match schema.get("additionalProperties") {
                    Some(each @ Value::Map(_)) => Others::Each(self.node(each, depth + 1)),
                    _ if fields.is_empty() || is("x-kubernetes-preserve-unknown-fields") => Others::Any,
                    _ => Others::Unknown,
                };
                Form::Object(Object::new(fields, others))
            }
            _ => Form::Any,
        }
    }

    fn list(&mut self, schema: &'a Map, depth: usize) -> Form<'a> {
        let Some(items) = schema.get("items") else { return Form::Any };
        let told_apart = schema.get("x-kubernetes-list-type").and_then(Value::as_str) == Some("map");
        let names = schema.get("x-kubernetes-list-map-keys").map(Value::items).unwrap_or_default();
        let fields = items.as_map().map(|items| self.referred(items).map_or(items, |(_, definition)| definition));
        let fields = fields.and_then(|item| item.get("properties"));
        let key = |name: &'a Value| {
            let name = name.as_str()?;
            let default = fields.and_then(|fields| fields.get(name)?.get("default")?.as_str());
            Some(Key { name, default: default.filter(|default| !default.is_empty()) })
        };
        let apart = if told_apart && !names.is_empty() {
            Apart::Keys(names.iter().filter_map(key).collect())
        } else {
            Apart::Not
        };
        Form::List(List { item: self.node(items, depth + 1), apart })
    }
}

/// The form of types that OpenAPI has no word for.
fn own_form(name: &str) -> Option<Form<'static>> {
    match name.strip_prefix("io.k8s.apimachinery.pkg.")? {
        "api.resource.Quantity" => Some(Form::Quantity),
        "apis.meta.v1.MicroTime" => Some(Form::MicroTime),
        "util.intstr.IntOrString" => Some(Form::IntOrString),
        _ => None,
    }
}
