//! Traces, as OpenTelemetry has them: what follows from what, and how long each part takes.
//!
//! In: parts of the work, each around a future. Out: spans, to a collector that takes OTLP over HTTP ([`Collector`]). Without one
//! nothing is noted and nothing made: each part is then its future, and one look at a flag.
//!
//! # What is in a span
//! Names: of Applications, resources, verbs, paths of the API server, addresses of repositories without userinfo. Nothing of a body, no
//! header, no query, no error text: those may be secret.
//!
//! # What follows from what
//! A part that is awaited is a child of what awaits it. A task of its own is one where [`inherit`] says so. What a queue is between is
//! noted by a name ([`cause`]) and found by it ([`caused_by`]): a webhook, or a request that changed an Application, and the look that
//! follows.

mod context;
mod export;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc;

use export::Ended;

pub use context::Context;
pub use export::Collector;

/// By which the look at Git that a webhook leads to is found.
pub const WEBHOOK: &str = "webhook";

/// So many causes are kept.
const MOST_CAUSES: usize = 10_000;

static IS_ON: AtomicBool = AtomicBool::new(false);
static TRACER: OnceLock<Tracer> = OnceLock::new();

tokio::task_local! {
    static CURRENT: Context;
}

struct Tracer {
    spans: mpsc::Sender<Ended>,
    causes: Mutex<HashMap<String, Context>>,
}

/// Sends spans to a collector from now on. `tell` hears where that cannot be done.
pub fn start(collector: Collector, tell: impl Fn(&str) + Send + 'static) {
    let (spans, received) = mpsc::channel(export::WAITING);
    if TRACER.set(Tracer { spans, causes: Mutex::default() }).is_ok() {
        tokio::spawn(async move { export::run(collector, received, tell).await });
        IS_ON.store(true, Ordering::Relaxed);
    }
}

/// Whether anything is noted.
#[must_use]
pub fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

fn tracer() -> Option<&'static Tracer> {
    if is_on() { TRACER.get() } else { None }
}

/// What somebody else says that a request is part of: its header `traceparent`.
#[must_use]
pub fn parent(headers: &http::HeaderMap) -> Option<Context> {
    tracer()?;
    Context::read(headers.get("traceparent")?.to_str().ok()?)
}

/// What the running task is part of.
fn current() -> Option<Context> {
    CURRENT.try_with(|context| *context).ok()
}

/// A part of the work; `about` is asked only where it is noted. What is large is better boxed: it is held more than once here.
pub async fn part<T, E>(
    name: &'static str,
    about: impl FnOnce() -> Vec<(&'static str, String)>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    if tracer().is_none() {
        return work.await;
    }
    part_of(current(), name, about, work).await
}

/// The same as a child of something else.
pub async fn part_of<T, E>(
    parent: Option<Context>,
    name: &'static str,
    about: impl FnOnce() -> Vec<(&'static str, String)>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let Some((tracer, context)) = tracer().and_then(|tracer| Some((tracer, Context::child_of(parent.as_ref())?)))
    else {
        return work.await;
    };
    let began = Timestamp::now().as_nanosecond();
    let result = CURRENT.scope(context, work).await;
    let ended = Timestamp::now().as_nanosecond();
    let (attributes, failed) = (about(), result.is_err());
    // Where there is no room it is lost.
    let _ = tracer.spans.try_send(Ended { name, context, parent, began, ended, attributes, failed });
    result
}

/// A task of its own that is part of what starts it.
pub fn inherit<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let context = tracer().and_then(|_| current());
    async move {
        match context {
            Some(context) => CURRENT.scope(context, work).await,
            None => work.await,
        }
    }
}

/// Notes that what is done for this name next follows from what runs now.
pub fn cause(name: impl FnOnce() -> Option<String>) {
    let Some((tracer, context)) = tracer().and_then(|tracer| Some((tracer, current()?))) else { return };
    let Some(name) = name() else { return };
    let mut causes = tracer.causes.lock().unwrap_or_else(PoisonError::into_inner);
    if causes.len() >= MOST_CAUSES {
        causes.clear();
    }
    causes.insert(name, context);
}

/// What the work for a name follows from, where that was noted; once.
#[must_use]
pub fn caused_by(name: &str) -> Option<Context> {
    tracer()?.causes.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
}
