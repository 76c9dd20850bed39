//! `Pod`, and the reason why one of a workload's Pods does not start.
//!
//! In: a Pod. Out: its health as Argo CD sees it, and one clause for whoever waits for the workload that owns it.

use serde_json::Value;

use super::live::{Live, Truth};
use super::{Health, Status, text};

/// Asks Argo CD to judge a Pod that is not restarted as one that serves.
const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";

/// What a container waits for when nothing but a change from outside helps.
///
/// Not `ErrImagePull`: that is a first attempt, and becomes `ImagePullBackOff` within seconds if it stays.
const STUCK: &[&str] = &[
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
];

/// What a Job counts as one of its tries, and ends by itself when there were enough.
const RETRIED: &[&str] = &["CrashLoopBackOff", "RunContainerError"];

/// Says in one clause why a Pod does not start: the first container that is stuck.
///
/// `None` for a Pod that is being deleted or has failed: its controller makes another one, or gives up and says so
/// itself; for one of a Job also while it is tried again.
#[must_use]
pub fn pod_stuck(pod: &Value, of_job: bool) -> Option<String> {
    let pod = Live::new(pod);
    if pod.is_deleted() || pod.text("/status/phase") == "Failed" {
        return None;
    }
    stuck(&pod, |reason| STUCK.contains(&reason) && !(of_job && RETRIED.contains(&reason)))
}

/// A Pod that is restarted forever is healthy when ready; any other one when it has succeeded.
pub(super) fn assess(pod: &Live<'_>) -> Health {
    let restarts = pod.text("/spec/restartPolicy");
    let serves = matches!(restarts, "" | "Always") || pod.annotation(IGNORE_RESTART_POLICY) == Some("true");
    match pod.text("/status/phase") {
        "Succeeded" => Health::healthy(pod.text("/status/message")),
        "Failed" => Health::failed(&ended(pod)),
        "Running" if serves => serving(pod),
        "" | "Pending" | "Running" => starting(pod, serves),
        _ => Health::new(Status::Unknown, pod.text("/status/message")),
    }
}

fn serving(pod: &Live<'_>) -> Health {
    if let Some(failure) = stuck(pod, is_failure) {
        return Health::degraded(&failure);
    }
    // Only kubelets of 1.33 and newer report it, so silence means nothing; a finished Pod is never looked at again.
    if let Some(behind) = pod.behind() {
        return behind;
    }
    if pod.held("Ready").is_some() {
        return Health::healthy(pod.text("/status/message"));
    }
    match statuses(pod).find_map(|container| termination(container, "lastState")) {
        Some(crash) => Health::degraded(&crash),
        None => Health::progressing(&unready(pod, "Ready")),
    }
}

/// Not up yet, or running towards its end.
fn starting(pod: &Live<'_>, serves: bool) -> Health {
    match stuck(pod, is_failure) {
        Some(failure) if serves => Health::degraded(&failure),
        // Who waits for a Pod that ends (a hook) must not take a slow registry for its end.
        Some(failure) => Health::progressing(&failure),
        // Not degraded after a while, as in kstatus: autoscalers add nodes.
        None => match unready(pod, "PodScheduled") {
            said if said.is_empty() && pod.text("/status/phase") == "Running" => {
                Health::progressing("it has not ended")
            }
            said => Health::progressing(&said),
        },
    }
}

/// What a condition says that is not true, or else the Pod's own message.
fn unready(pod: &Live<'_>, kind: &str) -> String {
    let condition = pod.condition(kind).filter(|condition| condition.truth != Truth::True);
    condition.map_or_else(|| pod.text("/status/message").to_owned(), |condition| condition.says())
}

/// Argo CD's pattern, and the one reason that it misses.
fn is_failure(reason: &str) -> bool {
    reason.starts_with("Err")
        || reason.ends_with("Error")
        || reason.ends_with("BackOff")
        || reason == "InvalidImageName"
}

fn statuses<'a>(pod: &Live<'a>) -> impl Iterator<Item = &'a Value> {
    pod.list("/status/initContainerStatuses").iter().chain(pod.list("/status/containerStatuses"))
}

/// The first container that waits for such a reason, init containers first, as a clause.
fn stuck(pod: &Live<'_>, matches: impl Fn(&str) -> bool) -> Option<String> {
    statuses(pod).find_map(|status| {
        let container = Live::new(status);
        let reason = container.text("/state/waiting/reason");
        matches(reason).then(|| {
            let image = image(pod, &container);
            let message = container.text("/state/waiting/message");
            let names_image = image.is_empty() || message.contains(image);
            let image = if names_image { String::new() } else { format!("image \"{image}\"") };
            // The kubelet only says that it waits, not what happened.
            let crash = if reason == "CrashLoopBackOff" { termination(status, "lastState") } else { None };
            let parts = [reason, &image, message, crash.as_deref().unwrap_or_default()];
            let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            text::printable(&parts.join(": "))
        })
    })
}

/// The image as the manifest names it; kubelets report it resolved, or as a digest.
fn image<'a>(pod: &Live<'a>, status: &Live<'a>) -> &'a str {
    let name = status.text("/name");
    let mut specs = pod.list("/spec/initContainers").iter().chain(pod.list("/spec/containers")).map(Live::new);
    let spec = specs.find(|spec| spec.text("/name") == name);
    spec.map_or_else(|| status.text("/image"), |spec| spec.text("/image"))
}

/// How a Pod of phase `Failed` ended: in its own words (`Evicted: ...`), or in those of the first container that did.
fn ended(pod: &Live<'_>) -> String {
    let own = [pod.text("/status/reason"), pod.text("/status/message")];
    let own: Vec<_> = own.into_iter().filter(|part| !part.is_empty()).collect();
    if !own.is_empty() {
        return own.join(": ");
    }
    statuses(pod).find_map(|container| termination(container, "state")).unwrap_or_else(|| "the Pod failed".to_owned())
}

/// How a container ended badly, in its current or its last state.
fn termination(status: &Value, state: &str) -> Option<String> {
    let container = Live::new(status);
    let ended = Live::new(container.at(&format!("/{state}/terminated"))?);
    let code = ended.count("/exitCode");
    if ended.text("/reason") == "OOMKilled" {
        Some(format!("container \"{}\" was killed: out of memory", container.text("/name")))
    } else if code != 0 {
        Some(format!("container \"{}\" failed with exit code {code}", container.text("/name")))
    } else {
        None
    }
}
