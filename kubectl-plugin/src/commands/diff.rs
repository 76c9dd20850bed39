//! `diff`: what changed between two graphs.

use std::fmt::Write as _;

use clap::Args;
use gitops_compiler::diff::{self, Change};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::ResourceKey;

use crate::error::CommandError;
use crate::json::DiffJson;
use crate::output::counted;
use crate::settings::{ClusterArgs, Session, SourceArgs};

use super::show::{self, ReleaseName};

/// Show what differs between two graphs: revisions (HEAD~1), releases (APP@3), graph ids of the local store
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The older side
    #[arg(value_name = "A")]
    old: String,
    /// The newer side [default: the working tree]
    #[arg(value_name = "B")]
    new: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub async fn run(session: &Session, args: &DiffArgs) -> Result<u8, CommandError> {
    let old = side(session, args, Some(&args.old)).await?;
    let new = side(session, args, args.new.as_deref()).await?;
    let changes = diff::graphs(&old, &new);
    if args.output.is_some() {
        session.printer.json(&DiffJson::new(&old, &new, &changes));
    } else {
        session.printer.out(&text(&old, &new, &changes));
    }
    Ok(u8::from(!changes.is_empty()))
}

async fn side(session: &Session, args: &DiffArgs, name: Option<&str>) -> Result<ResourceGraph, CommandError> {
    let store = session.store.open(session.printer);
    if let Some(name) = name {
        if let Ok(id) = name.parse() {
            let graph = store.as_ref().and_then(|store| store.graph(id));
            return graph.ok_or_else(|| {
                CommandError::user(format!("{name} is not in the local store"))
                    .hint("`kubectl gitops compile` puts graphs there; a release is named APP@N")
            });
        }
        if name.contains('@') && !name.contains("@{") {
            let release: ReleaseName = name.parse().map_err(CommandError::user)?;
            let connected = args.cluster.connect(store).await?;
            let head = connected.records.load_recorded(&release.app).await?.head;
            return Ok(connected.records.graph(&show::find(&head, &release)?.graph, &head.target).await?);
        }
    }
    let revision = name.or(args.source.revision.as_deref());
    let opened = args.source.open_at(revision, None, store.as_ref())?;
    Ok(opened.compile_silently(store.as_ref(), session.printer)?.graph)
}

fn text(old: &ResourceGraph, new: &ResourceGraph, changes: &[(ResourceKey, Change)]) -> String {
    if changes.is_empty() {
        return "No differences.\n".to_owned();
    }
    let mut text = format!("{} → {}\n", old.id().short(), new.id().short());
    for (key, change) in changes {
        let sign = match change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Changed(_) => '~',
        };
        let _ = writeln!(text, "{sign} {key}");
        if let Change::Changed(fields) = change {
            for field in fields {
                let _ = writeln!(text, "    {field}");
            }
        }
    }
    let verb = if changes.len() == 1 { "differs" } else { "differ" };
    let _ = writeln!(text, "{} {verb}.", counted(changes.len(), "resource"));
    text
}
