//! Argo CD's phases and sync waves: nothing of a wave goes before all of the waves below it are ready, and the phases
//! before and after come before and after all waves of the content.
//!
//! In: `argocd.argoproj.io/sync-wave` (else Helm's hook weight, else 0), and `argocd.argoproj.io/hook` (else Helm's).
//! Out: one barrier for each wave but the last, so that a wave costs an edge for each object, not for each pair. A
//! Namespace or CRD is pulled down into the first wave that needs it, as Argo CD does. Where all objects are in one
//! wave there is no barrier. A hook of several phases stands in the first, and the others have their barriers; one that
//! runs only when something failed or is deleted has no place among the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diagnostic::Diagnostic;
use crate::manifest::{Definition, Hook, HookPhase, Manifest};

use super::barrier::Phase;
use super::edges::Edges;
use super::{Annotated, Barrier, Edge, Node, Rule, State, Strength};

const ANNOTATION: &str = "argocd.argoproj.io/sync-wave";
const HELM_WEIGHT: &str = "helm.sh/hook-weight";

pub(super) const BEFORE: Rule = Rule { name: "sync-wave", version: 1, reason: "that is in this sync wave" };
pub(super) const AFTER: Rule = Rule { name: "after-sync-wave", version: 1, reason: "that must be ready first" };

pub(super) fn infer(
    manifests: &[Manifest],
    annotated: &Annotated<'_>,
    edges: &mut Edges,
    findings: &mut Vec<Diagnostic>,
) {
    let mut written = vec![Some(Position { phase: Phase::Sync, wave: 0 }); manifests.len()];
    let mut later: BTreeSet<Position> = BTreeSet::new();
    for (node, _) in annotated {
        let mut positions = self::written(&manifests[*node], findings).into_iter();
        written[*node] = positions.next();
        later.extend(positions);
    }
    if later.is_empty() && written.iter().flatten().all(|position| written.iter().flatten().next() == Some(position)) {
        return;
    }
    let positions = pulled_down(manifests, written);
    let mut distinct: Vec<Position> =
        positions.iter().flatten().copied().chain(later).collect::<BTreeSet<_>>().into_iter().collect();
    // Nothing waits for the last wave.
    distinct.pop();
    let barrier: HashMap<Position, Node> =
        distinct.iter().map(|position| (*position, edges.barrier(position.barrier()))).collect();
    let mut add = |from, to, rule, field: &str| {
        let (state, strength) = (State::Ready, Strength::Hard);
        edges.add(Edge { from, to, state, strength, rule, field: field.to_owned() });
    };
    for (node, position) in positions.iter().enumerate() {
        let Some(position) = position else { continue };
        if let Some(own) = barrier.get(position) {
            add(*own, node, BEFORE, "");
        }
        let below = distinct.partition_point(|other| other < position);
        if let Some(before) = below.checked_sub(1) {
            add(node, barrier[&distinct[before]], AFTER, &format!("annotation {ANNOTATION}"));
        }
    }
    for pair in distinct.windows(2) {
        add(barrier[&pair[1]], barrier[&pair[0]], AFTER, "");
    }
}

/// The place of a hook among the content.
fn phase_of(hook: HookPhase) -> Option<Phase> {
    match hook {
        HookPhase::PreSync => Some(Phase::PreSync),
        HookPhase::Sync => Some(Phase::Sync),
        HookPhase::PostSync => Some(Phase::PostSync),
        HookPhase::SyncFail | HookPhase::PreDelete | HookPhase::PostDelete => None,
    }
}

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Position {
    phase: Phase,
    wave: i64,
}

impl Position {
    fn barrier(self) -> Barrier {
        match self.phase {
            Phase::Sync => Barrier::Wave(self.wave),
            phase => Barrier::Hooks(phase, self.wave),
        }
    }
}

/// The position of each manifest, after Namespaces and CRDs were pulled down.
fn pulled_down(manifests: &[Manifest], mut positions: Vec<Option<Position>>) -> Vec<Option<Position>> {
    let mut first_in_namespace: BTreeMap<&str, Position> = BTreeMap::new();
    let mut first_of_kind: BTreeMap<(&str, &str), Position> = BTreeMap::new();
    for (manifest, position) in manifests.iter().zip(&positions) {
        let Some(position) = *position else { continue };
        let lower = |entry: &mut Position| *entry = position.min(*entry);
        if let Some(namespace) = manifest.key.scope.namespace() {
            first_in_namespace.entry(namespace).and_modify(lower).or_insert(position);
        }
        let kind = (manifest.key.group.as_str(), manifest.key.kind.as_str());
        first_of_kind.entry(kind).and_modify(lower).or_insert(position);
    }
    for (manifest, position) in manifests.iter().zip(&mut positions) {
        let first = if manifest.key.is("", "Namespace") {
            first_in_namespace.get(manifest.key.name.as_str())
        } else {
            let defined = Definition::of(&manifest.key, &manifest.body);
            defined.and_then(|definition| first_of_kind.get(&(definition.group, definition.kind)))
        };
        *position = position.map(|position| first.map_or(position, |first| position.min(*first)));
    }
    positions
}

/// The positions as the manifest says, the first of them first; none where it is a hook that has no place among the
/// others.
fn written(manifest: &Manifest, findings: &mut Vec<Diagnostic>) -> Vec<Position> {
    let phases = match Hook::of(|name| manifest.annotation(name)) {
        Some(hook) => hook.phases.into_iter().filter_map(phase_of).collect(),
        None => vec![Phase::Sync],
    };
    if phases.is_empty() {
        return Vec::new();
    }
    let wave = wave(manifest, findings);
    phases.into_iter().map(|phase| Position { phase, wave }).collect()
}

/// The wave that annotations name; text that is no number counts as 0, as in Argo CD.
#[must_use]
pub fn wave_of<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> i64 {
    let text = annotation(ANNOTATION).or_else(|| annotation(HELM_WEIGHT));
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The wave of a manifest; that text is no number is told.
fn wave(manifest: &Manifest, findings: &mut Vec<Diagnostic>) -> i64 {
    let Some(text) = manifest.annotation(ANNOTATION).or_else(|| manifest.annotation(HELM_WEIGHT)) else { return 0 };
    if text.trim().parse::<i64>().is_err() {
        let message = format!("{}: the sync wave `{text}` is not a whole number; it counts as 0", manifest.key);
        findings.push(Diagnostic::lint(manifest.origin.clone(), "sync-wave-ignored", message));
    }
    wave_of(|name| manifest.annotation(name))
}
