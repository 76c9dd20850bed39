//! `controller`: Git and the cluster compared all the time, for all Applications of a cluster.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::apply::run::signalled;
use crate::cluster::{Cluster, ConnectOptions, connect};
use crate::controller::log::Log;
use crate::controller::{Controller, Parts, Settings};
use crate::error::CommandError;
use crate::http::{self, Limits, Site};
use crate::record::holder::actor;
use crate::settings::{HealthArgs, ProgramArgs, RemoteArgs, RepositoryServer, Session, SopsArgs};
use crate::shards::{self, Sharding, Timing};

use super::controller_cache::CacheArgs;

/// What the Leases of replicas have in common.
const GROUP: &str = "controller";

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
    /// Where webhooks, probes and metrics are served; nowhere where absent
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// How long one request to the API server may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    request_timeout: u64,
    /// How it speaks: lines for people, or one JSON object a line
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Share the Applications with the other replicas in its namespace, over Leases; without this it cares for all
    #[arg(long)]
    sharding: bool,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    health: HealthArgs,
    #[command(flatten)]
    sops: SopsArgs,
}

/// How a controller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// Runs the command.
pub async fn run(session: &Session, args: &ControllerArgs) -> Result<u8, CommandError> {
    let rules = args.health.rules(None)?;
    let options = ConnectOptions { kubeconfig: args.kubeconfig.clone(), context: args.context.clone() };
    let connection = connect(&options).await?;
    let namespace = args.namespace.clone().unwrap_or_else(|| connection.namespace.clone());
    let cluster = Cluster { connection, timeout: Duration::from_secs(args.request_timeout), is_patient: false };
    let store = session.store.open(session.printer);
    let (store, cache) = args.cache.behind(store, &cluster, &namespace).await?;
    let server = RepositoryServer::new(&args.remote, &args.programs, store.as_ref())?;
    let polling = (args.polling > 0).then(|| Duration::from_secs(args.polling));
    let sharding = if args.sharding { Some(join(&cluster, &namespace).await?) } else { None };
    let members = sharding.as_ref().map(Sharding::members);
    let settings = Settings { namespace, application_namespaces: args.application_namespaces.clone(), polling };
    let (log, keys) = (Log { printer: session.printer, json: args.log_format == LogFormat::Json }, args.sops.sources());
    let address = cluster.connection.address.clone();
    let controller = Controller::new(Parts { settings, cluster, server, rules, keys, log, members, cache });
    log.info(None, &format!("watching Applications of {address}"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = match args.listen {
        Some(address) => Some(serve_at(address, &controller, log, stopped).await?),
        None => None,
    };
    let ended = {
        let mut running = std::pin::pin!(controller.clone().run());
        tokio::select! {
            ended = &mut running => ended,
            () = signalled() => {
                log.info(None, "ending: what runs is finished, and nothing else begun");
                tokio::select! {
                    ended = running => ended,
                    () = controller.end(END_WITHIN) => Ok(()),
                }
            }
        }
        // Here what still runs is given up: before others may take over.
    };
    drop(stop);
    if let Some(sharding) = sharding {
        sharding.leave().await;
    }
    if let Some(serving) = serving {
        let _ = serving.await;
    }
    ended.map(|()| 0).map_err(|failure| {
        CommandError::user("Applications or records cannot be watched").details(vec![failure.to_string()])
    })
}

/// Becomes one of the replicas.
async fn join(cluster: &Cluster, namespace: &str) -> Result<Sharding, CommandError> {
    let host = std::env::var("POD_NAME").ok().filter(|name| !name.is_empty());
    let settings = shards::Settings {
        namespace: namespace.to_owned(),
        group: GROUP.to_owned(),
        holder: host.unwrap_or_else(actor),
        timing: Timing::default(),
    };
    Sharding::join(cluster, settings).await.map_err(|error| CommandError::user(error.to_string()))
}

/// Serves webhooks, probes and metrics, until the other end of `stopped` is dropped.
async fn serve_at(
    address: SocketAddr,
    controller: &Arc<Controller>,
    log: Log,
    stopped: tokio::sync::oneshot::Receiver<()>,
) -> Result<tokio::task::JoinHandle<()>, CommandError> {
    let failed = |error| CommandError::user(format!("cannot listen on {address}: {error}"));
    let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    log.info(None, &format!("serving webhooks, probes and metrics on {local}"));
    let (ready, metrics, counted) = (Arc::clone(controller), Arc::clone(controller), Arc::clone(&controller.metrics));
    let site = Site {
        known: Arc::clone(&controller.webhooks.known),
        inbox: Arc::clone(&controller.webhooks.inbox),
        is_ready: Box::new(move || ready.is_ready()),
        metrics: Box::new(move || metrics.metrics_text()),
        observe: Box::new(move |provider, status| counted.webhook(provider, status)),
    };
    let stop = async {
        let _ = stopped.await;
    };
    Ok(tokio::spawn(async move { http::serve(listener, site, Limits::default(), stop).await }))
}
