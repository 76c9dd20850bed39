//! Streams: what happens is seen by those who may see it, for as long as they may.

use serde_json::json;

use crate::people::People;

#[test]
fn a_stream_sees_a_sync_and_nothing_of_others() {
    let people = People::new("api-stream");
    let (reader, writer, own) = (people.reader(), people.writer(), people.own().to_owned());
    let mut events = reader.events("/api/v1/stream/applications");
    let (_, first) = events.next().expect("an event");
    assert_eq!(
        (&first["result"]["type"], &first["result"]["application"]["metadata"]["name"]),
        (&json!("ADDED"), &json!(own))
    );
    let mut rows = reader.events("/api/gitops/v1/stream/applications");
    assert_eq!(rows.next().expect("an event").1["application"]["sync"], "Synced");
    // Somebody else's.
    people.ground.world.kubectl(&["annotate", "applications.argoproj.io", "hidden", "-n", &people.other, "a=b"]);
    let reply = writer.send("POST", &people.path("/sync"), &json!({}));
    assert_eq!(reply.status, 200, "{reply:?}");
    let mut names = Vec::new();
    loop {
        let (id, event) = events.next().expect("it goes on");
        let application = &event["result"]["application"];
        names.push(application["metadata"]["name"].clone());
        let state = &application["status"]["operationState"];
        if state["operation"]["initiatedBy"]["username"].as_str().is_some_and(|name| name.ends_with(":writer"))
            && state["phase"] == "Succeeded"
        {
            assert!(!id.is_empty());
            break;
        }
    }
    assert!(names.iter().all(|name| *name == own.as_str()), "{names:?}");
    let (id, row) = rows.until(|event| event["type"] == "MODIFIED" && event["application"]["operation"] == "Succeeded");
    assert_eq!(row["application"]["name"], own.as_str());
    drop(rows);

    // Whoever was away for a moment hears what came meanwhile, and not all again.
    people.ground.patch(&json!({"metadata": {"labels": {"now": "yes"}}}));
    let mut again = reader
        .with(&format!("Last-Event-ID: {id}"))
        .events("/api/v1/stream/applications?fields=result.type,result.application.metadata.labels");
    let (_, event) = again.until(|event| event["result"]["application"]["metadata"]["labels"]["now"] == "yes");
    assert_eq!(event, json!({"result": {"type": "MODIFIED", "application": {"metadata": {"labels": {"now": "yes"}}}}}));
    // Of an earlier process: all there is.
    let mut other = reader.with("Last-Event-ID: 00000000-7").events("/api/v1/stream/applications");
    assert_eq!(other.next().expect("an event").1["result"]["type"], "ADDED");
}

#[test]
fn a_deleted_application_is_told_as_such() {
    let people = People::new("api-gone");
    let (reader, writer) = (people.reader(), people.writer());
    let mut object = people.ground.application(&json!({}));
    object["metadata"] = json!({"name": "second", "namespace": people.own()});
    assert_eq!(writer.send("POST", "/api/v1/applications", &object).status, 200);
    let mut events = reader.events("/api/v1/stream/applications?name=second");
    let (_, first) = events.next().expect("an event");
    assert_eq!(first["result"]["type"], "ADDED");
    assert_eq!(writer.delete("/api/v1/applications/second?cascade=false").status, 200);
    let (_, last) = events.until(|event| event["result"]["type"] == "DELETED");
    assert_eq!(last["result"]["application"]["metadata"]["name"], "second");
}

#[test]
fn a_sync_is_told_step_by_step_to_whoever_looks_on() {
    let people = People::new("api-progress");
    let (reader, writer) = (people.reader(), people.writer());
    let path = people.our_path("/progress").replace("/v1/applications", "/v1/stream/applications");
    // The first sync was over before anybody looked.
    let mut events = reader.events(&path);
    let (_, first) = events.next().expect("an event");
    crate::shapes::check("WatchRun", &first);
    assert_eq!((&first["event"], &first["application"]), (&json!("runStarted"), &json!(people.own())), "{first:#}");
    let (last, done) = events.until(|event| event["event"] == "runDone");
    assert_eq!((&done["release"], &done["outcome"]), (&json!(1), &json!("succeeded")), "{done:#}");

    let commit = people.ground.commit("deploy/b.yaml", &crate::support::config_map("b", "1"));
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until_synced(&commit);
    let mut told = Vec::new();
    loop {
        let (_, event) = events.next().expect("it goes on with the next run");
        crate::shapes::check("WatchRun", &event);
        told.push(event["event"].as_str().unwrap_or_default().to_owned());
        if event["event"] == "runDone" {
            break;
        }
    }
    assert_eq!(told, ["runStarted", "stepStarted", "stepAccepted", "stepDone", "runDone"]);
    // Whoever was away goes on where they were; whoever comes new hears the run that went last.
    let mut again = reader.with(&format!("Last-Event-ID: {last}")).events(&path);
    assert_eq!(again.next().expect("an event").1["event"], "runStarted");
    let mut late = reader.events(&path);
    let (_, done) = late.until(|event| event["event"] == "runDone");
    assert_eq!(done["release"], 2);

    let hidden = path.replace(people.own(), "hidden");
    assert_eq!(reader.try_events(&format!("{hidden}?appNamespace={}", people.other)).err(), Some(404));
}

#[test]
fn a_tree_is_told_again_when_it_is_another() {
    let people = People::new("api-tree-stream");
    let own = people.own().to_owned();
    let more = json!({"apiGroups": ["", "apps"], "resources": ["pods", "replicasets"], "verbs": ["list", "watch"]});
    let (seer, reader, writer) = (people.somebody("seer", &own, &["get"], &[more]), people.reader(), people.writer());
    let path = format!("/api/v1/stream/applications/{own}/resource-tree");
    let (mut full, mut less) = (seer.events(&path), reader.events(&path));
    let kinds = |event: &serde_json::Value| {
        let nodes = event["result"]["nodes"].as_array().cloned().unwrap_or_default();
        nodes.iter().map(|node| node["kind"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let (_, first) = full.next().expect("an event");
    crate::shapes::check("WatchTree", &first);
    assert_eq!(kinds(&first), ["ConfigMap"]);
    let web = crate::support::deployment("web", "registry.invalid/web:1", "a", "");
    let commit = people.ground.commit("deploy/web.yaml", &web);
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until_synced(&commit);
    let (_, tree) = full.until(|event| kinds(event).iter().any(|kind| kind == "Pod"));
    crate::shapes::check("WatchTree", &tree);
    assert_eq!(kinds(&tree), ["ConfigMap", "Deployment", "ReplicaSet", "Pod"]);
    let (_, tree) = less.until(|event| kinds(event).len() > 1);
    assert_eq!(kinds(&tree), ["ConfigMap", "Deployment"], "what they may not list they do not see");
}
