//! When what happened, as the server tells.
//!
//! In: events of watches. Out: the revision of each moment of each object, and whether rules hold over them. What is ready is
//! judged here as Argo CD judges it, of what the server says alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::manifest::{Id, Manifest};
use super::rules::{Moment, Rule, Rules};
use super::support::timeline::{ARRIVAL, Timeline, Told};

/// Revisions of moments.
pub(crate) type Moments = BTreeMap<(Moment, Id), u64>;

/// What came of rules.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) checked: BTreeMap<Rule, usize>,
    pub(crate) violated: Vec<String>,
    /// How many of the pairs of kinds came in Argo CD's order, and how many there were.
    pub(crate) kinds: (usize, usize),
}

impl Verdict {
    pub(crate) fn add(&mut self, other: Self) {
        other.checked.into_iter().for_each(|(rule, count)| *self.checked.entry(rule).or_default() += count);
        self.violated.extend(other.violated);
        self.kinds = (self.kinds.0 + other.kinds.0, self.kinds.1 + other.kinds.1);
    }
}

/// Whether rules hold over what happened after a revision. Waits for what they speak of to arrive.
pub(crate) fn judge(rules: &Rules, timeline: &Timeline, since: u64, manifests: &[Manifest]) -> Verdict {
    let deadline = Instant::now() + ARRIVAL;
    loop {
        let told = timeline.since(since);
        let moments = moments(&told, manifests);
        let named = rules.constraints.iter().flat_map(|constraint| [&constraint.before, &constraint.after]);
        if named.clone().all(|moment| moments.contains_key(moment)) || Instant::now() > deadline {
            return verdict(rules, &moments);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn verdict(rules: &Rules, moments: &Moments) -> Verdict {
    let mut verdict = Verdict::default();
    for constraint in &rules.constraints {
        let (before, after) = (moments.get(&constraint.before), moments.get(&constraint.after));
        let holds = matches!((before, after), (Some(before), Some(after)) if before < after);
        if constraint.rule == Rule::Kind {
            verdict.kinds = (verdict.kinds.0 + usize::from(holds), verdict.kinds.1 + 1);
            continue;
        }
        *verdict.checked.entry(constraint.rule).or_default() += 1;
        if !holds {
            verdict.violated.push(format!("{constraint}: {before:?}, {after:?}"));
        }
    }
    if !rules.never.is_empty() {
        verdict.checked.insert(Rule::Never, rules.never.len());
    }
    for moment in rules.never.iter().filter(|moment| moments.contains_key(moment)) {
        verdict.violated.push(format!("never: {} is {:?}", moment.1, moment.0));
    }
    verdict
}

/// The moments of all objects. Of one that is made again, those of the later object count, but for the end of the earlier.
fn moments(told: &[Told], manifests: &[Manifest]) -> Moments {
    let mut moments = Moments::new();
    for Told { revision, event, object } in told {
        let id = Id::of(object);
        let manifest = manifests.iter().find(|manifest| id.is_written_as(&manifest.id));
        let is_hook = manifest.is_some_and(|manifest| manifest.is_hook);
        let id = manifest.map_or(id, |manifest| manifest.id.clone());
        let mut first = |moment| {
            moments.entry((moment, id.clone())).or_insert(*revision);
        };
        match event.as_str() {
            "DELETED" => {
                first(Moment::Leaving);
                first(Moment::Gone);
            }
            "ADDED" | "MODIFIED" if !object["metadata"]["deletionTimestamp"].is_null() => first(Moment::Leaving),
            "ADDED" => {
                first(Moment::Created);
                moments.remove(&(Moment::Ready, id.clone()));
                moments.remove(&(Moment::Leaving, id.clone()));
            }
            _ => {}
        }
        if event != "DELETED" && is_ready(object, is_hook) {
            moments.entry((Moment::Ready, id)).or_insert(*revision);
        }
    }
    moments
}

/// Whether an object is healthy, or a hook has ended. What Argo CD has no check for is healthy when it is there.
fn is_ready(object: &Json, is_hook: bool) -> bool {
    let status = &object["status"];
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let holds = |kind: &str| conditions.iter().any(|one| one["type"] == kind && one["status"] == "True");
    let phase = status["phase"].as_str().unwrap_or_default();
    match object["kind"].as_str().unwrap_or_default() {
        "Job" => holds("Complete") || (is_hook && holds("Failed")),
        "Pod" if is_hook => ["Succeeded", "Failed"].contains(&phase),
        "Pod" if object["spec"]["restartPolicy"] == "Always" => holds("Ready"),
        "Pod" => phase == "Succeeded",
        "CustomResourceDefinition" => holds("Established"),
        "Deployment" => is_rolled_out(object),
        "ReplicaSet" => {
            let number = |value: &Json| value.as_i64().unwrap_or_default();
            number(&status["observedGeneration"]) >= number(&object["metadata"]["generation"])
                && number(&status["availableReplicas"]) >= object["spec"]["replicas"].as_i64().unwrap_or(1)
        }
        _ => true,
    }
}

fn is_rolled_out(deployment: &Json) -> bool {
    let number = |value: &Json| value.as_i64().unwrap_or_default();
    let status = &deployment["status"];
    let wanted = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
    let updated = number(&status["updatedReplicas"]);
    number(&status["observedGeneration"]) >= number(&deployment["metadata"]["generation"])
        && updated >= wanted
        && number(&status["replicas"]) <= updated
        && number(&status["availableReplicas"]) >= updated
}

/// What cannot see that something is wrong shows nothing: orders that are right, and each of them made wrong.
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::manifest::Phase;
    use super::super::rules::{of_deletion, of_next_sync, of_sync};
    use super::*;

    fn manifest(name: &str, annotation: &str, value: &str) -> Manifest {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "annotations": {format!("argocd.argoproj.io/{annotation}"): value}}});
        Manifest::new(body, "shop", &BTreeSet::new())
    }

    /// `+ a`, `- a`, in order.
    fn judged(rules: &Rules, events: &[&str]) -> usize {
        let told: Vec<Told> = (1..)
            .zip(events)
            .map(|(revision, event)| {
                let (sign, name) = event.split_once(' ').expect("a sign and a name");
                let object = json!({"kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}});
                Told { revision, event: if sign == "+" { "ADDED" } else { "DELETED" }.to_owned(), object }
            })
            .collect();
        verdict(rules, &moments(&told, &[])).violated.len()
    }

    #[test]
    fn an_order_that_is_wrong_is_seen() {
        let all = [
            manifest("before", "hook", "PreSync"),
            manifest("first", "sync-wave", "-1"),
            manifest("second", "sync-wave", "1"),
            manifest("after", "hook", "PostSync"),
            manifest("broken", "hook", "SyncFail"),
        ];
        assert_eq!(all[4].phase, Phase::SyncFail);
        let rules = of_sync(&all, &[]);
        assert_eq!(judged(&rules, &["+ before", "+ first", "+ second", "+ after"]), 0);
        assert_eq!(judged(&rules, &["+ first", "+ before", "+ second", "+ after"]), 1, "a phase");
        assert_eq!(judged(&rules, &["+ before", "+ second", "+ first", "+ after"]), 1, "a wave");
        assert_eq!(judged(&rules, &["+ before", "+ first", "+ after"]), 3, "what never comes comes before nothing");
        assert_eq!(judged(&rules, &["+ before", "+ first", "+ second", "+ after", "+ broken"]), 1, "SyncFail");
        let rest = [manifest("rest", "other", "")];
        let rules = of_sync(&rest, &all);
        assert_eq!(judged(&rules, &["+ rest", "- second", "- first"]), 0);
        assert_eq!(judged(&rules, &["+ rest", "- first", "- second"]), 1, "a wave, backwards");
        assert_eq!(judged(&rules, &["- second", "+ rest", "- first"]), 1, "it goes when the rest is well");
        let rules = of_deletion(&all);
        assert_eq!((judged(&rules, &["- second", "- first"]), judged(&rules, &["- first", "- second"])), (0, 1));
        let rules = of_next_sync(&all[..1], &BTreeSet::from([all[0].id.clone()]));
        assert_eq!((judged(&rules, &["- before", "+ before"]), judged(&rules, &["+ before", "- before"])), (0, 1));
    }
}
