//! The connections of a way: each is answered by a thread of its own, which has a connection to the API server.

use std::io::{self, BufReader};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::answer;
use super::fault::{Fault, Refusal, WatchEnd};
use super::judge::{Asked, Judge, Verdict, is_watch, is_writing};
use super::message::{Framing, Head, chunk, write_chunk};
use crate::cluster::{Api, Stream};
use crate::servers::{Error, Listener};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/";

/// A request, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its method.
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    /// What the API server answered, whether that arrived or not; none where it was not asked, or has not answered.
    pub status: Option<u16>,
    /// The uid of the object that was written.
    pub uid: Option<String>,
    /// Whether something went wrong here.
    pub is_faulty: bool,
}

impl Exchange {
    /// Whether it may have changed something.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        is_writing(Asked { method: &self.method, path: &self.path })
    }

    /// Whether it is a watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        is_watch(Asked { method: &self.method, path: &self.path })
    }
}

/// A way to an API server, open until it is dropped.
#[derive(Debug)]
pub struct FaultyWay {
    // Dropped first: its threads use the rest.
    listener: Option<Listener>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    api: Api,
    judge: Mutex<Judge>,
    died: Condvar,
    exchanges: Mutex<Vec<Exchange>>,
    /// The API server's ends of watches.
    watches: Mutex<Vec<TcpStream>>,
    /// The only token that is taken; any where absent.
    token: Mutex<Option<String>>,
}

impl FaultyWay {
    /// Opens a way to `api` on which `faults` happen.
    ///
    /// # Errors
    /// Where there is no port.
    pub fn open(api: &Api, faults: Vec<Fault>) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            api: api.clone(),
            judge: Mutex::new(Judge::new(faults)),
            died: Condvar::new(),
            exchanges: Mutex::default(),
            watches: Mutex::default(),
            token: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        // A connection that breaks is what happens here.
        let listener = Listener::start(move |client| drop(serving.serve(client)))?;
        Ok(Self { listener: Some(listener), shared })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.listener.as_ref().map_or(0, Listener::port))
    }

    /// Writes a kubeconfig that leads here into a folder; `user` is what it says of the user, as YAML on one line.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn kubeconfig(&self, folder: &Path, user: &str) -> io::Result<PathBuf> {
        let path = folder.join(format!("{}.kubeconfig", self.listener.as_ref().map_or(0, Listener::port)));
        let cluster = format!("clusters: [{{name: way, cluster: {{server: '{}'}}}}]", self.address());
        let context = "contexts: [{name: way, context: {cluster: way, user: way}}]\ncurrent-context: way";
        let users = format!("users: [{{name: way, user: {user}}}]");
        std::fs::write(&path, format!("apiVersion: v1\nkind: Config\n{cluster}\n{context}\n{users}\n"))?;
        Ok(path)
    }

    /// Takes requests with this token only; all others are answered with 401.
    pub fn take_only(&self, token: &str) {
        *lock(&self.shared.token) = Some(token.to_owned());
    }

    /// Whether the client is to be killed now; waits for that so long at most.
    #[must_use]
    pub fn waits_until_dead(&self, time: Duration) -> bool {
        let judge = lock(&self.shared.judge);
        let waited = self.shared.died.wait_timeout_while(judge, time, |judge| !judge.is_dead());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_dead()
    }

    /// All requests so far, in the order in which they arrived.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.shared.exchanges).clone()
    }

    /// All requests, once everything that was passed on is done.
    #[must_use]
    pub fn close(mut self) -> Vec<Exchange> {
        self.end();
        self.exchanges()
    }

    fn end(&mut self) {
        lock(&self.shared.judge).die();
        self.shared.break_watches();
        self.listener = None;
    }
}

impl Drop for FaultyWay {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    /// Answers a connection until one side ends it.
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        if lock(&self.judge).is_away(Instant::now()) {
            return Ok(());
        }
        client.set_nodelay(true)?;
        let mut requests = BufReader::new(client);
        let mut server: Option<BufReader<Stream>> = None;
        while let Some(head) = Head::read(&mut requests)? {
            let body = head.body(&mut requests)?;
            let (number, verdict) = self.judge(&head);
            match verdict {
                Verdict::Die => return hang(requests),
                Verdict::Break => {
                    self.break_watches();
                    return Ok(());
                }
                Verdict::Refuse(refusal) => {
                    let (head, body) = refusal.answer();
                    head.write(&body, &mut &*client)?;
                    continue;
                }
                Verdict::Delay(time) => thread::sleep(time),
                Verdict::Pass | Verdict::Lose | Verdict::PassAndDie | Verdict::EndWatch(..) => {}
            }
            let stream = match &mut server {
                Some(stream) => stream,
                None => server.insert(BufReader::new(self.api.connect()?)),
            };
            self.passed_on(&head).write(&body, stream.get_mut())?;
            let mut answer = Head::read(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if let Some(date) = lock(&self.judge).date() {
                answer.set("date", Some(date.to_owned()));
            }
            if is_watch(asked(&head)) && answer.framing()? == Framing::Chunks {
                return self.hand_on(&answer, stream, client, requests, &verdict);
            }
            let body = answer.body(stream)?;
            self.answered(number, &head, &answer, &body);
            match verdict {
                Verdict::Lose => return Ok(()),
                Verdict::PassAndDie => {
                    lock(&self.judge).die();
                    self.died.notify_all();
                }
                _ => {}
            }
            let judge = lock(&self.judge);
            let (is_dead, is_away) = (judge.is_dead(), judge.is_away(Instant::now()));
            drop(judge);
            if is_dead {
                return hang(requests);
            }
            if is_away {
                return Ok(());
            }
            answer.write(&body, &mut &*client)?;
            if answer.is_last() {
                server = None;
            }
        }
        Ok(())
    }

    /// Ends what the API server still has to tell.
    fn break_watches(&self) {
        for watch in lock(&self.watches).drain(..) {
            // It fails for one that is closed already.
            let _ = watch.shutdown(Shutdown::Both);
        }
    }

    fn judge(&self, head: &Head) -> (usize, Verdict) {
        let asked = asked(head);
        let token = lock(&self.token);
        let is_known =
            token.as_ref().is_none_or(|token| head.field("authorization") == Some(&format!("Bearer {token}")));
        let mut judge = lock(&self.judge);
        let mut exchanges = lock(&self.exchanges);
        let (number, mut verdict) = judge.next(asked, Instant::now());
        if !is_known && verdict == Verdict::Pass {
            verdict = Verdict::Refuse(Refusal { status: 401, retry_after: None });
        }
        exchanges.push(Exchange {
            method: asked.method.to_owned(),
            path: asked.path.to_owned(),
            status: None,
            uid: None,
            is_faulty: verdict != Verdict::Pass,
        });
        if judge.is_dead() {
            self.died.notify_all();
        }
        (number, verdict)
    }

    /// A request as the API server gets it: from its administrator, and to be answered as it is.
    fn passed_on(&self, head: &Head) -> Head {
        let mut head = head.clone();
        let (host, authorization) = self.api.names_itself();
        head.set("host", Some(host));
        head.set("authorization", Some(authorization));
        head.set("accept-encoding", None);
        head
    }

    /// Notes what came of a request.
    fn answered(&self, number: usize, head: &Head, answer: &Head, body: &[u8]) {
        let asked = asked(head);
        let status: u16 = answer.word(1).parse().unwrap_or_default();
        let object: Json =
            if is_writing(asked) { serde_json::from_slice(body).unwrap_or_default() } else { Json::Null };
        let place = asked.path.split('?').next().unwrap_or_default();
        if let (201, Some(crd)) = (status, place.strip_prefix(CRDS)) {
            lock(&self.judge).made(crd, Instant::now());
        }
        if let Some(exchange) = lock(&self.exchanges).get_mut(number - 1) {
            exchange.status = Some(status);
            exchange.uid = object["metadata"]["uid"].as_str().map(str::to_owned);
        }
    }

    /// Hands on what a watch tells, as it comes.
    fn hand_on(
        &self,
        answer: &Head,
        stream: &mut BufReader<Stream>,
        client: &TcpStream,
        requests: BufReader<&TcpStream>,
        verdict: &Verdict,
    ) -> io::Result<()> {
        let socket = &stream.get_ref().sock;
        socket.set_read_timeout(None)?;
        lock(&self.watches).push(socket.try_clone()?);
        let mut client = client;
        if *verdict == Verdict::Lose {
            return Ok(());
        }
        if *verdict == Verdict::PassAndDie {
            lock(&self.judge).die();
            self.died.notify_all();
        }
        let end = if let Verdict::EndWatch(after, end) = verdict { Some((*after, *end)) } else { None };
        let mut events = 0;
        if lock(&self.judge).is_dead() {
            return hang(requests);
        }
        answer.begin(&mut client)?;
        loop {
            match end {
                Some((after, WatchEnd::Expired)) if events >= after => {
                    write_chunk(&answer::expired(), &mut client)?;
                    return write_chunk(&[], &mut client);
                }
                Some((after, WatchEnd::Closed)) if events >= after => return write_chunk(&[], &mut client),
                _ => {}
            }
            let Some(bytes) = chunk(stream)? else { return write_chunk(&[], &mut client) };
            if lock(&self.judge).is_dead() {
                return hang(requests);
            }
            match end {
                Some((after, WatchEnd::Cut)) if events >= after => {
                    return write_chunk(&bytes[..bytes.len() / 2], &mut client);
                }
                _ => write_chunk(&bytes, &mut client)?,
            }
            events += bytes.split(|byte| *byte == b'\n').count() - 1;
        }
    }
}

/// Nothing is said any more, until the other side is gone.
fn hang(mut requests: BufReader<&TcpStream>) -> io::Result<()> {
    io::copy(&mut requests, &mut io::sink()).map(|_| ())
}

fn asked(head: &Head) -> Asked<'_> {
    Asked { method: head.word(0), path: head.word(1) }
}

/// A thread that panicked left nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
