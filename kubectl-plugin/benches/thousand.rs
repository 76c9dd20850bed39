//! The 1,001-object set against a real cluster: first apply, nothing changed, one change, rollback, beside the bare
//! bound (the same number of server-side-apply PATCHes over 16 connections, nothing else) in the same run.
//!
//! `cargo bench -p kubectl-gitops --bench thousand`. Prints seconds, requests and ratios; gates nothing. What can be
//! done again is done several times, and the median counts; before each run the machine comes to rest, since the
//! controllers of the cluster work on long after an apply has ended.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use gitops_compiler::manifest;
use gitops_compiler::name::ResourceKey;
use gitops_testdata::cluster::{LocalCluster, Options};
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::services::services_with;
use kubectl_gitops::cluster::{ApplyOptions, Cluster, ConnectOptions, connect};

const SERVICES: usize = 100;

/// How often a run is repeated that can be.
const REPETITIONS: usize = 5;

struct Measured {
    what: &'static str,
    seconds: f64,
    requests: u64,
}

fn main() {
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let kubeconfig = cluster.connection().kubeconfig.clone();
    let home = tempfile::tempdir().expect("a folder");
    let repository = RepositoryBuilder::new().expect("a repository");
    let bench = Bench { kubeconfig: &kubeconfig, home: home.path(), repository: repository.path() };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // A server that was just started is slow at everything it does for the first time.
    runtime.block_on(bare_patches(&kubeconfig, "warm-up", SERVICES / 4));
    come_to_rest();
    let bound = runtime.block_on(bare_patches(&kubeconfig, "bound", SERVICES));
    come_to_rest();
    let bound_again = runtime.block_on(bare_patches(&kubeconfig, "bound", SERVICES));

    let apply = ["apply", "bench", "-R", "--yes"];
    let mut revision = 0;
    let mut change = || {
        revision += 1;
        write(&repository, |index| if index == 50 { revision } else { 0 });
    };
    change();
    let delete = ["delete", "bench", "--yes", "--allow-delete=Namespace"];
    let mut rows = vec![
        bench.measure("first apply, without waiting", &["apply", "bench", "-R", "--yes", "--wait=false"]),
        bench.measure("delete", &delete),
        bench.measure("first apply, until all is ready", &apply),
        bench.median("nothing changed", &apply, || {}),
        bench.median("nothing changed, --trust-record", &["apply", "bench", "-R", "--yes", "--trust-record"], || {}),
        bench.median("one ConfigMap changed", &apply, &mut change),
        bench.median("one change, --trust-record", &["apply", "bench", "-R", "--yes", "--trust-record"], &mut change),
        bench.median("rollback of one change", &["rollback", "bench", "--yes"], || {}),
    ];
    rows.push(bench.measure("delete again", &delete));

    report(&format!("the bound, bare PATCHes: {bound:.2} s; again, with nothing to change: {bound_again:.2} s"));
    for Measured { what, seconds, requests } in rows {
        report(&format!("{what:32} {seconds:7.2} s  {requests:5} requests  {:5.2} x the bound", seconds / bound));
    }
}

fn report(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// What an idle control plane may take in a second, in hundredths of a core.
const IDLE_TICKS: u64 = 30;

/// Waits until the machine is idle for a second but for the control plane, half a minute at the most.
fn come_to_rest() {
    let busy_ticks = || {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
        let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq
        ticks.iter().take(3).sum::<u64>() + ticks.iter().skip(5).take(2).sum::<u64>()
    };
    for _ in 0..30 {
        let before = busy_ticks();
        std::thread::sleep(Duration::from_secs(1));
        if busy_ticks() - before <= IDLE_TICKS {
            return;
        }
    }
}

fn write(repository: &RepositoryBuilder, revision: impl Fn(usize) -> u32) {
    for (path, contents) in services_with(SERVICES, "bench", revision) {
        repository.write(&path, contents).expect("written");
    }
}

struct Bench<'a> {
    kubeconfig: &'a Path,
    home: &'a Path,
    repository: &'a Path,
}

impl Bench<'_> {
    /// The median of several runs, each after `prepare`.
    fn median(&self, what: &'static str, arguments: &[&str], mut prepare: impl FnMut()) -> Measured {
        let mut runs: Vec<Measured> = (0..REPETITIONS)
            .map(|_| {
                prepare();
                self.measure(what, arguments)
            })
            .collect();
        runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        runs.swap_remove(REPETITIONS / 2)
    }

    fn measure(&self, what: &'static str, arguments: &[&str]) -> Measured {
        come_to_rest();
        let started = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"))
            .env_clear()
            .env("HOME", self.home)
            .env("KUBECONFIG", self.kubeconfig)
            .current_dir(self.repository)
            .args(arguments)
            .output()
            .expect("the program starts");
        let seconds = started.elapsed().as_secs_f64();
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> = stdout.split_whitespace().collect();
        let position = words.iter().position(|word| word.starts_with("requests"));
        let requests = position.and_then(|position| words[position - 1].parse().ok()).unwrap_or_default();
        Measured { what, seconds, requests }
    }
}

/// The same objects in another namespace, PATCHed as fast as 16 connections go; the namespace first.
async fn bare_patches(kubeconfig: &Path, namespace: &str, services: usize) -> f64 {
    let options = ConnectOptions { kubeconfig: Some(kubeconfig.to_owned()), context: None };
    let connection = connect(&options).await.expect("a connection");
    let cluster = Cluster { connection, timeout: Duration::from_mins(1), is_patient: false };
    let kinds = cluster.discover().await.expect("discovery");
    let mut bodies = Vec::new();
    for (path, text) in services_with(services, namespace, |_| 0) {
        let (manifests, _) = manifest::read(&path, text.as_bytes());
        for manifest in manifests {
            let api_version = manifest.body.get("apiVersion").and_then(|version| version.as_str()).unwrap_or_default();
            let namespaced = kinds.get(api_version, &manifest.key.kind).expect("served").namespaced;
            let key: ResourceKey = manifest.key.bound(namespaced, namespace);
            let path = kinds.path(api_version, &key).expect("a path");
            bodies.push((path, serde_json::Value::from(&manifest.body)));
        }
    }
    bodies.sort_by_key(|(path, _)| path.matches('/').count());
    let started = Instant::now();
    let patch = |(path, body): (String, serde_json::Value)| {
        let cluster = cluster.clone();
        async move {
            let options = ApplyOptions { field_manager: "bound", force: false, dry_run: false };
            cluster.apply(&path, &body, &options).await.expect("applied");
        }
    };
    let mut bodies = bodies.into_iter();
    patch(bodies.next().expect("the namespace")).await;
    futures::stream::iter(bodies).map(patch).buffer_unordered(16).collect::<Vec<()>>().await;
    started.elapsed().as_secs_f64()
}
