//! Binding a graph to a target: every key gets the namespace that it has there.
//!
//! In: a graph, the namespaces of kinds (from discovery), the destination. Out: [`Bound`], or all kinds that the
//! server does not know and all pairs of keys that become one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::depend::Node;
use crate::graph::{GraphResource, ResourceGraph};
use crate::name::{ResourceKey, Scope};

/// A graph with the keys that its resources have in one target.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The graph.
    pub graph: Arc<ResourceGraph>,
    keys: Vec<ResourceKey>,
    nodes: BTreeMap<ResourceKey, Node>,
    homes: Vec<(Node, Node)>,
    /// Absent where it is the graph's.
    order: Option<Vec<Node>>,
}

/// Why a graph cannot go to a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// The server has no such kind, and no CRD of the graph defines it.
    #[error("{key}: the server does not serve {kind} in {api_version}")]
    UnknownKind {
        /// The resource.
        key: ResourceKey,
        /// Its kind.
        kind: String,
        /// Its `apiVersion`.
        api_version: String,
    },
    /// Two resources are one object there.
    #[error("{first} and {second} are the same object in this target: {bound}")]
    SameObject {
        /// One key, as written.
        first: ResourceKey,
        /// The other.
        second: ResourceKey,
        /// What both become.
        bound: ResourceKey,
    },
}

impl Bound {
    /// Binds all keys. `namespaced` says of an `apiVersion` and kind whether it has namespaces, and `None` where the
    /// server does not know it; kinds that the graph's own CRDs define need not be known yet.
    pub fn new(
        graph: Arc<ResourceGraph>,
        destination: &str,
        namespaced: impl Fn(&str, &str) -> Option<bool>,
    ) -> Result<Self, Vec<BindError>> {
        let defined = defined_kinds(&graph);
        let mut errors = Vec::new();
        let mut keys = Vec::with_capacity(graph.resources().len());
        let mut nodes: BTreeMap<ResourceKey, Node> = BTreeMap::new();
        for (node, resource) in graph.resources().iter().enumerate() {
            let api_version = resource.api_version();
            let kind = (resource.key.group.as_str(), resource.key.kind.as_str());
            let known = namespaced(api_version, kind.1).or_else(|| defined.get(&kind).copied());
            let Some(known) = known else {
                errors.push(BindError::UnknownKind {
                    key: resource.key.clone(),
                    kind: resource.key.kind.clone(),
                    api_version: api_version.to_owned(),
                });
                continue;
            };
            let key = resource.key.bound(known, destination);
            keys.push(key.clone());
            if let Some(first) = nodes.insert(key.clone(), node) {
                let first = graph.resources()[first].key.clone();
                errors.push(BindError::SameObject { first, second: resource.key.clone(), bound: key });
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut homes = homes(&graph, &keys, &nodes, destination);
        let mut order = None;
        if !homes.is_empty() {
            let (reordered, met) = graph.order_with(&homes);
            (order, homes) = (Some(reordered), met);
        }
        Ok(Self { graph, keys, nodes, homes, order })
    }

    /// The graph's order, but that each resource comes after the Namespace that it was bound to.
    #[must_use]
    pub fn order(&self) -> &[Node] {
        self.order.as_deref().unwrap_or_else(|| self.graph.order())
    }

    /// Resources whose manifests name no namespace, and the Namespace of the graph that they were bound to. Those that
    /// the Namespace itself waits for are not among them.
    #[must_use]
    pub fn homes(&self) -> &[(Node, Node)] {
        &self.homes
    }

    /// The keys, by node.
    #[must_use]
    pub fn keys(&self) -> &[ResourceKey] {
        &self.keys
    }

    /// The keys of what stays in the cluster: all but those of hooks.
    pub fn content_keys(&self) -> impl Iterator<Item = &ResourceKey> {
        let has_hooks = self.graph.has_hooks();
        let all = self.keys.iter().zip(self.graph.resources());
        all.filter(move |(_, resource)| !has_hooks || resource.hook().is_none()).map(|(key, _)| key)
    }

    /// The node of a bound key.
    #[must_use]
    pub fn node(&self, key: &ResourceKey) -> Option<Node> {
        self.nodes.get(key).copied()
    }

    /// The resource of a bound key.
    #[must_use]
    pub fn resource(&self, key: &ResourceKey) -> Option<&GraphResource> {
        self.graph.resources().get(self.node(key)?)
    }
}

/// Each resource that was bound to the Namespace of the destination, and that Namespace, where the graph makes it.
fn homes(
    graph: &ResourceGraph,
    keys: &[ResourceKey],
    nodes: &BTreeMap<ResourceKey, Node>,
    destination: &str,
) -> Vec<(Node, Node)> {
    let home = ResourceKey::new("", "Namespace", Scope::Cluster.as_str(), destination);
    let Some(home) = nodes.get(&home) else { return Vec::new() };
    let bound = graph.resources().iter().zip(keys).enumerate().filter(|(_, (resource, key))| {
        resource.key.scope == Scope::Unbound && key.scope.namespace() == Some(destination)
    });
    bound.map(|(node, _)| (node, *home)).collect()
}

/// Whether the kinds that the graph's own CRDs define have namespaces.
fn defined_kinds(graph: &ResourceGraph) -> BTreeMap<(&str, &str), bool> {
    let definitions = graph.resources().iter().filter_map(GraphResource::definition);
    definitions.filter_map(|found| Some(((found.group, found.kind), found.scope? == "Namespaced"))).collect()
}
