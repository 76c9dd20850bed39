//! Large applications and deep ones against a real cluster: 5,001 objects, 20,001 objects, a chain of 200.
//!
//! `cargo bench -p kubectl-gitops --bench scale`; with numbers behind `--`, of so many objects only. Prints seconds, requests,
//! peak memory and ratios to the bound (bare PATCHes of the same objects: over 16 connections, and one after another for
//! the chain); gates nothing.

mod support;

use std::path::PathBuf;

use gitops_testdata::cluster::{LocalCluster, Options};
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::services::services_with;
use support::{come_to_rest, measure, median, plugin, report};

/// Services of ten objects each.
const SIZES: [usize; 2] = [500, 2000];

/// How many objects wait for each other.
const DEPTH: usize = 200;

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for services in SIZES {
        let objects = services * 10 + 1;
        if asked.is_empty() || asked.contains(&objects) {
            let name = format!("of-{objects}");
            let all = |revision: u32| services_with(services, &name, |index| if index == 50 { revision } else { 0 });
            let bare = services_with(services, "bound", |_| 0);
            measured(&format!("{objects} objects"), &name, &bare, 16, &all);
        }
    }
    if asked.is_empty() || asked.contains(&DEPTH) {
        measured(&format!("a chain of {DEPTH}"), "chain", &chain("bound", 0), 1, &|revision| chain("chain", revision));
    }
}

/// `ConfigMap`s of which each waits for the one before.
fn chain(namespace: &str, revision: u32) -> Vec<(String, String)> {
    let link = |index: usize| {
        let before = index.checked_sub(1).map_or_else(String::new, |before| {
            format!(
                "  annotations: {{config.kubernetes.io/depends-on: /namespaces/{namespace}/ConfigMap/link-{before}}}\n"
            )
        });
        let revision = if index == DEPTH / 2 { revision } else { 0 };
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: link-{index}\n  namespace: {namespace}\n{before}\
             data: {{revision: \"{revision}\"}}\n"
        )
    };
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n");
    vec![("namespace.yaml".to_owned(), namespace), ("links.yaml".to_owned(), (0..DEPTH).map(link).collect())]
}

/// All runs of one application, on a cluster of its own.
fn measured(
    what: &str,
    name: &str,
    bare: &[(String, String)],
    connections: usize,
    files: &dyn Fn(u32) -> Vec<(String, String)>,
) {
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let kubeconfig: PathBuf = cluster.connection().kubeconfig.clone();
    let home = tempfile::tempdir().expect("a folder");
    let repository = RepositoryBuilder::new().expect("a repository");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let warm = services_with(25, "warm-up", |_| 0);
    runtime.block_on(support::bound::bare_patches(&kubeconfig, &warm, "warm-up", 16));
    come_to_rest();
    let bound = runtime.block_on(support::bound::bare_patches(&kubeconfig, bare, "bound", connections));
    report(&format!("{what}; the bound, bare PATCHes over {connections} connections: {bound:.2} s"));
    let run = |arguments: &[&str]| plugin(arguments, &kubeconfig, home.path(), repository.path());
    let mut revision = 0;
    let mut change = || {
        revision += 1;
        for (path, contents) in files(revision) {
            repository.write(&path, contents).expect("written");
        }
    };
    change();
    let apply = ["apply", name, "-R", "--yes"];
    measure(run(&["apply", name, "-R", "--yes", "--wait=false"])).report("first apply, without waiting", bound);
    measure(run(&apply)).report("the next, until all is ready", bound);
    median(|| run(&apply), || {}).report("nothing changed", bound);
    median(|| run(&apply), &mut change).report("one ConfigMap changed", bound);
    median(|| run(&["rollback", name, "--yes"]), || {}).report("rollback of one change", bound);
    let guards = "--allow-delete=Namespace";
    measure(run(&["delete", name, "--yes", guards])).report("delete", bound);
}
