//! Where the cluster differs from what was applied: `drift -o json`.

use gitops_compiler::diff::FieldChange;
use gitops_compiler::name::{AppName, ResourceKey};
use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::drift::{DriftedField, Writer};

use super::SchemaVersion;

/// Where the cluster differs from what was applied.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The application.
    pub application: AppName,
    /// How many objects were compared.
    pub compared: usize,
    /// Those that differ.
    pub drifted: Vec<DriftedObjectJson>,
    /// Fields that belong to another by design, in objects that differ in nothing else.
    pub left_to_others: Vec<LeftJson>,
}

/// An object that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftedObjectJson {
    /// Its bound key.
    pub resource: ResourceKey,
    /// What became of it.
    #[serde(flatten)]
    pub what: DriftKind,
}

/// What became of an object.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "drift")]
pub enum DriftKind {
    /// It is gone.
    Deleted,
    /// Another object of its name is there.
    Replaced {
        /// Since when.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<String>,
    },
    /// Its fields, or our label.
    Changed {
        /// The fields. The values of Secrets are masked.
        fields: Vec<DriftedFieldJson>,
        /// Whether our label is gone.
        unlabelled: bool,
    },
    /// Its metadata are not as recorded, and it could not be read.
    Unknown,
}

/// A field.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftedFieldJson {
    /// Its path; `old` is what was applied, `new` what is there.
    #[serde(flatten)]
    pub change: FieldChange,
    /// Who wrote it last; absent where the server does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Writer>,
}

/// A field that is left to another.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LeftJson {
    /// The object.
    pub resource: ResourceKey,
    /// The field.
    #[serde(flatten)]
    pub field: DriftedFieldJson,
}

impl From<&DriftedField> for DriftedFieldJson {
    fn from(field: &DriftedField) -> Self {
        Self { change: field.change.clone(), by: field.by.clone() }
    }
}
