//! Files of servers, by HTTP, for code that is not async.
//!
//! In: [`Access`] and addresses. Out: bytes, or a [`FetchError`]. A thread of its own does the work, with a runtime of its
//! own, so that whoever asks may itself be inside a runtime; connections are kept from one request to the next. Requests
//! of several threads run at the same time. The thread ends with its [`Web`].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::Url;

use super::access::Access;
use super::address::{Address, shown};
use super::client::Clients;
use super::credentials::Credential;
use super::error::{FailureKind, FetchError};
use super::reach::Reach;
use super::resolver::{Resolver, Seen};
use super::transfer::{self, Answer, Identity, Request};

/// A request, and who waits for its answer.
struct Job {
    request: Request,
    answer: mpsc::Sender<Result<Answer, FetchError>>,
}

/// Fetches files.
pub struct Web {
    access: Arc<Access>,
    seen: Arc<Seen>,
    jobs: UnboundedSender<Job>,
}

impl Web {
    /// Starts the thread.
    #[must_use]
    pub fn new(access: Access) -> Self {
        let (jobs, waiting) = unbounded_channel();
        let (access, seen) = (Arc::new(access), Arc::<Seen>::default());
        let clients = Clients::new(Arc::clone(&access), Arc::clone(&seen));
        // Where it does not start, `waiting` is gone, and each request says so.
        let _ = thread::Builder::new().name("fetch".to_owned()).spawn(move || serve(clients, waiting));
        Self { access, seen, jobs }
    }

    /// What may be fetched.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// How far away the host of an address is, as far as that is known.
    pub(super) fn reach(&self, url: &Url) -> Reach {
        self.seen.reach(url)
    }

    /// The same, learned where nobody has asked the host yet.
    pub(super) fn learned_reach(&self, url: &Url) -> Reach {
        let resolver = Resolver {
            ceiling: Reach::Machine,
            exempt: BTreeSet::new(),
            seen: Arc::clone(&self.seen),
            hosts: self.access.hosts.clone(),
        };
        // Where its name is not known here it is as far away as it is written.
        let _ = resolver.addresses(url.host_str().unwrap_or_default());
        self.reach(url)
    }

    /// The file at an address; `what` it is, for messages.
    ///
    /// # Errors
    /// Where it may not be fetched, is not there, or is larger than the limit.
    pub fn get(&self, address: &str, limit: u64, what: &str) -> Result<Vec<u8>, FetchError> {
        let parsed = self.access.file(address).map_err(|refused| FetchError::refused(&refused))?;
        let credential = self.credential(address)?;
        self.get_of(&parsed, credential, parsed.url.clone(), limit, what)
    }

    /// A file of a repository, or one that the repository names. We say at once who we are, as Argo CD and Helm do.
    pub(super) fn get_of(
        &self,
        repository: &Address,
        credential: Option<Credential>,
        url: Url,
        limit: u64,
        what: &str,
    ) -> Result<Vec<u8>, FetchError> {
        self.get_telling(repository.url.clone(), repository, credential, url, limit, what)
    }

    /// The same, where somebody else may be `told` who we are: by the credential, its client certificate included.
    pub(super) fn get_telling(
        &self,
        told: Url,
        repository: &Address,
        credential: Option<Credential>,
        url: Url,
        limit: u64,
        what: &str,
    ) -> Result<Vec<u8>, FetchError> {
        let identity = identity(repository, credential.as_ref(), told.clone());
        let has_identity = identity.is_some();
        let what = what.to_owned();
        let (repository, within) = (repository.url.clone(), Reach::Machine);
        let request = Request {
            repository,
            credential,
            told: Some(told),
            url,
            method: Method::GET,
            within,
            identity,
            accept: None,
            form: None,
            body: None,
            limit,
            what,
        };
        let answer = self.ask(request)?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(refusal(&answer, has_identity)) }
    }

    /// The credential for an address, if it can be used.
    pub(super) fn credential(&self, address: &str) -> Result<Option<Credential>, FetchError> {
        let shown = super::address::shown_text(address);
        let unusable = |why: String| {
            FetchError::new(FailureKind::Unauthorized, shown, why).hint("give user and password, or a token, instead")
        };
        let credential = self.access.credential(address).map_err(unusable)?;
        Ok(credential.map(Cow::into_owned))
    }

    /// Any answer.
    pub(super) fn ask(&self, request: Request) -> Result<Answer, FetchError> {
        let shown = shown(&request.url);
        let lost = || FetchError::new(FailureKind::Unreachable, shown.clone(), "the thread that fetches has ended");
        let (answer, coming) = mpsc::channel();
        self.jobs.send(Job { request, answer }).map_err(|_| lost())?;
        coming.recv().map_err(|_| lost())?
    }
}

/// Runs requests until nobody can send any more.
fn serve(clients: Clients, mut jobs: UnboundedReceiver<Job>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let clients = Arc::new(clients);
    runtime.block_on(async {
        while let Some(Job { request, answer }) = jobs.recv().await {
            let clients = Arc::clone(&clients);
            tokio::spawn(async move {
                // Whoever asked may have gone.
                let _ = answer.send(transfer::run(&clients, request).await);
            });
        }
    });
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
}

/// Who we are for a repository, as it is said to `origin` and nobody else.
pub(super) fn identity(repository: &Address, credential: Option<&Credential>, origin: Url) -> Option<Arc<Identity>> {
    authorization(repository, credential).map(|header| Arc::new(Identity::new(origin, header)))
}

/// What says who we are: the credential, else the userinfo of the address.
pub(super) fn authorization(address: &Address, credential: Option<&Credential>) -> Option<HeaderValue> {
    match credential.filter(|one| !one.bearer_token.is_empty()) {
        Some(one) => sensitive(&format!("Bearer {}", one.bearer_token.reveal())),
        None => basic(address, credential),
    }
}

/// User and password, if there are any.
pub(super) fn basic(address: &Address, credential: Option<&Credential>) -> Option<HeaderValue> {
    let of_credential = credential.map(|one| (&one.username, &one.password));
    let of_credential = of_credential.filter(|(user, password)| !user.is_empty() || !password.is_empty());
    let (user, password) = of_credential.unwrap_or((&address.user, &address.password));
    if user.is_empty() && password.is_empty() {
        return None;
    }
    sensitive(&format!("Basic {}", BASE64.encode(format!("{user}:{}", password.reveal()))))
}

/// A header that debug output does not show; none where it cannot be one.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// What an answer without success means.
pub(super) fn refusal(answer: &Answer, has_identity: bool) -> FetchError {
    let asked = shown(&answer.url);
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let (why, hint) = if has_identity {
                ("the server does not take our credentials", "see whether the credentials for this address are right")
            } else {
                ("the server wants credentials", "give credentials for this address")
            };
            FetchError::new(FailureKind::Unauthorized, asked, format!("{why} ({})", answer.status.as_u16())).hint(hint)
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => FetchError::not_found(asked, "it is not there"),
        status => {
            let why = format!("the server answers {}", status.as_u16());
            FetchError::new(FailureKind::Unreachable, asked, why)
        }
    }
}
