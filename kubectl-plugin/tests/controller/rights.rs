//! The controller with the rights that `install` gives it, beside Argo CD's own definitions: a process with a token of its
//! ServiceAccount, on a cluster of the test's own.

use gitops_testdata::cluster::{LocalCluster, Options};
use serde_json::json;

use crate::support::{config_map, corpus};
use crate::world::Ground;

const NAMESPACE: &str = "kubectl-gitops";

/// A kubeconfig of the ServiceAccount that `install` made.
fn kubeconfig_of_account(ground: &Ground) -> String {
    let world = &ground.world;
    let token = world.kubectl(&["create", "token", NAMESPACE, "-n", NAMESPACE, "--duration=1h"]);
    let file = world.home.path().join("account.yaml");
    let admin = std::fs::read_to_string(&world.kubeconfig).expect("a kubeconfig");
    let file_name = file.display().to_string();
    std::fs::write(&file, admin).expect("written");
    let set = |arguments: &[&str]| {
        let mut command = std::process::Command::new(world.kubectl_command(&[]).get_program());
        let status = command.arg("--kubeconfig").arg(&file).args(arguments).output().expect("kubectl starts");
        assert!(status.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&status.stderr));
    };
    set(&["config", "set-credentials", "account", &format!("--token={}", token.trim())]);
    set(&["config", "set-context", "--current", "--user=account", &format!("--namespace={NAMESPACE}")]);
    file_name
}

#[test]
fn it_works_with_the_rights_of_its_installation_and_no_others() {
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let mut ground = Ground::without_definitions(&cluster, "rights");
    let argo_cd = corpus::part("argocd/crds");
    if let Some(folder) = &argo_cd {
        for name in ["application-crd.yaml", "appproject-crd.yaml"] {
            let file = folder.join(name).display().to_string();
            ground.world.kubectl(&["apply", "--server-side", "-f", &file]);
        }
    }
    let ended = ground.world.run(&["install", "-n", NAMESPACE, "--yes", "--wait=false"]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    let everything = json!([{"server": "*", "namespace": "*"}]);
    ground.create(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "spec": {"sourceRepos": ["*"], "destinations": everything, "sourceNamespaces": ["rights"]},
    }));
    let kubeconfig = kubeconfig_of_account(&ground);
    ground.start_as(NAMESPACE, &["--kubeconfig", &kubeconfig, "--polling", "1", "--sharding"]);
    ground.automated();
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.until_synced(&commit);
    let crd = ground.world.kubectl(&["get", "crd", "applications.argoproj.io", "-o", "json"]);
    if argo_cd.is_some() {
        assert!(!crd.contains("webhookSecret"), "Argo CD's definition was left as it is");
        assert_eq!(ground.status()["gitops"], json!(null), "it has no place for what only we know");
    }
    assert_eq!(ground.status()["history"].as_array().map(Vec::len), Some(2));
    assert_eq!(ground.value("a").as_deref(), Some("2"));
}
