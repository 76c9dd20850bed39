//! Why something could not be fetched.
//!
//! In: what was asked for, what went wrong. Out: a [`FetchError`]: one message, a kind for whoever decides, a hint.
//!
//! # Guarantees
//!
//! No message holds a password, a token, the userinfo or the query of an address: what is shown of an address comes from
//! [`shown`](super::address::shown) alone, and what a server wrote is never shown whole.

use std::error::Error as _;

use super::access::Refused;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// We may not ask.
    Refused,
    /// The server wants other credentials.
    Unauthorized,
    /// It is not there.
    NotFound,
    /// The server could not be reached, or did not answer in time, or not with success.
    Unreachable,
    /// There is more of it than we take.
    TooLarge,
    /// What came is not what it should be.
    Wrong,
}

/// A part of what was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// The address, or all of it.
    #[default]
    Address,
    /// The name of a chart.
    Name,
    /// The version or the revision.
    Version,
}

/// What could not be fetched, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot fetch {asked}: {why}")]
pub struct FetchError {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What of the question is wrong.
    pub part: Part,
    /// What was asked for, as it may be shown.
    pub asked: String,
    /// What went wrong, as it may be shown.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl FetchError {
    pub(super) fn new(kind: FailureKind, asked: impl Into<String>, why: impl Into<String>) -> Self {
        Self { kind, part: Part::Address, asked: asked.into(), why: why.into(), hint: None }
    }

    pub(super) fn part(self, part: Part) -> Self {
        Self { part, ..self }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With this hint where there is none that is better.
    pub(super) fn or_hint(self, hint: &str) -> Self {
        Self { hint: self.hint.or_else(|| Some(hint.to_owned())), ..self }
    }

    /// The server said something that is not so.
    #[must_use]
    pub fn wrong(asked: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(FailureKind::Wrong, asked, why)
    }

    /// It is not there.
    pub(super) fn not_found(asked: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, asked, why)
    }

    /// We may not ask.
    pub(super) fn refused(refused: &Refused) -> Self {
        let error = Self::new(FailureKind::Refused, &refused.address, &refused.why);
        Self { hint: refused.hint.clone(), ..error }
    }
}

/// What a library says, with its causes, in one line and without the address, which may hold a password.
pub(super) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text.lines().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_and_why() {
        let error = FetchError::not_found("https://charts.example.com/index.yaml", "the server has no such file");
        assert_eq!(
            error.to_string(),
            "cannot fetch https://charts.example.com/index.yaml: the server has no such file"
        );
    }
}
