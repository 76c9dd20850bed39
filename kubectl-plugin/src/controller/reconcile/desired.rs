//! What Git says now: what the sources of an Application are, and what they compile to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::app::Application;
use gitops_compiler::diagnostic::Diagnostic;
use gitops_compiler::lock::{Pin, Request};
use gitops_compiler::render::Capabilities;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::application::{POLLING, REFRESH, annotation};
use crate::cluster::Failure;
use crate::controller::apps::CompiledFrom;
use crate::controller::clusters::Place;
use crate::controller::compile::{self, Compiled};
use crate::controller::decide;
use crate::controller::refs::Asked;
use crate::controller::report::condition;
use crate::controller::webhooks;
use crate::error::CommandError;
use crate::project::AppProject;
use crate::settings::Delivery;
use crate::trace;
use crate::webhook;

use super::{Desired, Look, TRY_AGAIN};

/// Of so many inputs that are neither sources nor locked is asked what they are now.
const MOST_IMPLIED: usize = 100;

impl Look<'_> {
    /// What Git says now.
    pub(super) async fn desired(
        &mut self,
        application: Application,
        lints: Vec<Diagnostic>,
        project: Arc<AppProject>,
        place: &Place,
    ) -> Result<Desired, CommandError> {
        let controller = self.controller;
        controller.credentials.known().await?;
        let requests = compile::requests(&application);
        let refresh = annotation(&self.object, REFRESH);
        let since = refresh.map(|_| Instant::now());
        let (mut pins, mut failures) = (BTreeMap::new(), Vec::new());
        for request in &requests {
            let asked = Asked::of(controller, &application, request);
            let known = controller.refs.pin(&asked, since).await;
            failures.extend(known.failure);
            pins.extend(known.pin.map(|pin| (request.clone(), pin)));
        }
        if pins.len() < requests.len() {
            self.come_again(TRY_AGAIN);
            return Err(CommandError::user("a source cannot be had").details(failures));
        }
        if !failures.is_empty() {
            // What was known holds until the server answers again.
            self.conditions.push(condition("ComparisonError", failures.join("; ")));
        }
        if refresh == Some("hard") {
            self.memory.compiled = None;
            self.memory.implied.clear();
            self.memory.target = None;
        }
        pins.extend(self.implied(&application, since).await);
        let failed = |failure: Failure| {
            CommandError::user("the cluster does not say which Kubernetes it is").details(vec![failure.to_string()])
        };
        let asking = async { place.cluster.kubernetes.told(&place.cluster.cluster).await.map_err(failed) };
        let told = Self::unless_lost(place, asking).await;
        let (capabilities, cluster) = told.inspect_err(|_| self.come_again(TRY_AGAIN))?;
        let from = CompiledFrom { spec: CompiledFrom::spec_of(&self.object), pins, cluster };
        let compiling = Box::pin(self.compiled(&application, lints, &from, capabilities));
        let compiled = trace::part("compile", Vec::new, compiling).await?;
        let sources = application.sources().iter();
        let requests = sources.map(crate::settings::RepositoryServer::request_of);
        let revisions = requests.filter_map(|request| from.pins.get(&request).map(compile::revision)).collect();
        let delivery = Delivery::of(&application);
        Ok(Desired { application, project, place: place.clone(), from, compiled, delivery, revisions })
    }

    /// What the inputs are that are neither sources nor locked, as far as they are known: by what their servers say now, or
    /// said last.
    async fn implied(&mut self, application: &Application, since: Option<Instant>) -> BTreeMap<Request, Pin> {
        let (mut failures, controller) = (Vec::new(), self.controller);
        for (request, pin) in self.memory.implied.iter_mut().take(MOST_IMPLIED) {
            let known = controller.refs.pin(&Asked::of(controller, application, request), since).await;
            failures.extend(known.failure);
            if let Some(now) = known.pin {
                *pin = now;
            }
        }
        if !failures.is_empty() {
            self.conditions.push(condition("ComparisonError", failures.join("; ")));
        }
        self.memory.implied.clone()
    }

    /// Says what the Application needs of repositories and webhooks, at its own revisions, whatever a request names.
    pub(super) async fn note_needs(&mut self, application: &Application) {
        self.look_at_webhooks(application).await;
        self.note_requests(application, compile::requests(application));
    }

    /// The same of repositories alone: sources, and what those imply.
    fn note_requests(&mut self, application: &Application, mut requests: BTreeSet<Request>) {
        requests.extend(self.memory.implied.keys().take(MOST_IMPLIED).cloned());
        let asked = requests.iter().map(|request| Asked::of(self.controller, application, request)).collect();
        let needs = (asked, self.period());
        if self.memory.needs != needs {
            self.controller.refs.needs(self.id, &needs.0, needs.1);
            let implied = self.memory.implied.keys().take(MOST_IMPLIED).map(webhooks::source_of).collect();
            self.controller.webhooks.known.set_implied(self.id, implied);
            self.memory.needs = needs;
        }
    }

    async fn compiled(
        &mut self,
        application: &Application,
        lints: Vec<Diagnostic>,
        from: &CompiledFrom,
        capabilities: Capabilities,
    ) -> Result<Compiled, CommandError> {
        if let Some((_, known)) = self.memory.compiled.as_ref().filter(|(of, _)| of == from) {
            let given = self.controller.compiler.server.given();
            let failed = self.memory.failed.filter(|(.., before)| *before == given);
            let pause = failed.map(|(at, times, _)| pause(times).saturating_sub(at.elapsed()));
            match (known.clone(), pause) {
                (Err(why), Some(pause)) if !pause.is_zero() => {
                    self.come_again(pause);
                    return Err(CommandError::user(why));
                }
                (Ok(compiled), _) => return Ok(compiled),
                // It may have failed since a server was away, or let nobody in.
                (Err(_), _) => {}
            }
        } else {
            self.memory.failed = None;
        }
        let began = Instant::now();
        let compiled =
            self.controller.compiler.compile(application.clone(), lints, from.pins.clone(), capabilities).await;
        let mut from = from.clone();
        if let Ok(compiled) = &compiled {
            self.controller.apps.note_graph(self.id, &self.object, compiled);
            self.note_implied(application, &compiled.implied, began);
            let sources = compile::requests(application);
            from.pins.retain(|request, _| sources.contains(request));
            from.pins.extend(compiled.implied.clone());
        }
        if compiled.is_ok() {
            self.memory.failed = None;
        } else {
            let times = self.memory.failed.map_or(0, |(_, times, _)| times.saturating_add(1));
            self.memory.failed = Some((Instant::now(), times, self.controller.compiler.server.given()));
            self.come_again(pause(times));
        }
        let kept = compiled.as_ref().map(Clone::clone).map_err(CommandError::in_one_line);
        self.memory.compiled = Some((from, kept));
        compiled
    }

    /// Remembers what was looked up besides sources, which is asked for from now on as often as they are.
    fn note_implied(&mut self, application: &Application, implied: &BTreeMap<Request, Pin>, asked: Instant) {
        let before = std::mem::replace(&mut self.memory.implied, implied.clone());
        let needed = self.memory.needs.0.iter().map(|asked| asked.request.clone());
        let needed = needed.filter(|request| !before.contains_key(request)).collect();
        self.note_requests(application, needed);
        for (request, pin) in implied.iter().take(MOST_IMPLIED).filter(|(request, _)| !before.contains_key(*request)) {
            self.controller.refs.know(&Asked::of(self.controller, application, request), pin, asked);
        }
    }

    /// Whose secret counts for its webhooks; looked at again where the Application says something else.
    async fn look_at_webhooks(&mut self, application: &Application) {
        let said = json!([
            self.object["spec"]["webhook"],
            annotation(&self.object, webhook::ANNOTATION),
            sources_text(&self.object),
        ]);
        let of = *blake3::hash(said.to_string().as_bytes()).as_bytes();
        let known = self.memory.webhooks.take().filter(|(known, ..)| *known == of);
        let (of, whose, problems) = if let Some(known) = known {
            known
        } else {
            let controller = self.controller;
            let set = controller.webhooks.set(&controller.cluster, self.id, &self.object, application);
            let (whose, problems) = set.await;
            (of, whose, problems)
        };
        self.conditions.extend(problems.iter().map(|problem| condition("WebhookSecretWarning", problem.as_str())));
        // What is not there yet is looked for again, though nothing else happens: ever more rarely.
        if problems.is_empty() {
            self.memory.webhooks_failed = 0;
        } else {
            self.come_again(pause(self.memory.webhooks_failed));
            self.memory.webhooks_failed = self.memory.webhooks_failed.saturating_add(1);
        }
        self.memory.webhooks =
            problems.is_empty().then_some((of, whose, problems)).or(Some(([0; 32], whose, Vec::new())));
    }

    /// How often Git is asked for it.
    fn period(&self) -> Option<Duration> {
        let said = annotation(&self.object, POLLING).and_then(decide::duration_or_seconds);
        said.or(self.controller.settings.polling).filter(|period| !period.is_zero())
    }
}

/// After how long what failed so often, and one time more, is tried again although nothing is known to have changed.
fn pause(times: u32) -> Duration {
    TRY_AGAIN.saturating_mul(1 << times.min(5)).min(Duration::from_mins(5))
}

/// The sources, as they are written.
fn sources_text(object: &Json) -> Json {
    json!([object["spec"]["source"], object["spec"]["sources"]])
}
