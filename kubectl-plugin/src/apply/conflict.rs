//! Fields that others own, where the server refuses to set them.
//!
//! In: the conflicts of a refusal, the body that was refused. Out: the body without what belongs to another by design, and
//! words for the rest. Pure.

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;

use crate::cluster::{Conflict, take_out};

use super::by_design::belongs_to_another;
use super::drift::Ignored;
use super::scaled::HAND_OVER;

/// Fields that belong to another by design are left out of the body, and fields of managers whose differences do not count.
/// Dropping them is safe, since the other owns them already. True where the body has less now: the other conflicts, if any, are of
/// fields that can be taken, and are told again.
///
/// `is_scaled` says whether something scales the object: the number that was handed over is of nobody when nothing does any more.
pub(super) fn leave_to_others(
    ignored: &Ignored,
    key: &ResourceKey,
    is_scaled: bool,
    body: &mut Json,
    conflicts: &[Conflict],
    notes: &mut Vec<String>,
) -> bool {
    let is_of_nobody = |conflict: &&Conflict| conflict.manager == HAND_OVER && !is_scaled;
    let is_aggregated = !body["aggregationRule"].is_null();
    let mut is_less = false;
    let theirs = conflicts.iter().filter(|conflict| is_theirs(ignored, key, is_aggregated, conflict));
    for conflict in theirs.filter(|conflict| !is_of_nobody(conflict)) {
        if take_out(body, &conflict.field) {
            is_less = true;
            notes.push(format!("{} is left to {}", conflict.field.trim_start_matches('.'), conflict.manager));
        }
    }
    is_less
}

fn is_theirs(ignored: &Ignored, key: &ResourceKey, is_aggregated: bool, conflict: &Conflict) -> bool {
    let field = conflict.field.trim_start_matches('.');
    belongs_to_another(key, is_aggregated, field, &conflict.subresource) || ignored.is_manager(key, &conflict.manager)
}

/// Whose fields they are. Items of lists are named by their values, which may be secret.
pub(super) fn told(conflicts: &[Conflict], is_secret: bool) -> String {
    let field = |conflict: &Conflict| {
        let field = conflict.field.trim_start_matches('.');
        let end = if is_secret { field.find('[') } else { None };
        field[..end.unwrap_or(field.len())].to_owned()
    };
    let one = |conflict: &Conflict| format!("{} belongs to {}", field(conflict), conflict.manager);
    let mut told: Vec<String> = conflicts.iter().take(3).map(one).collect();
    if conflicts.len() > 3 {
        told.push(format!("{} more", conflicts.len() - 3));
    }
    told.join(", ")
}
