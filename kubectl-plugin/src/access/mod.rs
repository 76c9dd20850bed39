//! Who asks, and what they may: by the API server's own authentication and authorization, and by nothing of ours.
//!
//! In: tokens, addresses of peers, rights. Out: a [`Person`], yes or no, or why that cannot be told now.
//!
//! | file | what |
//! |---|---|
//! | `person` | who somebody is, and what is asked about them, pure |
//! | `own` | whoever runs this process, for a server on one's own machine |
//! | `kept` | answers that are kept for a while |
//! | [`pace`](Pace) | how often something may happen |
//! | [`sessions`](Sessions) | sign-ins of browsers, as Secrets |
//! | `renewal` | their tokens, renewed by one replica at a time |
//! | `sealed`, `seal` | what of a session is written |
//!
//! # What is kept
//!
//! Answers are kept for ten seconds: so long somebody whose token was withdrawn, or whose right was taken, may still read.
//! Only reads of what the controller knows are decided here. Whatever is changed, and whatever else of the cluster is read,
//! is asked for with the token of whoever asks ([`Cluster::bearing`]): there the API server decides each time.
//!
//! # Who guesses
//!
//! Tokens are known by a keyed hash, with a key of this process. One that was good within the last hour is asked about
//! whatever others do. Others are asked about a few at a time, and for each peer only as long as it has not sent too many bad
//! ones; so whoever guesses is in the way of those who sign in with a token for the first time from the same address, and of nobody
//! else: what a session has, and what an issuer has just given, was not guessed.

mod kept;
mod own;
mod pace;
mod person;
mod renewal;
mod seal;
mod sealed;
mod sessions;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::cluster::{Cluster, Failure};

use kept::Kept;
use own::Own;

pub use pace::{Pace, Rate};
pub use person::{Person, Right};
pub use renewal::{Claim, Claimed};
pub use seal::SessionId;
pub use sealed::Renewal;
pub use sessions::{NoSession, Session, Sessions};

/// For how long an answer holds.
const HOLDS: Duration = Duration::from_secs(10);
/// For how long a token that was good is no stranger.
const REMEMBERED: Duration = Duration::from_hours(1);
/// So many tokens are known, and as many bad ones.
const MOST_TOKENS: usize = 20_000;
/// So many answers about rights are kept.
const MOST_RIGHTS: usize = 200_000;
/// So many peers are known.
const MOST_PEERS: usize = 20_000;
/// How many bad tokens a peer may send.
const BAD_TOKENS: Rate = Rate { burst: 10.0, a_second: 1.0 };
/// So many strangers are asked about at once, and so many others.
const STRANGERS: usize = 8;
const KNOWN: usize = 16;
/// So many rights are asked for at once, and so many of them for one list.
const QUESTIONS: usize = 64;
const OF_ONE_LIST: usize = 16;
/// For how long anybody waits to be asked about.
const PATIENCE: Duration = Duration::from_secs(5);
/// No token is longer.
const LONGEST_TOKEN: usize = 16 << 10;

const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const SELF_REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const SELF_ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// Why nobody is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token is not good.
    #[error("the API server does not know this token")]
    Unknown,
    /// There were too many bad ones.
    #[error("too many tokens that are not good came from this address")]
    TooMany,
    /// It cannot be told now.
    #[error("the API server cannot be asked: {0}")]
    Unasked(String),
}

/// In which namespaces somebody may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespaces {
    /// In all.
    All,
    /// In these.
    These(BTreeSet<String>),
}

impl Namespaces {
    /// Whether one is among them.
    #[must_use]
    pub fn contains(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.contains(namespace),
        }
    }
}

/// An answer about a right, by everything that was asked.
type RightKey = [u8; 32];

/// Asks the API server.
pub struct Access {
    cluster: Cluster,
    /// Where nobody but whoever runs this process may ask.
    own: Option<Own>,
    secret: [u8; 32],
    good: Mutex<Kept<[u8; 32], Arc<Person>>>,
    bad: Mutex<Kept<[u8; 32], ()>>,
    rights: Mutex<Kept<RightKey, bool>>,
    failures: Pace<IpAddr>,
    strangers: Semaphore,
    known: Semaphore,
    questions: Semaphore,
}

impl Access {
    /// By this API server, which is asked with our own rights.
    ///
    /// # Errors
    /// Where the machine has no random numbers.
    pub fn new(cluster: Cluster) -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            cluster,
            own: None,
            secret,
            good: Mutex::new(Kept::new(MOST_TOKENS, REMEMBERED)),
            bad: Mutex::new(Kept::new(MOST_TOKENS, HOLDS)),
            rights: Mutex::new(Kept::new(MOST_RIGHTS, HOLDS)),
            failures: Pace::new(BAD_TOKENS, MOST_PEERS),
            strangers: Semaphore::new(STRANGERS),
            known: Semaphore::new(KNOWN),
            questions: Semaphore::new(QUESTIONS),
        })
    }

    /// For whoever runs this process, and has these credentials, alone. Also gives a word that signs them in once.
    ///
    /// # Errors
    /// Where the API server does not say who that is, or the machine has no random numbers.
    pub async fn own(cluster: Cluster) -> Result<(Self, Zeroizing<String>), Denied> {
        let question = serde_json::json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let review = cluster.create(SELF_REVIEWS, &question).await;
        let review = review.map_err(|failure| Denied::Unasked(failure.told(true)))?;
        let person = Person::of_own(&review).ok_or(Denied::Unknown)?;
        let no_numbers = |error: getrandom::Error| Denied::Unasked(format!("there are no random numbers: {error}"));
        let (own, word) = Own::new(person).map_err(no_numbers)?;
        let access = Self::new(cluster).map_err(no_numbers)?;
        Ok((Self { own: Some(own), ..access }, word))
    }

    /// Whether only whoever runs this process may ask.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Whoever runs this process has signed out.
    pub fn end_own(&self) {
        if let Some(own) = &self.own {
            own.end();
        }
    }

    /// What a session of somebody keeps who signs in with this.
    #[must_use]
    pub fn exchange(&self, shown: &str) -> Zeroizing<String> {
        match &self.own {
            Some(own) => own.exchange(shown),
            None => Zeroizing::new(shown.to_owned()),
        }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn who(&self, token: &str, peer: IpAddr) -> Result<Arc<Person>, Denied> {
        self.whose(token, peer, true).await
    }

    /// Whose token this is that nobody guessed: of a session, or just given by an issuer. Whatever others send, it is asked about.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn who_signed_in(&self, token: &str, peer: IpAddr) -> Result<Arc<Person>, Denied> {
        self.whose(token, peer, false).await
    }

    async fn whose(&self, token: &str, peer: IpAddr, may_be_guessed: bool) -> Result<Arc<Person>, Denied> {
        let peer = network(peer);
        if token.is_empty() || token.len() > LONGEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.failed(peer));
        }
        if let Some(own) = &self.own {
            return own.who(token).ok_or_else(|| self.failed(peer));
        }
        let key = *blake3::keyed_hash(&self.secret, token.as_bytes()).as_bytes();
        let now = Instant::now();
        let before = lock(&self.good).get(&key, now);
        if let Some((person, given)) = &before
            && now.saturating_duration_since(*given) <= HOLDS
        {
            return Ok(Arc::clone(person));
        }
        if lock(&self.bad).get(&key, now).is_some() {
            return Err(self.failed(peer));
        }
        let is_stranger = may_be_guessed && before.is_none();
        if is_stranger && !self.failures.has(&peer) {
            return Err(Denied::TooMany);
        }
        let asked = if is_stranger { &self.strangers } else { &self.known };
        let review = self.ask(asked, TOKEN_REVIEWS, &person::token_question(token)).await?;
        if let Some(person) = Person::of(&review) {
            let person = Arc::new(person);
            lock(&self.good).put(key, Arc::clone(&person), Instant::now());
            return Ok(person);
        }
        lock(&self.good).forget(&key);
        lock(&self.bad).put(key, (), Instant::now());
        Err(self.failed(peer))
    }

    /// Whether somebody has a right.
    ///
    /// # Errors
    /// Where the API server cannot be asked.
    pub async fn may(&self, person: &Person, right: &Right<'_>) -> Result<bool, Denied> {
        let key = right_key(person, right);
        if let Some((may, _)) = lock(&self.rights).get(&key, Instant::now()) {
            return Ok(may);
        }
        let (path, question) = match &self.own {
            Some(_) => (SELF_ACCESS_REVIEWS, right.own_question()),
            None => (ACCESS_REVIEWS, person.question(right)),
        };
        let review = self.ask(&self.questions, path, &question).await?;
        let may = person::is_allowed(&review);
        lock(&self.rights).put(key, may, Instant::now());
        Ok(may)
    }

    /// In which of these namespaces somebody may do something with all Applications: asked once for all of them, and for each
    /// only where the answer is no.
    ///
    /// # Errors
    /// Where the API server cannot be asked.
    pub async fn namespaces(
        &self,
        person: &Person,
        verb: &str,
        namespaces: impl IntoIterator<Item = String>,
    ) -> Result<Namespaces, Denied> {
        if self.may(person, &Right::application(verb, "", "")).await? {
            return Ok(Namespaces::All);
        }
        let asked = namespaces.into_iter().map(|namespace| async move {
            let may = self.may(person, &Right::application(verb, &namespace, "")).await?;
            Ok(may.then_some(namespace))
        });
        let answers: Vec<Result<Option<String>, Denied>> =
            futures::stream::iter(asked).buffer_unordered(OF_ONE_LIST).collect().await;
        let these: Result<BTreeSet<String>, Denied> = answers.into_iter().filter_map(Result::transpose).collect();
        these.map(Namespaces::These)
    }

    /// Counts a bad token.
    fn failed(&self, peer: IpAddr) -> Denied {
        if self.failures.take(&peer) { Denied::Unknown } else { Denied::TooMany }
    }

    async fn ask(
        &self,
        turns: &Semaphore,
        path: &str,
        question: &serde_json::Value,
    ) -> Result<serde_json::Value, Denied> {
        let busy = || Denied::Unasked("too many ask at once".to_owned());
        let _turn = tokio::time::timeout(PATIENCE, turns.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
        // What it says of a question may quote the token.
        let told = |failure: Failure| Denied::Unasked(failure.told(true));
        self.cluster.create(path, question).await.map_err(told)
    }
}

fn right_key(person: &Person, right: &Right<'_>) -> RightKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&person.key());
    for part in [right.verb, right.group, right.resource, right.subresource, right.namespace, right.name] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Whom an address belongs to: whoever has one of IPv6 has as many as they like.
#[must_use]
pub fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address @ IpAddr::V4(_) => address,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is whole before the next begins.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_of_a_right_do_not_run_together() {
        let person = Person::of(&json!({"status": {"authenticated": true, "user": {"username": "a"}}})).expect("one");
        let key = |namespace, name| right_key(&person, &Right::application("get", namespace, name));
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_eq!(key("a", "b"), key("a", "b"));
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.2"), of("10.0.0.1"));
    }
}
