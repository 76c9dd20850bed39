//! What a release keeps of its inputs, on the real cluster.

use gitops_testdata::cluster;
use serde_json::Value as Json;

use crate::elsewhere::{Elsewhere, write_base};

#[test]
fn a_release_keeps_what_its_inputs_were() {
    let elsewhere = Elsewhere::new();
    let shared = cluster::shared();
    let namespace = shared.namespace("inputs");
    let name = namespace.name();
    let created = shared.kubectl().args(["create", "namespace", name]).output().expect("kubectl starts");
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let kubeconfig = shared.kubeconfig().display().to_string();
    let there = ["--kubeconfig", &kubeconfig, "-n", name, "--record-namespace", name];
    let (base, address) = elsewhere.base("base");
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{address}//overlay?ref=main']\n"));
    let apply = ["apply", name, "--path", "deploy", "--inputs", "resolve", "--yes"];
    elsewhere.done(&[&apply[..], &there].concat());
    let compile = ["compile", "--path", "deploy", "-o", "id", "--inputs", "resolve"];
    let first = elsewhere.done(&compile);

    // The branch moves: the next release is of another commit, and goes back without it.
    write_base(&base, "2");
    base.commit("Two").expect("a commit");
    elsewhere.publish(&base, "base");
    elsewhere.done(&[&apply[..], &there].concat());
    assert_ne!(elsewhere.done(&compile), first);
    elsewhere.world.run(&[&["rollback", name, "--yes"][..], &there].concat());
    let history = elsewhere.world.run(&[&["history", name, "-o", "json"][..], &there].concat());
    let history: Json = serde_json::from_str(&history.stdout).expect("JSON");
    let commit = |index: usize| history["releases"][index]["inputs"][0]["resolved"].as_str().map(str::to_owned);
    assert_eq!(history["releases"].as_array().map(Vec::len), Some(3), "{history}");
    assert!(commit(0).is_some() && commit(0) == commit(2) && commit(0) != commit(1), "{history}");

    // What they were then can be locked.
    let update = ["lock", "update", "--from-release", &format!("{name}@1"), "--kubeconfig", &kubeconfig];
    elsewhere.done(&[&update[..], &["-n", name, "--record-namespace", name]].concat());
    assert!(elsewhere.lock().contains(&commit(2).expect("a commit")), "{}", elsewhere.lock());
    assert_eq!(elsewhere.done(&["compile", "--path", "deploy", "-o", "id", "--offline"]), first);
    let other = ["lock", "update", "nothing", "--from-release", name, "--kubeconfig", &kubeconfig];
    let said = elsewhere.refused(&[&other[..], &["-n", name, "--record-namespace", name]].concat());
    assert!(said.contains("no input is called nothing"), "{said}");
}
