//! HTTP clients: TLS, proxies, timeouts.
//!
//! In: [`Access`], a credential, how far inward its connections may lead. Out: clients, made once for each use.
//!
//! - Roots are those of the system, by the same verifier that kube uses, so `SSL_CERT_FILE` and `SSL_CERT_DIR` count, and
//!   the certificates of [`Access`] besides.
//! - Redirects are not followed here, and nothing is decompressed.
//! - The proxy is the credential's, else that of `HTTPS_PROXY` and `NO_PROXY`; nothing else of the system counts, and
//!   this machine is not asked through a proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy};
use url::Url;

use super::access::Access;
use super::credentials::Credential;
use super::reach::Reach;
use super::resolver::{Resolver, Seen};

/// Who we say we are.
const USER_AGENT: &str = concat!("kubectl-gitops/", env!("CARGO_PKG_VERSION"));
/// What is never asked through a proxy.
const LOCAL: &str = "localhost,127.0.0.0/8,::1";

/// What a host is to a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Towards {
    /// The one that it is for: it is shown the client certificate, and trusted as the credential says.
    Own,
    /// One that learns who we are because the user wants it: it is shown the client certificate.
    Told,
    /// Any other.
    Others,
}

/// What tells clients apart: the credential, what it is to the host that is asked, how far inward it may lead, and the host where
/// that has certificates of its own.
type Key = (Option<String>, Towards, Reach, Option<String>);

/// Clients, made when they are first needed.
pub(super) struct Clients {
    pub(super) access: Arc<Access>,
    pub(super) seen: Arc<Seen>,
    made: Mutex<BTreeMap<Key, Client>>,
}

impl Clients {
    pub(super) fn new(access: Arc<Access>, seen: Arc<Seen>) -> Self {
        // Fails only where it was done before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Self { access, seen, made: Mutex::default() }
    }

    /// The client for a credential, for an address whose host is this to it.
    pub(super) fn client(
        &self,
        credential: Option<&Credential>,
        towards: Towards,
        ceiling: Reach,
        url: &Url,
    ) -> Result<Client, String> {
        let host = self.access.host_with_certificates(url);
        let id = credential.map(|one| format!("{:?} {} {}", one.scope, one.url, one.project));
        let key = (id, towards, ceiling, host.clone());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&key) {
            return Ok(client.clone());
        }
        let client = self.make(credential, towards, ceiling, host.as_deref())?;
        made.insert(key, client.clone());
        Ok(client)
    }

    fn make(
        &self,
        credential: Option<&Credential>,
        towards: Towards,
        ceiling: Reach,
        host: Option<&str>,
    ) -> Result<Client, String> {
        let timeouts = self.access.timeouts;
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.idle)
            .no_proxy();
        let mut certificates = Vec::new();
        for pem in self.access.trusted(host) {
            certificates.extend(Certificate::from_pem_bundle(pem).map_err(|_| "an added certificate is damaged")?);
        }
        if !certificates.is_empty() {
            builder = builder.tls_certs_merge(certificates);
        }
        if let Some(credential) = credential {
            builder = with_tls(builder, credential, towards)?;
        }
        let proxy = self.proxy(credential)?;
        let mut exempt = BTreeSet::new();
        if let Some((address, no_proxy)) = proxy {
            exempt.extend(address.host_str().map(str::to_owned));
            builder = builder.proxy(made_proxy(&address, &no_proxy, credential)?);
        }
        let resolver = Resolver { ceiling, exempt, seen: Arc::clone(&self.seen), hosts: self.access.hosts.clone() };
        let client = builder.dns_resolver(Arc::new(resolver)).build();
        client.map_err(|error| format!("no client can be made: {}", super::error::causes(error)))
    }

    /// The address of the proxy, and what is not asked through it.
    fn proxy(&self, credential: Option<&Credential>) -> Result<Option<(Url, String)>, String> {
        if let Some(one) = credential.filter(|one| !one.proxy.is_empty()) {
            let address = Url::parse(one.proxy.reveal()).map_err(|_| "the proxy of the credential is no address")?;
            return Ok(Some((address, one.no_proxy.clone())));
        }
        if self.access.ignores_environment {
            return Ok(None);
        }
        let Some(proxy) = variable("HTTPS_PROXY") else { return Ok(None) };
        let whole = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
        let address = Url::parse(&whole).map_err(|_| "the value of HTTPS_PROXY is no address")?;
        Ok(Some((address, variable("NO_PROXY").unwrap_or_default())))
    }
}

/// A variable of the environment, in upper or lower case.
fn variable(name: &str) -> Option<String> {
    let value = env::var(name).or_else(|_| env::var(name.to_ascii_lowercase())).ok();
    value.filter(|value| !value.is_empty())
}

fn made_proxy(address: &Url, no_proxy: &str, credential: Option<&Credential>) -> Result<Proxy, String> {
    let is_of_credential = credential.is_some_and(|one| !one.proxy.is_empty());
    let made = if is_of_credential { Proxy::all(address.as_str()) } else { Proxy::https(address.as_str()) };
    let proxy = made.map_err(|_| "the proxy cannot be used: its address is none")?;
    Ok(proxy.no_proxy(NoProxy::from_string(&format!("{no_proxy},{LOCAL}"))))
}

fn with_tls(mut builder: ClientBuilder, credential: &Credential, towards: Towards) -> Result<ClientBuilder, String> {
    if towards == Towards::Own {
        builder = builder.tls_danger_accept_invalid_certs(credential.insecure);
    }
    let (certificate, key) = (&credential.tls_client_certificate, &credential.tls_client_key);
    if !certificate.is_empty() && towards != Towards::Others {
        let pem = format!("{}\n{}\n", certificate.reveal(), key.reveal());
        let identity = Identity::from_pem(pem.as_bytes());
        builder = builder.identity(identity.map_err(|_| "the client certificate of the credential is damaged")?);
    }
    Ok(builder)
}
