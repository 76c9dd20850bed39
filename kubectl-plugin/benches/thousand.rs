//! The 1,001-object set against a real cluster: first apply, nothing changed, one change, rollback, beside the bare
//! bound (the same number of server-side-apply PATCHes over 16 connections, nothing else) and the peers in the same run.
//!
//! `cargo bench -p kubectl-gitops --bench thousand`. Prints seconds, requests, peak memory and ratios; gates nothing. Peers are
//! the kubectl of the cluster, Helm as it is built for the tests, and kapp and kustomize where they are found on PATH.

mod peers;
mod support;

use gitops_testdata::cluster::{LocalCluster, Options};
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::services::services_with;
use support::{Measured, come_to_rest, measure, median, plugin, report};

const SERVICES: usize = 100;

fn main() {
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let kubeconfig = cluster.connection().kubeconfig.clone();
    let home = tempfile::tempdir().expect("a folder");
    let repository = RepositoryBuilder::new().expect("a repository");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let patches = |namespace: &str, services: usize| {
        let files = services_with(services, namespace, |_| 0);
        runtime.block_on(support::bound::bare_patches(&kubeconfig, &files, namespace, 16))
    };
    // A server that was just started is slow at everything it does for the first time.
    patches("warm-up", SERVICES / 4);
    come_to_rest();
    let bound = patches("bound", SERVICES);
    come_to_rest();
    let again = patches("bound", SERVICES);
    report(&format!("the bound, bare PATCHes: {bound:.2} s; again, with nothing to change: {again:.2} s"));

    let row = |what: &str, measured: &Measured| measured.report(what, bound);
    let run = |arguments: &[&str]| plugin(arguments, &kubeconfig, home.path(), repository.path());
    let mut revision = 0;
    let mut change = || {
        revision += 1;
        write(&repository, |index| if index == 50 { revision } else { 0 });
    };
    change();
    let apply = ["apply", "bench", "-R", "--yes"];
    let trusting = ["apply", "bench", "-R", "--yes", "--trust-record"];
    let delete = ["delete", "bench", "--yes", "--allow-delete=Namespace"];
    let unwaited = ["apply", "bench", "-R", "--yes", "--wait=false"];
    row("first apply, without waiting", &measure(run(&unwaited)));
    row("delete", &measure(run(&delete)));
    row("first apply, until all is ready", &measure(run(&apply)));
    row("nothing changed", &median(|| run(&apply), || {}));
    row("nothing changed, --trust-record", &median(|| run(&trusting), || {}));
    row("one ConfigMap changed", &median(|| run(&apply), &mut change));
    row("one change, --trust-record", &median(|| run(&trusting), &mut change));
    row("rollback of one change", &median(|| run(&["rollback", "bench", "--yes"]), || {}));
    row("delete again", &measure(run(&delete)));
    peers::report(&cluster, SERVICES, bound);
}

fn write(repository: &RepositoryBuilder, revision: impl Fn(usize) -> u32) {
    for (path, contents) in services_with(SERVICES, "bench", revision) {
        repository.write(&path, contents).expect("written");
    }
}
