//! `controller`: Git and the cluster compared all the time, for all Applications of a cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cluster::{Cluster, ConnectOptions, connect};
use crate::controller::{Controller, Parts, Settings};
use crate::error::CommandError;
use crate::settings::{HealthArgs, ProgramArgs, RemoteArgs, RepositoryServer, Session, SopsArgs};

/// How long what runs may take to end when the process is to.
const END_WITHIN: Duration = Duration::from_secs(25);

/// Compare Git with the cluster all the time, for all Applications: sync by policy, heal, and tell on each how it is
#[derive(Debug, Args)]
pub struct ControllerArgs {
    /// The kubeconfig file [default: $KUBECONFIG or ~/.kube/config; in a Pod, its ServiceAccount]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context in it [default: its current context]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The controller's own namespace, where its settings are [default: that of the context, or of its Pod]
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The namespaces whose Applications it cares for, beside its own [default: all]
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    application_namespaces: Vec<String>,
    /// How often repositories are asked for news, in seconds; 0 for never. An Application says otherwise with the annotation
    /// kubectl-gitops/polling
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    polling: u64,
    /// How long one request to the API server may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    request_timeout: u64,
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    health: HealthArgs,
    #[command(flatten)]
    sops: SopsArgs,
}

/// Runs the command.
pub async fn run(session: &Session, args: &ControllerArgs) -> Result<u8, CommandError> {
    let rules = args.health.rules(None)?;
    let options = ConnectOptions { kubeconfig: args.kubeconfig.clone(), context: args.context.clone() };
    let connection = connect(&options).await?;
    let namespace = args.namespace.clone().unwrap_or_else(|| connection.namespace.clone());
    let cluster =
        Cluster { connection, timeout: Duration::from_secs(args.request_timeout), is_patient: false };
    let store = session.store.open(session.printer);
    let server = RepositoryServer::new(&args.remote, &args.programs, store.as_ref())?;
    let polling = (args.polling > 0).then(|| Duration::from_secs(args.polling));
    let settings = Settings { namespace, application_namespaces: args.application_namespaces.clone(), polling };
    let (printer, keys) = (session.printer, args.sops.sources());
    let address = cluster.connection.address.clone();
    let controller = Controller::new(Parts { settings, cluster, server, rules, keys, printer });
    printer.say(&format!("watching Applications of {address}"));
    let mut running = std::pin::pin!(controller.clone().run());
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = asked_to_end() => {
            printer.say("ending: what runs is finished, and nothing else begun");
            tokio::select! {
                ended = running => ended,
                () = controller.end(END_WITHIN) => Ok(()),
            }
        }
    };
    ended.map(|()| 0).map_err(|failure| {
        CommandError::user("Applications or records cannot be watched").details(vec![failure.to_string()])
    })
}

/// Until somebody ends the process.
async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
