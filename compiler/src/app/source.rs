//! One source of an application: where its manifests come from, and how they are rendered.
//!
//! The fields are those of `spec.source` of Argo CD 3.5's `Application` (its `types.go`), under the same names, so that
//! the files of its users are read as they are. What Argo CD takes for absent (`""`, `null`, an empty map) is absent
//! here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Pattern;

/// A source, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// The repository, or the chart repository. Empty: the repository at hand.
    #[serde(rename = "repoURL", skip_serializing_if = "String::is_empty")]
    pub repo_url: String,
    /// The folder, from the root of the repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// A branch, tag, oid, `HEAD`, or a range of versions among the tags; of a chart its version or a range of them; of an
    /// artifact its tag, the digest of its manifest, or a range of versions.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_revision: String,
    /// The chart in a chart repository; then there is no path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chart: String,
    /// A name under which other sources take value files from this one: `$name/path`.
    #[serde(rename = "ref", skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// What people call it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What tags begin with that a range of versions is looked for in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag_prefix: String,
    /// How a folder of plain manifests is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
    /// What is given to Kustomize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<Kustomize>,
    /// What is given to Helm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<Helm>,
    /// A config management plugin. It is refused; see [`SourceType::Plugin`](super::SourceType).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<serde_json::Value>,
}

impl Source {
    /// A folder of plain manifests in the repository at hand.
    #[must_use]
    pub fn directory(directory: Directory) -> Self {
        Self { directory: Some(directory), ..Self::default() }
    }

    /// Whether it is an artifact of a registry, which may be a chart: Argo CD 3.1 and later.
    #[must_use]
    pub fn is_artifact(&self) -> bool {
        self.repo_url.starts_with("oci://") && self.chart.is_empty()
    }

    /// Whether the source only lends its files to others: a `ref` with neither path nor chart gives no manifests.
    #[must_use]
    pub fn only_lends(&self) -> bool {
        !self.reference.is_empty() && self.path.is_empty() && self.chart.is_empty()
    }
}

/// A folder of plain manifests, and of Jsonnet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Directory {
    /// Whether folders below count too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recurse: bool,
    /// Only files that match; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include: Option<Pattern>,
    /// No files that match, whatever `include` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Pattern>,
    /// What Jsonnet files are given.
    #[serde(skip_serializing_if = "Jsonnet::is_empty")]
    pub jsonnet: Jsonnet,
}

/// What Jsonnet files are given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Jsonnet {
    /// What `std.extVar` finds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ext_vars: Vec<JsonnetVariable>,
    /// Arguments of a file whose value is a function.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tlas: Vec<JsonnetVariable>,
    /// Folders that imports are looked for in, from the root of the repository.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libs: Vec<String>,
}

impl Jsonnet {
    /// Whether nothing is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A value for Jsonnet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JsonnetVariable {
    /// Its name.
    pub name: String,
    /// Text, or code.
    pub value: String,
    /// Whether the value is code.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub code: bool,
}

/// What is given to Kustomize, beside the folder's own kustomization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kustomize {
    /// In front of every name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name_prefix: String,
    /// Behind every name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name_suffix: String,
    /// `[name=]image[:tag|@digest]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// How many replicas objects with a name have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<KustomizeReplica>,
    /// Labels for all objects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub common_labels: BTreeMap<String, String>,
    /// Annotations for all objects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub common_annotations: BTreeMap<String, String>,
    /// Whether the values of these annotations name variables of the build environment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub common_annotations_envsubst: bool,
    /// Whether labels stay out of selectors.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub label_without_selector: bool,
    /// Whether labels that stay out of selectors go into templates.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub label_include_templates: bool,
    /// Whether labels replace those that the kustomization has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force_common_labels: bool,
    /// Whether annotations replace those that the kustomization has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force_common_annotations: bool,
    /// The namespace of all objects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Folders of components, from the folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Whether components that are not there are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_missing_components: bool,
    /// Changes to objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<KustomizePatch>,
    /// The version of Kustomize.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The version of Kubernetes that charts below are told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// The versions of kinds that charts below are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_versions: Vec<String>,
}

/// How many replicas objects with a name have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KustomizeReplica {
    /// The objects' name.
    pub name: String,
    /// A number, or text that is one.
    pub count: serde_json::Value,
}

/// A change to objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KustomizePatch {
    /// The file it is in, from the folder.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The patch itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub patch: String,
    /// Which objects are changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<KustomizeTarget>,
    /// `allowNameChange`, `allowKindChange`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, bool>,
}

/// Which objects a patch changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeTarget {
    /// The group of the kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The version of the kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The name; a regular expression.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The namespace; a regular expression.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Labels that the objects have.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label_selector: String,
    /// Annotations that the objects have.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub annotation_selector: String,
}

/// What is given to Helm. Later ones win: the chart's values, `valueFiles` in their order, `values` or `valuesObject`,
/// `parameters` and `fileParameters`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Helm {
    /// Files of values: from the folder, `/` from the root of the repository, `$name/…` from another source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub value_files: Vec<String>,
    /// Single values, as with `--set`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<HelmParameter>,
    /// Values that are the contents of files, as with `--set-file`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_parameters: Vec<HelmFileParameter>,
    /// The name of the release; the application's where absent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release_name: String,
    /// Values as YAML text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub values: String,
    /// Values as a map; wins over `values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_object: Option<serde_json::Value>,
    /// The version of Helm: `v3`, which means any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Whether credentials go to other hosts, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pass_credentials: bool,
    /// Whether value files that are not there are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_missing_value_files: bool,
    /// Whether the chart's `crds` are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_crds: bool,
    /// Whether the chart's tests are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_tests: bool,
    /// Whether values are not compared with the chart's schema.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_schema_validation: bool,
    /// The namespace that templates are told; the destination's where absent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The version of Kubernetes that templates are told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// The versions of kinds that templates are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_versions: Vec<String>,
}

/// A single value for Helm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelmParameter {
    /// Its place, as `--set` writes it.
    pub name: String,
    /// The value.
    pub value: String,
    /// Whether it is text whatever it looks like.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force_string: bool,
}

/// A value for Helm that is the content of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HelmFileParameter {
    /// Its place, as `--set-file` writes it.
    pub name: String,
    /// The file, found as value files are.
    pub path: String,
}
