//! Tokens of GitHub Apps: from whom, by whose signature, for whom, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::super::credentials::Credentials;
use super::super::error::{FailureKind, FetchError};
use super::super::web::Web;
use super::server::{AUTH, Asked, Authority, FILES, Reply, Server};
use super::{check_hidden, credential};

/// A key, as GitHub hands it out (PKCS#1), and as others write it (PKCS#8).
struct Key {
    public: Vec<u8>,
    pkcs1: String,
    pkcs8: String,
}

impl Key {
    fn new() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der = pair.as_der().expect("a key");
        let pem = |what: &str, der: &[u8]| {
            format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", BASE64_STANDARD.encode(der))
        };
        // Of this size the inner key begins there.
        let (pkcs1, pkcs8) = (pem("RSA PRIVATE KEY", &der.as_ref()[26..]), pem("PRIVATE KEY", der.as_ref()));
        Self { public: pair.public_key().as_ref().to_vec(), pkcs1, pkcs8 }
    }

    /// Who a JWT says that asks, where the signature is of this key.
    fn claims(&self, authorization: Option<&str>) -> Option<Json> {
        let jwt = authorization?.strip_prefix("Bearer ")?;
        let (signed, signature) = jwt.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public).verify(signed.as_bytes(), &signature).ok()?;
        let (head, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice::<Json>(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        (json(head)? == json!({"alg": "RS256", "typ": "JWT"})).then_some(())?;
        json(claims)
    }
}

/// Plays GitHub: gives tokens that last so long, and counts them.
fn github(authority: &Authority, key: &Arc<Key>, lasts: SignedDuration) -> (Server, Arc<AtomicUsize>) {
    let (key, given) = (Arc::clone(key), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&given);
    let server = authority.serve(move |asked: &Asked, _| {
        let now = Timestamp::now();
        let Some(claims) = key.claims(asked.authorization.as_deref()) else { return Reply::status(401) };
        let (begins, ends) = (claims["iat"].as_i64().unwrap_or(0), claims["exp"].as_i64().unwrap_or(0));
        let is_now = begins < now.as_second() && now.as_second() < ends && ends - begins <= 600;
        if !is_now || claims["iss"] != "12" || asked.method != "POST" {
            return Reply::status(401);
        }
        if asked.path != "/api/v3/app/installations/34/access_tokens" {
            return Reply::status(404);
        }
        let number = count.fetch_add(1, Ordering::Relaxed);
        let ends = now.checked_add(lasts).expect("a time").strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let body = json!({"token": format!("t0ken-{number}"), "expires_at": ends}).to_string();
        match Reply::ok(body) {
            Reply::Whole { headers, body, .. } => Reply::Whole { status: 201, headers, body },
            other => other,
        }
    });
    (server, given)
}

/// A server that takes the token with this number, and no other.
fn files(authority: &Authority, number: usize) -> Server {
    let wanted = format!("Basic {}", BASE64_STANDARD.encode(format!("x-access-token:t0ken-{number}")));
    authority.serve(
        move |asked: &Asked, _| {
            if asked.authorization.as_ref() == Some(&wanted) { Reply::ok("hello") } else { Reply::status(401) }
        },
    )
}

fn credentials(url: &str, base: &str, key: &str, more: &[(&str, &str)]) -> Credentials {
    let mut fields = vec![
        ("githubAppID", "12"),
        ("githubAppInstallationID", "34"),
        ("githubAppPrivateKey", key),
        ("githubAppEnterpriseBaseUrl", base),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    fields.extend(more);
    credential(url, &fields)
}

#[test]
fn a_token_is_asked_for_once_and_sent_to_the_repository_alone() {
    let (authority, key) = (Authority::new(), Arc::new(Key::new()));
    for pem in [&key.pkcs1, &key.pkcs8] {
        let (api, given) = github(&authority, &key, SignedDuration::from_hours(1));
        let server = files(&authority, 0);
        let (url, base) = (server.url(FILES, "/a"), api.url(AUTH, "/api/v3/"));
        let web = Web::new(authority.access().credentials(credentials(&url, &base, pem, &[])));
        for _ in 0..3 {
            assert_eq!(web.get(&url, 1 << 20, "the file").as_deref(), Ok(&b"hello"[..]));
        }
        assert_eq!((given.load(Ordering::Relaxed), api.asked().len(), server.asked().len()), (1, 1, 3));
        let told =
            |server: &Server| server.asked().iter().filter_map(|it| it.authorization.clone()).collect::<Vec<_>>();
        assert!(told(&api).iter().all(|it| it.starts_with("Bearer ")), "the API gets what was signed");
        assert!(told(&server).iter().all(|it| it.starts_with("Basic ")), "the repository never does");
    }
}

#[test]
fn a_token_is_asked_for_again_before_it_ends() {
    let (authority, key) = (Authority::new(), Arc::new(Key::new()));
    // Half of a second: it is over when it is asked about again.
    let (api, given) = github(&authority, &key, SignedDuration::from_secs(1));
    let server = authority.serve(|_, _| Reply::ok("hello"));
    let (url, base) = (server.url(FILES, "/a"), api.url(AUTH, "/api/v3"));
    let web = Web::new(authority.access().credentials(credentials(&url, &base, &key.pkcs1, &[])));
    assert!(web.get(&url, 1 << 20, "the file").is_ok());
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(web.get(&url, 1 << 20, "the file").is_ok());
    assert_eq!(given.load(Ordering::Relaxed), 2);
}

#[test]
fn what_is_wrong_is_told_without_what_is_secret() {
    let (authority, key, other) = (Authority::new(), Arc::new(Key::new()), Key::new());
    let (api, given) = github(&authority, &key, SignedDuration::from_hours(1));
    let server = files(&authority, 0);
    let elsewhere = authority.serve(move |_, _| Reply::to("https://evil.example.com/"));
    let (url, base) = (server.url(FILES, "/a"), api.url(AUTH, "/api/v3"));
    let redirects = elsewhere.url(AUTH, "/api/v3");
    let fails = |more: &[(&str, &str)], word: &str| {
        let web = Web::new(authority.access().credentials(credentials(&url, &base, &key.pkcs1, more)));
        let error: FetchError = web.get(&url, 1 << 20, "the file").expect_err(word);
        check_hidden(&error);
        assert!(error.kind == FailureKind::Unauthorized && error.why.contains(word), "{word}: {error}");
    };
    fails(&[("githubAppPrivateKey", &other.pkcs1)], "does not know the app");
    fails(&[("githubAppPrivateKey", "s3cret")], "no RSA key in PEM");
    fails(&[("githubAppPrivateKey", "")], "githubAppPrivateKey");
    fails(&[("githubAppID", "13")], "does not know the app");
    fails(&[("githubAppID", "../s3cret")], "githubAppID");
    fails(&[("githubAppInstallationID", "35")], "no such installation");
    fails(&[("githubAppInstallationID", "34/../s3cret")], "githubAppInstallationID");
    fails(&[("githubAppInstallationID", "")], "githubAppInstallationID");
    fails(&[("githubAppEnterpriseBaseUrl", "http://s3cret.example.com")], "githubAppEnterpriseBaseUrl");
    fails(&[("githubAppEnterpriseBaseUrl", "https://u:s3cret@a.example.com")], "githubAppEnterpriseBaseUrl");
    fails(&[("githubAppEnterpriseBaseUrl", &redirects)], "302");
    assert_eq!((given.load(Ordering::Relaxed), server.asked().len()), (0, 0), "nobody was told anything");
    // One that the repository does not take is not kept.
    let strict = files(&authority, 7);
    let url = strict.url(FILES, "/a");
    let web = Web::new(authority.access().credentials(credentials(&url, &base, &key.pkcs1, &[])));
    let error = web.get(&url, 1 << 20, "the file").expect_err("another token");
    check_hidden(&error);
}
