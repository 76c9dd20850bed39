//! Compiling again where few files have changed: only these are read, and the rest is as it was.
//!
//! In: what was laid out, and the [`Baseline`] of its place. Out: the memo entry that a compilation of all files would
//! give, whose graph is kept as a change of the baseline's; or `None` wherever that is not certain, and then all files
//! are compiled. It is certain where the files are the same but for their bytes, nothing is wrong with the new ones, and
//! all that the rules of `depend` read of them is as it was: keys, hooks, CustomResourceDefinitions, edges. Then bodies,
//! lines and what is said of single manifests are all that can differ.

use std::collections::{BTreeMap, BTreeSet};

use crate::depend;
use crate::diagnostic::{Diagnostic, Level};
use crate::graph::{Body, Change, Outline};
use crate::name::is_built_in;
use crate::render::Rendered;
use crate::store::Store;

use super::baseline::Baseline;
use super::lay_out::LaidOut;
use super::memo::Entry;

/// The entry of what was laid out, once its graph and itself are kept. What was said of the layout is not part of it.
pub(super) fn update(store: &Store, laid_out: &LaidOut<'_>) -> Option<Entry> {
    if !laid_out.findings.is_empty() {
        return None;
    }
    let (render, place) = laid_out.directory()?;
    let bytes = store.compiled(place)?;
    let baseline = Baseline::decode(&bytes).ok()?;
    // Of another compiler there is none. Paths stay relative to the folder.
    let before = Entry::decode(baseline.entry, "").ok()?;
    let changed = baseline.changed(render.files())?;
    let files = render.read(&changed).ok()?;
    let rules = laid_out.rules().ok()?;
    let is_as_before = |(number, file): (&usize, &Rendered)| {
        baseline.has_signature(*number, &depend::signature(&file.manifests, &rules))
    };
    if !changed.iter().zip(&files).all(is_as_before) {
        return None;
    }
    let mut outline = Outline::decode(baseline.outline).ok()?;
    let has_definitions = outline.has_kind("apiextensions.k8s.io", "CustomResourceDefinition");
    let mut change = Change::of(before.graph);
    let (mut lines, mut findings) = (BTreeMap::new(), Vec::new());
    for file in files {
        if has_definitions && file.manifests.iter().any(|manifest| !is_built_in(&manifest.key.group)) {
            // What is said of a custom resource depends on its definition, which may be in another file.
            return None;
        }
        super::check_each(&file.manifests, None, |path| render.source(path), &mut findings);
        findings.extend(file.findings);
        for manifest in file.manifests {
            // Names that are made by counting through all files are not there yet, and so not found.
            let node = outline.node(&manifest.key)?;
            lines.insert(node, manifest.origin.line);
            let body = Body::new(manifest.body);
            let id = body.id();
            if outline.resource(node) != Some(id) {
                outline.replace(node, id);
                change.set(node, body);
            }
        }
    }
    if findings.iter().any(|finding| finding.level == Level::Error) {
        return None;
    }
    let paths = render.files().map(|(path, _)| path).collect::<Vec<_>>();
    let replaced = changed.iter().filter_map(|number| paths.get(*number).copied()).collect();
    let entry = before.updated(outline.ids(), lints(&before.lints, &replaced, findings, laid_out), &lines).ok()?;
    let kept = if entry.graph == change.base {
        store.has_graph(entry.graph)
    } else {
        store.put_change(entry.graph, &change).ok()?
    };
    if !kept {
        return None;
    }
    let bytes = entry.encode();
    // Bodies of the others are not read, so that it is not known which of them are encrypted.
    store.share_changed(render.recipe, &bytes, (entry.graph, &change), outline.has_kind("", "Secret"));
    store.put_memo(render.recipe, &bytes).ok()?;
    Entry::decode(&bytes, laid_out.base()).ok()
}

/// What there is to say now: of the files that were read again what they give, of the others what was said before.
fn lints(
    before: &[Diagnostic],
    replaced: &BTreeSet<&str>,
    findings: Vec<Diagnostic>,
    laid_out: &LaidOut<'_>,
) -> Vec<Diagnostic> {
    let mut lints: Vec<Diagnostic> =
        before.iter().filter(|lint| !replaced.contains(lint.origin.path.as_str())).cloned().collect();
    lints.extend(findings.into_iter().map(|mut finding| {
        finding.origin.path = laid_out.below(&finding.origin.path).to_owned();
        finding
    }));
    lints.sort();
    lints.dedup();
    lints
}
