//! What a sync would do to an Application, and where it differs from something else: for whoever wants to know before.
//!
//! In: an Application as it is known, and what would be asked. Out: [`Planned`], or a comparison. Nothing is changed. What the
//! controller itself has to know of the cluster, the record and which objects are there, is read with its own rights, as for
//! each comparison; whole objects are read with the rights of whoever asks.

use std::sync::Arc;

use gitops_compiler::app::Application;
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::compile::Provenance;
use gitops_compiler::diagnostic::Diagnostic;
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
use crate::project::{AppProject, DEFAULT};
use crate::settings::Delivery;

use super::Controller;
use super::apps::CompiledFrom;
use super::clusters::Place;
use super::compile::{self, Compiled};
use super::projects::{self, governed};
use super::readings::Wanted;
use super::sync::{Order, Planned, Purpose};

/// What an Application compiles to, as far as it is needed to say what a sync would do.
#[derive(Clone)]
pub struct Deliverable {
    /// The graph.
    pub graph: Arc<ResourceGraph>,
    /// Where its resources and edges come from.
    pub provenance: Arc<Provenance>,
}

impl Deliverable {
    /// Of all that was compiled.
    #[must_use]
    pub fn of(compiled: &Compiled) -> Self {
        Self { graph: Arc::clone(&compiled.graph), provenance: Arc::clone(&compiled.provenance) }
    }
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
    lints: Vec<Diagnostic>,
    project: Arc<AppProject>,
    /// The namespace of the controller that cares for it.
    home: String,
    place: Place,
}

impl Controller {
    /// What this operation would do.
    ///
    /// # Errors
    /// Where there is no plan: the Application is not understood, not permitted or does not compile, or the cluster does not answer.
    pub async fn preview(
        self: &Arc<Self>,
        id: &AppId,
        object: &Json,
        operation: &Operation,
    ) -> Result<Planned, CommandError> {
        let looked = self.looked(id, object).await?;
        let is_rollback = operation.rollback().is_some();
        // A rollback is to what the record has: whether Git can be had is nothing to it.
        let graph = if is_rollback { Arc::new(ResourceGraph::empty()) } else { self.deliverable(&looked).await?.graph };
        let delivery = Delivery::of(&looked.application);
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
        if is_rollback {
            planned.refusals.extend(looked.is_permitted().err());
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
        self: &Arc<Self>,
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
                let graph = self.deliverable(&looked).await?.graph;
                let delivery = Delivery::of(&looked.application);
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
        self: &Arc<Self>,
        id: &AppId,
        object: &Json,
        sides: [Side; 2],
    ) -> Result<[Arc<ResourceGraph>; 2], CommandError> {
        let looked = self.looked(id, object).await?;
        let target = self.opened(&looked).await?;
        let [old, new] = sides;
        Ok([self.side(&looked, &target, old).await?, self.side(&looked, &target, new).await?])
    }

    /// What Git says of an Application, whoever follows Git for it.
    ///
    /// # Errors
    /// As of [`Controller::preview`].
    pub async fn said_by_git(self: &Arc<Self>, id: &AppId, object: &Json) -> Result<Arc<ResourceGraph>, CommandError> {
        Ok(self.deliverable(&self.looked(id, object).await?).await?.graph)
    }

    async fn looked<'a>(&self, id: &'a AppId, object: &'a Json) -> Result<Looked<'a>, CommandError> {
        let (application, lints) = compile::read(object)?;
        let home = self.home().to_owned();
        let (name, observes) = (application.project(), self.settings.observes.is_some());
        let project = if observes {
            // Whoever writes an Application may write this, too: where projects are read is for whoever runs this to say.
            let said = object["status"]["controllerNamespace"].as_str().filter(|said| *said != home);
            if let Some(said) = said {
                let message = format!("the Application says that its controller is in {said}, and {home} is asked");
                let hint = format!("where that is so, start with --controller-namespace {said}");
                return Err(CommandError::user(message).hint(hint));
            }
            Arc::new(self.project_in(&home, name).await?)
        } else {
            self.projects.get(name).await?
        };
        let place = self.clusters.of(id, object).await.map_err(|error| {
            let only = "its destination is another cluster, which the controller alone knows";
            CommandError::user(if observes { only } else { error.why() }.to_owned())
        })?;
        Ok(Looked { id, object, application, lints, project, home, place })
    }

    /// A project, asked for now.
    async fn project_in(&self, namespace: &str, name: &str) -> Result<AppProject, CommandError> {
        let failed = |why: Vec<String>| CommandError::user(format!("the project {name} cannot be read")).details(why);
        if !is_name(name) {
            return Err(failed(vec!["that is no name".to_owned()]));
        }
        let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/appprojects/{name}");
        match self.cluster.find(&path).await {
            Ok(Some(object)) => AppProject::read(&object).map_err(failed),
            Ok(None) if name == DEFAULT => Ok(AppProject::permits_all()),
            Ok(None) => Err(CommandError::user(format!("there is no project {name} in {namespace}"))),
            Err(failure) => Err(failed(vec![failure.to_string()])),
        }
    }

    async fn opened(&self, looked: &Looked<'_>) -> Result<Target, CommandError> {
        let records = self.records(looked.id, &looked.place).await?;
        Ok(Box::pin(Target::open(records, looked.name()?, Destination::Named(looked.destination()))).await?)
    }

    async fn side(
        self: &Arc<Self>,
        looked: &Looked<'_>,
        target: &Target,
        side: Side,
    ) -> Result<Arc<ResourceGraph>, CommandError> {
        match side {
            Side::Git => Ok(self.deliverable(looked).await?.graph),
            Side::Release(number) => released(target, number).await,
        }
    }

    /// What Git says: as it was compiled last where Git is followed for the Application here, else as it is now. Nothing is asked
    /// for that the project does not permit.
    async fn deliverable(self: &Arc<Self>, looked: &Looked<'_>) -> Result<Deliverable, CommandError> {
        looked.is_permitted()?;
        let Looked { id, object, application, lints, place, .. } = looked;
        let known = self.apps.deliverable(id, object).filter(|_| self.cares_for(object));
        if let Some(known) = known {
            return Ok(known);
        }
        let (id, spec) = (AppId::clone(id), CompiledFrom::spec_of(object));
        let (application, lints, place) = (application.clone(), lints.clone(), place.clone());
        Box::pin(self.reading(Wanted { id, spec, application, lints, place })).await
    }
}

/// Whether a text is a DNS subdomain, as names of projects are.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_letter)
    };
    text.split('.').all(is_label)
}

/// The graph of a release.
async fn released(target: &Target, number: u64) -> Result<Arc<ResourceGraph>, CommandError> {
    let none = || CommandError::user(format!("no release {number} is kept"));
    let release = target.recorded_head().ok().and_then(|head| head.release(number)).ok_or_else(none)?;
    Ok(Arc::new(target.records.graph(&release.graph, &target.target_id).await?))
}

impl Looked<'_> {
    /// Whether the project permits the Application.
    fn is_permitted(&self) -> Result<(), CommandError> {
        let Self { id, application, project, home, place, .. } = self;
        projects::check(project, id, application, &place.as_asked(project.name()), home)
    }

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
