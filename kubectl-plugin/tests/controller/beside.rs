//! The command line beside a controller: what it is to do is asked of one that lives, and done from here where none does.

use std::process::Stdio;
use std::time::Duration;

use gitops_testdata::cluster::{Component, LocalCluster, Options};
use serde_json::{Value as Json, json};

use crate::support::{Ended, config_map};
use crate::world::Ground;

/// The program, on the record beside the Application.
fn run(ground: &Ground, command: &str, more: &[&str]) -> Ended {
    let name = ground.world.name.clone();
    ground.world.run(&[&[command, &name, "--record-namespace", &name], more].concat())
}

/// Applies the folder as it lies there.
fn apply(ground: &Ground, more: &[&str]) -> Ended {
    let name = ground.world.name.clone();
    run(ground, "apply", &[&["--path", "deploy", "-n", &name, "--yes"], more].concat())
}

/// The notes of what was asked last.
fn notes(ground: &Ground) -> Json {
    ground.status()["operationState"]["operation"]["info"].clone()
}

fn has_note(ground: &Ground, name: &str) -> bool {
    notes(ground).as_array().is_some_and(|notes| notes.iter().any(|note| note["name"] == name))
}

/// Whether the controller was asked, and has answered.
fn was_asked(ended: &Ended) -> bool {
    ended.stderr.contains("its controller is asked")
}

fn done(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}", ended.told());
}

#[test]
fn a_controller_that_lives_is_asked_and_tells_what_a_run_tells() {
    let mut ground = Ground::new("ctl-beside");
    let name = ground.world.name.clone();
    ground.start_with(&["--polling", "0"]);
    ground.create(&ground.application(&json!({})));
    ground.until("OutOfSync", |ground| ground.status()["sync"]["status"] == "OutOfSync");
    // No controller has applied any of it: a folder is only a folder.
    let ended = apply(&ground, &[]);
    done(&ended);
    assert!(!was_asked(&ended), "{}", ended.told());
    ground.commit("deploy/a.yaml", &config_map("a", "synced"));
    done(&ground.world.run(&["app", "refresh", &name, "-n", &name]));
    done(&ground.world.run(&["sync", &name, "-n", &name]));

    // What Git says is applied by the controller, and nobody polls.
    ground.commit("deploy/a.yaml", &config_map("a", "2"));
    let ended = apply(&ground, &[]);
    assert!(was_asked(&ended) && ended.stdout.contains("release 3 of ctl-beside"), "{}", ended.told());
    assert!(ended.stdout.contains(" is live: g1-") && ended.stdout.contains("1 step, "), "{}", ended.told());
    done(&ended);
    assert_eq!(ground.value("a").as_deref(), Some("2"));
    assert!(has_note(&ground, "kubectl-gitops/graph"), "{:#}", notes(&ground));
    assert_eq!(ground.app()["operation"], Json::Null);
    let by = &ground.status()["history"].as_array().and_then(|all| all.last().cloned()).unwrap_or_default();
    assert_eq!(by["initiatedBy"]["username"], "tester", "{by:#}");

    // Nothing to do: nothing is asked.
    let ended = apply(&ground, &[]);
    assert!(!was_asked(&ended) && ended.stdout.contains("nothing to do"), "{}", ended.told());

    // What Git does not say goes out from here, where nothing undoes it.
    ground.world.write("deploy/a.yaml", &config_map("a", "local"));
    let ended = apply(&ground, &["--adopt"]);
    assert!(ended.code == 4 && ended.stderr.contains("--adopt"), "{}", ended.told());
    let ended = apply(&ground, &[]);
    done(&ended);
    assert!(was_asked(&ended) && ended.stderr.contains("Git says something else"), "{}", ended.told());
    assert_eq!(ground.value("a").as_deref(), Some("local"));
    ground.until("it is told", |ground| ground.status()["sync"]["status"] == "OutOfSync");

    // As data, it is what a run gives.
    let ended = run(&ground, "rollback", &["--yes", "-o", "json"]);
    done(&ended);
    let told: Json = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.told()));
    assert_eq!(
        (&told["outcome"], &told["steps"][0]["outcome"]),
        (&json!("succeeded"), &json!("succeeded")),
        "{told:#}"
    );
    assert_eq!(ground.value("a").as_deref(), Some("2"));
    assert!(has_note(&ground, "kubectl-gitops/rollback"), "{:#}", notes(&ground));
}

#[test]
fn automatic_sync_would_undo_what_git_does_not_say() {
    let mut ground = Ground::new("ctl-undone");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").is_some());
    ground.world.write("deploy/a.yaml", &config_map("a", "local"));
    let ended = apply(&ground, &[]);
    assert_eq!(ended.code, 4, "{}", ended.told());
    assert!(ended.stderr.contains("would undo this at once") && ended.stderr.contains("--direct"), "{}", ended.told());
    assert_eq!(ground.value("a").as_deref(), Some("1"));
    let ended = apply(&ground, &["--direct"]);
    done(&ended);
    assert!(!was_asked(&ended), "{}", ended.told());
    ground.until("it is undone", |ground| ground.value("a").as_deref() == Some("1"));

    // What fails there is told as what fails here.
    ground.commit(
        "deploy/a.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 1}], clusterIP: 1.2.3.4}\n",
    );
    let ended = apply(&ground, &[]);
    assert!(matches!(ended.code, 2 | 3) && ended.stderr.contains("clusterIP"), "{}", ended.told());
}

#[test]
fn holds_are_asked_for_and_need_no_git() {
    let mut ground = Ground::new("ctl-hold");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").is_some());
    let away = ground.web.repositories().join("shop.git");
    let elsewhere = ground.web.repositories().join("elsewhere.git");
    std::fs::rename(&away, &elsewhere).expect("Git is away");
    let ended = run(&ground, "hold", &["--reason", "a look first"]);
    done(&ended);
    assert!(was_asked(&ended) && ended.stdout.contains("is held"), "{}", ended.told());
    assert!(has_note(&ground, "kubectl-gitops/hold"), "{:#}", notes(&ground));
    std::fs::rename(&elsewhere, &away).expect("Git is back");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.until("the commit is known", |ground| ground.status()["sync"]["revision"] == commit);
    ground.stays("it is held", Duration::from_secs(3), |ground| ground.value("a").as_deref() == Some("1"));
    let ended = apply(&ground, &[]);
    assert!(ended.code == 4 && ended.stderr.contains("a look first"), "{}", ended.told());
    let ended = run(&ground, "release", &[]);
    done(&ended);
    assert!(was_asked(&ended) && ended.stdout.contains("1 hold released"), "{}", ended.told());
    ground.until("it goes out", |ground| ground.value("a").as_deref() == Some("2"));
    assert!(run(&ground, "release", &[]).stdout.contains("nothing was held"));
}

#[test]
fn a_controller_that_died_is_asked_in_vain_and_nothing_is_left_of_it() {
    let mut ground = Ground::new("ctl-dead");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").is_some());
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.until_synced(&commit);
    ground.kill();
    let ended = run(&ground, "rollback", &["--yes"]);
    done(&ended);
    assert!(was_asked(&ended) && ended.stderr.contains("does not answer"), "{}", ended.told());
    assert_eq!(ground.value("a").as_deref(), Some("1"));
    assert_eq!(ground.app()["operation"], Json::Null, "nobody finds it later");

    // One that comes back finds what was done, and nothing to do.
    ground.start();
    ground.until("the hold is told", |ground| ground.condition("RollbackHoldWarning").is_some());
    ground.stays("it is rolled back", Duration::from_secs(3), |ground| ground.value("a").as_deref() == Some("1"));

    // One that is told to leave it alone is not asked at all.
    let left = json!({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}});
    ground.patch(&left);
    let ended = run(&ground, "release", &[]);
    done(&ended);
    assert!(!was_asked(&ended), "{}", ended.told());
}

#[test]
fn whoever_stops_waiting_leaves_a_request_that_can_be_taken_back() {
    let mut ground = Ground::new("ctl-left");
    let name = ground.world.name.clone();
    ground.start_with(&["--polling", "0"]);
    ground.create(&ground.application(&json!({})));
    done(&ground.world.run(&["sync", &name, "-n", &name]));
    ground.until("Synced", |ground| ground.status()["sync"]["status"] == "Synced");
    ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.freeze(true);
    let arguments = ["apply", &name, "--path", "deploy", "-n", &name, "--record-namespace", &name, "--yes"];
    let mut command = ground.world.command(&arguments);
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    ground.until("it is asked", |ground| ground.app()["operation"].is_object());
    let id = waiting.id().to_string();
    std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill starts");
    let ended = waiting.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(said.contains("app get ctl-left") && said.contains("app terminate ctl-left"), "{said}");
    assert!(ground.app()["operation"].is_object(), "it stands");
    let ended = ground.world.run(&["app", "terminate", &name, "-n", &name]);
    assert!(ended.stdout.contains("is taken back"), "{}", ended.told());
    assert_eq!(ground.app()["operation"], Json::Null);
    ground.freeze(false);
    ground.stays("nothing is done", Duration::from_secs(2), |ground| ground.value("a").as_deref() == Some("1"));
}

#[test]
fn whoever_follows_goes_on_when_the_api_server_comes_back() {
    let mut cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let mut ground = Ground::on(&cluster, "ctl-away");
    ground.start_with(&["--polling", "0"]);
    ground.create(&ground.application(&json!({})));
    ground.until("OutOfSync", |ground| ground.status()["sync"]["status"] == "OutOfSync");
    ground.freeze(true);
    let mut command = ground.world.command(&["sync", "ctl-away", "-n", "ctl-away"]);
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    ground.until("it is asked", |ground| ground.app()["operation"].is_object());
    cluster.kill(Component::ApiServer).expect("killed");
    std::thread::sleep(Duration::from_secs(3));
    cluster.start_again(Component::ApiServer).expect("started");
    ground.freeze(false);
    let ended = waiting.wait_with_output().expect("it ends");
    let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && said.contains("successfully synced"), "{said}");
    assert_eq!(ground.value("a").as_deref(), Some("1"));
}

#[test]
fn an_application_that_no_controller_cares_for_is_applied_from_here() {
    let ground = Ground::new("ctl-alone");
    let application = ground.application(&json!({"automated": {}}));
    ground.create(&application);
    ground.world.write("application.yaml", &application.to_string());
    let repository = format!("{}=.", ground.address());
    let arguments = ["apply", "-f", "application.yaml", "--repository", &repository, "--yes"];
    done(&ground.world.run(&[&arguments[..], &["--direct"]].concat()));
    ground.commit("deploy/a.yaml", &config_map("a", "2"));
    let ended = ground.world.run(&arguments);
    done(&ended);
    assert!(!was_asked(&ended), "{}", ended.told());
    assert_eq!(ground.value("a").as_deref(), Some("2"));
    done(&run(&ground, "hold", &[]));
    assert!(run(&ground, "release", &[]).stdout.contains("1 hold released"));
}

#[test]
fn what_automatic_sync_would_apply_again_is_not_deleted() {
    let mut ground = Ground::new("ctl-beside-del");
    let name = ground.world.name.clone();
    ground.start_with(&["--polling", "0"]);
    ground.automated();
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    let ended = run(&ground, "delete", &["--yes"]);
    assert!(ended.code == 4 && ended.stderr.contains("would apply all of it again"), "{}", ended.told());
    let hint = format!("`kubectl delete application {name} -n {name}` first, and then this");
    assert!(ended.stderr.contains(&hint), "{}", ended.told());
    assert!(ground.value("a").is_some());

    ground.world.kubectl(&["delete", "application", &name, "-n", &name]);
    done(&run(&ground, "delete", &["--yes"]));
    assert_eq!(ground.value("a"), None);

    // Where nobody would undo it, it is done.
    ground.create(&ground.application(&json!({})));
    done(&ground.world.run(&["sync", &name, "-n", &name]));
    let ended = run(&ground, "delete", &["--yes"]);
    done(&ended);
    assert!(ended.stderr.contains("stays, and its controller will call it OutOfSync"), "{}", ended.told());
    assert_eq!(ground.value("a"), None);
}
