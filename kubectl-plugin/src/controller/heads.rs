//! Which version of its record each Application has.
//!
//! In: what a watch of heads tells. Out: versions, so that a record is read again where somebody else has written it, and
//! only there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::application::AppId;
use crate::cluster::{Followed, ObjectMeta, PartialObject};
use crate::record::persist::application_of_head;

/// Versions of all heads.
#[derive(Debug, Default)]
pub struct Heads(Mutex<BTreeMap<AppId, u64>>);

impl Heads {
    /// Takes what a watch tells. Gives the Applications whose records are others now.
    pub fn take(&self, event: Followed<PartialObject>) -> Vec<AppId> {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut put = |metadata: &ObjectMeta, is_gone: bool| {
            let name = application_of_head(&metadata.name)?.to_owned();
            let id = AppId { namespace: metadata.namespace.clone(), name };
            // One that is gone has a version, too: that in which it went.
            let version = metadata.resource_version.parse().unwrap_or(0);
            let before = versions.insert(id.clone(), version + u64::from(is_gone));
            (before != Some(version)).then_some(id)
        };
        match event {
            Followed::Listed(heads) => heads.iter().filter_map(|head| put(&head.metadata, false)).collect(),
            Followed::Present(head) => put(&head.metadata, false).into_iter().collect(),
            Followed::Gone(head) => put(&head.metadata, true).into_iter().collect(),
        }
    }

    /// The version that a record has, as far as it was told.
    #[must_use]
    pub fn version(&self, id: &AppId) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }
}
