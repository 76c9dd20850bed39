//! Which Applications are applied to a cluster, and where their records are there. Pure.
//!
//! In: Applications, with the place of their records: a namespace and the application's name, written as [`AppId`]. Out: whom a
//! change concerns that the cluster tells of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::application::AppId;

/// The Applications of a cluster.
#[derive(Debug, Default)]
pub struct Users(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<AppId, AppId>,
    by_record: BTreeMap<AppId, BTreeSet<AppId>>,
    /// By ApplySet.
    by_set: BTreeMap<String, AppId>,
}

impl Users {
    /// Adds an Application, or says that its record is elsewhere now.
    pub fn put(&self, id: &AppId, record: AppId) {
        let mut state = self.state();
        if state.records.get(id) == Some(&record) {
            return;
        }
        state.remove(id);
        state.by_record.entry(record.clone()).or_default().insert(id.clone());
        state.records.insert(id.clone(), record);
    }

    /// Takes an Application away. Gives the ApplySets that it had, and whether it was the last one.
    pub fn remove(&self, id: &AppId) -> (Vec<String>, bool) {
        let mut state = self.state();
        let sets = state.remove(id);
        (sets, state.records.is_empty())
    }

    /// All of them.
    #[must_use]
    pub fn ids(&self) -> Vec<AppId> {
        self.state().records.keys().cloned().collect()
    }

    /// Those whose record is in this place.
    #[must_use]
    pub fn of_record(&self, record: &AppId) -> Vec<AppId> {
        self.state().by_record.get(record).into_iter().flatten().cloned().collect()
    }

    /// Says which ApplySet an Application has.
    pub fn note_set(&self, set: &str, id: &AppId) {
        let mut state = self.state();
        if state.records.contains_key(id) && state.by_set.get(set) != Some(id) {
            state.by_set.insert(set.to_owned(), id.clone());
        }
    }

    /// Which Application has an ApplySet.
    #[must_use]
    pub fn of_set(&self, set: &str) -> Option<AppId> {
        self.state().by_set.get(set).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the next begins.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, id: &AppId) -> Vec<String> {
        let Some(record) = self.records.remove(id) else { return Vec::new() };
        if let Some(ids) = self.by_record.get_mut(&record) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_record.remove(&record);
            }
        }
        self.by_set.extract_if(.., |_, of| of == id).map(|(set, _)| set).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(namespace: &str, name: &str) -> AppId {
        AppId { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn whom_a_record_and_a_set_concern_is_known_until_they_go() {
        let (users, one, other) = (Users::default(), id("a", "shop"), id("b", "shop"));
        users.note_set("s", &one);
        assert_eq!(users.of_set("s"), None, "it is not there yet");
        users.put(&one, id("records", "shop"));
        users.put(&other, id("records", "shop"));
        users.note_set("s", &one);
        assert_eq!(users.of_record(&id("records", "shop")), [one.clone(), other.clone()]);
        assert_eq!(users.of_set("s"), Some(one.clone()));
        users.put(&one, id("elsewhere", "shop"));
        assert_eq!(users.of_record(&id("records", "shop")), std::slice::from_ref(&other));
        assert_eq!(users.of_set("s"), None, "another record has another set");
        users.note_set("t", &other);
        assert_eq!(users.remove(&one), (Vec::new(), false));
        assert_eq!(users.remove(&other), (vec!["t".to_owned()], true));
        assert_eq!(users.remove(&other), (Vec::new(), true), "it is gone already");
        assert!(users.ids().is_empty());
    }
}
