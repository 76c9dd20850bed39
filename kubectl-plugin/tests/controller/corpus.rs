//! Argo CD's own end-to-end applications, as folders of one repository, and its example applications, made by their own
//! Application of Applications: what becomes of each is told in a table. Nothing is expected of one but that it comes to
//! rest, and is Synced or says why not.

use std::collections::BTreeMap;
use std::path::Path;

use gitops_testdata::cluster::{self, LocalCluster, Options};
use gitops_testdata::helm as helm_program;
use serde_json::{Value as Json, json};

use crate::support::corpus;
use crate::world::Ground;

/// What became of an Application.
struct Became {
    sync: String,
    health: String,
    why: String,
}

fn became(status: &Json) -> Became {
    let text = |pointer: &str| status.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let told = conditions.map(|it| format!("{}: {}", it["type"].as_str().unwrap_or_default(), it["message"])).next();
    let failed = text("/operationState/phase") != "Succeeded";
    let why = told.unwrap_or_else(|| if failed { text("/operationState/message") } else { String::new() });
    Became { sync: text("/sync/status"), health: text("/health/status"), why }
}

/// Whether nothing more will become of it without a change.
fn is_at_rest(status: &Json) -> bool {
    let phase = status["operationState"]["phase"].as_str().unwrap_or_default();
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let is_refused =
        conditions.into_iter().any(|it| it["type"] != "SyncError" && it["type"] != "RepeatedResourceWarning");
    is_refused || matches!(phase, "Succeeded" | "Failed" | "Error")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

/// What an Application of a folder is called.
fn name_of(folder: &str) -> String {
    folder.to_lowercase().replace('_', "-").trim_matches('.').to_owned()
}

#[test]
fn each_folder_of_argo_cds_own_tests_is_synced_or_says_why_not() {
    let Some(apps) = corpus::part("argocd/apps") else { return };
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let mut ground = Ground::on(&cluster, "corpus");
    copy(&apps, &ground.world.repository.path().join("apps"));
    ground.push();
    let (helm, kubectl) = (helm_program::build().expect("Helm"), cluster::build().expect("kubectl").kubectl());
    let programs = [helm.display().to_string(), kubectl.display().to_string()];
    ground.start_with(&["--polling", "0", "--helm", &programs[0], "--kustomize", &programs[1]]);
    let mut folders: Vec<String> = std::fs::read_dir(&apps)
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    // Its hook is a Pod that never ends here: five minutes of waiting.
    folders.retain(|folder| corpus::is_long() || folder != "multi-namespace-hook");
    folders.sort();
    for folder in &folders {
        let mut application = ground.another(folder);
        application["metadata"]["name"] = json!(name_of(folder));
        application["spec"]["source"]["path"] = json!(format!("apps/{folder}"));
        application["spec"]["destination"]["namespace"] = json!(format!("ns-{}", name_of(folder)));
        application["spec"]["syncPolicy"]["syncOptions"] = json!(["CreateNamespace=true"]);
        application["spec"]["syncPolicy"]["retry"] = json!({"limit": 0});
        ground.create(&application);
    }
    let names: Vec<String> = folders.iter().map(|folder| name_of(folder)).collect();
    told(&ground, &ground.world.name, &names);
}

/// Waits until all have come to rest; tells what became of each.
fn told(ground: &Ground, namespace: &str, names: &[String]) -> BTreeMap<String, Became> {
    let mut all: BTreeMap<String, Became> = BTreeMap::new();
    ground.until_long("all have come to rest", |ground| {
        for name in names {
            let text = ground.world.kubectl(&["get", "applications.argoproj.io", name, "-n", namespace, "-o", "json"]);
            let application: Json = serde_json::from_str(&text).expect("JSON");
            if is_at_rest(&application["status"]) {
                all.insert(name.clone(), became(&application["status"]));
            }
        }
        all.len() == names.len()
    });
    let (mut counts, mut silent) = (BTreeMap::new(), Vec::new());
    for (name, Became { sync, health, why }) in &all {
        corpus::say(&format!("{name:36} {sync:10} {health:12} {}", why.chars().take(150).collect::<String>()));
        *counts.entry(format!("{sync} {health}")).or_insert(0) += 1;
        if sync != "Synced" && why.is_empty() {
            silent.push(name.clone());
        }
    }
    corpus::say(&format!("{} Applications: {counts:?}", all.len()));
    assert!(silent.is_empty(), "they are not Synced and do not say why: {silent:?}");
    all
}

/// Where the example applications are made, as their chart says.
const EXAMPLES: &str = "argocd";

#[test]
fn argo_cds_example_applications_are_synced_or_say_why_not() {
    let Some(bundle) = corpus::part("git/argocd-example-apps.bundle") else { return };
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let mut ground = Ground::on(&cluster, EXAMPLES);
    let folder = ground.world.home.path().join("examples");
    let bundle = bundle.display().to_string();
    ground.world.repository.git(&["clone", "--quiet", &bundle, &folder.display().to_string()]).expect("cloned");
    copy_but(&folder, ground.world.repository.path(), ".git");
    ground.push();
    let (helm, kubectl) = (helm_program::build().expect("Helm"), cluster::build().expect("kubectl").kubectl());
    let [helm, kubectl] = [helm, kubectl].map(|program| program.display().to_string());
    ground.start_with(&["--polling", "0", "--helm", &helm, "--kustomize", &kubectl]);
    let mut apps = ground.another("apps");
    apps["spec"]["source"]["helm"] = json!({"parameters": [
        {"name": "config.spec.source.repoURL", "value": ground.address()},
        {"name": "config.spec.source.targetRevision", "value": "HEAD"},
    ]});
    ground.create(&apps);
    ground.until("the Application of Applications is Synced", |ground| {
        ground.status_of("apps")["sync"]["status"] == "Synced"
    });
    let listed = ground.world.kubectl(&["get", "applications.argoproj.io", "-n", EXAMPLES, "-o", "name"]);
    let all_names = listed.lines().filter_map(|line| Some(line.split_once('/')?.1.to_owned()));
    let names: Vec<String> = all_names.filter(|name| name != "apps").collect();
    let all = told(&ground, EXAMPLES, &names);
    assert_eq!(all.len(), 14, "{listed}");
    for name in ["guestbook", "kustomize-guestbook", "helm-guestbook", "jsonnet-guestbook", "sync-waves"] {
        assert_eq!(all[&format!("example.{name}")].sync, "Synced", "{name}");
    }
}

/// Copies what is in a folder, but one entry.
fn copy_but(from: &Path, to: &Path, but: &str) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten().filter(|entry| entry.file_name() != but) {
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
}
