//! What a review says, as data: everything that text, markdown, JSON, HTML and SARIF are made of.
//!
//! In: nothing; these are the types. Out: [`Review`] and its parts. Guarantees: values of Secrets are in none of them, and
//! no id that those could be guessed from.

use schemars::JsonSchema;
use serde::Serialize;

use crate::canon::{Graph, Id, Value};
use crate::diagnostic::{Diagnostic, Origin};
use crate::diff::FieldChange;
use crate::name::ResourceKey;

use super::rule::Level;

/// What became of all applications between two sides.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// The older side.
    pub base: SideName,
    /// The newer side.
    pub head: SideName,
    /// The worst of all.
    pub verdict: Verdict,
    /// Risks of the repository as a whole: its lock, its rules for reviews.
    pub risks: Vec<Risk>,
    /// Acceptances of risks that are there, but whose day is over.
    pub expired_acceptances: Vec<ExpiredAcceptance>,
    /// Each application of either side, sorted by name.
    pub applications: Vec<ApplicationReview>,
}

/// What a side is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SideName {
    /// As it was asked for.
    pub name: String,
    /// The commit that it is, where it is one.
    pub commit: Option<String>,
}

impl SideName {
    /// What the cluster has now is called this, or `APP@live`.
    pub const LIVE: &'static str = "live";

    /// What a snapshot has is called this.
    pub const AGREED: &'static str = "what was agreed on";

    /// Whether it is what the cluster has now, and no commit that is called so.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let name = self.name.rsplit_once('@').map_or(self.name.as_str(), |(_, name)| name);
        self.commit.is_none() && name == Self::LIVE
    }
}

/// What a reader should do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing: the cluster gets the same.
    #[default]
    Unchanged,
    /// Read the changes: no rule objects.
    Routine,
    /// Look at the risks.
    Caution,
    /// Something is lost, broken or given away.
    Block,
    /// The newer side does not compile.
    Failed,
}

impl Verdict {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Routine => "routine",
            Self::Caution => "caution",
            Self::Block => "block",
            Self::Failed => "failed",
        }
    }
}

/// What became of one application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationReview {
    /// Its name.
    pub application: String,
    /// Its graph before; null where it was not there or did not compile, or where that is what the cluster has.
    pub base: Option<Id<Graph>>,
    /// Its graph after; likewise, or where that is what the cluster has.
    pub head: Option<Id<Graph>>,
    /// What a reader should do.
    pub verdict: Verdict,
    /// How many resources there are of each fate.
    pub counts: Counts,
    /// What rules object to, the worst first.
    pub risks: Vec<Risk>,
    /// What rules object to, and the base accepts.
    pub accepted: Vec<Accepted>,
    /// Images and charts of other versions.
    pub versions: Vec<VersionChange>,
    /// Workloads whose Pods are replaced.
    pub restarts: Vec<Restart>,
    /// What depends on what changes, along the edges of the graphs.
    pub reach: Vec<Reach>,
    /// What is created and changed, in layers: each waits for something of the one before. What goes, goes last, the other way
    /// round.
    pub order: Vec<Vec<ResourceKey>>,
    /// The lines that caused changes.
    pub causes: Vec<Cause>,
    /// The files of its sources that differ, as far as they are known.
    pub files: Vec<String>,
    /// Changes that several resources share, with all of these, among the changes below.
    pub shared: Vec<SharedChange>,
    /// What became of each resource, by key.
    pub changes: Vec<ResourceReview>,
    /// What of that is not in `changes`, since whoever asked did not want to see it.
    #[serde(skip_serializing_if = "LeftOut::is_nothing")]
    pub left_out: LeftOut,
    /// Why the newer side does not compile.
    pub findings: Vec<Diagnostic>,
    /// The same in one line.
    pub error: Option<String>,
    /// Why the older side is not known: it does not compile, or only ids of it were kept. Then rules judge as if all were new.
    pub base_error: Option<String>,
}

/// Resources by their fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Only the newer side has them.
    pub added: usize,
    /// Both have them, with other bodies.
    pub changed: usize,
    /// Only the older side has them.
    pub removed: usize,
    /// Both have them alike.
    pub unchanged: usize,
}

/// Differences that whoever asked did not want to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOut {
    /// Resources of which nothing is told.
    pub resources: usize,
    /// Fields of the others.
    pub fields: usize,
}

impl LeftOut {
    /// Whether all is told.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that a rule objects to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Risk {
    /// How bad.
    pub level: Level,
    /// The rule.
    pub rule: String,
    /// The resource; null where it is about an application or a file.
    pub resource: Option<ResourceKey>,
    /// The field, from the top of the body.
    pub path: Option<String>,
    /// What was found, in one clause.
    pub evidence: String,
    /// What to do.
    pub advice: String,
    /// Where that is written.
    pub origin: Option<Origin>,
}

/// A risk that the base accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Accepted {
    /// What was found.
    #[serde(flatten)]
    pub risk: Risk,
    /// The last day on which it is accepted.
    pub until: String,
    /// Why.
    pub reason: String,
}

/// An acceptance whose day is over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ExpiredAcceptance {
    /// The rule.
    pub rule: String,
    /// The resource, as it is written.
    pub resource: String,
    /// Its last day.
    pub until: String,
}

/// What has versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Versioned {
    /// An image of a container.
    Image,
    /// A chart, by the labels that it leaves.
    Chart,
}

/// How a version changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// It was not there.
    New,
    /// It is there no more.
    Gone,
    /// The first number grew.
    Major,
    /// The second number grew.
    Minor,
    /// What comes after grew.
    Patch,
    /// It is older than before.
    Older,
    /// It is another, and nobody can say which is newer.
    Other,
}

/// An image or a chart of another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VersionChange {
    /// What it is.
    pub kind: Versioned,
    /// Its name, without the version.
    pub name: String,
    /// Before.
    pub from: Option<String>,
    /// After.
    pub to: Option<String>,
    /// How far that is.
    pub step: Step,
    /// Who has it.
    pub resources: Vec<ResourceKey>,
}

/// Why Pods are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartCause {
    /// Another image.
    Image,
    /// Other configuration, by a hash in the Pods or by another name of what they read.
    Configuration,
    /// Anything else of their template.
    Template,
    /// The workload is deleted and made again.
    Recreated,
}

impl RestartCause {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "another image",
            Self::Configuration => "other configuration",
            Self::Template => "another template",
            Self::Recreated => "deleted and made again",
        }
    }
}

/// A workload whose Pods are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Restart {
    /// The workload.
    pub resource: ResourceKey,
    /// How many Pods it has, where that is written.
    pub pods: Option<u64>,
    /// Why, the plainest first.
    pub causes: Vec<RestartCause>,
    /// The fields that do it.
    pub paths: Vec<String>,
}

/// What depends on a resource that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reach {
    /// What changes.
    pub resource: ResourceKey,
    /// What depends on it by itself, each with the reason.
    pub dependents: Vec<Dependent>,
    /// How many more depend on those.
    pub further: usize,
}

/// A resource that depends on another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Dependent {
    /// The resource.
    pub resource: ResourceKey,
    /// Why, as the end of a sentence.
    pub reason: String,
}

/// A line that caused changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Cause {
    /// The file and line.
    pub origin: Origin,
    /// The field that stands there, where the line is of one.
    pub field: Option<String>,
    /// Whether this is where the changed value itself stands, rather than a line of the same sources with that value.
    pub exact: bool,
    /// What changed.
    pub resources: Vec<ResourceKey>,
}

/// One change of several resources.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SharedChange {
    /// The change.
    pub field: FieldChange,
    /// All that have it.
    pub resources: Vec<ResourceKey>,
}

/// What became of one resource.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ResourceReview {
    /// Its key, as written in the newer side, or in the older where it is only there.
    pub resource: ResourceKey,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// Where it is written: in the newer side, or in the older where it is only there.
    pub origin: Option<Origin>,
}

/// What became of a resource.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", rename_all_fields = "camelCase", tag = "change")]
pub enum Fate {
    /// Only the newer side has it.
    Added {
        /// All of it. Values of Secrets and of what SOPS has encrypted are replaced by a word.
        #[schemars(with = "serde_json::Value")]
        body: Value,
    },
    /// Only the older side has it.
    Removed {
        /// All of it, likewise; null where it is not known.
        #[schemars(with = "serde_json::Value")]
        body: Value,
    },
    /// Both have it, with other bodies.
    Changed {
        /// All fields that differ, but for those of the schemas of a definition.
        fields: Vec<FieldChange>,
        /// What differs in the schemas of a definition, in words.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        schema: Vec<SchemaChange>,
        /// The same field by field, whatever is asked for of a report for people.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        schema_fields: Vec<FieldChange>,
    },
    /// The same under another name, which says what is in it: it was made, and the old one goes.
    Replaced {
        /// The old name.
        from: String,
        /// All fields that differ, but for the name.
        fields: Vec<FieldChange>,
    },
}

impl Fate {
    /// The whole body, where the resource came or went.
    #[must_use]
    pub fn body(&self) -> Option<&Value> {
        match self {
            Self::Added { body } | Self::Removed { body } => Some(body).filter(|body| **body != Value::Null),
            Self::Changed { .. } | Self::Replaced { .. } => None,
        }
    }

    /// The sign that people know.
    #[must_use]
    pub fn sign(&self) -> char {
        match self {
            Self::Added { .. } => '+',
            Self::Removed { .. } => '-',
            Self::Changed { .. } => '~',
            Self::Replaced { .. } => '±',
        }
    }

    /// The fields that differ.
    #[must_use]
    pub fn fields(&self) -> &[FieldChange] {
        match self {
            Self::Added { .. } | Self::Removed { .. } => &[],
            Self::Changed { fields, .. } | Self::Replaced { fields, .. } => fields,
        }
    }
}

/// What differs in the schema of a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct SchemaChange {
    /// The version of the kind.
    pub version: String,
    /// The field of its objects: `spec.size`; empty for the version as a whole.
    pub field: String,
    /// What became of it: `removed`, `was a string, is an integer`.
    pub what: String,
    /// Whether objects that were taken before may be refused, or lose something.
    pub narrows: bool,
}
