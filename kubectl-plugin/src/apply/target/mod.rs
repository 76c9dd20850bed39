//! All that is known of a target before planning.
//!
//! In: a cluster, an application. Out: [`Target`]: its head, what it owns, the graphs that its record names, the kinds
//! of the server. Opening one costs one request where the local store has the record's chunks.

mod error;
mod unlocked;

pub use error::TargetError;
pub use unlocked::LockWatch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::manifest::SyncOptions;
use gitops_compiler::name::{AppName, KubernetesVersion, ResourceKey, Scope as KeyScope};
use gitops_compiler::plan::{self, Approvals, Bound, Hooks, Owned, Plan, Seen};
use jiff::Timestamp;

use crate::apply::drift::look::Looker;
use crate::apply::drift::{Findings, Ignored};
use crate::apply::hook::HookRecord;
use crate::apply::observe::{Identity, MANAGER_PREFIX, Observation, Observer, Sightings};
use crate::cluster::{Cluster, Failure, Kinds};
use crate::record::head::StoredGraph;
use crate::record::persist::{head_name, not_recorded};
use crate::record::{Found, Head, InventoryEntry, Records, apply_set};

/// Where manifests without a namespace go.
#[derive(Debug, Clone, Copy)]
pub enum Destination<'a> {
    /// Here; an application that was applied to another namespace is refused.
    Named(&'a str),
    /// Where the application was applied before: it must have been. A namespace that is given must be that one.
    Recorded {
        /// What the user gave.
        given: Option<&'a str>,
    },
}

/// A target, as its record and the server describe it.
pub struct Target {
    /// Its records.
    pub records: Records,
    /// Where its objects are changed: where its records are, and perhaps in the name of somebody else.
    pub objects: Cluster,
    /// The application.
    pub application: AppName,
    /// Where manifests without a namespace go.
    pub destination: String,
    /// The head, as it was read; none before the first apply.
    pub found: Option<Found>,
    /// The kinds that are known.
    pub kinds: Kinds,
    /// The version of Kubernetes, where it was asked for in this run or before.
    pub kubernetes: Option<KubernetesVersion>,
    /// Whether discovery was asked in this run.
    discovered: bool,
    /// What we own.
    pub inventory: BTreeMap<ResourceKey, InventoryEntry>,
    /// The graph of the live release.
    pub base: Option<Bound>,
    /// Graphs that were begun since.
    pub attempted: Vec<Bound>,
    /// Keys that were not there when those were begun.
    pub absent_before: BTreeSet<ResourceKey>,
    /// What is known of hooks.
    pub hooks: HookRecord,
    /// Differences that do not count.
    pub ignored: Ignored,
    /// What the application asks for: what it asked for last, unless whoever applies it knows better.
    pub options: SyncOptions,
    /// Who we are.
    pub identity: Identity,
    /// Who knows what is in the cluster without being asked by requests; nobody, unless whoever opened it says so.
    pub sightings: Option<Arc<dyn Sightings>>,
    /// The target's id; minted here where there is no record yet.
    pub target_id: String,
}

impl Target {
    /// Reads a target's record.
    pub async fn open(
        records: Records,
        application: AppName,
        destination: Destination<'_>,
    ) -> Result<Self, TargetError> {
        let found = records.load(&application).await?;
        if found.is_none() && matches!(destination, Destination::Recorded { .. }) {
            return Err(records.not_recorded(&application).await.into());
        }
        let destination = destination_of(&application, &records.namespace, destination, found.as_ref())?;
        Box::pin(Self::from_head(records, application, destination, found)).await
    }

    async fn from_head(
        records: Records,
        application: AppName,
        destination: String,
        found: Option<Found>,
    ) -> Result<Self, TargetError> {
        if let Some(name) = found.as_ref().and_then(|found| found.head.renamed_to.clone()) {
            return Err(TargetError::Renamed { application, name });
        }
        let target_id = found.as_ref().map_or_else(random_name, |found| found.head.target.clone());
        let apply_set = found.as_ref().map_or_else(
            || apply_set::id(&head_name(&application), &records.namespace),
            |found| found.head.apply_set.clone(),
        );
        let identity = Identity { field_manager: format!("{MANAGER_PREFIX}{target_id}"), apply_set };
        let objects = records.cluster.clone();
        let mut target = Self {
            records,
            objects,
            application,
            destination,
            found,
            kinds: Kinds::default(),
            kubernetes: None,
            discovered: false,
            inventory: BTreeMap::new(),
            base: None,
            attempted: Vec::new(),
            absent_before: BTreeSet::new(),
            hooks: HookRecord::default(),
            ignored: Ignored::default(),
            options: SyncOptions::default(),
            identity,
            sightings: None,
            target_id,
        };
        target.read().await?;
        Ok(target)
    }

    async fn read(&mut self) -> Result<(), TargetError> {
        let Some(found) = &self.found else { return Ok(()) };
        let head = found.head.clone();
        self.kubernetes = head.kubernetes.as_ref().and_then(|version| version.parse().ok());
        for (name, served) in &head.kinds {
            if let Some((api_version, kind)) = name.rsplit_once('/') {
                self.kinds.insert(api_version, kind, served.clone());
            }
        }
        if let Some(origin) = head.last_origin() {
            self.options = origin.options.clone();
            self.ignored = Ignored::new(origin.ignored.clone());
        }
        self.inventory = self.records.inventory(&head).await?;
        if let Some(live) = head.live_release() {
            self.base = Some(self.recorded(&live.graph).await?);
        }
        let Some(pending) = &head.pending else { return Ok(()) };
        for stored in &pending.attempted {
            let bound = self.recorded(stored).await?;
            self.attempted.push(bound);
        }
        self.absent_before = self.records.keys(&pending.absent, &head.target).await?.into_iter().collect();
        self.absent_before.extend(pending.recreated.iter().cloned());
        Ok(())
    }

    /// The head, where there is one.
    pub fn recorded_head(&self) -> Result<&Head, TargetError> {
        let found = self.found.as_ref().map(|found| &found.head);
        found.ok_or_else(|| not_recorded(&self.application, &self.records.namespace).into())
    }

    /// The graph of the live release.
    #[must_use]
    pub fn base_id(&self) -> Option<Id<Graph>> {
        self.base.as_ref().map(|base| base.graph.id())
    }

    /// A graph of the record, bound by the kinds that the record knows.
    pub async fn recorded(&mut self, stored: &StoredGraph) -> Result<Bound, TargetError> {
        let graph = self.records.shared_graph(stored, &self.target_id).await?;
        self.bind(graph).await
    }

    /// Binds a graph to this target; asks discovery where a kind is not known.
    pub async fn bind(&mut self, graph: Arc<ResourceGraph>) -> Result<Bound, TargetError> {
        let unknown = |kinds: &Kinds| {
            let resources = graph.resources().iter();
            resources
                .map(|resource| kinds.get(resource.api_version(), &resource.key.kind))
                .any(|served| served.is_none())
        };
        if unknown(&self.kinds) && !self.discovered {
            self.discover().await?;
        }
        self.kinds.add_definitions(&graph);
        let kinds = &self.kinds;
        Bound::new(graph, &self.destination, |api_version, kind| {
            kinds.get(api_version, kind).map(|served| served.namespaced)
        })
        .map_err(TargetError::Bind)
    }

    /// Refuses a graph that contains the namespace in which its own record lives.
    pub fn check_record_namespace(&self, desired: &Bound) -> Result<(), TargetError> {
        let namespace = &self.records.namespace;
        let key = ResourceKey { scope: KeyScope::Cluster, ..ResourceKey::new("", "Namespace", "", namespace) };
        if desired.node(&key).is_none() && !self.inventory.contains_key(&key) {
            return Ok(());
        }
        Err(TargetError::OwnNamespace { application: self.application.clone(), namespace: namespace.clone() })
    }

    /// Looks at the cluster, and at each object again that is in doubt: what differs only in what belongs to others is as
    /// applied.
    pub async fn observe(&mut self, desired: Option<&Bound>, trust_record: bool) -> Result<Observation, TargetError> {
        let mut observation = self.observe_metadata(desired, trust_record).await?;
        let findings = self.findings(desired, &observation).await;
        for (key, findings) in &findings {
            if let (Some(Seen::Present { as_applied, .. }), false) =
                (observation.seen.get_mut(key), findings.is_drift())
            {
                *as_applied = true;
            }
        }
        observation.findings = findings;
        Ok(observation)
    }

    /// Changes its objects in the name of somebody else from now on; the record stays ours.
    ///
    /// # Errors
    /// Where that cannot be a name.
    pub fn act_as(&mut self, user: &str) -> Result<(), TargetError> {
        let wrong = || TargetError::NoName(user.to_owned());
        self.objects = self.records.cluster.acting_as(user).ok_or_else(wrong)?;
        Ok(())
    }

    async fn findings(&self, desired: Option<&Bound>, observation: &Observation) -> BTreeMap<ResourceKey, Findings> {
        let graphs: Vec<&Bound> = self.base.iter().chain(&self.attempted).chain(desired).collect();
        let looker = Looker {
            cluster: &self.records.cluster,
            kinds: &self.kinds,
            identity: &self.identity,
            inventory: &self.inventory,
            graphs: &graphs,
            ignored: &self.ignored,
        };
        looker.look(&observation.seen).await
    }

    /// Looks at the metadata of everything. Where the record names a version that the server serves no more, the kinds are asked for
    /// again: that a way is closed says nothing of the objects.
    async fn observe_metadata(
        &mut self,
        desired: Option<&Bound>,
        trust_record: bool,
    ) -> Result<Observation, TargetError> {
        let doing = "cannot list what is in the cluster";
        let failed = |failure| TargetError::Request { doing, failure };
        match self.look(desired, trust_record).await {
            Err(failure) if failure.is_unserved() && !self.discovered => {
                self.discover().await?;
                if let Some(desired) = desired {
                    // What is wanted in a version that is gone is refused before anything is sent.
                    self.bind(Arc::clone(&desired.graph)).await?;
                }
                self.look(desired, trust_record).await.map_err(failed)
            }
            other => other.map_err(failed),
        }
    }

    async fn look(&self, desired: Option<&Bound>, trust_record: bool) -> Result<Observation, Failure> {
        let observer = Observer {
            cluster: &self.records.cluster,
            kinds: &self.kinds,
            identity: &self.identity,
            inventory: &self.inventory,
            attempted: &self.attempted,
            desired,
            sightings: self.sightings.as_deref(),
        };
        // What an unfinished run did is only to be seen, never on record.
        observer.observe(trust_record && self.attempted.is_empty()).await
    }

    async fn discover(&mut self) -> Result<(), TargetError> {
        let doing = "cannot ask the API server for its kinds";
        let cluster = &self.records.cluster;
        let (served, version) = futures::join!(cluster.discover(), cluster.version());
        self.kinds.replace(served.map_err(|failure| TargetError::Request { doing, failure })?);
        // Who does not tell is taken for what it was.
        self.kubernetes = version.ok().or(self.kubernetes);
        self.discovered = true;
        Ok(())
    }

    /// Whether a graph is another than that of the live release, or a run is not finished: then hooks have something to
    /// run for. Drift alone is none.
    #[must_use]
    pub fn is_changed_by(&self, desired: &Bound) -> bool {
        let roots = |bound: &Bound| (bound.graph.content_root(), bound.graph.hook_root());
        let is_settled = self.found.as_ref().is_some_and(|found| found.head.pending.is_none());
        !is_settled || self.base.as_ref().map(roots) != Some(roots(desired))
    }

    /// Looks how far the hooks of an interrupted run came.
    pub async fn look_at_hooks(&mut self, desired: &Bound) -> Result<(), TargetError> {
        let Some(found) = &self.found else { return Ok(()) };
        // The hooks of a deletion are those of what is deleted.
        let attempted = self.attempted.last().filter(|attempted| !attempted.keys().is_empty());
        let last = attempted.or(self.base.as_ref());
        let cluster = &self.records.cluster;
        let looked = HookRecord::look(&found.head, cluster, &self.kinds, desired, last).await;
        let doing = "cannot look at the hooks of the run before";
        self.hooks = looked.map_err(|failure| TargetError::Request { doing, failure })?;
        Ok(())
    }

    /// Plans the way to a graph.
    #[must_use]
    pub fn plan(
        &self,
        desired: &Bound,
        seen: &BTreeMap<ResourceKey, Seen>,
        approvals: &Approvals,
        hooks: &Hooks,
    ) -> Plan {
        let inventory: BTreeMap<ResourceKey, Owned> =
            self.inventory.iter().map(|(key, entry)| (key.clone(), entry.owned())).collect();
        plan::build(&plan::Input {
            desired,
            base: self.base.as_ref(),
            attempted: &self.attempted,
            absent_before: &self.absent_before,
            inventory: &inventory,
            seen,
            approvals,
            hooks,
            options: &self.options,
        })
    }
}

/// The namespace for manifests that name none.
fn destination_of(
    application: &AppName,
    record_namespace: &str,
    destination: Destination<'_>,
    found: Option<&Found>,
) -> Result<String, TargetError> {
    let given = match destination {
        Destination::Named(given) => Some(given),
        Destination::Recorded { given } => given,
    };
    let recorded = found.map(|found| found.head.destination.as_str());
    match (recorded, given) {
        (None, _) if matches!(destination, Destination::Recorded { .. }) => {
            Err(not_recorded(application, record_namespace).into())
        }
        (Some(recorded), Some(given)) if recorded != given => Err(TargetError::Moved {
            application: application.clone(),
            recorded: recorded.to_owned(),
            given: given.to_owned(),
        }),
        (recorded, given) => Ok(given.or(recorded).unwrap_or_default().to_owned()),
    }
}

/// 26 hexadecimal digits that nothing else has: short enough for a field manager, unique without coordination.
#[must_use]
pub fn random_name() -> String {
    let mut bytes = [0_u8; 13];
    // Without randomness from the system there is still the clock and the process.
    if getrandom::fill(&mut bytes).is_err() {
        let seed = format!("{:?} {}", Timestamp::now(), std::process::id());
        bytes.copy_from_slice(&blake3::hash(seed.as_bytes()).as_bytes()[..13]);
    }
    bytes.iter().fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}
