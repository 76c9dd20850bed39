//! How the command line speaks: data to stdout, talk to stderr, colour and progress on a terminal only.
//!
//! In: lines and tables. Out: bytes. Colour only repeats what a sign or a word says; nothing depends on it. A closed
//! pipe ends the output without an error. Where a command that changes a cluster prints JSON, its talk is JSON, too: one
//! object a line.

mod explain;
mod graph;
mod plan;
mod progress;
mod size;
mod svg;
mod table;

pub use explain::text as explanation_text;
pub use graph::{dot, mermaid, text as graph_text};
pub use plan::{plan_summary, plan_text};
pub use progress::Progress;
pub use size::{Size, size};
pub use svg::svg;
pub use table::{ago, counted, table};

use std::io::{IsTerminal as _, Write as _};

use gitops_compiler::diagnostic::Diagnostic;

use crate::error::CommandError;
use crate::json::{EventJson, RunEventJson};

/// Where output goes, and how.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    colour: bool,
    talk: Talk,
}

/// Who reads stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Talk {
    /// Somebody, some time: plain lines.
    Lines,
    /// Somebody who watches a terminal that can draw over what it has shown.
    Terminal { colour: bool },
    /// A program: one JSON object a line.
    Events,
}

impl Printer {
    /// For this process: `NO_COLOR`, `TERM` and the terminal decide.
    #[must_use]
    pub fn for_process() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let can_draw = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let talk = if can_draw { Talk::Terminal { colour: wanted } } else { Talk::Lines };
        Self { colour: wanted && std::io::stdout().is_terminal(), talk }
    }

    /// The same, whose talk is for programs.
    #[must_use]
    pub fn with_events(self) -> Self {
        Self { talk: Talk::Events, ..self }
    }

    /// Writes text for people: the sign that a line begins with may be coloured.
    pub fn out(&self, text: &str) {
        if self.colour { self.data(&paint(text)) } else { self.data(text) }
    }

    /// Writes data as it is.
    pub fn data(&self, text: &str) {
        // A reader that went away wants no more.
        let _ = std::io::stdout().lock().write_all(ended(text).as_bytes());
    }

    /// Writes one JSON object.
    pub fn json(&self, value: &impl serde::Serialize) {
        self.data(&serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// Says something.
    pub fn say(&self, text: &str) {
        if self.talk == Talk::Events {
            self.event(RunEventJson::Note { message: text.trim_end().to_owned() });
        } else if !progress::say_above(text) {
            talk(text);
        }
    }

    /// Says that something may not be as it was meant.
    pub fn warn(&self, message: &str) {
        if self.talk == Talk::Events {
            self.event(RunEventJson::Warning { message: message.to_owned() });
        } else {
            self.say(&format!("warning: {message}"));
        }
    }

    /// Says what there is to say of a place in a file.
    pub fn finding(&self, finding: &Diagnostic) {
        if self.talk == Talk::Events {
            self.event(RunEventJson::of_finding(finding));
        } else {
            self.say(&finding.to_string());
        }
    }

    /// Says why a command failed.
    pub fn error(&self, error: &CommandError) {
        for finding in &error.findings {
            self.finding(finding);
        }
        let CommandError { code, message, details, hint, .. } = error;
        if self.talk == Talk::Events {
            let (message, details, hint) = (message.clone(), details.clone(), hint.clone());
            return self.event(RunEventJson::Error { message, details, hint, exit_code: *code });
        }
        self.say(&format!("error: {message}"));
        for detail in details {
            self.say(&format!("  {detail}"));
        }
        if let Some(hint) = hint {
            self.say(&format!("hint: {hint}"));
        }
    }

    /// Tells programs what happens; nobody else.
    pub fn event(&self, event: RunEventJson) {
        if self.talk == Talk::Events {
            talk(&serde_json::to_string(&EventJson::now(event)).unwrap_or_default());
        }
    }
}

fn talk(text: &str) {
    // A reader that went away wants no more.
    let _ = std::io::stderr().lock().write_all(ended(text).as_bytes());
}

fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// Colours the sign that a line begins with.
fn paint(text: &str) -> String {
    let colour = |sign: char| match sign {
        '+' | '✓' => Some("32"),
        '~' | '±' | '·' => Some("33"),
        '-' | '✗' | '!' => Some("31"),
        _ => None,
    };
    let line = |line: &str| {
        let start = line.find(|character: char| !character.is_whitespace() && !character.is_ascii_digit());
        let sign = start.and_then(|start| line[start..].chars().next());
        match (start, sign.and_then(colour)) {
            (Some(start), Some(code)) if line[start..].chars().nth(1) == Some(' ') => {
                let end = start + sign.map_or(0, char::len_utf8);
                format!("{}\u{1b}[{code}m{}\u{1b}[0m{}", &line[..start], &line[start..end], &line[end..])
            }
            _ => line.to_owned(),
        }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signs_are_painted() {
        assert_eq!(paint("  1  ~ ConfigMap a"), "  1  \u{1b}[33m~\u{1b}[0m ConfigMap a");
        assert_eq!(paint("shop  g1-a → g1-b"), "shop  g1-a → g1-b");
    }
}
