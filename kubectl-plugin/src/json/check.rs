//! What is known of applications without a cluster: `check -o json`.

use gitops_compiler::canon::{Graph, Id, Recipe};
use gitops_compiler::compile::{Between, CheckedRender, Difference, What};
use gitops_compiler::diagnostic::{Diagnostic, Origin};
use gitops_compiler::name::{AppName, ResourceKey};
use schemars::JsonSchema;
use serde::Serialize;

use super::SchemaVersion;

/// What came of checking applications.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// Each, in the order of its file.
    pub applications: Vec<CheckedApplicationJson>,
}

/// What came of checking one application.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckedApplicationJson {
    /// Its name.
    pub application: AppName,
    /// Whether anything is wrong.
    pub outcome: CheckOutcome,
    /// What it compiles to; null where it does not. Where a render is not deterministic, what it compiles to now, on this
    /// machine.
    pub graph: Option<Id<Graph>>,
    /// Why it could not be looked at.
    pub error: Option<String>,
    /// All that there is to say.
    pub findings: Vec<Diagnostic>,
    /// What was rendered twice.
    pub renders: Vec<CheckedRenderJson>,
}

/// Whether anything is wrong with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// Nothing is; there may be warnings.
    Passed,
    /// There is an error.
    Failed,
}

/// A render that was run twice.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckedRenderJson {
    /// What was rendered, and how.
    pub recipe: Id<Recipe>,
    /// The command, as a person would type it; without values that are set.
    pub command: String,
    /// The file that it is of.
    pub origin: Origin,
    /// Whether it gave the same each time.
    pub deterministic: bool,
    /// What was not the same.
    pub differences: Vec<DifferenceJson>,
}

/// One thing that was not the same.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DifferenceJson {
    /// What was compared.
    pub between: Between,
    /// What it is.
    pub kind: DifferenceKind,
    /// The object.
    pub resource: Option<ResourceKey>,
    /// The template that made it, where that is known.
    pub origin: Origin,
    /// The field, from the top of the body.
    pub field: Option<String>,
    /// Its first value, shortened to where it parts from the second; null where there is none, and in Secrets.
    pub first: Option<String>,
    /// Its second value.
    pub second: Option<String>,
}

/// How two renders differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// In a field of an object that both have.
    Field,
    /// Only the first has the object.
    OnlyInFirst,
    /// Only the second has it.
    OnlyInSecond,
    /// The first failed, and the second did not.
    FirstFailed,
    /// The second failed, and the first did not.
    SecondFailed,
    /// In text that cannot be read as manifests.
    Text,
}

impl CheckJson {
    /// What came of checking applications, as data.
    #[must_use]
    pub fn new(applications: Vec<CheckedApplicationJson>) -> Self {
        Self { schema_version: SchemaVersion, applications }
    }
}

impl CheckedRenderJson {
    /// A render and its differences as data.
    #[must_use]
    pub fn new(render: &CheckedRender) -> Self {
        Self {
            recipe: render.recipe,
            command: render.command.clone(),
            origin: render.origin.clone(),
            deterministic: render.differences.is_empty(),
            differences: render.differences.iter().map(DifferenceJson::new).collect(),
        }
    }
}

impl DifferenceJson {
    fn new(difference: &Difference) -> Self {
        let (kind, field, values) = match &difference.what {
            What::Field { path, values, .. } => (DifferenceKind::Field, Some(path.clone()), values.clone()),
            What::Alone { is_first: true, .. } => (DifferenceKind::OnlyInFirst, None, None),
            What::Alone { is_first: false, .. } => (DifferenceKind::OnlyInSecond, None, None),
            What::Failed { is_first: true } => (DifferenceKind::FirstFailed, None, None),
            What::Failed { is_first: false } => (DifferenceKind::SecondFailed, None, None),
            What::Text => (DifferenceKind::Text, None, None),
        };
        let [first, second] = values.unwrap_or_default();
        Self {
            between: difference.between,
            kind,
            resource: difference.resource().cloned(),
            origin: difference.origin.clone(),
            field,
            first,
            second,
        }
    }
}
