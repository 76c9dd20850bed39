//! The commands that ask a controller for something, and the projects that say what may be asked.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Ended, config_map};
use crate::world::Ground;

/// The program, in the namespace of the Application.
fn run(ground: &Ground, arguments: &[&str]) -> Ended {
    let namespace = ground.world.name.clone();
    ground.world.run(&[arguments, &["-n", &namespace]].concat())
}

fn parsed(ended: &Ended) -> Json {
    assert_eq!(ended.code, 0, "{}", ended.told());
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.told()))
}

#[test]
fn people_ask_on_the_command_line() {
    let mut ground = Ground::new("ctl-cli");
    let first = ground.commit("deploy/b.yaml", &config_map("b", "1"));
    ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.start_with(&["--polling", "0"]);
    ground.create(&ground.application(&json!({})));
    let name = ground.world.name.clone();
    let ended = run(&ground, &["sync", &name, "--revision", &first]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    assert!(ended.stdout.contains(&first[..7]) && ended.stdout.contains("successfully synced"), "{}", ended.told());
    assert_eq!(ground.value("a").as_deref(), Some("1"));
    ground.until("it is behind", |ground| ground.status()["sync"]["status"] == "OutOfSync");

    let ended = run(&ground, &["app", "sync", &name, "--dry-run"]);
    assert_eq!((ended.code, ground.value("a").as_deref()), (0, Some("1")), "{}", ended.told());
    let ended = run(&ground, &["app", "sync", &name]);
    assert_eq!((ended.code, ground.value("a").as_deref()), (0, Some("2")), "{}", ended.told());

    let listed = parsed(&run(&ground, &["app", "list", "-o", "json"]));
    assert_eq!(listed["applications"][0]["name"], name.as_str(), "{listed:#}");
    ground.until("Synced", |ground| ground.status()["sync"]["status"] == "Synced");
    let told = parsed(&run(&ground, &["app", "get", &name, "-o", "json"]));
    assert_eq!((&told["sync"], &told["health"], &told["release"]), (&json!("Synced"), &json!("Healthy"), &json!(2)));
    let told = run(&ground, &["app", "get", &name]);
    assert!(told.stdout.contains("ConfigMap") && told.stdout.contains("release 2"), "{}", told.told());

    let ended = run(&ground, &["app", "rollback", &name]);
    assert_eq!((ended.code, ground.value("a").as_deref()), (0, Some("1")), "{}", ended.told());
    ground.until("it is held", |ground| ground.status()["sync"]["status"] == "OutOfSync");
    let ended = run(&ground, &["sync", &name]);
    assert_eq!(ended.code, 4, "{}", ended.told());
    assert!(ended.stderr.contains("kubectl gitops release"), "{}", ended.told());
    let ended = run(&ground, &["app", "refresh", &name]);
    assert!(ended.stdout.contains("is OutOfSync and Healthy"), "{}", ended.told());
    let ended = run(&ground, &["app", "get", "nobody"]);
    assert!(ended.code == 2 && ended.stderr.contains("there is no Application"), "{}", ended.told());
}

#[test]
fn a_project_says_what_may_be_applied_and_when() {
    let mut ground = Ground::new("ctl-project");
    let name = ground.world.name.clone();
    let project = |spec: Json| {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "shop", "namespace": name}, "spec": spec,
        })
    };
    let elsewhere = json!([{"server": "*", "namespace": "elsewhere"}]);
    ground.create(&project(json!({"sourceRepos": ["*"], "destinations": elsewhere})));
    ground.start();
    let mut application = ground.application(&json!({"automated": {}}));
    application["spec"]["project"] = json!("shop");
    ground.create(&application);
    ground.until("the destination is told", |ground| {
        ground.condition("InvalidSpecError").is_some_and(|message| message.contains("destinations"))
    });
    assert_eq!(ground.value("a"), None);
    let change = |patch: Json| {
        let patch = patch.to_string();
        ground.world.kubectl(&["patch", "appprojects.argoproj.io", "shop", "-n", &name, "--type=merge", "-p", &patch]);
    };
    let here = json!([{"server": "*", "namespace": name}]);
    let denied = json!([{"group": "", "kind": "ConfigMap"}]);
    change(json!({"spec": {"destinations": here, "namespaceResourceBlacklist": denied}}));
    ground.until("the kind is told", |ground| {
        let message = ground.status()["operationState"]["message"].as_str().unwrap_or_default().to_owned();
        message.contains("one or more synchronization tasks are not valid") && message.contains("ConfigMap")
    });
    assert_eq!(ground.value("a"), None);
    let never = json!([{
        "kind": "deny", "schedule": "* * * * *", "duration": "24h", "applications": ["*"], "manualSync": false,
    }]);
    change(json!({"spec": {"namespaceResourceBlacklist": null, "syncWindows": never}}));
    ground.stays("the window is closed", Duration::from_secs(3), |ground| ground.value("a").is_none());
    let ended = run(&ground, &["sync", &name]);
    assert!(ended.code == 4 && ended.stderr.contains("sync window"), "{}", ended.told());
    change(json!({"spec": {"syncWindows": null}}));
    ground.until("it is open", |ground| ground.value("a").is_some());
}
