//! From a kubeconfig to a connection.
//!
//! In: `--kubeconfig`, `--context`; where nobody names either and there is no file, the ServiceAccount of the Pod that this
//! runs in; or credentials that somebody gives ([`Access`]). Out: a [`Connection`]: a client, the namespace of the context, and a
//! count of the requests that were sent. Nothing is sent here. Where the server takes the credentials no more, they are read
//! again as they are now: from the kubeconfig, a file, or a program; never for another server or context than before. Those that
//! are given are waited for. A connection without credentials of its own carries those of whoever asks, and never any other.
//!
//! The client is put together here rather than by kube, whose sockets keep Nagle's algorithm on: each first request of
//! a connection would wait 40 ms for an acknowledgement that the server delays.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::{ClientBuilder, ConfigExt as _};
use kube::config::{AuthInfo, Config, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use tokio::sync::watch;
use tower_http::decompression::DecompressionLayer;

use super::kubeconfig::{named_cluster, proxy_of_environment};
use super::{Access, Failure};

/// A connection that is silent for so long is asked whether it still leads anywhere.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Whoever rotates credentials takes the old ones away first or last: new ones that are given are waited for so long.
const GIVEN_WITHIN: Duration = Duration::from_secs(10);

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
    /// What was given is not understood, or the client cannot be made from it.
    #[error("the credentials that were given cannot be used: {0}")]
    Given(String),
}

/// Where credentials come from when the server takes those that are there no more.
#[derive(Clone)]
enum Origin {
    /// They are read again.
    Read(ConnectOptions),
    /// Somebody gives them.
    Given,
    /// There are none: each who asks brings their own.
    Nowhere,
}

/// Whose credentials requests carry.
#[derive(Clone)]
enum Bears {
    /// Those of the client: the kubeconfig's, the Pod's, or what was given.
    Own,
    /// Nobody's.
    Nothing,
    /// The token of somebody, as the value of `Authorization`.
    Token(HeaderValue),
}

/// A way to an API server.
#[derive(Clone)]
pub struct Connection {
    current: watch::Sender<Current>,
    /// Held while credentials are read again.
    renewing: Arc<tokio::sync::Mutex<()>>,
    origin: Origin,
    /// Whose credentials its requests carry.
    bears: Bears,
    /// In whose name it changes things, as the value of `Impersonate-User`; in that of its credentials where absent.
    acts_as: Option<HeaderValue>,
    /// Which credentials were refused, and no others came in time: one more than their number.
    refused: Arc<AtomicU64>,
    /// Why the request that ended last had no answer; nothing where it had.
    silence: watch::Sender<Option<String>>,
    /// When the last request ended, in seconds; 0 before the first.
    ended: Arc<AtomicI64>,
    /// Whether nothing is sent for the time being.
    is_given_up: Arc<AtomicBool>,
    /// Where it leads, for messages.
    pub address: String,
    /// The namespace of the context.
    pub namespace: String,
    requests: Arc<AtomicU64>,
    /// By so many seconds the server's clock is ahead of ours.
    ahead: Arc<AtomicI64>,
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

    /// Why the request that ended last had no answer of the server, or one that is as good as none; nothing where it had one,
    /// and where none was sent yet.
    #[must_use]
    pub fn silence(&self) -> watch::Receiver<Option<String>> {
        self.silence.subscribe()
    }

    /// When the last request ended, and why it had no answer where it had none; nothing before the first.
    #[must_use]
    pub fn last_answer(&self) -> Option<(Timestamp, Option<String>)> {
        let ended = Some(self.ended.load(Ordering::Relaxed)).filter(|ended| *ended > 0)?;
        Some((Timestamp::from_second(ended).ok()?, self.silence.borrow().clone()))
    }

    /// Notes whether the server has answered a request.
    pub(super) fn note_answer<T>(&self, result: &Result<T, Failure>) {
        let silence = result.as_ref().err().filter(|failure| failure.is_of_server()).map(ToString::to_string);
        self.ended.store(Timestamp::now().as_second(), Ordering::Relaxed);
        self.silence.send_if_modified(|before| {
            let is_news = before.is_some() != silence.is_some();
            if is_news {
                *before = silence;
            }
            is_news
        });
    }

    /// Says that the server is not to be asked for anything for the time being, or that it is again: until then each request
    /// fails at once, as one that has no answer.
    pub fn give_up(&self, is_given_up: bool) {
        self.is_given_up.store(is_given_up, Ordering::Relaxed);
    }

    /// Whether something may be sent.
    pub(super) fn may_send(&self) -> Result<(), Failure> {
        if self.is_given_up.load(Ordering::Relaxed) {
            return Err(Failure::NoAnswer("it has not answered, and is asked again later".to_owned()));
        }
        Ok(())
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

    /// The same way, on which whatever changes something is done in the name of somebody else; nothing where that is no name. What is
    /// read is read as before.
    #[must_use]
    pub fn acting_as(&self, user: &str) -> Option<Self> {
        let name = HeaderValue::try_from(user).ok().filter(|name| !name.is_empty())?;
        Some(Self { acts_as: Some(name), ..self.clone() })
    }

    /// A request in the name of whoever this way is for. All begin here, so that none goes out in another name: with the token of
    /// somebody, and, where it changes something, in the name of somebody else.
    pub(super) fn begin(&self, method: &http::Method, path: &str) -> http::request::Builder {
        let mut builder = http::Request::builder().method(method).uri(path);
        if let Some(authorization) = self.authorization() {
            builder = builder.header(http::header::AUTHORIZATION, authorization);
        }
        if let Some(user) = self.acts_as.as_ref().filter(|_| *method != http::Method::GET) {
            builder = builder.header("impersonate-user", user);
        }
        builder
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
        self.current.borrow().clone()
    }

    /// Takes other credentials for the same server: the next request uses them.
    ///
    /// # Errors
    /// Where no client can be made of them, or they are for another server: those that are there stay.
    pub async fn replace(&self, access: &Access) -> Result<(), ConnectError> {
        let config = given(access).await?;
        if config.cluster_url.to_string() != self.address {
            return Err(ConnectError::Given("they are for another server".to_owned()));
        }
        let client = client(config, Arc::clone(&self.requests)).map_err(|error| cannot_use(&error))?;
        self.current.send_modify(|current| *current = Current { client, number: current.number + 1 });
        Ok(())
    }

    /// Gets other credentials, after the server has refused those of `refused`; `false` where there are none.
    pub(super) async fn renew(&self, refused: &Current) -> bool {
        match &self.origin {
            Origin::Read(options) => self.read_again(options, refused).await,
            Origin::Given => self.wait_for_others(refused).await,
            Origin::Nowhere => false,
        }
    }

    /// Of many requests that were refused together only the first reads.
    async fn read_again(&self, options: &ConnectOptions, refused: &Current) -> bool {
        let _one = self.renewing.lock().await;
        let number = self.current().number;
        if number != refused.number {
            return true;
        }
        let Ok((config, _)) = config(options).await else { return false };
        if config.cluster_url.to_string() != self.address {
            return false;
        }
        let Ok(client) = client(config, Arc::clone(&self.requests)) else { return false };
        self.current.send_replace(Current { client, number: number + 1 });
        true
    }

    /// Credentials for which nobody gave others in time are not waited for again.
    async fn wait_for_others(&self, refused: &Current) -> bool {
        let is_other = |current: &Current| current.number != refused.number;
        let mut given = self.current.subscribe();
        if is_other(&given.borrow()) {
            return true;
        }
        if self.refused.load(Ordering::Relaxed) > refused.number {
            return false;
        }
        let came = tokio::time::timeout(GIVEN_WITHIN, given.wait_for(is_other)).await.is_ok_and(|given| given.is_ok());
        if !came {
            self.refused.fetch_max(refused.number + 1, Ordering::Relaxed);
        }
        came
    }

    /// Makes a connection with credentials that are given. Nothing is sent.
    ///
    /// # Errors
    /// Where they are not understood.
    pub async fn given(access: &Access) -> Result<Self, ConnectError> {
        let config = given(access).await?;
        Self::new(config, Origin::Given).map_err(|error| cannot_use(&error))
    }

    fn new(config: Config, origin: Origin) -> Result<Self, kube::Error> {
        let address = config.cluster_url.to_string();
        let namespace = config.default_namespace.clone();
        let requests = Arc::new(AtomicU64::new(0));
        let client = client(config, Arc::clone(&requests))?;
        let bears = if matches!(origin, Origin::Nowhere) { Bears::Nothing } else { Bears::Own };
        Ok(Self {
            current: watch::Sender::new(Current { client, number: 0 }),
            renewing: Arc::default(),
            origin,
            bears,
            acts_as: None,
            refused: Arc::default(),
            silence: watch::Sender::new(None),
            ended: Arc::default(),
            is_given_up: Arc::default(),
            address,
            namespace,
            requests,
            ahead: Arc::default(),
        })
    }
}

async fn given(access: &Access) -> Result<Config, ConnectError> {
    // What is wrong with them is told without them: errors of parsers quote what they do not understand.
    access.config().await.map_err(|_| ConnectError::Given("address, certificates or key are not understood".to_owned()))
}

/// The words are the TLS library's, of a certificate or a key that it does not take.
fn cannot_use(error: &kube::Error) -> ConnectError {
    let why = match error {
        kube::Error::RustlsTls(_) => "certificates or key are not understood",
        _ => "no client can be made of them",
    };
    ConnectError::Given(why.to_owned())
}

/// Makes the connection that the options name.
pub async fn connect(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let (config, context) = config(options).await?;
    // Whatever context becomes the current one meanwhile.
    let options = ConnectOptions { context, ..options.clone() };
    Connection::new(config, Origin::Read(options)).map_err(|error| ConnectError::Client(Box::new(error)))
}

/// Makes a connection to the same server that has no credentials of its own: [`Connection::bearing`] gives it somebody's.
pub async fn connect_bare(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let (mut config, _) = config(options).await?;
    config.auth_info = AuthInfo::default();
    Connection::new(config, Origin::Nowhere).map_err(|error| ConnectError::Client(Box::new(error)))
}

pub(super) fn no_kubeconfig(error: KubeconfigError) -> ConnectError {
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
    let has_proxy = named_cluster(&kubeconfig, context.as_deref())
        .is_some_and(|cluster| cluster.proxy_url.as_deref().is_some_and(|proxy| !proxy.is_empty()));
    let selection = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &selection).await.map_err(no_kubeconfig)?;
    // Requests have timeouts and repetitions of their own, which know what may be sent twice.
    config.default_retry = false;
    if !has_proxy {
        config.proxy_url = proxy_of_environment(&config.cluster_url);
    }
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
