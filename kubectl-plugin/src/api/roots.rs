//! The tree of an Application in another cluster: its resources, and what those own, by uid alone.
//!
//! In: resources as the status has them, objects that others own. Out: the tree. A status may be written by whoever may write the
//! Application: so nothing hangs below a resource unless the cluster says that it is the Application's own ([`Elsewhere`]). What the
//! controller watches there says so; where this replica watches nothing, the cluster is asked, once for each owner.

use std::collections::{BTreeMap, BTreeSet};

use gitops_compiler::name::ResourceKey;

use super::tree::{Owned, Parents, TreeJson, tree};
use crate::application::ResourceState;
use crate::apply::observe::Sighting;
use crate::cluster::Kinds;
use crate::controller::elsewhere::{Elsewhere, Owner, owners};

/// So many owners are asked for.
const MOST_ASKED: usize = 500;

/// What is known of resources that own others.
#[derive(Default)]
pub(super) struct Roots {
    own: BTreeMap<ResourceKey, Sighting>,
    /// Owners that were asked for, by key and uid.
    asked: BTreeSet<(ResourceKey, String)>,
}

impl Roots {
    /// Learns which of these are the Application's own, and what they are called by.
    pub(super) async fn learn<'a>(
        &mut self,
        there: &Elsewhere,
        kinds: &Kinds,
        resources: &[ResourceState],
        owned: impl Iterator<Item = &'a Owned>,
    ) {
        let keys: BTreeSet<ResourceKey> = resources.iter().map(key).collect();
        self.own.retain(|key, _| keys.contains(key));
        let live = &there.place.cluster.live;
        for key in &keys {
            let seen = live.object(key).map(|live| live.sighting);
            if let Some(seen) = seen.filter(|seen| there.has(key, seen.part_of.as_deref())) {
                self.own.insert(key.clone(), seen);
            }
        }
        for owner in owned.flat_map(|one| owners(kinds, one.object())) {
            let is_known = self.own.get(&owner.key).is_some_and(|seen| seen.uid == owner.uid);
            if keys.contains(&owner.key) && !is_known {
                self.ask(there, kinds, owner).await;
            }
        }
    }

    async fn ask(&mut self, there: &Elsewhere, kinds: &Kinds, Owner { key, api_version, uid }: Owner) {
        if self.asked.len() >= MOST_ASKED || !self.asked.insert((key.clone(), uid)) {
            return;
        }
        let Some(path) = kinds.path(&api_version, &key) else { return };
        // What cannot be asked for owns nothing that is shown.
        let Ok(Some(metadata)) = there.place.cluster.cluster.get_metadata(&path).await else { return };
        let seen = Sighting::of(&metadata);
        if there.has(&key, seen.part_of.as_deref()) {
            self.own.insert(key, seen);
        }
    }

    /// The tree: of resources that the project permits.
    pub(super) fn tree<'a>(
        &self,
        there: &Elsewhere,
        resources: &[ResourceState],
        owned: impl Iterator<Item = &'a Owned>,
    ) -> TreeJson {
        let permitted: Vec<ResourceState> =
            resources.iter().filter(|resource| there.permits(&key(resource))).cloned().collect();
        tree(&permitted, &|key: &ResourceKey| self.own.get(key).cloned(), Parents::ByUid, owned)
    }
}

fn key(resource: &ResourceState) -> ResourceKey {
    ResourceKey::new(&resource.group, &resource.kind, &resource.namespace, &resource.name)
}
