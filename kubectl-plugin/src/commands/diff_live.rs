//! What is live as one side of `diff`, and of `review`.
//!
//! In: the other side, and the application whose objects are meant: it is named by `APP@live`, by a release on the other
//! side, or by --filename. Out: what applying the other side would change, in the direction that was asked for.

use std::sync::Arc;

use gitops_compiler::bundle::Bundle;
use gitops_compiler::diagnostic::Origin;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::{AppName, ResourceKey};

use crate::apply::against::Against;
use crate::apply::{Destination, Target, TargetError};
use crate::error::CommandError;
use crate::record::{RecordError, Records};
use crate::settings::{ClusterArgs, Delivery, Session, SourceArgs, compiled_for};

use super::bundle;
use super::change;
use super::diff::{DiffArgs, Graph, of_store};
use super::show;

/// A side that is live.
pub(super) struct Live {
    /// The application, where it is named.
    pub(super) app: Option<AppName>,
    /// Whether it is the newer side.
    pub(super) is_newer: bool,
}

/// What is compared with a graph.
pub(super) struct Compared {
    /// The graph.
    pub(super) graph: Arc<ResourceGraph>,
    /// In the direction that was asked for.
    pub(super) against: Against,
}

/// A side that is no live one, and the target whose objects are meant.
pub(super) struct Opened {
    /// The target.
    pub(super) target: Target,
    /// The graph of the side.
    pub(super) graph: ResourceGraph,
    /// Where its resources were read; empty where nobody knows.
    pub(super) origins: Vec<Origin>,
}

/// Compares.
pub(super) async fn compare(
    session: &Session,
    args: &DiffArgs,
    live: Live,
    other: Graph<'_>,
) -> Result<Compared, CommandError> {
    let Opened { mut target, graph, .. } =
        Box::pin(opened(session, &args.source, &args.cluster, live.app, other)).await?;
    change::say_if_locked(session, &target);
    let wanted = target.bind(Arc::new(graph)).await?;
    let against = target.against(&wanted).await?;
    say_unknown(session, &against.unknown);
    let against = if live.is_newer { against.reversed() } else { against };
    Ok(Compared { graph: wanted.graph, against })
}

/// Says which objects are not compared.
pub(super) fn say_unknown(session: &Session, unknown: &[(ResourceKey, &'static str)]) {
    for (key, why) in unknown {
        session.printer.say(&format!("{key} is not compared: {why}"));
    }
}

/// Both sides are live.
pub(super) fn no_other_side() -> CommandError {
    CommandError::user("what is live differs from itself in nothing: name another side")
}

/// The target, and the graph of the other side.
pub(super) async fn opened(
    session: &Session,
    source: &SourceArgs,
    cluster: &ClusterArgs,
    app: Option<AppName>,
    other: Graph<'_>,
) -> Result<Opened, CommandError> {
    let store = source.store(session)?;
    match other {
        Graph::Id(id) => {
            let app = app.ok_or_else(unnamed)?;
            let graph = of_store(id, store.as_ref())?;
            let connected = cluster.connect(store).await?;
            let target = target(cluster, connected.records, app, &connected.destination).await?;
            Ok(Opened { target, graph, origins: Vec::new() })
        }
        Graph::Release(release) => {
            let app = app.unwrap_or_else(|| release.app.clone());
            let connected = cluster.connect(store).await?;
            let head = connected.records.load_recorded(&release.app).await?.head;
            let stored = show::find(&head, &release)?.graph.clone();
            let graph = connected.records.graph(&stored, &head.target).await?;
            let target = target(cluster, connected.records, app, &connected.destination).await?;
            Ok(Opened { target, graph, origins: Vec::new() })
        }
        Graph::Bundle(place) => {
            let Bundle { config, graph, .. } = bundle::as_side(session, source, place)?;
            let connected = cluster.connect(store).await?;
            let namespace = Some(config.delivery.namespace.as_str()).filter(|namespace| !namespace.is_empty());
            let destination = namespace.unwrap_or(&connected.destination).to_owned();
            let app = app.unwrap_or(config.application);
            let mut target = target(cluster, connected.records, app, &destination).await?;
            let delivery = Delivery::of_bundle(&config.delivery);
            target.ignored = delivery.ignored().await?;
            target.options = delivery.own_options();
            Ok(Opened { target, graph, origins: Vec::new() })
        }
        Graph::Revision(revision) => {
            if app.is_none() && source.filename.is_none() {
                return Err(unnamed());
            }
            let mut source = source.clone();
            source.revision = revision.map(str::to_owned).or(source.revision);
            let (compiled, connected) =
                compiled_for(cluster, &source, app.as_ref(), store.as_ref(), session.printer).await?;
            let name = compiled.opened.app.name.clone();
            let mut target = target(cluster, connected.records, name, &connected.destination).await?;
            target.ignored = compiled.opened.delivery.ignored().await?;
            target.options = compiled.opened.delivery.own_options();
            let compilation = compiled.compilation;
            Ok(Opened { target, graph: compilation.graph, origins: compilation.provenance.origins })
        }
    }
}

fn unnamed() -> CommandError {
    CommandError::user("it is not said of which application").hint("name it as APP@live, or by --filename")
}

/// Where the application is recorded, that counts; one that never was goes to where it would be applied.
async fn target(
    cluster: &ClusterArgs,
    records: Records,
    app: AppName,
    destination: &str,
) -> Result<Target, CommandError> {
    match Target::open(records.clone(), app.clone(), cluster.recorded_destination()).await {
        Err(TargetError::Record(RecordError::NotRecorded { .. })) => {
            Ok(Target::open(records, app, Destination::Named(destination)).await?)
        }
        other => Ok(other?),
    }
}
