//! Those who want to hurt: very large bodies, thousands who send a byte now and then, thousands of requests. Honest events
//! arrive meanwhile, and memory stays within what the limits add up to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gitops_testdata::fuzz::turn;
use kubectl_gitops::http::Limits;
use kubectl_gitops::webhook::Inbox;

use crate::corpus::{is_long, say};
use crate::sender::{SECRET, Server, post, push, runtime, signed};

/// Sends honest events, one after another on connections of their own, until all have been taken.
async fn honest(server: &Server, count: usize) {
    for number in 0..count {
        let request = push(&format!("honest/{number}"), SECRET);
        let mut refused = 0;
        // Whoever is told to come again does.
        while server.connect().await.ask(&request).await.is_none_or(|reply| reply.status == 503) {
            refused += 1;
            assert!(refused < 5000, "nobody hears {number}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Takes all events out, and counts those that honest senders sent: each of them once.
async fn assert_arrived(server: &Server, count: usize) {
    let mut found = Vec::new();
    while !server.inbox.is_empty() {
        found.push(server.inbox.next().await.0.to_string());
    }
    for number in 0..count {
        let wanted = format!("refs/heads/main of git.example.com/honest/{number}");
        assert_eq!(found.iter().filter(|event| **event == wanted).count(), 1, "{wanted}");
    }
}

/// Sends a body of so many bytes, in parts, until all is sent or the other side ends it.
async fn send_large(server: &Server, bytes: usize, is_told: bool) {
    let part = "x".repeat(64 << 10);
    let kind = if is_told { format!("Content-Length: {bytes}") } else { "Transfer-Encoding: chunked".to_owned() };
    let head = format!("POST /api/webhook HTTP/1.1\r\nHost: a\r\n{kind}\r\n{}\r\n", signed("", SECRET));
    let mut connection = server.connect().await;
    let mut open = connection.send(head.as_bytes()).await;
    let mut sent = 0;
    while open.is_some() && sent < bytes {
        let part = &part[..part.len().min(bytes - sent)];
        open = if is_told {
            connection.send(part.as_bytes()).await
        } else {
            connection.send(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes()).await
        };
        sent += part.len();
    }
    let _ = connection.end().await;
}

/// Senders of 100 MB, and of just less than what is allowed, at the limits that the server has by default.
#[test]
fn large_bodies_take_no_more_than_their_budget() {
    let turn = turn();
    let (senders, count) = (if is_long() { 64 } else { 12 }, 50);
    let limits = Limits::default();
    let taken = turn.heap_of(|| {
        runtime().block_on(async {
            let server = Arc::new(Server::start(limits, Inbox::default(), String::new()).await);
            let large = (0..senders).map(|number| {
                let server = Arc::clone(&server);
                let bytes = if number % 3 == 0 { limits.body - 1 } else { 100 << 20 };
                tokio::spawn(async move { send_large(&server, bytes, number % 2 == 0).await })
            });
            let large: Vec<_> = large.collect();
            honest(&server, count).await;
            for sender in large {
                sender.await.expect("no panic");
            }
            assert_arrived(&server, count).await;
        });
    });
    let most = limits.buffered + (senders + count) * (limits.small + 4 * limits.header_bytes) + (16 << 20);
    say(&format!("{senders} large bodies and {count} honest events took {} MiB at most", taken >> 20));
    assert!(taken <= most, "{taken} bytes, and {most} were allowed");
}

/// Sends a request byte by byte without ever ending it, and comes again when it is cut.
async fn dawdle(server: &Server, came: &AtomicUsize, is_over: &AtomicBool) {
    while !is_over.load(Ordering::SeqCst) {
        let mut connection = server.connect().await;
        came.fetch_add(1, Ordering::SeqCst);
        for byte in b"POST /api/webhook HTTP/1.1\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'a')) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if is_over.load(Ordering::SeqCst) || connection.send(&[*byte]).await.is_none() {
                break;
            }
        }
    }
}

/// Hundreds who never send a whole request, and 64 places that nobody has to give back in time: whoever sends one is heard.
#[test]
fn a_slow_crowd_keeps_nobody_out() {
    let turn = turn();
    let (crowd, count) = (if is_long() { 2000 } else { 300 }, 50);
    let (patience, time) = (Duration::from_millis(50), Duration::from_hours(1));
    let times = Limits { header_time: time, part_time: time, request_time: time, ..Limits::default() };
    let limits = Limits { connections: 64, patience, ..times };
    let taken = turn.heap_of(|| {
        runtime().block_on(async {
            let server = Arc::new(Server::start(limits, Inbox::default(), String::new()).await);
            let (came, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
            let slow = (0..crowd).map(|_| {
                let (server, came, is_over) = (Arc::clone(&server), Arc::clone(&came), Arc::clone(&is_over));
                tokio::spawn(async move { dawdle(&server, &came, &is_over).await })
            });
            let slow: Vec<_> = slow.collect();
            // All places are taken by then.
            while came.load(Ordering::SeqCst) < crowd {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            honest(&server, count).await;
            is_over.store(true, Ordering::SeqCst);
            for one in slow {
                one.await.expect("no panic");
            }
            assert_arrived(&server, count).await;
        });
    });
    say(&format!("a crowd of {crowd} on 64 places took {} MiB at most, its own side included", taken >> 20));
}

/// Requests as fast as they go on 32 connections: honest, forged, without meaning. Each gets its own answer.
#[test]
fn thousands_of_requests_are_answered_each() {
    let turn = turn();
    let (each, time) = if is_long() { (usize::MAX, Duration::from_mins(1)) } else { (20, Duration::MAX) };
    let connections: usize = 32;
    let answered = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let taken = turn.heap_of(|| {
        runtime().block_on(async {
            let server = Arc::new(Server::start(Limits::default(), Inbox::default(), String::new()).await);
            let senders: Vec<_> = (0..connections)
                .map(|number| {
                    let (server, answered) = (Arc::clone(&server), Arc::clone(&answered));
                    tokio::spawn(async move {
                        let requests = [
                            (push(&format!("honest/{number}"), SECRET), 200),
                            (push(&format!("forged/{number}"), "wrong"), 400),
                            (post("X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=00\r\n", "{}"), 400),
                            (post(&signed("{}", SECRET), "{}"), 200),
                        ];
                        let mut connection = server.connect().await;
                        for round in 0..each {
                            if started.elapsed() >= time {
                                break;
                            }
                            let (request, status) = &requests[round % requests.len()];
                            let reply = connection.ask(request).await;
                            // A refusal before the body is read may end the connection.
                            let is_last = reply.as_ref().is_none_or(|reply| reply.head.contains("connection: close"));
                            assert_eq!(reply.map(|reply| reply.status), Some(*status), "round {round}");
                            if is_last {
                                connection = server.connect().await;
                            }
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.await.expect("no panic");
            }
            assert_arrived(&server, connections).await;
            let observed = server.observed.lock().expect("no panic").len();
            assert_eq!(observed, answered.load(Ordering::SeqCst));
        });
    });
    let (answered, seconds) = (answered.load(Ordering::SeqCst), started.elapsed().as_secs());
    say(&format!(
        "{answered} requests in {seconds} s, {} a second, {} MiB at most",
        answered as u64 / seconds.max(1),
        taken >> 20
    ));
}
