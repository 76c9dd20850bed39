//! The API, brought to its requests: heads, bodies within their limits, answers in parts.
//!
//! In: requests whose heads have arrived. Out: responses. A body is read only for somebody who may ask. Who does not read an
//! answer that comes in parts is cut.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures::Stream;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use tokio::sync::mpsc;

use super::body::{self, Stop};
use super::budget::Budget;
use super::connections::Place;
use super::limits::Limits;
use crate::api::{Answer, Api, Asked, Parts, Refusal, Whole};
use crate::trace;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Marks a response that goes on after its head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams;

/// Parts on their way out.
struct Outgoing {
    parts: mpsc::Receiver<Bytes>,
    place: Option<Arc<Place>>,
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            place.is_waiting();
        }
    }
}

/// Answers a request.
pub(super) async fn answer(api: &Arc<Api>, request: Request, limits: &Limits, budget: &Budget) -> Response {
    let (mut parts, body) = request.into_parts();
    let place = parts.extensions.remove::<Arc<Place>>();
    let Some(Peer(peer)) = parts.extensions.remove::<Peer>() else { return whole(Refusal::broken().into()) };
    let asked = Asked::of(&parts, peer);
    let (parent, what) = (trace::parent(&parts.headers), (asked.method.to_string(), asked.path.clone()));
    let about = || vec![("http.request.method", what.0), ("url.path", what.1)];
    let answered = async {
        let begun = match api.begin(asked).await {
            Ok(begun) => begun,
            Err(answer) => {
                body::drain(body, limits).await;
                return (answer, true);
            }
        };
        let kept = if begun.has_body() {
            let limits = Limits { body: api.largest_body(), ..*limits };
            match body::read(body, &limits, budget).await {
                Ok(kept) => kept,
                Err(stop) => return (stopped(stop).into(), true),
            }
        } else {
            body::drain(body, limits).await;
            body::Kept::default()
        };
        if let Some(place) = &place {
            place.is_answering();
        }
        (api.answer(begun, &kept.bytes).await, false)
    };
    let answered = async {
        let (answer, is_last) = match tokio::time::timeout(limits.request_time, answered).await {
            Ok(answered) => answered,
            Err(_) => (stopped(Stop::Slow).into(), true),
        };
        if answer.status().is_server_error() { Err((answer, is_last)) } else { Ok((answer, is_last)) }
    };
    let (answer, is_last) =
        trace::part_of(parent, "request", about, Box::pin(answered)).await.unwrap_or_else(|failed| failed);
    let mut response = match answer {
        Answer::Parts(parts) => return in_parts(parts, place),
        answer @ Answer::Whole(_) => whole(answer),
    };
    if is_last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn whole(answer: Answer) -> Response {
    let Answer::Whole(Whole { status, headers, body }) = answer else { return Response::default() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().append(name, value);
    }
    response
}

fn in_parts(parts: Parts, place: Option<Arc<Place>>) -> Response {
    let Parts { content_type, parts, is_slow } = parts;
    if let Some(place) = &place {
        place.is_streaming();
        let place = Arc::downgrade(place);
        tokio::spawn(async move {
            if is_slow.await.is_ok()
                && let Some(place) = place.upgrade()
            {
                place.end();
            }
        });
    }
    let mut response = Response::new(Body::from_stream(stream(Outgoing { parts, place })));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.extensions_mut().insert(Streams);
    response
}

fn stream(outgoing: Outgoing) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures::stream::unfold(outgoing, async |mut outgoing| Some((Ok(outgoing.parts.recv().await?), outgoing)))
}

/// What to say where a body was not read to its end.
fn stopped(stop: Stop) -> Refusal {
    match stop {
        Stop::TooLarge => Refusal::senseless("the body is too large"),
        Stop::NoRoom => Refusal::away("too many large bodies at once"),
        Stop::Slow => Refusal::away("the request took too long"),
        Stop::Broken => Refusal::senseless("the body is broken"),
    }
}
