//! Sign-in of people by OpenID Connect: authorization code with PKCE. No sockets but those to the issuer.
//!
//! In: browsers that want to sign in, and come back with a code. Out: an ID token, which the caller shows to the API server: whoever
//! the API server does not know is not signed in here either, so there are no users, groups or claims of ours. Where the issuer
//! gave a token that renews it, another one before it ends.
//!
//! | file | what |
//! |---|---|
//! | [`settings`](OidcSettings) | who signs people in: flags, or Argo CD's `oidc.config`, pure |
//! | `discovered` | what an issuer says of itself, pure |
//! | `login` | a sign-in that has begun, as its browser keeps it, pure |
//! | `state_key` | the key by which states are made, which all replicas have |
//! | `spent` | states that came back |
//! | `claims` | what a token says, pure |
//! | `logout` | where browsers sign out at the issuer, pure |
//! | `ask` | the issuer, asked |
//! | `provider` | one issuer, as it is set: what it says of itself, and codes that become tokens |
//! | `renewal` | what renews tokens: asked for, used, taken back |
//! | `read` | settings, as the cluster has them |
//!
//! # Guarantees
//! - Only the issuer's own host is asked, or the one that was set for codes; over TLS, without redirects, within limits.
//! - A code is of use to the browser only that began the sign-in, once, for ten minutes.
//! - Nothing is asked, and nothing counted, for a state that was not made here, or came before.
//! - A browser goes back to a path of ours, whatever it was sent with.
//! - No token and no secret is in an address, an error or a log.
//!
//! # Why without a library
//! The API server judges signature, issuer, audience and end of each token (TokenReview), as it does for every token. What is
//! left is a redirect, a form and a comparison; a library would bring its own cryptography, and judge tokens by rules of its own.

mod ask;
mod claims;
mod discovered;
mod login;
mod logout;
mod provider;
mod read;
mod renewal;
mod settings;
mod spent;
mod state_key;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::access::{Pace, Rate, network};
use crate::cluster::Cluster;
use claims::Expected;
use login::{Login, StateKey};
use provider::{Provider, Tokens, word};
use spent::Spent;

pub use settings::OidcSettings;

/// Where browsers come back to.
pub const CALLBACK: &str = "/auth/callback";
/// For how long a sign-in may last, in seconds.
pub const LOGIN_LASTS: i64 = login::LASTS;

/// For how long settings hold.
const SETTINGS_HOLD: Duration = Duration::from_secs(10);
/// How often somebody may begin: that costs a redirect, and behind an ingress all have one address.
const BEGINNINGS: Rate = Rate { burst: 300.0, a_second: 30.0 };
/// How often somebody may come back with what they kept: then the issuer is asked.
const SIGN_INS: Rate = Rate { burst: 60.0, a_second: 2.0 };
const MOST_PEERS: usize = 10_000;
/// So many codes become tokens at once.
const AT_ONCE: usize = 8;
/// No code, and nothing else of what comes back, is longer.
const LONGEST_CODE: usize = 4096;

/// Why nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedIn {
    /// There is no issuer.
    #[error("nobody signs people in here: sign in with a token")]
    NoIssuer,
    /// It cannot be done as it is set.
    #[error("sign-in is not set up as it should be: {0}")]
    Wrong(String),
    /// The issuer cannot be asked.
    #[error("the issuer is not there: {0}")]
    Away(String),
    /// It is not this browser's sign-in, or an old one.
    #[error("this sign-in was not begun here, or is too old: begin again")]
    Unknown,
    /// The issuer, or what it gave, says no.
    #[error("the issuer does not sign you in: {0}")]
    Refused(String),
    /// Too often.
    #[error("too many sign-ins came from this address")]
    TooMany,
}

/// A sign-in that begins.
pub struct Begun {
    /// Where the browser goes.
    pub location: String,
    /// What it keeps.
    pub cookie: Zeroizing<String>,
}

/// What a browser comes back with.
#[derive(Debug, Clone, Copy, Default)]
pub struct CameBack<'a> {
    /// The code.
    pub code: Option<&'a str>,
    /// The state.
    pub state: Option<&'a str>,
    /// Who sent it.
    pub issuer: Option<&'a str>,
    /// Why there is no code.
    pub error: Option<&'a str>,
}

/// A token of somebody who came back. The API server has not been asked about it.
pub struct Token {
    /// The ID token.
    pub token: Zeroizing<String>,
    /// When it ends.
    pub end: Timestamp,
    /// What renews it, where the issuer gave it.
    pub refresh: Option<Zeroizing<String>>,
    /// The path that the browser goes back to; empty where nobody came back.
    pub back: String,
}

/// What clients are told of who signs people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What people call it.
    pub name: String,
    /// Its address.
    pub issuer: String,
    /// Who we are to it.
    pub client: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Where we are.
    pub own: String,
}

/// Signs people in.
pub struct Oidc {
    given: Option<OidcSettings>,
    cluster: Cluster,
    /// Where the ConfigMap is; nowhere where nobody signs people in.
    namespace: Option<String>,
    known: Mutex<Option<Known>>,
    beginnings: Pace<IpAddr>,
    sign_ins: Pace<IpAddr>,
    state_key: OnceCell<StateKey>,
    spent: Spent,
    turns: Semaphore,
}

/// Settings, as they were last read.
struct Known {
    read: Instant,
    /// What they were read from.
    text: String,
    provider: Result<Option<Arc<Provider>>, NotSignedIn>,
}

impl Known {
    /// Whether it is an issuer that is set by this.
    fn is(&self, text: &str) -> bool {
        self.text == text && matches!(&self.provider, Ok(Some(_)))
    }
}

impl Oidc {
    /// By these settings; where there are none, by the ConfigMap of a namespace, whenever it is asked.
    #[must_use]
    pub fn new(given: Option<OidcSettings>, cluster: Cluster, namespace: String) -> Self {
        Self {
            given,
            cluster,
            namespace: Some(namespace),
            known: Mutex::default(),
            beginnings: Pace::new(BEGINNINGS, MOST_PEERS),
            sign_ins: Pace::new(SIGN_INS, MOST_PEERS),
            state_key: OnceCell::new(),
            spent: Spent::new(Duration::from_secs(login::LASTS.unsigned_abs())),
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// Nobody signs people in.
    #[must_use]
    pub fn nobody(cluster: Cluster) -> Self {
        Self { namespace: None, ..Self::new(None, cluster, String::new()) }
    }

    /// Sends a browser to the issuer. `back` is where it wants to be at the end.
    ///
    /// # Errors
    /// [`NotSignedIn`].
    pub async fn begin(&self, peer: IpAddr, back: Option<&str>) -> Result<Begun, NotSignedIn> {
        pass(&self.beginnings, peer)?;
        let provider = self.provider().await?;
        let discovered = provider.discovered().await?;
        let mut location = discovered.authorization.clone();
        let random = |_| NotSignedIn::Wrong("the machine has no random numbers".to_owned());
        let login = Login::begin(login::back(back), self.now()).map_err(random)?;
        let (settings, key) = (&provider.settings, self.state_key().await?);
        let (scopes, more) = renewal::scopes(settings, &discovered);
        {
            let mut query = location.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &settings.client)
                .append_pair("redirect_uri", &settings.at(CALLBACK))
                .append_pair("scope", &scopes)
                .append_pair("state", &login.state(key))
                .append_pair("nonce", &login.nonce())
                .append_pair("code_challenge", &login.challenge())
                .append_pair("code_challenge_method", "S256")
                .extend_pairs(more);
            if let Some(claims) = &settings.claims {
                query.append_pair("claims", &claims.to_string());
            }
        }
        Ok(Begun { location: location.into(), cookie: login.cookie() })
    }

    /// Takes the code of a browser that came back, with what it kept. Whoever comes back with nothing of their own is in nobody's
    /// way: that is found out first, asks nobody, and is not counted; and a state is counted once.
    ///
    /// # Errors
    /// [`NotSignedIn`].
    pub async fn finish(&self, peer: IpAddr, came: CameBack<'_>, cookie: Option<&str>) -> Result<Token, NotSignedIn> {
        let login = cookie.and_then(|cookie| Login::read(cookie, self.now())).ok_or(NotSignedIn::Unknown)?;
        let key = self.state_key().await?;
        let state = came.state.filter(|state| login.is_state(key, state)).ok_or(NotSignedIn::Unknown)?;
        let provider = self.provider().await?;
        let discovered = provider.discovered().await?;
        let is_other = came.issuer.map_or(discovered.names_itself, |issuer| issuer != provider.settings.issuer);
        if is_other {
            return Err(NotSignedIn::Refused("another issuer answered".to_owned()));
        }
        if let Some(error) = came.error {
            return Err(NotSignedIn::Refused(word(error).to_owned()));
        }
        let code = came.code.filter(|code| code.len() <= LONGEST_CODE);
        let code = code.ok_or_else(|| NotSignedIn::Refused("there is no code".to_owned()))?;
        if !self.spent.spend(state) {
            return Err(NotSignedIn::Unknown);
        }
        pass(&self.sign_ins, peer).inspect_err(|_| self.spent.give_back(state))?;
        let _turn = self.turns.acquire().await.map_err(|_| NotSignedIn::TooMany)?;
        let Tokens { id: token, refresh } = provider.tokens(&discovered, code, &login).await?;
        let nonce = login.nonce();
        let expected = Expected { issuer: &provider.settings.issuer, client: &provider.settings.client, nonce: &nonce };
        let end = claims::end(&token, expected, self.now()).map_err(|why| NotSignedIn::Refused(why.to_owned()))?;
        Ok(Token { token, end, refresh, back: login.back().to_owned() })
    }

    /// Where a browser wanted to be that came back; `/` where that is not known.
    #[must_use]
    pub fn back(&self, cookie: Option<&str>) -> String {
        let login = cookie.and_then(|cookie| Login::read(cookie, self.now()));
        login.map_or_else(|| "/".to_owned(), |login| login.back().to_owned())
    }

    /// The path of ours that somebody asks to go back to; `/` where it is none.
    #[must_use]
    pub fn path(asked: Option<&str>) -> &str {
        login::back(asked)
    }

    /// Where a browser goes to sign out at the issuer, too; nothing where a token is not of it. The token itself is not in the
    /// address: it opens the API server, and addresses are written down everywhere.
    pub async fn sign_out(&self, token: &str) -> Option<String> {
        let provider = self.provider().await.ok()?;
        let settings = &provider.settings;
        if !claims::is_of(token, &settings.issuer) {
            return None;
        }
        let end_session = match &settings.logout {
            Some(_) => None,
            None => provider.discovered().await.ok()?.end_session,
        };
        logout::location(settings, end_session)
    }

    /// What clients are told.
    pub async fn shown(&self) -> Option<Shown> {
        let settings = &self.provider().await.ok()?.settings;
        Some(Shown {
            name: settings.name.clone(),
            issuer: settings.issuer.clone(),
            client: settings.client.clone(),
            scopes: settings.scopes.clone(),
            own: settings.own.as_str().trim_end_matches('/').to_owned(),
        })
    }

    async fn provider(&self) -> Result<Arc<Provider>, NotSignedIn> {
        let mut known = self.known.lock().await;
        let is_young = |known: &Known| self.given.is_some() || known.read.elapsed() < SETTINGS_HOLD;
        if !known.as_ref().is_some_and(is_young) {
            let (text, settings) = match (&self.given, &self.namespace) {
                (Some(given), _) => (String::new(), Ok(Some(given.clone()))),
                (None, Some(namespace)) => read::settings(&self.cluster, namespace).await,
                (None, None) => (String::new(), Ok(None)),
            };
            let is_same = matches!(&settings, Ok(Some(_))) && known.as_ref().is_some_and(|known| known.is(&text));
            if let (true, Some(known)) = (is_same, known.as_mut()) {
                known.read = Instant::now();
            } else {
                let provider = settings.and_then(|settings| settings.map(Provider::new).transpose());
                *known = Some(Known { read: Instant::now(), text, provider });
            }
        }
        match known.as_ref().map(|known| known.provider.clone()) {
            Some(Ok(Some(provider))) => Ok(provider),
            Some(Err(why)) => Err(why),
            Some(Ok(None)) | None => Err(NotSignedIn::NoIssuer),
        }
    }

    async fn state_key(&self) -> Result<&StateKey, NotSignedIn> {
        let namespace = self.namespace.as_deref().ok_or(NotSignedIn::NoIssuer)?;
        self.state_key.get_or_try_init(|| state_key::read(&self.cluster, namespace)).await
    }

    fn now(&self) -> Timestamp {
        self.cluster.connection.server_time()
    }
}

fn pass(pace: &Pace<IpAddr>, peer: IpAddr) -> Result<(), NotSignedIn> {
    if pace.take(&network(peer)) { Ok(()) } else { Err(NotSignedIn::TooMany) }
}
