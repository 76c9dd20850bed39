//! What is answered has the shapes that Argo CD's clients read, and those that our document says.

use gitops_testdata::schema::Schema;
use serde_json::{Value as Json, json};

use crate::people::People;

/// Fails where a body is not what the document says of it.
pub(crate) fn check(operation: &str, body: &Json) {
    let document = kubectl_gitops::api::document();
    let methods = document["paths"].as_object().expect("paths").values().filter_map(Json::as_object);
    let found = methods.flat_map(|methods| methods.values()).find(|found| found["operationId"] == operation);
    let content =
        found.unwrap_or_else(|| panic!("{operation}"))["responses"]["200"]["content"].as_object().expect("content");
    let mut schema = content.values().next().expect("one")["schema"].clone();
    schema["components"] = document["components"].clone();
    Schema::new(&schema).check(operation, body);
}

#[test]
fn anybody_is_told_what_is_no_secret() {
    let people = People::new("api-open");
    let nobody = people.nobody();
    for (path, operation) in
        [("/api/version", "Version"), ("/api/v1/settings", "Settings"), ("/api/v1/session/userinfo", "UserInfo")]
    {
        let reply = nobody.get(path);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        check(operation, &reply.json());
    }
    assert!(nobody.get("/api/version").json()["Version"].as_str().is_some_and(|version| version.starts_with('v')));
    assert_eq!(nobody.get("/api/v1/session/userinfo").json(), json!({}));
    let reply = nobody.get("/api/v1/applications");
    assert_eq!((reply.status, &reply.json()["code"]), (401, &json!(16)), "{reply:?}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{reply:?}");
    }
    assert_eq!(nobody.get("/api/v1/nothing").status, 404);
    let reply = nobody.send("POST", "/api/version", &json!({}));
    assert_eq!((reply.status, &reply.json()["code"], reply.header("allow")), (405, &json!(12), Some("GET")));
}

#[test]
fn applications_are_told_as_argo_cd_tells_them() {
    let people = People::new("api-shapes");
    let writer = people.writer();
    let app = writer.get(&people.path("")).json();
    check("Get", &app);
    assert_eq!((&app["apiVersion"], &app["kind"]), (&json!("argoproj.io/v1alpha1"), &json!("Application")));
    assert_eq!(
        (&app["status"]["sync"]["status"], &app["status"]["health"]["status"]),
        (&json!("Synced"), &json!("Healthy"))
    );
    assert!(app["metadata"].get("managedFields").is_none());
    let listed = writer.get("/api/v1/applications").json();
    check("List", &listed);
    assert_eq!(listed["items"][0]["metadata"]["uid"], app["metadata"]["uid"]);
    assert_eq!(listed["metadata"]["resourceVersion"], listed["items"][0]["metadata"]["resourceVersion"]);
    let name =
        |query: &str| writer.get(&format!("/api/v1/applications?{query}")).json()["items"].as_array().map(Vec::len);
    assert_eq!((name("project=default"), name("projects=other"), name("selector=a%3Db")), (Some(1), Some(0), Some(0)));
    let few = writer.get("/api/v1/applications?fields=items.metadata.name,items.status.sync.status").json();
    assert_eq!(few, json!({"items": [{"metadata": {"name": people.own()}, "status": {"sync": {"status": "Synced"}}}]}));
    assert_eq!(writer.get(&people.path("?project=other")).status, 404);
    for (path, operation) in
        [("/api/v1/projects", "Projects"), ("/api/v1/clusters", "Clusters"), ("/api/v1/repositories", "Repositories")]
    {
        check(operation, &writer.get(path).json());
    }
    let repositories = writer.get("/api/v1/repositories").json();
    assert_eq!(repositories["items"][0]["repo"], people.ground.address());
    let clusters = writer.get("/api/v1/clusters").json();
    assert_eq!(clusters["items"][0]["info"]["applicationsCount"], 1);
    for answered in [&repositories["items"][0], &clusters["items"][0]] {
        let state = &answered["connectionState"];
        assert!(state["status"] == "Successful" && state["attemptedAt"].is_string() && state["message"].is_null());
    }
    let events = writer.get(&people.path("/events"));
    assert_eq!(events.status, 200, "{events:?}");
    check("Events", &events.json());
}

#[test]
fn what_does_not_answer_says_why_to_those_who_use_it() {
    let people = People::new("api-connections");
    let writer = people.writer();
    let secret = "hunter2-of-a-repository";
    let lost = |name: &str, namespace: &str, address: &str, server: &str| {
        let mut app = people.ground.another(name);
        app["metadata"]["namespace"] = namespace.into();
        app["spec"]["source"]["repoURL"] = address.into();
        app["spec"]["destination"]["server"] = server.into();
        people.ground.create(&app);
    };
    let gone = format!("https://me:{secret}@127.0.0.1:9/gone.git");
    let here = "https://kubernetes.default.svc";
    lost("lost", people.own(), &gone, here);
    lost("nowhere", people.own(), &people.ground.address(), "https://nowhere.example");
    lost("hidden-too", &people.other, "https://127.0.0.1:9/hidden.git", "https://hidden.example");
    let state = |path: &str, name: &str, of: &str| {
        let body = writer.get(path);
        assert!(!body.body.contains(secret) && !body.body.contains("hidden"), "{}", body.body);
        let items = body.json()["items"].as_array().cloned().expect("items");
        items.into_iter().find(|item| item[name] == of).map(|item| item["connectionState"].clone()).unwrap_or_default()
    };
    let repository = || state("/api/v1/repositories", "repo", "https://127.0.0.1:9/gone.git");
    people.ground.until("it was asked", |_| repository()["status"] == "Failed");
    assert!(
        repository()["attemptedAt"].is_string() && repository()["message"].as_str().is_some_and(|it| it.len() > 10)
    );
    check("Repositories", &writer.get("/api/v1/repositories").json());
    let cluster = state("/api/v1/clusters", "server", "https://nowhere.example");
    assert!(
        cluster["message"].as_str().is_some_and(|why| why.contains("there is no Secret with this server")),
        "{cluster}"
    );
    assert_eq!((&cluster["status"], &cluster["attemptedAt"]), (&json!("Failed"), &Json::Null));
    let own = state("/api/v1/repositories", "repo", &people.ground.address());
    assert_eq!(own["status"], "Successful", "{own}");
}

#[test]
fn what_only_we_know_is_told_beside_it() {
    let people = People::new("api-ours");
    let writer = people.writer();
    let rows = writer.get("/api/gitops/v1/applications?sync=Synced&search=API-OURS").json();
    check("Rows", &rows);
    let row = &rows["applications"][0];
    assert_eq!((&rows["total"], &row["sync"], &row["release"]), (&json!(1), &json!("Synced"), &json!(1)), "{rows:#}");
    let history = writer.get(&people.our_path("/history")).json();
    check("History", &history);
    assert_eq!(history["releases"][0]["actor"], "automatic sync");
    let graph = writer.get(&people.our_path("/graph")).json();
    check("Graph", &graph);
    assert_eq!(graph["graph"], history["releases"][0]["graph"]);
    assert_eq!(graph["resources"][0]["origin"], json!({"path": "deploy/a.yaml", "line": 1, "column": 0}));
    assert_eq!((&row["subject"], &row["outOfSync"]), (&json!("A change"), &json!(0)));
    assert_eq!(writer.get(&people.our_path("/graph?release=1")).json()["graph"], graph["graph"]);
    assert_eq!(writer.get(&people.our_path("/graph?release=9")).status, 404);
    let rights = writer.get(&people.our_path("/rights")).json();
    check("Rights", &rights);
    assert_eq!((&rights["patch"], &rights["logs"]), (&json!(true), &json!(false)));
}

#[test]
fn secrets_are_shown_to_nobody_and_survive() {
    let people = People::new("api-secrets");
    let writer = people.writer();
    let secret = "hunter2-of-webhooks";
    people.ground.patch(&json!({
        "spec": {"webhook": {"gitlab": [{"url": "https://example.com/api/webhook", "secret": secret}]}},
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": secret}},
    }));
    people.ground.until("it is known", |_| writer.get(&people.path("")).json()["spec"]["webhook"].is_object());
    for path in [people.path(""), "/api/v1/applications".to_owned(), people.path("?refresh=hard")] {
        let body = writer.get(&path).body;
        assert!(!body.contains(secret) && body.contains("********"), "{path}: {body}");
    }
    let mut app = writer.get(&people.path("")).json();
    app["spec"]["info"] = json!([{"name": "a", "value": "b"}]);
    let reply = writer.send("PUT", &people.path(""), &app);
    assert!(reply.status == 200 && !reply.body.contains(secret), "{reply:?}");
    let object = people.ground.app();
    assert_eq!(
        object["spec"]["webhook"]["gitlab"][0]["secret"], secret,
        "whoever writes what they read changes nothing"
    );
    assert_eq!(object["spec"]["info"][0]["value"], "b");
    assert!(object["metadata"]["annotations"].get("kubectl.kubernetes.io/last-applied-configuration").is_some());
    assert!(!people.ground.said().contains(secret));
}
