//! OpenAPI as the server tells it: one document for each group and version, put together.
//!
//! In: the API server. Out: every definition by its name, and every kind that can be applied. Kinds that
//! CustomResourceDefinitions made are left out.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Error;
use crate::cluster::Api;

/// How the names of Kubernetes' own definitions begin.
const OWN: [&str; 3] = ["io.k8s.api.", "io.k8s.apiextensions-apiserver.", "io.k8s.kube-aggregator."];

/// What all documents say together.
pub(super) struct Documents {
    definitions: BTreeMap<String, Json>,
    /// By `apiVersion` and kind.
    pub(super) kinds: BTreeMap<(String, String), Kind>,
}

/// A kind that can be applied.
pub(super) struct Kind {
    /// Where, with `{name}` and perhaps `{namespace}` in it.
    pub(super) path: String,
    /// The name of its definition.
    pub(super) definition: String,
}

/// Asks for JSON.
pub(super) fn get(api: &Api, path: &str) -> Result<Json, Error> {
    let reply = api.get(path)?;
    if reply.status == 200 {
        Ok(reply.json())
    } else {
        Err(Error::Answer { path: path.to_owned(), status: reply.status })
    }
}

impl Documents {
    pub(super) fn read(api: &Api) -> Result<Self, Error> {
        let mut documents = Self { definitions: BTreeMap::new(), kinds: BTreeMap::new() };
        let index = get(api, "/openapi/v3")?;
        for (_, entry) in index["paths"].as_object().into_iter().flatten() {
            if let Some(url) = entry["serverRelativeURL"].as_str() {
                documents.add(get(api, url)?);
            }
        }
        Ok(documents)
    }

    fn add(&mut self, mut document: Json) {
        for (path, operations) in document["paths"].as_object().into_iter().flatten() {
            if let Some((name, kind)) = applied_kind(path, &operations["patch"]) {
                self.kinds.insert(name, kind);
            }
        }
        if let Json::Object(schemas) = document["components"]["schemas"].take() {
            self.definitions.extend(schemas);
        }
    }

    /// What a schema is, behind its references, and the name of the definition where it is one.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Json) -> (&'a Json, Option<&'a str>) {
        let (mut schema, mut name) = (schema, None);
        // No definition is a reference to itself; the bound is for one that would be.
        for _ in 0..16 {
            let reference = match schema["allOf"].as_array().map(Vec::as_slice) {
                Some([one]) => &one["$ref"],
                _ => &schema["$ref"],
            };
            let Some(found) = reference.as_str().and_then(|text| text.rsplit('/').next()) else { break };
            let Some((found, definition)) = self.definitions.get_key_value(found) else { break };
            (schema, name) = (definition, Some(found.as_str()));
        }
        (schema, name)
    }

    /// A definition by its name.
    pub(super) fn definition(&self, name: &str) -> &Json {
        self.definitions.get(name).unwrap_or(&Json::Null)
    }
}

/// The kind that a path is for, where objects are applied at it.
fn applied_kind(path: &str, operation: &Json) -> Option<((String, String), Kind)> {
    if !path.ends_with("/{name}") {
        return None;
    }
    let name = &operation["x-kubernetes-group-version-kind"];
    let part = |part: &str| name[part].as_str();
    let api_version = match part("group")? {
        "" => part("version")?.to_owned(),
        group => format!("{group}/{}", part("version")?),
    };
    let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
    let definition = schema.as_str()?.rsplit('/').next()?.to_owned();
    let own = OWN.iter().any(|prefix| definition.starts_with(prefix));
    own.then(|| {
        ((api_version, part("kind").unwrap_or_default().to_owned()), Kind { path: path.to_owned(), definition })
    })
}
