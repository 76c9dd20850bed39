//! One step: its requests, and what their failures mean.
//!
//! In: a step of a plan. Out: [`StepOutcome`]: the object as the server has it, or why not. Nothing here waits for
//! readiness; what it waits for is only that a request can be sent at all (a CRD that is not served yet, an object or
//! a namespace that is still being deleted).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gitops_compiler::canon::{Graph, Id, Resource};
use gitops_compiler::graph::Body;
use gitops_compiler::manifest::{Propagation, Write, sops};
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{self, Action, Approvals, Cause, Step};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::cluster::{AppliedObject, ApplyOptions, Cluster, Conflict, Deleted, Failure, Kinds, PART_OF};
use crate::sops::Unlocked;
use crate::trace;

use super::adopt::take::take;
use super::conflict::{self, Owned};
use super::drift::Ignored;
use super::held::held_by;
use super::lease::Lease;
use super::observe::Identity;
use super::{rewrite, scaled};

/// How long a request is tried that fails because of what is about to change: a CRD that is being established, an
/// object that is being deleted.
const PATIENCE: Duration = Duration::from_mins(1);

/// So often a precious object is looked at again that changed between the look and the deletion.
const DELETE_ATTEMPTS: u32 = 5;

/// Everything that steps share.
pub struct Context {
    /// The cluster.
    pub cluster: Cluster,
    /// Its kinds.
    pub kinds: Kinds,
    /// Who we are.
    pub identity: Identity,
    /// The target's id.
    pub target: String,
    /// The number of the release to be.
    pub release: u64,
    /// Its graph.
    pub graph: Id<Graph>,
    /// Our lock.
    pub lease: Lease,
    /// Whether fields of others are taken.
    pub force_conflicts: bool,
    /// What the user has allowed.
    pub approvals: Approvals,
    /// Whether what was there before becomes ours entirely.
    pub adopts: bool,
    /// Whether a webhook was waited for in vain: one that never comes is not waited for by each step again.
    pub webhook_is_dead: AtomicBool,
    /// Whether all that is done is to take over what is there.
    pub takes_over: bool,
    /// The field managers of applications that give us objects.
    pub takes_from: Vec<String>,
    /// Differences that do not count.
    pub ignored: Ignored,
    /// Whether they are not changed, either.
    pub respects_ignored: bool,
    /// What becomes of the dependents of what is deleted.
    pub propagation: Propagation,
    /// Namespaces that the graph itself makes.
    pub own_namespaces: std::collections::BTreeSet<String>,
    /// What something in the graph itself scales.
    pub scaled: std::collections::BTreeSet<ResourceKey>,
    /// The keys of what SOPS encrypted.
    pub unlocked: Arc<Unlocked>,
}

impl Context {
    fn is_webhook_dead(&self) -> bool {
        self.webhook_is_dead.load(Ordering::Relaxed)
    }
}

/// What became of a step's request.
#[derive(Debug)]
pub enum StepOutcome {
    /// Applied.
    Applied {
        /// Whether the object is new.
        created: bool,
        /// The object as the server has it.
        object: Box<Json>,
        /// What was left to others.
        notes: Vec<String>,
    },
    /// Deleted, and gone.
    Gone,
    /// Being deleted: something still holds it.
    Terminating,
    /// A hook has ended, and that is on record.
    HookEnded(Result<(), String>),
    /// Neither.
    Failed {
        /// Why.
        message: String,
        /// Whether a field or the object belongs to another.
        conflict: bool,
    },
}

impl StepOutcome {
    /// For a reason that has nothing to do with others.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), conflict: false }
    }
}

/// Runs one step.
pub async fn run(context: Arc<Context>, step: Step) -> StepOutcome {
    if trace::is_on() {
        return Box::pin(traced(context, step)).await;
    }
    run_step(context, step).await
}

async fn traced(context: Arc<Context>, step: Step) -> StepOutcome {
    let (key, action) = (step.key.clone(), step.action);
    let about = || vec![("resource", key.to_string()), ("action", format!("{action:?}"))];
    let done = async {
        let outcome = run_step(context, step).await;
        if matches!(outcome, StepOutcome::Failed { .. }) { Err(outcome) } else { Ok(outcome) }
    };
    trace::part("step", about, Box::pin(done)).await.unwrap_or_else(|failed| failed)
}

async fn run_step(context: Arc<Context>, step: Step) -> StepOutcome {
    match step.action {
        Action::Create | Action::Update => apply(&context, &step).await,
        Action::Delete => delete(&context, &step).await,
        Action::Hook => StepOutcome::failed("a hook is not applied as content"),
    }
}

/// A body as it is sent.
pub struct ToSend {
    /// The namespace bound, our label set, the uid that we expect; decrypted where it was encrypted.
    pub body: Json,
    /// Whether it was: then nothing that the server says of it is told, since that may quote it.
    pub is_secret: bool,
}

/// The body of a step as it is sent.
///
/// # Errors
/// Why there is none.
pub fn body_to_send(step: &Step, identity: &Identity, unlocked: &Unlocked) -> Result<ToSend, String> {
    const NOT_STORED: &str = "its body is no longer stored: the namespace that held it was deleted";
    let (_, body) = step.desired.as_ref().ok_or(NOT_STORED)?;
    let mut sent = unlocked.open(&step.key, body)?;
    bind(&mut sent, step, identity).ok_or(NOT_STORED)?;
    Ok(ToSend { body: sent, is_secret: sops::is_sops(body) || step.key.is("", "Secret") })
}

fn bind(sent: &mut Json, step: &Step, identity: &Identity) -> Option<()> {
    let metadata = sent.get_mut("metadata")?.as_object_mut()?;
    match step.key.scope.namespace() {
        Some(namespace) => metadata.insert("namespace".to_owned(), namespace.into()),
        None => metadata.remove("namespace"),
    };
    if let Some(uid) = &step.uid {
        metadata.insert("uid".to_owned(), uid.as_str().into());
    }
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    if labels.is_null() {
        *labels = json!({});
    }
    labels.as_object_mut()?.insert(PART_OF.to_owned(), identity.apply_set.as_str().into());
    Some(())
}

/// `apiVersion` of what a step applies.
#[must_use]
pub fn api_version_of(desired: Option<&(Id<Resource>, Body)>) -> Option<&str> {
    desired?.1.text_at(&["apiVersion"])
}

async fn apply(context: &Context, step: &Step) -> StepOutcome {
    let ToSend { mut body, is_secret } = match body_to_send(step, &context.identity, &context.unlocked) {
        Ok(to_send) => to_send,
        Err(reason) => return StepOutcome::failed(reason),
    };
    let api_version = api_version_of(step.desired.as_ref()).unwrap_or_default();
    let Some(path) = context.kinds.path(api_version, &step.key) else {
        return StepOutcome::failed(format!("the server does not serve {} in {api_version}", step.key.kind));
    };
    if context.takes_over {
        return take(context, step, &path, &body).await;
    }
    let mut notes = Vec::new();
    let is_there = step.action == Action::Update;
    // Asked before anything is taken from others.
    let unscaled = |failure: &Failure| {
        StepOutcome::failed(format!("spec.replicas cannot be left to what scales it: {}", failure.told(is_secret)))
    };
    let hands_over = match scaled::must_be_handed_over(context, step, &body).await {
        Ok(hands_over) => hands_over,
        Err(failure) => return unscaled(&failure),
    };
    if context.adopts && step.cause == Cause::Exists {
        match rewrite::adopt(context, &path).await {
            Ok(taken) => notes.extend(taken),
            Err(failure) => return StepOutcome::failed(failure.told(is_secret)),
        }
    }
    if is_there && context.respects_ignored && context.ignored.has_fields(&step.key) {
        match context.cluster.get(&path).await {
            Ok(live) => context.ignored.keep_live(&step.key, &mut body, &live).await,
            Err(failure) => return StepOutcome::failed(failure.told(is_secret)),
        }
    }
    if hands_over {
        match scaled::hand_over(context, &path).await {
            Ok(told) => notes.extend(told),
            Err(failure) => return unscaled(&failure),
        }
    }
    match step.policy.write {
        Write::Replace if is_there => {
            if let Err(failure) = rewrite::replace(context, step, &path, &body).await {
                return StepOutcome::Failed { message: failure.told(is_secret), conflict: failure.is_conflict() };
            }
            notes.push("replaced as a whole, as it asks for".to_owned());
        }
        Write::Recreate if is_there => {
            notes.push("deleted and made again, as it asks for".to_owned());
            if let Err(message) = rewrite::recreate(context, step, &path, &mut body, is_secret).await {
                return StepOutcome::failed(message);
            }
        }
        Write::Apply | Write::Replace | Write::Recreate | Write::OnlyCreate | Write::Never => {}
    }
    send(context, step, &path, &mut body, is_secret, notes).await
}

/// Applies a body, and tries again what will pass.
pub(super) async fn send(
    context: &Context,
    step: &Step,
    path: &str,
    body: &mut Json,
    is_secret: bool,
    mut notes: Vec<String>,
) -> StepOutcome {
    let deadline = Instant::now() + PATIENCE;
    // What is replaced as a whole takes what others own, too.
    let mut force = step.policy.write == Write::Replace;
    let mut pause = Duration::from_millis(50);
    // What is left to others of an object comes back with an object that is made anew.
    let mut whole: Option<Json> = None;
    loop {
        if let Err(lost) = context.lease.permit().await {
            return StepOutcome::failed(lost.to_string());
        }
        let field_manager = &context.identity.field_manager;
        let options = ApplyOptions { field_manager, force, dry_run: false };
        let mut is_webhook = false;
        let why = match context.cluster.apply(path, body, &options).await {
            Ok(AppliedObject { object, .. }) if !object["metadata"]["deletionTimestamp"].is_null() => {
                // What is being deleted takes changes and goes all the same: wait until it is gone, then apply again.
                if let Some(whole) = whole.take() {
                    *body = whole;
                }
                if let Some(metadata) = body["metadata"].as_object_mut() {
                    metadata.remove("uid");
                }
                let held = held_by(&object).map_or_else(String::new, |held| format!(", and {held}"));
                format!("the object that is there is being deleted{held}")
            }
            Ok(AppliedObject { created, object }) => {
                return StepOutcome::Applied { created, object: Box::new(object), notes };
            }
            Err(failure) => {
                let conflicts = failure.conflicts();
                if !force && !conflicts.is_empty() {
                    let before = body.clone();
                    let (key, is_scaled) = (&step.key, context.scaled.contains(&step.key));
                    let owned = Owned { key, ignored: &context.ignored, is_scaled, is_secret };
                    if owned.leave(body, &conflicts, &mut notes) {
                        whole.get_or_insert(before);
                        continue;
                    }
                    let is_given = |conflict: &Conflict| {
                        conflict.manager == scaled::HAND_OVER || context.takes_from.contains(&conflict.manager)
                    };
                    if context.force_conflicts || conflicts.iter().all(is_given) {
                        force = true;
                        continue;
                    }
                    return StepOutcome::Failed { message: conflict::told(&conflicts, is_secret), conflict: true };
                }
                if let Some(field) = failure.immutable_field().filter(|_| step.action == Action::Update) {
                    if let Some(whole) = whole.take() {
                        *body = whole;
                    }
                    if let Err(message) = rewrite::recreate_for(context, step, path, body, &field, is_secret).await {
                        return StepOutcome::failed(message);
                    }
                    notes.push(format!("deleted and made again, since {field} cannot change"));
                    continue;
                }
                if !will_pass(context, step, &failure) {
                    return StepOutcome::Failed { message: failure.told(is_secret), conflict: failure.is_conflict() };
                }
                is_webhook = failure.is_of_webhook();
                failure.told(is_secret)
            }
        };
        if Instant::now() + pause > deadline {
            // Only a webhook that was the reason.
            context.webhook_is_dead.fetch_or(is_webhook, Ordering::Relaxed);
            return StepOutcome::failed(format!("still not possible after {} seconds: {why}", PATIENCE.as_secs()));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Sends a request, again and again while a webhook that must be asked first is not reached: its Pods start, say.
///
/// # Errors
/// Any other failure, this one after some time, and the loss of our lock.
pub(super) async fn past_webhooks<T, F>(context: &Context, send: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(50);
    loop {
        context.lease.permit().await.map_err(|lost| Failure::NotSent(lost.to_string()))?;
        match send().await {
            Err(failure) if failure.is_of_webhook() && !context.is_webhook_dead() => {
                if Instant::now() + pause >= deadline {
                    context.webhook_is_dead.store(true, Ordering::Relaxed);
                    return Err(failure);
                }
            }
            other => return other,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Whether a refusal ends by itself: a kind whose CRD is being established, a namespace of ours that is being deleted, a webhook
/// that does not answer, since its Pods start, or its certificate is not there yet.
fn will_pass(context: &Context, step: &Step, failure: &Failure) -> bool {
    let own_namespace = step.key.scope.namespace().is_some_and(|name| context.own_namespaces.contains(name));
    let unserved = failure.is_unserved() && step.key.group.contains('.');
    let is_webhook = failure.is_of_webhook() && !context.is_webhook_dead();
    unserved || is_webhook || (failure.is_namespace_terminating() && own_namespace)
}

async fn delete(context: &Context, step: &Step) -> StepOutcome {
    let key = &step.key;
    let Some(uid) = step.uid.as_deref() else {
        return StepOutcome::failed("it was never recorded which object this is");
    };
    let version = context.kinds.any_version(&key.group, &key.kind);
    let Some(path) = version.and_then(|(version, _)| context.kinds.path(version, key)) else {
        // A kind that is served no more has no objects: they went with its CRD.
        return if context.kinds.has_all_of(&key.group) {
            StepOutcome::Gone
        } else {
            StepOutcome::failed("it is not known how its kind is served now")
        };
    };
    for _ in 0..DELETE_ATTEMPTS {
        let mut version = None;
        // What holds data, or other objects, is deleted only as it was seen.
        if plan::is_precious(key) {
            match context.cluster.get_metadata(&path).await {
                Ok(Some(metadata)) if metadata.uid == uid => version = Some(metadata.resource_version),
                Ok(_) => return StepOutcome::Gone,
                Err(failure) => return StepOutcome::failed(failure.to_string()),
            }
        }
        let delete = || context.cluster.delete(&path, uid, version.as_deref(), context.propagation);
        match past_webhooks(context, delete).await {
            Ok(Deleted::Held) => return StepOutcome::Terminating,
            Ok(Deleted::Gone | Deleted::Replaced) => return StepOutcome::Gone,
            // It changed since we looked, or in that very moment: look again.
            Err(failure) if failure.is_conflict() => {}
            Err(failure) => return StepOutcome::failed(failure.to_string()),
        }
    }
    StepOutcome::failed("it changes all the time, and cannot be deleted as it was seen")
}
