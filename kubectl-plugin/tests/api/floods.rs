//! Those who take all they can get: an honest user is served all the same, and how fast is printed.
//!
//! Small every day; with `GITOPS_LONG=1` 200 clients of a byte a second, 10,000 idle connections, and a minute of 1,000 requests
//! a second without rights. Nothing here is judged by time: an honest user gets each of their answers, and waits no longer than
//! a client does.

#![expect(clippy::print_stdout, reason = "the tables are what this shows")]

use std::collections::BTreeMap;
use std::env;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::asker::Asker;
use crate::people::People;

/// An honest client tries again for so long, as it is told to.
const PATIENCE: Duration = Duration::from_mins(1);

fn is_long() -> bool {
    env::var_os("GITOPS_LONG").is_some()
}

/// What an honest user found.
struct Served {
    times: Vec<Duration>,
    /// How often they were told to come again.
    again: usize,
}

impl Served {
    fn tell(mut self, what: &str) {
        self.times.sort();
        let at = |part: usize| self.times[(self.times.len() - 1) * part / 100];
        println!(
            "{what}: {} of {} answered; {:?} in the middle, {:?} at 99 of 100, {:?} at most; told {} times to come again",
            self.times.len(),
            self.times.len(),
            at(50),
            at(99),
            at(100),
            self.again
        );
    }
}

/// One request; its status, or nothing where the connection was cut.
fn ask(asker: &Asker, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(&asker.address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let lines = asker.headers.join("\r\n");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{lines}\r\n\r\n", asker.address);
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

/// Asks until each of so many requests is answered.
fn serve(asker: &Asker, path: &str, count: usize) -> Served {
    let mut served = Served { times: Vec::new(), again: 0 };
    for _ in 0..count {
        let began = Instant::now();
        loop {
            match ask(asker, path) {
                Some(200) => break,
                // All places were taken at this moment.
                Some(503) | None => served.again += 1,
                Some(other) => panic!("an honest user is answered {other}"),
            }
            assert!(began.elapsed() < PATIENCE, "an honest user is not served");
            thread::sleep(Duration::from_millis(100));
        }
        served.times.push(began.elapsed());
        // No faster than one may ask.
        thread::sleep(Duration::from_millis(25));
    }
    served
}

/// A crowd, for as long as this lives.
struct Crowd {
    is_over: Arc<AtomicBool>,
    all: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn of(count: usize, act: impl Fn(usize, &AtomicBool) + Send + Sync + 'static) -> Self {
        let (is_over, act) = (Arc::new(AtomicBool::new(false)), Arc::new(act));
        let start = |number| {
            let (is_over, act) = (Arc::clone(&is_over), Arc::clone(&act));
            thread::spawn(move || act(number, &is_over))
        };
        let all = (0..count).map(start).collect();
        Self { is_over, all }
    }

    fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        for one in self.all {
            one.join().expect("no panic");
        }
    }
}

#[test]
fn clients_of_a_byte_a_second_are_in_nobodys_way() {
    let people = People::new("api-slow");
    let (reader, stranger) = (people.reader(), people.somebody("stranger", people.own(), &[], &[]));
    let path = people.path("");
    serve(&reader, &path, 40).tell("without a crowd");
    let count = if is_long() { 200 } else { 24 };
    let crowd = Crowd::of(count, move |number, is_over| {
        // Some are slow with a head, the others with a body.
        let lines = stranger.headers.join("\r\n");
        let kind = if number % 2 == 0 { "" } else { "Content-Type: application/json\r\nContent-Length: 1000\r\n" };
        let head = format!("POST /api/v1/applications HTTP/1.1\r\nHost: a\r\n{lines}\r\n{kind}");
        let text = if number % 2 == 0 { format!("{head}X-A: {}", "a".repeat(600)) } else { format!("{head}\r\n") };
        let at_once = if number % 2 == 0 { 1 } else { text.len() };
        while !is_over.load(Ordering::SeqCst) {
            let Ok(mut stream) = TcpStream::connect(&stranger.address) else { continue };
            let _ = stream.write_all(&text.as_bytes()[..at_once]);
            for byte in text.as_bytes()[at_once..].iter().chain(&[b'a'; 600]) {
                let is_cut = stream.write_all(&[*byte]).is_err();
                if is_cut || is_over.load(Ordering::SeqCst) {
                    break;
                }
                thread::sleep(Duration::from_secs(1));
            }
        }
    });
    serve(&reader, &path, if is_long() { 600 } else { 80 }).tell(&format!("beside {count} clients of a byte a second"));
    crowd.end();
}

#[test]
fn idle_connections_are_in_nobodys_way() {
    let people = People::new("api-idle");
    let (reader, path) = (people.reader(), people.path(""));
    serve(&reader, &path, 40).tell("without a crowd");
    let count = if is_long() { 10_000 } else { 1500 };
    let (address, opened) = (people.address.clone(), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&opened);
    let crowd = Crowd::of(1, move |_, _| {
        for _ in 0..count {
            kept.lock().expect("no panic").push(TcpStream::connect(&address).expect("a connection"));
        }
    });
    serve(&reader, &path, if is_long() { 300 } else { 80 }).tell(&format!("while {count} connections are opened"));
    crowd.end();
    assert_eq!(opened.lock().expect("no panic").len(), count);
    serve(&reader, &path, 40).tell(&format!("beside {count} connections that do nothing"));
}

#[test]
fn requests_without_rights_are_in_nobodys_way() {
    let people = People::new("api-flood");
    let (reader, stranger) = (people.reader(), people.somebody("stranger", people.own(), &[], &[]));
    let path = people.path("");
    serve(&reader, &path, 40).tell("without a crowd");
    // So many a second, all together, where the machine has that.
    let (senders, each_waits) = (20, Duration::from_millis(20));
    let answers: Arc<Mutex<BTreeMap<Option<u16>, usize>>> = Arc::default();
    let (counted, list) = (Arc::clone(&answers), path.clone());
    let began = Instant::now();
    let crowd = Crowd::of(senders, move |number, is_over| {
        let mut next = Instant::now();
        while !is_over.load(Ordering::SeqCst) {
            // Some are known and may do nothing, others guess, and some show nothing.
            let asker = match number % 3 {
                0 => stranger.clone(),
                1 => Asker::new(
                    &stranger.address,
                    &format!("guess-{number}-{next:?}").replace([' ', '{', '}', ':', ','], ""),
                ),
                _ => Asker::new(&stranger.address, ""),
            };
            *counted.lock().expect("no panic").entry(ask(&asker, &list)).or_default() += 1;
            next += each_waits;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    });
    let end = Instant::now() + if is_long() { Duration::from_mins(1) } else { Duration::from_secs(5) };
    let mut served = Served { times: Vec::new(), again: 0 };
    while Instant::now() < end {
        let more = serve(&reader, &path, 20);
        served.times.extend(more.times);
        served.again += more.again;
    }
    let seconds = began.elapsed().as_secs_f64();
    crowd.end();
    let answers = answers.lock().expect("no panic").clone();
    let all: usize = answers.values().sum();
    println!("the crowd was answered {answers:?} in {seconds:.0} s");
    served.tell(&format!("beside {all} requests without rights"));
    // None of them got anything.
    assert!(
        all > 0 && answers.keys().all(|status| matches!(status, Some(401 | 404 | 429 | 503) | None)),
        "{answers:?}"
    );
}
