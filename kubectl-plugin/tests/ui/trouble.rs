//! What goes wrong, and what is done about it, as one sees it.

use serde_json::{Value as Json, json};

use crate::browser;
use crate::people::People;
use crate::support::{config_map, deployment};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: front\nspec:\n  ports: [{port: 80}]\n";
const IMAGE: &str = "registry.invalid/web:1";

#[test]
fn a_person_sees_what_is_wrong_and_why() {
    let people = People::new("ui-trouble");
    let own = people.own().to_owned();
    let everything = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]});
    let writing = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let token = people.token("writer", &own, &writing, &[everything]);
    people.ground.patch(&json!({"spec": {"syncPolicy": {"automated": {"prune": true, "selfHeal": true}}}}));
    let address = format!("http://{}", people.address);
    let values = [("UI_ADDRESS", address.as_str()), ("UI_NAMESPACE", own.as_str()), ("UI_TOKEN", token.as_str())];
    let done = browser::steps("trouble.mjs", &values, |asked| {
        let value = asked["value"].as_str().unwrap_or_default();
        match asked["what"].as_str() {
            Some("commit") => commit(&people, value),
            Some("quota") => {
                let (world, quota) = (&people.ground.world, "count/services=0");
                world.kubectl(&["create", "quota", "none", "-n", &own, &format!("--hard={quota}")]);
                let is_counted = || world.get("resourcequotas", "none")["status"]["used"].is_object();
                assert!(crate::support::World::waits_until(is_counted), "nothing counts");
            }
            Some("no quota") => drop(people.ground.world.kubectl(&["delete", "quota", "none", "-n", &own])),
            Some("change") => {
                let patch = json!({"data": {"value": value}}).to_string();
                people.ground.world.kubectl(&["patch", "configmap", "a", "-n", &own, "--type=merge", "-p", &patch]);
            }
            Some("until") => people.ground.until(value, |ground| ground.value("a").as_deref() == Some(value)),
            _ => panic!("{asked}"),
        }
        Json::Null
    });
    assert_eq!(done.len(), 7, "{done:?}");
}

/// A ConfigMap that waits until a Deployment is ready.
fn after(people: &People, name: &str, deployment: &str) -> String {
    let waits = format!("config.kubernetes.io/depends-on: apps/namespaces/{}/Deployment/{deployment}", people.own());
    config_map(name, "1").replace("metadata:\n", &format!("metadata:\n  annotations:\n    {waits}\n"))
}

/// Brings Git to where something happens.
fn commit(people: &People, what: &str) {
    let world = &people.ground.world;
    match what {
        "slow" => {
            let web = deployment("web", IMAGE, "a", ", testdata.kubectl-gitops/start: slow");
            world.write("deploy/web.yaml", &web).write("deploy/after.yaml", &after(people, "after", "web"));
        }
        "image" => {
            let broken = deployment("broken", IMAGE, "a", ", testdata.kubectl-gitops/fail: image-pull");
            world.write("deploy/broken.yaml", &broken).write("deploy/later.yaml", &after(people, "later", "broken"));
        }
        "wrong" => drop(
            world
                .write("deploy/wrong.yaml", "apiVersion: v1\nkind: [ConfigMap\n")
                .remove("deploy/broken.yaml")
                .remove("deploy/later.yaml"),
        ),
        "well" => drop(world.remove("deploy/wrong.yaml")),
        "service" => drop(world.write("deploy/front.yaml", SERVICE)),
        "well again" => drop(world.remove("deploy/front.yaml")),
        "held" => drop(world.write("deploy/a.yaml", &config_map("a", "held"))),
        other => panic!("{other}"),
    }
    people.ground.push();
}
