//! `graph`: who waits for whom, and why.

use clap::{Args, ValueEnum};
use gitops_compiler::compile::Compilation;
use gitops_compiler::depend::Node;
use gitops_compiler::graph::GraphResource;
use gitops_compiler::name::AppName;

use crate::error::CommandError;
use crate::json::{ExplainJson, GraphJson};
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
    /// Say why A waits for B, or why not (each as Kind/name or Kind/namespace/name, or the name of a barrier)
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
    /// As `compile -o json`; an explanation as data with --explain
    Json,
}

/// Runs the command.
pub fn run(session: &Session, args: &GraphArgs) -> Result<u8, CommandError> {
    let store = args.source.store(session)?;
    let opened = args.source.open(args.app.as_ref(), store.as_ref())?;
    let compilation = opened.compile(store.as_ref(), session.printer)?;
    if let Some([from, to]) = args.explain.as_deref() {
        explain(session, &compilation, [from, to], args.output)?;
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

/// Why the one waits for the other, or why not.
fn explain(
    session: &Session,
    compilation: &Compilation,
    [from, to]: [&str; 2],
    output: Output,
) -> Result<(), CommandError> {
    let (start, end) = (find(compilation, from)?, find(compilation, to)?);
    if start == end {
        return Err(CommandError::user(format!("`{from}` and `{to}` are the same resource")));
    }
    let explanation = compilation.explain(start, end);
    match output {
        Output::Text => session.printer.out(&output::explanation_text(&compilation.graph, start, end, &explanation)),
        Output::Json => session.printer.json(&ExplainJson::new(compilation, start, end, &explanation)),
        Output::Dot | Output::Mermaid | Output::Svg => {
            return Err(CommandError::user("an explanation is text or JSON: leave out -o, or use -o json"));
        }
    }
    Ok(())
}

fn find(compilation: &Compilation, text: &str) -> Result<Node, CommandError> {
    let parts: Vec<&str> = text.split('/').collect();
    let graph = &compilation.graph;
    let matches = |node: &Node| {
        let Some(GraphResource { key, .. }) = graph.resources().get(*node) else {
            return graph.node_name(*node) == text;
        };
        match parts[..] {
            [kind, name] => key.kind.eq_ignore_ascii_case(kind) && key.name == name,
            [kind, namespace, name] => {
                key.kind.eq_ignore_ascii_case(kind) && key.name == name && key.scope.namespace() == Some(namespace)
            }
            _ => false,
        }
    };
    let found: Vec<Node> = (0..graph.order().len()).filter(matches).collect();
    match found[..] {
        [node] => Ok(node),
        [] => Err(CommandError::user(format!("no resource is called `{text}`"))
            .hint("write Kind/name or Kind/namespace/name; `kubectl gitops compile` lists them")),
        _ => Err(CommandError::user(format!("`{text}` names {} resources: add the namespace", found.len()))),
    }
}
