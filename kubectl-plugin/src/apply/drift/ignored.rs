//! Differences that do not count: `spec.ignoreDifferences` of an Application.
//!
//! In: the rules, keys, bodies. Out: bodies without the fields that are ignored, on both sides. Pure.

use gitops_compiler::app::IgnoreDifference;
use gitops_compiler::canon::Value;
use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;

/// Rules of one application.
#[derive(Debug, Clone, Default)]
pub struct Ignored {
    rules: Vec<IgnoreDifference>,
}

impl Ignored {
    /// These rules.
    #[must_use]
    pub fn new(rules: Vec<IgnoreDifference>) -> Self {
        Self { rules }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[IgnoreDifference] {
        &self.rules
    }

    /// Whether any rule is about fields of an object.
    #[must_use]
    pub fn has_pointers(&self, key: &ResourceKey) -> bool {
        self.of(key).any(|rule| !rule.json_pointers.is_empty())
    }

    /// Whether what a manager writes does not count.
    #[must_use]
    pub fn is_manager(&self, key: &ResourceKey, manager: &str) -> bool {
        self.of(key).any(|rule| rule.managed_fields_managers.iter().any(|name| name == manager))
    }

    /// Takes what is ignored out of both sides.
    pub fn take_out(&self, key: &ResourceKey, wanted: &mut Value, live: &mut Value) {
        for pointer in self.pointers(key) {
            take(wanted, &pointer);
            take(live, &pointer);
        }
    }

    /// Gives a body what the live object has where that is ignored: what is not compared is not changed, either
    /// (`RespectIgnoreDifferences`).
    pub fn keep_live(&self, key: &ResourceKey, body: &mut Json, live: &Json) {
        for rule in self.of(key) {
            for pointer in &rule.json_pointers {
                match (body.pointer_mut(pointer), live.pointer(pointer)) {
                    (Some(ours), Some(theirs)) => ours.clone_from(theirs),
                    (Some(_), None) => remove(body, pointer),
                    (None, _) => {}
                }
            }
        }
    }

    fn of(&self, key: &ResourceKey) -> impl Iterator<Item = &IgnoreDifference> {
        self.rules.iter().filter(move |rule| rule.is_about(key))
    }

    fn pointers(&self, key: &ResourceKey) -> Vec<Vec<String>> {
        let all = self.of(key).flat_map(|rule| &rule.json_pointers);
        all.map(|pointer| parts(pointer)).collect()
    }
}

/// The parts of a JSON pointer (RFC 6901).
fn parts(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

fn take(value: &mut Value, parts: &[String]) {
    let Some((first, rest)) = parts.split_first() else { return };
    match value {
        Value::Map(fields) if rest.is_empty() => {
            fields.remove(first);
        }
        Value::Map(fields) => {
            if let Some(below) = fields.get_mut(first) {
                take(below, rest);
            }
        }
        Value::Array(items) => {
            let item = first.parse::<usize>().ok().and_then(|index| items.get_mut(index));
            match item {
                // Places of other items stay what they are.
                Some(item) if rest.is_empty() => *item = Value::Null,
                Some(item) => take(item, rest),
                None => {}
            }
        }
        _ => {}
    }
}

fn remove(body: &mut Json, pointer: &str) {
    let Some((above, _)) = pointer.rsplit_once('/') else { return };
    let parts = parts(pointer);
    if let (Some(Json::Object(fields)), Some(last)) = (body.pointer_mut(above), parts.last()) {
        fields.remove(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ignored() -> Ignored {
        let rule = |json: Json| serde_json::from_value(json).expect("a rule");
        Ignored::new(vec![
            rule(json!({"group": "apps", "kind": "Deployment", "name": "cart", "jsonPointers": ["/spec/replicas"]})),
            rule(json!({"group": "*", "kind": "*", "jsonPointers": ["/metadata/annotations/a.b~1c"],
                "managedFieldsManagers": ["rollouts"]})),
        ])
    }

    #[test]
    fn rules_are_about_their_objects_and_fields() {
        let cart = ResourceKey::new("apps", "Deployment", "shop", "cart");
        let other = ResourceKey::new("apps", "Deployment", "shop", "other");
        let left = |key: &ResourceKey| {
            let body = json!({"spec": {"replicas": 3, "paused": true}, "metadata": {"annotations": {"a.b/c": "1"}}});
            let (mut wanted, mut live): (Value, Value) = (body.clone().into(), body.into());
            ignored().take_out(key, &mut wanted, &mut live);
            assert_eq!(wanted, live);
            Json::from(&wanted)
        };
        assert_eq!(left(&cart), json!({"spec": {"paused": true}, "metadata": {"annotations": {}}}));
        assert_eq!(left(&other)["spec"]["replicas"], 3);
        assert!(ignored().is_manager(&other, "rollouts") && !ignored().is_manager(&other, "kubectl"));
    }

    #[test]
    fn what_is_ignored_keeps_its_live_value() {
        let cart = ResourceKey::new("apps", "Deployment", "shop", "cart");
        let mut body = json!({"spec": {"replicas": 3}, "metadata": {"annotations": {"a.b/c": "1"}}});
        ignored().keep_live(&cart, &mut body, &json!({"spec": {"replicas": 7}}));
        assert_eq!(body, json!({"spec": {"replicas": 7}, "metadata": {"annotations": {}}}));
    }
}
