//! GitHub Apps: who we are to repositories of an installation, by tokens that GitHub gives for an hour.
//!
//! In: the app, the installation, its key, as Argo CD keeps them in Secrets. Out: a token, and until when it holds: asked for with a
//! JWT (RS256) that we sign, kept until before its end, asked for once by all who wait.
//!
//! # Guarantees
//! - The key leaves nowhere. What is signed with it goes to the address of the API only: `githubAppEnterpriseBaseUrl`, else GitHub's; over
//!   TLS (or plainly to a host that is named for that), without redirects. The token goes where any password of this credential would.
//! - No error shows a value.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, AUTHORIZATION};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::access::Access;
use super::client::{Clients, Towards};
use super::credentials::Credential;
use super::reach::Reach;
use super::resolver::Seen;
use super::secret::Secret;
use super::web::sensitive;

/// GitHub's own.
const GITHUB: &str = "https://api.github.com";
/// Under which name tokens are taken by `git`.
pub(super) const USER: &str = "x-access-token";
/// How long a JWT holds, and by how much its beginning lies back: GitHub takes ten minutes at most, and clocks differ.
const JWT_LASTS: SignedDuration = SignedDuration::from_mins(8);
const JWT_BEGAN: SignedDuration = SignedDuration::from_mins(1);
/// A token is asked for again before it ends: so long, or half of its time where that is less.
const BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// No answer is larger, and none takes longer.
const LARGEST: usize = 64 << 10;
const ANSWER: Duration = Duration::from_secs(20);
/// So many tokens are kept.
const MOST: usize = 1000;

/// An installation of an app.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct GithubApp {
    pub(super) app: String,
    pub(super) installation: String,
    /// In PEM.
    pub(super) key: Secret,
    /// Empty for GitHub's own.
    pub(super) base: String,
}

/// The token of one installation; held by whoever asks.
type One = Arc<Mutex<Option<Token>>>;

/// Tokens that were given.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    known: Mutex<HashMap<[u8; 32], One>>,
}

#[derive(Debug, Clone)]
struct Token {
    token: Secret,
    /// When another is asked for.
    until: Timestamp,
}

#[derive(Deserialize)]
struct Given {
    token: String,
    expires_at: Timestamp,
}

impl GithubApp {
    /// What is wrong with it; only of one that says anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let is_number = |text: &str| (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        // Of an app its client id may stand there, too.
        let is_app = (1..=100).contains(&self.app.len()) && self.app.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.key.is_empty() {
            Some("has a `githubAppID` and no `githubAppPrivateKey`")
        } else if !is_app {
            Some("has a `githubAppPrivateKey` and no `githubAppID`")
        } else if !is_number(&self.installation) {
            Some("needs a number as `githubAppInstallationID`")
        } else {
            None
        }
    }

    fn hash(&self, credential: &Credential) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let proxy = credential.proxy.reveal();
        for part in [self.app.as_str(), &self.installation, self.key.reveal(), &self.base, proxy, &credential.no_proxy]
        {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// Where tokens are asked for.
    fn address(&self, access: &Access) -> Result<Url, String> {
        let base = if self.base.is_empty() { GITHUB } else { self.base.trim().trim_end_matches('/') };
        let wrong = || "the `githubAppEnterpriseBaseUrl` is no address that may be asked".to_owned();
        let address = format!("{base}/app/installations/{}/access_tokens", self.installation);
        let address = access.service(&address).map_err(|_| wrong())?;
        if address.user.is_empty() && address.password.is_empty() { Ok(address.url) } else { Err(wrong()) }
    }

    /// Says that we are the app, for some minutes.
    fn jwt(&self, now: Timestamp) -> Result<Secret, String> {
        let unusable = |()| "the `githubAppPrivateKey` is no RSA key in PEM".to_owned();
        let key = match PrivateKeyDer::from_pem_slice(self.key.reveal().as_bytes()).map_err(|_| unusable(()))? {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            _ => return Err(unusable(())),
        };
        let key = key.map_err(|_| unusable(()))?;
        let at = |time: Result<Timestamp, jiff::Error>| time.map_or(now.as_second(), Timestamp::as_second);
        let claims = json!({
            "iat": at(now.checked_sub(JWT_BEGAN)), "exp": at(now.checked_add(JWT_LASTS)), "iss": self.app,
        });
        let head = json!({"alg": "RS256", "typ": "JWT"});
        let signed = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| unusable(()))?;
        Ok(Secret::new(format!("{signed}.{}", BASE64.encode(signature))))
    }
}

impl Tokens {
    /// A token of an installation.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn get(&self, app: &GithubApp, credential: &Credential, access: &Access) -> Result<Secret, String> {
        let hash = app.hash(credential);
        let one = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST && !known.contains_key(&hash) {
                known.clear();
            }
            Arc::clone(known.entry(hash).or_default())
        };
        // Whoever waits here finds what the first was given.
        let mut one = one.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        if let Some(token) = one.as_ref().filter(|token| now < token.until) {
            return Ok(token.token.clone());
        }
        *one = None;
        let given = ask(app, credential, access, now)?;
        let lasts = given.expires_at.duration_since(now);
        let until = now.checked_add(lasts - BEFORE.min(lasts / 2)).unwrap_or(now);
        let token = Secret::new(given.token);
        *one = Some(Token { token: token.clone(), until });
        Ok(token)
    }

    /// Forgets a token that is not taken any more.
    pub(super) fn forget(&self, app: &GithubApp, credential: &Credential) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&app.hash(credential));
    }
}

/// Asks for a token. Whoever asks may be inside a runtime, so a thread of its own does.
fn ask(app: &GithubApp, credential: &Credential, access: &Access, now: Timestamp) -> Result<Given, String> {
    let (address, jwt) = (app.address(access)?, app.jwt(now)?);
    let clients = Clients::new(Arc::new(access.clone()), Arc::<Seen>::default());
    // Its client certificate, and that any certificate will do, are of the repository's host alone.
    let client = clients.client(Some(credential), Towards::Others, Reach::Machine, &address)?;
    let asked = async move {
        let unable = || "the app cannot be named".to_owned();
        let bearer = sensitive(&format!("Bearer {}", jwt.reveal())).ok_or_else(unable)?;
        let request = client.post(address).header(AUTHORIZATION, bearer).header(ACCEPT, "application/vnd.github+json");
        let lost = |_| "GitHub cannot be asked for a token of the app".to_owned();
        let mut response = request.timeout(ANSWER).send().await.map_err(lost)?;
        let status = response.status().as_u16();
        if status != 201 && status != 200 {
            let why = match status {
                401 => ": it does not know the app by this key",
                403 | 404 => ": the app has no such installation",
                _ => "",
            };
            return Err(format!("GitHub gives no token of the app ({status}){why}"));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > LARGEST {
                return Err("what GitHub says of a token is too large".to_owned());
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|_| "what GitHub says of a token is not understood".to_owned())
    };
    let work =
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let given = runtime.map_err(|error| format!("a token cannot be asked for: {error}"))?.block_on(asked);
            given.and_then(|given: Given| {
                if given.token.is_empty() { Err("GitHub gives an empty token".to_owned()) } else { Ok(given) }
            })
        };
    let ended = || "a bug of ours ended the question for a token".to_owned();
    std::thread::spawn(work).join().unwrap_or_else(|_| Err(ended()))
}
