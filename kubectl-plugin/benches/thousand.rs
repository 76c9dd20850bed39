//! The 1,001-object set against a real cluster: first apply, nothing changed, one change, rollback, beside the bare
//! bound (the same number of server-side-apply PATCHes over 16 connections, nothing else) in the same run.
//!
//! `cargo bench -p kubectl-gitops --bench thousand`. Prints seconds, requests and ratios; gates nothing.

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
    let bound = runtime.block_on(bare_patches(&kubeconfig));
    let bound_again = runtime.block_on(bare_patches(&kubeconfig));

    write(&repository, |_| 0);
    let mut rows = vec![
        bench.measure("first apply, without waiting", &["apply", "bench", "-R", "--yes", "--wait=false"]),
        bench.measure("nothing changed", &["apply", "bench", "-R", "--yes"]),
    ];
    write(&repository, |index| u32::from(index == 50));
    rows.push(bench.measure("one ConfigMap changed", &["apply", "bench", "-R", "--yes"]));
    write(&repository, |index| u32::from(index == 50) * 2);
    rows.push(bench.measure("one change, --trust-record", &["apply", "bench", "-R", "--yes", "--trust-record"]));
    rows.push(bench.measure("rollback of one change", &["rollback", "bench", "--yes"]));
    rows.push(bench.measure("delete", &["delete", "bench", "--yes", "--allow-delete=Namespace"]));
    write(&repository, |_| 0);
    rows.push(bench.measure("first apply, until all is ready", &["apply", "bench", "-R", "--yes"]));

    report(&format!("bare PATCHes, first time: {bound:.2} s; again: {bound_again:.2} s"));
    for Measured { what, seconds, requests } in rows {
        report(&format!("{what:32} {seconds:7.2} s  {requests:5} requests  {:5.2} x the bound", seconds / bound));
    }
}

fn report(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
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
    fn measure(&self, what: &'static str, arguments: &[&str]) -> Measured {
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
async fn bare_patches(kubeconfig: &Path) -> f64 {
    let options = ConnectOptions { kubeconfig: Some(kubeconfig.to_owned()), context: None };
    let connection = connect(&options).await.expect("a connection");
    let cluster = Cluster { connection, timeout: Duration::from_mins(1) };
    let kinds = cluster.discover().await.expect("discovery");
    let mut bodies = Vec::new();
    for (path, text) in services_with(SERVICES, "bound", |_| 0) {
        let (manifests, _) = manifest::read(&path, text.as_bytes());
        for manifest in manifests {
            let api_version = manifest.body.get("apiVersion").and_then(|version| version.as_str()).unwrap_or_default();
            let namespaced = kinds.get(api_version, &manifest.key.kind).expect("served").namespaced;
            let key: ResourceKey = manifest.key.bound(namespaced, "bound");
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
