//! Sessions go on after their tokens, by what the issuer gave for that: renewed once for all requests and replicas, taken back at the
//! end, and over when the issuer says so. The issuer is a real one, which takes a grant back whoever shows the same thing twice.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_testdata::servers::oidc::{BRIEF_SECONDS, RENEWED_CLIENT};
use serde_json::Value as Json;

use crate::asker::Asker;
use crate::browser::begin;
use crate::issuer::Scene;

const INFO: &str = "/api/v1/session/userinfo";
const OFFLINE: [&str; 2] = ["--oidc-scopes", "offline_access"];

/// Somebody who signed in, by beginning at one replica and coming back to another.
fn signed_in(scene: &Scene, begun_at: &str, back_at: &str) -> Asker {
    let (there, cookie) = begin(&Asker::new(begun_at, ""), "/");
    assert!(there.contains("offline_access") && there.contains("prompt=consent"), "{there}");
    let back = scene.browser().follow(&there);
    let nobody = Asker::new(back_at, "");
    let reply = nobody.with(&format!("Cookie: {cookie}")).get(&back);
    assert_eq!(reply.status, 200, "{reply:?}");
    let csrf = reply.cookies().into_iter().find_map(|cookie| cookie.strip_prefix("__Host-kubectl-gitops-csrf="));
    let csrf = format!("X-CSRF-Token: {}", csrf.expect("a cookie for pages"));
    nobody.with(&format!("Cookie: {}", reply.cookies().join("; "))).with(&csrf)
}

fn at(asker: &Asker, address: &str) -> Asker {
    Asker { address: address.to_owned(), ..asker.clone() }
}

/// How often tokens were renewed and grants taken back.
fn told(scene: &Scene) -> (u64, u64) {
    let told: Json = serde_json::from_str(&scene.browser().read(&scene.provider.told())).expect("JSON");
    (told["renewed"].as_u64().expect("a number"), told["revoked"].as_u64().expect("a number"))
}

fn sessions(scene: &Scene) -> Vec<Json> {
    let own = &scene.ground.world.name;
    let listed =
        scene.ground.world.kubectl(&["get", "secrets", "-n", own, "-l", "kubectl-gitops/session", "-o", "json"]);
    let listed: Json = serde_json::from_str(&listed).expect("JSON");
    listed["items"].as_array().cloned().expect("a list")
}

#[test]
fn a_session_goes_on_after_its_token_on_all_replicas() {
    let mut scene = Scene::new("api-renewal");
    let issuer = scene.provider.issuer();
    scene.let_people_in();
    let replicas = [(); 2].map(|()| scene.start_with(RENEWED_CLIENT, &issuer, &OFFLINE));
    let person = signed_in(&scene, &replicas[0], &replicas[1]);
    let all = sessions(&scene);
    let [session] = &all[..] else { panic!("{all:?}") };
    for entry in ["token", "refresh"] {
        let sealed = BASE64_STANDARD.decode(session["data"][entry].as_str().expect("an entry")).expect("base64");
        assert!(!String::from_utf8_lossy(&sealed).contains("eyJ"), "{entry} is sealed");
    }

    // Several ask all the time, at both replicas, for longer than three tokens last: nobody is ever signed out.
    let until = Instant::now() + Duration::from_secs(3 * BRIEF_SECONDS + 2);
    let threads: Vec<_> = (0..6)
        .map(|number| {
            let person = at(&person, &replicas[number % 2]);
            std::thread::spawn(move || {
                let mut answers = BTreeSet::new();
                while Instant::now() < until {
                    let reply = person.get(INFO);
                    answers.insert((reply.status, reply.json()["username"].as_str().map(str::to_owned)));
                    std::thread::sleep(Duration::from_millis(300));
                }
                answers
            })
        })
        .collect();
    let answers: BTreeSet<_> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    assert_eq!(answers, BTreeSet::from([(200, Some("oidc:anna".to_owned()))]));
    let (renewed, revoked) = told(&scene);
    assert!(renewed >= 3 && revoked == 0, "{renewed} renewed, {revoked} revoked: each was used once");
    assert_eq!(sessions(&scene).len(), 1, "it is the same session");

    // It is asked again after a pause in which its token ended.
    std::thread::sleep(Duration::from_secs(BRIEF_SECONDS + 2));
    let reply = person.get(INFO);
    assert!(reply.status == 200 && told(&scene).0 > renewed, "{reply:?}");

    let out = person.delete("/api/v1/session");
    assert_eq!(out.status, 200, "{out:?}");
    for replica in &replicas {
        scene.ground.until("it is over everywhere", |_| at(&person, replica).get(INFO).status == 401);
    }
    assert_eq!((told(&scene).1, sessions(&scene).len()), (1, 0), "what renewed it was taken back");
    let said = scene.ground.said();
    assert!(!said.contains("eyJ") && !said.contains(scene.provider.secret()), "{said}");
}

#[test]
fn whoever_the_issuer_does_not_know_any_more_is_signed_out() {
    let mut scene = Scene::new("api-renewal-refused");
    let issuer = scene.provider.issuer();
    let host = scene.start_with(RENEWED_CLIENT, &issuer, &OFFLINE);
    let person = signed_in(&scene, &host, &host);
    scene.ground.until("it was renewed", |_| person.get(INFO).status == 200 && told(&scene).0 > 0);
    scene.browser().read(&scene.provider.dismissal("anna"));
    scene.ground.until("it is over", |_| {
        std::thread::sleep(Duration::from_millis(200));
        person.get(INFO).status == 401
    });
    let reply = person.get(INFO);
    assert_eq!(reply.json()["message"], "the session is over: sign in again", "{reply:?}");
    assert_eq!(sessions(&scene).len(), 0, "for all replicas");
}

#[test]
fn signing_out_with_a_browser_takes_back_what_renews_a_session() {
    let mut scene = Scene::new("api-renewal-out");
    let issuer = scene.provider.issuer();
    let host = scene.start_with(RENEWED_CLIENT, &issuer, &OFFLINE);
    let person = signed_in(&scene, &host, &host);
    assert_eq!(person.get(INFO).status, 200);
    let out = person.get("/auth/logout");
    assert!(out.status == 303 && out.header("location").is_some_and(|there| there.starts_with(&issuer)), "{out:?}");
    assert_eq!((told(&scene).1, person.get(INFO).status), (1, 401));
}
