//! The forms in which objects come, and what is kept of each.

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;

use crate::apply::observe::Sighting;
use crate::cluster::{ObjectMeta, PartialObject, Versioned};
use crate::health;

use super::{Live, LiveObject};

/// The kind of which objects are.
pub(super) struct Of {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) api_version: String,
}

impl Of {
    fn key(&self, metadata: &ObjectMeta) -> Option<ResourceKey> {
        (!metadata.name.is_empty())
            .then(|| ResourceKey::new(&self.group, &self.kind, &metadata.namespace, &metadata.name))
    }
}

/// A form in which objects come.
pub(super) trait Seen: Versioned {
    /// What is kept of it.
    fn seen(self, live: &Live, of: &Of) -> impl Future<Output = Option<(ResourceKey, LiveObject)>> + Send;
}

impl Seen for PartialObject {
    async fn seen(self, _live: &Live, of: &Of) -> Option<(ResourceKey, LiveObject)> {
        let key = of.key(&self.metadata)?;
        Some((key, LiveObject { sighting: Sighting::of(&self.metadata), health: None, is_ignored: false }))
    }
}

impl Seen for Json {
    async fn seen(mut self, live: &Live, of: &Of) -> Option<(ResourceKey, LiveObject)> {
        let metadata: ObjectMeta = serde_json::from_value(self["metadata"].clone()).ok()?;
        let key = of.key(&metadata)?;
        // Items of lists come without.
        self["apiVersion"] = of.api_version.as_str().into();
        self["kind"] = of.kind.as_str().into();
        let (is_ignored, sighting) = (health::is_ignored(&self), Sighting::of(&metadata));
        let rules = live.rules_of(sighting.part_of.as_deref());
        // Others may have a check for this kind, and be the reason why whole objects are watched.
        let health = if rules.is_assessed(&of.group, &of.kind) { Some(rules.assess_aside(self).await.1) } else { None };
        Some((key, LiveObject { sighting, health, is_ignored }))
    }
}
