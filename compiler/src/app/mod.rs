//! What to compile: an application, whoever described it.
//!
//! In: what a caller says, or `Application` objects of Argo CD with the parameter files beside their manifests. Out: [`AppSpec`]: a
//! name and sources, each with what its renderer is given. `render::Input` adds the trees.

mod application;
mod decode;
mod environment;
mod ignore;
mod overrides;
mod pattern;
mod places;
mod source;
mod source_type;
mod sync_policy;
#[cfg(test)]
mod tests;

pub use application::{Application, Destination, Spec, of_object, read};
pub use environment::{BuildEnvironment, Facts};
pub use ignore::IgnoreDifference;
pub use overrides::override_files;
pub use pattern::{Pattern, PatternError};
pub use places::{Places, Written};
pub use source::{
    Directory, Helm, HelmFileParameter, HelmParameter, Jsonnet, JsonnetVariable, Kustomize, KustomizePatch,
    KustomizeReplica, KustomizeTarget, Source,
};
pub use source_type::{CHART, KUSTOMIZATIONS, SourceType};
pub use sync_policy::{Automated, Backoff, NamespaceMetadata, Retry, SyncPolicy};

use crate::name::AppName;

/// An address without who asks and with which password, for messages.
#[must_use]
pub fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host))
}

/// An application.
#[derive(Debug, Clone)]
pub struct AppSpec {
    /// Its name. No part of any id, unless a template or a parameter asks for it.
    pub name: AppName,
    /// Its project; `default` where nobody says.
    pub project: String,
    /// Where objects without a namespace go; empty where nobody says.
    pub namespace: String,
    /// What it is made of, in order: of two objects with one key, that of the later source counts.
    pub sources: Vec<Source>,
    /// Where the fields of each source are; none where nobody wrote them down.
    pub places: Vec<Places>,
    /// Whether one object may be there twice, of which the last counts: in an `Application`, never in a bare folder.
    pub last_wins: bool,
}

impl AppSpec {
    /// Where the fields of a source are, by its number.
    #[must_use]
    pub fn places_of(&self, source: usize) -> Places {
        self.places.get(source).cloned().unwrap_or_default()
    }

    /// A bare folder in the repository at hand.
    #[must_use]
    pub fn folder(name: AppName, source: Source) -> Self {
        let (project, namespace) = ("default".to_owned(), String::new());
        Self { name, project, namespace, sources: vec![source], places: Vec::new(), last_wins: false }
    }
}

impl From<&Application> for AppSpec {
    fn from(application: &Application) -> Self {
        Self {
            name: application.name.clone(),
            project: application.project().to_owned(),
            namespace: application.spec.destination.namespace.clone(),
            sources: application.sources().to_vec(),
            places: application.source_places(),
            last_wins: true,
        }
    }
}
