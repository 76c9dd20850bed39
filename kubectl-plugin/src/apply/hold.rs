//! Whether a graph may be applied to a target: one that was rolled back may not, until somebody releases it.
//!
//! In: a target, a graph. Out: what holds it. The graphs of a hold are in the record, and on a machine that applied them in
//! its store.

use gitops_compiler::plan::Bound;

use crate::record::RecordError;
use crate::record::holds::{Hold, HoldAll, holds};

use super::target::Target;

/// What holds a graph.
#[derive(Debug)]
pub enum Held<'a> {
    /// Everything is held.
    All(&'a HoldAll),
    /// It has all of a difference that was rolled back.
    Difference(&'a Hold),
}

impl Target {
    /// What holds a graph, if anything does.
    ///
    /// # Errors
    /// Where a graph of the record cannot be read.
    pub async fn held(&self, desired: &Bound) -> Result<Option<Held<'_>>, RecordError> {
        let Some(found) = &self.found else { return Ok(None) };
        if let Some(all) = &found.head.hold_all {
            return Ok(Some(Held::All(all)));
        }
        // What is live was released, or never held: its holds are not read again each time.
        if !self.is_changed_by(desired) {
            return Ok(None);
        }
        for hold in &found.head.holds {
            let taken_back = self.records.graph(&hold.taken_back, &self.target_id).await?;
            let back_to = self.records.graph(&hold.back_to, &self.target_id).await?;
            if holds(&taken_back, &back_to, &desired.graph) {
                return Ok(Some(Held::Difference(hold)));
            }
        }
        Ok(None)
    }
}
