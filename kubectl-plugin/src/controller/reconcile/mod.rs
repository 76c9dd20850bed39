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
//! | `running` | a sync, told while it runs |
//! | `publish` | the status, written where it says something new |

mod asked;
mod desired;
mod publish;
mod running;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::app::Application;
use gitops_compiler::diagnostic::Diagnostic;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::application::{AppId, Condition, is_deleted};
use crate::error::CommandError;
use crate::project::AppProject;

use super::apps::{CompiledFrom, Memory};
use super::compile::{self, Compiled};
use super::report::condition;
use super::{Controller, projects, removal};

/// The cluster that a controller runs in, as destinations name it.
const HERE: [&str; 2] = ["https://kubernetes.default.svc", "in-cluster"];

/// How often an Application is looked at that another controller is at, or another replica, where there is a reason.
const LOOK_AT_OTHERS: Duration = Duration::from_mins(1);

/// What the look that answers a request is followed by.
const AFTER_REQUEST: Duration = Duration::from_millis(100);

/// What a look that failed for a passing reason is followed by.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// Looks at an Application.
pub async fn reconcile(controller: &Controller, id: &AppId) {
    let Some(entry) = controller.apps.get(id) else { return };
    let began = Instant::now();
    let mut memory = entry.memory.lock().await;
    if !controller.owns(&entry.object) {
        // Another replica cares for it: what was known may be old when it comes back. A webhook for it may come here.
        controller.refs.forget(id);
        *memory = Memory::default();
        if let Ok((application, _)) = compile::read(&entry.object) {
            let (_, problems) = controller.webhooks.set(&controller.cluster, id, &entry.object, &application).await;
            if !problems.is_empty() {
                controller.queue.add_after(id, LOOK_AT_OTHERS);
            }
        }
        return;
    }
    let mut look =
        Look { controller, id, object: entry.object, memory: &mut memory, conditions: Vec::new(), again: None };
    Box::pin(look.run()).await;
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
    memory: &'a mut Memory,
    conditions: Vec<Condition>,
    /// When to look again.
    again: Option<Duration>,
}

/// An Application that was understood, and what it compiles to.
struct Desired {
    application: Application,
    project: Arc<AppProject>,
    from: CompiledFrom,
    compiled: Compiled,
    revisions: Vec<String>,
}

impl Look<'_> {
    async fn run(&mut self) {
        if is_deleted(&self.object) {
            if let Err(error) = removal::remove(self.controller, self.id, &self.object).await {
                self.say("DeletionError", &error);
                self.come_again(TRY_AGAIN);
                self.publish_failure(None).await;
            }
            return;
        }
        if let Some(why) = self.controller.others.at(&self.object, self.controller.cluster.connection.server_time()) {
            self.leave_alone(why).await;
            // Who was at it may go away without a word.
            self.come_again(LOOK_AT_OTHERS);
            return;
        }
        if self.hold().await {
            return;
        }
        let (application, lints, project) = match self.understood().await {
            Ok((application, lints, project)) => {
                self.note_needs(&application).await;
                (self.at_asked_revision(application), lints, project)
            }
            Err(error) => {
                self.say("InvalidSpecError", &error);
                return self.publish_failure(None).await;
            }
        };
        let desired = match self.desired(application.clone(), lints, project).await {
            Ok(desired) => desired,
            Err(error) => {
                self.say("ComparisonError", &error);
                return self.publish_failure(Some(&application)).await;
            }
        };
        if let Err(error) = self.settle(&desired).await {
            self.say("ComparisonError", &error);
            self.come_again(TRY_AGAIN);
            self.publish_failure(Some(&application)).await;
        }
    }

    /// The Application and its project, where it is one that can be ours.
    async fn understood(&self) -> Result<(Application, Vec<Diagnostic>, Arc<AppProject>), CommandError> {
        let (application, lints) = compile::read(&self.object)?;
        let destination = &application.spec.destination;
        let cluster = if destination.server.is_empty() { &destination.name } else { &destination.server };
        if !HERE.contains(&cluster.trim_end_matches('/')) {
            let message = format!("the destination `{cluster}` is not the cluster that this controller runs in");
            return Err(CommandError::user(message).hint(format!("that is {}", HERE[0])));
        }
        let project = self.controller.projects.get(application.project()).await?;
        projects::check(&project, self.id, &application, &self.controller.settings.namespace)?;
        Ok((application, lints, project))
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
