//! From a kubeconfig to a connection.
//!
//! In: `--kubeconfig`, `--context`. Out: a [`Connection`]: a client, the namespace of the context, and a count of the
//! requests that were sent. Nothing is sent here.
//!
//! The client is put together here rather than by kube, whose sockets keep Nagle's algorithm on: each first request of
//! a connection would wait 40 ms for an acknowledgement that the server delays.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Client;
use kube::client::{ClientBuilder, ConfigExt as _};
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use tower_http::decompression::DecompressionLayer;

/// How to reach a cluster.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The file; `KUBECONFIG` or `~/.kube/config` where absent.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; the current one where absent.
    pub context: Option<String>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No usable kubeconfig.
    #[error("there is no usable kubeconfig")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// The client cannot be made from it.
    #[error("cannot connect as the kubeconfig says")]
    Client(#[source] Box<kube::Error>),
}

/// A way to an API server.
#[derive(Clone)]
pub struct Connection {
    /// The client; counts its requests.
    pub client: Client,
    /// Where it leads, for messages.
    pub address: String,
    /// The namespace of the context.
    pub namespace: String,
    requests: Arc<AtomicU64>,
}

impl Connection {
    /// How many requests were sent so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Makes the connection that the options name.
pub async fn connect(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let failed = |error| ConnectError::Kubeconfig(Box::new(error));
    let selection = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    let mut config = match &options.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
            Config::from_custom_kubeconfig(kubeconfig, &selection).await.map_err(failed)?
        }
        None => Config::from_kubeconfig(&selection).await.map_err(failed)?,
    };
    // Requests have timeouts and repetitions of their own, which know what may be sent twice.
    config.default_retry = false;
    let address = config.cluster_url.to_string();
    let namespace = config.default_namespace.clone();
    let requests = Arc::new(AtomicU64::new(0));
    let client = client(config, Arc::clone(&requests)).map_err(|error| ConnectError::Client(Box::new(error)))?;
    Ok(Connection { client, address, namespace, requests })
}

fn client(config: Config, requests: Arc<AtomicU64>) -> Result<Client, kube::Error> {
    let count = tower::util::MapRequestLayer::new(move |request| {
        requests.fetch_add(1, Ordering::Relaxed);
        request
    });
    // Fails only where it was done before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if config.proxy_url.is_some() {
        return Ok(ClientBuilder::try_from(config)?.with_layer(&count).build());
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(config.connect_timeout);
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let connections = hyper_util::client::legacy::Builder::new(TokioExecutor::new()).build(tls);
    let service = tower::ServiceBuilder::new()
        .layer(count)
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().gzip(!config.disable_compression))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(connections);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}
