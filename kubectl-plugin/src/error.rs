//! From what went wrong to what the user is told and to an exit code. Which codes there are only this module says. In a
//! controller an error ends nothing, and its code means nothing: its words go to a condition.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done, or no difference |
//! | 1 | differences: `diff`, `drift` and `snapshot check` where there are any; `plan` and `review` with `--exit-code`; `bundle verify --rebuild` where the sources give another graph |
//! | 2 | an error of the user or of the input |
//! | 3 | partly applied |
//! | 4 | refused by a guard or a conflict |
//! | 70 | a bug of ours |

use gitops_compiler::compile;
use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::render;
use gitops_compiler::sandbox::{self, Limit};

use crate::apply::{ApplyError, TargetError};
use crate::cluster::ConnectError;
use crate::record::{ChangeError, RecordError};

/// Why a command ended early.
#[derive(Debug)]
pub struct CommandError {
    /// The exit code.
    pub code: u8,
    /// One line.
    pub message: String,
    /// What there is to say of files.
    pub findings: Vec<Diagnostic>,
    /// More lines: causes, single errors.
    pub details: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl CommandError {
    /// An error of the user or of the input.
    #[must_use]
    pub fn user(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into(), findings: Vec::new(), details: Vec::new(), hint: None }
    }

    /// Arguments that are not understood, from clap's words: what is wrong, tips, and how the command is used.
    #[must_use]
    pub fn misuse(rendered: &str) -> Self {
        let mut lines = rendered.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or("the arguments are not understood");
        let first = first.strip_prefix("error: ").unwrap_or(first);
        let rest: Vec<String> = lines.map(str::to_owned).collect();
        let (usage, details): (Vec<String>, Vec<String>) =
            rest.into_iter().partition(|line| line.starts_with("Usage:"));
        let details = details.into_iter().filter(|line| !line.starts_with("For more information")).collect();
        let hint = usage.into_iter().next();
        Self { hint, ..Self::user(first).details(details) }
    }

    /// Refused by a guard or a conflict.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self { code: 4, ..Self::user(message) }
    }

    /// Partly applied.
    #[must_use]
    pub fn partial(message: impl Into<String>) -> Self {
        Self { code: 3, ..Self::user(message) }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With more lines.
    #[must_use]
    pub fn details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    /// With findings, told before the message.
    #[must_use]
    pub fn findings(self, findings: Vec<Diagnostic>) -> Self {
        Self { findings, ..self }
    }

    /// All there is to say, in one line: for where no more can be said.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let findings = self.findings.iter().filter(|finding| finding.level == Level::Error).map(ToString::to_string);
        let hint = self.hint.iter().map(|hint| format!("({hint})"));
        let parts =
            std::iter::once(self.message.clone()).chain(self.details.iter().cloned()).chain(findings).chain(hint);
        crate::health::printable(&parts.collect::<Vec<_>>().join("; "))
    }

    fn caused(error: &dyn std::error::Error) -> Self {
        let mut details = Vec::new();
        let mut current = error.source();
        while let Some(cause) = current {
            let text = cause.to_string();
            // Some libraries repeat their causes in their own words.
            if !details.last().is_some_and(|last: &String| last.ends_with(&text)) {
                details.push(text);
            }
            current = cause.source();
        }
        Self::user(error.to_string()).details(details)
    }
}

impl From<compile::Error> for CommandError {
    fn from(error: compile::Error) -> Self {
        let told = Self::caused(&error);
        match error {
            compile::Error::Manifests { findings, .. } => Self { findings, ..told },
            compile::Error::Render(error) => Self { hint: more_time(&error).map(str::to_owned), ..told },
        }
    }
}

/// What to do about a render that was cut off for lack of time.
fn more_time(error: &render::Error) -> Option<&'static str> {
    let render::Error::Run { source: sandbox::Error::Limit(limit), .. } = error else { return None };
    match limit {
        Limit::Time(_) | Limit::ProcessorTime(_) => Some("--render-timeout gives each render more time"),
        Limit::Together(_) => Some("--application-timeout gives the application more time"),
        _ => None,
    }
}

impl From<gitops_compiler::tree::Error> for CommandError {
    fn from(error: gitops_compiler::tree::Error) -> Self {
        Self::caused(&error)
    }
}

impl From<gitops_compiler::store::Error> for CommandError {
    fn from(error: gitops_compiler::store::Error) -> Self {
        Self::caused(&error)
    }
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        Self::caused(&error).hint("name a kubeconfig with --kubeconfig or KUBECONFIG, a context with --context")
    }
}

impl From<RecordError> for CommandError {
    fn from(error: RecordError) -> Self {
        let told = Self::caused(&error);
        match &error {
            RecordError::Moved => Self { code: 4, ..told },
            RecordError::NotRecorded { elsewhere, .. } if elsewhere.len() == 1 => {
                told.hint(format!("there is one in the namespace {0}: --record-namespace {0}", elsewhere[0]))
            }
            RecordError::NotRecorded { .. } => told.hint("name the namespace of its record with --record-namespace"),
            RecordError::OfAnother { .. } => told.hint(
                "give one of them another name, or let the records of that cluster live in another namespace: the annotation \
                 kubectl-gitops/record-namespace of its Secret",
            ),
            RecordError::Request { failure, .. } if failure.is_namespace_not_found() => {
                told.hint("the namespace of the record must exist: name another with --record-namespace")
            }
            RecordError::HeadTooLarge { .. } => told.hint("keep fewer releases with --history-limit"),
            RecordError::Chunk { .. } | RecordError::Pack(_) => {
                told.hint("where another machine has applied this application, its store still has the graph")
            }
            RecordError::Format { .. } => {
                told.hint("another version of kubectl-gitops wrote it: use that one or newer")
            }
            RecordError::Request { .. } => told,
        }
    }
}

impl From<ChangeError> for CommandError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Record(record) => record.into(),
            ChangeError::Locked { .. } => Self::caused(&error).hint("try again when that run is over"),
        }
    }
}

impl From<TargetError> for CommandError {
    fn from(error: TargetError) -> Self {
        let told = Self::caused(&error);
        match error {
            TargetError::Record(record) => record.into(),
            TargetError::Bind(errors) => told
                .details(errors.iter().map(ToString::to_string).collect())
                .hint("`kubectl api-resources` lists what this server serves"),
            TargetError::Locked { .. } => {
                Self { code: 4, ..told }.hint("wait for it, or let this command wait with --lock-timeout")
            }
            TargetError::Request { .. }
            | TargetError::NoName(_)
            | TargetError::OwnNamespace { .. }
            | TargetError::Renamed { .. }
            | TargetError::Moved { .. } => told,
        }
    }
}

impl From<ApplyError> for CommandError {
    fn from(error: ApplyError) -> Self {
        let told = Self::caused(&error);
        match error {
            ApplyError::Target(target) => target.into(),
            ApplyError::Record(record) => record.into(),
            ApplyError::Unrecorded(_) | ApplyError::RecordLeft(_) | ApplyError::Lost(_) => Self { code: 3, ..told },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clap_says_is_taken_apart() {
        let told = CommandError::misuse(
            "error: unexpected argument '--od' found\n\n  tip: a similar argument exists: '--adopt'\n\n\
             Usage: kubectl gitops apply [OPTIONS] [APP]\n\nFor more information, try '--help'.\n",
        );
        assert_eq!((told.code, told.message.as_str()), (2, "unexpected argument '--od' found"));
        assert_eq!(told.details, ["tip: a similar argument exists: '--adopt'"]);
        assert_eq!(told.hint.as_deref(), Some("Usage: kubectl gitops apply [OPTIONS] [APP]"));
        assert_eq!(CommandError::misuse("").message, "the arguments are not understood");
    }
}
