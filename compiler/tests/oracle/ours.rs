//! Our reading of a file, in the form in which the oracle tells kubectl's.

use gitops_compiler::canon::Value;
use gitops_compiler::diagnostic::{Level, Origin};
use gitops_compiler::manifest::{sent, yaml};

/// What we make of a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Ours {
    /// The objects in their order, before anything is settled or left out, as `testdata/oracle/canonical.go` has them.
    pub(crate) objects: Vec<String>,
    /// What we complain about.
    pub(crate) refusals: Vec<String>,
}

impl Ours {
    /// Reads a file.
    pub(crate) fn of(file: &[u8]) -> Self {
        let reading = yaml::read(file, yaml::Limits::default());
        let mut refusals: Vec<String> = reading.problems.into_iter().map(|problem| problem.message).collect();
        let origin = Origin { path: "file".to_owned(), line: 1, column: 0 };
        let mut objects = Vec::new();
        for document in reading.documents {
            let mut findings = Vec::new();
            objects.extend(sent(document.value, &origin, &mut findings).iter().map(canonical));
            let errors = findings.into_iter().filter(|finding| finding.level == Level::Error);
            refusals.extend(errors.map(|error| error.message));
        }
        Self { objects, refusals }
    }
}

/// A value in the form that the oracle's have.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Float(number) => text.extend(["float:", &format!("{:016x}", number.to_bits())]),
        Value::String(string) => write_string(string, text),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write(item, text);
            }
            text.push(']');
        }
        Value::Map(map) => {
            text.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write_string(key, text);
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
    }
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c < ' ' => text.extend(["\\u", &format!("{:04x}", u32::from(c))]),
            c => text.push(c),
        }
    }
    text.push('"');
}
