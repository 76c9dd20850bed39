//! `compile`: a tree to a graph.

use std::borrow::Cow;

use clap::{Args, ValueEnum};
use gitops_compiler::compile::Compilation;
use gitops_compiler::name::AppName;

use crate::error::CommandError;
use crate::json::GraphJson;
use crate::output::table;
use crate::settings::{Session, SourceArgs};

/// Compile a folder of manifests into an immutable graph with an id
#[derive(Debug, Args)]
pub struct CompileArgs {
    /// The application; no part of any id. With --filename, which of those in the file
    #[arg(value_name = "APP")]
    app: Option<AppName>,
    #[command(flatten)]
    source: SourceArgs,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Output {
    /// The id of the graph alone
    Id,
    /// The resources in order, with their files
    Table,
    /// The manifests in order, as they would be sent
    Yaml,
    /// Ids, resources, edges with reasons, order, origins, lints
    Json,
}

/// Runs the command.
pub fn run(session: &Session, args: &CompileArgs) -> Result<u8, CommandError> {
    let store = args.source.store(session)?;
    if args.source.is_for_set() {
        return super::compile_set::run(session, &args.source, args.app.as_ref(), args.output, store.as_ref());
    }
    let opened = args.source.open(args.app.as_ref(), store.as_ref())?;
    let compilation = || opened.compile(store.as_ref(), session.printer);
    match args.output {
        Output::Id => {
            let id = opened.identify(store.as_ref(), session.printer)?;
            session.printer.data(&id.to_string());
        }
        Output::Table => session.printer.out(&resources(&compilation()?)),
        Output::Yaml => session.printer.data(&manifests(&compilation()?)),
        Output::Json => session.printer.json(&GraphJson::new(&compilation()?)),
    }
    Ok(0)
}

fn resources(compilation: &Compilation) -> String {
    let graph = &compilation.graph;
    let mut rows = vec![["KIND", "NAME", "RESOURCE", "FILE"].map(str::to_owned).to_vec()];
    for resource in graph.ordered() {
        let origin = compilation.origin(&resource.key).map(ToString::to_string).unwrap_or_default();
        let id: String = resource.shown_id().chars().take(15).collect();
        rows.push(vec![resource.key.qualified_kind(), resource.key.place(), id, origin]);
    }
    let counts =
        format!("{} resources, {} edges, {} files", graph.resources().len(), graph.edges().len(), compilation.files);
    format!("{}\n{}  content {}  {counts}\n", table(&rows), graph.id(), graph.content_root().short())
}

fn manifests(compilation: &Compilation) -> String {
    super::documents(compilation.graph.ordered().map(|resource| Cow::Borrowed(&*resource.body)))
}
