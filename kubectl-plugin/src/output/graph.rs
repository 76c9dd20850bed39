//! A graph as text, for Graphviz, and for Mermaid.

use std::fmt::Write as _;

use gitops_compiler::compile::Compilation;
use gitops_compiler::depend::{State, Strength};
use gitops_compiler::graph::GraphEdge;

/// Each resource in order, and under it what it waits for and why.
#[must_use]
pub fn text(compilation: &Compilation) -> String {
    let graph = &compilation.graph;
    let mut text = String::new();
    for node in graph.order() {
        let _ = writeln!(text, "{}", graph.node_name(*node));
        for index in graph.edges_of(*node) {
            let (edge, field) = (&graph.edges()[index], &compilation.provenance.fields[index]);
            let _ = writeln!(text, "    {}", sentence(compilation, edge, field));
        }
        for (edge, field) in compilation.deletions_of(*node) {
            let _ = writeln!(text, "    {}", sentence(compilation, edge, field));
        }
    }
    text
}

fn sentence(compilation: &Compilation, edge: &GraphEdge, field: &str) -> String {
    let (waits, state) = match edge.state {
        State::Present => ("waits for", ""),
        State::Ready => ("waits for", " to be ready"),
        State::Absent => ("is deleted after", ""),
    };
    let soft = if edge.strength == Strength::Soft { ", soft" } else { "" };
    let field = if field.is_empty() { String::new() } else { format!(" [{field}]") };
    let to = compilation.graph.node_name(edge.to);
    format!("{waits} {to}{state}: {}{field}{soft}", edge.rule.reason)
}

/// For `dot -Tsvg`.
#[must_use]
pub fn dot(compilation: &Compilation) -> String {
    let graph = &compilation.graph;
    let mut text = "digraph resources {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n".to_owned();
    for node in graph.order() {
        let _ = writeln!(text, "  n{node} [label={:?}];", graph.node_name(*node));
    }
    for edge in graph.edges() {
        let style = if edge.strength == Strength::Soft { "dashed" } else { "solid" };
        let _ = writeln!(text, "  n{} -> n{} [style={style}, label={:?}];", edge.from, edge.to, edge.rule.name);
    }
    text.push_str("}\n");
    text
}

/// For a fenced block in Markdown.
#[must_use]
pub fn mermaid(compilation: &Compilation) -> String {
    let graph = &compilation.graph;
    let mut text = "flowchart LR\n".to_owned();
    for node in graph.order() {
        // Mermaid reads HTML entities in quoted labels, and nothing else of what a name could hold.
        let name = graph.node_name(*node).replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let _ = writeln!(text, "  n{node}[\"{name}\"]");
    }
    for edge in graph.edges() {
        let arrow = if edge.strength == Strength::Soft { "-.->" } else { "-->" };
        let _ = writeln!(text, "  n{} {arrow}|{}| n{}", edge.from, edge.rule.name, edge.to);
    }
    text
}
