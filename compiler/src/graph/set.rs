//! The graphs of several applications, as one: applications that render Applications.
//!
//! In: for each application who it is, where its objects go, its graph, and which application rendered it. Out: one id of
//! all of it. What waits for what across applications is in the graphs already: an application that renders others has
//! them as resources, with edges among them.

use std::collections::BTreeMap;

use crate::canon::{Encoder, Graph, Id};

/// An application, wherever it was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The namespace of its `Application`; empty where none is written.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// Where objects go.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The address of the cluster, or its name; empty for a bare folder.
    pub cluster: String,
    /// Where objects without a namespace go.
    pub namespace: String,
}

/// What an application is in a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where its objects go.
    pub destination: Place,
    /// Its graph.
    pub graph: Id<Graph>,
    /// The application that renders it, unless somebody named it.
    pub parent: Option<Identity>,
}

/// Applications with their graphs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphSet {
    members: BTreeMap<Identity, Member>,
}

impl GraphSet {
    /// Adds an application, in the place of one with the same identity.
    pub fn insert(&mut self, identity: Identity, member: Member) {
        self.members.insert(identity, member);
    }

    /// All applications, sorted.
    pub fn members(&self) -> impl Iterator<Item = (&Identity, &Member)> {
        self.members.iter()
    }

    /// The id of all of it.
    #[must_use]
    pub fn id(&self) -> Id<crate::canon::GraphSet> {
        let mut encoder = Encoder::new();
        encoder.list(self.members.len());
        for (identity, member) in &self.members {
            encoder.list(7);
            encoder.text(&identity.namespace);
            encoder.text(&identity.name);
            encoder.text(&member.destination.cluster);
            encoder.text(&member.destination.namespace);
            encoder.raw(member.graph.digest());
            let parent = member.parent.as_ref();
            encoder.text(parent.map_or("", |parent| &parent.namespace));
            encoder.text(parent.map_or("", |parent| &parent.name));
        }
        Id::of(&encoder.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: &[(&str, &str, Option<&str>)]) -> GraphSet {
        let identity = |name: &str| Identity { namespace: "argocd".to_owned(), name: name.to_owned() };
        let mut set = GraphSet::default();
        for (name, graph, parent) in members {
            let destination = Place { cluster: "here".to_owned(), namespace: "prod".to_owned() };
            let member = Member { destination, graph: Id::of(graph.as_bytes()), parent: parent.map(identity) };
            set.insert(identity(name), member);
        }
        set
    }

    /// A golden vector: this id never changes for format 1.
    #[test]
    fn the_id_is_pinned() {
        let set = set(&[("root", "x", None), ("shop", "y", Some("root"))]);
        insta::assert_snapshot!(set.id(), @"s1-biq57saixbix2bqfrbyilof7ml3xf3d6wy3wzkwplb6snf5ctuoq");
    }

    #[test]
    fn everything_but_the_order_counts() {
        let id = |members: &[(&str, &str, Option<&str>)]| set(members).id();
        let first = id(&[("a", "x", None), ("b", "y", None)]);
        assert_eq!(id(&[("b", "y", None), ("a", "x", None)]), first);
        assert_ne!(id(&[("a", "x", None), ("b", "y", Some("a"))]), first);
        assert_ne!(id(&[("a", "x", None), ("b", "z", None)]), first);
        assert_ne!(id(&[("a", "x", None), ("c", "y", None)]), first);
    }
}
