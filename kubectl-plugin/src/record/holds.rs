//! What was rolled back and must not come back by itself.
//!
//! In: two graphs, the one that was taken back and the one that was gone back to. Out: whether a graph has all of their
//! difference: then it is held, whatever else it changes. One that changes any of it goes out. Pure.

use std::collections::BTreeSet;

use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::ResourceKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::head::StoredGraph;

/// A difference that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// The release that was taken back.
    pub release: u64,
    /// Its graph.
    pub taken_back: StoredGraph,
    /// The graph that was gone back to.
    pub back_to: StoredGraph,
    /// When.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// Who.
    pub actor: String,
}

/// A hold of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoldAll {
    /// Since when.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// Why, as people say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a graph has all of the difference between the graph that was taken back and the one that was gone back to.
/// Two equal graphs hold nothing.
#[must_use]
pub fn holds(taken_back: &ResourceGraph, back_to: &ResourceGraph, wanted: &ResourceGraph) -> bool {
    let keys: BTreeSet<&ResourceKey> =
        taken_back.resources().iter().chain(back_to.resources()).map(|resource| &resource.key).collect();
    let id = |graph: &ResourceGraph, key: &ResourceKey| graph.resource(key).map(|resource| resource.id);
    let mut differing = keys.into_iter().filter(|key| id(taken_back, key) != id(back_to, key)).peekable();
    differing.peek().is_some() && differing.all(|key| id(wanted, key) == id(taken_back, key))
}

/// How many holds were released, in words.
#[must_use]
pub fn released(count: usize) -> String {
    match count {
        0 => "nothing was held".to_owned(),
        1 => "1 hold released".to_owned(),
        _ => format!("{count} holds released"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_compiler::manifest;

    fn graph(objects: &[(&str, &str)]) -> ResourceGraph {
        let text: Vec<String> = objects
            .iter()
            .map(|(name, value)| {
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: {value:?}}}\n")
            })
            .collect();
        let (manifests, _) = manifest::read("a.yaml", text.join("---\n").as_bytes());
        ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
    }

    #[test]
    fn what_has_all_of_the_difference_is_held_and_nothing_else() {
        let back_to = graph(&[("a", "1"), ("b", "1"), ("gone", "1")]);
        let taken_back = graph(&[("a", "2"), ("b", "1"), ("new", "1")]);
        let held = |objects: &[(&str, &str)]| holds(&taken_back, &back_to, &graph(objects));
        assert!(held(&[("a", "2"), ("b", "1"), ("new", "1")]));
        assert!(held(&[("a", "2"), ("b", "9"), ("new", "1"), ("more", "1")]), "whatever else it changes");
        assert!(!held(&[("a", "3"), ("b", "1"), ("new", "1")]), "another value of what was taken back");
        assert!(!held(&[("a", "2"), ("b", "1")]), "a part of it is not there");
        assert!(!held(&[("a", "2"), ("b", "1"), ("new", "1"), ("gone", "1")]), "what it deleted is there");
        assert!(!holds(&back_to, &back_to, &back_to), "no difference");
    }
}
