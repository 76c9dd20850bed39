//! An API server that dies in the middle, on a cluster of the test's own: what was done is not lost, what was not is
//! said, and the next run settles it. Also users without rights.

mod support;

use std::process::Stdio;
use std::time::Duration;

use gitops_testdata::cluster::{Component, LocalCluster, Options, User};
use support::{World, config_map};

/// A cluster of one's own, and an application of 400 objects in a namespace of it, not yet applied.
fn with_many_objects(namespace: &str) -> (LocalCluster, World) {
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let connection = cluster.connection();
    let world = World::at(&connection.kubeconfig, &connection.kubectl, namespace);
    world.kubectl(&["create", "namespace", namespace]);
    for index in 0..400 {
        world.write(&format!("{index}.yaml"), &config_map(&format!("c{index}"), "1"));
    }
    (cluster, world)
}

#[test]
fn a_cluster_that_dies_in_the_middle_loses_nothing() {
    let (mut cluster, world) = with_many_objects("outage");
    let mut child = world.start_apply(&["--request-timeout", "2"], Stdio::null());
    // Long enough to be in the middle of it, whatever the machine: the record says when it has begun.
    while world.try_kubectl(&["get", "configmap", "c0", "-n", "outage"]).status.code() != Some(0) {
        std::thread::sleep(Duration::from_millis(5));
        if child.try_wait().expect("asked").is_some() {
            break;
        }
    }
    cluster.kill(Component::ApiServer).expect("killed");
    let code = child.wait().expect("it ends").code();
    assert!(matches!(code, Some(0 | 3)), "partly applied, or done already: {code:?}");
    cluster.start_again(Component::ApiServer).expect("started");
    let settled = world.apply(&[]);
    assert_eq!(settled.code, 0, "{}", settled.told());
    assert_eq!(world.owned("configmaps").len(), 400);
    let head = world.head();
    assert!(head["pending"].is_null() && head["lock"].is_null(), "{head}");
    if code == Some(3) {
        assert!(settled.stderr.contains("died") || world.outcomes().len() >= 2, "{}", settled.told());
    }
}

/// `GITOPS_LONG=1` leaves it dead for half a minute, else for some seconds.
#[test]
fn a_run_waits_for_an_etcd_that_comes_back() {
    let (mut cluster, world) = with_many_objects("etcd");
    let mut child = world.start_apply(&["--request-timeout", "60"], Stdio::piped());
    // In the middle of it: the record says when it has begun.
    while world.try_kubectl(&["get", "configmap", "c0", "-n", "etcd"]).status.code() != Some(0) {
        assert!(child.try_wait().expect("asked").is_none(), "it ended too soon");
        std::thread::sleep(Duration::from_millis(5));
    }
    cluster.kill(Component::Etcd).expect("killed");
    let dead = if std::env::var_os("GITOPS_LONG").is_some() { 30 } else { 4 };
    std::thread::sleep(Duration::from_secs(dead));
    cluster.start_again(Component::Etcd).expect("started");
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "it should go through: {}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(world.owned("configmaps").len(), 400);
    let head = world.head();
    assert!(head["pending"].is_null() && head["lock"].is_null(), "{head}");
}

#[test]
fn who_may_not_read_the_record_is_told_so() {
    let nobody = User::new("nobody", &[]);
    let cluster = LocalCluster::start(&Options { users: vec![nobody], ..Options::default() }).expect("a cluster");
    let connection = cluster.connection().clone();
    let world = World::at(&connection.users["nobody"], &connection.kubectl, "rights");
    world.write("a.yaml", &config_map("a", "1"));
    let refused = world.apply(&[]);
    assert_eq!(refused.code, 2, "{}", refused.told());
    assert!(refused.stderr.contains("cannot read the record of rights"), "{}", refused.told());
    assert!(refused.stderr.contains("forbidden"), "{}", refused.told());
}
