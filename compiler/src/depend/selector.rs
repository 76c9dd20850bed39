//! Label selectors, decided from manifests alone.
//!
//! In: a selector as Kubernetes writes it, and what is known of the labels. Out: whether it matches, or `None` where
//! that depends on something that only the server knows.

use crate::canon::Value;

/// What is known of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label<'a> {
    Is(&'a str),
    Absent,
    Unknown,
}

/// Whether `selector` matches; one that is absent or empty matches everything.
pub(super) fn matches<'a>(selector: Option<&Value>, label: &dyn Fn(&str) -> Label<'a>) -> Option<bool> {
    let Some(selector) = selector else { return Some(true) };
    let pairs = selector.get("matchLabels").and_then(Value::as_map).into_iter().flatten();
    let pairs = pairs.map(|(key, value)| match label(key) {
        Label::Is(found) => Some(value.as_str()? == found),
        Label::Absent => Some(false),
        Label::Unknown => None,
    });
    let expressions = selector.get("matchExpressions").map(Value::items).unwrap_or_default();
    let expressions = expressions.iter().map(|expression| holds(expression, label));
    // One that surely does not match decides, whatever else is unknown.
    let mut all = Some(true);
    for one in pairs.chain(expressions) {
        match one {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

fn holds<'a>(expression: &Value, label: &dyn Fn(&str) -> Label<'a>) -> Option<bool> {
    let text = |field: &str| expression.get(field).and_then(Value::as_str);
    let found = match label(text("key")?) {
        Label::Is(found) => Some(found),
        Label::Absent => None,
        Label::Unknown => return None,
    };
    let values = expression.get("values").map(Value::items).unwrap_or_default();
    let is_listed = found.is_some_and(|found| values.iter().any(|value| value.as_str() == Some(found)));
    match text("operator")? {
        "In" => Some(is_listed),
        "NotIn" => Some(!is_listed),
        "Exists" => Some(found.is_some()),
        "DoesNotExist" => Some(found.is_none()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decide(selector: serde_json::Value) -> Option<bool> {
        let label = |key: &str| match key {
            "app" => Label::Is("web"),
            "team" => Label::Unknown,
            _ => Label::Absent,
        };
        matches(Some(&Value::from(selector)), &label)
    }

    #[test]
    fn a_selector_is_decided_by_what_is_known() {
        assert_eq!(matches(None, &|_| Label::Unknown), Some(true));
        assert_eq!(decide(json!({})), Some(true));
        assert_eq!(decide(json!({"matchLabels": {"app": "web"}})), Some(true));
        assert_eq!(decide(json!({"matchLabels": {"app": "db"}})), Some(false));
        assert_eq!(decide(json!({"matchLabels": {"tier": "x"}})), Some(false));
        assert_eq!(decide(json!({"matchLabels": {"team": "x"}})), None);
        assert_eq!(decide(json!({"matchLabels": {"app": "db", "team": "x"}})), Some(false));
    }

    #[test]
    fn expressions_are_read_as_kubernetes_reads_them() {
        let decide = |key: &str, operator: &str, values: serde_json::Value| {
            decide(json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}))
        };
        assert_eq!(decide("app", "In", json!(["web", "db"])), Some(true));
        assert_eq!(decide("app", "NotIn", json!(["web"])), Some(false));
        assert_eq!(decide("tier", "In", json!(["x"])), Some(false));
        assert_eq!(decide("tier", "NotIn", json!(["x"])), Some(true));
        assert_eq!(decide("app", "Exists", json!(null)), Some(true));
        assert_eq!(decide("app", "DoesNotExist", json!([])), Some(false));
        assert_eq!(decide("team", "DoesNotExist", json!([])), None);
        assert_eq!(decide("app", "Near", json!([])), None);
    }
}
