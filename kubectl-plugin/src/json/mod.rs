//! The JSON objects that commands print with `-o json`, as types.
//!
//! In: what a command found out. Out: one object with a `schemaVersion`; of commands that change a cluster also what they
//! tell on their way, one object a line ([`EventJson`]); and for each a JSON Schema, which `schemas/` publishes, beside
//! those of the files of ours that we read, and a test compares with these types. A field that is not always there is
//! null, not absent, unless its type says otherwise. A change that could break a reader gets a new version.

mod application;
mod bundle;
mod change;
mod check;
mod clusters;
mod diff;
mod drift;
mod event;
mod explain;
mod graph;
mod graph_set;
mod history;
mod lock;
mod review;
mod saved_plan;
mod status;
mod store;
mod telling;

pub use application::{ApplicationJson, ApplicationResourceJson, ApplicationsJson};
pub use bundle::{
    BundleDiffJson, BundleJson, BundleSideJson, PushedBundleJson, PushedTagJson, ReferrerJson, SignatureJson,
};
pub use change::{
    BarrierWaitJson, ForgottenJson, PlanJson, PlanStepJson, PlanWaitJson, RunJson, RunOutcome, RunStepJson,
    StepOutcomeJson,
};
pub use check::{CheckJson, CheckOutcome, CheckedApplicationJson, CheckedRenderJson, DifferenceJson, DifferenceKind};
pub use clusters::{ClusterRowJson, ClustersJson};
pub use diff::{DiffJson, FieldDiff, ResourceChange, ResourceDiff};
pub use drift::{DriftJson, DriftKind, DriftedFieldJson, DriftedObjectJson, LeftJson};
pub use event::{EventJson, EventStepJson, RunEventJson};
pub use explain::{DroppedEdgeJson, ExplainJson, ExplainedEdgeJson};
pub use graph::{EdgeJson, GraphJson, GraphResourceJson};
pub use graph_set::{GraphSetJson, SetMemberJson};
pub use history::{HistoryJson, ReleaseJson, ReleaseOutcome};
pub use lock::{LockJson, LockVerifiedJson, LockedInputJson, VerifiedInputJson};
pub use review::{ReviewJson, SnapshotJson};
pub use saved_plan::{SavedPlan, SavedStep};
pub use status::{ResourceStatusJson, StatusJson, Sync};
pub use store::{StoreCollectedJson, StoreInfoJson, StoreVerifiedJson};
pub use telling::Telling;

use gitops_compiler::depend::EdgeRules;
use gitops_compiler::lock::LockFile;
use gitops_compiler::review::Settings;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::health::WrittenRules;
use crate::record::Head;

/// The version of every JSON object that we print.
const SCHEMA_VERSION: u32 = 1;

/// `schemaVersion`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchemaVersion;

impl Serialize for SchemaVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(SCHEMA_VERSION)
    }
}

impl JsonSchema for SchemaVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SchemaVersion".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": SCHEMA_VERSION})
    }
}

/// All that we publish, by the name of its file in `schemas/`.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        schema::<ApplicationJson>("application"),
        schema::<ApplicationsJson>("applications"),
        schema::<ClustersJson>("clusters"),
        schema::<CheckJson>("check"),
        schema::<DiffJson>("diff"),
        schema::<DriftJson>("drift"),
        read_schema::<EdgeRules>("edge-rules"),
        schema::<ExplainJson>("explain"),
        schema::<GraphJson>("graph"),
        schema::<GraphSetJson>("graph-set"),
        read_schema::<WrittenRules>("health-checks"),
        schema::<HistoryJson>("history"),
        schema::<LockJson>("lock"),
        read_schema::<LockFile>("lock-file"),
        schema::<LockVerifiedJson>("lock-verify"),
        schema::<PlanJson>("plan"),
        schema::<Head>("record-head"),
        schema::<ReviewJson>("review"),
        read_schema::<Settings>("review-settings"),
        schema::<RunJson>("run"),
        schema::<EventJson>("run-event"),
        read_schema::<SavedPlan>("saved-plan"),
        schema::<SnapshotJson>("snapshot"),
        schema::<StatusJson>("status"),
        schema::<StoreCollectedJson>("store-gc"),
        schema::<BundleJson>("bundle"),
        schema::<BundleDiffJson>("bundle-diff"),
        schema::<PushedBundleJson>("bundle-push"),
        schema::<gitops_compiler::bundle::Config>("bundle-config"),
        schema::<StoreInfoJson>("store-info"),
        schema::<StoreVerifiedJson>("store-verify"),
        read_schema::<gitops_compiler::bundle::TrustPolicy>("trust"),
    ]
}

/// Of what we print.
fn schema<T: JsonSchema>(name: &'static str) -> (&'static str, Schema) {
    schema_with::<T>(name, SchemaSettings::draft2020_12().for_serialize())
}

/// Of what we read.
fn read_schema<T: JsonSchema>(name: &'static str) -> (&'static str, Schema) {
    schema_with::<T>(name, SchemaSettings::draft2020_12().for_deserialize())
}

fn schema_with<T: JsonSchema>(name: &'static str, settings: SchemaSettings) -> (&'static str, Schema) {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), name.into());
    (name, schema)
}
