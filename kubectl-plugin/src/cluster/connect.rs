//! From a kubeconfig to a connection.
//!
//! In: `--kubeconfig`, `--context`; where nobody names either and there is no file, the ServiceAccount of the Pod that this
//! runs in. Out: a [`Connection`]: a client, the namespace of the context, and a count of the requests that were sent. Nothing
//! is sent here. Where the server takes the credentials no more, they are read again as
//! they are now: from the kubeconfig, a file, or a program; never for another server or context than before. A connection
//! without credentials of its own carries those of whoever asks, and never any other.
//!
//! The client is put together here rather than by kube, whose sockets keep Nagle's algorithm on: each first request of
//! a connection would wait 40 ms for an acknowledgement that the server delays.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::{ClientBuilder, ConfigExt as _};
use kube::config::{AuthInfo, Config, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use tower_http::decompression::DecompressionLayer;

/// A connection that is silent for so long is asked whether it still leads anywhere.
const KEEPALIVE: Duration = Duration::from_secs(20);

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
    /// No ServiceAccount where this seems to be a Pod.
    #[error("there is no kubeconfig, and the ServiceAccount of this Pod cannot be used")]
    Pod(#[source] Box<InClusterError>),
    /// The client cannot be made from it.
    #[error("cannot connect as the kubeconfig says")]
    Client(#[source] Box<kube::Error>),
}

/// A way to an API server.
#[derive(Clone)]
pub struct Connection {
    current: Arc<RwLock<Current>>,
    /// Held while credentials are read again.
    renewing: Arc<tokio::sync::Mutex<()>>,
    options: ConnectOptions,
    /// Whose credentials its requests carry.
    bears: Bears,
    /// Where it leads, for messages.
    pub address: String,
    /// The namespace of the context.
    pub namespace: String,
    requests: Arc<AtomicU64>,
    /// By so many seconds the server's clock is ahead of ours.
    ahead: Arc<AtomicI64>,
}

/// Whose credentials requests carry.
#[derive(Clone)]
enum Bears {
    /// Those of the kubeconfig, or of the Pod.
    Own,
    /// Nobody's.
    Nothing,
    /// The token of somebody, as the value of `Authorization`.
    Token(HeaderValue),
}

/// A client with the credentials of some moment.
#[derive(Clone)]
pub(super) struct Current {
    /// Counts its requests.
    pub(super) client: Client,
    /// How often credentials were read before.
    number: u64,
}

impl Connection {
    /// How many requests were sent so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// What time it is by the clock of the server, as far as it has told: the one clock that all of its clients have.
    #[must_use]
    pub fn server_time(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed));
        // A server that tells a time which no calendar has is not believed.
        Timestamp::now().checked_add(ahead).unwrap_or_else(|_| Timestamp::now())
    }

    /// Notes when the server says that it has answered, right after it did.
    pub(super) fn note_time(&self, headers: &HeaderMap) {
        let date = headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
        if let Some(Ok(time)) = date.map(|date| DateTimeParser::new().parse_timestamp(date)) {
            self.ahead.store(time.as_second() - Timestamp::now().as_second(), Ordering::Relaxed);
        }
    }

    /// The same way with the token of somebody; nothing where this one has credentials of its own, or the token is none.
    #[must_use]
    pub fn bearing(&self, token: &str) -> Option<Self> {
        if matches!(self.bears, Bears::Own) {
            return None;
        }
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        Some(Self { bears: Bears::Token(value), ..self.clone() })
    }

    /// What each request carries beside what the client adds.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        match &self.bears {
            Bears::Token(value) => Some(value.clone()),
            Bears::Own | Bears::Nothing => None,
        }
    }

    /// The client with the newest credentials.
    pub(super) fn current(&self) -> Current {
        // Nothing is ever half written there.
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the credentials again, after the server has refused those of `refused`; `false` where that cannot be done.
    /// Of many requests that were refused together only the first does.
    pub(super) async fn renew(&self, refused: &Current) -> bool {
        if !matches!(self.bears, Bears::Own) {
            return false;
        }
        let _one = self.renewing.lock().await;
        let number = self.current().number;
        if number != refused.number {
            return true;
        }
        let Ok((config, _)) = config(&self.options).await else { return false };
        if config.cluster_url.to_string() != self.address {
            return false;
        }
        let Ok(client) = client(config, Arc::clone(&self.requests)) else { return false };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { client, number: number + 1 };
        true
    }
}

/// Makes the connection that the options name.
pub async fn connect(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let (config, context) = config(options).await?;
    connection(options, config, context, Bears::Own)
}

/// Makes a connection to the same server that has no credentials of its own: [`Connection::bearing`] gives it somebody's.
pub async fn connect_bare(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let (mut config, context) = config(options).await?;
    config.auth_info = AuthInfo::default();
    connection(options, config, context, Bears::Nothing)
}

fn connection(
    options: &ConnectOptions,
    config: Config,
    context: Option<String>,
    bears: Bears,
) -> Result<Connection, ConnectError> {
    let address = config.cluster_url.to_string();
    let namespace = config.default_namespace.clone();
    let requests = Arc::new(AtomicU64::new(0));
    let client = client(config, Arc::clone(&requests)).map_err(|error| ConnectError::Client(Box::new(error)))?;
    let current = Arc::new(RwLock::new(Current { client, number: 0 }));
    // Whatever context becomes the current one meanwhile.
    let options = ConnectOptions { context, ..options.clone() };
    let (renewing, ahead) = (Arc::default(), Arc::default());
    Ok(Connection { current, renewing, options, bears, address, namespace, requests, ahead })
}

fn no_kubeconfig(error: KubeconfigError) -> ConnectError {
    ConnectError::Kubeconfig(Box::new(error))
}

/// Whether Kubernetes tells this process where its API server is.
fn is_in_pod() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

/// What the kubeconfig says, and of which context; of a Pod, none.
async fn config(options: &ConnectOptions) -> Result<(Config, Option<String>), ConnectError> {
    let read = match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match read {
        Err(_) if options.kubeconfig.is_none() && options.context.is_none() && is_in_pod() => {
            let mut config = Config::incluster().map_err(|error| ConnectError::Pod(Box::new(error)))?;
            config.default_retry = false;
            return Ok((config, None));
        }
        read => read.map_err(no_kubeconfig)?,
    };
    let context = options.context.clone().or_else(|| kubeconfig.current_context.clone());
    let selection = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &selection).await.map_err(no_kubeconfig)?;
    // Requests have timeouts and repetitions of their own, which know what may be sent twice.
    config.default_retry = false;
    Ok((config, context))
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
    // A watch may be silent for minutes: that the other side is there must not be believed for ever.
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE));
    tcp.set_keepalive_retries(Some(3));
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
