//! The answers of the server.
//!
//! In: requests whose heads have arrived. Out: answers. A webhook is answered when it is known who sent it and those of its
//! events that concern an application are in the inbox; what comes of them is nobody's business here.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tower::util::MapResponseLayer;

use super::body::{self, Stop};
use super::budget::Budget;
use super::connections::Place;
use super::{Limits, Machines, Site};
use crate::api::Api;
use crate::trace;
use crate::ui;
use crate::webhook::{self, Provider, Received};

/// How many small bodies are read and judged at once: that is work, and the machine has more to do.
const MOST_SMALL: usize = 16;
/// The same of large ones, which must not be in the way of small ones.
const MOST_LARGE: usize = 2;
/// When to come again, in seconds.
const LATER: &str = "5";
const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What all requests share.
struct Shared {
    site: Site,
    limits: Limits,
    budget: Budget,
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Marks a page of the UI, which says itself what it may do and how long it is kept.
#[derive(Debug, Clone, Copy)]
struct IsPage;

/// An answer to a webhook.
struct Answer {
    provider: Option<Provider>,
    status: StatusCode,
    text: String,
    /// Where the body was not read to its end.
    is_last: bool,
}

pub(super) fn router(site: Site, limits: Limits) -> Router {
    let shared = Shared {
        site,
        limits,
        budget: Budget::new(limits.buffered),
        small: Arc::new(Semaphore::new(MOST_SMALL)),
        large: Arc::new(Semaphore::new(MOST_LARGE)),
    };
    let is_tls = shared.site.tls.is_some();
    let mut router = Router::new();
    if shared.site.machines.is_some() {
        router = router.route("/api/webhook", post(take)).route("/metrics", get(metrics));
    }
    router
        .route("/healthz", get(alive))
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .fallback(others)
        .with_state(Arc::new(shared))
        .layer(MapResponseLayer::new(move |response| secured(response, is_tls)))
}

/// What every answer says to browsers: but for the pages of the UI nothing of it is a page, nor kept, nor anybody else's.
fn secured(mut response: Response, is_tls: bool) -> Response {
    const SAID: [(HeaderName, &str); 4] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    let is_page = response.extensions_mut().remove::<IsPage>().is_some();
    let headers = response.headers_mut();
    for (name, value) in SAID {
        if !is_page || !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if is_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

async fn others(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match &shared.site.api {
        Some(api) if Api::is_path(request.uri().path()) => {
            let (method, path, began) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
            let response = super::api::answer(api, request, &shared.limits, &shared.budget).await;
            api.count(&method, &path, response.status(), began.elapsed());
            response
        }
        Some(_) => page(&request).unwrap_or_else(nothing),
        None => nothing(),
    }
}

/// A page of the UI, where it is one.
fn page(request: &Request) -> Option<Response> {
    let page = ui::answer(request.method(), request.uri().path(), request.headers())?;
    let mut response = Response::new(Body::from(page.body));
    *response.status_mut() = page.status;
    response.headers_mut().extend(page.headers);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(ui::POLICY));
    response.extensions_mut().insert(IsPage);
    Some(response)
}

fn nothing() -> Response {
    text(StatusCode::NOT_FOUND, "there is nothing here")
}

async fn alive() -> Response {
    text(StatusCode::OK, "ok")
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if (shared.site.is_ready)() {
        text(StatusCode::OK, "ok")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "not ready yet")
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let Some(machines) = &shared.site.machines else { return nothing() };
    ([(CONTENT_TYPE, OPEN_METRICS)], (machines.metrics)()).into_response()
}

async fn take(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(machines) = &shared.site.machines else { return nothing() };
    let time = shared.limits.request_time;
    let parent = trace::parent(request.headers());
    let judging = async {
        let answer = match tokio::time::timeout(time, judge(&shared, machines, request)).await {
            Ok(answer) => answer,
            Err(_) => stopped(None, Stop::Slow, &shared.limits),
        };
        trace::cause(|| Some(trace::WEBHOOK.to_owned()));
        if answer.status.is_success() { Ok(answer) } else { Err(answer) }
    };
    let answer = trace::part_of(parent, "webhook", Vec::new, Box::pin(judging)).await.unwrap_or_else(|refused| refused);
    (machines.observe)(answer.provider, answer.status.as_u16());
    let mut response = text(answer.status, &answer.text);
    let headers = response.headers_mut();
    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(LATER));
    }
    if answer.is_last {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads a webhook and puts its events into the inbox.
async fn judge(shared: &Shared, machines: &Machines, request: Request) -> Answer {
    let (mut parts, body) = request.into_parts();
    let limits = &shared.limits;
    let provider = match webhook::check(&parts.headers, &machines.known) {
        Ok(provider) => provider,
        Err(refused) => {
            body::drain(body, limits).await;
            return Answer { is_last: true, ..Answer::refused(&refused) };
        }
    };
    let kept = match body::read(body, limits, &shared.budget).await {
        Ok(kept) => kept,
        Err(stop) => return stopped(Some(provider), stop, limits),
    };
    if let Some(place) = parts.extensions.remove::<Arc<Place>>() {
        place.is_answering();
    }
    let workers = if kept.bytes.len() > limits.small { &shared.large } else { &shared.small };
    let Ok(permit) = Arc::clone(workers).acquire_owned().await else { return Answer::broken(provider) };
    let (headers, known) = (parts.headers, Arc::clone(&machines.known));
    let judged = tokio::task::spawn_blocking(move || {
        let mut received = webhook::receive(&headers, &kept.bytes, &known);
        if let Ok(Received { events, trust, .. }) = &mut received {
            events.retain(|event| known.concerns_anyone(event, trust));
        }
        // Whoever waited for them may be gone: they are given back when the work is done.
        drop((kept, permit));
        received
    });
    let status = |status, text: String| Answer { provider: Some(provider), status, text, is_last: false };
    match judged.await {
        Ok(Ok(received)) => match machines.inbox.add(received) {
            Ok(()) => status(StatusCode::OK, "ok".to_owned()),
            Err(full) => status(StatusCode::SERVICE_UNAVAILABLE, full.to_string()),
        },
        Ok(Err(refused)) => Answer::refused(&refused),
        Err(_) => Answer::broken(provider),
    }
}

/// What to say where a body was not read to its end. Argo CD says 400 to what is too large.
fn stopped(provider: Option<Provider>, stop: Stop, limits: &Limits) -> Answer {
    let (status, text) = match stop {
        Stop::TooLarge => {
            (StatusCode::BAD_REQUEST, format!("the body is too large: it may have {} MB", limits.body >> 20))
        }
        Stop::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "too many large bodies at once".to_owned()),
        Stop::Slow => (StatusCode::REQUEST_TIMEOUT, "the request took too long".to_owned()),
        Stop::Broken => (StatusCode::BAD_REQUEST, "the body is broken".to_owned()),
    };
    Answer { provider, status, text, is_last: true }
}

impl Answer {
    fn refused(refused: &webhook::Refused) -> Self {
        let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self { provider: refused.provider(), status, text: refused.to_string(), is_last: false }
    }

    /// A fault of ours.
    fn broken(provider: Provider) -> Self {
        let (status, text) = (StatusCode::INTERNAL_SERVER_ERROR, "this cannot be answered".to_owned());
        Self { provider: Some(provider), status, text, is_last: false }
    }
}

/// A line of text.
fn text(status: StatusCode, line: &str) -> Response {
    (status, [(CONTENT_TYPE, TEXT)], format!("{line}\n")).into_response()
}
