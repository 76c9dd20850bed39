//! Why a webhook is not taken, and with which status that is answered.
//!
//! The statuses are Argo CD's: 400 for nearly everything, 401 for packages of GitHub. What is said names the provider and what
//! to do; it has nothing of the payload or its headers in it, since anybody can send those, and since the body may be a secret.

use super::provider::Provider;

/// A body that is not what its provider sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not the JSON that it should be, see line {line}, column {column}")]
pub struct Malformed {
    /// From 1; 0 where there is none.
    pub line: usize,
    /// From 1; 0 where there is none.
    pub column: usize,
}

/// Why a webhook is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No header of a provider.
    #[error("Unknown webhook event: no header says which provider sent this")]
    Unknown,
    /// A provider, but not one of its events that can be used.
    #[error("this event of {} is none that is used: choose {}", .0.title(), .0.events())]
    Event(Provider),
    /// A header that is longer than any provider's.
    #[error("the header {0} is too long")]
    Header(&'static str),
    /// The signature, token or password is missing or wrong.
    #[error("the webhook of {} was not sent with the right secret: enter the same one there and in {}", .0.title(), .0.keys())]
    Unverified(Provider),
    /// The body is not what it should be.
    #[error("the body of this event of {} cannot be read: {}", .0.title(), .1)]
    Malformed(Provider, Malformed),
    /// GitHub was told to send forms.
    #[error("GitHub sent a form: choose the content type application/json for this webhook")]
    Form,
    /// There is a secret, but it cannot be read; nothing is taken then.
    #[error("the secret for webhooks of {} cannot be read from {}", .0.title(), .0.keys())]
    NoSecret(Provider),
}

impl Refused {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unverified(Provider::Ghcr) => 401,
            Self::NoSecret(_) => 503,
            _ => 400,
        }
    }

    /// Who seems to have sent it.
    #[must_use]
    pub fn provider(&self) -> Option<Provider> {
        match self {
            Self::Event(provider)
            | Self::Unverified(provider)
            | Self::Malformed(provider, _)
            | Self::NoSecret(provider) => Some(*provider),
            Self::Form => Some(Provider::GitHub),
            Self::Unknown | Self::Header(_) => None,
        }
    }
}
