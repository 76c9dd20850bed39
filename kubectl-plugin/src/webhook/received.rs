//! What came of a webhook: events, and to whom whoever sent them may speak.
//!
//! | the provider has a secret | the event carries | it reaches |
//! |---|---|---|
//! | no | anything | applications without secrets of their own |
//! | no | the secret of an application | that one, too |
//! | yes | that | all applications |
//! | yes | the secret of an application | that one alone |
//! | yes | neither | nobody: it is refused |

use std::collections::BTreeSet;

use super::event::Event;
use super::provider::Provider;
use crate::application::AppId;

/// What came of a webhook that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Who sent it.
    pub provider: Provider,
    /// What it says; nothing where it is of a kind that says nothing.
    pub events: Vec<Event>,
    /// To whom it may speak.
    pub trust: Trust,
}

/// To whom the sender of an event may speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    pub(super) is_open: bool,
    pub(super) is_of_provider: bool,
    pub(super) own: BTreeSet<AppId>,
}

impl Trust {
    /// What anybody may send.
    #[must_use]
    pub fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Whether it carries the secret of the provider.
    #[must_use]
    pub fn is_of_provider(&self) -> bool {
        self.is_of_provider
    }

    /// The applications whose own secret it carries.
    pub fn authenticated(&self) -> impl Iterator<Item = &AppId> {
        self.own.iter()
    }

    /// Whether it speaks to an application, which may have secrets of its own.
    pub(super) fn reaches(&self, application: &AppId, has_secrets: bool) -> bool {
        self.is_of_provider || self.is_open && !has_secrets || self.own.contains(application)
    }

    /// Takes in what another sender of the same event may.
    pub(super) fn join(&mut self, other: Self) {
        self.is_open |= other.is_open;
        self.is_of_provider |= other.is_of_provider;
        self.own.extend(other.own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_reached() {
        let shop = AppId::new("argocd", "shop");
        let own = Trust { own: [shop.clone()].into(), ..Trust::default() };
        let provider = Trust { is_of_provider: true, ..Trust::default() };
        let cart = AppId::new("argocd", "cart");
        for (trust, application, has_secrets, is_reached) in [
            (&Trust::open(), &shop, false, true),
            (&Trust::open(), &shop, true, false),
            (&own, &shop, true, true),
            (&own, &cart, true, false),
            (&own, &cart, false, false),
            (&provider, &cart, true, true),
            (&provider, &cart, false, true),
        ] {
            assert_eq!(trust.reaches(application, has_secrets), is_reached, "{trust:?} {application} {has_secrets}");
        }
        let mut both = own;
        both.join(Trust::open());
        assert!(both.reaches(&shop, true) && both.reaches(&cart, false) && !both.reaches(&cart, true));
    }
}
