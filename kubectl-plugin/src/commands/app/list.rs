//! `app list`: all Applications, and how they are.

use clap::Args;
use serde_json::Value as Json;

use crate::application::{AppId, COLLECTION, short_revision};
use crate::error::CommandError;
use crate::json::{ApplicationJson, ApplicationsJson, SchemaVersion};
use crate::output::table;
use crate::settings::{ClusterArgs, Session};

/// List Applications, and how they are
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Those of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only those of this project
    #[arg(short, long, value_name = "NAME")]
    project: Option<String>,
    /// Only those with these labels, as kubectl has it
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "")]
    selector: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub(super) async fn run(session: &Session, args: &ListArgs) -> Result<u8, CommandError> {
    let (cluster, namespace) = super::connected(session, &args.cluster).await?;
    let collection = if args.all_namespaces {
        COLLECTION.to_owned()
    } else {
        format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications")
    };
    let listed = cluster.list::<Json>(&collection, &args.selector).await;
    let listed = listed.map_err(|failure| super::failed("Applications cannot be listed", &failure))?;
    let is_asked = |application: &ApplicationJson| args.project.as_ref().is_none_or(|it| *it == application.project);
    let mut applications: Vec<ApplicationJson> = listed.iter().map(ApplicationJson::of).filter(is_asked).collect();
    applications.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    if args.output.is_some() {
        session.printer.json(&ApplicationsJson { schema_version: SchemaVersion, applications });
        return Ok(0);
    }
    let titles = ["NAME", "PROJECT", "SYNC", "HEALTH", "REVISION", "RELEASE", ""];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(applications.iter().map(|application| {
        let ApplicationJson { namespace, name, .. } = application;
        let id = AppId { namespace: namespace.clone(), name: name.clone() };
        vec![
            if args.all_namespaces { id.to_string() } else { name.clone() },
            application.project.clone(),
            application.sync.clone(),
            application.health.clone(),
            short_revision(&application.revision),
            application.release.map_or_else(String::new, |release| release.to_string()),
            application.messages.first().cloned().unwrap_or_default(),
        ]
    }));
    session.printer.out(&table(&rows));
    Ok(0)
}
