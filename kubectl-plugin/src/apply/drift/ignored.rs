//! Differences that do not count: `spec.ignoreDifferences` of an Application.
//!
//! In: the rules; an object as it was applied and as it is. Out: [`IgnoredFields`]: what of it does not count, on both sides.
//! Expressions of jq are evaluated in the sandbox (`jq`); what has none asks nobody.

use std::sync::Arc;

use gitops_compiler::app::IgnoreDifference;
use gitops_compiler::canon::Value;
use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;

use super::jq::Jq;
use super::place::{self, Place};

/// Rules of one application. Clones share what evaluates jq.
#[derive(Debug, Clone, Default)]
pub struct Ignored {
    rules: Vec<IgnoreDifference>,
    jq: Option<Arc<Jq>>,
}

/// What of one object does not count.
#[derive(Debug, Clone, Default)]
pub struct IgnoredFields {
    wanted: Vec<Place>,
    live: Vec<Place>,
    managers: Vec<String>,
}

impl Ignored {
    /// These rules.
    #[must_use]
    pub fn new(rules: Vec<IgnoreDifference>) -> Self {
        let has_jq = rules.iter().any(|rule| !rule.jq_path_expressions.is_empty());
        Self { rules, jq: has_jq.then(|| Arc::new(Jq::new())) }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[IgnoreDifference] {
        &self.rules
    }

    /// What is wrong with its expressions, one line each.
    pub async fn check(&self) -> Vec<String> {
        let Some(jq) = self.jq.clone() else { return Vec::new() };
        let rules = self.rules.clone();
        let check = move || {
            let expressions = rules.iter().enumerate().flat_map(|(index, rule)| {
                rule.jq_path_expressions.iter().enumerate().map(move |(at, text)| (index, at, text))
            });
            let wrong = expressions.filter_map(|(index, at, text)| {
                let why = jq.check(text).err()?;
                Some(format!("spec.ignoreDifferences[{index}].jqPathExpressions[{at}] `{text}`: {why}"))
            });
            wrong.collect()
        };
        // Only a panic ends it in another way.
        tokio::task::spawn_blocking(check).await.unwrap_or_default()
    }

    /// Whether any rule is about fields of an object.
    #[must_use]
    pub fn has_fields(&self, key: &ResourceKey) -> bool {
        self.of(key).any(|rule| !rule.json_pointers.is_empty() || !rule.jq_path_expressions.is_empty())
    }

    /// Whether what a manager writes does not count.
    #[must_use]
    pub fn is_manager(&self, key: &ResourceKey, manager: &str) -> bool {
        self.of(key).any(|rule| rule.managed_fields_managers.iter().any(|name| name == manager))
    }

    /// What of an object does not count.
    pub async fn fields(&self, key: &ResourceKey, wanted: &Value, live: &Json) -> IgnoredFields {
        let managers = self.of(key).flat_map(|rule| rule.managed_fields_managers.clone()).collect();
        if !self.has_fields(key) {
            return IgnoredFields { managers, ..IgnoredFields::default() };
        }
        let wanted = Json::from(wanted);
        let pointed = self.pointed_at(key, &wanted, live);
        let named = self.named(key, wanted, live).await;
        let [wanted, live] = [0, 1].map(|side| {
            let places = |both: &[Vec<Place>; 2]| both[side].clone();
            [places(&pointed), places(&named)].concat()
        });
        IgnoredFields { wanted, live, managers }
    }

    /// Gives a body what the live object has where that is ignored: what is not compared is not changed, either
    /// (`RespectIgnoreDifferences`).
    pub async fn keep_live(&self, key: &ResourceKey, body: &mut Json, live: &Json) {
        let [ours, theirs] = self.pointed_at(key, body, live);
        let mut taken = keep(body, &ours, live, &theirs, |_, place| place.clone());
        let [ours, theirs] = self.named(key, body.clone(), live).await;
        taken.extend(keep(body, &ours, live, &theirs, |document, place| place::spelled(document, place)));
        place::take_out(body, &taken);
    }

    fn of(&self, key: &ResourceKey) -> impl Iterator<Item = &IgnoreDifference> {
        self.rules.iter().filter(move |rule| rule.is_about(key))
    }

    /// What JSON pointers name, on both sides.
    fn pointed_at(&self, key: &ResourceKey, wanted: &Json, live: &Json) -> [Vec<Place>; 2] {
        let pointers: Vec<&String> = self.of(key).flat_map(|rule| &rule.json_pointers).collect();
        [wanted, live].map(|side| pointers.iter().filter_map(|pointer| place::pointed_at(side, pointer)).collect())
    }

    /// What expressions of jq name, on both sides.
    async fn named(&self, key: &ResourceKey, wanted: Json, live: &Json) -> [Vec<Place>; 2] {
        let expressions: Vec<String> = self.of(key).flat_map(|rule| rule.jq_path_expressions.clone()).collect();
        let Some(jq) = self.jq.clone().filter(|_| !expressions.is_empty()) else { return Default::default() };
        let live = live.clone();
        let ask =
            move || [wanted, live].map(|side| expressions.iter().flat_map(|text| jq.places(text, &side)).collect());
        tokio::task::spawn_blocking(ask).await.unwrap_or_default()
    }
}

impl IgnoredFields {
    /// Takes what is ignored out of both sides.
    pub fn take_out(&self, wanted: &mut Value, live: &mut Value) {
        place::take_out_of_body(wanted, &self.wanted);
        place::take_out_of_body(live, &self.live);
    }

    /// Whether what a manager writes does not count.
    #[must_use]
    pub fn is_manager(&self, manager: &str) -> bool {
        self.managers.iter().any(|name| name == manager)
    }
}

/// Copies what has the same name on both sides, and gives what only ours has.
fn keep<N: PartialEq>(
    body: &mut Json,
    ours: &[Place],
    live: &Json,
    theirs: &[Place],
    name: impl Fn(&Json, &Place) -> N,
) -> Vec<Place> {
    let theirs: Vec<(N, &Place)> = theirs.iter().map(|place| (name(live, place), place)).collect();
    let names: Vec<N> = ours.iter().map(|place| name(body, place)).collect();
    let mut without = Vec::new();
    for (place, name) in ours.iter().zip(&names) {
        let other = theirs.iter().find(|(their_name, _)| their_name == name);
        match (other.and_then(|(_, other)| place::at(live, other)), place::at_mut(body, place)) {
            (Some(value), Some(field)) => field.clone_from(value),
            _ => without.push(place.clone()),
        }
    }
    without
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

    #[tokio::test]
    async fn rules_are_about_their_objects_and_fields() {
        let cart = ResourceKey::new("apps", "Deployment", "shop", "cart");
        let other = ResourceKey::new("apps", "Deployment", "shop", "other");
        let left = async |key: &ResourceKey| {
            let body = json!({"spec": {"replicas": 3, "paused": true}, "metadata": {"annotations": {"a.b/c": "1"}}});
            let (mut wanted, mut live): (Value, Value) = (body.clone().into(), body.clone().into());
            let fields = ignored().fields(key, &wanted, &body).await;
            assert!(fields.is_manager("rollouts") && !fields.is_manager("kubectl"));
            fields.take_out(&mut wanted, &mut live);
            assert_eq!(wanted, live);
            Json::from(&wanted)
        };
        assert_eq!(left(&cart).await, json!({"spec": {"paused": true}, "metadata": {"annotations": {}}}));
        assert_eq!(left(&other).await["spec"]["replicas"], 3);
        assert!(ignored().is_manager(&other, "rollouts") && !ignored().is_manager(&other, "kubectl"));
    }

    #[tokio::test]
    async fn what_is_ignored_keeps_its_live_value() {
        let cart = ResourceKey::new("apps", "Deployment", "shop", "cart");
        let mut body = json!({"spec": {"replicas": 3}, "metadata": {"annotations": {"a.b/c": "1"}}});
        ignored().keep_live(&cart, &mut body, &json!({"spec": {"replicas": 7}})).await;
        assert_eq!(body, json!({"spec": {"replicas": 7}, "metadata": {"annotations": {}}}));
    }

    #[test]
    fn items_are_the_same_where_their_names_are() {
        let live = json!({"c": [{"name": "injected", "i": "0"}, {"name": "web", "i": "live"}]});
        let mut body = json!({"c": [{"name": "web", "i": "ours"}, {"name": "new", "i": "ours"}]});
        let images = |document: &Json| {
            ["/c/0/i", "/c/1/i"].iter().filter_map(|pointer| place::pointed_at(document, pointer)).collect::<Vec<_>>()
        };
        let (ours, theirs) = (images(&body), images(&live));
        let without = keep(&mut body, &ours, &live, &theirs, |document, place| place::spelled(document, place));
        place::take_out(&mut body, &without);
        assert_eq!(body, json!({"c": [{"name": "web", "i": "live"}, {"name": "new"}]}));
    }
}
