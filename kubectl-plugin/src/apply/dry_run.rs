//! Trying a plan with the server, which only pretends.
//!
//! In: a target, a plan. Out: what the server would say to each step that applies. Nothing is changed, nothing locked.

use futures::StreamExt as _;
use gitops_compiler::plan::Plan;

use crate::cluster::ApplyOptions;
use crate::sops::Unlocked;

use super::step::{ToSend, api_version_of, body_to_send};
use super::target::Target;

/// So many requests are in flight.
const CONCURRENT: usize = 16;

/// Tries every step of a plan with the server, without changing anything. Gives what each would say.
pub async fn dry_run(target: &Target, plan: &Plan, unlocked: &Unlocked) -> Vec<(usize, Option<String>)> {
    let checks =
        plan.steps.iter().enumerate().filter(|(_, step)| step.desired.is_some()).map(|(index, step)| async move {
            let sent = match body_to_send(step, &target.identity, unlocked) {
                Ok(sent) => sent,
                Err(reason) => return (index, Some(reason)),
            };
            let api_version = api_version_of(step.desired.as_ref());
            let Some(path) = api_version.and_then(|version| target.kinds.path(version, &step.key)) else {
                return (index, Some("it cannot be sent".to_owned()));
            };
            (index, dry_run_step(target, &path, &sent).await)
        });
    let mut found: Vec<_> =
        futures::stream::iter(checks.collect::<Vec<_>>()).buffer_unordered(CONCURRENT).collect().await;
    found.sort_by_key(|(index, _)| *index);
    found
}

async fn dry_run_step(target: &Target, path: &str, sent: &ToSend) -> Option<String> {
    let field_manager = target.identity.field_manager.as_str();
    let options = ApplyOptions { field_manager, force: false, dry_run: true };
    match target.objects.apply(path, &sent.body, &options).await {
        Ok(_) => None,
        // Its namespace or its kind comes with this very plan: the server cannot judge it yet.
        Err(failure) if failure.is_not_found() => None,
        Err(failure) => Some(failure.told(sent.is_secret)),
    }
}
