//! Evaluating what others have written about health, in a process of its own in the sandbox: it can run for ever, and take
//! all memory.
//!
//! In: [`Question`]s: a check, and an object. Out: what it says ([`Said`]). Nothing of one evaluation is left for the next. A
//! check that is wrong is an answer, too; one that does not end is for whoever asked to stop.

mod cel;
mod library;
mod lua;

use std::io::{Read, Write};

use gitops_compiler::sandbox::Worker;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::worker::answer_each;

use super::Status;

pub(super) use cel::check;

/// The worker, for the program whose executable the sandbox starts.
pub const HEALTH_WORKER: Worker = Worker { name: "health", work };

/// How long a script may say what is wrong, or how an object does.
const LONGEST_MESSAGE: usize = 4096;

/// What the worker is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) check: Script,
    pub(super) object: Value,
}

/// A check, as its author has written it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Script {
    /// Argo CD's: it returns a table with `status` and `message`.
    Lua(String),
    /// Flux's: three conditions.
    Cel(Expressions),
}

/// Conditions in CEL, over the fields of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Expressions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) in_progress: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<String>,
    pub(super) current: String,
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Said {
    /// How the object does.
    Health { status: Status, message: String },
    /// Which condition holds; none where none does.
    Holds(Option<Condition>),
    /// It is wrong itself, and how.
    Wrong(String),
}

/// One of the three conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Condition {
    InProgress,
    Failed,
    Current,
}

fn work(questions: &mut dyn Read, answers: &mut dyn Write) -> Result<(), String> {
    let answer = |Question { check, object }: &Question| evaluate(check, object);
    answer_each(questions, answers, answer, || Said::Wrong("what evaluates it has a bug".to_owned()))
}

fn evaluate(check: &Script, object: &Value) -> Said {
    match check {
        Script::Lua(script) => lua::evaluate(script, object).map_or_else(
            |error| Said::Wrong(short(&error)),
            |(status, message)| Said::Health { status, message: short(&message) },
        ),
        Script::Cel(expressions) => {
            cel::evaluate(expressions, object).map_or_else(|error| Said::Wrong(short(&error)), Said::Holds)
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests;
