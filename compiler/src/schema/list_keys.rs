//! The fields by which the API server tells the items of a list apart, found along a path.
//!
//! In: a kind, the schema of a custom one. Out: [`ListKeys`], which go down by field and item. What is not known has no keys.

use crate::canon::Value;

use super::kubernetes;
use super::model::{Apart, Form, NodeId, Others};

/// A place in the schema of a kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListKeys<'a>(At<'a>);

#[derive(Debug, Clone, Copy, Default)]
enum At<'a> {
    #[default]
    Nowhere,
    /// Of a kind of Kubernetes' own.
    Own(NodeId),
    /// An OpenAPI schema of a CustomResourceDefinition.
    Custom(&'a Value),
}

impl<'a> ListKeys<'a> {
    /// The top of a kind: of Kubernetes' own, or of a custom one with this schema.
    #[must_use]
    pub fn of(api_version: &str, kind: &str, custom: Option<&'a Value>) -> Self {
        let own = kubernetes::newest().kind(api_version, kind).map(At::Own);
        Self(own.or(custom.map(At::Custom)).unwrap_or_default())
    }

    /// A field of what is here.
    #[must_use]
    pub fn field(self, name: &str) -> Self {
        let at = match self.0 {
            At::Nowhere => None,
            At::Own(node) => match Self::form(node) {
                Some(Form::Object(object)) => match (object.field(name), object.others) {
                    (Some(field), _) => Some(At::Own(field.node)),
                    (None, Others::Each(each)) => Some(At::Own(each)),
                    (None, _) => None,
                },
                _ => None,
            },
            At::Custom(schema) => {
                let of_name = || schema.at(&["properties", name]);
                of_name().or_else(|| schema.get("additionalProperties")).map(At::Custom)
            }
        };
        Self(at.unwrap_or_default())
    }

    /// The items of the list that is here.
    #[must_use]
    pub fn item(self) -> Self {
        let at = match self.0 {
            At::Nowhere => None,
            At::Own(node) => match Self::form(node) {
                Some(Form::List(list)) => Some(At::Own(list.item)),
                _ => None,
            },
            At::Custom(schema) => schema.get("items").map(At::Custom),
        };
        Self(at.unwrap_or_default())
    }

    /// The fields that tell the items of the list here apart, with what each is where it is left out; none where this is
    /// no such list.
    #[must_use]
    pub fn keys(self) -> Vec<(String, Option<String>)> {
        match self.0 {
            At::Nowhere => Vec::new(),
            At::Own(node) => match Self::form(node) {
                Some(Form::List(list)) => match &list.apart {
                    Apart::Keys(keys) => {
                        keys.iter().map(|key| (key.name.to_owned(), key.default.map(str::to_owned))).collect()
                    }
                    Apart::Not | Apart::Values => Vec::new(),
                },
                _ => Vec::new(),
            },
            At::Custom(schema) => {
                let names = schema.get("x-kubernetes-list-map-keys").map(Value::items).unwrap_or_default();
                let default = |name: &str| schema.at(&["items", "properties", name, "default"])?.as_str();
                let key = |name: &str| (name.to_owned(), default(name).map(str::to_owned));
                names.iter().filter_map(Value::as_str).map(key).collect()
            }
        }
    }

    fn form(node: NodeId) -> Option<&'static Form<'static>> {
        kubernetes::newest().model.node(node).map(|node| &node.form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_those_of_the_schema() {
        let spec = ListKeys::of("apps/v1", "Deployment", None).field("spec").field("template").field("spec");
        let ports = spec.field("containers").item().field("ports");
        let tcp = Some("TCP".to_owned());
        assert_eq!(ports.keys(), [("containerPort".to_owned(), None), ("protocol".to_owned(), tcp)]);
        assert!(spec.field("nothing").item().keys().is_empty());
        let schema = Value::from(json!({"properties": {"a": {"x-kubernetes-list-map-keys": ["id"], "items": {}}}}));
        let custom = ListKeys::of("acme.io/v1", "Thing", Some(&schema));
        assert_eq!(custom.field("a").keys(), [("id".to_owned(), None)]);
        assert!(ListKeys::of("acme.io/v1", "Thing", None).field("a").keys().is_empty());
    }
}
