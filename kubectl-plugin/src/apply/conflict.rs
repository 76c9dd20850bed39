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

/// An object whose fields others own, as far as it matters for whose they should be.
pub(super) struct Owned<'a> {
    pub(super) key: &'a ResourceKey,
    pub(super) ignored: &'a Ignored,
    /// Whether something scales it: the number that was handed over is of nobody when nothing does any more.
    pub(super) is_scaled: bool,
    /// Whether its values are secret.
    pub(super) is_secret: bool,
}

impl Owned<'_> {
    /// Fields that belong to another by design are left out of the body, and fields of managers whose differences do not count.
    /// Dropping them is safe, since the other owns them already. True where the body has less now: the other conflicts, if any,
    /// are of fields that can be taken, and are told again.
    pub(super) fn leave(&self, body: &mut Json, conflicts: &[Conflict], notes: &mut Vec<String>) -> bool {
        let is_aggregated = !body["aggregationRule"].is_null();
        let mut is_less = false;
        for conflict in conflicts.iter().filter(|conflict| self.is_theirs(is_aggregated, conflict)) {
            if take_out(body, &conflict.field) {
                is_less = true;
                notes.push(format!("{} is left to {}", field(conflict, self.is_secret), conflict.manager));
            }
        }
        is_less
    }

    fn is_theirs(&self, is_aggregated: bool, conflict: &Conflict) -> bool {
        let is_of_nobody = conflict.manager == HAND_OVER && !self.is_scaled;
        let path = conflict.field.trim_start_matches('.');
        let is_by_design = belongs_to_another(self.key, is_aggregated, path, &conflict.subresource);
        !is_of_nobody && (is_by_design || self.ignored.is_manager(self.key, &conflict.manager))
    }
}

/// The field, as it may be told: items of lists are named by their values, which may be secret.
fn field(conflict: &Conflict, is_secret: bool) -> &str {
    let field = conflict.field.trim_start_matches('.');
    let end = if is_secret { field.find('[') } else { None };
    &field[..end.unwrap_or(field.len())]
}

/// Whose fields they are.
pub(super) fn told(conflicts: &[Conflict], is_secret: bool) -> String {
    let one = |conflict: &Conflict| format!("{} belongs to {}", field(conflict, is_secret), conflict.manager);
    let mut told: Vec<String> = conflicts.iter().take(3).map(one).collect();
    if conflicts.len() > 3 {
        told.push(format!("{} more", conflicts.len() - 3));
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_that_name_items_are_not_told_of_what_is_secret() {
        let conflict =
            |field: &str| Conflict { field: field.to_owned(), manager: "anna".to_owned(), subresource: String::new() };
        let conflicts = [conflict(".spec.words[word=\"hunter2\"].at")];
        let ignored = Ignored::default();
        for (is_secret, expected) in [(false, "spec.words[word=\"hunter2\"].at"), (true, "spec.words")] {
            assert_eq!(told(&conflicts, is_secret), format!("{expected} belongs to anna"));
            let key = ResourceKey::new("", "Webhook", "shop", "a");
            let owned = Owned { key: &key, ignored: &ignored, is_scaled: false, is_secret };
            let hook = [conflict(".webhooks[name=\"hunter2\"].clientConfig.caBundle")];
            let mut body = json!({"webhooks": [{"name": "hunter2", "clientConfig": {"caBundle": "x"}}]});
            let mut notes = Vec::new();
            assert!(owned.leave(&mut body, &hook, &mut notes));
            assert_eq!(notes[0].contains("hunter2"), !is_secret, "{notes:?}");
        }
    }
}
