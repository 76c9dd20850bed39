//! One object under two keys: the API server serves some objects in two groups, as it does Events, and did Ingresses.
//!
//! In: a plan in which one key of an object comes and the other goes. Out: the object stays, as what it was to us. What a run
//! has applied it does not delete.

use std::collections::BTreeMap;

use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::Action;

use crate::apply::event::{Event, StepResult};

use super::Run;

/// Keys of what was applied in a run, by uid.
pub(super) type Applied = BTreeMap<String, ResourceKey>;

impl Run<'_> {
    /// The key under which an object was applied in this run that is to be deleted under another.
    pub(super) fn lives_on_as(&self, index: usize) -> Option<ResourceKey> {
        let step = &self.plan.steps[index];
        let key = self.applied.get(step.uid.as_deref()?).filter(|key| **key != step.key);
        key.filter(|_| step.action == Action::Delete).cloned()
    }

    /// Leaves such an object alone, and forgets the key that goes.
    pub(super) fn leave(&mut self, index: usize, other: &ResourceKey) {
        let key = self.plan.steps[index].key.clone();
        (self.emit)(Event::Note(format!("{key}: not deleted, it is the same object as {other}")));
        self.report.inventory.insert(key, None);
        self.finish(index, StepResult::Succeeded);
    }

    /// Whether an object is one that we made under a key that goes in this run.
    pub(super) fn has_other_key(&self, uid: &str) -> bool {
        let mut deletions = self.plan.steps.iter().filter(|step| step.action == Action::Delete);
        deletions.any(|step| step.uid.as_deref() == Some(uid))
    }
}
