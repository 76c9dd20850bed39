//! What a plan loses for good: no rollback brings it back.
//!
//! In: the steps of a plan. Out: [`Loss`]es, in the order of the steps. They are told before anything runs, also where the user has
//! allowed all of it. What the data of a volume becomes depends on its class, which is not asked.

use std::fmt;

use crate::manifest::Write;
use crate::name::ResourceKey;

use super::{Action, Step, immutable, is_precious};

/// An object that takes more with it than itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The object.
    pub key: ResourceKey,
    /// Whether it is made again.
    pub again: bool,
}

impl Loss {
    /// What becomes of it, and what goes with it: `is deleted: all that is in it goes with it`.
    #[must_use]
    pub fn reason(&self) -> String {
        let again = if self.again { " and made again" } else { "" };
        let what = match self.key.kind.as_str() {
            "Namespace" => "all that is in it goes with it",
            "CustomResourceDefinition" => "all objects of its kind go with it",
            "PersistentVolume" => "its data is not found by a new one",
            _ => "its data goes with it, unless the volume is retained",
        };
        format!("is deleted{again}: {what}")
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.key, self.reason())
    }
}

/// What these steps lose.
pub(super) fn losses(steps: &[Step]) -> Vec<Loss> {
    let loss = |step: &Step| {
        let again = match step.action {
            Action::Delete => false,
            // What was there before us is not deleted to be made again.
            Action::Update if !step.made_by_us => return None,
            Action::Update if step.policy.write == Write::Recreate || immutable::changed(step).is_some() => true,
            Action::Create | Action::Update | Action::Hook => return None,
        };
        is_precious(&step.key).then(|| Loss { key: step.key.clone(), again })
    };
    steps.iter().filter_map(loss).collect()
}
