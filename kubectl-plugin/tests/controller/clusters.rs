//! One controller, and Applications on two clusters: found by their Secrets, with records where they are applied, whatever
//! becomes of credentials, and not slowed by a cluster that does not answer.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::spoke::{Spoke, condition_of, on_prod};
use crate::support::{config_map, corpus, deployment};
use crate::webhooks::{address, get};
use crate::world::Ground;

/// So many Applications are applied to a cluster that stops answering: more than may be looked at together at all.
const MANY: usize = 80;

fn is_synced(ground: &Ground, name: &str, commit: &str) -> bool {
    let status = ground.status_of(name);
    status["sync"]["status"] == "Synced" && status["sync"]["revision"] == commit
}

#[test]
fn an_application_on_each_cluster_has_its_record_where_it_is_applied() {
    let (mut ground, spoke) = (Ground::new("ctl-two"), Spoke::start("shop"));
    let name = ground.world.name.clone();
    ground.create(&spoke.secret_of_admin(&ground));
    let commit = ground.commit("far/b.yaml", &config_map("b", "1"));
    ground.start();
    ground.automated();
    let mut far = on_prod(&ground, "far", "shop");
    far["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    ground.create(&far);
    ground.until_synced(&commit);
    ground.until("the other cluster", |ground| is_synced(ground, "far", &commit));
    assert_eq!((ground.value("a").as_deref(), ground.value("b")), (Some("1"), None));
    assert_eq!((spoke.value("b").as_deref(), spoke.value("a")), (Some("1"), None));
    assert_eq!(spoke.records_of("far"), [name.as_str()], "in the namespace that is called as the Application's");
    assert!(ground.world.get("secrets", "kubectl-gitops.far").is_null());

    spoke.kubectl(&["patch", "configmap", "b", "-n", "shop", "--type=merge", "-p", r#"{"data": {"value": "x"}}"#]);
    ground.until("it is healed", |_| spoke.value("b").as_deref() == Some("1"));
    let commit = ground.commit("far/b.yaml", &config_map("b", "2"));
    ground.until("a commit goes out", |ground| is_synced(ground, "far", &commit));

    let there = ["--kubeconfig".to_owned(), spoke.kubeconfig()];
    let run = |more: &[&str]| {
        let arguments: Vec<&str> = more.iter().copied().chain(there.iter().map(String::as_str)).collect();
        ground.world.run(&arguments)
    };
    let unnamed = run(&["history", "far"]);
    assert!(unnamed.code == 2 && unnamed.stderr.contains(&format!("--record-namespace {name}")), "{}", unnamed.told());
    let history = run(&["history", "far", "--record-namespace", &name]);
    assert_eq!((history.code, history.stdout.lines().count()), (0, 4), "{}", history.told());
    let back = run(&["rollback", "far", "--record-namespace", &name, "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert_eq!(spoke.value("b").as_deref(), Some("1"));
    ground
        .until("the controller sees the record", |ground| condition_of(ground, "far", "RollbackHoldWarning").is_some());

    let metadata = ["delete", "applications.argoproj.io", "far", "-n", &name, "--timeout=60s"];
    ground.world.kubectl(&metadata);
    assert_eq!((spoke.value("b"), spoke.records_of("far").len()), (None, 0));
    ground.until("it is dropped", |ground| ground.said().contains("is not in use any more"));
}

#[test]
fn a_destination_that_is_no_cluster_or_another_s_is_told() {
    let (mut ground, spoke) = (Ground::new("ctl-dest"), Spoke::start("shop"));
    ground.commit("far/b.yaml", &config_map("b", "1"));
    ground.start();
    ground.create(&on_prod(&ground, "far", "shop"));
    let told = |ground: &Ground, text: &str| {
        condition_of(ground, "far", "InvalidSpecError").is_some_and(|message| message.contains(text))
    };
    ground.until("there is none", |ground| told(ground, "there are no clusters with this name: prod"));
    ground.create(&spoke.secret(&ground, "no token", &json!({"project": "shop"})));
    ground.until("it is another's", |ground| told(ground, "serves the project shop only"));
    let name = ground.world.name.clone();
    let replace = |config: &str| {
        let patch = json!({"stringData": {"project": "", "config": config}}).to_string();
        ground.world.kubectl(&["patch", "secret", "prod", "-n", &name, "--type=merge", "-p", &patch]);
    };
    replace(r#"{"execProviderConfig": {"command": "touch", "args": ["/tmp/never"]}}"#);
    ground.until("programs are refused", |ground| told(ground, "config.execProviderConfig names a program"));
    ground.world.kubectl(&["delete", "secret", "prod", "-n", &name]);
    ground.create(&spoke.secret(&ground, &spoke.account("narrow"), &json!({"namespaces": "shop"})));
    spoke.kubectl(&["create", "namespace", "shop"]);
    ground.until("it may write there", |_| spoke.value("b").as_deref() == Some("1"));
    assert_eq!(spoke.records_of("far"), ["shop"], "the one namespace that it is restricted to");
    ground.commit("far/c.yaml", &config_map("c", "1").replace("metadata:", "metadata:\n  namespace: default"));
    ground.until("and nowhere else", |ground| {
        let message = ground.status_of("far")["operationState"]["message"].as_str().unwrap_or_default().to_owned();
        message.contains(r#"namespace "default" for ConfigMap "c" is not managed"#)
    });
}

/// Two Applications that would share a record are told apart by whose it is.
#[test]
fn a_record_of_another_application_is_left_alone() {
    let (mut ground, spoke) = (Ground::new("ctl-same"), Spoke::start("shop"));
    let name = ground.world.name.clone();
    let mut secret = spoke.secret_of_admin(&ground);
    secret["metadata"]["annotations"] = json!({"kubectl-gitops/record-namespace": "records"});
    ground.create(&secret);
    ground.commit("far/b.yaml", &config_map("b", "1"));
    let other = format!("{name}-b");
    ground.world.kubectl(&["create", "namespace", &other]);
    let both = format!("{name},{other}");
    ground.start_with(&["--polling", "1", "--application-namespaces", &both]);
    ground.create(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": name},
        "spec": {
            "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}], "sourceNamespaces": ["*"],
        },
    }));
    ground.create(&on_prod(&ground, "far", "shop"));
    ground.until("the first", |_| spoke.value("b").as_deref() == Some("1"));
    assert_eq!(spoke.records_of("far"), ["records"]);
    let mut second = on_prod(&ground, "far", "shop");
    second["metadata"]["namespace"] = other.as_str().into();
    ground.create(&second);
    ground.until("the second is told", |ground| {
        let path = "jsonpath={.status.conditions[*].message}";
        let said = ground.world.kubectl(&["get", "applications.argoproj.io", "far", "-n", &other, "-o", path]);
        said.contains("is that of another Application") && said.contains(&format!("/{name}/far"))
    });
    ground.world.try_kubectl(&["delete", "namespace", &other, "--wait=false"]);
}

#[test]
fn credentials_that_are_rotated_while_it_syncs_end_nothing() {
    let (mut ground, spoke) = (Ground::new("ctl-rotate"), Spoke::start("shop"));
    let name = ground.world.name.clone();
    let (old, new) = (spoke.account("old"), spoke.account("new"));
    ground.create(&spoke.secret(&ground, &old, &json!({})));
    for wave in 0..6 {
        let slow =
            deployment(&format!("d{wave}"), "registry.invalid/a", "none", ", testdata.kubectl-gitops/start: slow");
        let waves = format!("  annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}\nspec:");
        ground.world.write(&format!("far/{wave}.yaml"), &slow.replacen("spec:", &waves, 1));
    }
    let commit = ground.push();
    ground.start();
    ground.create(&on_prod(&ground, "far", "shop"));
    ground.until("it syncs", |ground| ground.status_of("far")["operationState"]["phase"] == "Running");
    spoke.kubectl(&["delete", "serviceaccount", "old", "-n", "default"]);
    ground.until("the old one is refused", |_| !spoke.takes(&old));
    let running = ground.status_of("far")["operationState"]["phase"].clone();
    let config = spoke.secret(&ground, &new, &json!({}))["stringData"]["config"].clone();
    let patch = json!({"stringData": {"config": config}}).to_string();
    ground.world.kubectl(&["patch", "secret", "prod", "-n", &name, "--type=merge", "-p", &patch]);
    ground.until("it goes through", |ground| is_synced(ground, "far", &commit));
    let status = ground.status_of("far");
    assert_eq!((&running, &status["operationState"]["phase"]), (&json!("Running"), &json!("Succeeded")), "{status:#}");
    assert_eq!(status["history"].as_array().map(Vec::len), Some(1), "one sync: {status:#}");
    let said = ground.said();
    assert_eq!(said.matches("/far: synced to").count(), 1, "it was not begun again: {said}");
    assert!(!said.contains(&old) && !said.contains(&new));
}

#[test]
fn a_cluster_that_does_not_answer_slows_no_other() {
    let (mut ground, mut spoke) = (Ground::new("ctl-lost"), Spoke::start("shop"));
    ground.create(&spoke.secret_of_admin(&ground));
    let names: Vec<String> = (0..MANY).map(|index| format!("far-{index}")).collect();
    let write = |ground: &Ground, value: &str| {
        for name in &names {
            ground.world.write(&format!("{name}/c.yaml"), &config_map(name, value));
        }
        ground.world.write("deploy/a.yaml", &config_map("a", value));
        ground.push()
    };
    let commit = write(&ground, "1");
    ground.start_with(&["--polling", "1", "--request-timeout", "5", "--listen", "127.0.0.1:0"]);
    let metrics = address(&ground);
    let items: Vec<_> = names.iter().map(|name| on_prod(&ground, name, "shop")).collect();
    ground.create(&json!({"apiVersion": "v1", "kind": "List", "items": items}));
    ground.automated();
    ground.until_synced(&commit);
    let all_synced = |ground: &Ground, commit: &str| names.iter().all(|name| is_synced(ground, name, commit));
    ground.until_long("all are synced", |ground| all_synced(ground, &commit));
    let count = |name: &str| -> u64 {
        let text = get(&metrics, "/metrics").1;
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number")
    };
    let connected = format!("argocd_cluster_connection_status{{server=\"{}\"", spoke.server());
    assert_eq!(count(&connected), 1);

    spoke.freeze(true);
    for value in ["2", "3"] {
        let commit = write(&ground, value);
        ground.until_synced(&commit);
    }
    let lost = |ground: &Ground| {
        let told = |name: &String| condition_of(ground, name, "ComparisonError").unwrap_or_default();
        names.iter().all(|name| told(name).contains("failed to get cluster info"))
    };
    ground.until_long("all of its Applications are told", lost);
    assert_eq!(count(&connected), 0);
    assert_eq!(ground.status_of("far-0")["sync"]["status"], "Unknown");
    let (looks, before) = (count("argocd_app_reconcile_count"), ground.status_of("far-0"));
    ground.stays("Applications at rest", Duration::from_secs(8), |ground| ground.status_of("far-0") == before);
    assert!(count("argocd_app_reconcile_count") - looks < MANY as u64, "it is looked at by one, not by each");
    let commit = write(&ground, "4");
    ground.until_synced(&commit);
    spoke.freeze(false);
    ground.until_long("it is back", |ground| all_synced(ground, &commit));
    assert_eq!(count(&connected), 1);

    spoke.kill();
    let commit = write(&ground, "5");
    ground.until_synced(&commit);
    ground.until_long("all are told", lost);
    spoke.start_again();
    ground.until_long("it is back", |ground| all_synced(ground, &commit));
    assert_eq!(spoke.value("far-7").as_deref(), Some("5"));
}

/// From a commit until its object is in the cluster that the controller runs in, in milliseconds.
fn delivered(ground: &Ground, value: &str) -> u128 {
    ground.commit("deploy/a.yaml", &config_map("a", value));
    let began = Instant::now();
    let deadline = began + Duration::from_mins(1);
    while ground.value("a").as_deref() != Some(value) {
        assert!(Instant::now() < deadline, "{value}: {}", ground.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed().as_millis()
}

fn median(mut all: Vec<u128>) -> String {
    all.sort_unstable();
    let worst = all.last().copied().unwrap_or_default();
    format!("median {} ms, worst {worst} ms of {}", all[all.len() / 2], all.len())
}

/// Prints how long a commit takes on one cluster while nothing is wrong with the other, while that does not answer, and while its
/// credentials are rotated and it syncs. `GITOPS_LONG=1` leaves it for a minute; else for some seconds.
#[test]
fn what_becomes_of_one_cluster_is_not_felt_on_the_other() {
    let time = Duration::from_secs(if std::env::var_os("GITOPS_LONG").is_some() { 60 } else { 6 });
    let (mut ground, spoke) = (Ground::new("ctl-beside"), Spoke::start("shop"));
    let name = ground.world.name.clone();
    let tokens = [spoke.account("one"), spoke.account("two")];
    ground.create(&spoke.secret(&ground, &tokens[0], &json!({})));
    ground.commit("far/b.yaml", &config_map("b", "0"));
    ground.start_with(&["--polling", "1", "--request-timeout", "5"]);
    ground.automated();
    ground.create(&on_prod(&ground, "far", "shop"));
    ground.until("both", |ground| ground.value("a").is_some() && spoke.value("b").as_deref() == Some("0"));
    let mut number = 0;
    let mut during = |ground: &Ground, mut each: Box<dyn FnMut(usize) + '_>| {
        let (began, mut all) = (Instant::now(), Vec::new());
        while began.elapsed() < time || all.len() < 3 {
            number += 1;
            each(number);
            all.push(delivered(ground, &number.to_string()));
        }
        all
    };
    let quiet = during(&ground, Box::new(|_| {}));
    let rotate = |number: usize| {
        let config = spoke.secret(&ground, &tokens[number % 2], &json!({}))["stringData"]["config"].clone();
        let patch = json!({"stringData": {"config": config}}).to_string();
        ground.world.kubectl(&["patch", "secret", "prod", "-n", &name, "--type=merge", "-p", &patch]);
        ground.world.write("far/b.yaml", &config_map("b", &number.to_string()));
    };
    let rotated = during(&ground, Box::new(rotate));
    let last = ground.value("a").expect("a value");
    ground.until("the other one went on", |_| spoke.value("b").as_deref() == Some(last.as_str()));
    spoke.freeze(true);
    let write = |number: usize| {
        ground.world.write("far/b.yaml", &config_map("b", &number.to_string()));
    };
    let silent = during(&ground, Box::new(write));
    ground.until("it is told", |ground| condition_of(ground, "far", "ComparisonError").is_some());
    let told = condition_of(&ground, "far", "ComparisonError");
    spoke.freeze(false);
    ground.until("it is back", |ground| condition_of(ground, "far", "ComparisonError").is_none());
    assert!(told.is_some_and(|told| told.contains("failed to get cluster info")), "it was lost");
    for (what, all) in [("as it is", quiet), ("while it is rotated and syncs", rotated), ("while it is lost", silent)] {
        corpus::say(&format!("a commit on one cluster, the other {what}: {}", median(all)));
    }
}
