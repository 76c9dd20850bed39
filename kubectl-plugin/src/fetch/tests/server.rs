//! Small servers for the tests: HTTP/1 with or without TLS, each on a port of its own, that answer as a test says and
//! remember what they were asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::super::access::{Access, Timeouts};
use super::super::reach::Reach;

/// The names of all servers; they lead to this machine, and count as far away.
pub(super) const CHARTS: &str = "charts.example.com";
pub(super) const FILES: &str = "files.example.net";
pub(super) const REGISTRY: &str = "registry.example.com";
pub(super) const AUTH: &str = "auth.example.org";
/// But for this one, which counts as near.
pub(super) const INSIDE: &str = "inside.example.com";
const NAMES: [&str; 6] = [CHARTS, FILES, REGISTRY, AUTH, INSIDE, "127.0.0.1"];

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) proxy_authorization: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) content_type: Option<String>,
    /// A header of the tests' own.
    pub(super) key: Option<String>,
    pub(super) body: Vec<u8>,
}

/// What to answer.
pub(super) enum Reply {
    Whole {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// A body that never ends.
    Endless,
    /// Nothing, for a while.
    Silence,
}

impl Reply {
    pub(super) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn status(status: u16) -> Self {
        Self::Whole { status, headers: Vec::new(), body: b"s3cret of the server".to_vec() }
    }

    pub(super) fn to(location: impl Into<String>) -> Self {
        Self::status(302).with("Location", location)
    }

    pub(super) fn with(self, name: &str, value: impl Into<String>) -> Self {
        match self {
            Self::Whole { status, mut headers, body } => {
                headers.push((name.to_owned(), value.into()));
                Self::Whole { status, headers, body }
            }
            other => other,
        }
    }
}

/// A server that lives as long as the test program.
pub(super) struct Server {
    pub(super) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics here").clone()
    }

    pub(super) fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.port)
    }
}

/// An authority, with a certificate for all names and one for a client.
pub(super) struct Authority {
    pub(super) pem: String,
    /// The client's certificate and key, in PEM.
    pub(super) client: (String, String),
    server: Arc<ServerConfig>,
    /// The same for those who show a certificate.
    strict: Arc<ServerConfig>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = authority.self_signed(&key).expect("a certificate");
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        let issuer = Issuer::new(authority, key);
        let server = CertificateParams::new(NAMES.map(str::to_owned)).expect("names");
        let server_key = KeyPair::generate().expect("a key");
        let certificate = server.signed_by(&server_key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let client_key = KeyPair::generate().expect("a key");
        let client = CertificateParams::new(vec!["anna".to_owned()]).expect("a name");
        let client = client.signed_by(&client_key, &issuer).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(der).expect("a certificate");
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
        let chain = vec![certificate.der().clone()];
        let open = ServerConfig::builder().with_no_client_auth();
        let open = open.with_single_cert(chain.clone(), key.clone_key()).expect("a certificate and its key");
        let strict = ServerConfig::builder().with_client_cert_verifier(verifier);
        let strict = strict.with_single_cert(chain, key).expect("a certificate and its key");
        let client = (client.pem(), client_key.serialize_pem());
        Self { pem, client, server: Arc::new(open), strict: Arc::new(strict) }
    }

    /// Access to the servers, as the tests want it: quick to give up.
    pub(super) fn access(&self) -> Access {
        let timeouts =
            Timeouts { connect: Duration::from_secs(5), idle: Duration::from_secs(1), total: Duration::from_secs(10) };
        let access = Access::new().timeouts(timeouts).without_environment();
        let mut access = access.certificates("ca.pem", self.pem.as_bytes()).expect("a certificate");
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        access.hosts = NAMES[..4].iter().map(|name| ((*name).to_owned(), (here, Reach::World))).collect();
        access.hosts.insert(INSIDE.to_owned(), (here, Reach::Machine));
        access
    }

    /// Starts a server with TLS. What it answers may name its own port.
    pub(super) fn serve(&self, answer: impl Fn(&Asked, u16) -> Reply + Send + Sync + 'static) -> Server {
        start(Some(Arc::clone(&self.server)), answer)
    }
}

impl Authority {
    /// Starts a server that wants a certificate of this authority.
    pub(super) fn serve_strictly(&self, answer: impl Fn(&Asked, u16) -> Reply + Send + Sync + 'static) -> Server {
        start(Some(Arc::clone(&self.strict)), answer)
    }
}

/// Starts a server without TLS.
pub(super) fn serve_plain(answer: impl Fn(&Asked, u16) -> Reply + Send + Sync + 'static) -> Server {
    start(None, answer)
}

fn start(tls: Option<Arc<ServerConfig>>, answer: impl Fn(&Asked, u16) -> Reply + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let (asked, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (tls, answer, log) = (tls.clone(), Arc::clone(&answer), Arc::clone(&log));
            thread::spawn(move || {
                // Clients go away when they like.
                let _ = match tls {
                    Some(config) => {
                        encrypted(config, stream).and_then(|mut stream| one(&mut stream, port, &*answer, &log))
                    }
                    None => one(&mut { stream }, port, &*answer, &log),
                };
            });
        }
    });
    Server { port, asked }
}

fn encrypted(
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> std::io::Result<StreamOwned<ServerConnection, TcpStream>> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

/// One request and its answer; the connection ends with it.
fn one<S: Read + Write>(
    stream: &mut S,
    port: u16,
    answer: &impl Fn(&Asked, u16) -> Reply,
    log: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let asked = request(stream)?;
    log.lock().expect("no test panics here").push(asked.clone());
    match answer(&asked, port) {
        Reply::Whole { status, headers, body } => {
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len())?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            stream.write_all(b"\r\n")?;
            stream.write_all(&body)?;
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            loop {
                stream.write_all(b"1000\r\n")?;
                stream.write_all(&[b'x'; 0x1000])?;
                stream.write_all(b"\r\n")?;
            }
        }
        Reply::Silence => thread::sleep(Duration::from_secs(20)),
    }
    stream.flush()
}

fn request(stream: &mut impl Read) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut header = |name: &str| headers.remove(name);
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Asked {
        method,
        host: header("host").unwrap_or_default(),
        path,
        authorization: header("authorization"),
        accept: header("accept"),
        proxy_authorization: header("proxy-authorization"),
        user_agent: header("user-agent"),
        content_type: header("content-type"),
        key: header("x-key"),
        body,
    })
}
