//! Argo CD's phases and sync waves: nothing of a wave goes before all of the waves below it are ready, and the phases
//! before and after come before and after all waves of the content.
//!
//! In: `argocd.argoproj.io/sync-wave` (else Helm's hook weight, else 0), and `argocd.argoproj.io/hook` (else Helm's).
//! Out: one barrier for each wave but the last, so that a wave costs an edge for each object, not for each pair. A
//! Namespace or CRD is pulled down into the first wave that needs it, as Argo CD does. Where all objects are in one
//! wave there is no barrier. A hook of several phases stands in the first; one that runs only when something failed or
//! is deleted has no place among the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diagnostic::Diagnostic;
use crate::manifest::{Definition, Manifest};

use super::barrier::Phase;
use super::edges::Edges;
use super::{Annotated, Barrier, Edge, Node, Rule, State, Strength};

const ANNOTATION: &str = "argocd.argoproj.io/sync-wave";
const HELM_WEIGHT: &str = "helm.sh/hook-weight";
const HOOK: &str = "argocd.argoproj.io/hook";
const HELM_HOOK: &str = "helm.sh/hook";

pub(super) const BEFORE: Rule = Rule { name: "sync-wave", version: 1, reason: "that is in this sync wave" };
pub(super) const AFTER: Rule = Rule { name: "after-sync-wave", version: 1, reason: "that must be ready first" };

pub(super) fn infer(
    manifests: &[Manifest],
    annotated: &Annotated<'_>,
    edges: &mut Edges,
    findings: &mut Vec<Diagnostic>,
) {
    let mut written = vec![Some(Position { phase: Phase::Sync, wave: 0 }); manifests.len()];
    for (node, _) in annotated {
        written[*node] = self::written(&manifests[*node], findings);
    }
    if written.iter().flatten().all(|position| written.iter().flatten().next() == Some(position)) {
        return;
    }
    let positions = pulled_down(manifests, written);
    let mut distinct: Vec<Position> =
        positions.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
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

fn phase_of_argo(name: &str) -> Option<Phase> {
    [Phase::PreSync, Phase::Sync, Phase::PostSync].into_iter().find(|phase| phase.as_str() == name)
}

fn phase_of_helm(name: &str) -> Option<Phase> {
    match name {
        "pre-install" | "pre-upgrade" => Some(Phase::PreSync),
        // Helm itself installs these before all else; for us they are content, ordered by what needs them.
        "crd-install" => Some(Phase::Sync),
        "post-install" | "post-upgrade" => Some(Phase::PostSync),
        _ => None,
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

/// The position as the manifest says; none where it is a hook that has no place among the others.
fn written(manifest: &Manifest, findings: &mut Vec<Diagnostic>) -> Option<Position> {
    let annotation = |name| manifest.annotation(name).filter(|text| !text.trim().is_empty());
    let first = |text: &str, of: fn(&str) -> Option<Phase>| text.split(',').filter_map(|name| of(name.trim())).min();
    let phase = match (annotation(HOOK), annotation(HELM_HOOK)) {
        (Some(text), _) => first(text, phase_of_argo)?,
        (None, Some(text)) => first(text, phase_of_helm)?,
        (None, None) => Phase::Sync,
    };
    Some(Position { phase, wave: wave(manifest, findings) })
}

/// Argo CD ignores text that is no number; so do we, with a lint.
fn wave(manifest: &Manifest, findings: &mut Vec<Diagnostic>) -> i64 {
    let Some(text) = manifest.annotation(ANNOTATION).or_else(|| manifest.annotation(HELM_WEIGHT)) else { return 0 };
    text.trim().parse().unwrap_or_else(|_| {
        let message = format!("{}: the sync wave `{text}` is not a whole number; it counts as 0", manifest.key);
        findings.push(Diagnostic::lint(manifest.origin.clone(), "sync-wave-ignored", message));
        0
    })
}
