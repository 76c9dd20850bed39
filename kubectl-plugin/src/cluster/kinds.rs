//! Which kinds the server has: their plural names and whether they have namespaces.
//!
//! In: what a record remembers, what discovery says, what the CRDs of a graph define. Out: the path of any object.

use std::collections::BTreeMap;

use gitops_compiler::canon::Value;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::manifest::Definition;
use gitops_compiler::name::{ResourceKey, group_of};

/// How a kind is served.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Served {
    /// The name in paths.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// Kinds by `apiVersion` and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds(BTreeMap<(String, String), Served>);

impl Kinds {
    /// Adds one.
    pub fn insert(&mut self, api_version: &str, kind: &str, served: Served) {
        self.0.insert((api_version.to_owned(), kind.to_owned()), served);
    }

    /// How a kind is served.
    #[must_use]
    pub fn get(&self, api_version: &str, kind: &str) -> Option<&Served> {
        self.0.get(&(api_version.to_owned(), kind.to_owned()))
    }

    /// All of them: `apiVersion`, kind, how it is served.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Served)> {
        self.0.iter().map(|((api_version, kind), served)| (api_version.as_str(), kind.as_str(), served))
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds the kinds that the CRDs of a graph define: they are served once the CRDs are established.
    pub fn add_definitions(&mut self, graph: &ResourceGraph) {
        for crd in graph.resources() {
            let Some(Definition { group, kind, scope }) = crd.definition() else { continue };
            let Some(plural) = crd.body.at(&["spec", "names", "plural"]).and_then(Value::as_str) else { continue };
            let namespaced = scope == Some("Namespaced");
            for version in crd.body.at(&["spec", "versions"]).map(Value::items).unwrap_or_default() {
                if let Some(name) = version.get("name").and_then(Value::as_str) {
                    let served = Served { plural: plural.to_owned(), namespaced };
                    self.insert(&format!("{group}/{name}"), kind, served);
                }
            }
        }
    }

    /// Any version in which a kind of a group is served; for objects that are only known by their key.
    #[must_use]
    pub fn any_version(&self, group: &str, kind: &str) -> Option<(&str, &Served)> {
        let mut found = self.0.iter().filter(|((version, name), _)| name == kind && group_of(version) == group);
        found.next_back().map(|((api_version, _), served)| (api_version.as_str(), served))
    }

    /// The path of an object.
    #[must_use]
    pub fn path(&self, api_version: &str, key: &ResourceKey) -> Option<String> {
        let served = self.get(api_version, &key.kind)?;
        Some(format!("{}/{}", collection(api_version, served, key.scope.namespace()), key.name))
    }
}

/// The path of a kind: of all its objects, or of those in one namespace.
#[must_use]
pub fn collection(api_version: &str, served: &Served, namespace: Option<&str>) -> String {
    let root = if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") };
    match namespace.filter(|_| served.namespaced) {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{}", served.plural),
        None => format!("{root}/{}", served.plural),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let mut kinds = Kinds::default();
        kinds.insert("v1", "ConfigMap", Served { plural: "configmaps".to_owned(), namespaced: true });
        kinds.insert("apps/v1", "Deployment", Served { plural: "deployments".to_owned(), namespaced: true });
        kinds.insert("v1", "Namespace", Served { plural: "namespaces".to_owned(), namespaced: false });
        let path = |version, key: ResourceKey| kinds.path(version, &key);
        assert_eq!(
            path("v1", ResourceKey::new("", "ConfigMap", "shop", "a")).as_deref(),
            Some("/api/v1/namespaces/shop/configmaps/a")
        );
        assert_eq!(
            path("apps/v1", ResourceKey::new("apps", "Deployment", "shop", "a")).as_deref(),
            Some("/apis/apps/v1/namespaces/shop/deployments/a")
        );
        assert_eq!(path("v1", ResourceKey::new("", "Namespace", "", "a")).as_deref(), Some("/api/v1/namespaces/a"));
        assert_eq!(path("v2", ResourceKey::new("", "Namespace", "", "a")), None);
        assert_eq!(kinds.any_version("apps", "Deployment").map(|found| found.0), Some("apps/v1"));
    }
}
