//! What comes of holding a value against a condition. Where we cannot be sure to say what the server says, we say nothing.

use crate::canon::Value;

use super::fault::Step;

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict<'v> {
    Holds,
    /// Only the server knows.
    Unknown,
    Fails(Objection<'v>),
}

/// Why it does not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Objection<'v> {
    /// From the value that the condition is about to the one that is wrong.
    pub(super) path: Vec<Step<'v>>,
    /// The one that is wrong.
    pub(super) value: &'v Value,
    /// What it should be: `expected at least 1`.
    pub(super) words: String,
}

impl<'v> Verdict<'v> {
    /// Fails for the value itself.
    pub(super) fn fails(value: &'v Value, words: impl Into<String>) -> Self {
        Self::Fails(Objection { path: Vec::new(), value, words: words.into() })
    }

    /// Holds, or fails with these words.
    pub(super) fn of(objection: Option<String>, value: &'v Value) -> Self {
        objection.map_or(Self::Holds, |words| Self::fails(value, words))
    }

    /// Of a value inside another: the step to it comes before what is wrong in it.
    pub(super) fn inside(self, step: Step<'v>) -> Self {
        match self {
            Self::Fails(mut objection) => {
                objection.path.insert(0, step);
                Self::Fails(objection)
            }
            other => other,
        }
    }

    /// Both must hold. Makes the second only where the first does not fail.
    pub(super) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Holds => other(),
            Self::Fails(_) => self,
            Self::Unknown => match other() {
                Self::Fails(objection) => Self::Fails(objection),
                _ => Self::Unknown,
            },
        }
    }
}
