//! What is in the cluster now.
//!
//! In: what we own, what is wanted. Out: what was [`Seen`] of each key. One metadata LIST for each kind that we own,
//! narrowed by our label; labels are never the truth, so that an object which is missing there is asked for by name.
//! Objects that we would create are looked for too, so that what belongs to another is known before anything changes.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gitops_compiler::canon::{Encoder, Value};
use gitops_compiler::manifest::{Policy, SyncOptions};
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Bound, Seen};

use crate::cluster::{Cluster, Failure, Kinds, ManagedFields, ObjectMeta, PART_OF, PartialObject, collection};
use crate::record::InventoryEntry;

use super::drift::Findings;

/// How many requests for single objects are under way at once.
const CONCURRENT: usize = 16;

/// Up to this many new objects of a kind in a namespace are asked for one by one; more are listed.
const ASKED_ONE_BY_ONE: usize = 2;

/// What is known of an object in the cluster: as much as planning needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its uid.
    pub uid: String,
    /// Its version.
    pub resource_version: String,
    /// The ApplySet whose label it carries.
    pub part_of: Option<String>,
    /// What targets of ours applied to it: manager, and as in [`own_fields`].
    applied: Vec<(String, String)>,
    /// What it asks for.
    policy: Policy,
    /// Whether it is being deleted.
    leaving: bool,
}

impl Sighting {
    /// Of its metadata.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Self {
        let own = |entry: &&ManagedFields| entry.manager.starts_with(MANAGER_PREFIX) && is_of_apply(entry);
        let applied = metadata.managed_fields.iter().filter(own);
        Self {
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
            part_of: metadata.labels.get(PART_OF).cloned(),
            applied: applied.map(|entry| (entry.manager.clone(), digest(entry))).collect(),
            policy: policy(metadata),
            leaving: metadata.deletion_timestamp.is_some(),
        }
    }

    /// As [`own_fields`].
    fn fields(&self, field_manager: &str) -> String {
        let own = self.applied.iter().find(|(manager, _)| manager == field_manager);
        own.map_or_else(|| format!("v:{}", self.resource_version), |(_, fields)| fields.clone())
    }
}

/// Somebody who watches the objects of all applications.
pub trait Sightings: Send + Sync {
    /// All objects of a kind with the label of an ApplySet; nothing where that is not known.
    fn of_kind(&self, group: &str, kind: &str, apply_set: &str) -> Option<Vec<(ResourceKey, Sighting)>>;
}

/// How the field manager of every target begins.
pub const MANAGER_PREFIX: &str = "kubectl-gitops:";

/// Who we are: how our objects are told from others.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Our name to the server.
    pub field_manager: String,
    /// The value of our label.
    pub apply_set: String,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// By bound key.
    pub seen: BTreeMap<ResourceKey, Seen>,
    /// Wanted objects that carry the label of another application, with its value.
    pub claimed: Vec<(ResourceKey, String)>,
    /// What is the matter with objects that are not as recorded.
    pub findings: BTreeMap<ResourceKey, Findings>,
}

/// What to look at.
pub struct Observer<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Its kinds.
    pub kinds: &'a Kinds,
    /// Who we are.
    pub identity: &'a Identity,
    /// What we own.
    pub inventory: &'a BTreeMap<ResourceKey, InventoryEntry>,
    /// Graphs that were begun and not finished: what they made may not be in the inventory.
    pub attempted: &'a [Bound],
    /// What is wanted; absent where only our own objects matter.
    pub desired: Option<&'a Bound>,
    /// Who knows without being asked by requests.
    pub sightings: Option<&'a dyn Sightings>,
}

impl Observer<'_> {
    /// Looks at everything. With `trust_record`, what we own is believed to be as recorded.
    pub async fn observe(&self, trust_record: bool) -> Result<Observation, Failure> {
        let mut observation = Observation::default();
        if !trust_record {
            self.owned(&mut observation).await?;
        }
        if let Some(desired) = self.desired {
            self.wanted(desired, &mut observation).await?;
        }
        Self::leave_with_namespaces(&mut observation);
        Ok(observation)
    }

    /// What is in a namespace that is being deleted goes with it, whether it is marked already or not.
    fn leave_with_namespaces(observation: &mut Observation) {
        let is_leaving = |(key, seen): (&ResourceKey, &Seen)| {
            let goes = key.is("", "Namespace") && matches!(seen, Seen::Present { leaving: true, .. });
            goes.then(|| key.name.clone())
        };
        let namespaces: BTreeSet<String> = observation.seen.iter().filter_map(is_leaving).collect();
        if namespaces.is_empty() {
            return;
        }
        for (key, seen) in &mut observation.seen {
            let is_inside = key.scope.namespace().is_some_and(|namespace| namespaces.contains(namespace));
            if let (true, Seen::Present { leaving, .. }) = (is_inside, seen) {
                *leaving = true;
            }
        }
    }

    async fn owned(&self, observation: &mut Observation) -> Result<(), Failure> {
        let attempted = self.attempted.iter().flat_map(Bound::content_keys);
        let keys: BTreeSet<&ResourceKey> = self.inventory.keys().chain(attempted).collect();
        let mut by_kind: BTreeMap<(&str, &str), Vec<&ResourceKey>> = BTreeMap::new();
        for key in keys {
            by_kind.entry((&key.group, &key.kind)).or_default().push(key);
            observation.seen.insert(key.clone(), Seen::Absent);
        }
        let lists = by_kind.iter().map(|((group, kind), keys)| self.list(group, kind, keys));
        let found: Vec<Vec<(ResourceKey, Sighting)>> =
            stream::iter(lists.collect::<Vec<_>>()).buffer_unordered(CONCURRENT).try_collect().await?;
        let mut missing: BTreeSet<&ResourceKey> = by_kind.values().flatten().copied().collect();
        for (key, sighting) in found.iter().flatten() {
            missing.remove(key);
            observation.seen.insert(key.clone(), self.seen(key, sighting));
        }
        let asked = missing.into_iter().map(|key| async move { Ok::<_, Failure>((key, self.ask(key).await?)) });
        let answers: Vec<_> =
            stream::iter(asked.collect::<Vec<_>>()).buffer_unordered(CONCURRENT).try_collect().await?;
        for (key, sighting) in answers {
            if let Some(sighting) = sighting {
                let is_wanted = self.desired.is_some_and(|desired| desired.node(key).is_some());
                self.note_claim(key, &sighting, observation, is_wanted);
                observation.seen.insert(key.clone(), self.seen(key, &sighting));
            }
        }
        Ok(())
    }

    /// All objects of a kind with our label.
    async fn list(
        &self,
        group: &str,
        kind: &str,
        keys: &[&ResourceKey],
    ) -> Result<Vec<(ResourceKey, Sighting)>, Failure> {
        if let Some(known) = self.sightings.and_then(|it| it.of_kind(group, kind, &self.identity.apply_set)) {
            return Ok(known);
        }
        // A kind that is not served at all has no objects: they went with its CRD.
        let Some(served) = self.kinds.served_version(group, kind) else {
            return if self.kinds.has_all_of(group) { Ok(Vec::new()) } else { Err(Failure::Silent(group.to_owned())) };
        };
        let selector = format!("{PART_OF}={}", self.identity.apply_set);
        let namespaces = keys.iter().filter_map(|key| key.scope.namespace()).collect();
        let found: Vec<PartialObject> = self.cluster.list_kind(served, &namespaces, &selector).await?;
        let key = |metadata: &ObjectMeta| ResourceKey::new(group, kind, &metadata.namespace, &metadata.name);
        Ok(found.into_iter().map(|object| (key(&object.metadata), Sighting::of(&object.metadata))).collect())
    }

    async fn ask(&self, key: &ResourceKey) -> Result<Option<Sighting>, Failure> {
        let Some((api_version, _)) = self.kinds.served_version(&key.group, &key.kind) else { return Ok(None) };
        match self.kinds.path(api_version, key) {
            Some(path) => Ok(self.cluster.get_metadata(&path).await?.as_ref().map(Sighting::of)),
            None => Ok(None),
        }
    }

    fn seen(&self, key: &ResourceKey, sighting: &Sighting) -> Seen {
        let recorded = self.inventory.get(key).map(|entry| entry.fields.as_str());
        let labelled = sighting.part_of.as_ref() == Some(&self.identity.apply_set);
        let fields = sighting.fields(&self.identity.field_manager);
        Seen::Present {
            uid: sighting.uid.clone(),
            as_applied: labelled && recorded == Some(fields.as_str()),
            ours: fields.starts_with("f:"),
            policy: sighting.policy,
            is_of_another: sighting.part_of.as_ref().is_some_and(|label| *label != self.identity.apply_set),
            leaving: sighting.leaving,
        }
    }

    /// Looks for wanted objects that we do not own.
    async fn wanted(&self, desired: &Bound, observation: &mut Observation) -> Result<(), Failure> {
        let new: Vec<&ResourceKey> = desired
            .content_keys()
            .filter(|key| !self.inventory.contains_key(*key) && !observation.seen.contains_key(*key))
            .collect();
        let (namespaces, others): (Vec<_>, Vec<_>) = new.into_iter().partition(|key| key.is("", "Namespace"));
        self.look_for(&namespaces, observation).await?;
        // Nothing can be in a namespace that is not there.
        let absent = |key: &&ResourceKey| {
            let namespace = key.scope.namespace().map(|name| ResourceKey::new("", "Namespace", "", name));
            namespace.is_some_and(|namespace| observation.seen.get(&namespace) == Some(&Seen::Absent))
        };
        let others: Vec<&ResourceKey> = others.into_iter().filter(|key| !absent(key)).collect();
        self.look_for(&others, observation).await
    }

    /// Notes an object that is wanted and carries the label of another application.
    fn note_claim(&self, key: &ResourceKey, sighting: &Sighting, observation: &mut Observation, is_wanted: bool) {
        let other = sighting.part_of.as_ref().filter(|label| is_wanted && **label != self.identity.apply_set);
        observation.claimed.extend(other.map(|other| (key.clone(), other.clone())));
    }

    async fn look_for(&self, keys: &[&ResourceKey], observation: &mut Observation) -> Result<(), Failure> {
        let mut groups: BTreeMap<(&str, &str, Option<&str>), Vec<&ResourceKey>> = BTreeMap::new();
        for key in keys {
            groups.entry((&key.group, &key.kind, key.scope.namespace())).or_default().push(key);
        }
        let looks = groups.into_iter().map(|((group, kind, namespace), keys)| async move {
            let Some((api_version, served)) = self.kinds.served_version(group, kind) else { return Ok(Vec::new()) };
            if keys.len() > ASKED_ONE_BY_ONE {
                let path = collection(api_version, served, namespace);
                match self.cluster.list::<PartialObject>(&path, "").await {
                    Ok(found) => return Ok(matching(&keys, found)),
                    Err(failure) if failure.is_unserved() => return Ok(Vec::new()),
                    Err(failure) if failure.is_forbidden() => {}
                    Err(failure) => return Err(failure),
                }
            }
            let mut found = Vec::new();
            for key in keys {
                match self.ask(key).await {
                    Ok(sighting) => found.extend(sighting.map(|sighting| (key.clone(), sighting))),
                    // Its kind comes with the graph.
                    Err(failure) if failure.is_unserved() => {}
                    Err(failure) => return Err(failure),
                }
            }
            Ok(found)
        });
        let found: Vec<Vec<(ResourceKey, Sighting)>> =
            stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(CONCURRENT).try_collect().await?;
        for key in keys {
            observation.seen.insert((*key).clone(), Seen::Absent);
        }
        for (key, sighting) in found.into_iter().flatten() {
            self.note_claim(&key, &sighting, observation, true);
            let seen = self.seen(&key, &sighting);
            observation.seen.insert(key, seen);
        }
        Ok(())
    }
}

/// What a live object asks for.
fn policy(metadata: &ObjectMeta) -> Policy {
    Policy::of(
        |name| metadata.annotations.get(name).map(String::as_str),
        |name| metadata.labels.get(name).map(String::as_str),
        &SyncOptions::default(),
    )
}

fn matching(keys: &[&ResourceKey], found: Vec<PartialObject>) -> Vec<(ResourceKey, Sighting)> {
    let by_name: BTreeMap<&str, &ResourceKey> = keys.iter().map(|key| (key.name.as_str(), *key)).collect();
    let found = found.into_iter().map(|object| object.metadata);
    found
        .filter_map(|metadata| Some(((*by_name.get(metadata.name.as_str())?).clone(), Sighting::of(&metadata))))
        .collect()
}

/// What identifies the state of our own fields: `f:` and a hash of our entry of managedFields with its time, or
/// `v:` and the resourceVersion where the server keeps no entry of ours.
#[must_use]
pub fn own_fields(metadata: &ObjectMeta, field_manager: &str) -> String {
    let own = metadata.managed_fields.iter().find(|entry| entry.manager == field_manager && is_of_apply(entry));
    own.map_or_else(|| format!("v:{}", metadata.resource_version), digest)
}

/// Whether an entry is of applying the object itself.
fn is_of_apply(entry: &ManagedFields) -> bool {
    entry.operation == "Apply" && entry.subresource.is_empty()
}

fn digest(entry: &ManagedFields) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&Encoder::encode(&Value::from(entry.fields_v1.clone())));
    hasher.update(entry.time.as_bytes());
    format!("f:{}", &hasher.finalize().to_hex()[..32])
}
