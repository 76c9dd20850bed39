//! Automatic sync: commits, changes by hand, what leaves Git, what is wrong in Git.

use std::time::Duration;

use serde_json::json;

use crate::support::config_map;
use crate::world::Ground;

#[test]
fn a_commit_is_delivered_and_a_change_by_hand_is_put_back() {
    let mut ground = Ground::new("ctl-commit");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").as_deref() == Some("1"));
    ground.until("Healthy", |ground| ground.status()["health"]["status"] == "Healthy");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.until_synced(&commit);
    assert_eq!(ground.value("a").as_deref(), Some("2"));
    let status = ground.status();
    assert_eq!(status["operationState"]["phase"], "Succeeded", "{status:#}");
    assert_eq!(status["operationState"]["syncResult"]["revision"], commit);
    assert_eq!(status["history"].as_array().map(Vec::len), Some(2), "{status:#}");
    assert_eq!(status["sourceType"], "Directory");
    assert_eq!(status["resources"][0]["status"], "Synced");

    let name = ground.world.name.clone();
    let patch = json!({"data": {"value": "by hand"}}).to_string();
    ground.world.kubectl(&["patch", "configmap", "a", "-n", &name, "--type=merge", "-p", &patch]);
    ground.until("it is put back", |ground| ground.value("a").as_deref() == Some("2"));
    ground.world.kubectl(&["delete", "configmap", "a", "-n", &name]);
    ground.until("it is made again", |ground| ground.value("a").as_deref() == Some("2"));
    ground.until_synced(&commit);
    assert_eq!(ground.stop(), 0);
}

#[test]
fn what_leaves_git_is_pruned_by_policy_only() {
    let mut ground = Ground::new("ctl-prune");
    ground.commit("deploy/b.yaml", &config_map("b", "1"));
    ground.start();
    ground.create(&ground.application(&json!({"automated": {}})));
    ground.until("the first sync", |ground| ground.value("b").is_some());
    ground.world.remove("deploy/b.yaml");
    let commit = ground.push();
    ground.until("the commit is known", |ground| ground.status()["sync"]["revision"] == commit);
    ground.until("OutOfSync", |ground| {
        let status = ground.status();
        let left = status["resources"].as_array().and_then(|all| all.iter().find(|it| it["name"] == "b")).cloned();
        status["sync"]["status"] == "OutOfSync" && left.is_some_and(|left| left["requiresPruning"] == true)
    });
    ground.stays("it is kept", Duration::from_secs(3), |ground| ground.value("b").is_some());
    ground.patch(&json!({"spec": {"syncPolicy": {"automated": {"prune": true}}}}));
    ground.until("it is pruned", |ground| ground.value("b").is_none());
    ground.until_synced(&commit);
}

#[test]
fn a_bad_commit_is_told_and_does_no_harm() {
    let mut ground = Ground::new("ctl-bad");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").is_some());
    ground.commit("deploy/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n");
    ground.until("it is told", |ground| {
        ground.condition("ComparisonError").is_some_and(|message| message.contains("deploy/a.yaml"))
    });
    assert_eq!(ground.status()["sync"]["status"], "Unknown");
    assert_eq!(ground.value("a").as_deref(), Some("1"), "nothing was pruned");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "3"));
    ground.until_synced(&commit);
    assert_eq!(ground.condition("ComparisonError"), None);
    // What the server refuses is told, too, and what it takes goes out.
    ground.commit(
        "deploy/b.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {clusterIP: 1.2.3.4, ports: [{port: 1}]}\n",
    );
    ground.until("it failed", |ground| ground.status()["operationState"]["phase"] == "Failed");
    let message = ground.status()["operationState"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with("one or more objects failed to apply") && message.contains("Service"), "{message}");
    assert_eq!(ground.value("a").as_deref(), Some("3"));
}

#[test]
fn a_repository_that_is_away_changes_nothing() {
    let mut ground = Ground::new("ctl-away");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").is_some());
    let repository = ground.web.repositories().join("shop.git");
    let hidden = ground.web.repositories().join("hidden.git");
    std::fs::rename(&repository, &hidden).expect("renamed");
    ground.until("it is told", |ground| ground.condition("ComparisonError").is_some());
    assert_eq!(ground.value("a").as_deref(), Some("1"));
    std::fs::rename(&hidden, &repository).expect("renamed");
    ground.until("it is back", |ground| ground.condition("ComparisonError").is_none());
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.until_synced(&commit);
}

/// What an Application says of its delivery is no part of what Git says: it counts as soon as it is written.
#[test]
fn how_it_is_delivered_counts_without_a_commit() {
    let mut ground = Ground::new("ctl-delivery");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").as_deref() == Some("1"));
    let by_hand = |ground: &Ground, value: &str| {
        let patch = json!({"data": {"value": value}}).to_string();
        ground.world.kubectl(&["patch", "configmap", "a", "-n", &ground.world.name, "--type=merge", "-p", &patch]);
    };
    by_hand(&ground, "theirs");
    ground.until("it is put back", |ground| ground.value("a").as_deref() == Some("1"));
    let ignored = json!([{"group": "", "kind": "ConfigMap", "jsonPointers": ["/data/value"]}]);
    ground.patch(&json!({"spec": {"ignoreDifferences": ignored}}));
    let is_theirs = |ground: &Ground| ground.value("a").as_deref() == Some("theirs");
    ground.until("it is left alone", |ground| {
        by_hand(ground, "theirs");
        std::thread::sleep(Duration::from_secs(1));
        is_theirs(ground)
    });
    ground.stays("it is left alone", Duration::from_secs(3), |ground| {
        is_theirs(ground) && ground.status()["sync"]["status"] == "Synced"
    });
    ground.patch(&json!({"spec": {"ignoreDifferences": null}}));
    ground.until("it is put back again", |ground| ground.value("a").as_deref() == Some("1"));
}
