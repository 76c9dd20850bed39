//! Objects whose controllers were asked to leave them alone.
//!
//! In: a custom resource. Out: suspended, and who says so. Such an object is not looked at again before it is resumed: its
//! generation stays unseen and its conditions stay as they are, so a wait for either would never end.

use super::Health;
use super::live::Live;
use super::meaning::Meaning;

/// Fields of a specification, and what they say then: Flux, Argo, Percona; kruise; Flink.
const FIELDS: &[(&str, &str)] = &[
    ("suspend", "true"),
    ("suspended", "true"),
    ("pause", "true"),
    ("paused", "true"),
    ("updateStrategy/paused", "true"),
    ("updateStrategy/rollingUpdate/paused", "true"),
    ("job/state", "suspended"),
];

/// Annotations, after their slash, and what they say then; an empty text stands for any that is not `false`. Crossplane,
/// KEDA and Cluster API; Strimzi; CloudNativePG.
const ANNOTATIONS: &[(&str, &str)] =
    &[("paused", ""), ("pause-reconciliation", "true"), ("hibernation", "on"), ("reconciliationLoop", "disabled")];

/// Suspended, where a field, an annotation or a condition says so.
pub(super) fn assess(live: &Live<'_>) -> Option<Health> {
    let is_set = |(path, says): &&(&str, &str)| {
        let path = format!("/spec/{path}");
        live.flag(&path) && *says == "true" || live.text(&path) == *says && *says != "true"
    };
    if let Some((path, says)) = FIELDS.iter().find(is_set) {
        return Some(Health::suspended(&format!("spec.{} is {says}", path.replace('/', "."))));
    }
    if let Some(name) = live.annotations().find_map(|(name, value)| is_pause(name, value).then_some(name)) {
        return Some(Health::suspended(&format!("annotation {name}")));
    }
    let held = live.conditions().find(|it| it.is_true() && Meaning::of(it.kind) == Some(Meaning::Still))?;
    Some(Health::suspended(&held.says()))
}

fn is_pause(name: &str, value: &str) -> bool {
    let part = name.split_once('/').map(|(_, part)| part);
    ANNOTATIONS
        .iter()
        .any(|(pause, says)| part == Some(pause) && if says.is_empty() { value != "false" } else { value == *says })
}
