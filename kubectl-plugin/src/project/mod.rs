//! `AppProject`: what the applications of a project may do.
//!
//! In: an object, or nothing for the project `default`, which then permits all. Out: an [`AppProject`], or everything that
//! is wrong with it. It answers: may these sources be read, may this destination be written to, may the Application live
//! in this namespace, may this resource be applied, may a sync happen now. Every "no" is a [`Violation`], which names the
//! project, what was asked for and the field that says so; all are collected. Pure: no cluster, no clock.
//!
//! The rules are those of Argo CD 3.5 (`AppProject` of its API), denials and empty lists included. Where it goes on with a
//! warning (a pattern that cannot be read, an unknown time zone), here is an error: such a project says something other
//! than was meant. What this version does not act on is kept undecoded, and [`AppProject::not_enforced`] names what of it
//! restricts something.

mod account;
mod destination;
mod duration;
mod faults;
mod orphans;
mod pattern;
mod resource;
mod roles;
mod schedule;
mod source;
#[cfg(test)]
mod tests;
mod window;
mod windows;
mod zone;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

pub use destination::Cluster;
pub use duration::duration;
pub use orphans::Orphans;
pub use resource::Asked;
pub use roles::{Grant, Role, role};
pub use window::{Governed, WindowSpec};
pub use windows::{Initiator, SyncWindows, WindowState, WindowsState};

use account::Account;
use destination::Destination;
use faults::Faults;
use pattern::Pattern;
use resource::{Items, Kinds};
use window::Window;

/// The project of applications that name none.
pub const DEFAULT: &str = "default";

/// A project.
#[derive(Debug, Clone)]
pub struct AppProject {
    name: String,
    sources: Vec<Pattern>,
    source_namespaces: Vec<Pattern>,
    destinations: Vec<Destination>,
    only_own_clusters: bool,
    cluster_kinds: Kinds,
    namespaced_kinds: Kinds,
    accounts: Vec<Account>,
    orphans: Option<Orphans>,
    /// When its applications may be synced.
    pub windows: SyncWindows,
    not_enforced: Vec<&'static str>,
}

/// Something that a project does not permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    project: String,
    asked: String,
    why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "project {} does not permit {}: {}", self.project, self.asked, self.why)
    }
}

/// Fields that restrict something which this version does not look at.
const NOT_ENFORCED: [&str; 2] = ["signatureKeys", "sourceIntegrity"];

impl AppProject {
    /// Reads a project.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, each with its place.
    pub fn read(object: &Json) -> Result<Self, Vec<String>> {
        let name = object.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default();
        if object.get("kind").and_then(Json::as_str) != Some("AppProject") || name.is_empty() {
            return Err(vec!["this is no AppProject with a name".to_owned()]);
        }
        let empty = Map::new();
        let spec = match object.get("spec") {
            None | Some(Json::Null) => &empty,
            Some(Json::Object(spec)) => spec,
            Some(_) => return Err(vec![format!("project {name}: spec is no map")]),
        };
        let mut reader = Reader { spec, faults: Faults::default() };
        let project = Self {
            name: name.to_owned(),
            sources: reader.patterns("sourceRepos", Pattern::of_address),
            source_namespaces: reader.patterns("sourceNamespaces", Pattern::of_namespace),
            destinations: reader.destinations(),
            only_own_clusters: reader.field("permitOnlyProjectScopedClusters"),
            cluster_kinds: reader.kinds("clusterResourceWhitelist", "clusterResourceBlacklist"),
            namespaced_kinds: reader.kinds("namespaceResourceWhitelist", "namespaceResourceBlacklist"),
            accounts: reader.accounts(),
            orphans: reader.orphans(),
            windows: reader.windows(),
            not_enforced: NOT_ENFORCED.into_iter().filter(|field| says_something(spec.get(*field))).collect(),
        };
        let told = reader.faults.told;
        if told.is_empty() {
            return Ok(project);
        }
        Err(told.into_iter().map(|fault| format!("project {name}: {fault}")).collect())
    }

    /// The project `default` where there is no object of that name: it permits all, as the one that Argo CD makes.
    #[must_use]
    pub fn permits_all() -> Self {
        let all = || Pattern::without_denial("*").into_iter().collect::<Vec<_>>();
        Self {
            name: DEFAULT.to_owned(),
            sources: all(),
            source_namespaces: Vec::new(),
            destinations: Destination::all().into_iter().collect(),
            only_own_clusters: false,
            cluster_kinds: Kinds { allowed: Some(Items::all()), denied: Items::default() },
            namespaced_kinds: Kinds::default(),
            accounts: Vec::new(),
            orphans: None,
            windows: SyncWindows::default(),
            not_enforced: Vec::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fields of its spec that restrict something which this version does not look at. Who applies what such a project
    /// governs must say so.
    #[must_use]
    pub fn not_enforced(&self) -> &[&'static str] {
        &self.not_enforced
    }

    /// May an Application of this project live in a namespace? In that of the controller it always may.
    #[must_use]
    pub fn application_namespace(&self, namespace: &str, controller: &str) -> Option<Violation> {
        let is_at_home = namespace.is_empty() || namespace == controller;
        if is_at_home || self.source_namespaces.iter().any(|pattern| pattern.admits(namespace)) {
            return None;
        }
        let why =
            format!("no pattern of spec.sourceNamespaces matches it: add it, or move the Application to {controller}");
        Some(self.violation(format!("Applications in the namespace {namespace}"), why))
    }

    fn violation(&self, asked: String, why: String) -> Violation {
        Violation { project: self.name.clone(), asked, why }
    }
}

/// Reads fields of a spec one by one, so that all that is wrong is told.
struct Reader<'s> {
    spec: &'s Map<String, Json>,
    faults: Faults,
}

impl Reader<'_> {
    /// A field; nulls are as if they were not there, as Go reads them.
    fn field<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let Some(value) = self.spec.get(name).filter(|value| !value.is_null()) else { return T::default() };
        serde_json::from_value(without_nulls(value)).unwrap_or_else(|error| {
            self.faults.told.push(format!("spec.{name}: {error}"));
            T::default()
        })
    }

    fn patterns(&mut self, name: &str, read: impl Fn(&str) -> Result<Pattern, String>) -> Vec<Pattern> {
        let list: Vec<String> = self.field(name);
        self.faults.patterns(&list, &format!("spec.{name}"), read)
    }

    fn destinations(&mut self) -> Vec<Destination> {
        let list: Vec<destination::Spec> = self.field("destinations");
        let numbered = list.into_iter().enumerate();
        let read = |(index, spec)| Destination::new(&spec, &format!("spec.destinations[{index}]"), &mut self.faults);
        numbered.filter_map(read).collect()
    }

    fn kinds(&mut self, allowed: &'static str, denied: &'static str) -> Kinds {
        let lists: (Option<Vec<_>>, Vec<_>) = (self.field(allowed), self.field(denied));
        let mut items =
            |list: Vec<resource::Spec>, name: &str| Items::new(&list, &format!("spec.{name}"), &mut self.faults);
        Kinds { allowed: lists.0.map(|list| items(list, allowed)), denied: items(lists.1, denied) }
    }

    fn accounts(&mut self) -> Vec<Account> {
        let list: Vec<account::Spec> = self.field("destinationServiceAccounts");
        let numbered = list.into_iter().enumerate();
        let place = |index| format!("spec.destinationServiceAccounts[{index}]");
        numbered.filter_map(|(index, spec)| Account::new(&spec, &place(index), &mut self.faults)).collect()
    }

    fn orphans(&mut self) -> Option<Orphans> {
        let spec: Option<orphans::Spec> = self.field("orphanedResources");
        spec.map(|spec| Orphans::new(&spec, "spec.orphanedResources", &mut self.faults))
    }

    fn windows(&mut self) -> SyncWindows {
        let list: Vec<WindowSpec> = self.field("syncWindows");
        let numbered = list.into_iter().enumerate();
        let read = |(index, spec)| Window::new(spec, &format!("spec.syncWindows[{index}]"), &mut self.faults);
        SyncWindows { windows: numbered.map(read).collect() }
    }
}

fn without_nulls(value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            let there = map.iter().filter(|(_, value)| !value.is_null());
            Json::Object(there.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn says_something(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => false,
        Some(Json::Array(items)) => !items.is_empty(),
        Some(Json::Object(map)) => !map.is_empty(),
        Some(_) => true,
    }
}
