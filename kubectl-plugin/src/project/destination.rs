//! May this destination be written to: `spec.destinations`.

use serde::Deserialize;

use super::pattern::Pattern;
use super::{AppProject, Faults, Violation};

/// A cluster, as far as it is known. What is not known is empty, and then no pattern for it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// Its address.
    pub server: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Whether its credentials belong to the project that is asked.
    pub is_of_project: bool,
}

impl Cluster<'static> {
    /// The cluster that the controller is in, as Argo CD calls it.
    #[must_use]
    pub fn own() -> Self {
        Self { server: "https://kubernetes.default.svc", name: "in-cluster", is_of_project: false }
    }
}

/// One of the destinations, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    server: String,
    name: String,
    namespace: String,
}

/// One of the destinations.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    server: Pattern,
    name: Pattern,
    namespace: Pattern,
}

impl Destination {
    pub(super) fn new(spec: &Spec, place: &str, faults: &mut Faults) -> Option<Self> {
        let mut read = |text: &str, field: &str| faults.pattern(text, &format!("{place}.{field}"), Pattern::of_name);
        let (server, name) = (read(&spec.server, "server"), read(&spec.name, "name"));
        let namespace = read(&spec.namespace, "namespace");
        Some(Self { server: server?, name: name?, namespace: namespace? })
    }

    /// Every namespace of every cluster.
    pub(super) fn all() -> Option<Self> {
        let all = || Pattern::of_name("*").ok();
        Some(Self { server: all()?, name: all()?, namespace: all()? })
    }

    /// What it says to a namespace of a cluster.
    fn says(&self, cluster: &Cluster<'_>, namespace: &str) -> Answer<'_> {
        let name = !cluster.name.is_empty() && self.name.admits(cluster.name);
        let server = !cluster.server.is_empty() && self.server.admits(cluster.server);
        let there = self.namespace.admits(namespace);
        if (name || server) && there {
            Answer::Yes
        } else if self.name.is_denial && !name {
            Answer::Denied(&self.name)
        } else if self.server.is_denial && !server && there {
            Answer::Denied(&self.server)
        } else if self.namespace.is_denial && !there && server {
            Answer::Denied(&self.namespace)
        } else {
            Answer::Nothing
        }
    }
}

enum Answer<'d> {
    Yes,
    Denied(&'d Pattern),
    Nothing,
}

impl AppProject {
    /// May this namespace of a cluster be written to?
    #[must_use]
    pub fn destination(&self, cluster: &Cluster<'_>, namespace: &str) -> Option<Violation> {
        let place = [cluster.name, cluster.server].into_iter().find(|text| !text.is_empty()).unwrap_or("unknown");
        let asked = format!("the destination {} of cluster {place}", named(namespace));
        let mut permitted = false;
        for destination in &self.destinations {
            match destination.says(cluster, namespace) {
                Answer::Yes => permitted = true,
                Answer::Nothing => {}
                Answer::Denied(pattern) => {
                    return Some(self.violation(asked, format!("`{}` of spec.destinations denies it", pattern.text)));
                }
            }
        }
        let why = if !permitted {
            "nothing in spec.destinations matches it: add its server and namespace there"
        } else if self.only_own_clusters && !cluster.is_of_project {
            "spec.permitOnlyProjectScopedClusters is set, and the cluster's credentials do not belong to the project"
        } else {
            return None;
        };
        Some(self.violation(asked, why.to_owned()))
    }
}

fn named(namespace: &str) -> String {
    if namespace.is_empty() { "without a namespace".to_owned() } else { format!("namespace {namespace}") }
}
