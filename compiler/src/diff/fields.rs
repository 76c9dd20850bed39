//! The fields in which two values differ.
//!
//! In: two values. Out: [`FieldChange`]s in the order of paths. Lists of objects are matched by the first of the
//! fields in [`KEYS`] that identifies all items on both sides; other lists are compared by position.

use std::collections::BTreeMap;
use std::fmt;

use crate::canon::Value;

/// Fields by which Kubernetes' own lists of objects are merged, and by which people name their items. The first of them that
/// identifies all items is the one that stands in a path.
pub const KEYS: [&str; 9] = ["name", "key", "containerPort", "port", "mountPath", "devicePath", "ip", "path", "type"];

/// How much of a value is shown.
const SHOWN_CHARACTERS: usize = 60;

/// How much is shown before the first character that differs, where that is far behind.
const SHOWN_BEFORE: usize = 20;

/// A value in the place of one that must not be shown.
pub(crate) fn masked() -> Value {
    Value::from("(secret)")
}

/// One field with its old and new value; at least one of them is there.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct FieldChange {
    /// Path from the top of the body: `spec.containers[cart].image`, `data[app.conf]`.
    pub path: String,
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub old: Option<Value>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub new: Option<Value>,
}

impl FieldChange {
    /// Replaces the values, whatever they are.
    pub(crate) fn mask(&mut self) {
        self.old = self.old.as_ref().map(|_| masked());
        self.new = self.new.as_ref().map(|_| masked());
    }

    /// Whether the values were replaced.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.old.iter().chain(&self.new).any(|value| *value == masked())
    }
}

/// `path  old → new`, `path  + new`, `path  - old`.
impl fmt::Display for FieldChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Masked on both sides: the values differ, and that is all that may be said.
        if self.old.is_some() && self.old == self.new {
            return write!(formatter, "{}  (secret) changed", self.path);
        }
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => {
                let start = first_difference(old, new);
                write!(formatter, "{}  {} → {}", self.path, shown(old, start), shown(new, start))
            }
            (None, Some(new)) => write!(formatter, "{}  + {}", self.path, shown(new, 0)),
            (Some(old), None) => write!(formatter, "{}  - {}", self.path, shown(old, 0)),
            (None, None) => formatter.write_str(&self.path),
        }
    }
}

/// Where two values are shown from: with the beginning of both, unless that hides the first character that differs.
fn first_difference(old: &Value, new: &Value) -> usize {
    let (Some(old), Some(new)) = (old.as_str(), new.as_str()) else { return 0 };
    let same = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
    if same + SHOWN_BEFORE < SHOWN_CHARACTERS { 0 } else { same - SHOWN_BEFORE }
}

/// One line of bounded length, without the first `start` characters; control characters cannot reach a terminal.
fn shown(value: &Value, start: usize) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => serde_json::Value::from(other).to_string(),
    };
    let mut line: String = text.chars().skip(start).take(SHOWN_CHARACTERS).flat_map(char::escape_debug).collect();
    // `escape_debug` also escapes quotes, which need none here.
    line = line.replace("\\\"", "\"").replace("\\'", "'");
    if start > 0 {
        line.insert(0, '…');
    }
    if text.chars().count() > start + SHOWN_CHARACTERS {
        line.push('…');
    }
    line
}

/// Compares two values.
#[must_use]
pub fn fields(old: &Value, new: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare(String::new(), Some(old), Some(new), &mut changes);
    changes
}

fn compare(path: String, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (old, new) {
        (Some(old), Some(new)) if old == new => {}
        (Some(Value::Map(old)), Some(Value::Map(new))) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                compare(join(&path, key), old.get(key), new.get(key), changes);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => compare_lists(&path, old, new, changes),
        (old, new) => changes.push(FieldChange { path, old: old.cloned(), new: new.cloned() }),
    }
}

fn compare_lists(path: &str, old: &[Value], new: &[Value], changes: &mut Vec<FieldChange>) {
    let before = changes.len();
    if let Some((old_items, new_items)) = KEYS.iter().find_map(|key| Some((by_key(key, old)?, by_key(key, new)?))) {
        let names: std::collections::BTreeSet<&String> = old_items.keys().chain(new_items.keys()).collect();
        for name in names {
            let item =
                |items: &BTreeMap<String, usize>, list: &'_ [Value]| items.get(name).map(|index| list[*index].clone());
            let (old, new) = (item(&old_items, old), item(&new_items, new));
            compare(format!("{path}[{name}]"), old.as_ref(), new.as_ref(), changes);
        }
        if changes.len() == before {
            // Nothing but the order changed, and order is a change: the first init container runs first.
            let order = |items: &BTreeMap<String, usize>| {
                let mut names: Vec<_> = items.iter().collect();
                names.sort_by_key(|(_, index)| **index);
                Value::from(names.into_iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))
            };
            let (old, new) = (Some(order(&old_items)), Some(order(&new_items)));
            changes.push(FieldChange { path: format!("{path} (order)"), old, new });
        }
    } else {
        for index in 0..old.len().max(new.len()) {
            compare(format!("{path}[{index}]"), old.get(index), new.get(index), changes);
        }
    }
}

/// Items by the text of one field; `None` unless all of them have it and no two share it.
fn by_key(key: &str, items: &[Value]) -> Option<BTreeMap<String, usize>> {
    let mut found = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let name = match item.get(key)? {
            Value::String(text) => text.clone(),
            Value::Int(number) => number.to_string(),
            _ => return None,
        };
        if found.insert(name, index).is_some() {
            return None;
        }
    }
    Some(found)
}

/// The path of a field below a path.
pub(crate) fn join(path: &str, key: &str) -> String {
    let plain =
        !key.is_empty() && key.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character));
    match (path.is_empty(), plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(old: serde_json::Value, new: serde_json::Value) -> Vec<String> {
        fields(&old.into(), &new.into()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn items_of_lists_are_matched_by_their_names() {
        let old = json!({"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]});
        let new = json!({"containers": [{"name": "b", "image": "b:2"}, {"name": "a", "image": "a:1"}, {"name": "c"}]});
        assert_eq!(lines(old, new), ["containers[b].image  b:1 → b:2", "containers[c]  + {\"name\":\"c\"}"]);
    }

    #[test]
    fn a_change_of_order_alone_is_a_change() {
        let old = json!({"initContainers": [{"name": "a"}, {"name": "b"}]});
        let new = json!({"initContainers": [{"name": "b"}, {"name": "a"}]});
        assert_eq!(lines(old, new), ["initContainers (order)  a, b → b, a"]);
    }

    #[test]
    fn keys_with_dots_stand_in_brackets_and_lines_stay_short() {
        let long = "x\n".repeat(100);
        let found = lines(json!({"data": {"app.conf": "a\u{1b}[31m"}}), json!({"data": {"app.conf": long}}));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("data[app.conf]  a\\u{1b}[31m → x\\nx\\n"), "{}", found[0]);
        assert!(found[0].ends_with('…'));
    }

    #[test]
    fn long_values_are_shown_where_they_differ() {
        let (prefix, rest) = ("0123456789".repeat(8), "x".repeat(70));
        let texts = |middle: &str| json!({"a": format!("{prefix}{middle}{rest}")});
        let shown = "01234567890123456789";
        assert_eq!(
            lines(texts("old"), texts("new")),
            [format!("a  …{shown}old{0}… → …{shown}new{0}…", "x".repeat(37))]
        );
        let near = |end: &str| json!({"a": format!("{}{end}", &prefix[..39])});
        assert_eq!(lines(near("1"), near("2")), [format!("a  {0}1 → {0}2", &prefix[..39])]);
        let short = lines(json!({"a": prefix}), json!({"a": format!("{prefix}!")}));
        assert_eq!(short, [format!("a  …{shown} → …{shown}!")]);
    }

    #[test]
    fn equal_values_have_no_changes() {
        assert_eq!(lines(json!({"a": [1, 2]}), json!({"a": [1, 2]})), Vec::<String>::new());
    }
}
