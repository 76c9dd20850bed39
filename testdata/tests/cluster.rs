//! The local cluster does what it says: real controllers, failures on demand, and no trace of it afterwards.
//!
//! Needs Go the first time, for ten minutes. Nothing here depends on how fast the machine is.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gitops_testdata::cluster::{self, Component, LocalCluster, Options, User};
use gitops_testdata::services::services;
use rustix::process::{Pid, Signal, kill_process};

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs kubectl with `input` on stdin.
fn run(mut kubectl: Command, arguments: &[&str], input: &str) -> Output {
    kubectl.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = kubectl.spawn().expect("kubectl was built");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(input.as_bytes()).expect("kubectl reads its input");
    drop(stdin);
    child.wait_with_output().expect("kubectl ends")
}

/// Runs kubectl, which has to succeed, in a namespace of the shared cluster.
fn kubectl(namespace: &str, arguments: &[&str], input: &str) -> String {
    let arguments = [&["--namespace", namespace], arguments].concat();
    let output = run(cluster::shared().kubectl(), &arguments, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
}

/// A new namespace of the shared cluster with the objects of `yaml` in it.
fn namespace_with(prefix: &str, yaml: &str) -> String {
    let namespace = cluster::shared().namespace(prefix).to_string();
    kubectl(&namespace, &["create", "namespace", &namespace], "");
    kubectl(&namespace, &["apply", "--server-side", "--validate=strict", "-f", "-"], yaml);
    namespace
}

/// Waits until the JSON path of an object is `value`.
fn wait_for_value(namespace: &str, object: &str, path: &str, value: &str) {
    let condition = format!("--for=jsonpath={{{path}}}={value}");
    kubectl(namespace, &["wait", "--timeout=120s", &condition, object], "");
}

/// A Pod with the label `testdata.kubectl-gitops/KEY: VALUE`, named after the value.
fn labelled_pod(key: &str, value: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: {value}
  labels:
    testdata.kubectl-gitops/{key}: {value}
spec:
  containers:
    - name: server
      image: registry.example.com/server:1
"
    )
}

#[test]
fn a_deployment_becomes_available() {
    let namespace = namespace_with(
        "deployment",
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1
",
    );
    let wait = ["wait", "--for=condition=Available", "--timeout=120s", "deployment/web"];
    kubectl(&namespace, &wait, "");
    wait_for_value(&namespace, "deployment/web", ".status.readyReplicas", "2");
}

#[test]
fn pods_fail_as_their_labels_say() {
    let causes = ["image-pull", "crash-loop", "readiness", "exit"];
    let pods = causes.map(|cause| labelled_pod("fail", cause)).join("---\n");
    let namespace = namespace_with("failures", &pods);
    let waiting = ".status.containerStatuses[0].state.waiting.reason";
    wait_for_value(&namespace, "pod/image-pull", waiting, "ImagePullBackOff");
    wait_for_value(&namespace, "pod/crash-loop", waiting, "CrashLoopBackOff");
    wait_for_value(&namespace, "pod/crash-loop", ".status.containerStatuses[0].restartCount", "3");
    wait_for_value(&namespace, "pod/readiness", ".status.phase", "Running");
    wait_for_value(&namespace, "pod/exit", ".status.phase", "Failed");
    let field = "jsonpath={.status.phase}: {.status.containerStatuses[0].state.waiting.message}";
    let status = kubectl(&namespace, &["get", "pod/image-pull", "-o", field], "");
    assert_eq!(status, "Pending: Back-off pulling image \"registry.example.com/server:1\"");
    let ready = "jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].status}";
    let ready = kubectl(&namespace, &["get", "pods", "-o", ready], "");
    assert_eq!(ready, "False False False False", "none of them is ready");
}

#[test]
fn a_slow_pod_takes_its_time() {
    let namespace = namespace_with("slow", &labelled_pod("start", "slow"));
    kubectl(&namespace, &["wait", "--for=condition=Ready", "--timeout=120s", "pod/slow"], "");
    let fields = "jsonpath={.status.startTime} {.status.conditions[?(@.type==\"Ready\")].lastTransitionTime}";
    let times = kubectl(&namespace, &["get", "pod/slow", "-o", fields], "");
    let seconds: Vec<u32> = times.split(' ').map(seconds_of_hour).collect();
    let [started, ready] = seconds[..] else { panic!("two times: {times}") };
    assert!((ready + 3600 - started) % 3600 >= 5, "five seconds lie between {times}");
}

/// Minutes and seconds of a timestamp such as 2026-01-01T10:20:30Z, in seconds.
fn seconds_of_hour(timestamp: &str) -> u32 {
    let number = |range| timestamp.get(range).and_then(|text: &str| text.parse::<u32>().ok());
    let (minutes, seconds) = (number(14..16), number(17..19));
    minutes.expect("it has minutes") * 60 + seconds.expect("it has seconds")
}

#[test]
fn jobs_succeed_and_fail() {
    let job = |name: &str, labels: &str| {
        format!(
            "apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
  backoffLimit: 0
  template:
    metadata:
      labels: {labels}
    spec:
      restartPolicy: Never
      containers:
        - name: task
          image: registry.example.com/task:1
---
"
        )
    };
    let jobs = job("good", "{}") + &job("bad", "{testdata.kubectl-gitops/fail: exit}");
    let namespace = namespace_with("jobs", &jobs);
    kubectl(&namespace, &["wait", "--for=condition=Complete", "--timeout=120s", "job/good"], "");
    kubectl(&namespace, &["wait", "--for=condition=Failed", "--timeout=120s", "job/bad"], "");
}

#[test]
fn what_a_cloud_would_give_is_given() {
    let namespace = namespace_with(
        "cloud",
        "apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: LoadBalancer
  ports:
    - port: 80
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  defaultBackend:
    service:
      name: web
      port:
        number: 80
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
",
    );
    let address = ".status.loadBalancer.ingress[0].ip";
    wait_for_value(&namespace, "service/web", address, "192.0.2.10");
    wait_for_value(&namespace, "ingress/web", address, "192.0.2.10");
    wait_for_value(&namespace, "persistentvolumeclaim/data", ".status.phase", "Bound");
}

#[test]
fn the_measured_objects_are_valid_and_come_alive() {
    let namespace = cluster::shared().namespace("services").to_string();
    let files = services(2, &namespace).into_iter().map(|(_, yaml)| yaml);
    let objects = files.collect::<Vec<_>>().join("---\n");
    // Strict: an unknown or repeated field is an error.
    let apply = ["apply", "--server-side", "--validate=strict", "-f", "-"];
    let applied = kubectl(&namespace, &apply, &objects);
    assert_eq!(applied.lines().count(), 21, "{applied}");
    let available = ["wait", "--for=condition=Available", "--timeout=120s", "deployment", "--all"];
    kubectl(&namespace, &available, "");
    // The autoscalers' controller has asked for metrics and got them.
    let active = ["wait", "--for=condition=ScalingActive", "--timeout=120s", "hpa", "--all"];
    kubectl(&namespace, &active, "");
}

#[test]
fn a_cluster_of_its_own_can_be_broken_and_leaves_nothing() {
    let users = vec![User::new("deployer", &["deployers"])];
    let options = Options { users, audit: true, ..Options::default() };
    let mut cluster = LocalCluster::start(&options).expect("it starts");
    users_may_do_what_they_are_for(&cluster);

    let namespaces = ["get", "namespaces", "--request-timeout=1s"];
    cluster.kill(Component::Etcd).expect("it runs");
    cluster.kill(Component::Etcd).expect_err("it does not run");
    assert!(!run(cluster.kubectl(), &namespaces, "").status.success(), "the database is dead");
    cluster.start_again(Component::Etcd).expect("it can be started again");
    until("the database is back", || run(cluster.kubectl(), &namespaces, "").status.success());
    cluster.kill(Component::ApiServer).expect("it runs");
    cluster.start_again(Component::ApiServer).expect("its port is still free");
    assert!(run(cluster.kubectl(), &namespaces, "").status.success(), "it is ready");

    let connection = cluster.connection().clone();
    assert_eq!(connection.components.len(), Component::ALL.len());
    let log = connection.audit_log.as_ref().expect("it was asked for");
    let audited = fs::read_to_string(log).expect("it is there");
    let mine = audited.lines().filter(|line| line.contains("\"deployer\""));
    assert!(mine.count() > 0, "requests of each user are in the audit log");

    // Clusters that start meanwhile sweep up what nobody has written to for a minute.
    fs::write(connection.directory.join("touched"), "").expect("written");
    kill(connection.pid);
    for (name, pid) in &connection.components {
        until(&format!("{name} is gone"), || !is_running(*pid));
    }
    assert!(connection.directory.exists(), "whoever was killed cannot tidy up");
    drop(cluster);
    cluster::stop(&connection.directory).expect("what is left can be deleted");
    assert!(!connection.directory.exists());
}

/// `nobody` may do nothing, `viewer` may read all but Secrets, and users of the test's own are known.
fn users_may_do_what_they_are_for(cluster: &LocalCluster) {
    let connection = cluster.connection();
    let get = |user: &str, what: &str| {
        let mut kubectl = Command::new(&connection.kubectl);
        kubectl.env_clear().env("HOME", &connection.directory);
        kubectl.env("KUBECONFIG", &connection.users[user]);
        let output = run(kubectl, &["get", what, "--all-namespaces"], "");
        let forbidden = String::from_utf8_lossy(&output.stderr).contains("Forbidden");
        assert_ne!(output.status.success(), forbidden, "it works or is forbidden: {output:?}");
        output.status.success()
    };
    assert!(get("admin", "secrets"));
    assert!(get("viewer", "pods"));
    assert!(!get("viewer", "secrets"));
    assert!(!get("nobody", "pods"));
    assert!(!get("deployer", "pods"), "nothing is bound to it yet");
}

#[test]
fn a_detached_cluster_stays_until_it_is_stopped() {
    let connection = cluster::start_detached(&Options::default()).expect("it starts");
    assert!(connection.components.values().all(|pid| is_running(*pid)));
    cluster::stop(&connection.directory).expect("it can be stopped");
    assert!(!connection.directory.exists(), "nothing is left");
    assert!(!connection.components.values().any(|pid| is_running(*pid)), "nothing runs");
}

#[test]
fn a_cluster_that_is_dropped_is_gone() {
    let cluster = LocalCluster::start(&Options::default()).expect("it starts");
    let connection = cluster.connection().clone();
    drop(cluster);
    assert!(!connection.directory.exists(), "nothing is left");
    assert!(!connection.components.values().any(|pid| is_running(*pid)), "nothing runs");
}

/// Waits until `done`, which has to come.
fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::KILL).expect("it runs");
}

/// Whether a process runs; one that has ended and that nobody asked about does not.
fn is_running(pid: u32) -> bool {
    let stat = Path::new("/proc").join(pid.to_string()).join("stat");
    fs::read_to_string(stat).is_ok_and(|stat| !stat.contains(") Z "))
}
