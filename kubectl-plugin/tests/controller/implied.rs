//! Inputs that the files of a source name: bases of kustomizations elsewhere.

use std::time::Duration;

use gitops_testdata::cluster;
use gitops_testdata::repository::RepositoryBuilder;

use crate::support::config_map;
use crate::webhooks::{address as listening, push};
use crate::world::Ground;

/// Commits a base with this value, and publishes it. Gives the commit.
fn publish(ground: &Ground, base: &RepositoryBuilder, value: &str) -> String {
    base.write("kustomization.yaml", "resources: [a.yaml]\n").expect("written");
    base.write("a.yaml", config_map("a", value)).expect("written");
    let commit = base.commit("A base").expect("a commit");
    base.publish(&ground.web.repositories().join("base.git")).expect("published");
    commit
}

#[test]
fn a_base_elsewhere_that_moves_is_seen_by_its_webhook() {
    let mut ground = Ground::new("ctl-base-hook");
    let base = RepositoryBuilder::new().expect("a repository");
    publish(&ground, &base, "one");
    let address = format!("{}/git/base.git", ground.web.address());
    ground.world.remove("deploy/a.yaml");
    ground.commit("deploy/kustomization.yaml", &format!("resources: ['{address}?ref=main']\n"));
    let kubectl = cluster::build().expect("kubectl").kubectl().display().to_string();
    ground.start_with(&["--polling", "0", "--listen", "127.0.0.1:0", "--kustomize", &kubectl]);
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").as_deref() == Some("one"));

    publish(&ground, &base, "two");
    ground.stays("nobody asks", Duration::from_secs(2), |ground| ground.value("a").as_deref() == Some("one"));
    assert_eq!(push(&listening(&ground), &address, ""), 200);
    ground.until("the base is seen", |ground| ground.value("a").as_deref() == Some("two"));
}

#[test]
fn a_base_elsewhere_that_moves_is_seen_by_a_poll_unless_it_is_locked() {
    let mut ground = Ground::new("ctl-base");
    let base = RepositoryBuilder::new().expect("a repository");
    let first = publish(&ground, &base, "one");
    let address = format!("{}/git/base.git", ground.web.address());
    ground.world.remove("deploy/a.yaml");
    ground.commit("deploy/kustomization.yaml", &format!("resources: ['{address}?ref=main']\n"));
    let kubectl = cluster::build().expect("kubectl").kubectl().display().to_string();
    ground.start_with(&["--polling", "1", "--kustomize", &kubectl]);
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").as_deref() == Some("one"));
    let renders = |ground: &Ground| ground.status()["reconciledAt"].clone();
    ground.until("Synced", |ground| ground.status()["sync"]["status"] == "Synced");
    let at = renders(&ground);
    ground.stays("nothing moves", Duration::from_secs(3), |ground| renders(ground) == at);

    publish(&ground, &base, "two");
    ground.until("the base is seen", |ground| ground.value("a").as_deref() == Some("two"));

    // What is written down holds, wherever the branch goes.
    let lock =
        format!("version: 1\ninputs:\n\n- kind: git\n  repository: {address}\n  revision: main\n  resolved: {first}\n");
    let locked = ground.commit("gitops.lock", &lock);
    ground.until_synced(&locked);
    assert_eq!(ground.value("a").as_deref(), Some("one"));
    publish(&ground, &base, "three");
    ground.stays("it is locked", Duration::from_secs(4), |ground| ground.value("a").as_deref() == Some("one"));
}
