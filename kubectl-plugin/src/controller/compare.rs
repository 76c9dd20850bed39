//! Git, the record and the cluster, held against each other. Pure.
//!
//! In: the graph that Git gives, what we own, what was seen of it. Out: [`Comparison`]: for each resource whether it is as
//! Git says and how it does, and in all whether there is something to deliver, or something to put back.

use std::collections::{BTreeMap, BTreeSet};

use gitops_compiler::canon::Value;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Bound, Seen};

use crate::application::SyncWord;
use crate::health::{self, Health, Status};
use crate::record::InventoryEntry;

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its key.
    pub key: ResourceKey,
    /// `apiVersion`.
    pub api_version: String,
    /// Whether it is as Git says.
    pub sync: SyncWord,
    /// How it does, where there is more to know than that it is there.
    pub health: Option<Health>,
    /// Whether its health counts.
    pub counts: bool,
    /// Whether Git has it no more.
    pub requires_pruning: bool,
    /// Its wave.
    pub wave: i64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// By key.
    pub resources: Vec<Compared>,
    /// In one word.
    pub sync: SyncWord,
    /// In one word.
    pub health: Status,
    /// Whether objects that we applied are not as we applied them.
    pub has_drifted: bool,
    /// Images of containers, sorted.
    pub images: BTreeSet<String>,
    /// Whether it renders Applications.
    pub is_app_of_apps: bool,
}

/// What is compared.
pub struct Compare<'a> {
    /// What Git gives.
    pub desired: &'a Bound,
    /// What we own.
    pub inventory: &'a BTreeMap<ResourceKey, InventoryEntry>,
    /// What was seen of that.
    pub seen: &'a BTreeMap<ResourceKey, Seen>,
    /// Whether all of that is settled: no run is on the way, or died.
    pub is_settled: bool,
}

impl Compare<'_> {
    /// Compares. `health_of` says how an object does that is there, and whether that counts.
    #[must_use]
    pub fn compare(&self, health_of: impl Fn(&ResourceKey) -> Option<(Health, bool)>) -> Comparison {
        let (mut resources, mut has_drifted) = (Vec::new(), false);
        let (mut images, mut is_app_of_apps) = (BTreeSet::new(), false);
        for key in self.desired.content_keys() {
            let Some(resource) = self.desired.resource(key) else { continue };
            images_of(&resource.body, &mut images);
            is_app_of_apps |= key.is("argoproj.io", "Application");
            let entry = self.inventory.get(key);
            let seen = self.seen.get(key);
            let is_there = entry.is_some() && matches!(seen, Some(Seen::Present { .. }));
            let as_applied = matches!(seen, Some(Seen::Present { as_applied: true, .. }));
            let is_wanted = entry.is_some_and(|entry| entry.applied == resource.id);
            has_drifted |= entry.is_some() && !as_applied;
            let (health, counts) = if is_there { split(health_of(key)) } else { (Some(Health::missing()), true) };
            let wave = resource.annotation("argocd.argoproj.io/sync-wave");
            resources.push(Compared {
                key: key.clone(),
                api_version: resource.api_version().to_owned(),
                sync: if as_applied && is_wanted { SyncWord::Synced } else { SyncWord::OutOfSync },
                health,
                counts,
                requires_pruning: false,
                wave: wave.and_then(|wave| wave.parse().ok()).unwrap_or_default(),
            });
        }
        for (key, entry) in self.inventory.iter().filter(|(key, _)| !self.is_wanted(key)) {
            if self.seen.get(key) == Some(&Seen::Absent) {
                continue;
            }
            let (health, counts) = split(health_of(key));
            let api_version = entry.api_version.clone();
            let sync = SyncWord::OutOfSync;
            resources.push(Compared {
                key: key.clone(),
                api_version,
                sync,
                health,
                counts,
                requires_pruning: true,
                wave: 0,
            });
        }
        resources.sort_by(|one, other| one.key.cmp(&other.key));
        let synced = self.is_settled && resources.iter().all(|resource| resource.sync == SyncWord::Synced);
        let sync = if synced { SyncWord::Synced } else { SyncWord::OutOfSync };
        let health = worst(&resources);
        Comparison { resources, sync, health, has_drifted, images, is_app_of_apps }
    }

    /// Whether the graph has a key, and not as a hook.
    fn is_wanted(&self, key: &ResourceKey) -> bool {
        self.desired.resource(key).is_some_and(|resource| resource.hook().is_none())
    }
}

fn split(health: Option<(Health, bool)>) -> (Option<Health>, bool) {
    health.map_or((None, true), |(health, counts)| (Some(health), counts))
}

/// The worst of all; an application of which nothing is there yet is Missing, and of one that has only lost some of its
/// objects the others tell, as in Argo CD.
fn worst(resources: &[Compared]) -> Status {
    let word = |resource: &Compared| resource.health.as_ref().map_or(Status::Healthy, |health| health.status);
    let counted = || resources.iter().filter(|resource| resource.counts).map(word);
    if counted().next().is_some() && counted().all(|status| status == Status::Missing) {
        return Status::Missing;
    }
    health::worst(counted().filter(|status| *status != Status::Missing))
}

/// The images of the containers of a workload, wherever its template is.
fn images_of(value: &Value, images: &mut BTreeSet<String>) {
    const TEMPLATES: [&[&str]; 4] = [
        &["spec", "template", "spec"],
        &["spec", "jobTemplate", "spec", "template", "spec"],
        &["spec"],
        &["template", "spec"],
    ];
    for template in TEMPLATES {
        for list in ["initContainers", "containers"] {
            let path: Vec<&str> = template.iter().copied().chain([list]).collect();
            let containers = value.at(&path).map(Value::items).unwrap_or_default();
            images
                .extend(containers.iter().filter_map(|it| it.get("image").and_then(Value::as_str)).map(str::to_owned));
        }
    }
}
