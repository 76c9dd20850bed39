//! Bundles against the real cluster: applied without Git, home or programs, recorded, rolled back, held; and nothing is changed by one
//! that is not what it should be.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use gitops_testdata::servers::{Access, Certificates, Registry};
use serde_json::Value as Json;
use support::{Ended, World, config_map, deployment};

/// A bundle of what lies in the repository now, in the application's namespace.
fn build(world: &World, name: &str) -> String {
    let out = world.home.path().join(name).display().to_string();
    let built = world.run(&["bundle", "build", &world.name, "-n", &world.name, "--out", &out]);
    assert_eq!(built.code, 0, "{}", built.told());
    out
}

/// The digest of the manifest of a bundle.
fn manifest(path: &str) -> String {
    let files = kubectl_gitops::bundle::read(Path::new(path)).unwrap_or_else(|error| panic!("{}", error.message));
    kubectl_gitops::bundle::manifest_digest(&files).unwrap_or_else(|error| panic!("{}", error.message)).to_string()
}

/// The program on a machine that has a kubeconfig and nothing else: no home, no programs, no repository.
fn bare(world: &World, arguments: &[&str]) -> Ended {
    let nowhere = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
    command.env_clear().env("PATH", nowhere.path()).env("KUBECONFIG", &world.kubeconfig).env("USER", "tester");
    let output = command.args(arguments).current_dir(nowhere.path()).stdin(Stdio::null()).output().expect("it runs");
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The releases, newest first.
fn releases(world: &World) -> Vec<Json> {
    let ended = bare(world, &["history", &world.name, "-o", "json"]);
    let history: Json = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.told()));
    history["releases"].as_array().expect("a list").clone()
}

#[test]
fn a_bundle_is_applied_without_git_and_rolled_back() {
    let world = World::new("bundled");
    let name = world.name.clone();
    world.write("a.yaml", &config_map("settings", "one")).write("web.yaml", &deployment("web", "web", "settings", ""));
    let one = build(&world, "one.tar");
    world.write("a.yaml", &config_map("settings", "two")).write("b.yaml", &config_map("more", "two"));
    let two = build(&world, "two");
    let apply = |bundle: &str| bare(&world, &["bundle", "apply", &name, bundle, "--yes"]);

    let first = apply(&one);
    assert_eq!(first.code, 0, "{}", first.told());
    assert!(first.stderr.contains(&format!("bundle {}", &manifest(&one)[..19])), "{}", first.told());
    assert_eq!(world.get("configmap", "settings")["data"]["value"], "one", "where the bundle says");
    assert_eq!(world.get("deployment", "web")["status"]["availableReplicas"], 1, "it was waited for");
    let again = apply(&one);
    assert!(again.code == 0 && again.stdout.contains("nothing to do"), "{}", again.told());
    let second = apply(&two);
    assert_eq!(second.code, 0, "{}", second.told());
    assert_eq!(world.owned("configmaps"), ["configmap/more", "configmap/settings"]);

    let back = bare(&world, &["rollback", &name, "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert_eq!(world.owned("configmaps"), ["configmap/settings"], "what came with it goes with it");
    let held = apply(&two);
    assert!(held.code == 4 && held.stderr.contains("taken back"), "{}", held.told());

    let bundles: Vec<Json> = releases(&world).iter().map(|release| release["bundle"].clone()).collect();
    assert_eq!(bundles, [manifest(&one), manifest(&two), manifest(&one)].map(Json::from));
    assert!(releases(&world).iter().all(|release| release["commit"].is_null()));
    let history = bare(&world, &["history", &name]);
    assert!(history.stdout.contains(&manifest(&two)[..19]), "{}", history.told());
    // The sources give the same: there is nothing to do for them.
    world.write("a.yaml", &config_map("settings", "one")).remove("b.yaml");
    let sources = world.apply(&[]);
    assert!(sources.code == 0 && sources.stdout.contains("nothing to do"), "{}", sources.told());
}

#[test]
fn what_an_application_says_of_its_delivery_goes_with_the_bundle() {
    let world = World::new("delivered");
    let name = format!("{}-made", world.name);
    world.write("deploy/a.yaml", &config_map("settings", "one"));
    world.write(
        "app.yaml",
        &format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd}}\nspec:\n  project: \
             default\n  destination: {{namespace: {name}, server: https://kubernetes.default.svc}}\n  source: \
             {{repoURL: https://example.com/shop.git, path: deploy}}\n  ignoreDifferences: [{{kind: ConfigMap, jsonPointers: [/data/value]}}]\n  syncPolicy:\n    syncOptions: \
             [CreateNamespace=true, RespectIgnoreDifferences=true]\n    managedNamespaceMetadata: {{labels: {{from: a-bundle}}}}\n"
        ),
    );
    let out = world.home.path().join("app.tar").display().to_string();
    world.repository.commit("an application").expect("committed");
    let here = format!("https://example.com/shop.git={}", world.repository.path().display());
    let built = world.run(&["bundle", "build", "-f", "app.yaml", "--repository", &here, "--out", &out]);
    assert_eq!(built.code, 0, "{}", built.told());
    let applied = bare(&world, &["bundle", "apply", &name, &out, "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    let namespace = world.get("namespace", &name);
    assert_eq!(namespace["metadata"]["labels"]["from"], "a-bundle", "{namespace}");
    world.kubectl(&["patch", "configmap", "settings", "-n", &name, "-p", r#"{"data":{"value":"theirs"}}"#]);
    let drift = bare(&world, &["drift", &name]);
    assert_eq!(drift.code, 0, "{}", drift.told());
    let elsewhere = bare(&world, &["bundle", "apply", &world.name, &out, "-n", &world.name, "--yes"]);
    assert_eq!(elsewhere.code, 0, "flags say more: {}", elsewhere.told());
    assert_eq!(world.get("configmap", "settings")["data"]["value"], "one");
    bare(&world, &["delete", &name, "--yes", "--allow-delete=Namespace"]);
    world.try_kubectl(&["delete", "namespace", &name, "--wait=false", "--ignore-not-found"]);
}

#[test]
fn a_bundle_of_a_registry_is_applied_by_its_digest_and_no_other() {
    let world = World::new("registered");
    let name = world.name.clone();
    let certificates = Certificates::make().expect("certificates");
    let registry = Registry::start(&certificates, Access::Open).expect("a registry");
    let authority = certificates.authority().display().to_string();
    let address = format!("oci://{}/shop", registry.address().trim_start_matches("https://"));
    world.write("a.yaml", &config_map("settings", "one"));
    let bundle = build(&world, "one");
    let pushed = bare(&world, &["bundle", "push", &bundle, &format!("{address}:v1"), "--ca-file", &authority]);
    assert_eq!(pushed.code, 0, "{}", pushed.told());
    let apply = |from: &str, more: &[&str]| {
        let arguments = ["bundle", "apply", &name, from, "--yes", "--ca-file", &authority];
        bare(&world, &[&arguments[..], more].concat())
    };
    let other = format!("g1-{}", "a".repeat(52));
    let refused = apply(&format!("{address}:v1"), &["--graph", &other]);
    assert!(refused.code == 4 && refused.stderr.contains("and not g1-aaaa"), "{}", refused.told());
    assert!(world.head_or_null().is_null(), "nothing was recorded");
    let tried = apply(&format!("{address}:v1"), &["--dry-run=server"]);
    assert!(tried.code == 0 && world.head_or_null().is_null(), "{}", tried.told());
    let applied = apply(&format!("{address}@{}", manifest(&bundle)), &[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(releases(&world)[0]["bundle"], manifest(&bundle));
    // Once it was applied the registry is not needed any more.
    drop(registry);
    world.kubectl(&["delete", "configmap", "settings", "-n", &name]);
    let drifted = bare(&world, &["drift", &name]);
    assert_eq!(drifted.code, 1, "{}", drifted.told());
}

/// Each refused before anything is sent.
#[test]
fn what_is_no_bundle_changes_nothing() {
    let world = World::new("nobundle");
    let name = world.name.clone();
    world.write("a.yaml", &config_map("settings", "one"));
    let bundle = build(&world, "one");
    for entry in std::fs::read_dir(Path::new(&bundle).join("blobs/sha256")).expect("blobs") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("read");
        let mut other = bytes.clone();
        other[bytes.len() / 2] ^= 1;
        std::fs::write(&path, other).expect("written");
        let refused = bare(&world, &["bundle", "apply", &name, &bundle, "--yes"]);
        assert!(refused.code == 2 && refused.stderr.contains("no bundle that can be taken"), "{}", refused.told());
        std::fs::write(&path, bytes).expect("written");
    }
    assert!(world.head_or_null().is_null() && world.owned("configmaps").is_empty());
    let asked = bare(&world, &["bundle", "apply", &name, &bundle]);
    assert!(asked.code == 2 && asked.stderr.contains("add --yes"), "{}", asked.told());
    assert!(world.owned("configmaps").is_empty());
}
