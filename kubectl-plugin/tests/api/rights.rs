//! What somebody may do through the API is what they may do with kubectl, and what they may not see is not there.

use serde_json::{Value as Json, json};

use crate::asker::Asker;
use crate::people::People;

/// Everything that can be asked of one Application.
fn actions(name: &str) -> Vec<(&'static str, String, Option<Json>)> {
    let app = |rest: &str| format!("/api/v1/applications/{name}{rest}");
    let ours = |rest: &str| format!("/api/gitops/v1/applications/{name}{rest}");
    vec![
        ("GET", app(""), None),
        ("GET", app("/events"), None),
        ("GET", ours("/history"), None),
        ("GET", ours("/graph"), None),
        ("GET", ours("/rights"), None),
        ("GET", app("/managed-resources"), None),
        ("GET", ours("/diff"), None),
        ("GET", ours("/plan"), None),
        ("GET", app("?refresh=normal"), None),
        ("POST", ours("/refresh"), Some(json!({}))),
        ("PATCH", app(""), Some(json!({"patchType": "merge", "patch": "{\"spec\": {\"revisionHistoryLimit\": 7}}"}))),
        ("PUT", app("/spec"), Some(json!({"project": "default", "source": {"repoURL": "https://h/r", "path": "."}}))),
        ("PUT", app(""), Some(json!({"spec": {"project": "default"}}))),
        ("POST", app("/sync"), Some(json!({"revision": "x\u{7f}"}))),
        ("POST", app("/rollback"), Some(json!({}))),
        ("POST", ours("/hold"), Some(json!({}))),
        ("POST", ours("/release"), Some(json!({}))),
        ("DELETE", app("/operation"), None),
        ("DELETE", app("?cascade=false"), None),
    ]
}

fn ask(asker: &Asker, (method, path, body): &(&str, String, Option<Json>)) -> (u16, Json) {
    let reply = match body {
        Some(body) => asker.send(method, path, body),
        None => asker.ask(method, path, None),
    };
    (reply.status, reply.json())
}

#[test]
fn what_may_not_be_seen_is_not_there() {
    let people = People::new("api-hidden");
    let (own, other) = (people.own().to_owned(), people.other.clone());
    let (reader, stranger) = (people.reader(), people.somebody("stranger", &own, &[], &[]));
    for (asker, name, namespace) in [
        // Another namespace's, which is there; and one's own, for somebody without any right.
        (&reader, "hidden", other.as_str()),
        (&stranger, own.as_str(), own.as_str()),
    ] {
        for action in actions(name) {
            let absent = (action.0, action.1.replace(&format!("/{name}"), "/absent"), action.2.clone());
            let place = |(method, path, body): &(&'static str, String, Option<Json>)| {
                let sign = if path.contains('?') { '&' } else { '?' };
                (*method, format!("{path}{sign}appNamespace={namespace}"), body.clone())
            };
            let (hidden, absent) = (ask(asker, &place(&action)), ask(asker, &place(&absent)));
            assert_eq!(hidden, absent, "{action:?}");
            assert_eq!((hidden.0, &hidden.1["code"]), (404, &json!(5)), "{action:?}");
        }
    }
    let listed = stranger.get("/api/v1/applications").json();
    assert_eq!(listed["items"], json!([]), "{listed:#}");
    for path in ["/api/v1/clusters", "/api/v1/repositories", "/api/v1/projects"] {
        assert_eq!(stranger.get(path).json()["items"], json!([]), "{path}");
    }
    let rows = stranger.get("/api/gitops/v1/applications").json();
    assert_eq!((&rows["total"], &rows["sync"], &rows["health"]), (&json!(0), &json!({}), &json!({})));
    // Only what is in their namespace.
    let names = |asker: &Asker| {
        let listed = asker.get("/api/v1/applications?fields=items.metadata.name").json();
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&reader), std::slice::from_ref(&own));
    let both = people.somebody("both", &other, &["list"], &[]);
    assert_eq!(names(&both), ["hidden"]);
}

#[test]
fn whoever_may_read_may_not_write() {
    let people = People::new("api-reader");
    let reader = people.reader();
    for action in actions(people.own()) {
        let (status, body) = ask(&reader, &action);
        let is_write = action.0 != "GET" || action.1.contains("refresh");
        // Events are other objects, which this one may not list; and no sync runs that could be ended.
        let expected = if action.1.ends_with("/events") {
            403
        } else if action.1.ends_with("/operation") {
            400
        } else if is_write {
            403
        } else {
            200
        };
        assert_eq!(status, expected, "{action:?}: {body:#}");
    }
    let reply = reader.send(
        "POST",
        "/api/v1/applications",
        &json!({"metadata": {"name": "new"}, "spec": {"project": "default"}}),
    );
    assert_eq!(reply.status, 403, "{reply:?}");
    let rights = reader.get(&people.our_path("/rights")).json();
    assert_eq!((&rights["patch"], &rights["delete"], &rights["logs"]), (&json!(false), &json!(false), &json!(false)));
    people.until_said("audit: system:serviceaccount:");
}

#[test]
fn a_right_to_read_is_none_to_list_or_to_follow() {
    let people = People::new("api-verbs");
    let (own, app) = (people.own().to_owned(), people.path(""));
    let gets = people.somebody("gets", &own, &["get"], &[]);
    assert_eq!(gets.get(&app).status, 200);
    assert_eq!(gets.get("/api/v1/applications").json()["items"], json!([]));
    let lists = people.somebody("lists", &own, &["list"], &[]);
    assert_eq!(lists.get(&app).status, 404);
    assert_eq!(lists.get("/api/v1/applications").json()["items"].as_array().map(Vec::len), Some(1));
    // A right that is given later counts within seconds.
    let role = json!([{"apiGroups": ["argoproj.io"], "resources": ["applications"], "verbs": ["get", "list"]}]);
    let patch = json!({"rules": role}).to_string();
    people.ground.world.kubectl(&["patch", "role", "lists", "-n", &own, "--type=merge", "-p", &patch]);
    people.ground.until("the right counts", |_| lists.get(&app).status == 200);
}
