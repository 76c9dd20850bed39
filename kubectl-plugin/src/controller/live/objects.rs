//! What is known of the objects of one kind. Pure.
//!
//! In: objects as they are seen. Out: those of an ApplySet; the ApplySets to which a change is news.

use std::collections::BTreeMap;

use gitops_compiler::name::ResourceKey;

use super::LiveObject;

/// By ApplySet and key, and the ApplySet of each key.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) by_set: BTreeMap<String, BTreeMap<ResourceKey, LiveObject>>,
    pub(super) sets: BTreeMap<ResourceKey, String>,
}

impl Objects {
    /// Puts an object, or takes it away. Gives the ApplySets to which that is news.
    pub(super) fn put(&mut self, key: ResourceKey, object: Option<LiveObject>) -> Vec<String> {
        let before = self.sets.get(&key).cloned();
        let after = object.as_ref().and_then(|object| object.sighting.part_of.clone());
        let known = before.as_ref().and_then(|set| self.by_set.get(set)?.get(&key));
        if before == after && known.is_some_and(|known| Some(known) == object.as_ref()) {
            return Vec::new();
        }
        if let Some(set) = &before {
            let emptied = self.by_set.get_mut(set).is_some_and(|objects| {
                objects.remove(&key);
                objects.is_empty()
            });
            if emptied {
                self.by_set.remove(set);
            }
            self.sets.remove(&key);
        }
        if let (Some(set), Some(object)) = (&after, object) {
            self.sets.insert(key.clone(), set.clone());
            self.by_set.entry(set.clone()).or_default().insert(key, object);
        }
        let mut news: Vec<String> = before.into_iter().chain(after).collect();
        news.dedup();
        news
    }
}

#[cfg(test)]
mod tests {
    use crate::apply::observe::Sighting;
    use crate::cluster::{ObjectMeta, PART_OF};

    use super::*;

    fn object(set: &str, version: &str) -> LiveObject {
        let metadata = ObjectMeta {
            uid: "u".to_owned(),
            resource_version: version.to_owned(),
            labels: BTreeMap::from([(PART_OF.to_owned(), set.to_owned())]),
            ..ObjectMeta::default()
        };
        LiveObject { sighting: Sighting::of(&metadata), health: None, is_ignored: false }
    }

    #[test]
    fn both_hear_of_an_object_that_changes_hands_and_nobody_of_one_that_does_not_change() {
        let (mut objects, key) = (Objects::default(), ResourceKey::new("", "ConfigMap", "a", "b"));
        assert_eq!(objects.put(key.clone(), Some(object("one", "1"))), ["one"]);
        assert!(objects.put(key.clone(), Some(object("one", "1"))).is_empty());
        assert_eq!(objects.put(key.clone(), Some(object("one", "2"))), ["one"]);
        assert_eq!(objects.put(key.clone(), Some(object("two", "3"))), ["one", "two"]);
        assert!(!objects.by_set.contains_key("one"));
        assert_eq!(objects.put(key.clone(), None), ["two"]);
        assert!(objects.put(key, None).is_empty() && objects.by_set.is_empty() && objects.sets.is_empty());
    }
}
