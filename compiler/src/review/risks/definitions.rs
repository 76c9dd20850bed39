//! CustomResourceDefinitions that take less than before.
//!
//! In: a definition that differs. Out: findings.

use crate::canon::Value;
use crate::manifest::Definition;

use super::super::compared::Changed;
use super::super::definition::versions;
use super::super::rule::{DEFINITION_NARROWED, DEFINITION_STORAGE_CHANGED, DEFINITION_VERSION_REMOVED};
use super::Context;

/// So many changes are named.
const NAMED: usize = 3;

pub(super) fn look_at(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let (true, Some(old), Some(new)) = (Definition::is(change.key()), change.old_body(), change.new_body()) else {
        return;
    };
    let (gone, narrowed): (Vec<_>, Vec<_>) =
        change.schema.iter().filter(|found| found.narrows).partition(|found| found.field.is_empty());
    for found in gone.iter().filter(|found| found.what.ends_with("removed") || found.what.ends_with("no more")) {
        let path = Some(format!("spec.versions[{}]", found.version));
        context.push(DEFINITION_VERSION_REMOVED, change, path, format!("{}: {}", found.version, found.what));
    }
    if !narrowed.is_empty() {
        let named: Vec<String> = narrowed
            .iter()
            .take(NAMED)
            .map(|found| format!("{} {}: {}", found.version, found.field, found.what))
            .collect();
        let more = narrowed.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let path = Some("spec.versions".to_owned());
        context.push(DEFINITION_NARROWED, change, path, format!("{}{more}", named.join("; ")));
    }
    let storage = |definition| -> Option<String> {
        let is_stored = |version: &&Value| version.get("storage").and_then(Value::as_bool) == Some(true);
        let found = versions(definition).into_iter().find(|(_, version)| is_stored(version));
        found.map(|(name, _)| name.to_owned())
    };
    if let (Some(was), Some(is)) = (storage(old), storage(new))
        && was != is
    {
        let evidence = format!("objects are stored as {is}, and were as {was}");
        context.push(DEFINITION_STORAGE_CHANGED, change, Some("spec.versions".to_owned()), evidence);
    }
}
