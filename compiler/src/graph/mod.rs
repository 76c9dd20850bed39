//! The immutable, dependency-ordered graph of one application's resources.
//!
//! In: manifests and the edges among them. Out: a [`ResourceGraph`] with its ids and its one canonical order, or the
//! cycles that forbid one. It can only be made by [`ResourceGraph::build`] or read back by [`ResourceGraph::decode`],
//! so that one which exists is acyclic, sorted, and hashes to its id.
//!
//! # Ids
//!
//! - content root: key → resource of what stays in the cluster ("would the cluster change?");
//! - hook root: the same of hooks;
//! - graph: content root, hook root and edges. No name, place or time is in it: a comment, a moved file or a renamed
//!   application leaves all three alone, and a better edge rule changes only the last.

mod body;
mod build;
mod change;
mod codec;
mod cycle;
mod order;
mod outline;
mod root;
mod set;
mod shown;

pub use body::Body;
pub use build::{BuildError, Built};
pub use change::Change;
pub use codec::DecodeGraphError;
pub use cycle::Cycle;
pub use outline::Outline;
pub use set::{GraphSet, Identity, Member, Place};

pub(crate) use cycle::{Link, settle};
pub(crate) use shown::{LAST_APPLIED, SECRET, VALUES};

use memchr::memmem;

use crate::canon::{ContentRoot, Graph, HookRoot, Id, Resource, Value};
use crate::depend::{Barrier, Node, Rule, State, Strength};
use crate::manifest::{Definition, Hook, Policy, SyncOptions, sops};
use crate::name::ResourceKey;

/// A resource: a canonical body under its key.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphResource {
    /// Its key; the namespace as written.
    pub key: ResourceKey,
    /// Hash of the body. Never shown for Secrets, whose values could be guessed from it; see [`GraphResource::shown_id`].
    pub id: Id<Resource>,
    /// The whole body.
    pub body: Body,
}

/// An edge of a graph: its identity, without the provenance that `depend` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GraphEdge {
    /// The dependent.
    pub from: Node,
    /// The dependency.
    pub to: Node,
    /// What must hold of the dependency.
    pub state: State,
    /// Whether it could have been dropped.
    pub strength: Strength,
    /// What made it.
    pub rule: Rule,
}

/// A node that is deleted only after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletionWait {
    /// What waits.
    pub node: Node,
    /// What must be gone.
    pub after: Node,
    /// The rule that asks for it; absent where it is the reverse of creation.
    pub rule: Option<Rule>,
}

/// Nodes in an order in which each comes after all that it waits for; those of a lower rank first, then of a lower
/// number. What is part of a circle, or behind one, is missing.
pub(crate) fn topological(ranks: &[usize], waits: impl Iterator<Item = (Node, Node)> + Clone) -> Vec<Node> {
    order::order(ranks, waits)
}

/// Resources, edges and order of one application. Nodes are the resources in key order, then the barriers.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceGraph {
    id: Id<Graph>,
    content_root: Id<ContentRoot>,
    hook_root: Id<HookRoot>,
    resources: Vec<GraphResource>,
    barriers: Vec<Barrier>,
    edges: Vec<GraphEdge>,
    deletions: Vec<GraphEdge>,
    order: Vec<Node>,
}

impl ResourceGraph {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> Id<Graph> {
        self.id
    }

    /// The hash of what stays in the cluster.
    #[must_use]
    pub fn content_root(&self) -> Id<ContentRoot> {
        self.content_root
    }

    /// The hash of its hooks.
    #[must_use]
    pub fn hook_root(&self) -> Id<HookRoot> {
        self.hook_root
    }

    /// Whether any of its resources is a hook.
    #[must_use]
    pub fn has_hooks(&self) -> bool {
        self.hook_root != root::roots(&[]).1
    }

    /// The resources, sorted by key.
    #[must_use]
    pub fn resources(&self) -> &[GraphResource] {
        &self.resources
    }

    /// The resource with this key.
    #[must_use]
    pub fn resource(&self, key: &ResourceKey) -> Option<&GraphResource> {
        let found = self.resources.binary_search_by(|resource| resource.key.cmp(key));
        found.ok().map(|node| &self.resources[node])
    }

    /// The barriers, sorted; barrier `i` is node `resources + i`.
    #[must_use]
    pub fn barriers(&self) -> &[Barrier] {
        &self.barriers
    }

    /// The edges, sorted.
    #[must_use]
    pub fn edges(&self) -> &[GraphEdge] {
        &self.edges
    }

    /// The edges that order deletion and nothing else, sorted: their state is [`State::Absent`]. What has none is deleted
    /// before what it waited for; see [`ResourceGraph::deletion_waits`].
    #[must_use]
    pub fn deletions(&self) -> &[GraphEdge] {
        &self.deletions
    }

    /// What is deleted only after what, without circles: the reverse of all edges, and the edges for deletion, with the
    /// rules of these. They hold without the graph that comes next.
    #[must_use]
    pub fn deletion_waits(&self) -> Vec<DeletionWait> {
        let ends = |edge: &GraphEdge| (edge.from, edge.to, edge.strength);
        let links = cycle::deletion_links(self.edges.iter().map(ends), self.deletions.iter().map(ends));
        let rules = self.edges.iter().map(|_| None).chain(self.deletions.iter().map(|edge| Some(edge.rule)));
        // The reverse of what has no circles has none.
        let stay = if self.deletions.is_empty() { None } else { settle(self.order.len(), &links) };
        let stays = |index: &usize| stay.as_ref().is_none_or(|stay| stay[*index]);
        let waits = links.iter().zip(rules).enumerate().filter(|(index, _)| stays(index));
        waits.map(|(_, (link, rule))| DeletionWait { node: link.from, after: link.to, rule }).collect()
    }

    /// Whether what asks for an order of deletion has no circles.
    fn can_be_deleted(&self) -> bool {
        let hard = self.deletions.iter().filter(|edge| edge.strength == Strength::Hard);
        let nodes = self.resources.len() + self.barriers.len();
        self.deletions.is_empty() || order::order(&vec![0; nodes], hard.map(|edge| (edge.from, edge.to))).len() == nodes
    }

    /// An order like [`ResourceGraph::order`] in which some nodes wait for others besides, unless these wait for them.
    /// Also which of the `more` waits, of a node for another, it follows.
    #[must_use]
    pub fn order_with(&self, more: &[(Node, Node)]) -> (Vec<Node>, Vec<(Node, Node)>) {
        let edges = self.edges.iter().map(|edge| Link { from: edge.from, to: edge.to, class: 0 });
        let links: Vec<Link> = edges.chain(more.iter().map(|&(from, to)| Link { from, to, class: 1 })).collect();
        let stay = settle(self.order.len(), &links);
        let stays = |index: usize| stay.as_ref().is_none_or(|stay| stay[self.edges.len() + index]);
        let kept: Vec<(Node, Node)> = (0..more.len()).filter(|index| stays(*index)).map(|index| more[index]).collect();
        let ranks = order::ranks(&self.resources, self.barriers.len());
        let all = self.edges.iter().map(|edge| (edge.from, edge.to)).chain(kept.iter().copied());
        (order::order(&ranks, all), kept)
    }

    /// All nodes, each after everything that it waits for. The same graph has the same order on every machine.
    #[must_use]
    pub fn order(&self) -> &[Node] {
        &self.order
    }

    /// The resources in order.
    pub fn ordered(&self) -> impl Iterator<Item = &GraphResource> {
        self.order.iter().filter_map(|node| self.resources.get(*node))
    }

    /// The edges of one dependent, as positions in [`ResourceGraph::edges`].
    #[must_use]
    pub fn edges_of(&self, from: Node) -> std::ops::Range<usize> {
        let before = |node| self.edges.partition_point(|edge| edge.from < node);
        before(from)..before(from + 1)
    }

    /// How a node is called: the key of a resource, or the name of a barrier.
    #[must_use]
    pub fn node_name(&self, node: Node) -> String {
        let name_of =
            |node: Node| self.resources.get(node).map(|resource| resource.key.name.clone()).unwrap_or_default();
        match self.resources.get(node) {
            Some(resource) => resource.key.to_string(),
            None => {
                self.barriers.get(node - self.resources.len()).map(|barrier| barrier.name(&name_of)).unwrap_or_default()
            }
        }
    }
}

impl GraphResource {
    /// `apiVersion`, which every manifest has. A body that was withheld is a core Secret's, and so `v1`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.body.text_at(&["apiVersion"]).unwrap_or("v1")
    }

    /// What it defines, where it is a CustomResourceDefinition. No other body is decoded for the answer.
    #[must_use]
    pub fn definition(&self) -> Option<Definition<'_>> {
        Definition::is(&self.key).then(|| Definition::of(&self.key, &self.body)).flatten()
    }

    /// When it runs, where it is a hook of Argo CD or Helm rather than content.
    #[must_use]
    pub fn hook(&self) -> Option<Hook> {
        // Each graph that is read asks each resource, and few are hooks: that the word stands nowhere is found at once.
        memmem::find(self.body.bytes(), b"/hook")?;
        Hook::of(|name| self.annotation(name))
    }

    /// How it asks to be handled, in an application with these options.
    #[must_use]
    pub fn policy(&self, application: &SyncOptions) -> Policy {
        Policy::of(|name| self.annotation(name), |name| self.body.text_at(&["metadata", "labels", name]), application)
    }

    /// An annotation of the manifest.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.body.text_at(&["metadata", "annotations", name])
    }

    /// Whether this is a Secret whose values are written in the manifest, or some of them.
    #[must_use]
    pub fn is_plain_secret(&self) -> bool {
        // Of a body that is not stored nothing is known: its values may be guessed by its id as well as others.
        let has_values = || {
            if self.is_encrypted() {
                return !sops::open_values(&self.body).is_empty();
            }
            self.body.get("data").and_then(Value::as_map).is_some_and(|data| !data.is_empty())
        };
        self.key.is("", "Secret") && (*self.body == Value::Null || has_values())
    }

    /// Whether SOPS has encrypted it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.body.text_at(&[sops::SOPS, "mac"]).is_some() && sops::is_sops(&self.body)
    }
}

#[cfg(test)]
mod tests;
