//! What a compilation has to say about its input: errors and lints, each with its place.
//!
//! In: findings of every stage. Out: [`Diagnostic`]s, collected and shown together, sorted by place.

use std::fmt;

/// A place in a file of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
pub struct Origin {
    /// Path from the root of the repository.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1; 0 where only the line is known.
    pub column: usize,
}

impl Origin {
    /// A file as a whole.
    #[must_use]
    pub fn of_file(path: impl Into<String>) -> Self {
        Self { path: path.into(), line: 0, column: 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => formatter.write_str(&self.path),
            (line, 0) => write!(formatter, "{}:{line}", self.path),
            (line, column) => write!(formatter, "{}:{line}:{column}", self.path),
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is compiled.
    Error,
    /// Compiled; a person should know.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
pub struct Diagnostic {
    /// Where.
    #[serde(flatten)]
    pub origin: Origin,
    /// How bad.
    pub level: Level,
    /// The name of the lint; absent for errors that are not lints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What is wrong, in one clause, and what to do.
    pub message: String,
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(origin: Origin, message: impl Into<String>) -> Self {
        Self { origin, level: Level::Error, rule: None, message: message.into() }
    }

    /// A lint at a place.
    #[must_use]
    pub fn lint(origin: Origin, rule: &str, message: impl Into<String>) -> Self {
        Self { origin, level: Level::Warning, rule: Some(rule.to_owned()), message: message.into() }
    }
}

/// `deploy/cart.yaml:31:22: error: …`, `…: warning[lint]: …`, and `…: error[lint]: …` where the lint is denied.
impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, level, rule, message } = self;
        match (level, rule) {
            (Level::Error, Some(rule)) => write!(formatter, "{origin}: error[{rule}]: {message}"),
            (Level::Error, None) => write!(formatter, "{origin}: error: {message}"),
            (Level::Warning, Some(rule)) => write!(formatter, "{origin}: warning[{rule}]: {message}"),
            (Level::Warning, None) => write!(formatter, "{origin}: warning: {message}"),
        }
    }
}
