//! What the server answers, and whom it cuts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_testdata::fuzz::turn;
use kubectl_gitops::http::Limits;
use kubectl_gitops::webhook::{Inbox, Provider};

use crate::sender::{Reply, SECRET, Server, get, post, push, runtime, signed, within};

/// So short that a test need not wait for long.
fn hasty() -> Limits {
    let short = Duration::from_secs(1);
    Limits { header_time: short, part_time: short, patience: short, ..Limits::default() }
}

/// A body may have 1 MB.
fn narrow() -> Limits {
    Limits { body: 1 << 20, ..Limits::default() }
}

async fn server(limits: Limits) -> Server {
    Server::start(limits, Inbox::default(), "# EOF\n".to_owned()).await
}

#[test]
fn every_path_has_its_answer() {
    let _turn = turn();
    runtime().block_on(async {
        let server = server(Limits::default()).await;
        for path in ["/healthz", "/livez"] {
            assert_eq!(server.ask(&get(path)).await.status, 200, "{path}");
        }
        assert_eq!(server.ask(&get("/readyz")).await.status, 503);
        server.is_ready.store(true, Ordering::SeqCst);
        assert_eq!(server.ask(&get("/readyz")).await.status, 200);
        let metrics = server.ask(&get("/metrics")).await;
        assert!(metrics.body == "# EOF\n" && metrics.head.contains("application/openmetrics-text"), "{metrics:?}");
        assert_eq!(server.ask(&get("/")).await.status, 404);
        let wrong = server.ask(&get("/api/webhook")).await;
        assert!(wrong.status == 405 && wrong.head.contains("allow: post"), "{wrong:?}");
        assert!(server.observed.lock().expect("no panic").is_empty(), "none of it is a webhook");
    });
}

#[test]
fn webhooks_are_answered_as_argo_cd_does() {
    let _turn = turn();
    runtime().block_on(async {
        let server = Server::start(narrow(), Inbox::with_capacity(1), String::new()).await;
        let large = "x".repeat((1 << 20) + 1);
        let package = "X-GitHub-Event: package\r\n";
        for (request, status, provider) in [
            (push("a/b", SECRET), 200, Some(Provider::GitHub)),
            (push("a/b", SECRET), 200, Some(Provider::GitHub)),
            (push("a/c", SECRET), 503, Some(Provider::GitHub)),
            (push("of/nobody", SECRET), 200, Some(Provider::GitHub)),
            (push("a/b", "wrong"), 400, Some(Provider::GitHub)),
            (post("", "{}"), 400, None),
            (post("X-GitHub-Event: issues\r\n", "{}"), 400, Some(Provider::GitHub)),
            (post(package, "{}"), 401, Some(Provider::Ghcr)),
            (post(&signed("[]", SECRET), "[]"), 400, Some(Provider::GitHub)),
            (post(&signed(&large, SECRET), &large), 400, Some(Provider::GitHub)),
        ] {
            let reply = server.ask(&request).await;
            assert_eq!(reply.status, status, "{reply:?}");
            assert_eq!(reply.head.contains("retry-after: 5"), status == 503, "{reply:?}");
            assert!(
                !reply.body.contains(SECRET) && reply.head.contains("x-content-type-options: nosniff"),
                "{reply:?}"
            );
            let told = server.observed.lock().expect("no panic").pop();
            assert_eq!(told, Some((provider, status)));
        }
        let (event, trust) = within(server.inbox.next()).await;
        assert!(trust.is_of_provider() && event.to_string() == "refs/heads/main of git.example.com/a/b", "{event}");
        assert!(server.inbox.is_empty(), "two of the same are one");
    });
}

#[test]
fn bodies_in_chunks_are_counted_as_they_arrive() {
    let _turn = turn();
    runtime().block_on(async {
        let server = server(narrow()).await;
        let body = r#"{"ref": "refs/heads/main", "repository": {"html_url": "https://git.example.com/a/b"}}"#;
        let head = |body: &str| {
            format!(
                "POST /api/webhook HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{}\r\n",
                signed(body, SECRET)
            )
        };
        let chunks = body.chars().fold(head(body), |chunks, byte| format!("{chunks}1\r\n{byte}\r\n"));
        assert_eq!(server.ask(format!("{chunks}0\r\n\r\n").as_bytes()).await.status, 200);
        let mut endless = server.connect().await;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        endless.send(head("").as_bytes()).await.expect("it is open");
        let mut sent = 0;
        while endless.send(chunk.as_bytes()).await.is_some() && sent < 64 {
            sent += 1;
        }
        // The answer may be lost when the connection breaks; what counts is that it ends.
        let said = endless.end().await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{said}");
        assert_eq!(server.observed.lock().expect("no panic").pop(), Some((Some(Provider::GitHub), 400)));
    });
}

#[test]
fn what_is_no_http_ends() {
    let _turn = turn();
    runtime().block_on(async {
        let server = server(hasty()).await;
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(5000));
        for request in ["\0\0\0\0", "nonsense\r\n\r\n", &long, &many, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let mut connection = server.connect().await;
            let _ = connection.send(request.as_bytes()).await;
            let said = connection.end().await;
            assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
        }
        assert_eq!(server.ask(&get("/livez")).await.status, 200);
    });
}

/// Each of them would stay for ever; that the test ends is what it tests.
#[test]
fn who_is_slow_is_cut() {
    let _turn = turn();
    runtime().block_on(async {
        let server = server(hasty()).await;
        let mut silent = server.connect().await;
        let mut hesitant = server.connect().await;
        hesitant.send(b"POST /api/webhook HTTP/1.1\r\nHost: a\r\n").await.expect("it is open");
        let mut idle = server.connect().await;
        assert_eq!(idle.ask(&push("a/b", SECRET)).await.map(|reply| reply.status), Some(200));
        let mut stuck = server.connect().await;
        let head =
            format!("POST /api/webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n{}\r\n{{", signed("", SECRET));
        let reply: Option<Reply> = stuck.ask(head.as_bytes()).await;
        assert_eq!(reply.map(|reply| reply.status), Some(408));
        for connection in [&mut silent, &mut hesitant, &mut idle, &mut stuck] {
            let said = connection.end().await;
            assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
        }
    });
}

/// One place only: it is free again when the one who does not read its answer is cut.
#[test]
fn who_does_not_read_is_cut() {
    let _turn = turn();
    runtime().block_on(async {
        let patience = Duration::from_hours(1);
        let limits = Limits { connections: 1, patience, request_time: Duration::from_secs(1), ..hasty() };
        let server = Server::start(limits, Inbox::default(), "x".repeat(32 << 20)).await;
        let mut deaf = server.connect().await;
        deaf.send(&get("/metrics")).await.expect("it is open");
        let mut refused = 0;
        while server.connect().await.ask(&get("/livez")).await.is_none_or(|reply| reply.status == 503) {
            refused += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(refused < 10_000, "it has its place for ever");
        }
        drop(deaf);
    });
}

#[test]
fn who_comes_when_all_places_are_taken_is_told() {
    let _turn = turn();
    runtime().block_on(async {
        let limits = Limits { connections: 4, patience: Duration::from_hours(1), ..Limits::default() };
        let server = server(limits).await;
        let mut taken = Vec::new();
        for _ in 0..4 {
            let mut connection = server.connect().await;
            assert_eq!(connection.ask(&get("/livez")).await.map(|reply| reply.status), Some(200));
            taken.push(connection);
        }
        let reply = server.ask(&push("a/b", SECRET)).await;
        assert!(reply.status == 503 && reply.head.contains("retry-after: 5"), "{reply:?}");
        assert!(server.inbox.is_empty());
        for connection in &mut taken {
            assert_eq!(connection.ask(&push("a/b", SECRET)).await.map(|reply| reply.status), Some(200));
        }
    });
}

#[test]
fn a_request_in_flight_ends_before_the_server_does() {
    let _turn = turn();
    runtime().block_on(async {
        let server = server(Limits::default()).await;
        let address = server.address;
        let inbox = std::sync::Arc::clone(&server.inbox);
        let request = push("a/b", SECRET);
        let (first, rest) = request.split_at(request.len() - 5);
        let mut half = server.connect().await;
        half.send(first).await.expect("it is open");
        let mut idle = server.connect().await;
        assert_eq!(idle.ask(&get("/livez")).await.map(|reply| reply.status), Some(200));
        let ended = server.stop();
        assert_eq!(idle.end().await, "", "nobody waits for it");
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!ended.is_finished());
        assert_eq!(half.ask(rest).await.map(|reply| reply.status), Some(200));
        within(ended).await.expect("no panic");
        assert_eq!(inbox.len(), 1);
    });
}

#[test]
fn a_request_that_never_ends_does_not_hold_the_server() {
    let _turn = turn();
    runtime().block_on(async {
        let limits = Limits { grace: Duration::from_millis(100), ..Limits::default() };
        let server = server(limits).await;
        let mut half = server.connect().await;
        let request = push("a/b", SECRET);
        half.send(&request[..request.len() - 5]).await.expect("it is open");
        assert_eq!(server.ask(&get("/livez")).await.status, 200);
        within(server.stop()).await.expect("no panic");
        assert_eq!(half.end().await, "");
    });
}
