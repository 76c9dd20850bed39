//! Why one resource waits for another, for people.

use std::fmt::Write as _;

use gitops_compiler::compile::{Because, Explanation, LeftOut};
use gitops_compiler::depend::{Node, State, Strength};
use gitops_compiler::graph::ResourceGraph;

/// Each edge as a sentence, and below it what made it.
#[must_use]
pub fn text(graph: &ResourceGraph, from: Node, to: Node, explanation: &Explanation) -> String {
    let (one, other) = (graph.node_name(from), graph.node_name(to));
    let Explanation { path, back, deletion, left_out } = explanation;
    let mut text = String::new();
    if path.is_empty() {
        let _ = writeln!(text, "{one} does not wait for {other}");
    }
    chain(graph, path, "", &mut text);
    for LeftOut { because, circle } in left_out {
        text.push_str("left out, because it would close a circle:\n");
        chain(graph, std::slice::from_ref(because), "  ", &mut text);
        let told = if because.edge.state == State::Absent { "they are created and deleted so:\n" } else { "with:\n" };
        text.push_str(told);
        chain(graph, circle, "  ", &mut text);
    }
    // A chain that closes the circle has told it already.
    if path.is_empty() && !back.is_empty() && left_out.is_empty() {
        text.push_str("it is the other way round:\n");
        chain(graph, back, "  ", &mut text);
    }
    chain(graph, deletion, "", &mut text);
    text
}

fn chain(graph: &ResourceGraph, chain: &[Because], indent: &str, text: &mut String) {
    for Because { edge, field, origin } in chain {
        let (from, to) = (graph.node_name(edge.from), graph.node_name(edge.to));
        let (waits, ready) = match edge.state {
            State::Present => ("waits for", ""),
            State::Ready => ("waits for", " to be ready"),
            State::Absent => ("is deleted after", ""),
        };
        let _ = writeln!(text, "{indent}{from} {waits} {to}{ready}: {}", edge.rule.reason);
        let strength = if edge.strength == Strength::Hard { "hard" } else { "soft" };
        let field = if field.is_empty() { String::new() } else { format!("  {field}") };
        let origin = origin.as_ref().map(|origin| format!("  {origin}")).unwrap_or_default();
        let _ = writeln!(text, "{indent}    {}, {strength}{field}{origin}", edge.rule.name);
    }
}
