//! Data inside of texts: JSON in an annotation, YAML in a ConfigMap.
//!
//! In: two texts and the path of their field. Out: both as data, where both are that. A text that is a scalar, a template or
//! too large stays a text.

use crate::canon::Value;
use crate::manifest::yaml::{self, Limits};

/// Larger texts are not read.
const LARGEST: usize = 1 << 20;

/// Both texts as data.
pub(super) fn data(path: &str, old: &str, new: &str) -> Option<(Value, Value)> {
    let is_small = old.len().max(new.len()) <= LARGEST;
    let may_be_yaml = is_named_so(path);
    let read = |text: &str| if is_small { read(text, may_be_yaml) } else { None };
    let (old, new) = (read(old)?, read(new)?);
    // Data that is the same has another spelling only, and data of another shape says less than the text.
    let is_alike = matches!((&old, &new), (Value::Map(_), Value::Map(_)) | (Value::Array(_), Value::Array(_)));
    (is_alike && old != new).then_some((old, new))
}

/// Whether a field is named like a file of YAML.
fn is_named_so(path: &str) -> bool {
    let path = path.trim_end_matches(']');
    [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
}

fn read(text: &str, may_be_yaml: bool) -> Option<Value> {
    let begins = text.trim_start();
    if begins.starts_with(['{', '[']) && !begins.starts_with("{{") {
        let json = serde_json::from_str::<serde_json::Value>(text).ok().map(Value::from);
        if json.is_some() {
            return json;
        }
    }
    // Of a text without a name that says so many a line would look like a map of one key.
    if !may_be_yaml && (text.lines().count() < 3 || !text.contains(": ")) {
        return None;
    }
    let mut documents = yaml::read(text.as_bytes(), Limits { depth: 100, bytes: 4 * LARGEST }).into_documents().ok()?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Some(document.value),
        (Some(last), false) => {
            let all = documents.into_iter().map(|document| document.value).chain([last.value]);
            Some(Value::Array(all.collect()))
        }
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_maps_and_lists_are_data() {
        for (path, old, new) in [
            ("data.a", "{\"a\": 1}", "{\"a\": 2}"),
            ("data[a.yaml]", "a: 1", "a: 2"),
            ("data[a.yml]", "- 1", "- 2"),
            ("data.a", "a: 1\nb: 2\nc: 3\n", "a: 1\nb: 2\nc: 4\n"),
            ("data[a.yaml]", "a: 1\n---\nb: 1\n", "a: 1\n---\nb: 2\n"),
        ] {
            assert!(data(path, old, new).is_some(), "{path}: {old}");
        }
        for (path, old, new) in [
            ("data.a", "one", "two"),
            ("data.a", "a: 1", "a: 2"),
            ("data[a.yaml]", "a: 1", "- 1"),
            ("data[a.yaml]", "{{ .a }}", "{{ .b }}"),
            ("data[a.yaml]", "a: 1", "a: 1 # same"),
            ("data[a.yaml]", "a: [", "a: 1"),
        ] {
            assert!(data(path, old, new).is_none(), "{path}: {old}");
        }
    }

    #[test]
    fn what_is_too_large_stays_a_text() {
        let large = format!("{{\"a\": \"{}\"}}", "x".repeat(LARGEST));
        assert!(data("data.a", &large, "{\"a\": 1}").is_none());
    }
}
