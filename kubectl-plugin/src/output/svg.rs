//! A graph as a picture that a browser shows.
//!
//! In: a compilation. Out: an SVG document that needs nothing else: no script, no font, no stylesheet.
//!
//! Each node stands in the column of its layer, so that reading from left to right is reading in the order of an apply;
//! an arrow leads from what must be there first to what waits for it. Within a column nodes stand close to what they
//! wait for (the median of their rows, in two sweeps), which keeps most lines from crossing.

use std::fmt::Write as _;

use gitops_compiler::compile::Compilation;
use gitops_compiler::depend::{Node, State, Strength};

/// Width of a character, in pixels of a monospace font of [`FONT`] pixels.
const CHARACTER: f64 = 7.3;
const FONT: u32 = 12;
const NODE_HEIGHT: f64 = 36.0;
const ROW: f64 = 52.0;
/// Between two columns: room for the lines.
const GAP: f64 = 90.0;
const MARGIN: f64 = 20.0;
/// Longer names are cut; the whole one is in the tooltip.
const LONGEST: usize = 40;

/// Where each node stands.
struct Layout {
    /// Nodes by column, from top to bottom.
    columns: Vec<Vec<Node>>,
    /// Left edge, top and width of each node.
    places: Vec<(f64, f64, f64)>,
}

/// The picture.
#[must_use]
pub fn svg(compilation: &Compilation) -> String {
    let graph = &compilation.graph;
    let labels: Vec<[String; 2]> = (0..graph.order().len()).map(|node| label(compilation, node)).collect();
    let layout = lay_out(compilation, &labels);
    let width = layout.places.iter().map(|(x, _, width)| x + width).fold(0.0, f64::max) + MARGIN;
    let rows = layout.columns.iter().map(Vec::len).max().unwrap_or_default();
    let height = f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) * ROW + 2.0 * MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"monospace\" font-size=\"{FONT}\">\n\
         <title>{}</title>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#64748b\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escape(&format!("{}: an arrow leads to what waits", graph.id())),
    );
    for index in 0..graph.edges().len() {
        edge(compilation, index, &layout, &mut text);
    }
    for column in &layout.columns {
        for node in column {
            draw_node(compilation, *node, &labels[*node], layout.places[*node], &mut text);
        }
    }
    text.push_str("</svg>\n");
    text
}

/// The kind, and the name; a wave has only a name.
fn label(compilation: &Compilation, node: Node) -> [String; 2] {
    let cut = |text: String| {
        if text.chars().count() <= LONGEST {
            return text;
        }
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    };
    match compilation.graph.resources().get(node) {
        Some(resource) => [cut(resource.key.qualified_kind()), cut(resource.key.place())],
        None => [String::new(), cut(compilation.graph.node_name(node))],
    }
}

fn lay_out(compilation: &Compilation, labels: &[[String; 2]]) -> Layout {
    let graph = &compilation.graph;
    let count = graph.order().len();
    let mut layer = vec![0_usize; count];
    // In order, so that what a node waits for has its layer already.
    for node in graph.order() {
        let below = graph.edges_of(*node).map(|index| layer[graph.edges()[index].to] + 1).max();
        layer[*node] = below.unwrap_or_default();
    }
    let mut columns: Vec<Vec<Node>> = vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)];
    for node in graph.order() {
        columns[layer[*node]].push(*node);
    }
    sort_rows(compilation, &mut columns, count);
    let mut places = vec![(0.0, 0.0, 0.0); count];
    let mut x = MARGIN;
    for column in &columns {
        let longest = column.iter().flat_map(|node| &labels[*node]).map(|line| line.chars().count()).max();
        let width = f64::from(u32::try_from(longest.unwrap_or_default()).unwrap_or_default()) * CHARACTER + 16.0;
        let mut y = MARGIN;
        for node in column {
            places[*node] = (x, y, width);
            y += ROW;
        }
        x += width + GAP;
    }
    Layout { columns, places }
}

/// Sorts each column by where the neighbours of its nodes stand: from left to right, then back, then once more.
fn sort_rows(compilation: &Compilation, columns: &mut [Vec<Node>], count: usize) {
    let mut before: Vec<Vec<Node>> = vec![Vec::new(); count];
    let mut behind: Vec<Vec<Node>> = vec![Vec::new(); count];
    for edge in compilation.graph.edges() {
        before[edge.from].push(edge.to);
        behind[edge.to].push(edge.from);
    }
    let mut row = vec![0_usize; count];
    let number = |column: &[Node], row: &mut [usize]| {
        for (index, node) in column.iter().enumerate() {
            row[*node] = index;
        }
    };
    for column in columns.iter() {
        number(column, &mut row);
    }
    let sweep = |column: &mut Vec<Node>, neighbours: &[Vec<Node>], row: &mut [usize]| {
        let median = |node: &Node| {
            let mut rows: Vec<usize> = neighbours[*node].iter().map(|other| row[*other]).collect();
            rows.sort_unstable();
            rows.get(rows.len() / 2).copied().unwrap_or(row[*node])
        };
        column.sort_by_cached_key(|node| (median(node), row[*node]));
        number(column, row);
    };
    for _ in 0..2 {
        columns.iter_mut().skip(1).for_each(|column| sweep(column, &before, &mut row));
        columns.iter_mut().rev().skip(1).for_each(|column| sweep(column, &behind, &mut row));
    }
    columns.iter_mut().skip(1).for_each(|column| sweep(column, &before, &mut row));
}

fn edge(compilation: &Compilation, index: usize, layout: &Layout, text: &mut String) {
    let graph = &compilation.graph;
    let edge = graph.edges()[index];
    let ((from_x, from_y, width), (to_x, to_y, _)) = (layout.places[edge.to], layout.places[edge.from]);
    let (x1, y1, x2, y2) = (from_x + width, from_y + NODE_HEIGHT / 2.0, to_x, to_y + NODE_HEIGHT / 2.0);
    let bend = (x2 - x1).min(GAP) / 2.0;
    let dashes = if edge.strength == Strength::Soft { " stroke-dasharray=\"4 3\"" } else { "" };
    let state = if edge.state == State::Ready { " to be ready" } else { "" };
    let soft = if edge.strength == Strength::Soft { " (soft: dropped where it would close a cycle)" } else { "" };
    let told = format!(
        "{} waits for {}{state}: {}{soft}",
        graph.node_name(edge.from),
        graph.node_name(edge.to),
        edge.rule.reason
    );
    let _ = writeln!(
        text,
        "<path d=\"M{x1:.0} {y1:.0} C{:.0} {y1:.0} {:.0} {y2:.0} {x2:.0} {y2:.0}\" fill=\"none\" stroke=\"#94a3b8\"{dashes} \
         marker-end=\"url(#arrow)\"><title>{}</title></path>",
        x1 + bend,
        x2 - bend,
        escape(&told),
    );
}

fn draw_node(compilation: &Compilation, node: Node, label: &[String; 2], place: (f64, f64, f64), text: &mut String) {
    let (x, y, width) = place;
    let [kind, name] = label;
    let fill = if kind.is_empty() { "#f1f5f9" } else { "#eff6ff" };
    let _ = write!(
        text,
        "<g><title>{}</title><rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{NODE_HEIGHT}\" rx=\"5\" \
         fill=\"{fill}\" stroke=\"#3b82f6\"/>",
        escape(&compilation.graph.node_name(node)),
    );
    let name_y = if kind.is_empty() { y + 22.0 } else { y + 29.0 };
    if !kind.is_empty() {
        let _ =
            write!(text, "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"#475569\">{}</text>", x + 8.0, y + 14.0, escape(kind));
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.0}\" y=\"{name_y:.0}\" fill=\"#0f172a\" font-weight=\"bold\">{}</text></g>",
        x + 8.0,
        escape(name),
    );
}

/// Text as XML takes it. What XML cannot hold at all is replaced.
fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_document() {
        assert_eq!(escape("a<b>&\"\u{7}\u{ffff}"), "a&lt;b&gt;&amp;&quot;\u{fffd}\u{fffd}");
    }
}
