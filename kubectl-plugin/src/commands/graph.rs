//! `graph`: who waits for whom, and why.

use clap::{Args, ValueEnum};
use gitops_compiler::compile::Compilation;
use gitops_compiler::depend::Node;
use gitops_compiler::name::AppName;

use crate::error::CommandError;
use crate::json::GraphJson;
use crate::output;
use crate::settings::{Session, SourceArgs};

/// Show which resource waits for which, and why
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The application; with --filename, which of those in the file
    #[arg(value_name = "APP")]
    app: Option<AppName>,
    #[command(flatten)]
    source: SourceArgs,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Say why A waits for B (each as Kind/name or Kind/namespace/name)
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    explain: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    /// Each resource in order, and under it what it waits for
    Text,
    /// For Graphviz
    Dot,
    /// For Markdown
    Mermaid,
    /// A picture, for a browser
    Svg,
    /// As `compile -o json`
    Json,
}

/// Runs the command.
pub fn run(session: &Session, args: &GraphArgs) -> Result<u8, CommandError> {
    let store = session.store.open(session.printer);
    let opened = args.source.open(args.app.as_ref(), store.as_ref())?;
    let compilation = opened.compile(store.as_ref(), session.printer)?;
    if let Some([from, to]) = args.explain.as_deref() {
        session.printer.out(&explain(&compilation, from, to)?);
        return Ok(0);
    }
    match args.output {
        Output::Text => session.printer.out(&output::graph_text(&compilation)),
        Output::Dot => session.printer.data(&output::dot(&compilation)),
        Output::Mermaid => session.printer.data(&output::mermaid(&compilation)),
        Output::Svg => session.printer.data(&output::svg(&compilation)),
        Output::Json => session.printer.json(&GraphJson::new(&compilation)),
    }
    Ok(0)
}

/// A shortest chain of edges from one resource to the other.
fn explain(compilation: &Compilation, from: &str, to: &str) -> Result<String, CommandError> {
    let (start, end) = (find(compilation, from)?, find(compilation, to)?);
    if start == end {
        return Err(CommandError::user(format!("`{from}` and `{to}` are the same resource")));
    }
    let edges = compilation.graph.edges();
    let mut arrived: std::collections::BTreeMap<Node, usize> = std::collections::BTreeMap::new();
    let mut pending = std::collections::VecDeque::from([start]);
    while let Some(node) = pending.pop_front() {
        for index in compilation.graph.edges_of(node) {
            let to = edges[index].to;
            arrived.entry(to).or_insert_with(|| {
                pending.push_back(to);
                index
            });
        }
    }
    let mut lines = Vec::new();
    let mut node = end;
    while node != start {
        let Some(index) = arrived.get(&node) else {
            let (from, to) = (compilation.graph.node_name(start), compilation.graph.node_name(end));
            return Ok(format!("{from} does not wait for {to}\n"));
        };
        let edge = edges[*index];
        let field = &compilation.provenance.fields[*index];
        let place = compilation.provenance.origins.get(edge.from).map(|origin| format!("  {origin}"));
        lines.push(format!(
            "{} waits for {}: {} [{field}]{}\n",
            compilation.graph.node_name(edge.from),
            compilation.graph.node_name(edge.to),
            edge.rule.reason,
            place.unwrap_or_default(),
        ));
        node = edge.from;
    }
    lines.reverse();
    Ok(lines.concat())
}

fn find(compilation: &Compilation, text: &str) -> Result<Node, CommandError> {
    let parts: Vec<&str> = text.split('/').collect();
    let matches = |node: &Node| {
        let key = &compilation.graph.resources()[*node].key;
        match parts[..] {
            [kind, name] => key.kind.eq_ignore_ascii_case(kind) && key.name == name,
            [kind, namespace, name] => {
                key.kind.eq_ignore_ascii_case(kind) && key.name == name && key.scope.namespace() == Some(namespace)
            }
            _ => false,
        }
    };
    let found: Vec<Node> = (0..compilation.graph.resources().len()).filter(matches).collect();
    match found[..] {
        [node] => Ok(node),
        [] => Err(CommandError::user(format!("no resource is called `{text}`"))
            .hint("write Kind/name or Kind/namespace/name; `kubectl gitops compile` lists them")),
        _ => Err(CommandError::user(format!("`{text}` names {} resources: add the namespace", found.len()))),
    }
}
