//! Webhooks: an event makes the controller ask Git at once, where its sender may say so.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::config_map;
use crate::world::Ground;

/// A controller that asks Git only where it is told to.
fn listening(name: &str) -> (Ground, String) {
    let mut ground = Ground::new(name);
    ground.start_with(&["--polling", "0", "--listen", "127.0.0.1:0"]);
    let address = address(&ground);
    (ground, address)
}

/// Where it listens, once it does.
pub(crate) fn address(ground: &Ground) -> String {
    let address = |ground: &Ground| {
        let said = ground.said();
        let line = said.lines().find_map(|line| line.split_once("metrics on "))?;
        Some(line.1.trim().to_owned())
    };
    ground.until("it listens", |ground| address(ground).is_some());
    address(ground).expect("an address")
}

/// Sends a request; gives the status and the answer.
pub(crate) fn send(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer)
}

/// Asks for a page.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    send(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

/// GitLab's push event.
pub(crate) fn push(address: &str, repository: &str, token: &str) -> u16 {
    let body: Json = json!({
        "object_kind": "push", "ref": "refs/heads/main",
        "project": {"web_url": repository.trim_end_matches(".git"), "default_branch": "main"},
        "commits": [],
    });
    let body = body.to_string();
    let head = format!(
        "POST /api/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nX-Gitlab-Event: \
         Push Hook\r\nX-Gitlab-Token: {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    send(address, &format!("{head}{body}")).0
}

#[test]
fn an_application_has_a_secret_of_its_own_as_the_sample_has_it() {
    let (ground, address) = listening("ctl-hook");
    let mut application = ground.application(&json!({"automated": {"prune": true, "selfHeal": true}}));
    application["spec"]["webhook"] =
        json!({"gitlab": [{"url": "https://argocd.example.com/api/webhook", "secret": "your-webhook-secret"}]});
    ground.create(&application);
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    assert_eq!(ground.status()["gitops"]["webhookSecret"], "application");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    assert_eq!(push(&address, &ground.address(), "wrong"), 200, "whether the secret fits is nobody's business");
    ground.stays("nobody asked Git", Duration::from_secs(2), |ground| ground.value("a").as_deref() == Some("1"));
    assert_eq!(push(&address, &ground.address(), "your-webhook-secret"), 200);
    ground.until_synced(&commit);
    assert_eq!(ground.value("a").as_deref(), Some("2"));
}

#[test]
fn a_secret_of_its_own_counts_as_soon_as_it_is_there_though_nothing_else_happens() {
    let (ground, address) = listening("ctl-later");
    let mut application = ground.application(&json!({"automated": {}}));
    application["spec"]["webhook"] = json!({"gitlab": [{"secret": "$later:word"}]});
    ground.create(&application);
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    ground.until("it is told", |ground| ground.condition("WebhookSecretWarning").is_some());
    let name = ground.world.name.clone();
    ground.world.kubectl(&["create", "secret", "generic", "later", "-n", &name, "--from-literal=word=it"]);
    ground.until("it counts", |ground| ground.condition("WebhookSecretWarning").is_none());
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    assert_eq!(push(&address, &ground.address(), "it"), 200);
    ground.until_synced(&commit);
}

#[test]
fn the_secret_of_a_provider_counts_as_soon_as_it_is_there() {
    let (ground, address) = listening("ctl-hooks");
    ground.automated();
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    assert_eq!(push(&address, &ground.address(), ""), 200, "anybody may say that there is something to see");
    ground.until_synced(&commit);
    let name = ground.world.name.clone();
    let secret = "--from-literal=webhook.gitlab.secret=word";
    ground.world.kubectl(&["create", "secret", "generic", "argocd-secret", "-n", &name, secret]);
    ground.until("it counts", |ground| push(&address, &ground.address(), "") == 400);
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "3"));
    assert_eq!(push(&address, &ground.address(), "word"), 200);
    ground.until_synced(&commit);
}

#[test]
fn it_tells_how_it_is() {
    let (ground, address) = listening("ctl-tells");
    ground.automated();
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    assert_eq!(get(&address, "/healthz").0, 200);
    assert_eq!(get(&address, "/readyz").0, 200);
    let (status, text) = get(&address, "/metrics");
    assert_eq!(status, 200);
    let name = &ground.world.name;
    let line = text.lines().find(|line| line.starts_with("argocd_app_info{")).unwrap_or_default();
    assert!(line.contains(&format!("name=\"{name}\"")) && line.contains("sync_status=\"Synced\""), "{text}");
    assert!(text.contains("argocd_app_sync_total{") && text.contains("phase=\"Succeeded\""), "{text}");
    let events = ground.world.kubectl(&["get", "events", "-n", name, "-o", "jsonpath={.items[*].reason}"]);
    assert!(events.contains("OperationCompleted"), "{events}");
}
