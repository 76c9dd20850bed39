//! What webhooks are judged by: the secrets of providers and the applications, shared between the server and the controller.
//!
//! In: what the controller sees of Secrets and Applications, as it changes. Out: the same to any number of requests at once.
//! Locks are held for looking up only, never while a body is read or a signature computed.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::application::AppId;

use super::address::Address;
use super::event::{Event, Source};
use super::index::{Entry, Index};
use super::received::Trust;
use super::secret::Secret;
use super::secrets::Secrets;

/// Secrets and applications.
#[derive(Debug, Default)]
pub struct Known {
    secrets: RwLock<Arc<Secrets>>,
    index: RwLock<Index>,
}

impl Known {
    /// Puts other secrets in the place of those of providers.
    pub fn set_secrets(&self, secrets: Secrets) {
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(secrets);
    }

    /// Puts an application in, or in the place of what it was.
    pub fn set(&self, application: AppId, entry: Entry) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).set(application, entry);
    }

    /// Says which sources the files of an application name.
    pub fn set_implied(&self, application: &AppId, implied: Vec<Source>) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).set_implied(application, implied);
    }

    /// Takes an application out.
    pub fn remove(&self, application: &AppId) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).remove(application);
    }

    /// The applications that an event concerns, and that whoever sent it may speak to.
    #[must_use]
    pub fn concerned(&self, event: &Event, trust: &Trust) -> BTreeSet<AppId> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).concerned(event, trust)
    }

    /// Whether there is any. Events that concern nobody need not be kept: whatever comes to be looks at Git anyway.
    #[must_use]
    pub fn concerns_anyone(&self, event: &Event, trust: &Trust) -> bool {
        self.index.read().unwrap_or_else(PoisonError::into_inner).concerns_anyone(event, trust)
    }

    pub(super) fn secrets(&self) -> Arc<Secrets> {
        Arc::clone(&self.secrets.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn has_own_secrets(&self) -> bool {
        self.index.read().unwrap_or_else(PoisonError::into_inner).has_secrets()
    }

    pub(super) fn own_secrets(&self, addresses: &BTreeSet<Address>) -> Vec<(Secret, BTreeSet<AppId>)> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).secrets_at(addresses)
    }
}
