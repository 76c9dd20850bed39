//! `app get`: one Application, its resources, what there is to say.

use clap::Args;
use gitops_compiler::name::AppName;
use serde_json::Value as Json;

use crate::application::{AppId, ResourceState, Status, short_revision};
use crate::error::CommandError;
use crate::json::ApplicationJson;
use crate::output::table;
use crate::settings::{ClusterArgs, Session};

/// Show one Application: its sync, its health, its resources, what there is to say
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// The Application
    #[arg(value_name = "APP")]
    app: AppName,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub(super) async fn run(session: &Session, args: &GetArgs) -> Result<u8, CommandError> {
    let (cluster, namespace) = super::connected(session, &args.cluster).await?;
    let id = AppId { namespace, name: args.app.to_string() };
    let object = crate::commands::request::object(&cluster, &id).await?;
    if args.output.is_some() {
        session.printer.json(&ApplicationJson::of(&object));
        return Ok(0);
    }
    session.printer.out(&text(&id, &object));
    Ok(0)
}

fn text(id: &AppId, object: &Json) -> String {
    let status: Status = serde_json::from_value(object["status"].clone()).unwrap_or_default();
    let told = ApplicationJson::of(object);
    let release = told.release.map_or_else(|| "no release yet".to_owned(), |release| format!("release {release}"));
    let mut lines = vec![format!("{id}  {release}  {}  {}", told.sync, told.health)];
    for source in &told.sources {
        lines.push(format!("  {source}  {}", short_revision(&told.revision)));
    }
    if let Some(state) = &status.operation_state {
        let when = if state.finished_at.is_empty() { &state.started_at } else { &state.finished_at };
        lines.push(format!("  last sync: {:?} {when} by {}: {}", state.phase, state.operation.actor(), state.message));
    }
    for condition in &status.conditions {
        lines.push(format!("  ! {}: {}", condition.kind, condition.message));
    }
    let mut rows = vec![["KIND", "NAME", "SYNC", "HEALTH", ""].map(str::to_owned).to_vec()];
    rows.extend(status.resources.iter().map(row));
    if rows.len() > 1 {
        lines.push(format!("\n{}", table(&rows)));
    }
    lines.join("\n")
}

fn row(resource: &ResourceState) -> Vec<String> {
    let ResourceState { group, kind, namespace, name, status, health, requires_pruning, .. } = resource;
    let kind = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
    let place = if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
    let (health, message) = health.clone().map(|health| (health.status, health.message)).unwrap_or_default();
    let left = requires_pruning.then_some("left Git: needs pruning");
    let told = left.into_iter().chain(Some(message.as_str()).filter(|message| !message.is_empty()));
    vec![kind, place, format!("{status:?}"), health, told.collect::<Vec<_>>().join("; ")]
}
