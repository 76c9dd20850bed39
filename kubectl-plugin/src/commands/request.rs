//! A request that is written into an `Application`, and followed to its end.
//!
//! In: what is asked. Out: [`Answer`]. A request has a name, so that its answer is known from those to others. It is followed by
//! a watch from the very version on that it made, so that an answer is seen also where another follows upon it at once; by
//! asking again and again where that is not permitted. Where the API server does not answer for a while, following goes on;
//! where whoever follows goes away, the request stays, and can be followed or taken back by anybody.

use std::pin::pin;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::application::{AppId, InitiatedBy, Operation, OperationPhase, OperationState, REFRESH, REQUEST, annotation};
use crate::apply::run::signalled;
use crate::apply::target::random_name;
use crate::cluster::{Cluster, Failure, Followed, Watched};
use crate::error::CommandError;
use crate::output::Printer;
use crate::record::holder::actor;

/// How often the object is looked at where it may not be watched.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// So often something is written that others write at the same time.
const ATTEMPTS: u32 = 5;

/// A request that stands, or stood.
pub(super) struct Request<'a> {
    cluster: &'a Cluster,
    id: &'a AppId,
    name: String,
    /// The version of the object that it made.
    version: String,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// It was answered.
    Ended(Box<OperationState>),
    /// Nobody has taken it up. It stands.
    Nobody,
    /// Somebody has taken it away.
    TakenBack,
    /// It was taken up, and is not over in time. It goes on.
    Late,
    /// Whoever waits for it was stopped. It goes on.
    Stopped,
}

/// How long what is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until it is taken up.
    pub taken_up: Duration,
    /// Until something is heard of it again.
    pub silent: Duration,
}

impl<'a> Request<'a> {
    /// Writes a request into an object that was read; with `looks` the controller asks Git anew for it.
    pub(super) async fn write(
        cluster: &'a Cluster,
        id: &'a AppId,
        before: &Json,
        operation: Operation,
        looks: bool,
    ) -> Result<Self, CommandError> {
        if before["operation"].is_object() {
            return Err(CommandError::user(format!("something is asked of {id} already, and is not done yet"))
                .hint("wait for it, or stop it with `kubectl gitops app terminate`"));
        }
        let name = random_name();
        let by = InitiatedBy { username: actor(), automated: false };
        let operation = Operation { initiated_by: Some(by), ..operation }.with_note(REQUEST, &name);
        // Two people who ask at once: the second is told.
        let version = before["metadata"]["resourceVersion"].clone();
        let mut body = json!({"metadata": {"resourceVersion": version}, "operation": operation});
        if looks && annotation(before, REFRESH).is_none() {
            body["metadata"]["annotations"][REFRESH] = "normal".into();
        }
        let version = patch(cluster, id, &body).await?["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        Ok(Self { cluster, id, name, version: version.unwrap_or_default() })
    }

    /// Follows it until it is answered, or patience is over.
    pub(super) async fn follow(&self, printer: Printer, patience: Patience) -> Result<Answer, CommandError> {
        let (events, mut heard) = mpsc::channel(16);
        let mut watching = pin!(self.watch(&events));
        let mut stopped = pin!(signalled());
        let mut seen = Seen { printer, said: None, since: Instant::now(), is_lost: false };
        let mut is_watched = true;
        loop {
            let (limit, over) = match seen.said {
                Some(_) => (patience.silent, Answer::Late),
                None => (patience.taken_up, Answer::Nobody),
            };
            let pause = if is_watched { limit.saturating_sub(seen.since.elapsed()) } else { LOOK_EVERY };
            let object = tokio::select! {
                Some(object) = heard.recv() => object,
                () = &mut watching, if is_watched => {
                    is_watched = false;
                    continue;
                }
                () = tokio::time::sleep(pause) => match seen.read(self).await? {
                    Some(object) => object,
                    None => continue,
                },
                () = &mut stopped => return Ok(Answer::Stopped),
            };
            match self.answer(&object, &mut seen) {
                Some(answer) => return Ok(answer),
                None if seen.since.elapsed() >= limit => return Ok(over),
                None => {}
            }
        }
    }

    /// Sends each version of the object that comes; ends where it may not be watched.
    async fn watch(&self, events: &mpsc::Sender<Json>) {
        let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications", self.id.namespace);
        let fields = format!("metadata.name={}", self.id.name);
        let watched = Watched { collection, selector: String::new(), fields };
        let (told, mut followed) = mpsc::channel::<Followed<Json>>(16);
        let version = Some(self.version.clone()).filter(|version| !version.is_empty());
        let following = self.cluster.follow_since(&watched, version, &told);
        let sending = async {
            while let Some(event) = followed.recv().await {
                let objects = match event {
                    Followed::Listed(objects) => objects,
                    Followed::Present(object) => vec![object],
                    Followed::Gone(_) => vec![Json::Null],
                };
                for object in objects {
                    let _ = events.send(object).await;
                }
            }
        };
        tokio::select! {
            _ = following => {}
            () = sending => {}
        }
    }

    /// What a version of the object says of the request, where that is the end of it.
    fn answer(&self, object: &Json, seen: &mut Seen) -> Option<Answer> {
        match self.state(object) {
            Some(OperationState { phase: OperationPhase::Running | OperationPhase::Terminating, message, .. }) => {
                seen.say(message);
                None
            }
            Some(state) => Some(Answer::Ended(Box::new(state))),
            None if Operation::is_request(&object["operation"], &self.name) => None,
            None => Some(Answer::TakenBack),
        }
    }

    /// How far it is, where it was taken up.
    fn state(&self, object: &Json) -> Option<OperationState> {
        let state = &object["status"]["operationState"];
        Operation::is_request(&state["operation"], &self.name).then(|| serde_json::from_value(state.clone()).ok())?
    }

    /// Takes it back where nobody has taken it up. Gives whether it was: else somebody has.
    pub(super) async fn take_back(&self) -> Result<bool, CommandError> {
        for _ in 0..ATTEMPTS {
            let now = object(self.cluster, self.id).await?;
            if self.state(&now).is_some() || !Operation::is_request(&now["operation"], &self.name) {
                return Ok(false);
            }
            if remove(self.cluster, self.id, &now).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What whoever follows has seen.
struct Seen {
    printer: Printer,
    /// What was said last; nothing before it is taken up.
    said: Option<String>,
    /// When that was, or when it was asked.
    since: Instant,
    /// Whether the API server does not answer.
    is_lost: bool,
}

impl Seen {
    fn say(&mut self, message: String) {
        if self.said.as_ref() != Some(&message) {
            self.since = Instant::now();
            message.lines().for_each(|line| self.printer.say(line));
            self.said = Some(message);
        }
    }

    /// The object as it is now; nothing where the server does not answer, which is waited for.
    async fn read(&mut self, request: &Request<'_>) -> Result<Option<Json>, CommandError> {
        match request.cluster.get(&request.id.path()).await {
            Ok(object) => {
                self.is_lost = false;
                Ok(Some(object))
            }
            Err(failure) if failure.is_refusal() => Err(unreadable(request.id, &failure)),
            Err(failure) => {
                self.since = Instant::now();
                if !std::mem::replace(&mut self.is_lost, true) {
                    let told = format!("the API server does not answer ({failure}); what was asked stands");
                    self.printer.say(&told);
                }
                Ok(None)
            }
        }
    }
}

/// Takes what is asked out of an object as it was read, and of no other version of it. Gives whether that was done.
pub(super) async fn remove(cluster: &Cluster, id: &AppId, object: &Json) -> Result<bool, CommandError> {
    let version = object["metadata"]["resourceVersion"].clone();
    let body = json!({
        "metadata": {"resourceVersion": version, "annotations": {REFRESH: null}},
        "operation": null,
    });
    match cluster.merge_patch(&id.path(), &body).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.is_conflict() => Ok(false),
        Err(failure) => Err(failed("the Application cannot be changed", &failure)),
    }
}

/// The object.
pub(super) async fn object(cluster: &Cluster, id: &AppId) -> Result<Json, CommandError> {
    cluster.get(&id.path()).await.map_err(|failure| unreadable(id, &failure))
}

/// Changes it. Gives it as it is then.
pub(super) async fn patch(cluster: &Cluster, id: &AppId, body: &Json) -> Result<Json, CommandError> {
    match cluster.merge_patch(&id.path(), body).await {
        Ok(object) => Ok(object),
        Err(failure) if failure.is_conflict() => {
            Err(CommandError::user(format!("{id} was changed in this moment; nothing was asked")).hint("try again"))
        }
        Err(failure) => Err(failed("the Application cannot be changed", &failure)),
    }
}

fn unreadable(id: &AppId, failure: &Failure) -> CommandError {
    if failure.is_not_found() && !failure.is_unserved() {
        return CommandError::user(format!("there is no Application {id}"))
            .hint("`kubectl gitops app list -A` lists all");
    }
    failed("the Application cannot be read", failure)
}

/// What the server does not do with Applications.
pub(super) fn failed(doing: &str, failure: &Failure) -> CommandError {
    let error = CommandError::user(doing.to_owned()).details(vec![failure.to_string()]);
    if failure.is_unserved() {
        return error.hint("the cluster has no Applications: `kubectl gitops install` brings them");
    }
    error
}
