//! Which version each record of a cluster has.
//!
//! A record is named by its namespace and its application, written as [`AppId`]: in the cluster that the controller runs in that
//! is the Application.
//!
//! In: what a watch of heads tells. Out: versions, so that a record is read again where somebody else has written it, and
//! only there. One that is gone is kept in mind as such for as long as there is an Application that must hear of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::application::AppId;
use crate::cluster::{Followed, PartialObject};
use crate::record::persist::application_of_head;

/// Versions of all heads.
#[derive(Debug, Default)]
pub struct RecordVersions(Mutex<BTreeMap<AppId, Head>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// Its version.
    There(u64),
    Gone,
}

impl RecordVersions {
    /// Takes what a watch tells. Gives the Applications whose records are others now.
    pub fn take(&self, event: Followed<PartialObject>) -> Vec<AppId> {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Followed::Listed(listed) => {
                let listed: BTreeMap<AppId, Head> = listed.iter().filter_map(read).collect();
                let known: BTreeSet<AppId> = versions.keys().cloned().collect();
                let gone = known.into_iter().filter(|id| !listed.contains_key(id)).map(|id| (id, Head::Gone));
                let all: Vec<(AppId, Head)> = gone.chain(listed.clone()).collect();
                all.into_iter().filter_map(|(id, head)| put(&mut versions, id, head)).collect()
            }
            Followed::Present(head) => {
                read(&head).and_then(|(id, head)| put(&mut versions, id, head)).into_iter().collect()
            }
            Followed::Gone(head) => {
                read(&head).and_then(|(id, _)| put(&mut versions, id, Head::Gone)).into_iter().collect()
            }
        }
    }

    /// Forgets a record that is gone, of an Application that is not there. One that is there stays known: its Application may
    /// come.
    pub fn forget_gone(&self, id: &AppId) {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if versions.get(id) == Some(&Head::Gone) {
            versions.remove(id);
        }
    }

    /// The version that a record has, as far as it was told. What is gone is newer than whatever was read of it.
    #[must_use]
    pub fn version(&self, id: &AppId) -> Option<u64> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id)? {
            Head::There(version) => Some(*version),
            Head::Gone => Some(u64::MAX),
        }
    }
}

fn read(head: &PartialObject) -> Option<(AppId, Head)> {
    let name = application_of_head(&head.metadata.name)?.to_owned();
    let version = head.metadata.resource_version.parse().unwrap_or(0);
    Some((AppId { namespace: head.metadata.namespace.clone(), name }, Head::There(version)))
}

/// Gives whose record is another now.
fn put(versions: &mut BTreeMap<AppId, Head>, id: AppId, head: Head) -> Option<AppId> {
    let before = versions.insert(id.clone(), head);
    (before != Some(head)).then_some(id)
}

#[cfg(test)]
mod tests {
    use crate::cluster::ObjectMeta;

    use super::*;

    fn head(name: &str, version: &str) -> PartialObject {
        let (name, resource_version) = (format!("kubectl-gitops.{name}"), version.to_owned());
        let metadata = ObjectMeta { name, namespace: "argocd".to_owned(), resource_version, ..ObjectMeta::default() };
        PartialObject { metadata }
    }

    fn id(name: &str) -> AppId {
        AppId { namespace: "argocd".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn what_is_no_longer_listed_is_gone() {
        let versions = RecordVersions::default();
        let list =
            |of: &[(&str, &str)]| Followed::Listed(of.iter().map(|(name, version)| head(name, version)).collect());
        assert_eq!(versions.take(list(&[("a", "1"), ("b", "2")])), [id("a"), id("b")]);
        assert_eq!(versions.take(list(&[("b", "2"), ("c", "3")])), [id("a"), id("c")], "b is as it was");
        assert_eq!(versions.version(&id("a")), Some(u64::MAX), "whatever was read of it is old");
        assert_eq!(versions.take(list(&[("b", "2"), ("c", "3")])), [], "it is told once");
        assert_eq!(versions.take(Followed::Present(head("a", "4"))), [id("a")]);
        assert_eq!(versions.version(&id("a")), Some(4), "it is there again");
    }

    #[test]
    fn what_is_gone_is_forgotten_and_nothing_else() {
        let versions = RecordVersions::default();
        for name in ["a", "b"] {
            assert_eq!(versions.take(Followed::Present(head(name, "1"))), [id(name)]);
        }
        assert_eq!(versions.take(Followed::Gone(head("a", "2"))), [id("a")]);
        for name in ["a", "b", "c"] {
            versions.forget_gone(&id(name));
        }
        assert_eq!(["a", "b", "c"].map(|name| versions.version(&id(name))), [None, Some(1), None]);
        let other = PartialObject { metadata: ObjectMeta { name: "token".to_owned(), ..ObjectMeta::default() } };
        assert_eq!(versions.take(Followed::Present(other)), [], "no head at all");
    }
}
