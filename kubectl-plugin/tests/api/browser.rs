//! People who sign in with a browser, by a real provider whose tokens the real API server takes.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gitops_testdata::servers::oidc::{BRIEF_CLIENT, CLIENT, OTHER_CLIENT, OWN_ADDRESS, REFUSED};
use reqwest::Url;
use serde_json::{Value as Json, json};

use crate::asker::{Asker, Reply};
use crate::issuer::Scene;
use crate::people::address;

/// Begins a sign-in: where the browser is sent, and its cookie.
pub(crate) fn begin(asker: &Asker, back: &str) -> (String, String) {
    let reply = asker.get(&format!("/auth/login?return_url={back}"));
    assert_eq!(reply.status, 303, "{reply:?}");
    let all: Vec<&str> =
        reply.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| &**value).collect();
    assert!(matches!(all[..], [cookie] if cookie.starts_with("__Host-kubectl-gitops-login=")
        && ["; Path=/;", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age="].iter().all(|part| cookie.contains(part))));
    (reply.header("location").expect("a redirect").to_owned(), reply.cookies()[0].to_owned())
}

fn refused(reply: &Reply, status: u16, words: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.json()["message"].as_str().is_some_and(|message| message.contains(words)), "{reply:?}");
    let cookies = reply.cookies();
    assert!(cookies.is_empty(), "{cookies:?}");
}

/// The value of a name of an address.
fn part(address: &str, name: &str) -> String {
    let address = Url::parse(OWN_ADDRESS).expect("ours").join(address).expect("an address");
    let found = address.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    found.unwrap_or_else(|| panic!("{address} has no {name}"))
}

#[test]
fn people_sign_in_with_a_browser_and_out_again() {
    let mut scene = Scene::new("api-browser");
    let issuer = scene.provider.issuer();
    let host = scene.start(CLIENT, &issuer);
    let nobody = Asker::new(&host, "");
    let settings = nobody.get("/api/v1/settings").json();
    assert_eq!(
        (&settings["url"], &settings["oidcConfig"]["issuer"], &settings["oidcConfig"]["clientID"]),
        (&json!(OWN_ADDRESS), &json!(issuer), &json!(CLIENT))
    );
    scene.let_people_in();

    let (there, cookie) = begin(&nobody, "/applications%3Fa=b");
    assert_eq!((part(&there, "code_challenge_method"), part(&there, "response_type")), ("S256".into(), "code".into()));
    let back = scene.browser().follow(&there);
    let mine = nobody.with(&format!("Cookie: {cookie}"));
    let reply = mine.get(&back);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.body.contains("content=\"0; url=/applications?a=b\""), "{}", reply.body);
    assert!(reply.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    let cookies = reply.cookies();
    let page = nobody.with(&format!("Cookie: {}", cookies.join("; ")));
    let info = page.get("/api/v1/session/userinfo").json();
    assert_eq!((&info["username"], &info["loggedIn"]), (&json!("oidc:anna"), &json!(true)), "{info}");
    assert!(info["groups"].as_array().is_some_and(|groups| groups.contains(&json!("oidc:people"))), "{info}");
    // The controller has just begun to look at Applications.
    scene.ground.until("Applications are known", |_| page.get("/api/v1/applications").status != 503);
    assert_eq!(page.get("/api/v1/applications").status, 200);
    scene.ground.until("it is told", |ground| ground.said().contains("oidc:anna from 127.0.0.1: Callback: done"));

    // The same again, by the same browser.
    refused(&mine.get(&back), 401, "not begun here");

    let out = page.get("/auth/logout");
    assert_eq!(out.status, 303);
    let location = out.header("location").expect("a redirect");
    assert!(location.starts_with(&format!("{issuer}/session/end?")), "{location}");
    assert_eq!(
        (part(location, "client_id"), part(location, "post_logout_redirect_uri")),
        (CLIENT.to_owned(), format!("{OWN_ADDRESS}/"))
    );
    assert!(!location.contains("eyJ"), "no token is in an address");
    assert_eq!(page.get("/api/v1/applications").status, 401, "at once");
    assert_eq!(page.get("/auth/logout").header("location"), Some("/"));
    assert!(nobody.get("/auth/logout").cookies().is_empty(), "whoever shows no session loses none");
    let said = scene.ground.said();
    let code = part(&back, "code");
    assert!(!said.contains(&code) && !said.contains(scene.provider.secret()) && !said.contains("eyJ"), "{said}");
}

#[test]
fn nobody_signs_in_with_what_is_not_theirs() {
    let mut scene = Scene::new("api-browser-wrong");
    let issuer = scene.provider.issuer();
    let host = scene.start(CLIENT, &issuer);
    let nobody = Asker::new(&host, "");
    let (there, cookie) = begin(&nobody, "/");
    let back = scene.browser().follow(&there);
    let mine = nobody.with(&format!("Cookie: {cookie}"));
    let (code, state) = (part(&back, "code"), part(&back, "state"));

    // Another state, none, that of another browser, and no cookie at all.
    let wrong = back.replace(&state, &format!("{}A", &state[..state.len() - 1]));
    let other = begin(&nobody, "/").1;
    for (asker, path) in [
        (&mine, wrong.as_str()),
        (&mine, &back.replace("state=", "stat=")),
        (&nobody.with(&format!("Cookie: {other}")), &back),
        (&nobody, &back),
        (&nobody.with("Cookie: __Host-kubectl-gitops-login=x.0.x"), &back),
    ] {
        refused(&asker.get(path), 401, "not begun here");
    }
    // Another issuer says that it answers; or none does, where this one always says who it is.
    refused(&mine.get(&back.replace("iss=https", "iss=http")), 401, "another issuer");
    refused(&mine.get(&back.replace("iss=", "is=")), 401, "another issuer");
    // What the issuer says is not repeated, but for words of the protocol.
    let said = format!("/auth/callback?state={state}&iss={issuer}&error=%3Cscript%3E");
    refused(&mine.get(&said), 401, "does not say why");
    // A code of another sign-in: its verifier is another.
    let (there, cookie) = begin(&nobody, "/");
    let another = scene.browser().follow(&there);
    let replaced = another.replace(&part(&another, "code"), &code);
    refused(&nobody.with(&format!("Cookie: {cookie}")).get(&replaced), 401, "invalid_grant");

    // A token of another nonce: whoever changes the way there.
    let (there, cookie) = begin(&nobody, "/");
    let changed = there.replace(&part(&there, "nonce"), "of-somebody-else");
    let back = scene.browser().follow(&changed);
    refused(&nobody.with(&format!("Cookie: {cookie}")).get(&back), 401, "another sign-in");

    // Somebody whom the issuer knows, and the API server does not.
    let (there, cookie) = begin(&nobody, "/");
    let back = scene.browser().follow(&format!("{there}&login_hint={REFUSED}"));
    refused(&nobody.with(&format!("Cookie: {cookie}")).get(&back), 401, "does not know this token");

    // A browser gets a page of ours, where it was, and why: by a cookie of a minute, and nothing in an address.
    let (there, cookie) = begin(&nobody, "/applications%3Fa=b");
    let back = scene.browser().follow(&format!("{there}&login_hint={REFUSED}"));
    let person = nobody.with("Accept: text/html,application/xhtml+xml").with(&format!("Cookie: {cookie}"));
    let led = person.get(&back);
    assert_eq!((led.status, led.header("location")), (303, Some("/applications?a=b")), "{led:?}");
    let told = led.cookies();
    assert!(
        matches!(told[..], [one] if one.starts_with("__Host-kubectl-gitops-why=") && one.contains("does+not+know"))
    );
    let led = person.get("/auth/callback?state=x&code=%3Cscript%3E");
    assert!(led.status == 303 && led.cookies().iter().all(|cookie| !cookie.contains("script")), "{led:?}");

    // Wherever somebody wants to send a browser, it stays.
    for evil in ["https://evil.example.com/", "//evil.example.com", "/%5Cevil.example.com", "javascript:alert(1)"] {
        let (there, cookie) = begin(&nobody, evil);
        let reply = nobody.with(&format!("Cookie: {cookie}")).get(&scene.browser().follow(&there));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(reply.body.contains("url=/\"") && !reply.body.contains("evil"), "{}", reply.body);
    }
}

/// What somebody makes who knows all but the key of this installation: a cookie, and the state that belongs to it.
fn made_up(number: u8, begun: i64) -> (String, String) {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let random = [number; 32];
    let key = blake3::derive_key("kubectl-gitops 2026-11 oidc state", &random);
    let state = blake3::keyed_hash(&key, format!("{begun}./").as_bytes());
    let cookie = format!("__Host-kubectl-gitops-login={}.{begun}.{}", encode(&random), encode(b"/"));
    (cookie, encode(state.as_bytes()))
}

#[test]
fn whoever_makes_states_up_is_in_nobodys_way() {
    let mut scene = Scene::new("api-browser-states");
    let issuer = scene.provider.issuer();
    let host = scene.start(CLIENT, &issuer);
    let nobody = Asker::new(&host, "");
    // From the same address as everybody behind an ingress, and more than one address may come back with.
    for number in 0..120 {
        let (cookie, state) = made_up(number, jiff::Timestamp::now().as_second());
        let path = format!("/auth/callback?code=guessed&state={state}&iss={issuer}");
        refused(&nobody.with(&format!("Cookie: {cookie}")).get(&path), 401, "not begun here");
    }
    // The same for one that was made here, once it came back.
    let (there, cookie) = begin(&nobody, "/");
    let back = scene.browser().follow(&there);
    let mine = nobody.with(&format!("Cookie: {cookie}"));
    refused(&mine.get(&back.replace("code=", "code=x")), 401, "invalid_grant");
    for _ in 0..120 {
        refused(&mine.get(&back), 401, "not begun here");
    }
    // Whoever guesses tokens there is not in their way either.
    let guess = |number: u32| Asker::new(&host, &format!("guess-{number}")).get("/api/v1/session/userinfo").status;
    assert!((0..40).any(|number| guess(number) == 429));
    let (there, cookie) = begin(&nobody, "/");
    let reply = nobody.with(&format!("Cookie: {cookie}")).get(&scene.browser().follow(&there));
    assert_eq!(reply.status, 200, "{reply:?}");
    let page = nobody.with(&format!("Cookie: {}", reply.cookies().join("; ")));
    assert_eq!(page.get("/api/v1/session/userinfo").json()["username"], "oidc:anna");
}

#[test]
fn whom_the_api_server_does_not_take_is_not_signed_in() {
    let mut scene = Scene::new("api-browser-others");
    let issuer = scene.provider.issuer();
    // Tokens for another audience.
    let host = scene.start(OTHER_CLIENT, &issuer);
    let nobody = Asker::new(&host, "");
    let (there, cookie) = begin(&nobody, "/");
    let back = scene.browser().follow(&there);
    refused(&nobody.with(&format!("Cookie: {cookie}")).get(&back), 401, "does not know this token");
    scene.ground.stop();

    // An issuer that says it is another one.
    let host = scene.start(CLIENT, &issuer.replace("127.0.0.1", "localhost"));
    refused(&Asker::new(&host, "").get("/auth/login"), 400, "another issuer");
    scene.ground.stop();

    // A session ends with its token, which lasts for seconds here.
    let host = scene.start(BRIEF_CLIENT, &issuer);
    let nobody = Asker::new(&host, "");
    let (there, cookie) = begin(&nobody, "/");
    let reply = nobody.with(&format!("Cookie: {cookie}")).get(&scene.browser().follow(&there));
    assert_eq!(reply.status, 200, "{reply:?}");
    let page = nobody.with(&format!("Cookie: {}", reply.cookies().join("; ")));
    let own = scene.ground.world.name.clone();
    let secrets =
        scene.ground.world.kubectl(&["get", "secrets", "-n", &own, "-l", "kubectl-gitops/session", "-o", "json"]);
    assert!(!secrets.contains("eyJ"), "sealed");
    scene.ground.until("it is over", |_| page.get("/api/v1/session/userinfo").status == 401);
    drop(scene.cluster);
}

#[test]
fn what_users_of_argo_cd_have_set_is_enough() {
    let mut scene = Scene::new("api-browser-argocd");
    let own = scene.ground.world.name.clone();
    let flags = ["--listen", "127.0.0.1:0", "--api", "--polling", "0"];
    scene.ground.start_with(&flags);
    let nobody = Asker::new(&address(&scene.ground), "");
    refused(&nobody.get("/auth/login"), 501, "sign in with a token");
    let authority = scene.provider.authority().replace('\n', "\n  ");
    let config = format!(
        "name: Test\nissuer: {}\nclientID: {CLIENT}\nclientSecret: $oidc.clientSecret\nrequestedScopes: [openid, groups]\n\
         rootCA: |\n  {authority}\n",
        scene.provider.issuer()
    );
    scene.ground.create(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": own},
        "data": {"url": OWN_ADDRESS, "oidc.config": config},
    }));
    // Settings hold for a while, and nobody may ask all the time.
    let becomes = |status: u16| {
        scene.ground.until("it is read", |_| {
            std::thread::sleep(std::time::Duration::from_secs(1));
            nobody.get("/auth/login").status == status
        });
    };
    becomes(400);
    refused(&nobody.get("/auth/login"), 400, "argocd-secret has no oidc.clientSecret");
    scene.ground.create(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "argocd-secret", "namespace": own},
        "stringData": {"oidc.clientSecret": scene.provider.secret()},
    }));
    becomes(303);
    let (there, cookie) = begin(&nobody, "/");
    let reply = nobody.with(&format!("Cookie: {cookie}")).get(&scene.browser().follow(&there));
    assert_eq!(reply.status, 200, "{reply:?}");
    let info: Json =
        nobody.with(&format!("Cookie: {}", reply.cookies().join("; "))).get("/api/v1/session/userinfo").json();
    assert_eq!(info["username"], "oidc:anna");
}
