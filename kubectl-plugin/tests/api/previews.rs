//! What would change is told before anything does, to those who may see it, and as the command line tells it.

use serde_json::{Value as Json, json};

use crate::asker::{Asker, Reply};
use crate::people::People;
use crate::shapes::check;
use crate::support::{config_map, deployment};

const VALUE: &str = "hunter2-of-previews";

/// Somebody who may get and list these, beside Applications.
fn seer(people: &People, name: &str, resources: &[&str]) -> Asker {
    let more = json!({"apiGroups": ["", "apps"], "resources": resources, "verbs": ["get", "list", "watch"]});
    people.somebody(name, people.own(), &["get"], &[more])
}

fn good(reply: &Reply) -> Json {
    assert!(reply.status == 200 && !reply.body.contains(VALUE), "{reply:?}");
    reply.json()
}

/// Which objects a list of changes or steps names.
fn names(told: &Json, list: &str) -> Vec<String> {
    let of = |item: &Json| item["resource"].as_str().unwrap_or_default().to_owned();
    told[list].as_array().expect("a list").iter().map(of).collect()
}

/// What somebody is told of both sides of one object.
fn managed(asker: &Asker, people: &People, query: &str) -> Vec<Json> {
    let told = good(&asker.get(&people.path(&format!("/managed-resources{query}"))));
    check("Managed", &told);
    told["items"].as_array().cloned().expect("items")
}

fn object(item: &Json, side: &str) -> Json {
    serde_json::from_str(item[side].as_str().expect("a text")).expect("JSON")
}

#[test]
fn a_diff_and_a_plan_are_those_of_the_command_line() {
    let people = People::new("api-preview");
    let (own, seer) = (people.own().to_owned(), seer(&people, "seer", &["configmaps", "secrets", "deployments"]));
    let half = self::seer(&people, "half", &["configmaps"]);
    people.ground.patch(&json!({"spec": {"syncPolicy": null}}));
    people.ground.world.kubectl(&[
        "patch",
        "configmap",
        "a",
        "-n",
        &own,
        "--type=merge",
        "-p",
        r#"{"data": {"value": "by-hand"}}"#,
        "--field-manager=somebody",
    ]);
    people.ground.world.write(
        "deploy/secret.yaml",
        &format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  word: {VALUE}\n"),
    );
    let commit = people.ground.commit("deploy/b.yaml", &config_map("b", "1"));
    let writer = people.writer();
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until("it is compared", |ground| ground.status()["sync"]["revision"] == commit.as_str());

    let diff = good(&seer.get(&people.our_path("/diff")));
    check("Diff", &diff);
    let key = |kind: &str, name: &str| format!("/{kind}/{own}/{name}");
    assert!(diff["from"].is_null() && diff["to"].is_string(), "{diff:#}");
    assert_eq!(names(&diff, "changes"), [key("ConfigMap", "a"), key("ConfigMap", "b"), key("Secret", "s")]);
    let changed = &diff["changes"][0];
    assert_eq!(
        (&changed["change"], &changed["fields"][0]["path"], &changed["fields"][0]["old"]),
        (&json!("changed"), &json!("data.value"), &json!("by-hand"))
    );
    assert_eq!(changed["fields"][0]["by"]["manager"], "somebody", "{changed:#}");
    let other = good(&seer.get(&people.our_path("/diff?to=live")));
    assert_eq!((&other["changes"][1]["change"], other["to"].is_null()), (&json!("removed"), true), "{other:#}");
    let half_diff = good(&half.get(&people.our_path("/diff")));
    assert_eq!(names(&half_diff, "changes"), [key("ConfigMap", "a"), key("ConfigMap", "b")]);
    let blind = good(&writer.get(&people.our_path("/diff")));
    assert_eq!(blind["changes"], json!([]), "what somebody may not get is not there");

    let plan = good(&seer.get(&people.our_path("/plan")));
    check("Plan", &plan);
    assert_eq!((&plan["application"], &plan["to"]), (&json!(own), &diff["to"]));
    assert_eq!(names(&plan, "steps").len(), 3, "{plan:#}");
    assert!(plan.get("refusals").is_none(), "{plan:#}");
    let steps = |plan: &Json| plan["steps"].as_array().map(Vec::len);
    let blind = good(&writer.get(&people.our_path("/plan")));
    assert_eq!(steps(&blind), Some(3), "what is done is told, and no field of it: {blind:#}");
    assert!(blind["steps"].as_array().expect("steps").iter().all(|step| step["changes"] == json!([])));

    let one = good(&seer.get(&people.our_path("/diff?kind=Secret&name=s")));
    assert_eq!(names(&one, "changes"), [key("Secret", "s")]);
    let narrow = good(&seer.get(&people.our_path("/plan?kind=Secret")));
    assert_eq!(steps(&narrow), Some(3), "all steps are told: {narrow:#}");

    for (query, status) in [("/diff?from=live&to=live", 400), ("/diff?from=99", 404), ("/plan?release=99", 404)] {
        let reply = seer.get(&people.our_path(query));
        assert_eq!(reply.status, status, "{query}: {reply:?}");
    }
    assert_eq!(people.ground.value("b"), None, "nothing of that did anything");
}

#[test]
fn both_sides_of_resources_are_told() {
    let people = People::new("api-managed");
    let own = people.own().to_owned();
    let (seer, writer) = (seer(&people, "seer", &["configmaps", "secrets", "deployments"]), people.writer());
    people.ground.world.write(
        "deploy/secret.yaml",
        &format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  word: {VALUE}\n"),
    );
    let commit = people.ground.commit("deploy/web.yaml", &deployment("web", "registry.invalid/web:1", "a", ""));
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until_synced(&commit);
    people.ground.patch(&json!({"spec": {"syncPolicy": null}}));
    let all = managed(&seer, &people, "");
    let kinds: Vec<&str> = all.iter().filter_map(|item| item["kind"].as_str()).collect();
    assert_eq!(kinds, ["ConfigMap", "Secret", "Deployment"], "{all:#?}");
    for item in &all {
        assert!(item.get("modified").is_none(), "nothing differs: {item:#}");
    }
    let secret = &all[1];
    assert_eq!(object(secret, "liveState")["data"], json!({"word": "********"}));
    assert_eq!(object(secret, "targetState")["data"], json!({"word": "********"}));
    let deployment = &all[2];
    assert_eq!(object(deployment, "liveState")["metadata"].get("managedFields"), None);
    assert_eq!(deployment["resourceVersion"], object(deployment, "liveState")["metadata"]["resourceVersion"]);

    people.ground.world.kubectl(&["delete", "configmap", "a", "-n", &own]);
    let commit = people.ground.commit("deploy/web.yaml", &self::deployment("web", "registry.invalid/web:2", "a", ""));
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until("it is compared", |ground| ground.status()["sync"]["revision"] == commit.as_str());
    let missing = &managed(&seer, &people, "?kind=ConfigMap&name=a")[0];
    assert_eq!((&missing["liveState"], &missing["modified"]), (&json!("null"), &json!(true)));
    let changed = &managed(&seer, &people, "?group=apps&kind=Deployment")[0];
    let image = |side| object(changed, side)["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(
        (image("liveState"), image("targetState"), image("predictedLiveState")),
        (json!("registry.invalid/web:1"), json!("registry.invalid/web:2"), json!("registry.invalid/web:2"))
    );
    assert_eq!(object(changed, "predictedLiveState")["status"], object(changed, "liveState")["status"]);
    assert!(managed(&seer, &people, "?namespace=elsewhere").is_empty());
    assert!(managed(&writer, &people, "").is_empty(), "what somebody may not get is not there");
}

#[test]
fn who_asks_for_too_much_is_told_what_to_ask_for() {
    let people = People::new("api-large");
    let (seer, writer) = (seer(&people, "seer", &["configmaps"]), people.writer());
    people.ground.patch(&json!({"spec": {"syncPolicy": null}}));
    // More than 32 MB, and each of them small enough for the cluster.
    let value = "x".repeat(900_000);
    for number in 0..40 {
        let name = format!("large-{number:02}");
        people.ground.world.write(&format!("deploy/{name}.yaml"), &config_map(&name, &value));
    }
    let commit = people.ground.push();
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until("it is compared", |ground| ground.status()["sync"]["revision"] == commit.as_str());
    for path in ["/manifests", "/managed-resources", "/manifests?kind=ConfigMap"] {
        let reply = seer.get(&people.path(path));
        let message = "there are more than 32 MB: name a kind, a namespace or a name";
        assert_eq!((reply.status, &reply.json()["message"]), (400, &json!(message)), "{path}");
    }
    let told = good(&seer.get(&people.path("/manifests?kind=ConfigMap&name=large-07")));
    let manifests = told["manifests"].as_array().expect("a list");
    assert!(manifests.len() == 1 && manifests[0].as_str().is_some_and(|text| text.len() > value.len()));
    assert_eq!(good(&seer.get(&people.path("/manifests?name=none")))["manifests"], json!([]));
    assert_eq!(good(&seer.get(&people.path("/manifests?namespace=elsewhere")))["manifests"], json!([]));
    assert_eq!(good(&writer.get(&people.path("/manifests")))["manifests"], json!([]), "nothing that they may not get");
}

#[test]
fn a_rollback_is_planned_and_does_what_was_planned() {
    let people = People::new("api-plan-back");
    let (writer, seer) = (people.writer(), seer(&people, "seer", &["configmaps"]));
    let commit = people.ground.commit("deploy/b.yaml", &config_map("b", "1"));
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until_synced(&commit);
    people.ground.patch(&json!({"spec": {"syncPolicy": null}}));
    let plan = good(&seer.get(&people.our_path("/plan?release=1")));
    check("Plan", &plan);
    let told = (names(&plan, "steps"), plan["steps"][0]["action"].clone());
    assert_eq!(told, (vec![format!("/ConfigMap/{}/b", people.own())], json!("delete")), "{plan:#}");
    let diff = good(&seer.get(&people.our_path("/diff?from=1&to=2")));
    assert_eq!((diff["changes"][0]["change"].clone(), &diff["from"]), (json!("added"), &plan["to"]), "{diff:#}");
    assert_eq!(writer.send("POST", &people.path("/rollback"), &json!({"id": 1})).status, 200);
    people.ground.until("what the release did not have goes", |ground| ground.value("b").is_none());
}

#[test]
fn a_hold_is_of_whoever_asks_and_so_is_a_release() {
    let people = People::new("api-hold");
    let (writer, reader) = (people.writer(), people.reader());
    let (hold, release) = (people.our_path("/hold"), people.our_path("/release"));
    assert_eq!(reader.send("POST", &hold, &json!({})).status, 403);
    let some = json!({"resources": [{"kind": "ConfigMap", "name": "a"}]});
    assert_eq!(writer.send("POST", &hold, &some).status, 400, "it is held as a whole");
    let reply = writer.send("POST", &hold, &json!({"reason": "a fire"}));
    assert_eq!(reply.status, 200, "{reply:?}");
    let state = |people: &People| people.ground.status()["operationState"].clone();
    people.ground.until("it is held", |_| state(&people)["message"] == "it is held");
    let plan = good(&reader.get(&people.our_path("/plan")));
    let told = plan["refusals"][0].as_str().unwrap_or_default();
    assert!(told.contains("held by") && told.contains(":writer") && told.contains("a fire"), "{plan:#}");
    let commit = people.ground.commit("deploy/a.yaml", &config_map("a", "2"));
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until("it is compared", |ground| ground.status()["sync"]["revision"] == commit.as_str());
    assert_eq!(people.ground.value("a").as_deref(), Some("1"), "nothing is applied");
    let reply = writer.send("POST", &release, &json!({"resources": []}));
    assert_eq!(reply.status, 200, "{reply:?}");
    people.ground.until_synced(&commit);
    assert_eq!(people.ground.value("a").as_deref(), Some("2"));
    people.until_said(":writer from 127.0.0.1: Hold");
}

#[test]
fn each_replica_tells_what_git_says() {
    let mut people = People::with("api-replicas", &["--sharding"]);
    people.ground.patch(&json!({"spec": {"syncPolicy": null}}));
    let addresses = people.another_replica(&["--sharding"]);
    let all = json!({"apiGroups": ["", "apps"], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]});
    let token = people.token("seer", people.own(), &["get"], &[all]);
    let new = [format!("/ConfigMap/{}/b", people.own())];
    people.ground.commit("deploy/b.yaml", &config_map("b", "1"));
    // One of them follows Git for the Application, once it is told to look; the other asks where somebody wants to know.
    let writer = people.writer();
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    for address in &addresses {
        let seer = Asker::new(address, &token);
        let told = || seer.get(&people.our_path("/plan"));
        people.ground.until("both know", |_| told().status == 200 && !names(&told().json(), "steps").is_empty());
        assert_eq!(names(&good(&told()), "steps"), new, "{address}");
        assert_eq!(names(&good(&seer.get(&people.our_path("/diff"))), "changes"), new, "{address}");
        assert_eq!(managed(&seer, &people, "?name=b").len(), 1, "{address}");
        let manifests = good(&seer.get(&people.path("/manifests")));
        assert_eq!(manifests["manifests"].as_array().map(Vec::len), Some(2), "{address}: {manifests:#}");
    }
    // What the project does not permit is not asked for, by whichever.
    let elsewhere = json!({"spec": {"project": "closed"}});
    people.ground.create(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "closed", "namespace": people.own()},
        "spec": {"sourceRepos": ["https://other.example"], "destinations": [{"server": "*", "namespace": "*"}]},
    }));
    people.ground.patch(&elsewhere);
    people.ground.until("it is refused", |ground| ground.condition("InvalidSpecError").is_some());
    for path in ["/plan", "/diff"] {
        let refused = |address: &String| {
            let reply = Asker::new(address, &token).get(&people.our_path(path));
            reply.status == 400 && reply.body.contains("does not permit")
        };
        people.ground.until("neither tells of it", |_| addresses.iter().all(refused));
    }
}
