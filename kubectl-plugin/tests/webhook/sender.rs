//! A server of a test, and those who send to it: by sockets, byte by byte where a test wants that.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use kubectl_gitops::application::AppId;
use kubectl_gitops::http::{Limits, Machines, Site, serve};
use kubectl_gitops::webhook::{Entry, Inbox, Known, Provider, Secrets, Source};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The secret of GitHub's webhooks.
pub(crate) const SECRET: &str = "of all";

/// How long a test waits for what must come: its end is an error, not a measure.
const FOREVER: Duration = Duration::from_mins(5);

/// Who seems to have sent a webhook, and the status of the answer.
type Observed = Vec<(Option<Provider>, u16)>;

/// A server that runs.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) is_ready: Arc<AtomicBool>,
    /// What was told of each webhook.
    pub(crate) observed: Arc<Mutex<Observed>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(limits: Limits, inbox: Inbox, metrics: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (inbox, is_ready) = (Arc::new(inbox), Arc::new(AtomicBool::new(false)));
        let observed = Arc::new(Mutex::new(Vec::new()));
        let known = Known::default();
        known.set_secrets(Secrets::read(|key| (key == "webhook.github.secret").then(|| SECRET.into()), |_| None));
        // Whatever `push` names.
        for name in
            ["a/b".to_owned(), "a/c".to_owned()].into_iter().chain((0..50).map(|number| format!("honest/{number}")))
        {
            let sources = vec![Source::new(&format!("https://git.example.com/{name}.git"), "main")];
            known.set(AppId::new("argocd", &name), Entry { sources, secrets: None });
        }
        let (ready, told) = (Arc::clone(&is_ready), Arc::clone(&observed));
        let site = Site {
            machines: Some(Machines {
                known: Arc::new(known),
                inbox: Arc::clone(&inbox),
                observe: Box::new(move |provider, status| told.lock().expect("no panic").push((provider, status))),
                metrics: Box::new(move || metrics.clone()),
            }),
            is_ready: Box::new(move || ready.load(Ordering::SeqCst)),
            api: None,
            tls: None,
        };
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(serve(listener, site, limits, async {
            let _ = stopped.await;
        }));
        Self { address, inbox, is_ready, observed, stop, running }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection(TcpStream::connect(self.address).await.expect("a connection"))
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: &[u8]) -> Reply {
        self.connect().await.ask(request).await.expect("an answer")
    }

    /// Tells the server to end; what comes back ends when it has.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        let _ = self.stop.send(());
        self.running
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Connection(pub(crate) TcpStream);

impl Connection {
    /// Sends a request, and reads its answer; `None` where the connection ended before.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Option<Reply> {
        self.send(request).await?;
        self.reply().await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        within(self.0.write_all(bytes)).await.ok()
    }

    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more(&mut bytes).await?;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|text| text.parse().ok());
        let length: usize = length.unwrap_or(0);
        while bytes.len() < end + length {
            self.more(&mut bytes).await?;
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Some(Reply { status, body: String::from_utf8_lossy(&bytes[end..]).into_owned(), head })
    }

    /// Waits until the other side has ended the connection; what it says before that.
    pub(crate) async fn end(&mut self) -> String {
        let mut bytes = Vec::new();
        while self.more(&mut bytes).await.is_some() {}
        String::from_utf8_lossy(&bytes).into_owned()
    }

    async fn more(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        match within(self.0.read_buf(bytes)).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

/// What must come at some time.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(FOREVER, what).await.expect("it comes")
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

pub(crate) fn post(headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /api/webhook HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

/// A push of GitHub to a repository, with a signature.
pub(crate) fn push(repository: &str, secret: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"ref": "refs/heads/main", "repository": {{"html_url": "https://git.example.com/{repository}", "default_branch": "main"}}}}"#
    );
    post(&signed(&body, secret), &body)
}

pub(crate) fn signed(body: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(body.as_bytes());
    let signature = mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    format!("X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256={signature}\r\n")
}
