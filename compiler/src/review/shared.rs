//! Changes that several resources share, so that each is read once.
//!
//! In: what became of each resource. Out: [`SharedChange`]s: equal changes of equal fields, those of most resources first, those
//! of the same resources side by side.
//! Masked values are never called equal: nobody may know.

use std::collections::HashMap;

use crate::canon::{Encoder, Value};
use crate::diff::FieldChange;

use super::report::{ResourceReview, SharedChange};

/// Changes of so many resources are told together.
const LEAST: usize = 2;

/// All changes that are shared.
pub(super) fn shared(changes: &[ResourceReview]) -> Vec<SharedChange> {
    let mut found: HashMap<Identity<'_>, SharedChange> = HashMap::new();
    for change in changes {
        for field in change.fate.fields().iter().filter(|field| !field.is_masked()) {
            let entry = found.entry(identity(field)).or_insert_with(|| {
                let (field, resources) = (field.clone(), Vec::new());
                SharedChange { field, resources }
            });
            entry.resources.push(change.resource.clone());
        }
    }
    let mut found: Vec<SharedChange> = found.into_values().filter(|shared| shared.resources.len() >= LEAST).collect();
    found.sort_by_cached_key(|shared| {
        (
            std::cmp::Reverse(shared.resources.len()),
            shared.resources.clone(),
            shared.field.path.clone(),
            shared.field.to_string(),
        )
    });
    found
}

/// What makes two changes equal.
type Identity<'a> = (&'a str, Option<Vec<u8>>, Option<Vec<u8>>);

fn identity(field: &FieldChange) -> Identity<'_> {
    let bytes = |value: &Option<Value>| value.as_ref().map(Encoder::encode);
    (field.path.as_str(), bytes(&field.old), bytes(&field.new))
}
