//! How a sync went, in Argo CD's words. Pure, but for trying.

use std::collections::BTreeMap;

use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Plan};

use crate::application::{OperationPhase, ResourceResult};
use crate::apply::{Applied, StepResult, Target, dry_run};
use crate::error::CommandError;
use crate::record::Outcome;
use crate::sops::Unlocked;

/// What is said of a sync that was ended before it was done.
pub const TERMINATED: &str = "Operation terminated";

/// What is said of a resource that was not tried.
pub const NOT_TRIED: &str = "not tried, since what it waits for failed";

/// How it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Synced {
    /// In a word.
    pub phase: OperationPhase,
    /// In words.
    pub message: String,
    /// What became of each resource.
    pub resources: Vec<ResourceResult>,
    /// Whether nothing was tried, since somebody else is at it.
    pub is_busy: bool,
}

impl Synced {
    /// It could not begin.
    #[must_use]
    pub fn error(error: &CommandError) -> Self {
        let (message, resources) = (error.in_one_line(), Vec::new());
        Self { phase: OperationPhase::Error, message, resources, is_busy: false }
    }

    /// Somebody else is at it.
    #[must_use]
    pub fn busy(message: String) -> Self {
        Self { phase: OperationPhase::Error, message, resources: Vec::new(), is_busy: true }
    }
}

/// What the server would say to a plan.
pub(super) async fn tried(target: &Target, plan: &Plan, unlocked: &Unlocked) -> Synced {
    let answers = dry_run::dry_run(target, plan, unlocked).await;
    let mut resources = Vec::new();
    for (index, refusal) in &answers {
        let step = &plan.steps[*index];
        let status = if refusal.is_some() { "SyncFailed" } else { "Synced" };
        resources.push(result_of(&step.key, step_version(plan, *index), status, refusal.clone().unwrap_or_default()));
    }
    let failed = answers.iter().any(|(_, refusal)| refusal.is_some());
    let phase = if failed { OperationPhase::Failed } else { OperationPhase::Succeeded };
    let message =
        if failed { "one or more objects failed to apply (dry run)" } else { "successfully synced (dry run)" };
    Synced { phase, message: message.to_owned(), resources, is_busy: false }
}

/// A run, in Argo CD's words.
pub(super) fn ended(plan: &Plan, applied: &Applied) -> Synced {
    let results: BTreeMap<usize, &StepResult> =
        applied.results.iter().map(|(index, result)| (*index, result)).collect();
    let (mut resources, mut first) = (Vec::new(), None);
    for (index, step) in plan.steps.iter().enumerate() {
        let (status, message) = match (results.get(&index), step.action) {
            (Some(StepResult::Succeeded | StepResult::Joined), Action::Delete) => ("Pruned", "pruned".to_owned()),
            (Some(StepResult::Succeeded | StepResult::Joined), Action::Create) => {
                ("Synced", format!("{} created", step.key))
            }
            (Some(StepResult::Succeeded | StepResult::Joined), _) => ("Synced", format!("{} configured", step.key)),
            (Some(StepResult::Failed { message, .. }), _) => {
                first.get_or_insert_with(|| format!(", reason: {}/{}: {message}", step.key.kind, step.key.name));
                ("SyncFailed", message.clone())
            }
            (Some(StepResult::Skipped), _) => ("SyncFailed", NOT_TRIED.to_owned()),
            (None, _) => continue,
        };
        let mut result = result_of(&step.key, step_version(plan, index), status, message);
        if let Some(hook) = &step.hook {
            result.hook_type = hook.phase.to_string();
            result.sync_phase = hook.phase.to_string();
            let done = result.status == "Synced";
            result.hook_phase = Some(if done { OperationPhase::Succeeded } else { OperationPhase::Failed });
            result.status.clear();
        } else {
            "Sync".clone_into(&mut result.sync_phase);
        }
        resources.push(result);
    }
    for key in &plan.kept {
        resources.push(result_of(key, String::new(), "PruneSkipped", "ignored (requires pruning)".to_owned()));
    }
    let (phase, message) = if applied.release.outcome == Outcome::Interrupted {
        (OperationPhase::Failed, TERMINATED.to_owned())
    } else if applied.succeeded() {
        (OperationPhase::Succeeded, "successfully synced (all tasks run)".to_owned())
    } else {
        (OperationPhase::Failed, format!("one or more objects failed to apply{}", first.unwrap_or_default()))
    };
    Synced { phase, message, resources, is_busy: false }
}

fn step_version(plan: &Plan, index: usize) -> String {
    let body = plan.steps[index].desired.as_ref().map(|(_, body)| body);
    body.and_then(|body| body.text_at(&["apiVersion"])).unwrap_or_default().to_owned()
}

fn result_of(key: &ResourceKey, api_version: String, status: &str, message: String) -> ResourceResult {
    let version = api_version.rsplit('/').next().unwrap_or_default().to_owned();
    ResourceResult {
        group: key.group.clone(),
        version,
        kind: key.kind.clone(),
        namespace: key.scope.namespace().unwrap_or_default().to_owned(),
        name: key.name.clone(),
        status: status.to_owned(),
        message,
        ..ResourceResult::default()
    }
}
