//! Workloads without a condition that would say that their Pods cannot be made: Events tell.
//!
//! In: what is waited for. Out: the end of the wait for a StatefulSet, a DaemonSet or a Job whose Pods are refused again and
//! again. Events live for an hour, and those of an earlier release look alike: so what counts is what happens while we wait.

use std::collections::BTreeMap;
use std::time::Duration;

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::health;

use super::Run;
use super::waiting::Awaited;

/// When it is asked first; then after twice as long each time. Most workloads are ready by then.
const FIRST: Duration = Duration::from_secs(5);

/// What Events said of a workload when it was asked last.
#[derive(Debug)]
pub(super) struct Refusals {
    ask_at: Instant,
    pause: Duration,
    /// How often each happened, by uid; none before the first time.
    seen: Option<BTreeMap<String, i64>>,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { ask_at: Instant::now() + FIRST, pause: FIRST, seen: None }
    }

    /// Takes what Events say now, and gives a refusal that has happened since the last time.
    fn take(&mut self, events: &[Json]) -> Option<String> {
        let mut now = BTreeMap::new();
        let mut again = None;
        for event in events {
            let Some(reason) = health::event_refused(event) else { continue };
            let uid = event["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            let count = event["series"]["count"].as_i64().or_else(|| event["count"].as_i64()).unwrap_or(1);
            let is_new = self.seen.as_ref().is_some_and(|seen| seen.get(&uid).is_none_or(|before| *before < count));
            again = again.or(is_new.then_some(reason));
            now.insert(uid, count);
        }
        self.seen = Some(now);
        again
    }
}

impl Run<'_> {
    /// Asks Events about those whose time has come.
    pub(super) async fn ask_for_refused(&mut self) {
        let now = Instant::now();
        let due = |(key, (_, waiting)): &(&ResourceKey, &(usize, super::waiting::Waiting))| {
            let has_none = key.is("apps", "StatefulSet") || key.is("apps", "DaemonSet") || key.is("batch", "Job");
            has_none && waiting.awaited == Awaited::Readiness && waiting.refusals.ask_at <= now
        };
        let due: Vec<ResourceKey> = self.waiting.iter().filter(due).map(|(key, _)| key.clone()).collect();
        for key in due {
            let Some((index, waiting)) = self.waiting.get_mut(&key) else { continue };
            waiting.refusals.pause *= 2;
            waiting.refusals.ask_at = now + waiting.refusals.pause;
            let (index, uid) = (*index, waiting.object["metadata"]["uid"].as_str().unwrap_or_default().to_owned());
            let Some(namespace) = key.scope.namespace().filter(|_| !uid.is_empty()) else { continue };
            let events = self.events(namespace, &format!("involvedObject.uid={uid}")).await;
            let refused = self.waiting.get_mut(&key).and_then(|(_, waiting)| waiting.refusals.take(&events));
            if let Some(reason) = refused {
                let message = format!("its Pods cannot be made: {reason}");
                self.give_up(index, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_happens_while_we_wait_counts() {
        let event = |uid: &str, count: i64| {
            let message =
                "create Pod web-0 in StatefulSet web failed: pods \"web-0\" is forbidden: exceeded quota: few";
            json!({"type": "Warning", "reason": "FailedCreate", "message": message, "count": count, "metadata": {"uid": uid}})
        };
        let mut refusals = Refusals::new();
        assert_eq!(refusals.take(&[event("old", 7)]), None, "the first look is what there was before");
        assert_eq!(refusals.take(&[event("old", 7)]), None);
        assert!(refusals.take(&[event("old", 8)]).is_some_and(|reason| reason.contains("exceeded quota: few")));
        assert!(refusals.take(&[event("old", 8), event("new", 1)]).is_some());
        assert_eq!(refusals.take(&[]), None);
    }
}
