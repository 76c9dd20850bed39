//! Argo CD's own end-to-end applications, as folders of one repository: an Application is made for each as it is, and what
//! becomes of each is told in a table. Nothing is expected of a folder but that it comes to rest, and is Synced or says why
//! not.

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
    let mut all: BTreeMap<String, Became> = BTreeMap::new();
    ground.until_long("all have come to rest", |ground| {
        for name in &names {
            let status = ground.status_of(name);
            if is_at_rest(&status) {
                all.insert(name.clone(), became(&status));
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
}
