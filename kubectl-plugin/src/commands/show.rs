//! `show`: the graph of any release, from the record.

use std::borrow::Cow;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use gitops_compiler::diff;
use gitops_compiler::graph::{GraphResource, ResourceGraph};
use gitops_compiler::name::AppName;

use crate::error::CommandError;
use crate::output::table;
use crate::record::{Head, Release};
use crate::settings::{ClusterArgs, Session};

/// Show the graph of a release, from the record in the cluster
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The release as APP@N; APP alone is the live one
    #[arg(value_name = "APP[@N]")]
    release: ReleaseName,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Show the values of Secrets, too
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    /// The id of the graph alone
    Id,
    /// The resources in order
    Table,
    /// The manifests in order
    Yaml,
}

/// An application and perhaps the number of a release.
#[derive(Debug, Clone)]
pub struct ReleaseName {
    /// The application.
    pub app: AppName,
    /// The release; the live one where absent.
    pub number: Option<u64>,
}

impl FromStr for ReleaseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = match text.split_once('@') {
            Some((name, number)) => {
                let number = number.parse().map_err(|_| format!("`{number}` is no number of a release"))?;
                (name, Some(number))
            }
            None => (text, None),
        };
        let app = name.parse().map_err(|error: gitops_compiler::name::AppNameError| error.to_string())?;
        Ok(Self { app, number })
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &ShowArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let head = connected.records.load_recorded(&args.release.app).await?.head;
    let release = find(&head, &args.release)?;
    let graph = connected.records.graph(&release.graph, &head.target).await?;
    match args.output {
        Output::Id => session.printer.data(&graph.id().to_string()),
        Output::Table => session.printer.out(&resources(&graph)),
        Output::Yaml => {
            let body = |resource: &'_ GraphResource| {
                let hidden = || diff::shown_body(&resource.key, &resource.body);
                if args.show_secrets { (*resource.body).clone() } else { hidden() }
            };
            let text = super::documents(graph.ordered().map(|resource| Cow::Owned(body(resource))));
            session.printer.data(&text);
        }
    }
    Ok(0)
}

/// The release that a name means.
pub fn find<'a>(head: &'a Head, name: &ReleaseName) -> Result<&'a Release, CommandError> {
    match name.number {
        None => {
            head.live_release().ok_or_else(|| CommandError::user(format!("no release of {} is live yet", name.app)))
        }
        Some(number) => head.release(number).ok_or_else(|| {
            let known: Vec<String> = head.releases.iter().map(|release| release.number.to_string()).collect();
            CommandError::user(format!("{} has no release {number}: {} are kept", name.app, known.join(", ")))
        }),
    }
}

fn resources(graph: &ResourceGraph) -> String {
    let mut rows = vec![["KIND", "NAME", "RESOURCE"].map(str::to_owned).to_vec()];
    for resource in graph.ordered() {
        let id: String = resource.shown_id().chars().take(15).collect();
        rows.push(vec![resource.key.qualified_kind(), resource.key.place(), id]);
    }
    format!("{}\n{}  content {}\n", table(&rows), graph.id(), graph.content_root().short())
}
