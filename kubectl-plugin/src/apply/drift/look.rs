//! Reading the objects that are in doubt.
//!
//! In: a target and what its metadata showed. Out: [`Findings`] of each object whose metadata are not as recorded. One GET for
//! each, so that the usual look at a cluster, where nothing is in doubt, costs nothing more.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use gitops_compiler::canon::Value;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Bound, Seen};

use crate::apply::observe::Identity;
use crate::cluster::{Cluster, Failure, Kinds};
use crate::record::InventoryEntry;

use super::compare::{Findings, compare};
use super::ignored::Ignored;

/// How many requests are under way at once.
const CONCURRENT: usize = 16;

/// What to compare with.
pub struct Looker<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Its kinds.
    pub kinds: &'a Kinds,
    /// Who we are.
    pub identity: &'a Identity,
    /// What we own.
    pub inventory: &'a BTreeMap<ResourceKey, InventoryEntry>,
    /// The graphs that have what was applied.
    pub graphs: &'a [&'a Bound],
    /// What does not count.
    pub ignored: &'a Ignored,
}

impl Looker<'_> {
    /// The findings of objects that are in doubt: they are there, they are the ones that were recorded, and something of
    /// them is not as recorded. An object that cannot be read stays in doubt, and is not told of.
    pub async fn look(&self, seen: &BTreeMap<ResourceKey, Seen>) -> BTreeMap<ResourceKey, Findings> {
        let doubtful = seen.iter().filter_map(|(key, seen)| {
            let entry = self.inventory.get(key)?;
            matches!(seen, Seen::Present { uid, as_applied: false, .. } if *uid == entry.uid).then_some((key, entry))
        });
        let asked =
            doubtful.map(|(key, entry)| async move { Some((key.clone(), self.findings(key, entry).await.ok()??)) });
        let answers: Vec<_> = stream::iter(asked.collect::<Vec<_>>()).buffer_unordered(CONCURRENT).collect().await;
        answers.into_iter().flatten().collect()
    }

    async fn findings(&self, key: &ResourceKey, entry: &InventoryEntry) -> Result<Option<Findings>, Failure> {
        let applied =
            self.graphs.iter().filter_map(|graph| graph.resource(key)).find(|resource| resource.id == entry.applied);
        let (Some(applied), Some(path)) = (applied, self.kinds.path(&entry.api_version, key)) else { return Ok(None) };
        let live = self.cluster.get(&path).await?;
        if live["metadata"]["uid"].as_str() != Some(&entry.uid) {
            return Ok(None);
        }
        let body: &Value = &applied.body;
        let ignored = self.ignored.fields(key, body, &live).await;
        Ok(Some(compare(key, body, &live, self.identity, &ignored)))
    }
}
