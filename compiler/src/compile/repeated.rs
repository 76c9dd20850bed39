//! Objects that an application has twice.
//!
//! In: manifests in the order of sources, files and documents. Out: the last of each key, and a lint for each that does not
//! count, as Argo CD has it (its `RepeatedResourceWarning`). In a bare folder this is an error; see `graph`.

use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::name::ResourceKey;

/// The name of the lint.
pub(super) const LINT: &str = "repeated-resource";

/// Leaves out what comes again later.
pub(super) fn keep_last(manifests: &mut Vec<Manifest>, findings: &mut Vec<Diagnostic>) {
    let mut last: HashMap<&ResourceKey, usize> = HashMap::with_capacity(manifests.len());
    for (index, manifest) in manifests.iter().enumerate() {
        last.insert(&manifest.key, index);
    }
    if last.len() == manifests.len() {
        return;
    }
    let counts: Vec<usize> = manifests.iter().map(|manifest| last[&manifest.key]).collect();
    for (index, counting) in counts.iter().enumerate().filter(|(index, counting)| index != *counting) {
        let Manifest { key, origin, .. } = &manifests[index];
        let message = format!("{key} comes again in {}, which counts", manifests[*counting].origin);
        findings.push(Diagnostic::lint(origin.clone(), LINT, message));
    }
    let mut index = 0;
    manifests.retain(|_| {
        index += 1;
        counts[index - 1] == index - 1
    });
}
