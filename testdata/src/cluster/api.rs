//! A few requests to the API server: enough for the supervisor to see that the cluster is ready, and for programs that
//! read what the server says of itself.
//!
//! In: paths, and JSON bodies. Out: status and body. HTTP/1.0 over TLS, one connection a request: the server closes
//! when it has said all, so there is nothing to frame. kubectl would take a tenth of a second a request, and a client
//! library would be most of what this crate has to build.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, IpAddr, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::directory::Connection;
use super::error::Error;

/// A connection.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// How long an answer may take. Some are slow on purpose: the first ones wait for the database.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The format of bodies.
const JSON: &str = "application/json";

/// The API server, as the administrator sees it.
#[derive(Clone, Debug)]
pub struct Api {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    token: String,
}

/// An answer of the API server.
#[derive(Debug)]
pub struct Reply {
    /// The code of HTTP.
    pub status: u16,
    /// What came with it.
    pub body: String,
}

impl Reply {
    /// The body as JSON, or null.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Api {
    /// The API server at `port` of this machine, whose certificates `authority` (PEM) signs.
    pub(super) fn new(port: u16, authority: &str, token: String) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes())
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        roots.add(authority)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self { address, tls: Arc::new(tls), token })
    }

    /// The API server of a cluster that is ready, as its administrator.
    ///
    /// # Errors
    /// Where the files that the connection names cannot be read.
    pub fn of(connection: &Connection) -> Result<Self, Error> {
        let authority = &connection.certificate_authority;
        let authority = fs::read_to_string(authority).map_err(Error::file("read", authority))?;
        let port = connection.server.rsplit(':').next().and_then(|port| port.parse().ok()).ok_or(Error::Silent)?;
        Self::new(port, &authority, connection.token.clone())
    }

    /// Reads.
    pub fn get(&self, path: &str) -> Result<Reply, Error> {
        self.request("GET", path, "")
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Reply, Error> {
        self.send("POST", path, body)
    }

    /// Does something; a null body is none.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Result<Reply, Error> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.request(method, path, &body)
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Result<Reply, Error> {
        self.exchange(method, path, body).map_err(|source| Error::Request { path: path.to_owned(), source })
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> io::Result<Stream> {
        let socket = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        let server = ServerName::IpAddress(IpAddr::from(self.address.ip()));
        let session = ClientConnection::new(Arc::clone(&self.tls), server);
        Ok(StreamOwned::new(session.map_err(io::Error::other)?, socket))
    }

    /// The fields `Host` and `Authorization` of a request.
    pub(crate) fn names_itself(&self) -> (String, String) {
        (self.address.to_string(), format!("Bearer {}", self.token))
    }

    /// What comes before the body of a request.
    pub(super) fn head(&self, method: &str, path: &str, version: &str, content: &str, length: usize) -> String {
        let Self { address, token, .. } = self;
        format!(
            "{method} {path} HTTP/{version}\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {content}\r\nContent-Length: {length}\r\n\r\n"
        )
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> io::Result<Reply> {
        let mut stream = self.connect()?;
        write!(stream, "{}{body}", self.head(method, path, "1.0", JSON, body.len()))?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            // A connection may end without TLS' good-bye; what matters is that the head is there.
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => {}
        }
        parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::Error::other("this is no HTTP answer"))
    }
}

fn parse(answer: &str) -> Option<Reply> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_split_into_status_and_body() {
        let reply = parse("HTTP/1.0 201 Created\r\nA: b\r\n\r\n{\"a\":\r\n\r\n1}").expect("an answer");
        assert_eq!((reply.status, reply.json()["a"].as_i64()), (201, Some(1)));
        assert!(parse("").is_none());
        assert!(parse("HTTP/1.0 200 OK\r\n").is_none(), "it broke off");
    }
}
