//! Manifests of an application, as Argo CD reads their annotations.
//!
//! In: the folder of an application. Out: its objects with phase, wave and policies. What renders a kustomization is kubectl;
//! nothing of the product is used.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value as Json;

use super::support::World;

const HOOK: &str = "argocd.argoproj.io/hook";
const WAVE: &str = "argocd.argoproj.io/sync-wave";
const POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
const OPTIONS: &str = "argocd.argoproj.io/sync-options";
const HELM_HOOK: &str = "helm.sh/hook";
const HELM_WEIGHT: &str = "helm.sh/hook-weight";

/// Kinds without namespaces, beside those that definitions among the manifests say it of.
const OF_THE_CLUSTER: [&str; 4] = ["Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"];

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Id {
    /// Of an object as it is written, or as a server has it. A name that is still to be generated ends with `*`.
    pub(crate) fn of(object: &Json) -> Self {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        let name = match (&metadata["name"], &metadata["generateName"]) {
            (Json::Null, prefix) => format!("{}*", text(prefix)),
            (name, _) => text(name),
        };
        Self { kind: text(&object["kind"]), namespace: text(&metadata["namespace"]), name }
    }

    /// Whether an object of the server is the one that was written so.
    pub(crate) fn is_written_as(&self, written: &Self) -> bool {
        let is_named = match written.name.strip_suffix('*') {
            Some(prefix) => self.name.starts_with(prefix),
            None => self.name == written.name,
        };
        is_named && (&self.kind, &self.namespace) == (&written.kind, &written.namespace)
    }
}

/// When something is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    PreSync,
    Sync,
    PostSync,
    SyncFail,
    PreDelete,
    PostDelete,
    Never,
}

/// When the object of a hook is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Policy {
    BeforeHookCreation,
    HookSucceeded,
    HookFailed,
}

/// A manifest.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) id: Id,
    pub(crate) body: Json,
    pub(crate) is_hook: bool,
    pub(crate) phase: Phase,
    pub(crate) wave: i64,
    pub(crate) policies: BTreeSet<Policy>,
    /// Whether it goes when it is no longer wanted.
    pub(crate) is_pruned: bool,
}

impl Manifest {
    /// Whether this one cannot be made before another is there.
    pub(crate) fn needs(&self, other: &Self) -> bool {
        match other.id.kind.as_str() {
            "Namespace" => self.id.namespace == other.id.name,
            "CustomResourceDefinition" => {
                let spec = &other.body["spec"];
                let group = self.body["apiVersion"].as_str().and_then(|version| version.split_once('/'));
                spec["names"]["kind"] == self.id.kind && group.is_some_and(|(group, _)| spec["group"] == group)
            }
            _ => false,
        }
    }

    pub(crate) fn new(body: Json, destination: &str, of_the_cluster: &BTreeSet<String>) -> Self {
        let annotation = |name: &str| body["metadata"]["annotations"][name].as_str().unwrap_or_default().to_owned();
        let mut id = Id::of(&body);
        if of_the_cluster.contains(&id.kind) {
            id.namespace.clear();
        } else if id.namespace.is_empty() {
            destination.clone_into(&mut id.namespace);
        }
        let (hook, helm) = (annotation(HOOK), annotation(HELM_HOOK));
        let phase = if hook.is_empty() {
            helm_phase(&helm)
        } else {
            hook.split(',').find_map(argo_phase).or(Some(Phase::Never))
        };
        let wave = [WAVE, HELM_WEIGHT].map(annotation).into_iter().find(|text| !text.is_empty());
        let policies = annotation(POLICY);
        let mut policies: BTreeSet<Policy> = policies.split(',').filter_map(policy).collect();
        if phase.is_some() && policies.is_empty() {
            policies.insert(Policy::BeforeHookCreation);
        }
        Self {
            is_hook: phase.is_some(),
            phase: phase.unwrap_or(Phase::Sync),
            wave: wave.and_then(|text| text.trim().parse().ok()).unwrap_or_default(),
            policies,
            is_pruned: !annotation(OPTIONS).split(',').any(|option| option.trim() == "Prune=false"),
            id,
            body,
        }
    }
}

fn argo_phase(name: &str) -> Option<Phase> {
    match name.trim() {
        "PreSync" => Some(Phase::PreSync),
        "Sync" => Some(Phase::Sync),
        "PostSync" => Some(Phase::PostSync),
        "SyncFail" => Some(Phase::SyncFail),
        "PreDelete" => Some(Phase::PreDelete),
        "PostDelete" => Some(Phase::PostDelete),
        _ => None,
    }
}

/// None for what is no hook.
fn helm_phase(written: &str) -> Option<Phase> {
    let names: Vec<&str> = written.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let first = names.first()?;
    match *first {
        "crd-install" => None,
        "pre-install" | "pre-upgrade" => Some(Phase::PreSync),
        "post-install" | "post-upgrade" => Some(Phase::PostSync),
        _ => Some(Phase::Never),
    }
}

fn policy(name: &str) -> Option<Policy> {
    match name.trim() {
        "BeforeHookCreation" => Some(Policy::BeforeHookCreation),
        "HookSucceeded" => Some(Policy::HookSucceeded),
        "HookFailed" => Some(Policy::HookFailed),
        _ => None,
    }
}

/// The manifests of a folder; a kustomization gives what kubectl renders.
pub(crate) fn of_folder(folder: &Path, world: &World) -> Vec<Manifest> {
    let texts = if folder.join("kustomization.yaml").exists() {
        vec![world.kubectl(&["kustomize", &folder.to_string_lossy()])]
    } else {
        let read = |path: &PathBuf| std::fs::read_to_string(path).expect("readable");
        files(folder).iter().map(read).collect()
    };
    let documents = |text: &String| {
        let documents = serde_yaml::Deserializer::from_str(text).map(|one| Json::deserialize(one).expect("YAML"));
        documents.filter(|document| !document.is_null()).collect::<Vec<_>>()
    };
    let bodies: Vec<Json> = texts.iter().flat_map(documents).collect();
    let defined = bodies.iter().filter(|body| body["spec"]["scope"] == "Cluster");
    let of_the_cluster: BTreeSet<String> = OF_THE_CLUSTER
        .map(str::to_owned)
        .into_iter()
        .chain(defined.filter_map(|body| body["spec"]["names"]["kind"].as_str().map(str::to_owned)))
        .collect();
    bodies.into_iter().map(|body| Manifest::new(body, &world.name, &of_the_cluster)).collect()
}

/// The files of a folder and of those below, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
