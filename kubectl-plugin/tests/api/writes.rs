//! What people ask for is done in their name, and who it was is told everywhere.

use serde_json::json;

use crate::people::People;
use crate::support::config_map;

#[test]
fn a_sync_and_a_rollback_are_of_whoever_asks() {
    let people = People::new("api-sync");
    let (writer, own) = (people.writer(), people.own().to_owned());
    let name = format!("system:serviceaccount:{own}:writer");
    let first = people.ground.status()["sync"]["revision"].clone();
    people.ground.patch(&json!({"spec": {"syncPolicy": null}}));
    let commit = people.ground.commit("deploy/a.yaml", &config_map("a", "2"));
    let looked = writer.get(&people.path("?refresh=normal"));
    assert_eq!(looked.json()["status"]["sync"]["status"], "OutOfSync", "it waits for the comparison: {looked:?}");
    // As Argo CD's command line sends it.
    let asked = json!({
        "name": own, "appNamespace": own, "revision": "", "dryRun": false, "prune": true, "strategy": {"hook": {}},
        "resources": null, "syncOptions": {"items": []}, "infos": [{"name": "why", "value": "test"}],
    });
    let reply = writer.send("POST", &people.path("/sync"), &asked);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["operation"]["initiatedBy"]["username"], name.as_str());
    people.ground.until_synced(&commit);
    let history = writer.get(&people.our_path("/history")).json();
    assert_eq!(history["releases"][0]["actor"], name.as_str(), "{history:#}");

    let reply = writer.send("POST", &people.path("/rollback"), &json!({"id": "1", "appNamespace": own}));
    assert_eq!(reply.status, 200, "{reply:?}");
    people.ground.until("it is back", |ground| ground.value("a").as_deref() == Some("1"));
    let history = || writer.get(&people.our_path("/history")).json()["releases"][0].clone();
    people.ground.until("the release is told", |_| history()["rollbackTo"] == 1);
    assert_eq!((&history()["actor"], &history()["commit"]["oid"]), (&json!(name), &first));

    let reply = writer.delete(&people.path("/operation"));
    assert_eq!((reply.status, &reply.json()["code"]), (400, &json!(9)), "nothing runs: {reply:?}");
    people.until_said(&format!("audit: {name} from 127.0.0.1: Sync {own}/{own}: done"));
    people.until_said(&format!("audit: {name} from 127.0.0.1: Rollback {own}/{own}: done"));
    let told = |ground: &crate::world::Ground| {
        let events = ground.world.kubectl(&["get", "events", "-n", &own, "-o", "json"]);
        events.contains(&format!("{name} asked for a rollback"))
    };
    people.ground.until("an Event says who it was", told);
}

#[test]
fn applications_are_made_changed_and_deleted() {
    let people = People::new("api-crud");
    let (writer, own) = (people.writer(), people.own().to_owned());
    let mut object = people.ground.application(&json!({}));
    object["metadata"] = json!({"name": "second", "namespace": own, "labels": {"a": "b"}});
    let reply = writer.send("POST", "/api/v1/applications", &object);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["metadata"]["labels"], json!({"a": "b"}));
    let path = "/api/v1/applications/second";
    assert_eq!(writer.get(path).status, 200, "whoever made it reads it at once");
    let reply = writer.send("POST", "/api/v1/applications", &object);
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!(6)), "{reply:?}");
    object["spec"]["info"] = json!([{"name": "x", "value": "y"}]);
    let reply = writer.send("POST", "/api/v1/applications?upsert=true", &object);
    assert_eq!((reply.status, &reply.json()["spec"]["info"][0]["value"]), (200, &json!("y")), "{reply:?}");
    let removal = json!({"patchType": "json", "patch": "[{\"op\": \"remove\", \"path\": \"/spec/info\"}]"});
    let reply = writer.send("PATCH", path, &removal);
    assert!(reply.status == 200 && reply.json()["spec"].get("info").is_none(), "{reply:?}");
    let mut spec = reply.json()["spec"].clone();
    spec["revisionHistoryLimit"] = 3.into();
    let reply = writer.send("PUT", &format!("{path}/spec"), &spec);
    assert_eq!((reply.status, &reply.json()["revisionHistoryLimit"]), (200, &json!(3)), "{reply:?}");
    let reply =
        writer.send("PUT", &format!("{path}/spec"), &json!({"project": 5, "source": {"repoURL": "https://h/r"}}));
    assert_eq!(reply.status, 400, "the API server's own rules hold: {reply:?}");

    let elsewhere = json!({"metadata": {"name": "x", "namespace": "kube-system"}, "spec": {"project": "default"}});
    assert_eq!(writer.send("POST", "/api/v1/applications", &elsewhere).status, 400);
    let operating = json!({"metadata": {"name": "x"}, "spec": {}, "operation": {"sync": {}}});
    assert_eq!(writer.send("POST", "/api/v1/applications", &operating).status, 400);

    let reply = writer.delete(&format!("{path}?cascade=false"));
    assert_eq!((reply.status, reply.json()), (200, json!({})), "{reply:?}");
    people.ground.until("it is gone", |_| writer.get(path).status == 404);
}
