//! Bytes that nobody sends, by the million: nothing panics, and memory is bounded.

use gitops_testdata::fuzz::{Heap, mutate, turn};
use http::{HeaderMap, HeaderName, HeaderValue};
use kubectl_gitops::application::AppId;
use kubectl_gitops::webhook::{Address, Asked, Entry, Known, Secret, Secrets, Source, Target, check, receive};

use crate::json;
use crate::payloads::headers;

/// What a body may take of memory: what is kept of it has limits of its own.
const BODY: Heap = Heap { for_any_input: 64 << 10, for_each_byte: 64 };

/// What a text may.
const TEXT: Heap = Heap { for_any_input: 256 << 10, for_each_byte: 1 << 10 };

const REPOSITORY: &str = r#"{"html_url": "https://git.example.com/shop/deploy", "clone_url": "https://git.example.com/shop/deploy.git",
    "ssh_url": "git@git.example.com:22/shop/deploy.git", "default_branch": "main"}"#;

const MOVED: &str = r#""ref": "refs/heads/main", "before": "1111111111111111111111111111111111111111",
    "after": "2222222222222222222222222222222222222222""#;

/// Each provider with a body of its own.
fn seeds() -> Vec<(&'static [(&'static str, &'static str)], String)> {
    let push = format!(r#"{{{MOVED}, "repository": {REPOSITORY}}}"#);
    let project = r#"{"web_url": "https://git.example.com/shop/deploy", "git_ssh_url": "ssh://git@git.example.com:22/shop/deploy",
        "default_branch": "main"}"#;
    let gitlab = format!(r#"{{"object_kind": "push", {MOVED}, "project": {project}}}"#);
    let update = format!(
        r#"{{"event_name": "repository_update", "changes": [{{{MOVED}}}, {{{MOVED}}}], "project": {project}}}"#
    );
    let cloud = r#"{"push": {"changes": [{"new": {"type": "branch", "name": "main", "target": {"hash": "2"}}, "old": null}, {"new": null,
        "old": {"type": "tag", "name": "v1"}}]}, "repository": {"links": {"html": {"href": "https://git.example.com/shop/deploy"}}}}"#;
    let server = r#"{"changes": [{"ref": {"id": "refs/heads/main"}, "fromHash": "1", "toHash": "2"}], "repository": {"links": {"clone":
        [{"name": "http", "href": "https://git.example.com/scm/shop/deploy.git"}]}}}"#;
    let azure = r#"{"eventType": "git.push", "resource": {"refUpdates": [{"name": "refs/heads/main", "oldObjectId": "1", "newObjectId":
        "2"}], "repository": {"remoteUrl": "https://a@dev.azure.com/a/shop/_git/deploy", "defaultBranch": "refs/heads/main"}}}"#;
    let package = r#"{"action": "published", "package": {"name": "shop", "package_type": "CONTAINER", "owner": {"login": "example"},
        "package_version": {"container_metadata": {"tag": {"name": "1.4.0"}}}}}"#;
    let harbor = r#"{"type": "PUSH_ARTIFACT", "event_data": {"resources": [{"tag": "1.4.0", "resource_url": "git.example.com/shop/deploy:1"}],
        "repository": {"name": "deploy", "namespace": "shop", "repo_full_name": "shop/deploy"}}}"#;
    vec![
        (&[("X-GitHub-Event", "push")], push.clone()),
        (&[("X-Gogs-Event", "push")], push),
        (&[("X-Gitlab-Event", "Push Hook")], gitlab.clone()),
        (&[("X-Gitlab-Event", "System Hook")], update),
        (&[("X-Hook-UUID", "1"), ("X-Event-Key", "repo:push")], cloud.to_owned()),
        (&[("X-Event-Key", "repo:refs_changed")], server.to_owned()),
        (&[("X-Vss-ActivityId", "1")], azure.to_owned()),
        (&[("X-GitHub-Event", "package")], package.to_owned()),
        (&[("Authorization", "of all")], harbor.to_owned()),
    ]
}

/// Applications of the repository that all bodies name, one with a secret of its own; a secret of Harbor, without which
/// there is none.
fn known() -> Known {
    let known = Known::default();
    known.set_secrets(Secrets::read(|key| (key == "webhook.harbor.secret").then(|| b"of all".to_vec()), |_| None));
    for (name, revision, secret) in [("shop", "main", None), ("cart", "1.*", Some("word")), ("blog", "", None)] {
        let sources = vec![
            Source::new("https://git.example.com/shop/deploy", revision),
            Source::with("ghcr.io/example", revision, "shop", "v"),
        ];
        let secrets = secret.map(|text: &str| Secret::of(text.as_bytes()).into_iter().collect());
        known.set(AppId::new("argocd", name), Entry { sources, secrets });
    }
    known
}

/// What must hold whatever was sent: few and short things are kept, and what is shown is one line.
fn judge(headers: &HeaderMap, body: &[u8], known: &Known) {
    let early = check(headers, known);
    match receive(headers, body, known) {
        Ok(received) => {
            assert_eq!(early.ok(), Some(received.provider));
            assert!(received.events.len() <= 64, "{}", received.events.len());
            for event in &received.events {
                let shown = event.to_string();
                assert!(shown.chars().all(|c| !c.is_control()) && shown.len() <= 8192, "{shown:?}");
                assert!(event.addresses().count() <= 8);
                assert!(known.concerned(event, &received.trust).len() <= 3);
            }
        }
        Err(refused) => {
            assert!(matches!(refused.status(), 400 | 401), "{refused:?}");
            assert!(refused.to_string().len() <= 250, "{refused}");
        }
    }
}

#[test]
fn bodies() {
    let turn = turn();
    let known = known();
    let all = seeds();
    let bodies: Vec<Vec<u8>> = all.iter().map(|(_, body)| body.clone().into_bytes()).collect();
    for (pairs, body) in all {
        let headers = headers(pairs.iter().copied());
        // Its own the most often, so that most of the mutations reach its parser.
        let seeds: Vec<Vec<u8>> = std::iter::repeat_n(body.into_bytes(), 8).chain(bodies.clone()).collect();
        let name = format!(
            "body of {}",
            pairs.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
        );
        turn.run(&name, BODY, &seeds, json::mutate, |data| judge(&headers, data, &known));
    }
}

#[test]
fn heads() {
    let turn = turn();
    let known = known();
    let body = &seeds()[0].1;
    let signature = format!("X-Hub-Signature-256: sha256={}", "0".repeat(64));
    let seeds: Vec<Vec<u8>> = [
        format!("X-GitHub-Event: push\n{signature}\nContent-Type: application/json"),
        "X-Gitea-Event: push\nX-Gitea-Signature: 00\nX-GitHub-Event: push".to_owned(),
        "X-Gitlab-Event: Tag Push Hook\nX-Gitlab-Token: word".to_owned(),
        "X-Hook-UUID: {1}\nX-Event-Key: repo:push\nX-Hub-Signature: sha256=00".to_owned(),
        "X-Vss-ActivityId: 1\nAuthorization: Basic YW5uYTp3b3Jk".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec();
    turn.run("head", TEXT, &seeds, mutate, |data| {
        let lines = data.split(|byte| *byte == b'\n').take(50).filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
        });
        judge(&lines.collect(), body.as_bytes(), &known);
    });
}

#[test]
fn texts_of_applications() {
    let turn = turn();
    let seeds = [
        "git@git.example.com:22/shop/deploy.git",
        "https://anna:word@[::1]:8443/a%20b/c.git?x#y",
        "oci://registry.example.com:5000/charts/shop",
        "https://a.visualstudio.com/DefaultCollection/shop/_git/deploy",
        ">=1.2 <2 || ^3.0.0-rc.1",
        "refs/tags/v1.4.0",
        r#"{"metadata": {"annotations": {"kubectl-gitops/webhook-secret": "hooks:shop"}}}"#,
    ];
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|text| text.as_bytes().to_vec()).collect();
    turn.run("text", TEXT, &seeds, mutate, |data| {
        let text = String::from_utf8_lossy(data);
        for address in Address::of_git(&text).into_iter().chain(Address::of_registry(&text)) {
            assert!(address.to_string().len() <= 2 * text.len() + 64, "{text:?}");
        }
        let _ = (Target::of(&text, "v").is_moved_by_tag("v1.4.0"), Source::with(&text, &text, &text, &text));
        if let Ok(application) = serde_json::from_slice(data) {
            let _ = Asked::of(&application);
        }
    });
}
