//! `diff`: what changed between two graphs, or between a graph and what is live.

use std::fmt::Write as _;
use std::sync::Arc;

use clap::Args;
use gitops_compiler::canon::{self, Id};
use gitops_compiler::diff::Change;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::review::SideName;
use gitops_compiler::store::Store;

use crate::apply::against::Against;
use crate::error::CommandError;
use crate::json::DiffJson;
use crate::output::counted;
use crate::settings::{ClusterArgs, Session, SourceArgs};

use super::bundle;
use super::diff_live::{self, Live};
use super::show::{self, ReleaseName};

/// What stands for the objects in the cluster.
const LIVE: &str = SideName::LIVE;

/// What stands before the path or the address of a bundle.
const BUNDLE: &str = "bundle:";

/// Show what differs between two graphs: revisions (HEAD~1), releases (APP@3), bundles (bundle:PATH), graph ids of the local
/// store; or between one and what the cluster has (live, APP@live)
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The older side
    #[arg(value_name = "A")]
    old: String,
    /// The newer side [default: the working tree]
    #[arg(value_name = "B")]
    new: Option<String>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// A side.
pub(super) enum Side<'a> {
    /// The objects in the cluster, of this application.
    Live(Option<AppName>),
    Graph(Graph<'a>),
}

/// A graph, as it is named.
pub(super) enum Graph<'a> {
    Id(Id<canon::Graph>),
    Release(ReleaseName),
    /// A bundle, by its path or its address.
    Bundle(&'a str),
    /// A revision, or the working tree.
    Revision(Option<&'a str>),
}

impl<'a> Side<'a> {
    /// What the user wrote; nothing is the working tree.
    pub(super) fn named(name: Option<&'a str>) -> Result<Self, CommandError> {
        let Some(name) = name else { return Ok(Self::Graph(Graph::Revision(None))) };
        if name == LIVE {
            return Ok(Self::Live(None));
        }
        if let Some(place) = name.strip_prefix(BUNDLE) {
            return Ok(Self::Graph(Graph::Bundle(place)));
        }
        if let Ok(id) = name.parse() {
            return Ok(Self::Graph(Graph::Id(id)));
        }
        match name.split_once('@') {
            Some((app, LIVE)) => {
                let app = app.parse().map_err(|error| CommandError::user(format!("{error}")));
                Ok(Self::Live(Some(app?)))
            }
            Some((_, rest)) if !rest.contains('{') => {
                Ok(Self::Graph(Graph::Release(name.parse().map_err(CommandError::user)?)))
            }
            _ => Ok(Self::Graph(Graph::Revision(Some(name)))),
        }
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &DiffArgs) -> Result<u8, CommandError> {
    let (old, new) = (Side::named(Some(&args.old))?, Side::named(args.new.as_deref())?);
    let (old, new, against) = match (old, new) {
        (Side::Live(_), Side::Live(_)) => return Err(diff_live::no_other_side()),
        (Side::Live(app), Side::Graph(graph)) => {
            let compared = Box::pin(diff_live::compare(session, args, Live { app, is_newer: false }, graph)).await?;
            (None, Some(compared.graph), compared.against)
        }
        (Side::Graph(graph), Side::Live(app)) => {
            let compared = Box::pin(diff_live::compare(session, args, Live { app, is_newer: true }, graph)).await?;
            (Some(compared.graph), None, compared.against)
        }
        (Side::Graph(old), Side::Graph(new)) => {
            let (old, new) = (graph(session, args, old).await?, graph(session, args, new).await?);
            let against = Against::between(&old, &new);
            (Some(Arc::new(old)), Some(Arc::new(new)), against)
        }
    };
    let [old, new] = [old, new].map(|graph| graph.map(|graph| graph.id()));
    if args.output.is_some() {
        session.printer.json(&DiffJson::new(old, new, &against));
    } else {
        let name = |id: Option<Id<canon::Graph>>| id.map_or_else(|| LIVE.to_owned(), |id| id.short());
        session.printer.out(&text(&name(old), &name(new), &against.changes));
    }
    Ok(u8::from(!against.changes.is_empty()))
}

async fn graph(session: &Session, args: &DiffArgs, named: Graph<'_>) -> Result<ResourceGraph, CommandError> {
    let store = args.source.store(session)?;
    match named {
        Graph::Id(id) => of_store(id, store.as_ref()),
        Graph::Release(release) => {
            let connected = args.cluster.connect(store).await?;
            let head = connected.records.load_recorded(&release.app).await?.head;
            Ok(connected.records.graph(&show::find(&head, &release)?.graph, &head.target).await?)
        }
        Graph::Bundle(place) => Ok(bundle::as_side(session, &args.source, place)?.graph),
        Graph::Revision(revision) => {
            let revision = revision.or(args.source.revision.as_deref());
            let opened = args.source.open_at(revision, None, store.as_ref())?;
            Ok(opened.compile_silently(store.as_ref(), session.printer)?.graph)
        }
    }
}

/// A graph that the local store has.
pub(super) fn of_store(id: Id<canon::Graph>, store: Option<&Store>) -> Result<ResourceGraph, CommandError> {
    store.and_then(|store| store.graph(id)).ok_or_else(|| {
        CommandError::user(format!("{id} is not in the local store"))
            .hint("`kubectl gitops compile` puts graphs there; a release is named APP@N")
    })
}

/// What differs between two sides, by their names.
pub(super) fn text(old: &str, new: &str, changes: &[(ResourceKey, Change)]) -> String {
    if changes.is_empty() {
        return "No differences.\n".to_owned();
    }
    let mut text = format!("{old} → {new}\n");
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
