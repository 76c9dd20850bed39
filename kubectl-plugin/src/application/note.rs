//! Notes of an operation: what is asked for that Argo CD's CRD has no field for.
//!
//! In: `info` of an [`Operation`], pairs of names and values that every version of the CRD keeps. Out: what they ask for. A
//! note that is not known asks for nothing, as in Argo CD.

use std::time::Duration;

use gitops_compiler::graph::ResourceGraph;
use serde_json::{Value as Json, json};

use super::Operation;

/// Asks for a rollback; its value is the release, or nothing.
pub const ROLLBACK: &str = "kubectl-gitops/rollback";
/// Asks that nothing is applied any more; its value is why, or nothing.
pub const HOLD: &str = "kubectl-gitops/hold";
/// Asks that what is held may be applied again.
pub const RELEASE: &str = "kubectl-gitops/release";
/// Asks for a sync only where Git gives this: [`roots`] of a graph.
pub const GRAPH: &str = "kubectl-gitops/graph";
/// Asks that the sync waits until all objects are ready, for so many seconds.
pub const WAIT: &str = "kubectl-gitops/wait";
/// The name of a request, so that whoever follows it knows its answer from others.
pub const REQUEST: &str = "kubectl-gitops/request";

/// How the answer to a request begins that is of another graph than Git gives.
pub const OTHER_GRAPH: &str = "Git gives other manifests than those that are asked for";

/// No sync waits for longer than this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What is asked of holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding<'a> {
    /// Nothing may be applied, for this reason.
    Hold(Option<&'a str>),
    /// What is held may be applied again.
    Release,
}

/// What a graph would make of a cluster, in a text: its roots. Another version of ours may infer other edges, and so have
/// another id for the same graph.
#[must_use]
pub fn roots(graph: &ResourceGraph) -> String {
    format!("{} {}", graph.content_root(), graph.hook_root())
}

impl Operation {
    /// The value of a note.
    #[must_use]
    pub fn note(&self, name: &str) -> Option<&str> {
        let note = self.info.iter().find(|note| note["name"] == name)?;
        Some(note["value"].as_str().unwrap_or_default())
    }

    /// With one note more.
    #[must_use]
    pub fn with_note(mut self, name: &str, value: &str) -> Self {
        self.info.push(json!({"name": name, "value": value}));
        self
    }

    /// Whether this is the request of that name, as it stands in an object or is told back.
    #[must_use]
    pub fn is_request(operation: &Json, name: &str) -> bool {
        let mut notes = operation["info"].as_array().into_iter().flatten();
        notes.any(|note| note["name"] == REQUEST && note["value"] == name)
    }

    /// The release that a rollback is asked for, if one is; nothing for the newest that succeeded and differs.
    #[must_use]
    pub fn rollback(&self) -> Option<Option<&str>> {
        self.note(ROLLBACK).map(|value| Some(value).filter(|value| !value.is_empty()))
    }

    /// What is asked of holds, if anything is.
    #[must_use]
    pub fn holding(&self) -> Option<Holding<'_>> {
        let hold = self.note(HOLD).map(|reason| Holding::Hold(Some(reason).filter(|reason| !reason.is_empty())));
        hold.or_else(|| self.note(RELEASE).map(|_| Holding::Release))
    }

    /// Whether another graph than this is asked for.
    #[must_use]
    pub fn is_of_other_graph(&self, graph: &ResourceGraph) -> bool {
        self.note(GRAPH).is_some_and(|asked| asked != roots(graph))
    }

    /// How long the sync waits until all objects are ready; nothing where it does not.
    #[must_use]
    pub fn waits(&self) -> Option<Duration> {
        let seconds = self.note(WAIT)?.parse().ok()?;
        Some(Duration::from_secs(seconds).min(LONGEST_WAIT)).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_compiler::manifest;

    fn graph(value: &str) -> ResourceGraph {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{v: {value:?}}}\n");
        let (manifests, _) = manifest::read("a.yaml", text.as_bytes());
        ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
    }

    #[test]
    fn notes_ask_for_what_they_say_and_others_for_nothing() {
        let asked = |name: &str, value: &str| Operation::default().with_note(name, value);
        assert_eq!(asked(ROLLBACK, "7").rollback(), Some(Some("7")));
        assert_eq!(asked(ROLLBACK, "").rollback(), Some(None));
        assert_eq!(asked(HOLD, "why").holding(), Some(Holding::Hold(Some("why"))));
        assert_eq!(asked(HOLD, "").holding(), Some(Holding::Hold(None)));
        assert_eq!(asked(RELEASE, "").holding(), Some(Holding::Release));
        assert_eq!(asked(WAIT, "30").waits(), Some(Duration::from_secs(30)));
        assert_eq!(asked(WAIT, "99999999").waits(), Some(LONGEST_WAIT));
        for nothing in ["0", "", "-1", "soon"] {
            assert_eq!(asked(WAIT, nothing).waits(), None, "{nothing}");
        }
        let other = asked("note", "text");
        assert_eq!((other.rollback(), other.holding(), other.waits()), (None, None, None));
        assert!(!other.is_of_other_graph(&graph("1")));
    }

    #[test]
    fn a_request_is_of_the_graph_that_it_names_and_of_no_other() {
        let asked = Operation::default().with_note(GRAPH, &roots(&graph("1")));
        assert!(!asked.is_of_other_graph(&graph("1")));
        assert!(asked.is_of_other_graph(&graph("2")));
        assert!(asked.is_of_other_graph(&ResourceGraph::empty()));
    }

    #[test]
    fn an_answer_is_known_by_the_name_of_its_request() {
        let asked = Operation::default().with_note("note", "text").with_note(REQUEST, "one");
        let told = serde_json::to_value(&asked).expect("JSON");
        assert!(Operation::is_request(&told, "one"));
        assert!(!Operation::is_request(&told, "other"));
        assert!(!Operation::is_request(&Json::Null, ""));
    }
}
