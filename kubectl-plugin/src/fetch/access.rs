//! What may be fetched, and how.
//!
//! In: settings. Out: [`Access`], which says of an address whether it may be asked. Guarantees:
//!
//! - Only https, oci and ssh; plain http for the hosts that are named for it.
//! - Where a server sends us is judged anew, hop by hop: never to http, to nothing the patterns forbid, no further inward
//!   than where it came from (`reach`), with no user or password in the address.
//! - No error and no debug output shows userinfo or a credential.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::address::{Address, Scheme, host_and_port, is_same_origin, shown, shown_text};
use super::credentials::{Credential, Credentials};
use super::github_app::{Tokens, USER};
use super::globs::Globs;
use super::reach::Reach;
use super::secret::Secret;

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the next bytes.
    pub idle: Duration,
    /// For everything, redirects included.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), idle: Duration::from_secs(30), total: Duration::from_mins(5) }
    }
}

/// Why an address may not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} may not be fetched: {why}")]
pub struct Refused {
    /// The address as it may be shown.
    pub address: String,
    /// The rule.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Refused {
    pub(super) fn new(address: impl Into<String>, why: impl Into<String>) -> Self {
        Self { address: address.into(), why: why.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What may be fetched, and how.
#[derive(Debug, Clone, Default)]
pub struct Access {
    globs: Globs,
    plain_http: BTreeSet<String>,
    pub(super) certificates: Vec<Vec<u8>>,
    /// Certificates to trust of single hosts, in PEM.
    host_certificates: BTreeMap<String, Vec<u8>>,
    pub(super) timeouts: Timeouts,
    pub(super) credentials: Credentials,
    /// Tokens that credentials were exchanged for.
    pub(super) tokens: Arc<Tokens>,
    pub(super) ignores_environment: bool,
    /// Names that are somewhere else than the system says, and as far away as this says. Only tests have any.
    pub(super) hosts: BTreeMap<String, (IpAddr, Reach)>,
}

impl Access {
    /// Everything that is encrypted, with nobody's credentials.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what these patterns allow: Argo CD's `sourceRepos`.
    ///
    /// # Errors
    /// Where one of them is no pattern.
    pub fn allow(self, patterns: &[String]) -> Result<Self, String> {
        Ok(Self { globs: Globs::new(patterns)?, ..self })
    }

    /// Hosts that may be spoken to without encryption: `HOST` for all its ports, or `HOST:PORT`.
    #[must_use]
    pub fn plain_http(self, hosts: impl IntoIterator<Item = String>) -> Self {
        Self { plain_http: hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect(), ..self }
    }

    /// Certificates in PEM to trust besides those of the system.
    ///
    /// # Errors
    /// Where there is none in the file.
    pub fn certificates(mut self, shown_path: &str, pem: &[u8]) -> Result<Self, String> {
        let found = reqwest::Certificate::from_pem_bundle(pem).map_or(0, |found| found.len());
        if found == 0 {
            return Err(format!("{shown_path} has no certificate in PEM"));
        }
        self.certificates.push(pem.to_vec());
        Ok(self)
    }

    /// Certificates in PEM to trust besides those of the system, each for one host. Gives those that have none.
    #[must_use]
    pub fn certificates_of_hosts(mut self, of_hosts: BTreeMap<String, Vec<u8>>) -> (Self, Vec<String>) {
        let has_any = |pem: &[u8]| reqwest::Certificate::from_pem_bundle(pem).is_ok_and(|found| !found.is_empty());
        let (sound, wrong): (BTreeMap<_, _>, BTreeMap<_, _>) = of_hosts.into_iter().partition(|(_, pem)| has_any(pem));
        self.host_certificates = sound.into_iter().map(|(host, pem)| (host.to_ascii_lowercase(), pem)).collect();
        (self, wrong.into_keys().collect())
    }

    /// The credential for an address, as it is said to its server: of a GitHub App with a token, which may be asked for first.
    ///
    /// # Errors
    /// Where it cannot be used, or there is no token.
    pub(super) fn credential(&self, address: &str) -> Result<Option<Cow<'_, Credential>>, String> {
        let Some(credential) = self.credentials.for_address(address) else { return Ok(None) };
        credential.check()?;
        let Some(app) = &credential.github_app else { return Ok(Some(Cow::Borrowed(credential))) };
        let (username, password) = (USER.to_owned(), self.tokens.get(app, credential, self)?);
        let bearer_token = Secret::default();
        Ok(Some(Cow::Owned(Credential { username, password, bearer_token, ..credential.clone() })))
    }

    /// Forgets what a server does not take any more.
    pub(super) fn forget(&self, address: &str) {
        let credential = self.credentials.for_address(address);
        if let Some((credential, app)) = credential.and_then(|one| Some((one, one.github_app.as_ref()?))) {
            self.tokens.forget(app, credential);
        }
    }

    /// Which of these are there for a host, as what tells clients apart.
    pub(super) fn host_with_certificates(&self, url: &Url) -> Option<String> {
        let host = url.host_str()?.to_ascii_lowercase();
        self.host_certificates.contains_key(&host).then_some(host)
    }

    /// All certificates in PEM that are trusted of a host besides those of the system.
    pub(super) fn trusted(&self, host: Option<&str>) -> impl Iterator<Item = &Vec<u8>> {
        self.certificates.iter().chain(host.and_then(|host| self.host_certificates.get(host)))
    }

    /// How long to wait.
    #[must_use]
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// Who we are.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// With more credentials; of equals those that were there before count.
    #[must_use]
    pub fn and_credentials(self, more: Credentials) -> Self {
        Self { credentials: self.credentials.and(more), ..self }
    }

    /// With the credentials that an Application of a project may use.
    #[must_use]
    pub fn of_project(self, project: &str) -> Self {
        Self { credentials: self.credentials.of_project(project), ..self }
    }

    /// Whether a project has credentials of its own.
    #[must_use]
    pub fn has_own(&self, project: &str) -> bool {
        self.credentials.has_own(project)
    }

    /// The project whose own credential is used for a repository; empty where all use the same, or none.
    #[must_use]
    pub fn project_for(&self, address: &str) -> &str {
        self.credentials.for_address(address).map_or("", |one| one.project.as_str())
    }

    /// Without the proxies that `HTTPS_PROXY` names.
    #[must_use]
    pub fn without_environment(self) -> Self {
        Self { ignores_environment: true, ..self }
    }

    /// Whether the Secret of a repository says that its files of Git LFS are wanted.
    #[must_use]
    pub fn wants_lfs(&self, address: &str) -> bool {
        self.credentials.wants_lfs(address)
    }

    /// Whether a repository may be asked.
    pub fn check(&self, address: &str) -> Result<(), Refused> {
        self.repository(address).map(|_| ())
    }

    /// The address of a repository that may be asked.
    pub(super) fn repository(&self, text: &str) -> Result<Address, Refused> {
        let address = Address::parse(text).map_err(|why| Refused::new(shown_text(text), why))?;
        if address.scheme == Scheme::Http {
            self.check_plain(&address.url)?;
        }
        if !self.globs.allow(text) {
            return Err(not_allowed(address.shown()));
        }
        Ok(address)
    }

    /// The address of a service that credentials name, and not sources.
    pub(super) fn service(&self, text: &str) -> Result<Address, Refused> {
        let address = Address::parse(text).map_err(|why| Refused::new(shown_text(text), why))?;
        match address.scheme {
            Scheme::Https => Ok(address),
            Scheme::Http => self.check_plain(&address.url).map(|()| address),
            Scheme::Oci | Scheme::Ssh => Err(Refused::new(address.shown(), "services are asked with https")),
        }
    }

    /// The address of a file that may be asked for by itself.
    pub(super) fn file(&self, text: &str) -> Result<Address, Refused> {
        let address = Address::parse(text).map_err(|why| Refused::new(shown_text(text), why))?;
        match address.scheme {
            Scheme::Https => {}
            Scheme::Http => self.check_plain(&address.url)?,
            Scheme::Oci | Scheme::Ssh => return Err(Refused::new(address.shown(), "files are fetched with https")),
        }
        if !self.globs.allow_below(text) {
            return Err(not_allowed(address.shown()));
        }
        Ok(address)
    }

    /// The address of a registry or another server that a repository names, not the user. By SSH one has a user, always the
    /// same.
    pub(super) fn named_by(&self, repository: &Url, reach: Reach, text: &str) -> Result<Address, Refused> {
        let address = self.repository(text)?;
        let named = address.url.clone();
        let is_inward = Reach::as_written(&named) > reach && named.host() != repository.host();
        let has_user = !address.user.is_empty() && address.scheme != Scheme::Ssh;
        if is_inward || has_user || !address.password.is_empty() {
            return Err(Refused::new(address.shown(), format!("{} names it, and may not", shown(repository))));
        }
        Ok(address)
    }

    /// Whether the host may be spoken to without encryption.
    pub(super) fn is_plain(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        self.plain_http.contains(&host) || self.plain_http.contains(&host_and_port(url))
    }

    fn check_plain(&self, url: &Url) -> Result<(), Refused> {
        if self.is_plain(url) {
            return Ok(());
        }
        let host = host_and_port(url);
        Err(Refused::new(shown(url), "it is not encrypted")
            .hint(format!("write https, or allow this host with --plain-http {host}")))
    }

    /// Whether a server at `from`, as far away as `reach`, may send us to `to` when it was `asked` that we began with.
    /// What is written in `to` is judged here; what its name resolves to is judged when it is resolved.
    pub(super) fn hop(&self, asked: &Url, from: &Url, reach: Reach, to: &Url) -> Result<(), Refused> {
        let refused = |why: String| Err(Refused::new(shown(to), format!("{} sends us there, {why}", shown(from))));
        if !to.username().is_empty() || to.password().is_some() {
            return refused("and names a user".to_owned());
        }
        let is_plain = to.scheme() == "http" && from.scheme() == "http" && self.is_plain(to);
        if to.scheme() != "https" && !is_plain {
            return refused("and it is not encrypted".to_owned());
        }
        if to.host_str().is_none_or(|host| host.starts_with('-') || host.ends_with('.')) {
            return refused("and it has no sound host".to_owned());
        }
        if is_same_origin(from, to) {
            return Ok(());
        }
        if !self.globs.allow_below(to.as_str()) {
            return Err(not_allowed(shown(to)));
        }
        if Reach::as_written(to) > reach && asked.host() != to.host() {
            return refused("from the outside to the inside".to_owned());
        }
        Ok(())
    }
}

fn not_allowed(address: String) -> Refused {
    Refused::new(address, "it is not among the addresses that are allowed")
        .hint("add it to the addresses that are allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn what_is_not_encrypted_is_refused_with_a_hint() {
        let access = Access::new().plain_http(["Registry.example.com:5000".to_owned(), "localhost".to_owned()]);
        assert!(access.check("http://registry.example.com:5000/x").is_ok());
        assert!(access.check("http://localhost:1234/x").is_ok());
        let refused = access.check("http://anna:s3cret@registry.example.com/x").expect_err("it is plain");
        assert_eq!(refused.to_string(), "http://registry.example.com/x may not be fetched: it is not encrypted");
        let hint = "write https, or allow this host with --plain-http registry.example.com";
        assert_eq!(refused.hint.as_deref(), Some(hint));
    }

    #[test]
    fn addresses_that_are_none_are_refused_without_secrets() {
        let access = Access::new();
        for text in ["ftp://anna:s3cret@host/x", "-x://s3cret@host", "file:///etc/passwd", "ext::sh -c x"] {
            let refused = access.check(text).expect_err(text);
            assert!(!format!("{refused:?} {refused}").contains("s3cret"), "{refused:?}");
        }
        for text in ["https://a.example.com", "oci://a.example.com/x", "a.example.com/x", "git@a.example.com:x"] {
            assert!(access.check(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_hop_goes_to_https_and_not_inward() {
        let access = Access::new().plain_http(["127.0.0.1".to_owned()]);
        let from = url("https://charts.example.com/x");
        let allowed = |to: &str| access.hop(&from, &from, Reach::World, &url(to)).is_ok();
        assert!(allowed("https://charts.example.com/y") && allowed("https://files.example.net/y?token=1"));
        for to in [
            "http://charts.example.com/x",
            "http://127.0.0.1/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/x",
            "https://metadata.google.internal/x",
            "https://localhost/x",
            "https://anna:s3cret@files.example.net/x",
            "ftp://files.example.net/x",
        ] {
            assert!(!allowed(to), "{to}");
        }
        let within = |from: &str, reach, to: &str| access.hop(&url(from), &url(from), reach, &url(to)).is_ok();
        assert!(within("https://registry/x", Reach::Network, "https://10.0.0.1/x"));
        assert!(!within("https://registry/x", Reach::Network, "https://127.0.0.1/x"));
        assert!(within("http://127.0.0.1:1/x", Reach::Machine, "http://127.0.0.1:2/x"));
        let back = access.hop(&url("https://registry/x"), &from, Reach::World, &url("https://registry/y"));
        assert!(back.is_ok(), "to where it began");
    }

    #[test]
    fn a_hop_obeys_the_patterns() {
        let patterns = ["https://charts.example.com/*".to_owned(), "https://files.example.net/*".to_owned()];
        let access = Access::new().allow(&patterns).expect("patterns");
        let from = url("https://charts.example.com/x");
        assert!(access.hop(&from, &from, Reach::World, &url("https://files.example.net/a/b/c.tgz")).is_ok());
        assert!(access.hop(&from, &from, Reach::World, &url("https://files.example.org/a/b/c.tgz")).is_err());
        assert!(access.file("https://files.example.net/a/b.yaml").is_ok());
        assert!(access.file("oci://files.example.net/a/b.yaml").is_err());
    }
}
