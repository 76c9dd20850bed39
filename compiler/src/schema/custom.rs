//! Custom kinds: the structural schemas of CustomResourceDefinitions, among the manifests or as a server publishes them.
//!
//! In: the body of a definition (`apiextensions.k8s.io/v1`), or the schema of one of its versions. Out: a [`Custom`]: the
//! schema in our model. A schema that is not there, or that the server would not take as structural, lets everything
//! through where it is wrong.

use std::borrow::Cow;

use crate::canon::{Map, Value};

use super::complete;
use super::condition::Condition;
use super::model::{Apart, Field, Form, Key, List, Model, Node, NodeId, Null, Object, Others};

/// How deep a schema may be. What is deeper lets everything through.
const DEEPEST: usize = 100;

/// One version of a custom kind.
#[derive(Debug)]
pub(super) struct Custom<'a> {
    pub(super) model: Model<'a>,
    pub(super) top: NodeId,
    /// Whether `status` is kept where an object is applied. With a status subresource it is read, and then dropped.
    pub(super) keeps_status: bool,
    /// What must hold of the metadata: only of names can a definition say anything.
    pub(super) metadata: Option<Condition<'a>>,
    /// The schema, where its defaults can make a difference to what is found.
    defaults: Option<&'a Map>,
}

/// The schema of a version of a definition, and whether objects keep their `status` where they are applied.
pub(super) fn schema_of<'a>(definition: &'a Value, version: &str) -> Option<(&'a Map, bool)> {
    if definition.at(&["spec", "preserveUnknownFields"]).and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let versions = definition.at(&["spec", "versions"])?.items();
    let found = versions.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(version))?;
    let keeps_status = found.at(&["subresources", "status"]).is_none();
    Some((found.at(&["schema", "openAPIV3Schema"])?.as_map()?, keeps_status))
}

impl<'a> Custom<'a> {
    /// Reads a version of a definition.
    pub(super) fn of(definition: &'a Value, version: &str) -> Option<Self> {
        schema_of(definition, version).map(|(schema, keeps_status)| Self::of_schema(schema, keeps_status))
    }

    /// Reads a schema.
    pub(super) fn of_schema(schema: &'a Map, keeps_status: bool) -> Self {
        let mut reader = Reader { model: Model::default(), sees_defaults: false };
        let form = reader.object(schema, Inside::Top, 0);
        let condition = Condition::of(schema);
        reader.sees_defaults |= condition.as_ref().is_some_and(|condition| condition.sees_defaults());
        let top = reader.model.add_node(Node { form, null: Null::Refused, condition });
        let metadata = schema.get("properties").and_then(|fields| fields.get("metadata"));
        let metadata = metadata.filter(|metadata| metadata.get("properties").is_some());
        let defaults = (reader.sees_defaults && complete::has_defaults(schema, 0)).then_some(schema);
        let metadata = metadata.map(|schema| Condition::of_all(schema, 0));
        Self { model: reader.model, top, keeps_status, metadata, defaults }
    }

    /// An object as the rules of its kind see it.
    pub(super) fn completed<'b>(&self, body: &'b Value) -> Cow<'b, Value> {
        let Some(schema) = self.defaults else { return Cow::Borrowed(body) };
        let mut body = body.clone();
        complete::complete(schema, &mut body, 0);
        Cow::Owned(body)
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

struct Reader<'a> {
    model: Model<'a>,
    /// Whether a condition was found that defaults make a difference to.
    sees_defaults: bool,
}

impl<'a> Reader<'a> {
    fn node(&mut self, schema: &'a Map, depth: usize) -> NodeId {
        let is = |flag: &str| schema.get(flag).and_then(Value::as_bool) == Some(true);
        let form = match schema.get("type").and_then(Value::as_str) {
            _ if depth > DEEPEST => Form::Any,
            _ if is("x-kubernetes-int-or-string") => Form::AnyIntOrString,
            Some("boolean") => Form::Boolean,
            Some("integer") => Form::Integer,
            Some("number") => Form::Number,
            Some("string") => Form::String,
            Some("array") => self.list(schema, depth),
            Some("object") => {
                let inside = if is("x-kubernetes-embedded-resource") { Inside::Embedded } else { Inside::Schema };
                self.object(schema, inside, depth)
            }
            _ => Form::Any,
        };
        let null = match (is("nullable") || matches!(form, Form::Any), schema.contains_key("default")) {
            (true, _) => Null::Value,
            // The default takes its place.
            (false, true) => Null::Absent,
            (false, false) => Null::Refused,
        };
        let condition = if depth > DEEPEST { None } else { Condition::of(schema) };
        self.sees_defaults |= condition.as_ref().is_some_and(|condition| condition.sees_defaults());
        self.model.add_node(Node { form, null, condition })
    }

    fn object(&mut self, schema: &'a Map, inside: Inside, depth: usize) -> Form<'a> {
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
            fields.push(Field { name, node: self.node(schema, depth + 1), demanded });
        }
        if inside != Inside::Schema {
            // That an object of its own has a type is looked at long before.
            let demanded = inside == Inside::Embedded;
            let condition = demanded.then(Condition::not_empty);
            let text = self.model.add_node(Node { form: Form::String, null: Null::Absent, condition });
            fields.push(Field { name: "apiVersion", node: text, demanded });
            fields.push(Field { name: "kind", node: text, demanded });
            fields.push(Field { name: "metadata", node: self.model.add(Form::Metadata), demanded: false });
        }
        let preserves = schema.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true);
        let others = match schema.get("additionalProperties") {
            Some(Value::Map(each)) => Others::Each(self.node(each, depth + 1)),
            Some(Value::Bool(true)) => Others::Any,
            _ if preserves => Others::Any,
            // To the server an object without any properties may have all of them.
            None if inside == Inside::Schema && properties.is_none_or(Map::is_empty) => Others::Any,
            _ => Others::Unknown,
        };
        Form::Object(Object::new(fields, others))
    }

    fn list(&mut self, schema: &'a Map, depth: usize) -> Form<'a> {
        let Some(items) = schema.get("items").and_then(Value::as_map) else { return Form::Any };
        let names = schema.get("x-kubernetes-list-map-keys").map(Value::items).unwrap_or_default();
        let key = |name: &'a Value| {
            let name = name.as_str()?;
            let default = items.get("properties").and_then(|fields| fields.get(name)?.get("default")?.as_str());
            Some(Key { name, default })
        };
        let apart = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("map") if !names.is_empty() => Apart::Keys(names.iter().filter_map(key).collect()),
            Some("set") => Apart::Values,
            _ => Apart::Not,
        };
        Form::List(List { item: self.node(items, depth + 1), apart })
    }
}
