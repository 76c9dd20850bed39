//! Each provider's bodies, written after its documentation, and what is left of them.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::*;

const BEFORE: &str = "1111111111111111111111111111111111111111";
const AFTER: &str = "2222222222222222222222222222222222222222";
const NOTHING: &str = "0000000000000000000000000000000000000000";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

/// What a body says, a line a change: the ref, `*` where it may be the default branch, from where to where.
fn said(pairs: &[(&str, &str)], body: &str) -> Result<(Vec<String>, Vec<String>), Refused> {
    let headers = headers(pairs);
    let request = Request::recognise(&headers)?;
    request.check()?;
    let Payload { addresses, changes } = request.parse(body.as_bytes())?;
    let short = |oid: &Option<Oid>| oid.as_ref().map_or("-".to_owned(), |oid| oid.to_string()[..1].to_owned());
    let change = |change: &Change| match change {
        Change::Package { tag } => tag.clone(),
        Change::Push(Push { reference, touches_default, before, after }) => {
            let reference = reference.as_ref().map_or("any", |moved| moved.full().unwrap_or(moved.name()));
            let star = if *touches_default { "*" } else { "" };
            format!("{reference}{star} {}..{}", short(before), short(after))
        }
    };
    Ok((addresses.iter().map(ToString::to_string).collect(), changes.iter().map(change).collect()))
}

fn assert_said(pairs: &[(&str, &str)], body: &Value, addresses: &[&str], changes: &[&str]) {
    let (found, said) = said(pairs, &body.to_string()).expect("it is read");
    assert_eq!(
        (found, said),
        (addresses.iter().map(ToString::to_string).collect(), changes.iter().map(ToString::to_string).collect()),
        "{body}"
    );
}

/// Nothing panics, and nothing moves, whatever is missing: each field left out, null, and of another type in turn.
fn assert_sturdy(pairs: &[(&str, &str)], body: &Value) {
    let mut places = vec![Vec::new()];
    let mut at = 0;
    while at < places.len() {
        let place: Vec<String> = places[at].clone();
        let inner = place
            .iter()
            .fold(body, |value, step| step.parse::<usize>().map_or_else(|_| &value[step], |step| &value[step]));
        let steps: Vec<String> = match inner {
            Value::Object(fields) => fields.keys().cloned().collect(),
            Value::Array(items) => (0..items.len()).map(|at| at.to_string()).collect(),
            _ => Vec::new(),
        };
        places.extend(steps.into_iter().map(|step| [place.clone(), vec![step]].concat()));
        at += 1;
    }
    for place in places {
        let pointer = place.iter().fold(String::new(), |text, step| format!("{text}/{}", step.replace('/', "~1")));
        for other in [Value::Null, json!([]), json!({}), json!(""), json!(7), json!([null]), json!([{}]), json!(true)] {
            let mut changed = body.clone();
            *changed.pointer_mut(&pointer).expect("it is there") = other;
            let _ = said(pairs, &changed.to_string());
        }
        if let Some((last, before)) = place.split_last() {
            let pointer = before.iter().fold(String::new(), |text, step| format!("{text}/{}", step.replace('/', "~1")));
            let mut changed = body.clone();
            if let Some(fields) = changed.pointer_mut(&pointer).and_then(Value::as_object_mut) {
                fields.remove(last);
            }
            let _ = said(pairs, &changed.to_string());
        }
    }
}

const GITHUB: &[(&str, &str)] = &[("X-GitHub-Event", "push"), ("Content-Type", "application/json")];

fn github(reference: &str) -> Value {
    json!({
        "ref": reference, "before": BEFORE, "after": AFTER, "deleted": false, "commits": [{"added": ["a.yaml"]}],
        "repository": {
            "full_name": "shop/deploy", "html_url": "https://git.example.com/shop/deploy", "default_branch": "main",
            "clone_url": "https://git.example.com/shop/deploy.git", "ssh_url": "git@ssh-of.example.com:shop/deploy.git",
        },
    })
}

#[test]
fn pushes_of_github() {
    let addresses = ["git.example.com/shop/deploy", "ssh-of.example.com/shop/deploy"];
    assert_said(GITHUB, &github("refs/heads/main"), &addresses, &["refs/heads/main* 1..2"]);
    assert_said(GITHUB, &github("refs/heads/a/b"), &addresses, &["refs/heads/a/b 1..2"]);
    assert_said(GITHUB, &github("refs/tags/main"), &addresses, &["refs/tags/main 1..2"]);
    let mut deleted = github("refs/heads/old");
    deleted["after"] = json!(NOTHING);
    assert_said(GITHUB, &deleted, &addresses, &["refs/heads/old 1..-"]);
    assert_sturdy(GITHUB, &github("refs/heads/main"));
}

#[test]
fn other_events_of_github() {
    for event in ["ping", "pull_request"] {
        let pairs = [("X-GitHub-Event", event)];
        let addresses = ["git.example.com/shop/deploy", "ssh-of.example.com/shop/deploy"];
        assert_said(&pairs, &github("refs/heads/main"), &addresses, &[]);
        assert_said(&pairs, &json!({"zen": "Speak like a human.", "hook_id": 1}), &[], &[]);
        assert_sturdy(&pairs, &github("refs/heads/main"));
    }
    for event in ["issues", "PUSH", "create", "push "] {
        assert_eq!(said(&[("X-GitHub-Event", event)], "{}"), Err(Refused::Event(Provider::GitHub)), "{event}");
    }
    let form = [("X-GitHub-Event", "push"), ("Content-Type", "Application/x-www-form-urlencoded; charset=utf-8")];
    assert_eq!(said(&form, "payload=%7B%7D"), Err(Refused::Form));
}

#[test]
fn packages_of_github() {
    let pairs = [("X-GitHub-Event", "package")];
    let body = json!({
        "action": "published",
        "package": {
            "name": "Charts/shop", "package_type": "CONTAINER", "owner": {"login": "Example"},
            "package_version": {"container_metadata": {"tag": {"name": "1.4.0", "digest": "sha256:0"}}},
        },
    });
    let address = ["oci://ghcr.io/example/charts/shop"];
    assert_said(&pairs, &body, &address, &["1.4.0"]);
    for (pointer, value) in [
        ("/action", json!("updated")),
        ("/package/package_type", json!("npm")),
        ("/package/package_version/container_metadata/tag/name", json!("")),
        ("/package/package_version/container_metadata", json!(null)),
    ] {
        let mut other = body.clone();
        *other.pointer_mut(pointer).expect("it is there") = value;
        assert_said(&pairs, &other, &address, &[]);
    }
    assert_sturdy(&pairs, &body);
}

#[test]
fn pushes_of_gogs_gitea_and_forgejo() {
    for header in ["X-Gogs-Event", "X-Gitea-Event", "X-Forgejo-Event"] {
        // Gitea and Forgejo send the headers of all three, and of GitHub.
        let pairs = [("X-GitHub-Event", "push"), ("X-Hub-Signature-256", "sha256=0"), (header, "push")];
        let mut body = github("refs/heads/main");
        body["repository"]["ssh_url"] = json!(null);
        assert_said(&pairs, &body, &["git.example.com/shop/deploy"], &["refs/heads/main* 1..2"]);
        let headers = headers(&pairs);
        assert_eq!(Request::recognise(&headers).map(|request| request.provider).ok(), Some(Provider::Gogs));
        assert_eq!(said(&[(header, "issues")], "{}"), Err(Refused::Event(Provider::Gogs)));
        assert_sturdy(&pairs, &body);
    }
    // CVE-2025-59537: no repository.
    for body in [json!({"ref": "refs/heads/main", "repository": null}), json!({"ref": "refs/heads/main"}), json!({})] {
        assert_said(&[("X-Gogs-Event", "push")], &body, &[], &[]);
    }
}

fn gitlab(kind: &str, reference: &str) -> Value {
    json!({
        "object_kind": kind, "ref": reference, "before": NOTHING, "after": AFTER, "total_commits_count": 0,
        "project": {
            "web_url": "https://git.example.com/shop/deploy", "git_http_url": "https://git.example.com/shop/deploy.git",
            "git_ssh_url": "ssh://git@git.example.com:2222/shop/deploy.git", "default_branch": "main",
        },
    })
}

#[test]
fn pushes_of_gitlab() {
    let address = ["git.example.com/shop/deploy"];
    for (event, kind) in [("Push Hook", "push"), ("System Hook", "push")] {
        let pairs = [("X-Gitlab-Event", event)];
        assert_said(&pairs, &gitlab(kind, "refs/heads/main"), &address, &["refs/heads/main* -..2"]);
        assert_said(&pairs, &gitlab(kind, "refs/heads/next"), &address, &["refs/heads/next -..2"]);
        assert_sturdy(&pairs, &gitlab(kind, "refs/heads/main"));
    }
    for (event, kind) in [("Tag Push Hook", "tag_push"), ("System Hook", "tag_push")] {
        let pairs = [("X-Gitlab-Event", event)];
        assert_said(&pairs, &gitlab(kind, "refs/tags/main"), &address, &["refs/tags/main -..2"]);
    }
}

#[test]
fn other_events_of_gitlab() {
    let merge = [("X-Gitlab-Event", "Merge Request Hook")];
    assert_said(&merge, &gitlab("merge_request", "refs/heads/main"), &["git.example.com/shop/deploy"], &[]);
    let system = [("X-Gitlab-Event", "System Hook")];
    assert_said(&system, &json!({"event_name": "user_create", "project": 7}), &[], &[]);
    let mut update = gitlab("", "");
    update["object_kind"] = json!(null);
    update["event_name"] = json!("repository_update");
    let moved = |name: &str| json!({"ref": name, "before": BEFORE, "after": AFTER});
    update["changes"] = json!([moved("refs/heads/main"), null, moved("refs/tags/v1")]);
    let changes = ["refs/heads/main* 1..2", "refs/tags/v1 1..2"];
    assert_said(&system, &update, &["git.example.com/shop/deploy"], &changes);
    assert_sturdy(&system, &update);
    update["changes"] = (0..65).map(|_| moved("refs/heads/next")).collect();
    assert_said(&system, &update, &["git.example.com/shop/deploy"], &["any* -..-"]);
    assert_eq!(said(&[("X-Gitlab-Event", "Note Hook")], "{}"), Err(Refused::Event(Provider::GitLab)));
}

#[test]
fn pushes_of_bitbucket_cloud() {
    let pairs = [("X-Hook-UUID", "1234"), ("X-Event-Key", "repo:push")];
    let side = |kind: &str, name: &str, hash: &str| json!({"type": kind, "name": name, "target": {"hash": hash}});
    let body = json!({
        "push": {"changes": [
            {"new": side("branch", "main", AFTER), "old": side("branch", "main", BEFORE), "closed": false},
            {"new": null, "old": side("branch", "old", BEFORE), "closed": true},
            {"new": side("tag", "v1", AFTER), "old": null},
            {"new": null, "old": null},
        ]},
        "repository": {"full_name": "shop/deploy", "links": {"html": {"href": "https://bitbucket.org/shop/deploy"}}},
    });
    let changes = ["refs/heads/main* 1..2", "refs/heads/old* 1..-", "refs/tags/v1 -..2"];
    assert_said(&pairs, &body, &["bitbucket.org/shop/deploy"], &changes);
    assert_sturdy(&pairs, &body);
    let other = [("X-Hook-UUID", "1234"), ("X-Event-Key", "pullrequest:created")];
    assert_eq!(said(&other, "{}"), Err(Refused::Event(Provider::Bitbucket)));
    assert_eq!(said(&[("X-Hook-UUID", "1234")], "{}"), Err(Refused::Event(Provider::Bitbucket)));
}

#[test]
fn pushes_of_bitbucket_server() {
    let pairs = [("X-Event-Key", "repo:refs_changed")];
    let moved = |id: &str| json!({"ref": {"id": id}, "fromHash": BEFORE, "toHash": AFTER, "type": "UPDATE"});
    let body = json!({
        "changes": [moved("refs/heads/main"), moved("refs/tags/v1")],
        "repository": {"slug": "deploy", "links": {"clone": [
            {"name": "ssh", "href": "ssh://git@git.example.com:7999/shop/deploy.git"},
            {"name": "http", "href": "https://git.example.com/scm/shop/deploy.git"},
        ]}},
    });
    let addresses = ["git.example.com/scm/shop/deploy", "git.example.com/shop/deploy"];
    assert_said(&pairs, &body, &addresses, &["refs/heads/main* 1..2", "refs/tags/v1 1..2"]);
    assert_sturdy(&pairs, &body);
    // CVE-2025-59531: links that are no list, or not there.
    for links in [json!(null), json!({}), json!({"clone": null}), json!({"clone": [null, {"href": null}]})] {
        let mut other = body.clone();
        other["repository"]["links"] = links;
        let (found, _) = said(&pairs, &other.to_string()).expect("it is read");
        assert!(found.is_empty());
    }
    for links in [json!("x"), json!({"clone": "x"}), json!({"clone": {"href": "x"}}), json!({"clone": [7]})] {
        let mut other = body.clone();
        other["repository"]["links"] = links;
        assert!(matches!(said(&pairs, &other.to_string()), Err(Refused::Malformed(Provider::BitbucketServer, _))));
    }
    assert_eq!(said(&[("X-Event-Key", "pr:opened")], "{}"), Err(Refused::Event(Provider::BitbucketServer)));
}

#[test]
fn pushes_of_azure_devops() {
    let pairs = [("X-Vss-ActivityId", "1234")];
    let moved = |name: &str| json!({"name": name, "oldObjectId": BEFORE, "newObjectId": AFTER});
    let body = json!({
        "eventType": "git.push",
        "resource": {
            "refUpdates": [moved("refs/heads/main"), moved("refs/heads/next")],
            "repository": {"remoteUrl": "https://example@dev.azure.com/example/shop/_git/deploy", "defaultBranch": "refs/heads/main"},
        },
    });
    let address = ["dev.azure.com/example/shop/_git/deploy"];
    assert_said(&pairs, &body, &address, &["refs/heads/main* 1..2", "refs/heads/next 1..2"]);
    assert_sturdy(&pairs, &body);
    // CVE-2025-59538: no updates.
    for updates in [json!([]), json!(null), json!([null])] {
        let mut other = body.clone();
        other["resource"]["refUpdates"] = updates;
        assert_said(&pairs, &other, &address, &[]);
    }
    for kind in ["git.pullrequest.created", "build.complete"] {
        assert_said(&pairs, &json!({"eventType": kind, "resource": {"repository": 7}}), &[], &[]);
    }
    for body in [json!({"eventType": "workitem.created"}), json!({})] {
        assert_eq!(said(&pairs, &body.to_string()), Err(Refused::Event(Provider::AzureDevOps)));
    }
}

#[test]
fn artifacts_of_harbor() {
    let pairs = [("Authorization", "word")];
    let artifact =
        |tag: &str| json!({"tag": tag, "resource_url": format!("registry.example.com:5000/charts/shop:{tag}")});
    let body = json!({
        "type": "PUSH_ARTIFACT", "operator": "robot",
        "event_data": {
            "resources": [artifact("1.4.0"), {"digest": "sha256:0"}, artifact("latest"), artifact("")],
            "repository": {"name": "shop", "namespace": "charts", "repo_full_name": "charts/shop"},
        },
    });
    let address = ["oci://registry.example.com:5000/charts/shop"];
    assert_said(&pairs, &body, &address, &["1.4.0", "latest"]);
    assert_sturdy(&pairs, &body);
    let mut other = body.clone();
    other["event_data"]["repository"]["repo_full_name"] = json!(null);
    assert_said(&pairs, &other, &address, &["1.4.0", "latest"]);
    assert_said(&pairs, &json!({"type": "SCANNING_COMPLETED", "event_data": 7}), &[], &[]);
    assert_eq!(said(&pairs, "{}"), Err(Refused::Event(Provider::Harbor)));
}

#[test]
fn headers_are_looked_at_in_order_and_up_to_a_limit() {
    assert_eq!(said(&[], "{}"), Err(Refused::Unknown));
    assert_eq!(said(&[("X-GitHub-Event", "")], "{}"), Err(Refused::Unknown), "it is as if it were not there");
    let long = "a".repeat(LONGEST_HEADER + 1);
    for name in ["X-GitHub-Event", "X-Gitlab-Event", "X-Event-Key", "Authorization"] {
        assert!(matches!(said(&[(name, &long)], "{}"), Err(Refused::Header(_))), "{name}");
    }
    let all = [
        ("X-Vss-ActivityId", "1", Provider::AzureDevOps),
        ("X-Gogs-Event", "push", Provider::Gogs),
        ("X-GitHub-Event", "push", Provider::GitHub),
        ("X-Gitlab-Event", "Push Hook", Provider::GitLab),
        ("X-Hook-UUID", "1", Provider::Bitbucket),
        ("X-Event-Key", "repo:push", Provider::BitbucketServer),
        ("Authorization", "word", Provider::Harbor),
    ];
    for (at, (_, _, provider)) in all.iter().enumerate() {
        let rest: Vec<_> = all[at..].iter().map(|(name, value, _)| (*name, *value)).collect();
        let headers = headers(&rest);
        assert_eq!(Request::recognise(&headers).map(|request| request.provider).ok(), Some(*provider));
    }
}

#[test]
fn sentences_and_names_are_there_for_all() {
    for provider in Provider::ALL {
        assert!(
            !provider.title().is_empty() && !provider.events().is_empty() && provider.keys().starts_with("webhook.")
        );
    }
    let names: BTreeSet<&str> = Provider::ALL.map(Provider::name).into();
    assert_eq!(names.len(), Provider::ALL.len());
}
