//! What a sync would do to an Application, and where it differs from something else: for whoever wants to know before.
//!
//! In: an Application as it is known, and what would be asked. Out: [`Planned`], or a comparison. Nothing is changed. What the
//! controller itself has to know of the cluster, the record and which objects are there, is read with its own rights, as for
//! each comparison; whole objects are read with the rights of whoever asks.

use std::sync::Arc;

use gitops_compiler::app::Application;
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::compile::Provenance;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::{Approvals, Hooks};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::application::{AppId, Operation};
use crate::apply::against::Against;
use crate::apply::run::Stop;
use crate::apply::{Destination, Target};
use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::json::RunEventJson;
use crate::project::AppProject;
use crate::settings::Delivery;

use super::Controller;
use super::clusters::Place;
use super::compile;
use super::projects::{self, governed};
use super::reconcile;
use super::sync::{Order, Planned, Purpose};

/// What an Application compiled to last, as far as it is needed to say what a sync would do.
#[derive(Clone)]
pub struct Deliverable {
    /// The graph.
    pub graph: Arc<ResourceGraph>,
    /// Where its resources and edges come from.
    pub provenance: Arc<Provenance>,
    /// How it is delivered.
    pub delivery: Delivery,
}

/// A graph of an Application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What Git says.
    Git,
    /// That of a release.
    Release(u64),
}

/// An Application, and all that a preview needs of it.
struct Looked<'a> {
    id: &'a AppId,
    object: &'a Json,
    application: Application,
    project: Arc<AppProject>,
    /// Why the project is not known, and stands for one that permits all.
    no_project: Option<CommandError>,
    place: Place,
}

impl Controller {
    /// What this operation would do.
    ///
    /// # Errors
    /// Where there is no plan: the Application is not understood, or not compiled here, or the cluster does not answer.
    pub async fn preview(&self, id: &AppId, object: &Json, operation: &Operation) -> Result<Planned, CommandError> {
        let mut looked = self.looked(id, object).await?;
        let Deliverable { graph, delivery, .. } = self.deliverable(&looked).await?;
        let no_project = looked.no_project.take();
        let policy = looked.application.spec.sync_policy.as_ref();
        let purpose = match operation.rollback() {
            Some(to) => Purpose::Rollback(to.map(str::to_owned)),
            None => Purpose::Deliver,
        };
        let order = Order {
            object,
            name: looked.name()?,
            destination: looked.destination(),
            graph,
            delivery: &delivery,
            rules: &looked.place.cluster.ground.rules,
            commit: None,
            inputs: Vec::new(),
            operation,
            prunes: policy.and_then(|policy| policy.automated.as_ref()).is_some_and(|automated| automated.prune),
            purpose,
            stop: Stop::pair().1,
            // Nothing is changed.
            acts_as: None,
            permits: &|key: &ResourceKey| projects::permits(&looked.project, &looked.place, key),
            is_ours: &|| false,
            tell: &|_: RunEventJson| {},
        };
        let target = self.opened(&looked).await?;
        let mut planned = Box::pin(order.planned(target, &looked.place.cluster.ground)).await?;
        planned.refusals.extend(
            projects::account(&looked.project, &looked.place, &looked.application, looked.id)
                .err()
                .map(CommandError::refused),
        );
        planned.refusals.extend(no_project);
        if self.settings.observes {
            let cluster = looked.place.as_asked(looked.project.name());
            let own = &self.settings.namespace;
            let checked = projects::check(&looked.project, looked.id, &looked.application, &cluster, own);
            planned.refusals.extend(checked.err());
        }
        if let Some(why) = closed(&looked.project, looked.id, &looked.application, &looked.place) {
            planned.refusals.insert(0, CommandError::refused(why));
        }
        Ok(planned)
    }

    /// Where what is live differs from one of its graphs, from what is live to the graph. Objects are read with the rights of
    /// `viewer`.
    ///
    /// # Errors
    /// As of [`Controller::preview`], and where there is no such release.
    pub async fn against_live(
        &self,
        id: &AppId,
        object: &Json,
        side: Side,
        viewer: &Cluster,
    ) -> Result<(Id<Graph>, Against), CommandError> {
        let looked = self.looked(id, object).await?;
        let mut target = self.opened(&looked).await?;
        target.sightings = Some(Arc::clone(&looked.place.cluster.ground.sightings));
        let graph = match side {
            Side::Git => {
                let Deliverable { graph, delivery, .. } = self.deliverable(&looked).await?;
                target.ignored = delivery.ignored().await?;
                target.options = delivery.own_options();
                graph
            }
            Side::Release(number) => released(&target, number).await?,
        };
        let wanted = target.bind(graph).await?;
        let observation = target.observe(Some(&wanted), false).await?;
        let plan = target.plan(&wanted, &observation.seen, &Approvals::default(), &Hooks::default());
        Ok((wanted.graph.id(), Box::pin(target.against_as(&plan, &wanted, viewer)).await?))
    }

    /// Two graphs of an Application.
    ///
    /// # Errors
    /// As of [`Controller::against_live`].
    pub async fn graphs(
        &self,
        id: &AppId,
        object: &Json,
        sides: [Side; 2],
    ) -> Result<[Arc<ResourceGraph>; 2], CommandError> {
        let looked = self.looked(id, object).await?;
        let target = self.opened(&looked).await?;
        let [old, new] = sides;
        Ok([self.side(&looked, &target, old).await?, self.side(&looked, &target, new).await?])
    }

    async fn looked<'a>(&self, id: &'a AppId, object: &'a Json) -> Result<Looked<'a>, CommandError> {
        let (application, _) = compile::read(object)?;
        let (project, no_project) = match self.projects.get(application.project()).await {
            Ok(project) => (project, None),
            // It is not this one that acts, and may not be one who may read projects.
            Err(error) if self.settings.observes => (Arc::new(AppProject::permits_all()), Some(error)),
            Err(error) => return Err(error),
        };
        let place = self.clusters.of(id, object).await.map_err(|error| CommandError::user(error.why().to_owned()))?;
        Ok(Looked { id, object, application, project, no_project, place })
    }

    async fn opened(&self, looked: &Looked<'_>) -> Result<Target, CommandError> {
        let records = self.records(looked.id, &looked.place).await?;
        Ok(Box::pin(Target::open(records, looked.name()?, Destination::Named(looked.destination()))).await?)
    }

    async fn side(&self, looked: &Looked<'_>, target: &Target, side: Side) -> Result<Arc<ResourceGraph>, CommandError> {
        match side {
            Side::Git => Ok(self.deliverable(looked).await?.graph),
            Side::Release(number) => released(target, number).await,
        }
    }

    /// What Git says of an Application: as it was compiled last where Git is followed for it here, else as it is now.
    ///
    /// # Errors
    /// As of [`Controller::preview`].
    pub async fn said_by_git(&self, id: &AppId, object: &Json) -> Result<Arc<ResourceGraph>, CommandError> {
        if let Some(known) = self.compiled_here(id, object) {
            return Ok(known?.graph);
        }
        Ok(self.deliverable(&self.looked(id, object).await?).await?.graph)
    }

    /// What it compiled to last, where Git is followed for it here.
    fn compiled_here(&self, id: &AppId, object: &Json) -> Option<Result<Deliverable, CommandError>> {
        let none = || CommandError::user("the Application is not compiled yet");
        self.cares_for(object).then(|| self.apps.deliverable(id).ok_or_else(none))
    }

    async fn deliverable(&self, looked: &Looked<'_>) -> Result<Deliverable, CommandError> {
        let Looked { id, object, application, project, place, .. } = looked;
        if let Some(known) = self.compiled_here(id, object) {
            return known;
        }
        if !self.settings.observes {
            // With the credentials of the controller nothing is asked for that the project does not permit.
            let cluster = place.as_asked(project.name());
            projects::check(project, id, application, &cluster, &self.settings.namespace)?;
        }
        let compiled = Box::pin(reconcile::compiled_for_reader(self, id, application, project, place)).await?;
        Ok(Deliverable { graph: compiled.graph, provenance: compiled.provenance, delivery: compiled.delivery })
    }
}

/// The graph of a release.
async fn released(target: &Target, number: u64) -> Result<Arc<ResourceGraph>, CommandError> {
    let none = || CommandError::user(format!("no release {number} is kept"));
    let release = target.recorded_head().ok().and_then(|head| head.release(number)).ok_or_else(none)?;
    Ok(Arc::new(target.records.graph(&release.graph, &target.target_id).await?))
}

impl Looked<'_> {
    fn name(&self) -> Result<AppName, CommandError> {
        self.id.name.parse().map_err(|error| CommandError::user(format!("{error}")))
    }

    /// Where manifests without a namespace go.
    fn destination(&self) -> &str {
        let namespace = self.object["spec"]["destination"]["namespace"].as_str().unwrap_or_default();
        if namespace.is_empty() { "default" } else { namespace }
    }
}

/// Why the sync windows of a project do not let people sync now; nothing where they do.
#[must_use]
pub fn closed(project: &AppProject, id: &AppId, application: &Application, place: &Place) -> Option<String> {
    let governed = governed(id, application, place.as_asked(project.name()));
    let windows = project.windows.state(&governed, Timestamp::now());
    let why = || windows.reason().unwrap_or_else(|| "sync windows do not allow it".to_owned());
    (!windows.manual).then(why)
}
