//! Webhooks as they arrive: who is believed, who is refused, and what nobody can do.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::application::AppId;

use super::secret::sign;
use super::*;

const BODY: &str = r#"{"ref": "refs/heads/main", "repository": {"html_url": "https://git.example.com/shop/deploy",
    "default_branch": "main"}}"#;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

/// Applications `shop` and `cart` of one repository with secrets of their own, `open` without, and the secrets of providers.
fn known(secrets: &[(&str, &str)]) -> Known {
    let known = Known::default();
    let value = |key: &str| secrets.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_bytes().to_vec());
    known.set_secrets(Secrets::read(value, |_| None));
    for (name, own) in [("shop", Some("of shop")), ("cart", Some("of cart")), ("open", None)] {
        let sources = vec![Source::new("git@git.example.com:shop/deploy.git", "main")];
        let secrets = own.map(|text| Secret::of(text.as_bytes()).into_iter().collect());
        known.set(AppId::new("argocd", name), Entry { sources, secrets });
    }
    known
}

/// The applications that a push with this signature reaches.
fn reached(known: &Known, signature: &str, body: &str) -> Result<Vec<String>, Refused> {
    let headers = headers(&[("X-GitHub-Event", "push"), ("X-Hub-Signature-256", signature)]);
    let received = receive(&headers, body.as_bytes(), known)?;
    let found = received.events.iter().flat_map(|event| known.concerned(event, &received.trust));
    Ok(found.map(|application| application.name.clone()).collect())
}

#[test]
fn without_a_secret_anybody_speaks_to_those_who_ask_for_none() {
    let known = known(&[]);
    assert_eq!(reached(&known, "", BODY), Ok(vec!["open".into()]));
    assert_eq!(reached(&known, &sign("wrong", BODY.as_bytes()), BODY), Ok(vec!["open".into()]));
    assert_eq!(reached(&known, &sign("of shop", BODY.as_bytes()), BODY), Ok(vec!["open".into(), "shop".into()]));
    let other = BODY.replace("main", "next");
    assert_eq!(reached(&known, &sign("of shop", BODY.as_bytes()), &other), Ok(vec![]));
}

#[test]
fn with_a_secret_only_those_speak_who_have_one() {
    let known = known(&[("webhook.github.secret", "of all")]);
    let signed = |secret: &str| reached(&known, &sign(secret, BODY.as_bytes()), BODY);
    assert_eq!(signed("of all"), Ok(vec!["cart".into(), "open".into(), "shop".into()]));
    assert_eq!(signed("of cart"), Ok(vec!["cart".into()]));
    for secret in ["wrong", "", "of Shop"] {
        assert_eq!(signed(secret), Err(Refused::Unverified(Provider::GitHub)));
    }
    for signature in ["", "sha256=", "sha256=00", &"0".repeat(64), "sha1=1234", &"é".repeat(32)] {
        assert_eq!(reached(&known, signature, BODY), Err(Refused::Unverified(Provider::GitHub)), "{signature}");
    }
    let changed = BODY.replace("main", "mine");
    assert!(reached(&known, &sign("of all", BODY.as_bytes()), &changed).is_err());
}

#[test]
fn the_secret_of_an_application_is_good_for_its_repository_alone() {
    let known = known(&[("webhook.github.secret", "of all")]);
    let elsewhere = BODY.replace("shop/deploy", "shop/other");
    assert!(reached(&known, &sign("of shop", elsewhere.as_bytes()), &elsewhere).is_err());
    known.remove(&AppId::new("argocd", "shop"));
    assert!(reached(&known, &sign("of shop", BODY.as_bytes()), BODY).is_err());
    // Where it says that it is lost, nobody can show it.
    let sources = vec![Source::new("git@git.example.com:shop/deploy.git", "main")];
    known.set(AppId::new("argocd", "shop"), Entry { sources, secrets: Some(Vec::new()) });
    assert!(reached(&known, &sign("", BODY.as_bytes()), BODY).is_err());
}

#[test]
fn each_provider_shows_its_secret_in_its_own_way() {
    let basic = |text: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let body = r#"{"eventType": "git.push", "type": "SCANNING_COMPLETED"}"#;
    let of_all = sign("of all", body.as_bytes());
    let prefixed = format!("sha256={of_all}");
    for (key, event, shown) in [
        ("webhook.gogs.secret", ("X-Gogs-Event", "push"), ("X-Gogs-Signature", of_all.as_str())),
        ("webhook.gogs.secret", ("X-Gitea-Event", "push"), ("X-Gitea-Signature", of_all.as_str())),
        ("webhook.gogs.secret", ("X-Forgejo-Event", "push"), ("X-Forgejo-Signature", of_all.as_str())),
        ("webhook.github.secret", ("X-GitHub-Event", "ping"), ("X-Hub-Signature-256", prefixed.as_str())),
        ("webhook.github.secret", ("X-GitHub-Event", "package"), ("X-Hub-Signature-256", prefixed.as_str())),
        ("webhook.gitlab.secret", ("X-Gitlab-Event", "Push Hook"), ("X-Gitlab-Token", "of all")),
        ("webhook.bitbucket.uuid", ("X-Event-Key", "repo:push"), ("X-Hook-UUID", "of all")),
        (
            "webhook.bitbucketserver.secret",
            ("X-Event-Key", "repo:refs_changed"),
            ("X-Hub-Signature", prefixed.as_str()),
        ),
        ("webhook.azuredevops.password", ("X-Vss-ActivityId", "1"), ("Authorization", &basic(":of all"))),
        ("webhook.harbor.secret", ("X-Other", "1"), ("Authorization", "of all")),
    ] {
        let known = known(&[(key, "of all")]);
        let received = receive(&headers(&[event, shown]), body.as_bytes(), &known);
        assert!(received.as_ref().is_ok_and(|received| received.trust.is_of_provider()), "{key}: {received:?}");
        for wrong in ["of al", "", &sign("wrong", body.as_bytes()), &basic(":wrong"), &basic("of all:")] {
            let refused = receive(&headers(&[event, (shown.0, wrong)]), body.as_bytes(), &known).expect_err("refused");
            let is_ghcr = event.1 == "package";
            assert_eq!(refused.status(), if is_ghcr { 401 } else { 400 }, "{key}: {wrong}");
            assert!(!refused.to_string().contains("of al"), "{refused}");
        }
    }
}

#[test]
fn bitbucket_cloud_signs_with_the_secret_of_an_application() {
    let known = known(&[("webhook.bitbucket.uuid", "1234")]);
    let body = r#"{"push": {"changes": [{"new": {"type": "branch", "name": "main"}}]}, "repository": {"links": {"html":
        {"href": "https://git.example.com/shop/deploy"}}}}"#;
    let signature = format!("sha256={}", sign("of shop", body.as_bytes()));
    let pairs = [("X-Hook-UUID", "other"), ("X-Event-Key", "repo:push"), ("X-Hub-Signature", signature.as_str())];
    let received = receive(&headers(&pairs), body.as_bytes(), &known).expect("it is taken");
    let authenticated: Vec<_> = received.trust.authenticated().map(ToString::to_string).collect();
    assert_eq!(authenticated, ["argocd/shop"]);
    assert!(receive(&headers(&pairs[..2]), body.as_bytes(), &known).is_err());
}

#[test]
fn a_ping_of_bitbucket_server_needs_no_secret_and_no_body() {
    let known = known(&[("webhook.bitbucketserver.secret", "of all")]);
    let received = receive(&headers(&[("X-Event-Key", "diagnostics:ping")]), b"", &known).expect("it is taken");
    assert!(received.events.is_empty() && received.trust == Trust::default());
}

#[test]
fn a_ping_with_the_secret_of_an_application_is_answered() {
    let known = known(&[("webhook.github.secret", "of all")]);
    let signature = sign("of shop", BODY.as_bytes());
    let pairs = [("X-GitHub-Event", "ping"), ("X-Hub-Signature-256", signature.as_str())];
    let received = receive(&headers(&pairs), BODY.as_bytes(), &known).expect("it is taken");
    assert!(received.events.is_empty());
}

#[test]
fn harbor_is_nothing_without_a_secret() {
    let body = json!({"type": "PUSH_ARTIFACT"}).to_string();
    let refused = receive(&headers(&[("Authorization", "word")]), body.as_bytes(), &known(&[]));
    assert_eq!(refused, Err(Refused::Unknown));
}

#[test]
fn bodies_that_are_none() {
    let known = known(&[]);
    for body in ["", "null", "[]", "nonsense", r#"{"ref": 7, "repository": {}}"#, r#"{"repository": "x"}"#] {
        let refused = receive(&headers(&[("X-GitHub-Event", "push")]), body.as_bytes(), &known).expect_err("refused");
        assert!(matches!(refused, Refused::Malformed(Provider::GitHub, _)) && refused.status() == 400, "{refused:?}");
    }
}

#[test]
fn whoever_has_no_secret_learns_nothing_about_bodies() {
    let known = known(&[("webhook.github.secret", "of all")]);
    for body in ["nonsense", BODY] {
        let refused = receive(&headers(&[("X-GitHub-Event", "push")]), body.as_bytes(), &known);
        assert_eq!(refused, Err(Refused::Unverified(Provider::GitHub)));
    }
}

/// What is shown of all that holds secrets, or what a stranger wrote.
#[test]
fn no_secret_is_shown() {
    let known = known(&[("webhook.github.secret", "of all"), ("webhook.azuredevops.password", "of all")]);
    let shown = format!("{known:?}");
    assert!(!shown.contains("of all") && !shown.contains("of shop"), "{shown}");
    // Bytes in decimal, as a list has them.
    assert!(!shown.contains("111, 102"), "{shown}");
}

#[test]
fn a_large_body_is_hashed_a_few_times_at_most() {
    let known = Known::default();
    for number in 0..40 {
        let sources = vec![Source::new("git@git.example.com:shop/deploy.git", "main")];
        let secret = Secret::of(format!("secret {number:02}").as_bytes()).into_iter().collect();
        known.set(AppId::new("argocd", &format!("app-{number:02}")), Entry { sources, secrets: Some(secret) });
    }
    let body = format!("{}{}", BODY, " ".repeat(2 << 20));
    let reaches = |number: usize| {
        let signature = sign(&format!("secret {number:02}"), body.as_bytes());
        reached(&known, &signature, &body).is_ok_and(|found| !found.is_empty())
    };
    assert!(reaches(0) && reaches(30) && !reaches(39), "32 of 2 MB are within the limit");
}

/// What headers alone decide is what the whole decides.
#[test]
fn most_is_refused_before_its_body_is_read() {
    let pairs = [("X-Gitlab-Event", "Push Hook"), ("X-Gitlab-Token", "wrong")];
    let secrets = [("webhook.gitlab.secret", "of all"), ("webhook.github.secret", "of all")];
    let alone = Known::default();
    alone.set_secrets(Secrets::read(
        |key| secrets.iter().find(|(name, _)| *name == key).map(|(_, v)| (*v).into()),
        |_| None,
    ));
    let gitlab = Refused::Unverified(Provider::GitLab);
    assert_eq!(check(&headers(&pairs), &alone), Err(gitlab));
    assert_eq!(
        check(&headers(&pairs), &known(&secrets)),
        Ok(Provider::GitLab),
        "it may be the secret of an application"
    );
    assert_eq!(check(&headers(&[pairs[0], ("X-Gitlab-Token", "of all")]), &alone), Ok(Provider::GitLab));
    let github = ("X-GitHub-Event", "push");
    assert_eq!(check(&headers(&[github]), &alone), Err(Refused::Unverified(Provider::GitHub)));
    let signature = "0".repeat(64);
    assert_eq!(check(&headers(&[github, ("X-Hub-Signature-256", &signature)]), &alone), Ok(Provider::GitHub));
    assert_eq!(check(&headers(&[]), &alone), Err(Refused::Unknown));
    assert_eq!(check(&headers(&[("X-GitHub-Event", "x")]), &alone), Err(Refused::Event(Provider::GitHub)));
    assert_eq!(check(&headers(&[("X-Event-Key", "diagnostics:ping")]), &alone), Ok(Provider::BitbucketServer));
}
