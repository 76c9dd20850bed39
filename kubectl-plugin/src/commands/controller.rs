//! `controller`: Git and the cluster compared all the time, for all Applications of a cluster.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::api::{Api, ApiLimits};
use crate::apply::run::signalled;
use crate::cluster::{Cluster, ConnectOptions, connect, connect_bare};
use crate::controller::log::Log;
use crate::controller::{Controller, Parts, Settings};
use crate::error::CommandError;
use crate::http::{self, Limits, Machines, Site, Tls, TlsFiles};
use crate::oidc::Oidc;
use crate::record::holder::actor;
use crate::settings::{
    BinaryCacheArgs, HealthArgs, Patience, ProgramArgs, RemoteArgs, RepositoryServer, Session, SopsArgs,
};
use crate::shards::{self, Sharding, Timing};
use crate::trace::{self, Collector};

use super::controller_cache::CacheArgs;
use super::controller_oidc::OidcArgs;

/// What the Leases of replicas have in common.
const GROUP: &str = "controller";

/// How long a binary cache is left alone that failed.
const PAUSE: Duration = Duration::from_mins(1);

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
    /// Serve the API there, too: what Argo CD's server answers, and more. Whoever asks shows a token of the API server, so it
    /// needs TLS, a loopback address, or --insecure
    #[arg(long, requires = "listen")]
    api: bool,
    /// The certificate of the server, and those that lead to its authority, as PEM. It is read again when it changes
    #[arg(long, value_name = "FILE", requires_all = ["listen", "tls_key"])]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve the API without TLS to others than this machine: behind something that has TLS
    #[arg(long, requires = "api")]
    insecure: bool,
    /// How long one request to the API server may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    request_timeout: u64,
    /// How it speaks: lines for people, or one JSON object a line
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Share the Applications with the other replicas in its namespace, over Leases; without this it cares for all
    #[arg(long)]
    sharding: bool,
    /// Where traces go: a collector that takes OTLP over HTTP, as http://otel-collector:4318; nowhere where absent
    #[arg(long, value_name = "ADDRESS")]
    otlp_address: Option<String>,
    /// Certificates of the authorities that may vouch for it, in PEM, instead of those of the system
    #[arg(long, value_name = "FILE", requires = "otlp_address")]
    otlp_ca_file: Option<PathBuf>,
    #[command(flatten)]
    oidc: OidcArgs,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    binary_cache: BinaryCacheArgs,
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
    let (log, keys) = (Log { printer: session.printer, json: args.log_format == LogFormat::Json }, args.sops.sources());
    let (store, cache) = args.cache.behind(store, &cluster, &namespace, log).await?;
    let patience = Patience { pause: Some(PAUSE), warn: Box::new(move |message| log.warn(None, message)) };
    let store = args.binary_cache.behind(session, store, &args.remote, patience)?;
    let binary_cache = session.binary_cache();
    let server = RepositoryServer::new(&args.remote, &args.programs, store.as_ref())?;
    let polling = (args.polling > 0).then(|| Duration::from_secs(args.polling));
    let sharding = if args.sharding { Some(join(&cluster, &namespace).await?) } else { None };
    let members = sharding.as_ref().map(Sharding::members);
    let settings =
        Settings { namespace, application_namespaces: args.application_namespaces.clone(), polling, observes: None };
    let address = cluster.connection.address.clone();
    let tls = args.tls()?;
    let controller =
        Controller::new(Parts { settings, cluster, server, rules, keys, log, members, cache, binary_cache });
    args.trace(log)?;
    log.info(None, &format!("watching Applications of {address}"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let api = args.api(&options, &controller).await?;
    let serving = match args.listen {
        Some(address) => Some(serve_at(address, &controller, log, (api, tls), stopped).await?),
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

impl ControllerArgs {
    /// Sends traces from now on, where that is asked for.
    fn trace(&self, log: Log) -> Result<(), CommandError> {
        let Some(address) = &self.otlp_address else { return Ok(()) };
        let unread = |error| CommandError::user(format!("the certificates of the collector cannot be read: {error}"));
        let authorities = self.otlp_ca_file.as_ref().map(std::fs::read).transpose().map_err(unread)?;
        let collector = Collector::new(address, authorities.as_deref());
        let collector = collector.map_err(|why| CommandError::user(format!("--otlp-address cannot be used: {why}")))?;
        trace::start(collector, move |told| log.warn(None, told));
        Ok(())
    }

    fn tls(&self) -> Result<Option<Arc<Tls>>, CommandError> {
        let (Some(certificate), Some(key)) = (self.tls_cert.clone(), self.tls_key.clone()) else { return Ok(None) };
        let read = Tls::read(TlsFiles { certificate, key });
        read.map(Some).map_err(|error| CommandError::user(error.to_string()))
    }

    /// The API, where it is asked for.
    async fn api(
        &self,
        options: &ConnectOptions,
        controller: &Arc<Controller>,
    ) -> Result<Option<Arc<Api>>, CommandError> {
        let Some(address) = self.listen.filter(|_| self.api) else { return Ok(None) };
        if self.tls_cert.is_none() && !self.insecure && !address.ip().is_loopback() {
            return Err(CommandError::user("the API would take tokens without TLS")
                .hint("give it --tls-cert and --tls-key, or --insecure where something in front of it has TLS"));
        }
        let connection = connect_bare(options).await?;
        let theirs = Cluster { connection, timeout: Duration::from_secs(self.request_timeout), is_patient: false };
        let own = controller.cluster.clone();
        let oidc = Oidc::new(self.oidc.settings()?, own, controller.settings.namespace.clone());
        let api = Api::new(Arc::clone(controller), theirs, oidc, ApiLimits::default());
        let api = api.map_err(|error| CommandError::user(format!("the machine has no random numbers: {error}")))?;
        let running = Arc::clone(&api);
        tokio::spawn(async move { running.run().await });
        Ok(Some(api))
    }
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
    (api, tls): (Option<Arc<Api>>, Option<Arc<Tls>>),
    stopped: tokio::sync::oneshot::Receiver<()>,
) -> Result<tokio::task::JoinHandle<()>, CommandError> {
    let failed = |error| CommandError::user(format!("cannot listen on {address}: {error}"));
    let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    let also = if api.is_some() { ", and the API" } else { "" };
    log.info(None, &format!("serving webhooks, probes and metrics on {local}{also}"));
    if let Some(tls) = tls.clone() {
        tokio::spawn(async move {
            tls.follow(|read| match read {
                Ok(()) => log.info(None, "the certificate has changed: new connections have the new one"),
                Err(error) => log.warn(None, &format!("the certificate stays as it was: {error}")),
            })
            .await;
        });
    }
    let site = site(controller, api, tls);
    let stop = async {
        let _ = stopped.await;
    };
    Ok(tokio::spawn(async move { http::serve(listener, site, Limits::default(), stop).await }))
}

/// What a server of a controller serves.
fn site(controller: &Arc<Controller>, api: Option<Arc<Api>>, tls: Option<Arc<Tls>>) -> Site {
    let (ready, metrics, counted) = (Arc::clone(controller), Arc::clone(controller), Arc::clone(&controller.metrics));
    let machines = Machines {
        known: Arc::clone(&controller.webhooks.known),
        inbox: Arc::clone(&controller.webhooks.inbox),
        observe: Box::new(move |provider, status| counted.webhook(provider, status)),
        metrics: Box::new(move || metrics.metrics_text()),
    };
    Site { machines: Some(machines), is_ready: Box::new(move || ready.is_ready()), api, tls }
}
