//! `spec.ignoreDifferences` of an `Application`: differences that do not count.
//!
//! In: what the object says. Out: [`IgnoreDifference`]s, and which objects each is about. A group or kind may be a glob.

use serde::{Deserialize, Serialize};

use crate::name::ResourceKey;

/// Fields of some objects that may differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IgnoreDifference {
    /// Their group; empty for the core group, `*` for all.
    pub group: String,
    /// Their kind, `*` for all.
    pub kind: String,
    /// Their name; empty for all.
    pub name: String,
    /// Their namespace; empty for all.
    pub namespace: String,
    /// Fields, as JSON pointers (RFC 6901).
    pub json_pointers: Vec<String>,
    /// Fields, as paths of jq.
    pub jq_path_expressions: Vec<String>,
    /// Field managers whose fields do not count.
    pub managed_fields_managers: Vec<String>,
}

impl IgnoreDifference {
    /// Whether it is about an object.
    #[must_use]
    pub fn is_about(&self, key: &ResourceKey) -> bool {
        let is = |pattern: &str, text: &str| pattern == text || pattern == "*";
        let may_be = |wanted: &str, text: &str| wanted.is_empty() || wanted == text;
        is(&self.group, &key.group)
            && is(&self.kind, &key.kind)
            && may_be(&self.name, &key.name)
            && may_be(&self.namespace, key.scope.namespace().unwrap_or_default())
    }
}
