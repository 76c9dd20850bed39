//! One request, from the first host to the last, and its answer.
//!
//! In: a [`Request`]. Out: an [`Answer`], or why there is none. Guarantees:
//!
//! - At most ten redirects, each judged by `Access::hop` and never further inward than the nearest host so far.
//! - What says who we are is sent to its one origin only, and never again once a redirect has led elsewhere, even if the
//!   next leads back: the path would be another's choice. A client certificate is shown to the origin of the repository, and
//!   to one that the user wants told, as long.
//! - A form that is posted goes to the one address: who sends it on gets nothing.
//! - No more than the limit is kept of a body, and no body of a failure is read at all.

use std::error::Error as _;
use std::sync::Arc;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::access::Refused;
use super::address::{is_same_origin, shown};
use super::client::{Clients, Towards};
use super::credentials::Credential;
use super::error::{FailureKind, FetchError, causes};
use super::reach::Reach;
use super::resolver::Inward;
use super::secret::Secret;

/// How often a server may send us elsewhere.
const MOST_REDIRECTS: usize = 10;
/// How a form is written.
const FORM: &str = "application/x-www-form-urlencoded";

/// What to ask.
pub(super) struct Request {
    /// The repository that was asked for: it sends us to the address, where that is another.
    pub(super) repository: Url,
    /// The credential for the repository.
    pub(super) credential: Option<Credential>,
    /// Another origin that is shown the client certificate of the credential.
    pub(super) told: Option<Url>,
    /// The address.
    pub(super) url: Url,
    /// What is done there; a form is always posted.
    pub(super) method: Method,
    /// How far inward the host of the repository may be, and everything after it.
    pub(super) within: Reach,
    /// Who we are, and to whom this is said.
    pub(super) identity: Option<Arc<Identity>>,
    /// What kinds of content will do.
    pub(super) accept: Option<&'static str>,
    /// A form that is posted. It has secrets, and goes to the address alone.
    pub(super) form: Option<Secret>,
    /// What is sent, wherever we are sent with it: it must say nothing that is not for everybody whom the server trusts.
    pub(super) body: Option<Body>,
    /// How many bytes of content at most.
    pub(super) limit: u64,
    /// What it is, for messages.
    pub(super) what: String,
}

/// What is sent.
#[derive(Clone)]
pub(super) struct Body {
    /// What kind of content it is.
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Who we are, for one origin.
pub(super) struct Identity {
    pub(super) origin: Url,
    pub(super) headers: HeaderMap,
}

impl Identity {
    /// By the one header that is there for it.
    pub(super) fn new(origin: Url, authorization: HeaderValue) -> Self {
        Self { origin, headers: HeaderMap::from_iter([(AUTHORIZATION, authorization)]) }
    }
}

/// What came, after redirects.
pub(super) struct Answer {
    /// Whose answer it is.
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Empty where the status is no success.
    pub(super) body: Vec<u8>,
}

/// Asks, within the time that there is.
pub(super) async fn run(clients: &Clients, request: Request) -> Result<Answer, FetchError> {
    let (asked, total) = (shown(&request.url), clients.access.timeouts.total);
    match tokio::time::timeout(total, transfer(clients, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(too_late(asked, &format!("it took longer than {} seconds", total.as_secs_f32()))),
    }
}

fn too_late(asked: String, why: &str) -> FetchError {
    FetchError::new(FailureKind::Unreachable, asked, why).hint("try again, or allow more time")
}

async fn transfer(clients: &Clients, request: Request) -> Result<Answer, FetchError> {
    let access = &clients.access;
    let mut url = request.url.clone();
    let mut ceiling = request.within;
    let mut has_left = false;
    let reach = ceiling.min(clients.seen.reach(&request.repository));
    let allowed = access.hop(&request.repository, &request.repository, reach, &url);
    allowed.map_err(|refused| FetchError::refused(&refused))?;
    // How far away the repository itself is, is known once it has answered.
    if request.repository.host() != url.host() {
        ceiling = reach;
    }
    for _ in 0..=MOST_REDIRECTS {
        let response = send(clients, &request, &url, ceiling, has_left).await?;
        let Some(next) = next(&url, &response)? else { return answer(&request, url, response).await };
        if request.form.is_some() {
            return Err(FetchError::wrong(shown(&url), "the server sends us on, and what we sent is for it alone"));
        }
        ceiling = ceiling.min(clients.seen.reach(&url));
        let allowed = access.hop(&request.repository, &url, ceiling, &next);
        allowed.map_err(|refused| FetchError::refused(&refused))?;
        has_left |= !is_same_origin(&url, &next);
        url = next;
    }
    Err(FetchError::wrong(shown(&request.url), format!("the server sends us on more than {MOST_REDIRECTS} times")))
}

async fn send(
    clients: &Clients,
    request: &Request,
    url: &Url,
    ceiling: Reach,
    has_left: bool,
) -> Result<Response, FetchError> {
    let is_told = || request.told.as_ref().is_some_and(|told| is_same_origin(told, url));
    let towards = if has_left {
        Towards::Others
    } else if is_same_origin(&request.repository, url) {
        Towards::Own
    } else if is_told() {
        Towards::Told
    } else {
        Towards::Others
    };
    // The host that was asked for may be anywhere; it is not the server that chose it.
    let ceiling = if request.repository.host() == url.host() { request.within } else { ceiling };
    let client = clients.client(request.credential.as_ref(), towards, ceiling, url);
    let client = client.map_err(|why| FetchError::new(FailureKind::Unreachable, shown(url), why))?;
    let asked = || client.request(request.method.clone(), url.clone());
    let mut sent = match (&request.form, &request.body) {
        (Some(form), _) => client.post(url.clone()).header(CONTENT_TYPE, FORM).body(form.reveal().to_owned()),
        // Some servers want to be told that nothing follows.
        (None, Some(Body { bytes, .. })) if bytes.is_empty() => asked().header(CONTENT_LENGTH, 0),
        (None, Some(Body { kind, bytes })) => asked().header(CONTENT_TYPE, *kind).body(bytes.clone()),
        (None, None) => asked(),
    };
    if let Some(accept) = request.accept {
        sent = sent.header(ACCEPT, accept);
    }
    if let Some(identity) = &request.identity
        && is_same_origin(&identity.origin, url)
        && !has_left
    {
        sent = sent.headers(identity.headers.clone());
    }
    sent.send().await.map_err(|error| failure(url, error))
}

/// Where the server sends us, if it does.
fn next(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    match location.and_then(|location| url.join(location).ok()) {
        Some(next) => Ok(Some(next)),
        None => Err(FetchError::wrong(shown(url), "the server sends us on and does not say where to")),
    }
}

async fn answer(request: &Request, url: Url, mut response: Response) -> Result<Answer, FetchError> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    if status.is_success() {
        let too_large = || {
            let why = format!("{} is larger than {}", request.what, size(request.limit));
            FetchError::new(FailureKind::TooLarge, shown(&url), why)
        };
        if response.content_length().is_some_and(|length| length > request.limit) {
            return Err(too_large());
        }
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&url, error))? {
            if (body.len() + chunk.len()) as u64 > request.limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
    }
    Ok(Answer { url, status, headers, body })
}

fn size(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{bytes} bytes") }
}

/// What a failed request means.
fn failure(url: &Url, error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return too_late(shown(url), "the server does not answer in time");
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<Inward>() {
            return FetchError::refused(&Refused::new(shown(url), inner.to_string()));
        }
        cause = inner.source();
    }
    FetchError::new(FailureKind::Unreachable, shown(url), causes(error))
}
