//! Plays GitHub for a controller: gives tokens of an app, which a real Git server demands.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::world::Ground;

/// What an app is asked for by.
const PATH: &str = "POST /app/installations/34/access_tokens";

/// The endpoint of tokens.
pub(crate) struct Github {
    port: u16,
    /// The first lines and the authorizations of what it was asked.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Github {
    /// Starts it. Its token is the password of the Git server.
    pub(crate) fn start(ground: &Ground) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let chain = CertificateDer::pem_file_iter(ground.certificates.certificate()).expect("a certificate");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(ground.certificates.key()).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("a server");
        let (config, token) = (Arc::new(config), ground.web.password().to_owned());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let asked = Arc::<Mutex<Vec<(String, String)>>>::default();
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
                // Clients go away when they like.
                let _ = one(StreamOwned::new(connection, stream), &token, &log);
            }
        });
        Self { port, asked }
    }

    /// Its address.
    pub(crate) fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// How often it was asked for a token.
    pub(crate) fn asked(&self) -> usize {
        let asked = self.asked.lock().expect("no panic");
        assert!(asked.iter().all(|(line, who)| line.starts_with(PATH) && who.starts_with("Bearer ey")), "{asked:?}");
        asked.len()
    }
}

fn one(
    stream: StreamOwned<ServerConnection, std::net::TcpStream>,
    token: &str,
    log: &Mutex<Vec<(String, String)>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut who, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => value.clone_into(&mut who),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap_or(0),
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    log.lock().expect("no panic").push((first, who));
    let body = json!({"token": token, "expires_at": "2099-01-01T00:00:00Z", "permissions": {}}).to_string();
    let head = format!("HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let stream = reader.get_mut();
    stream.write_all(format!("{head}{body}").as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// The key of an app, as PEM.
pub(crate) fn key() -> String {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der = BASE64_STANDARD.encode(pair.as_der().expect("a key").as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")
}
