//! The same with other programs, each in a namespace of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use gitops_testdata::cluster::LocalCluster;
use gitops_testdata::services::services_with;

use crate::support::{measure, median, report as line};

/// One program's way to the set of objects that a folder holds.
struct Peer<'a> {
    name: &'static str,
    folder: &'a Path,
    first: Command,
    again: &'a dyn Fn() -> Command,
    /// Where it has one.
    back: Option<Command>,
    delete: Command,
}

/// Measures all peers that are there, and says which are not.
pub(crate) fn report(cluster: &LocalCluster, services: usize, bound: f64) {
    let kubeconfig = cluster.connection().kubeconfig.clone();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.join("templates/services")).expect("made");
        path
    };

    let manifests = path("kubectl");
    let kubectl = |arguments: &[&str]| {
        let mut command = cluster.kubectl();
        command.args(arguments).current_dir(&manifests);
        command
    };
    let apply = ["apply", "--server-side", "-R", "-f", "."];
    peer(
        services,
        bound,
        Peer {
            name: "kubectl apply --server-side",
            folder: &manifests,
            first: kubectl(&apply),
            again: &|| kubectl(&apply),
            back: None,
            delete: kubectl(&["delete", "namespace", "kubectl"]),
        },
    );

    let helm = gitops_testdata::helm::build().expect("Helm");
    let chart = path("helm");
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: helm\nversion: 0.1.0\n").expect("written");
    let run = |arguments: &[&str]| tool(&helm, &kubeconfig, folder.path(), arguments);
    peer(
        services,
        bound,
        Peer {
            name: "helm",
            folder: &chart,
            first: run(&["install", "bench", "./helm", "--timeout", "10m"]),
            again: &|| run(&["upgrade", "bench", "./helm", "--timeout", "10m"]),
            back: Some(run(&["rollback", "bench", "--timeout", "10m"])),
            delete: run(&["uninstall", "bench", "--timeout", "10m"]),
        },
    );

    if let Some(kapp) = on_path("kapp") {
        let manifests = path("kapp");
        let run = |arguments: &[&str]| tool(&kapp, &kubeconfig, folder.path(), arguments);
        let deploy = ["deploy", "-a", "bench", "-f", "./kapp", "-y"];
        peer(
            services,
            bound,
            Peer {
                name: "kapp deploy",
                folder: &manifests,
                first: run(&deploy),
                again: &|| run(&deploy),
                back: None,
                delete: run(&["delete", "-a", "bench", "-y"]),
            },
        );
    } else {
        line("kapp is not on PATH");
    }
    // It renders only: what comes after is kubectl's.
    if let Some(kustomize) = on_path("kustomize") {
        let manifests = path("kustomize");
        let files = write(&manifests, services, "kustomize", 0);
        let resources: Vec<String> = files.iter().map(|file| format!("- templates/{file}\n")).collect();
        std::fs::write(manifests.join("kustomization.yaml"), format!("resources:\n{}", resources.concat()))
            .expect("written");
        let build = || tool(&kustomize, &kubeconfig, folder.path(), &["build", "./kustomize"]);
        median(build, || {}).report("kustomize build", bound);
    } else {
        line("kustomize is not on PATH");
    }
}

fn peer(services: usize, bound: f64, peer: Peer<'_>) {
    let namespace = peer.folder.file_name().and_then(|name| name.to_str()).expect("a name");
    let mut revision = 0;
    write(peer.folder, services, namespace, revision);
    measure(peer.first).report(&format!("{}, first", peer.name), bound);
    median(peer.again, || {}).report(&format!("{}, nothing changed", peer.name), bound);
    let change = || {
        revision += 1;
        write(peer.folder, services, namespace, revision);
    };
    median(peer.again, change).report(&format!("{}, one ConfigMap changed", peer.name), bound);
    if let Some(back) = peer.back {
        measure(back).report(&format!("{}, rollback of one change", peer.name), bound);
    }
    measure(peer.delete).report(&format!("{}, delete", peer.name), bound);
}

/// Writes the set below `templates`, where a chart has it; gives the files.
fn write(folder: &Path, services: usize, namespace: &str, revision: u32) -> Vec<String> {
    let files = services_with(services, namespace, |index| if index == 50 { revision } else { 0 });
    for (path, text) in &files {
        std::fs::write(folder.join("templates").join(path), text).expect("written");
    }
    files.into_iter().map(|(path, _)| path).collect()
}

fn tool(program: &Path, kubeconfig: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", folder).env("KUBECONFIG", kubeconfig).current_dir(folder).args(arguments);
    command
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
