//! One look at one Application: from its object to its status.
//!
//! In: an object, and what is remembered of it. Out: what Git says is in the cluster, where the policy wants that, and a
//! status that says how things are. A look that finds nothing new sends nothing.
//!
//! | file | what |
//! |---|---|
//! | `asked` | what somebody asks for, and what is answered at once |
//! | `desired` | what Git says: pins, a graph |
//! | `settle` | Git, the record and the cluster compared, and what follows |
//! | `orphans` | what is there and of no Application |
//! | `running` | a sync, told while it runs |
//! | `publish` | the status, written where it says something new |

mod asked;
mod desired;
mod orphans;
mod publish;
mod running;
mod settle;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::app::Application;
use gitops_compiler::diagnostic::Diagnostic;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::application::{AppId, Condition, is_deleted};
use crate::error::CommandError;
use crate::project::{self, AppProject};
use crate::settings::Delivery;
use crate::trace;

use super::apps::{CompiledFrom, Memory};
use super::argo_cd;
use super::clusters::Place;
use super::clusters::known::NotFound;
use super::compile::{self, Compiled};
use super::decide::Heals;
use super::report::condition;
use super::{Controller, projects, removal};

/// How often an Application is looked at that another controller is at, or another replica, where there is a reason.
const LOOK_AT_OTHERS: Duration = Duration::from_mins(1);

/// What the look that answers a request is followed by.
const AFTER_REQUEST: Duration = Duration::from_millis(100);

/// What a look that failed for a passing reason is followed by.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// Looks at an Application, which is applied to this place.
pub async fn reconcile(controller: &Controller, id: &AppId, place: Result<Place, NotFound>) {
    let Some(entry) = controller.apps.get(id) else { return };
    let began = Instant::now();
    let mut memory = entry.memory.lock().await;
    let object = Arc::new(entry.object());
    if !controller.owns(&object) {
        // Another replica cares for it: what was known may be old when it comes back. A webhook for it may come here.
        controller.refs.forget(id);
        controller.apps.forget_graph(id);
        controller.webhooks.known.set_implied(id, Vec::new());
        *memory = Memory::default();
        if let Ok((application, _)) = compile::read(&object) {
            let (_, problems) = controller.webhooks.set(&controller.cluster, id, &object, &application).await;
            if !problems.is_empty() {
                controller.queue.add_after(id, LOOK_AT_OTHERS);
            }
        }
        return;
    }
    let conditions = Vec::new();
    let mut look = Look { controller, id, object, place, memory: &mut memory, conditions, again: None };
    let about = || vec![("application", id.to_string())];
    let looking = Box::pin(async {
        look.run().await;
        Ok::<(), Infallible>(())
    });
    // It cannot fail.
    let _ = trace::part_of(trace::caused_by(&id.to_string()), "look", about, looking).await;
    controller.metrics.looked(began.elapsed());
    if let Some(after) = look.again {
        controller.queue.add_after(id, after);
    }
}

/// A look.
struct Look<'a> {
    controller: &'a Controller,
    id: &'a AppId,
    object: Arc<Json>,
    place: Result<Place, NotFound>,
    memory: &'a mut Memory,
    conditions: Vec<Condition>,
    /// When to look again.
    again: Option<Duration>,
}

/// An Application, what there is to say of it, its project and its cluster.
type Understood = (Application, Vec<Diagnostic>, Arc<AppProject>, Place);

/// An Application that was understood, and what it compiles to.
struct Desired {
    application: Application,
    project: Arc<AppProject>,
    place: Place,
    from: CompiledFrom,
    compiled: Compiled,
    /// How it is delivered, as it says now: that is no part of what is compiled.
    delivery: Delivery,
    revisions: Vec<String>,
}

impl Desired {
    /// Its cluster, as its project knows it.
    fn cluster(&self) -> project::Cluster<'_> {
        self.place.as_asked(self.project.name())
    }
}

impl Look<'_> {
    async fn run(&mut self) {
        if is_deleted(&self.object) {
            let removed = removal::remove(self.controller, self.id, &self.object, &self.place);
            if let Err(error) = Box::pin(removed).await {
                self.say("DeletionError", &error);
                self.come_again(TRY_AGAIN);
                self.publish_failure(None).await;
            }
            return;
        }
        if let Some(why) = argo_cd::why_left_alone(&self.object, self.controller.cluster.connection.server_time()) {
            self.leave_alone(why).await;
            // Who was at it may go away without a word.
            self.come_again(LOOK_AT_OTHERS);
            return;
        }
        if self.hold().await {
            return;
        }
        let (application, lints, project, place) = match self.understood().await {
            Ok((application, lints, project, place)) => {
                self.note_needs(&application).await;
                (self.at_asked_revision(application), lints, project, place)
            }
            Err((kind, error)) => {
                self.say(kind, &error);
                return self.publish_failure(None).await;
            }
        };
        self.is_of(&place);
        let compared = Box::pin(self.compared(application.clone(), lints, project, &place)).await;
        if let Err(error) = compared {
            // Where the cluster is the reason all of its Applications say the same, until it is back: then it tells.
            let lost = place.cluster.reach.verdict(&place.cluster.cluster).await;
            let error = lost.map_or(error, |why| CommandError::user(place.lost(&why)));
            self.say("ComparisonError", &error);
            self.publish_failure(Some(&application)).await;
        }
    }

    async fn compared(
        &mut self,
        application: Application,
        lints: Vec<Diagnostic>,
        project: Arc<AppProject>,
        place: &Place,
    ) -> Result<(), CommandError> {
        if let Some(lost) = place.is_lost() {
            return Err(CommandError::user(lost));
        }
        let desired = {
            let desiring = Box::pin(self.desired(application, lints, project, place));
            trace::part("desired", Vec::new, desiring).await?
        };
        let settled = self.settle(&desired).await;
        if settled.is_err() {
            self.come_again(TRY_AGAIN);
        }
        settled
    }

    /// Forgets what is remembered of another cluster.
    fn is_of(&mut self, place: &Place) {
        let cluster = Arc::downgrade(&place.cluster);
        if !self.memory.cluster.ptr_eq(&cluster) {
            self.memory.target = None;
            self.memory.compiled = None;
            self.memory.attempt = None;
            self.memory.heals = Heals::default();
            self.memory.cluster = cluster;
        }
    }

    /// Does what needs the cluster, for as long as that can be reached.
    pub(super) async fn unless_lost<T>(
        place: &Place,
        doing: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<T, CommandError> {
        tokio::select! {
            done = doing => done,
            why = place.cluster.reach.lost() => Err(CommandError::user(place.lost(&why))),
        }
    }

    /// The Application, its project and its cluster, where it is one that can be ours; else which condition says so.
    async fn understood(&mut self) -> Result<Understood, (&'static str, CommandError)> {
        let invalid = |error: CommandError| ("InvalidSpecError", error);
        let (application, lints) = compile::read(&self.object).map_err(invalid)?;
        let place = match &self.place {
            Ok(place) => place.clone(),
            Err(NotFound::Unread(why)) => {
                let error = CommandError::user(why.clone());
                self.come_again(TRY_AGAIN);
                return Err(("ComparisonError", error));
            }
            Err(wrong) => return Err(invalid(CommandError::user(wrong.why().to_owned()))),
        };
        let project = self.controller.projects.get(application.project()).await.map_err(invalid)?;
        let (cluster, own) = (place.as_asked(project.name()), &self.controller.settings.namespace);
        projects::check(&project, self.id, &application, &cluster, own).map_err(invalid)?;
        Ok((application, lints, project, place))
    }

    /// The Application at the revision that a request names instead of its own.
    fn at_asked_revision(&self, mut application: Application) -> Application {
        let Some(sync) = self.request().and_then(|operation| operation.sync) else { return application };
        let one = Some(sync.revision).filter(|revision| !revision.is_empty());
        if let (Some(source), Some(revision)) = (application.spec.source.as_mut(), one) {
            source.target_revision = revision;
        }
        for (source, revision) in application.spec.sources.iter_mut().zip(sync.revisions) {
            if !revision.is_empty() {
                source.target_revision = revision;
            }
        }
        application
    }

    pub(super) fn say(&mut self, kind: &str, error: &CommandError) {
        let told = condition(kind, error.in_one_line());
        let before = self.object["status"]["conditions"].as_array().into_iter().flatten();
        // What goes on is said once.
        if !before.into_iter().any(|before| before["message"] == told.message.as_str()) {
            self.controller.log.warn(Some(self.id), &told.message);
        }
        self.conditions.push(told);
    }

    pub(super) fn come_again(&mut self, after: Duration) {
        self.again = Some(self.again.map_or(after, |earlier| earlier.min(after)));
    }
}

/// Where manifests without a namespace go.
fn destination(application: &Application) -> &str {
    let namespace = application.spec.destination.namespace.as_str();
    if namespace.is_empty() { "default" } else { namespace }
}
