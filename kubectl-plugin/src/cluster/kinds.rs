//! Which kinds the server has: their plural names and whether they have namespaces.
//!
//! In: what a record remembers, what discovery says, what the CRDs of a graph define. Out: the path of any object.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use gitops_compiler::canon::Value;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::manifest::Definition;
use gitops_compiler::name::{ResourceKey, group_of};

/// How a kind is served.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Served {
    /// The name in paths.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// Kinds by `apiVersion` and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds {
    /// By the record, or by discovery.
    served: BTreeMap<(String, String), Served>,
    /// By the CRDs of graphs: served once those are established, perhaps never.
    defined: BTreeMap<(String, String), Served>,
    /// Whether the server was asked for all of them.
    discovered: bool,
    /// Groups whose own server did not answer then: they may have kinds that are not here.
    silent: BTreeSet<String>,
}

impl Kinds {
    /// Adds one.
    pub fn insert(&mut self, api_version: &str, kind: &str, served: Served) {
        self.served.insert((api_version.to_owned(), kind.to_owned()), served);
    }

    /// Nothing yet, of a server that is asked for all that it has.
    #[must_use]
    pub fn of_discovery() -> Self {
        Self { discovered: true, ..Self::default() }
    }

    /// Notes that the server behind a group did not answer.
    pub fn insert_silent(&mut self, group: &str) {
        self.silent.insert(group.to_owned());
    }

    /// Whether a kind of this group that is not here is certainly not served.
    #[must_use]
    pub fn has_all_of(&self, group: &str) -> bool {
        self.discovered && !self.silent.contains(group)
    }

    /// The groups whose own server did not answer.
    pub fn silent(&self) -> impl Iterator<Item = &str> {
        self.silent.iter().map(String::as_str)
    }

    /// The versions of APIs and of kinds that are served now, as Helm has them: `apps/v1`, `apps/v1/Deployment`.
    #[must_use]
    pub fn api_versions(&self) -> Vec<String> {
        let mut versions: BTreeSet<String> = self.served.keys().map(|(version, _)| version.clone()).collect();
        versions.extend(self.served.keys().map(|(version, kind)| format!("{version}/{kind}")));
        versions.into_iter().collect()
    }

    /// The kinds whose objects live in namespaces, each in its most stable and newest version.
    pub fn namespaced(&self) -> impl Iterator<Item = (&str, &str, &Served)> {
        let is_newest = |version: &str, kind: &str| {
            newest(&self.served, group_of(version), kind).is_some_and(|(newest, _)| newest == version)
        };
        let all = self.served.iter().map(|((version, kind), served)| (version.as_str(), kind.as_str(), served));
        all.filter(move |(version, kind, served)| served.namespaced && is_newest(version, kind))
    }

    /// How a kind is served, or will be.
    #[must_use]
    pub fn get(&self, api_version: &str, kind: &str) -> Option<&Served> {
        let name = (api_version.to_owned(), kind.to_owned());
        self.served.get(&name).or_else(|| self.defined.get(&name))
    }

    /// Whether a CRD of a graph defines a kind in this version.
    #[must_use]
    pub fn is_defined(&self, api_version: &str, kind: &str) -> bool {
        self.defined.contains_key(&(api_version.to_owned(), kind.to_owned()))
    }

    /// Takes what discovery says in the place of what the record said.
    pub fn replace(&mut self, discovered: Self) {
        *self = Self { defined: std::mem::take(&mut self.defined), ..discovered };
    }

    /// Adds the kinds that the CRDs of a graph define: they will be served once the CRDs are established.
    pub fn add_definitions(&mut self, graph: &ResourceGraph) {
        for crd in graph.resources() {
            let Some(Definition { group, kind, scope }) = crd.definition() else { continue };
            let Some(plural) = crd.body.at(&["spec", "names", "plural"]).and_then(Value::as_str) else { continue };
            let namespaced = scope == Some("Namespaced");
            for version in crd.body.at(&["spec", "versions"]).map(Value::items).unwrap_or_default() {
                let is_served = version.get("served") != Some(&Value::Bool(false));
                if let Some(name) = version.get("name").and_then(Value::as_str).filter(|_| is_served) {
                    let served = Served { plural: plural.to_owned(), namespaced };
                    self.defined.insert((format!("{group}/{name}"), kind.to_owned()), served);
                }
            }
        }
    }

    /// The most stable and newest version in which a kind of a group is served now; for objects that are only known by
    /// their key.
    #[must_use]
    pub fn served_version(&self, group: &str, kind: &str) -> Option<(&str, &Served)> {
        newest(&self.served, group, kind)
    }

    /// Likewise, or else in which it will be served.
    #[must_use]
    pub fn any_version(&self, group: &str, kind: &str) -> Option<(&str, &Served)> {
        self.served_version(group, kind).or_else(|| newest(&self.defined, group, kind))
    }

    /// The path of an object.
    #[must_use]
    pub fn path(&self, api_version: &str, key: &ResourceKey) -> Option<String> {
        let served = self.get(api_version, &key.kind)?;
        let name = super::request::encode(&key.name);
        Some(format!("{}/{name}", collection(api_version, served, key.scope.namespace())))
    }
}

fn newest<'a>(kinds: &'a BTreeMap<(String, String), Served>, group: &str, kind: &str) -> Option<(&'a str, &'a Served)> {
    let found = kinds.iter().filter(|((version, name), _)| name == kind && group_of(version) == group);
    let newest = found.min_by_key(|((api_version, _), _)| priority(api_version));
    newest.map(|((api_version, _), served)| (api_version.as_str(), served))
}

/// Orders versions as Kubernetes does, the preferred one first: `v2`, `v1`, `v1beta2`, `v1alpha1`, all others by name.
fn priority(api_version: &str) -> (u8, Reverse<u64>, Reverse<u64>, String) {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let numbers = |text: &str, word: &str| {
        let (major, minor) = text.split_once(word)?;
        Some((major.parse::<u64>().ok()?, minor.parse::<u64>().ok()?))
    };
    let parsed = version.strip_prefix('v').and_then(|text| {
        let stable = text.parse::<u64>().ok().map(|major| (0, major, 0));
        let beta = || numbers(text, "beta").map(|(major, minor)| (1, major, minor));
        let alpha = || numbers(text, "alpha").map(|(major, minor)| (2, major, minor));
        stable.or_else(beta).or_else(alpha)
    });
    let (stability, major, minor) = parsed.unwrap_or((3, 0, 0));
    (stability, Reverse(major), Reverse(minor), version.to_owned())
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
    fn versions_stand_in_the_order_of_kubernetes() {
        let mut versions = ["a/v1beta2", "a/v10", "a/foo", "a/v2", "a/v1alpha1", "a/v3alpha1", "a/v1", "a/v1beta10"];
        versions.sort_by_key(|version| priority(version));
        assert_eq!(versions, ["a/v10", "a/v2", "a/v1", "a/v1beta10", "a/v1beta2", "a/v3alpha1", "a/v1alpha1", "a/foo"]);
    }

    #[test]
    fn versions_are_told_as_helm_has_them() {
        let mut kinds = Kinds::default();
        let served = || Served { plural: "x".to_owned(), namespaced: true };
        for (version, kind) in [("v1", "Pod"), ("apps/v1", "Deployment"), ("apps/v1", "DaemonSet")] {
            kinds.insert(version, kind, served());
        }
        assert_eq!(kinds.api_versions(), ["apps/v1", "apps/v1/DaemonSet", "apps/v1/Deployment", "v1", "v1/Pod"]);
    }

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
        // Names of RBAC may hold anything; none leads elsewhere.
        kinds.insert("rbac.authorization.k8s.io/v1", "Role", Served { plural: "roles".to_owned(), namespaced: true });
        let odd = ResourceKey::new("rbac.authorization.k8s.io", "Role", "shop", "a/../b?c");
        let odd = kinds.path("rbac.authorization.k8s.io/v1", &odd);
        assert!(odd.is_some_and(|path| path.ends_with("/roles/a%2F..%2Fb%3Fc")));
    }
}
