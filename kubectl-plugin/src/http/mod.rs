//! The HTTP server: webhooks, the API, health, metrics. HTTP/1, over TLS where there is a certificate, else for a network
//! that one trusts or behind something that has it.
//!
//! In: a listener, whether the controller is ready, and, where machines ask, what webhooks are judged by, the inbox for events
//! and the controller's metrics. Out: answers; events in the inbox.
//!
//! | path | what |
//! |---|---|
//! | `POST /api/webhook` | a webhook of any provider: 200 before anything is done about it; where machines ask |
//! | `GET /healthz`, `/livez` | 200 while the server answers |
//! | `GET /readyz` | 200 when the controller is ready, else 503 |
//! | `GET /metrics` | for Prometheus; where machines ask |
//! | `/api/version`, `/api/v1/…`, `/api/gitops/v1/…` | the API, where there is one |
//! | `GET /` and what is below its pages | the web UI, where there is an API |
//!
//! | file | what |
//! |---|---|
//! | `limits` | all limits and their defaults |
//! | `budget`, `body` | how many bytes are kept of bodies, all together; a body, read within that |
//! | `connections` | how many there are at once, and which is cut for another |
//! | `routes` | the answers |
//! | `api` | requests of the API, and their answers |
//! | `tls` | certificate and key |
//!
//! Guarantees: memory, time and connections have limits, whatever is sent. Who sends slowly is cut before anybody else
//! waits; a small body never waits for a large one. Nothing of a request is logged.

mod api;
mod body;
mod budget;
mod connections;
mod limits;
mod routes;
mod tls;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use crate::api::Api;
use crate::webhook::{Inbox, Known, Provider};
use api::{Peer, Streams};
use connections::{Connections, Place};

pub use limits::Limits;
pub use tls::{Tls, TlsError, TlsFiles};

/// Who is told that there is no room, at once; others are cut without a word.
const MOST_REFUSED: usize = 128;
/// How long that may take.
const REFUSAL: Duration = Duration::from_secs(1);
/// What they are told.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n\r\ntoo many connections\n";
/// hyper takes no smaller one.
const SMALLEST_BUFFER: usize = 8 << 10;
/// How long nothing is accepted where the system has no descriptor for it.
const PAUSE: Duration = Duration::from_millis(50);

/// What the server serves.
pub struct Site {
    /// What is for machines that nobody signs in; nothing where only whoever runs this process may ask.
    pub machines: Option<Machines>,
    /// Whether the controller is ready.
    pub is_ready: Box<dyn Fn() -> bool + Send + Sync>,
    /// The API, where it is served.
    pub api: Option<Arc<Api>>,
    /// What connections are over; nothing for plain ones.
    pub tls: Option<Arc<Tls>>,
}

/// What is served to machines that nobody signs in: webhooks, and metrics.
pub struct Machines {
    /// What webhooks are judged by.
    pub known: Arc<Known>,
    /// Where their events go.
    pub inbox: Arc<Inbox>,
    /// Is told of each webhook that was answered: who seems to have sent it, and the status.
    pub observe: Box<dyn Fn(Option<Provider>, u16) + Send + Sync>,
    /// The controller's metrics, as OpenMetrics.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// Serves until `stop` ends; then nothing more is accepted, and requests in flight have [`Limits::grace`] to end.
pub async fn serve(listener: TcpListener, site: Site, limits: Limits, stop: impl Future<Output = ()>) {
    let connections = Arc::new(Connections::new(limits.connections, limits.patience));
    let refused = Arc::new(Semaphore::new(MOST_REFUSED));
    let tls = site.tls.clone();
    let router = routes::router(site, limits);
    let (stopping, stopped) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match connections.enter() {
                Some(place) => {
                    let (serving, tls) =
                        (Serving { router: router.clone(), peer: Peer(peer.ip()), limits }, tls.clone());
                    tokio::spawn(serve_one(stream, tls, place, serving, stopped.clone()));
                }
                // Nothing that is not over TLS would be understood.
                None if tls.is_some() => drop(stream),
                None => refuse(stream, &refused),
            },
            // Too many open files, or a connection that is gone already.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    drop(listener);
    drop(stopped);
    // Nobody hears it where no connection is open.
    let _ = stopping.send(true);
    let _ = tokio::time::timeout(limits.grace, stopping.closed()).await;
    connections.cut_all();
    stopping.closed().await;
}

/// What one connection is served.
struct Serving {
    router: Router,
    peer: Peer,
    limits: Limits,
}

/// One connection, over TLS or not.
async fn serve_one(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    place: Place,
    serving: Serving,
    stopped: watch::Receiver<bool>,
) {
    // Answers are small and whole.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return connection(stream, place, serving, stopped).await };
    let agreed = tokio::select! {
        agreed = tokio::time::timeout(serving.limits.header_time, tls.accept(stream)) => agreed,
        () = place.cut() => return,
    };
    if let Ok(Ok(stream)) = agreed {
        connection(stream, place, serving, stopped).await;
    }
}

/// One connection, until its end or until it is cut.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    place: Place,
    serving: Serving,
    mut stopped: watch::Receiver<bool>,
) {
    let Serving { router, peer, limits } = serving;
    let place = Arc::new(place);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (router, mark) = (router.clone(), Arc::clone(&place));
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Arc::clone(&mark));
            request.extensions_mut().insert(peer);
            let answer = router.oneshot(request).await;
            let streams = answer.as_ref().is_ok_and(|answer| answer.extensions().get::<Streams>().is_some());
            if !streams {
                mark.is_waiting();
            }
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes.max(SMALLEST_BUFFER))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            // Whatever ended it, there is nobody to tell.
            _ = connection.as_mut() => return,
            () = place.cut() => return,
            () = place.is_overdue(limits.header_time + limits.request_time) => return,
            _ = stopped.wait_for(|stopped| *stopped), if !is_stopping => {
                is_stopping = true;
                // Its reader comes again, to another replica.
                if place.streams() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Says that there is no room, without letting anybody wait for it.
fn refuse(mut stream: TcpStream, refused: &Arc<Semaphore>) {
    let Ok(permit) = Arc::clone(refused).try_acquire_owned() else { return };
    tokio::spawn(async move {
        let told = async {
            stream.write_all(NO_ROOM).await?;
            stream.shutdown().await?;
            // What was sent meanwhile is read: else the system would break the connection before the answer is there.
            let mut rest = [0; 4096];
            while stream.read(&mut rest).await? > 0 {}
            std::io::Result::Ok(())
        };
        let _ = tokio::time::timeout(REFUSAL, told).await;
        drop(permit);
    });
}
