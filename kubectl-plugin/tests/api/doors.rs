//! Who comes in, how, and when they are out again.

use serde_json::{Value as Json, json};

use crate::asker::Asker;
use crate::people::People;

/// Signs in; gives somebody with a cookie, and what they show beside it.
fn sign_in(people: &People, token: &str) -> (Asker, String) {
    let reply = people.nobody().send("POST", "/api/v1/session", &json!({"token": token}));
    assert_eq!((reply.status, reply.json()), (200, json!({})), "{reply:?}");
    assert!(!reply.body.contains(token));
    let all = reply.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value).collect::<Vec<_>>();
    assert!(all.iter().all(|cookie| cookie.contains("Secure") && cookie.contains("SameSite=Strict")), "{all:?}");
    assert!(all.iter().any(|cookie| cookie.contains("HttpOnly")), "{all:?}");
    let cookies = reply.cookies();
    let csrf = cookies.iter().find_map(|cookie| cookie.strip_prefix("__Host-kubectl-gitops-csrf="));
    let csrf = csrf.expect("a cookie that scripts read").to_owned();
    (people.nobody().with(&format!("Cookie: {}", cookies.join("; "))), csrf)
}

#[test]
fn a_session_begins_with_a_token_and_ends_at_once() {
    let people = People::new("api-session");
    let own = people.own().to_owned();
    let token = people.token("anna", &own, &["get", "list", "watch", "patch"], &[]);
    assert_eq!(people.nobody().send("POST", "/api/v1/session", &json!({"token": "wrong"})).status, 401);
    let (browser, csrf) = sign_in(&people, &token);
    let info = browser.get("/api/v1/session/userinfo").json();
    assert_eq!(
        (&info["loggedIn"], &info["username"]),
        (&json!(true), &json!(format!("system:serviceaccount:{own}:anna")))
    );
    let app = people.path("");

    // What is no read needs more than a cookie, and comes from no other page.
    let patch = json!({"patchType": "merge", "patch": "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"});
    assert_eq!(browser.send("PATCH", &app, &patch).status, 403);
    assert_eq!(browser.with("X-CSRF-Token: 0000").send("PATCH", &app, &patch).status, 403);
    assert_eq!(browser.get(&people.path("?refresh=normal")).status, 403, "a read that changes something is none");
    assert_eq!(browser.delete("/api/v1/session").status, 403);
    let page = browser.with(&format!("X-CSRF-Token: {csrf}"));
    assert_eq!(page.with("Origin: https://evil.example.com").send("PATCH", &app, &patch).status, 403);
    assert_eq!(page.with(&format!("Origin: http://{}", people.address)).send("PATCH", &app, &patch).status, 200);

    // Nothing that is written opens it.
    let secrets =
        people.ground.world.kubectl(&["get", "secrets", "-n", &own, "-l", "kubectl-gitops/session", "-o", "json"]);
    let secrets: Json = serde_json::from_str(&secrets).expect("JSON");
    assert_eq!(secrets["items"].as_array().map(Vec::len), Some(1));
    let id = browser.headers[0].split(['=', ';']).nth(1).expect("an id").to_owned();
    let told = secrets.to_string();
    assert!(!told.contains(&id) && !told.contains(&token) && !told.contains(&csrf));

    let (other, _) = sign_in(&people, &token);
    let mut events = browser.events("/api/v1/stream/applications");
    assert!(events.next().is_some());
    assert_eq!(page.delete("/api/v1/session").status, 200);
    assert_eq!(browser.get(&app).status, 401, "at once");
    while events.next().is_some() {}
    assert_eq!(other.get(&app).status, 200, "another session is another");
    people.ground.world.kubectl(&["delete", "secrets", "-n", &own, "-l", "kubectl-gitops/session"]);
    people.ground.until("an administrator ends all", |_| other.get(&app).status == 401);
    people.until_said(":anna from 127.0.0.1: SignIn: done");
}

#[test]
fn a_token_that_is_withdrawn_is_good_for_seconds_only() {
    let people = People::new("api-revoked");
    let token = people.token("gone", people.own(), &["get"], &[]);
    let gone = Asker::new(&people.address, &token);
    assert_eq!(gone.get(&people.path("")).status, 200);
    people.ground.world.kubectl(&["delete", "serviceaccount", "gone", "-n", people.own()]);
    people.ground.until("it is not good any more", |_| gone.get(&people.path("")).status == 401);
}

#[test]
fn bodies_are_json_and_small() {
    let people = People::new("api-bodies");
    let writer = people.writer();
    let path = people.path("/sync");
    for line in ["Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded", "X-Nothing: a"] {
        let reply = writer.with(line).ask("POST", &path, Some("{}"));
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!(3)), "{line}: {reply:?}");
    }
    let json_type = writer.with("Content-Type: application/json");
    for wrong in ["{", "[]x", "\"text\"", "{\"prune\": \"yes\"}", "{\"infos\": 1}", "\u{0}"] {
        let reply = json_type.ask("POST", &path, Some(wrong));
        assert_eq!(reply.status, 400, "{wrong}: {reply:?}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(json_type.ask("POST", &path, Some(&deep)).status, 400);
    let large = format!("{{\"revision\": \"{}\"}}", "a".repeat(2 << 20));
    assert_eq!(json_type.ask("POST", &path, Some(&large)).status, 400);
    assert_eq!(writer.get(&people.path("")).json().get("operation"), None, "nothing of that was asked for");
}

#[test]
fn it_is_served_over_tls() {
    let mut ground = crate::world::Ground::new("api-tls");
    let files = [ground.certificates.certificate(), ground.certificates.key()];
    let [certificate, key] = files.map(|path| path.display().to_string());
    ground.start_with(&["--listen", "127.0.0.1:0", "--api", "--tls-cert", &certificate, "--tls-key", &key]);
    let address = crate::people::address(&ground);
    let authority = std::fs::read(ground.certificates.authority()).expect("a certificate");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
        let client = reqwest::Client::builder().tls_certs_only([authority]).build().expect("a client");
        let port = address.rsplit(':').next().expect("a port");
        let reply = client.get(format!("https://localhost:{port}/api/version")).send().await.expect("an answer");
        assert_eq!(reply.status(), 200);
        assert!(reply.headers().contains_key("strict-transport-security"));
    });
    let refused = ground.world.run(&["controller", "-n", &ground.world.name, "--listen", "0.0.0.0:0", "--api"]);
    assert!(refused.code == 2 && refused.stderr.contains("without TLS"), "{}", refused.told());
}
