//! The stages that kwok plays: its own, and ours for failures, slow starts and what a cloud would do.
//!
//! In: kwok's stages as its module carries them. Out: one YAML text for `kwok --config`. Ours are in
//! `testdata/cluster/stages`. A stage of kwok that would take Pods of ours is given one more condition, in text, so
//! that everything else of it stays as upstream has it.

use std::fs;
use std::path::Path;

use super::error::Error;

/// kwok's stages that the cluster has, below `kustomize/stage` of kwok's module.
pub(super) const UPSTREAM: [&str; 9] = [
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    POD_READY,
    POD_COMPLETE,
    "pod/fast/pod-delete.yaml",
    "volume/fast/pv-bind.yaml",
    "volume/fast/pv-delete.yaml",
    "volume/fast/pvc-delete.yaml",
    "volume/fast/pvc-provision.yaml",
];
const POD_READY: &str = "pod/fast/pod-ready.yaml";
const POD_COMPLETE: &str = "pod/fast/pod-complete.yaml";

/// Stages of ours.
const OURS: [&str; 3] = [
    include_str!("../../cluster/stages/pod-fail.yaml"),
    include_str!("../../cluster/stages/pod-slow.yaml"),
    include_str!("../../cluster/stages/load-balancer.yaml"),
];

/// `pod-ready` takes no Pod that a stage of ours takes.
const NEITHER_FAILS_NOR_IS_SLOW: &str = r#"
    - key: '.metadata.labels["testdata.kubectl-gitops/fail"]'
      operator: 'DoesNotExist'
    - key: '.metadata.labels["testdata.kubectl-gitops/start"]'
      operator: 'DoesNotExist'"#;
/// `pod-complete` takes no Pod of a Job that is still starting, or whose container crashes.
const IS_READY: &str = r#"
    - key: '.status.conditions.[] | select( .type == "Ready" ) | .status'
      operator: 'In'
      values:
      - 'True'"#;

/// All stages in one text, from the files that the installation has in `directory`.
pub(super) fn all(directory: &Path) -> Result<String, Error> {
    let mut documents = Vec::new();
    for stage in UPSTREAM {
        let path = directory.join(file_name(stage));
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        documents.push(match stage {
            POD_READY => with_condition(stage, &text, NEITHER_FAILS_NOR_IS_SLOW)?,
            POD_COMPLETE => with_condition(stage, &text, IS_READY)?,
            _ => text,
        });
    }
    documents.extend(OURS.map(str::to_owned));
    Ok(documents.join("\n---\n"))
}

/// The last part of a stage's path.
pub(super) fn file_name(stage: &str) -> &str {
    stage.rsplit('/').next().unwrap_or(stage)
}

/// `text` with one more condition in front of the others of its only selector.
fn with_condition(stage: &'static str, text: &str, condition: &str) -> Result<String, Error> {
    let selector = "\n    matchExpressions:";
    match text.split_once(selector) {
        Some((before, after)) if !after.contains(selector) => Ok([before, selector, condition, after].concat()),
        _ => Err(Error::Stage { stage }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGE: &str = "spec:\n  selector:\n    matchExpressions:\n    - key: '.a'\n  next: {}\n";

    #[test]
    fn a_condition_goes_in_front_of_the_others() {
        let changed = with_condition("x", STAGE, "\n    - key: '.b'").expect("one selector");
        assert_eq!(changed, STAGE.replace("    - key: '.a'", "    - key: '.b'\n    - key: '.a'"));
    }

    #[test]
    fn a_stage_without_exactly_one_selector_is_refused() {
        assert!(with_condition("x", "spec: {}", "").is_err());
        assert!(with_condition("x", &STAGE.repeat(2), "").is_err());
    }

    #[test]
    fn upstream_stages_have_distinct_file_names() {
        let names: std::collections::BTreeSet<_> = UPSTREAM.map(file_name).into();
        assert_eq!(names.len(), UPSTREAM.len());
    }
}
