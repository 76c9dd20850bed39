//! A provider of OpenID Connect: `oidc-provider` from npm, over TLS.
//!
//! In: [`Certificates`]. Out: an issuer, what an API server has to be told of it, and clients. People need no password; see
//! `testdata/oidc`, whose lock file says which version. It is fetched by npm once, into the cache beside what
//! [`crate::golang`] builds, and without running anything of the packages.

use std::env;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use super::certificates::Certificates;
use super::error::{Error, last_lines};
use super::keeper::Keeper;
use super::password;
use super::programs::find;
use crate::golang;
use crate::port::Port;

/// Where users are sent back to. Nothing is there: a test follows redirects itself.
pub const OWN_ADDRESS: &str = "https://gitops.example.com";
/// The client that the API server takes tokens of.
pub const CLIENT: &str = "kubectl-gitops";
/// One whose tokens last for [`BRIEF_SECONDS`], which the API server takes, too.
pub const BRIEF_CLIENT: &str = "brief";
/// One whose tokens last as long, which the API server takes, too, and which is given what renews them.
pub const RENEWED_CLIENT: &str = "renewed";
/// One whose tokens it does not take.
pub const OTHER_CLIENT: &str = "other";
/// Somebody whose tokens it does not take.
pub const REFUSED: &str = "mallory";
/// How long tokens of the brief and the renewed client last.
pub const BRIEF_SECONDS: u64 = 10;

/// The files that decide what is fetched, and what runs.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "main.mjs"];

/// A provider that runs.
#[derive(Debug)]
pub struct OidcProvider {
    port: Port,
    secret: String,
    authority: String,
    _keeper: Keeper,
}

impl OidcProvider {
    /// Starts one.
    ///
    /// # Errors
    /// Where Node is missing, its packages cannot be fetched, or it does not start.
    pub fn start(certificates: &Certificates) -> Result<Self, Error> {
        let (place, node) = (fetched()?, program("node")?);
        let port = Port::reserve_for_any().map_err(Error::Port)?;
        let (secret, mut keeper) = (password()?, Keeper::start()?);
        let authority = certificates.authority();
        let clients = [CLIENT, BRIEF_CLIENT, RENEWED_CLIENT, OTHER_CLIENT].map(|name| client(name, &secret));
        let settings = json!({
            "port": port.number(),
            "key": keeper.copy(certificates.key())?,
            "certificate": keeper.copy(certificates.certificate())?,
            "cookieKeys": [password()?],
            "brief": [BRIEF_CLIENT, RENEWED_CLIENT],
            "briefSeconds": BRIEF_SECONDS,
            "clients": clients,
        });
        let settings = keeper.write("settings.json", &settings.to_string())?.display().to_string();
        keeper.run(&node, &[&place.join("main.mjs").display().to_string(), &settings])?;
        let address = ("127.0.0.1", port.number());
        keeper.wait_for(|| TcpStream::connect(address).ok())?;
        let authority = fs::read_to_string(authority).map_err(Error::file("read", authority))?;
        Ok(Self { port, secret, authority, _keeper: keeper })
    }

    /// Its address, which is its name.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.number())
    }

    /// Where it says how often tokens were renewed and grants taken back, as `{"renewed": 0, "revoked": 0}`.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{}/told", self.issuer())
    }

    /// The address that makes somebody nobody whom it knows.
    #[must_use]
    pub fn dismissal(&self, person: &str) -> String {
        format!("{}/dismiss/{person}", self.issuer())
    }

    /// The secret of all clients.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The certificate that vouches for it, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What an API server has to know, to take tokens of it; but for [`OTHER_CLIENT`] and [`REFUSED`]. Names begin with
    /// `oidc:`.
    #[must_use]
    pub fn authentication(&self) -> Json {
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration",
            "jwt": [{
                "issuer": {
                    "url": self.issuer(), "certificateAuthority": self.authority,
                    "audiences": [CLIENT, BRIEF_CLIENT, RENEWED_CLIENT],
                    "audienceMatchPolicy": "MatchAny",
                },
                "claimMappings": {
                    "username": {"claim": "sub", "prefix": "oidc:"},
                    "groups": {"claim": "groups", "prefix": "oidc:"},
                },
                "claimValidationRules": [
                    {"expression": format!("claims.sub != '{REFUSED}'"), "message": "this one is not let in"},
                ],
            }],
        })
    }
}

fn client(name: &str, secret: &str) -> Json {
    let renews = (name == RENEWED_CLIENT).then_some("refresh_token");
    let grants: Vec<&str> = std::iter::once("authorization_code").chain(renews).collect();
    json!({
        "client_id": name, "client_secret": secret, "grant_types": grants,
        "redirect_uris": [format!("{OWN_ADDRESS}/auth/callback")],
        "post_logout_redirect_uris": [format!("{OWN_ADDRESS}/")],
    })
}

/// The program with its packages, fetched first where the cache does not have them.
fn fetched() -> Result<PathBuf, Error> {
    const WHAT: &str = "the provider of OpenID Connect for tests";
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc");
    let cache = golang::cache_directory().ok_or(golang::Error::NoCache { what: WHAT })?;
    let mut hasher = blake3::Hasher::new();
    for name in FILES {
        let path = sources.join(name);
        hasher.update(blake3::hash(&fs::read(&path).map_err(Error::file("read", &path))?).as_bytes());
    }
    let place = cache.join(format!("oidc-{}", &hasher.finalize().to_hex()[..16]));
    if place.is_dir() {
        return Ok(place);
    }
    fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
    let _lock = golang::lock(&cache, WHAT)?;
    if !place.is_dir() {
        let fetching = golang::building(&cache)?;
        for name in FILES {
            let path = sources.join(name);
            fs::copy(&path, fetching.path().join(name)).map_err(Error::file("copy", &path))?;
        }
        npm_ci(fetching.path())?;
        fs::rename(fetching.path(), &place).map_err(Error::file("create", &place))?;
    }
    Ok(place)
}

/// Fetches what the lock file says, and runs nothing of it. The environment stays: it says how the network is reached.
fn npm_ci(folder: &Path) -> Result<(), Error> {
    let npm = program("npm")?;
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let output = Command::new(&npm).args(arguments).current_dir(folder).output().map_err(Error::spawn(&npm))?;
    if output.status.success() {
        return Ok(());
    }
    let command = format!("npm {}", arguments.join(" "));
    Err(Error::Failed { command, status: output.status, output: last_lines(&output.stderr) })
}

/// A program of Node's.
fn program(name: &'static str) -> Result<PathBuf, Error> {
    let missing = || Error::Spawn { program: name.to_owned(), source: io::ErrorKind::NotFound.into() };
    find(name).ok_or_else(missing)
}
