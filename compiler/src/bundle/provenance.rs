//! Where a bundle comes from, as SLSA provenance v1 has it.
//!
//! In: the sources of an application, what was asked for from elsewhere, who builds. Out: the predicate of a statement, a
//! function of these alone: no time is in it unless one is given, and nothing of the machine.
//!
//! Guarantee: no address has a user, a password or a query in it, and no path of a machine is an address.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::app::{Source, without_user};
use crate::lock::{Pin, Request};
use crate::name::AppName;

/// The type of the predicate.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// What kind of build it is: what the parameters below mean.
const BUILD_TYPE: &str = "https://github.com/kubectl-gitops/kubectl-gitops/bundle/v1";

/// Fields of a source with values that may be meant for Secrets: who has the bundle need not know them.
const WITHHELD: [&str; 5] = ["/helm/parameters", "/helm/values", "/helm/valuesObject", "/directory/jsonnet", "/plugin"];

/// Where a bundle comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What was asked for, and what was read for it.
    pub build_definition: BuildDefinition,
    /// Who did it.
    pub run_details: RunDetails,
}

/// What was asked for, and what was read for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// What the parameters mean.
    pub build_type: String,
    /// What was asked for.
    pub external_parameters: ExternalParameters,
    /// What the builder has added: programs by their versions.
    #[serde(default)]
    pub internal_parameters: InternalParameters,
    /// What was read: commits, and what the lock pins.
    #[serde(default)]
    pub resolved_dependencies: Vec<Dependency>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExternalParameters {
    /// The application.
    pub application: AppName,
    /// Its sources, in order.
    pub sources: Vec<ProvenanceSource>,
    /// Where it is meant to go.
    pub target: Target,
}

/// Where a bundle is meant to go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The namespace for manifests that name none; empty where whoever applies it says so.
    #[serde(default)]
    pub namespace: String,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvenanceSource {
    /// Its repository; none where that has no address that others know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The branch, tag, commit or version that was asked for; none where it is what the repository had.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The folder, from the root of the repository.
    #[serde(default)]
    pub path: String,
    /// The chart, of a chart repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<String>,
    /// Everything else that the source says, in the words of an Application.
    #[serde(default)]
    pub parameters: Json,
    /// What of that is not told, since it may hold secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
}

/// What the builder has added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternalParameters {
    /// Programs that rendered, with their versions.
    #[serde(default)]
    pub programs: BTreeMap<String, String>,
}

/// Something that was read, as in-toto describes resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// What it is.
    pub digest: BTreeMap<String, String>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDetails {
    /// Who did it.
    pub builder: Builder,
    /// When, where somebody says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BuildMetadata>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// The address that stands for it.
    pub id: String,
    /// The versions of its parts.
    #[serde(default)]
    pub version: BTreeMap<String, String>,
}

/// When it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildMetadata {
    /// When it was over, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<String>,
}

impl Provenance {
    /// Of what was asked for and read. Dependencies are sorted, each once.
    #[must_use]
    pub fn new(
        external_parameters: ExternalParameters,
        programs: BTreeMap<String, String>,
        mut dependencies: Vec<Dependency>,
        builder: Builder,
        finished_on: Option<String>,
    ) -> Self {
        dependencies.sort();
        dependencies.dedup();
        let build_definition = BuildDefinition {
            build_type: BUILD_TYPE.to_owned(),
            external_parameters,
            internal_parameters: InternalParameters { programs },
            resolved_dependencies: dependencies,
        };
        let metadata = finished_on.map(|finished_on| BuildMetadata { finished_on: Some(finished_on) });
        Self { build_definition, run_details: RunDetails { builder, metadata } }
    }

    /// Reads the predicate of a statement; nothing where it is of another kind of build.
    #[must_use]
    pub fn read(predicate: &Json) -> Option<Self> {
        let read: Self = Deserialize::deserialize(predicate).ok()?;
        (read.build_definition.build_type == BUILD_TYPE).then_some(read)
    }

    /// As the predicate of a statement.
    #[must_use]
    pub fn predicate(&self) -> Json {
        // Texts and lists always can be written.
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl ProvenanceSource {
    /// Of a source as an Application has it. `repository` stands for the one at hand, `revision` is what it was read at.
    #[must_use]
    pub fn new(source: &Source, repository: Option<&str>, revision: Option<&str>) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let written = text(&source.repo_url);
        let rest = Source {
            repo_url: String::new(),
            path: String::new(),
            target_revision: String::new(),
            chart: String::new(),
            ..source.clone()
        };
        let mut parameters = serde_json::to_value(&rest).unwrap_or_default();
        let withheld = WITHHELD.into_iter().filter(|pointer| withhold(&mut parameters, pointer));
        let withheld = withheld.map(str::to_owned).collect();
        Self {
            repository: written.as_deref().or(repository).and_then(shown_address),
            reference: text(&source.target_revision).or_else(|| revision.and_then(text)),
            path: source.path.clone(),
            chart: text(&source.chart),
            parameters,
            withheld,
        }
    }
}

/// Takes a field out, if it is there.
fn withhold(parameters: &mut Json, pointer: &str) -> bool {
    let Some((parent, field)) = pointer.rsplit_once('/') else { return false };
    let parent = parameters.pointer_mut(parent).and_then(Json::as_object_mut);
    parent.is_some_and(|parent| parent.remove(field).is_some_and(|value| !is_empty(&value)))
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

impl Dependency {
    /// A commit.
    #[must_use]
    pub fn commit(repository: Option<&str>, oid: &str) -> Self {
        let uri = repository.and_then(shown_address).map(|address| format!("git+{address}"));
        Self { name: None, uri, digest: [("gitCommit".to_owned(), oid.to_owned())].into() }
    }

    /// What the lock pins.
    #[must_use]
    pub fn pinned(request: &Request, pin: &Pin) -> Self {
        let sha256 = |digest: &crate::lock::Digest| {
            [("sha256".to_owned(), digest.as_str().trim_start_matches("sha256:").to_owned())].into()
        };
        let address = shown_address(request.address());
        match pin {
            Pin::Git { commit } => Self::commit(Some(request.address()), commit.as_str()),
            Pin::File { digest } => Self { name: None, uri: address, digest: sha256(digest) },
            Pin::Chart { version, digest, .. } => {
                Self { name: Some(format!("{} {version}", request.name())), uri: address, digest: sha256(digest) }
            }
            Pin::Oci { manifest, .. } => {
                let uri = address.map(|address| format!("{address}@{manifest}"));
                Self { name: None, uri, digest: sha256(manifest) }
            }
        }
    }
}

/// An address as it may be told to anybody: without who asks, without a query; nothing where it is a path of this machine.
fn shown_address(address: &str) -> Option<String> {
    let address = address.split(['?', '#']).next().unwrap_or(address);
    if let Some((scheme, rest)) = address.split_once("://") {
        return (scheme != "file" && !rest.is_empty()).then(|| without_user(address));
    }
    // `git@host:path`, as scp has it.
    let (host, path) = address.split_once(':')?;
    let is_host = host.len() > 1 && !host.contains(['/', '\\']);
    is_host.then(|| format!("ssh://{}/{}", host.rsplit('@').next().unwrap_or(host), path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_tell_nothing_of_who_asks_or_of_the_machine() {
        for (address, shown) in [
            ("https://anna:secret@git.example.com/shop.git", Some("https://git.example.com/shop.git")),
            ("https://git.example.com/install.yaml?token=secret", Some("https://git.example.com/install.yaml")),
            ("ssh://git@git.example.com/shop", Some("ssh://git.example.com/shop")),
            ("git@git.example.com:team/shop.git", Some("ssh://git.example.com/team/shop.git")),
            ("oci://registry.example.com/team/shop", Some("oci://registry.example.com/team/shop")),
            ("/home/anna/shop", None),
            ("../shop", None),
            ("file:///home/anna/shop", None),
            ("C:\\shop", None),
            ("", None),
        ] {
            assert_eq!(shown_address(address).as_deref(), shown, "{address}");
        }
    }

    #[test]
    fn values_are_withheld_and_that_is_told() {
        let source: Source = serde_json::from_value(json!({
            "repoURL": "https://git.example.com/shop.git", "path": "chart", "targetRevision": "main",
            "helm": {"releaseName": "shop", "valueFiles": ["prod.yaml"], "parameters": [{"name": "password", "value": "hunter2"}]},
        }))
        .expect("a source");
        let told = ProvenanceSource::new(&source, None, None);
        assert!(!format!("{told:?}").contains("hunter2"), "{told:?}");
        assert_eq!(told.withheld, ["/helm/parameters"]);
        assert_eq!(told.parameters["helm"]["releaseName"], "shop");
        assert_eq!((told.reference.as_deref(), told.path.as_str()), (Some("main"), "chart"));
    }

    #[test]
    fn pins_are_dependencies() {
        let digest = crate::bundle::digest(b"x");
        let file = Request::File { address: "https://example.com/a.yaml?key=secret".to_owned() };
        let found = Dependency::pinned(&file, &Pin::File { digest });
        assert_eq!(found.uri.as_deref(), Some("https://example.com/a.yaml"));
        let oid = "c".repeat(40);
        let git = Request::git("git@example.com:base.git", "v1");
        let found = Dependency::pinned(&git, &Pin::Git { commit: oid.parse().expect("an oid") });
        assert_eq!(found.uri.as_deref(), Some("git+ssh://example.com/base.git"));
        assert_eq!(found.digest["gitCommit"], oid);
    }
}
