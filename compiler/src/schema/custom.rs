//! The kinds of CustomResourceDefinitions that are among the manifests.
//!
//! In: the body of a definition (`apiextensions.k8s.io/v1`). Out: a [`Custom`] for one of its versions: the structural
//! schema in our model. A schema that is not there, or that the server would not take as structural, lets everything
//! through where it is wrong.

use crate::canon::{Map, Value};

use super::bounds::Bounds;
use super::model::{Field, Form, Key, List, Model, Node, NodeId, Null, Object, Others};

/// How deep a schema may be. What is deeper lets everything through.
const DEEPEST: usize = 100;

/// One version of a custom kind.
#[derive(Debug)]
pub(super) struct Custom<'a> {
    pub(super) model: Model<'a>,
    pub(super) top: NodeId,
    /// Whether `status` is kept where an object is applied. With a status subresource it is read, and then dropped.
    pub(super) keeps_status: bool,
}

impl<'a> Custom<'a> {
    /// Reads a version of a definition.
    pub(super) fn of(definition: &'a Value, version: &str) -> Option<Self> {
        if definition.at(&["spec", "preserveUnknownFields"]).and_then(Value::as_bool) == Some(true) {
            return None;
        }
        let versions = definition.at(&["spec", "versions"])?.items();
        let found = versions.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(version))?;
        let schema = found.at(&["schema", "openAPIV3Schema"])?.as_map()?;
        let mut model = Model::default();
        let form = object(&mut model, schema, Inside::Top, 0);
        let top = model.add(form);
        let keeps_status = found.at(&["subresources", "status"]).is_none();
        Some(Self { model, top, keeps_status })
    }
}

/// What an object is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// The kind itself.
    Top,
    /// A resource within another.
    Embedded,
    Schema,
}

fn node<'a>(model: &mut Model<'a>, schema: &'a Map, depth: usize) -> NodeId {
    let is = |flag: &str| schema.get(flag).and_then(Value::as_bool) == Some(true);
    let form = match schema.get("type").and_then(Value::as_str) {
        _ if depth > DEEPEST => Form::Any,
        _ if is("x-kubernetes-int-or-string") => Form::AnyIntOrString,
        Some("boolean") => Form::Boolean,
        Some("integer") => Form::Integer,
        Some("number") => Form::Number,
        Some("string") => Form::String,
        Some("array") => list(model, schema, depth),
        Some("object") => {
            let inside = if is("x-kubernetes-embedded-resource") { Inside::Embedded } else { Inside::Schema };
            object(model, schema, inside, depth)
        }
        _ => Form::Any,
    };
    let null = match (is("nullable") || matches!(form, Form::Any), schema.contains_key("default")) {
        (true, _) => Null::Value,
        // The default takes its place.
        (false, true) => Null::Absent,
        (false, false) => Null::Refused,
    };
    model.add_node(Node { form, null, bounds: Bounds::of(schema) })
}

fn object<'a>(model: &mut Model<'a>, schema: &'a Map, inside: Inside, depth: usize) -> Form<'a> {
    let properties = schema.get("properties").and_then(Value::as_map);
    let required = schema.get("required").map(Value::items).unwrap_or_default();
    let mut fields = Vec::new();
    for (name, schema) in properties.into_iter().flatten() {
        let Some(schema) = schema.as_map() else { continue };
        if inside != Inside::Schema && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        let listed = required.iter().any(|field| field.as_str() == Some(name));
        let demanded = listed && !schema.contains_key("default");
        fields.push(Field { name, node: node(model, schema, depth + 1), demanded });
    }
    if inside != Inside::Schema {
        // That an object of its own has a type is looked at long before.
        let demanded = inside == Inside::Embedded;
        let text = model.add(Form::String);
        fields.push(Field { name: "apiVersion", node: text, demanded });
        fields.push(Field { name: "kind", node: text, demanded });
        fields.push(Field { name: "metadata", node: model.add(Form::Metadata), demanded: false });
    }
    let preserves = schema.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true);
    let others = match schema.get("additionalProperties") {
        Some(Value::Map(each)) => Others::Each(node(model, each, depth + 1)),
        Some(Value::Bool(true)) => Others::Any,
        _ if preserves => Others::Any,
        // To the server an object without any properties may have all of them.
        None if inside == Inside::Schema && properties.is_none_or(Map::is_empty) => Others::Any,
        _ => Others::Unknown,
    };
    Form::Object(Object::new(fields, others))
}

fn list<'a>(model: &mut Model<'a>, schema: &'a Map, depth: usize) -> Form<'a> {
    let Some(items) = schema.get("items").and_then(Value::as_map) else { return Form::Any };
    let told_apart = schema.get("x-kubernetes-list-type").and_then(Value::as_str) == Some("map");
    let names = schema.get("x-kubernetes-list-map-keys").map(Value::items).unwrap_or_default();
    let key = |name: &'a Value| {
        let name = name.as_str()?;
        let default = items.get("properties").and_then(|fields| fields.get(name)?.get("default")?.as_str());
        Some(Key { name, default })
    };
    let keys = if told_apart { names.iter().filter_map(key).collect() } else { Vec::new() };
    Form::List(List { item: node(model, items, depth + 1), keys })
}
