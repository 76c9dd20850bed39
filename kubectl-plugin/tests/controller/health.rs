//! Health checks that the sources of an Application have.

use serde_json::json;

use crate::support::config_map;
use crate::world::Ground;

/// A check that calls one value of a ConfigMap healthy.
fn check(good: &str) -> String {
    format!(
        "healthCheckExprs:\n- apiVersion: v1\n  kind: ConfigMap\n  failed: data.value == 'bad'\n  current: data.value == '{good}'\n"
    )
}

fn health(ground: &Ground, name: &str) -> serde_json::Value {
    ground.status_of(name)["health"]["status"].clone()
}

#[test]
fn an_application_is_judged_by_its_own_checks_and_no_other_is() {
    let mut ground = Ground::new("ctl-checks");
    let name = ground.world.name.clone();
    let other = format!("{name}-other");
    ground.commit(&format!("{other}/b.yaml"), &config_map("b", "bad"));
    ground.start();
    ground.automated();
    ground.create(&ground.another(&other));
    for name in [&name, &other] {
        ground.until("healthy", |ground| health(ground, name) == "Healthy");
    }
    // ConfigMaps have no health, until somebody says how they do.
    ground.commit("deploy/.gitops/health.yaml", &check("2"));
    ground.until("on its way", |ground| health(ground, &name) == "Progressing");
    ground.commit("deploy/a.yaml", &config_map("a", "bad"));
    ground.until("it failed", |ground| health(ground, &name) == "Degraded");
    assert_eq!(health(&ground, &other), "Healthy", "another Application has no check");
    // A check alone changes nothing but what is said.
    let releases = ground.status()["history"].as_array().map(Vec::len);
    ground.commit("deploy/.gitops/health.yaml", &check("bad").replace("  failed: data.value == 'bad'\n", ""));
    ground.until("healthy", |ground| health(ground, &name) == "Healthy");
    assert_eq!(ground.status()["history"].as_array().map(Vec::len), releases);

    // What never ends is stopped, and is nobody else's fault.
    let endless = json!({"resourceCustomizations": {"ConfigMap": {"health.lua": "while true do end"}}});
    ground.commit("deploy/.gitops/health.yaml", &endless.to_string());
    ground.until("it cannot be told", |ground| health(ground, &name) == "Unknown");
    // What is wrong is told, and nothing is applied by it.
    ground.commit("deploy/.gitops/health.yaml", "healthCheckExprs: 7\n");
    ground.until("it is wrong", |ground| {
        ground.condition("ComparisonError").is_some_and(|message| message.contains(".gitops/health.yaml"))
    });
    assert_eq!(health(&ground, &other), "Healthy");
}
