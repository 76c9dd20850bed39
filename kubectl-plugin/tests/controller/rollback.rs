//! Rolling back under automatic sync: what was taken back stays so, and everything else goes on.

use std::time::Duration;

use crate::support::config_map;
use crate::world::Ground;

#[test]
fn what_was_rolled_back_stays_so_and_the_fix_goes_out() {
    let mut ground = Ground::new("ctl-back");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").as_deref() == Some("1"));
    let bad = ground.commit("deploy/a.yaml", &config_map("a", "bad"));
    ground.until_synced(&bad);
    let name = ground.world.name.clone();
    let ended = ground.world.run(&["rollback", &name, "--record-namespace", &name, "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    assert_eq!(ground.value("a").as_deref(), Some("1"));
    ground.until("the hold is told", |ground| ground.condition("RollbackHoldWarning").is_some());
    assert_eq!(ground.status()["sync"]["status"], "OutOfSync");

    // What was changed by hand is put back to what is live, not to what Git says.
    ground.world.kubectl(&["delete", "configmap", "a", "-n", &name]);
    ground.until("it is healed", |ground| ground.value("a").as_deref() == Some("1"));

    // A commit to another file does not bring it back.
    let other = ground.commit("deploy/b.yaml", &config_map("b", "1"));
    ground.until("the commit is known", |ground| ground.status()["sync"]["revision"] == other);
    ground.stays("it is held", Duration::from_secs(3), |ground| ground.value("a").as_deref() == Some("1"));
    assert!(ground.condition("RollbackHoldWarning").is_some());

    // A sync that somebody asks for fails, and names the way out.
    ground.patch(&serde_json::json!({"operation": {"initiatedBy": {"username": "anna"}, "sync": {}}}));
    ground.until("the request is answered", |ground| {
        ground.status()["operationState"]["operation"]["initiatedBy"]["username"] == "anna"
    });
    let state = ground.status()["operationState"].clone();
    assert_eq!(state["phase"], "Error", "{state:#}");
    assert!(state["message"].as_str().is_some_and(|message| message.contains("kubectl gitops release")), "{state:#}");

    // The fix goes out, with the other commit.
    let fix = ground.commit("deploy/a.yaml", &config_map("a", "fixed"));
    ground.until_synced(&fix);
    assert_eq!((ground.value("a").as_deref(), ground.value("b").as_deref()), (Some("fixed"), Some("1")));
    assert_eq!(ground.condition("RollbackHoldWarning"), None);
}
