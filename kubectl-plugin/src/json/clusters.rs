//! Clusters that Applications are applied to, as Secrets and the clusters themselves tell: `cluster list -o json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::SchemaVersion;

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClustersJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The one that the controller runs in, then the others by name.
    pub clusters: Vec<ClusterRowJson>,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRowJson {
    /// What destinations and projects call it.
    pub name: String,
    /// Its address.
    pub server: String,
    /// The Secret that describes it; empty where there is none.
    pub secret: String,
    /// The only project that it serves; null where it serves all.
    pub project: Option<String>,
    /// The only namespaces that may be written to; all where there are none.
    pub namespaces: Vec<String>,
    /// Which Kubernetes it is; null where it does not tell.
    pub version: Option<String>,
    /// `Successful`, or `Failed` where it cannot be used from here.
    pub state: String,
    /// Why it cannot be used; empty where it can.
    pub message: String,
    /// How many Applications have it for a destination.
    pub applications: usize,
}
