//! Argo CD's sync waves: nothing of a wave goes before all of the waves below it are ready.
//!
//! In: `argocd.argoproj.io/sync-wave` (else Helm's hook weight, else 0). Out: one barrier for each wave but the last,
//! so that a wave costs an edge for each object, not for each pair. A Namespace or CRD is pulled down into the first
//! wave that needs it, as Argo CD does. Where all objects are in one wave there is no barrier.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diagnostic::Diagnostic;
use crate::manifest::{Definition, Manifest};

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
    let mut written = vec![0; manifests.len()];
    for (node, _) in annotated {
        written[*node] = self::written(&manifests[*node], findings);
    }
    if written.iter().all(|wave| written.first() == Some(wave)) {
        return;
    }
    let waves = pulled_down(manifests, written);
    let mut distinct: Vec<i64> = waves.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    // Nothing waits for the last wave.
    distinct.pop();
    let barrier: HashMap<i64, Node> =
        distinct.iter().map(|wave| (*wave, edges.barrier(Barrier::Wave(*wave)))).collect();
    let mut add = |from, to, rule, field: &str| {
        let (state, strength) = (State::Ready, Strength::Hard);
        edges.add(Edge { from, to, state, strength, rule, field: field.to_owned() });
    };
    for (node, wave) in waves.iter().enumerate() {
        if let Some(own) = barrier.get(wave) {
            add(*own, node, BEFORE, "");
        }
        let below = distinct.partition_point(|other| other < wave);
        if let Some(before) = below.checked_sub(1) {
            add(node, barrier[&distinct[before]], AFTER, &format!("annotation {ANNOTATION}"));
        }
    }
    for pair in distinct.windows(2) {
        add(barrier[&pair[1]], barrier[&pair[0]], AFTER, "");
    }
}

/// The wave of each manifest, after Namespaces and CRDs were pulled down.
fn pulled_down(manifests: &[Manifest], mut waves: Vec<i64>) -> Vec<i64> {
    let mut first_in_namespace: BTreeMap<&str, i64> = BTreeMap::new();
    let mut first_of_kind: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let lower = |entry: &mut i64, wave: i64| *entry = wave.min(*entry);
    for (manifest, wave) in manifests.iter().zip(&waves) {
        if let Some(namespace) = manifest.key.scope.namespace() {
            lower(first_in_namespace.entry(namespace).or_insert(i64::MAX), *wave);
        }
        let kind = (manifest.key.group.as_str(), manifest.key.kind.as_str());
        lower(first_of_kind.entry(kind).or_insert(i64::MAX), *wave);
    }
    for (manifest, wave) in manifests.iter().zip(&mut waves) {
        let first = if manifest.key.is("", "Namespace") {
            first_in_namespace.get(manifest.key.name.as_str())
        } else {
            let defined = Definition::of(&manifest.key, &manifest.body);
            defined.and_then(|definition| first_of_kind.get(&(definition.group, definition.kind)))
        };
        *wave = first.map_or(*wave, |first| (*first).min(*wave));
    }
    waves
}

/// The wave as the manifest says. Argo CD ignores text that is no number; so do we, with a lint.
fn written(manifest: &Manifest, findings: &mut Vec<Diagnostic>) -> i64 {
    let Some(text) = manifest.annotation(ANNOTATION).or_else(|| manifest.annotation(HELM_WEIGHT)) else { return 0 };
    text.trim().parse().unwrap_or_else(|_| {
        let message = format!("{}: the sync wave `{text}` is not a whole number; it counts as 0", manifest.key);
        findings.push(Diagnostic::lint(manifest.origin.clone(), "sync-wave-ignored", message));
        0
    })
}
