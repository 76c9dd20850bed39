//! What revisions name now: the one place that asks repositories, for all applications together.
//!
//! In: requests, and which applications need them. Out: pins. However many applications need a branch, its server is asked
//! once for each period, and once for a webhook. An application is told where the answer changes. A server that does not
//! answer changes nothing: what was known stays, with the reason beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gitops_compiler::app::{Application, without_user};
use gitops_compiler::lock::{Pin, Request};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::application::AppId;
use crate::fetch::shown_text;
use crate::settings::RepositoryServer;
use crate::trace;

use super::Controller;
use super::metrics::Metrics;

/// So many servers are asked at once.
const CONCURRENT: usize = 16;

/// Whoever does not answer is asked again after this, where somebody wants to know.
const FAILURE_LASTS: Duration = Duration::from_secs(8);

/// What is known of a request.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What it is, as far as anybody has said.
    pub pin: Option<Pin>,
    /// Why nobody has said more.
    pub failure: Option<String>,
}

/// A request, and on whose behalf it is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The request.
    pub request: Request,
    /// The project whose own credential is used: what it may read is told to no other. Empty where all use the same.
    pub project: String,
}

impl Asked {
    /// A request, as this Application makes it.
    #[must_use]
    pub fn of(controller: &Controller, application: &Application, request: &Request) -> Self {
        let project = controller.compiler.server.behalf(request, application.project());
        Self { request: request.clone(), project }
    }
}

/// How something that is connected to answered last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// When; nothing where it was never asked.
    pub at: Option<Timestamp>,
    /// Why it gave no answer, where it gave none.
    pub failure: Option<String>,
}

/// All requests.
pub struct Refs {
    server: Arc<RepositoryServer>,
    metrics: Arc<Metrics>,
    entries: Mutex<BTreeMap<Asked, Entry>>,
    permits: Semaphore,
}

struct Entry {
    /// When what is known was asked for, and what that is.
    asked: Option<Instant>,
    known: Known,
    /// When it is asked for again.
    due: Option<Instant>,
    /// Who needs it, and how often it is to be asked for; absent for never.
    users: BTreeMap<AppId, Option<Duration>>,
    /// Held by whoever asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Refs {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(server: Arc<RepositoryServer>, metrics: Arc<Metrics>) -> Self {
        Self { server, metrics, entries: Mutex::default(), permits: Semaphore::new(CONCURRENT) }
    }

    /// Says which requests an application needs from now on, and how often they are asked for.
    pub fn needs(&self, app: &AppId, requests: &BTreeSet<Asked>, period: Option<Duration>) {
        let mut entries = self.entries();
        entries.retain(|request, entry| {
            if !requests.contains(request) {
                entry.users.remove(app);
            }
            !entry.users.is_empty()
        });
        for request in requests {
            let entry = entries.entry(request.clone()).or_insert_with(Entry::new);
            entry.users.insert(app.clone(), period.filter(|_| is_movable(&request.request)));
            entry.reschedule();
        }
    }

    /// Forgets an application.
    pub fn forget(&self, app: &AppId) {
        self.needs(app, &BTreeSet::new(), None);
    }

    /// What a request is, by an answer that was asked for no earlier than `since`; any will do where that is absent.
    pub async fn pin(&self, request: &Asked, since: Option<Instant>) -> Known {
        let asking = {
            let mut entries = self.entries();
            let entry = entries.entry(request.clone()).or_insert_with(Entry::new);
            if let Some(known) = entry.known_since(since) {
                return known;
            }
            Arc::clone(&entry.asking)
        };
        let _one = asking.lock().await;
        if let Some(known) = self.entries().get(request).and_then(|entry| entry.known_since(since)) {
            return known;
        }
        let (asked, answer) = (Instant::now(), self.ask(request).await);
        let mut entries = self.entries();
        let entry = entries.entry(request.clone()).or_insert_with(Entry::new);
        entry.asked = Some(asked);
        match answer {
            Ok(pin) => entry.known = Known { pin: Some(pin), failure: None },
            Err(failure) => entry.known.failure = Some(failure),
        }
        entry.reschedule();
        entry.known.clone()
    }

    /// What a request is, for whoever only wants to know: by an answer that is no older than this, or by one that is not remembered, so that
    /// whoever needs it still hears of it.
    ///
    /// # Errors
    /// Why nobody says.
    pub async fn look_up(&self, request: &Asked, no_older: Duration) -> Result<Pin, String> {
        let since = Instant::now().checked_sub(no_older);
        let known = self.entries().get(request).and_then(|entry| entry.known_since(since));
        match known.and_then(|known| known.pin.filter(|_| known.failure.is_none())) {
            Some(pin) => Ok(pin),
            None => self.ask(request).await,
        }
    }

    /// Says what a request was found to be by whoever asked its server in another way.
    pub fn know(&self, request: &Asked, pin: &Pin, asked: Instant) {
        let mut entries = self.entries();
        let entry = entries.entry(request.clone()).or_insert_with(Entry::new);
        if entry.asked.is_none_or(|before| before < asked) {
            entry.asked = Some(asked);
            entry.known = Known { pin: Some(pin.clone()), failure: None };
            entry.reschedule();
        }
    }

    async fn ask(&self, request: &Asked) -> Result<Pin, String> {
        trace::part("resolve", || vec![("request", shown(&request.request))], Box::pin(self.asked(request))).await
    }

    async fn asked(&self, request: &Asked) -> Result<Pin, String> {
        let _permit = self.permits.acquire().await;
        let (server, request) = (Arc::clone(&self.server), request.clone());
        let answered = tokio::task::spawn_blocking(move || server.resolve(&request.request, &request.project)).await;
        self.metrics.asked(matches!(answered, Ok(Ok(_))));
        match answered {
            Ok(Ok(pin)) => Ok(pin),
            Ok(Err(error)) => Err(error.in_one_line()),
            Err(_) => Err("a bug of ours ended the question".to_owned()),
        }
    }

    /// All requests that are known.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        let all: BTreeSet<Request> = self.entries().keys().map(|asked| asked.request.clone()).collect();
        all.into_iter().collect()
    }

    /// The requests that any of these applications needs.
    #[must_use]
    pub fn needed_by(&self, apps: &BTreeSet<AppId>) -> BTreeSet<Request> {
        let is_needed = |entry: &Entry| entry.users.keys().any(|user| apps.contains(user));
        let entries = self.entries();
        let needed = entries.iter().filter(|(_, entry)| is_needed(entry));
        needed.map(|(asked, _)| asked.request.clone()).collect()
    }

    /// How repositories answered last, by their addresses without users: only what these applications ask them for counts. Of a
    /// repository that is asked for several things, one that had no answer says more than those that had one.
    #[must_use]
    pub fn answers(&self, apps: &BTreeSet<AppId>) -> BTreeMap<String, Answered> {
        let mut answers: BTreeMap<String, Answered> = BTreeMap::new();
        let entries = self.entries();
        for (request, entry) in entries.iter().filter(|(_, entry)| entry.users.keys().any(|user| apps.contains(user))) {
            let (Some(address), Some(asked)) = (address(&request.request), entry.asked) else { continue };
            let ago = SignedDuration::try_from(asked.elapsed()).unwrap_or_default();
            let answer = Answered { at: Timestamp::now().checked_sub(ago).ok(), failure: entry.known.failure.clone() };
            let known = answers.entry(without_user(address)).or_insert_with(|| answer.clone());
            if (answer.failure.is_some(), answer.at) > (known.failure.is_some(), known.at) {
                *known = answer;
            }
        }
        answers
    }

    /// Asks again for the requests that `is_meant` says, and gives the applications to which that makes a difference.
    pub async fn look_again(&self, is_meant: impl Fn(&Request) -> bool) -> BTreeSet<AppId> {
        let now = Instant::now();
        let is_meant = |asked: &&Asked| is_meant(&asked.request);
        let requests: Vec<Asked> = self.entries().keys().filter(is_meant).cloned().collect();
        self.renew(&requests, now).await
    }

    /// Waits until some request is due, asks for those that are, and gives the applications to which that makes a
    /// difference.
    pub async fn poll(&self) -> BTreeSet<AppId> {
        /// How long to wait where nothing will be due: somebody may come.
        const IDLE: Duration = Duration::from_secs(1);
        let next = self.entries().values().filter_map(|entry| entry.due).min();
        let soon = Instant::now() + IDLE;
        tokio::time::sleep_until(next.map_or(soon, |next| next.min(soon))).await;
        let now = Instant::now();
        let is_due = |entry: &Entry| entry.due.is_some_and(|due| due <= now);
        let due: Vec<Asked> =
            self.entries().iter().filter(|(_, entry)| is_due(entry)).map(|(request, _)| request.clone()).collect();
        self.renew(&due, now).await
    }

    async fn renew(&self, requests: &[Asked], since: Instant) -> BTreeSet<AppId> {
        let asked = requests.iter().map(|request| async move {
            let before = self.entries().get(request).map(|entry| entry.known.clone()).unwrap_or_default();
            let after = self.pin(request, Some(since)).await;
            let changed = before.pin != after.pin || before.failure != after.failure;
            let entries = self.entries();
            let users = entries.get(request).filter(|_| changed);
            users.map(|entry| entry.users.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
        });
        futures::future::join_all(asked.collect::<Vec<_>>()).await.into_iter().flatten().collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Asked, Entry>> {
        // Each change is whole before the next begins.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new() -> Self {
        let (known, users) = (Known::default(), BTreeMap::new());
        Self { asked: None, known, due: None, users, asking: Arc::default() }
    }

    fn known_since(&self, since: Option<Instant>) -> Option<Known> {
        let asked = self.asked?;
        let is_stale = self.known.failure.is_some() && asked.elapsed() >= FAILURE_LASTS;
        (!is_stale && since.is_none_or(|since| asked >= since)).then(|| self.known.clone())
    }

    /// When it is due, after the shortest period of its users; a little later each time, so that not all come together.
    fn reschedule(&mut self) {
        let period = self.users.values().flatten().min();
        self.due = self.asked.zip(period).map(|(asked, period)| asked + *period + jitter(*period));
    }
}

/// A request, as traces have it: no address with who asks in it.
fn shown(request: &Request) -> String {
    let (address, what) = match request {
        Request::Git { repository, revision, .. } | Request::Oci { repository, revision } => (repository, revision),
        Request::Chart { repository, version, .. } => (repository, version),
        Request::File { address } => (address, &String::new()),
    };
    format!("{} {what}", shown_text(address)).trim_end().to_owned()
}

/// The repository that is asked; nothing for a file.
fn address(request: &Request) -> Option<&str> {
    match request {
        Request::Git { repository, .. } | Request::Oci { repository, .. } | Request::Chart { repository, .. } => {
            Some(repository)
        }
        Request::File { .. } => None,
    }
}

/// A fifth of a period at most, and a minute.
fn jitter(period: Duration) -> Duration {
    let mut byte = [0_u8];
    // Without randomness there is none.
    let _ = getrandom::fill(&mut byte);
    (period / 5).min(Duration::from_mins(1)) * u32::from(byte[0]) / 256
}

/// Whether a request may be something else tomorrow: a commit is a commit.
fn is_movable(request: &Request) -> bool {
    match request {
        Request::Git { revision, is_range: false, .. } => {
            !(matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit()))
        }
        Request::File { .. } => false,
        _ => true,
    }
}
