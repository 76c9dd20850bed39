//! Reads the corpus of YAML cases and compares with what kubectl's own reader made of them.
//!
//! The corpus (`yaml/cases.jsonl` below `GITOPS_CORPUS`, or below `shared/corpus` beside the checkout) is no part of the
//! product: without it this test says so and passes.

use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_compiler::canon::Value;
use gitops_compiler::manifest::yaml::{Limits, Reading, emit, read};
use serde::Deserialize;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[derive(Deserialize)]
struct Case {
    name: String,
    input_base64: String,
    /// What was read, each document as JSON. Absent where reading failed.
    documents_json: Option<Vec<String>>,
}

/// The two cases whose bytes were handed to the decoder as they are. kubectl decodes a file before that (cli-runtime's
/// `FileVisitor`), so it reads them; this is what it prints for them.
const DECODED: [(&str, &str); 2] = [("utf16le", r#"{"a":1}"#), ("latin1", "{\"a\":\"caf\u{FFFD}\"}")];

fn corpus() -> PathBuf {
    let root = std::env::var_os("GITOPS_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")), PathBuf::from);
    root.join("yaml/cases.jsonl")
}

/// serde_json stops at a depth of 128, so our own reader of JSON stands in for it where a case is deeper.
fn parse(json: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<serde_json::Value>(json).map(Value::from).or_else(|error| {
        let wrapped = read(format!("{{\"deep\":{json}}}").as_bytes(), Limits::default());
        wrapped.documents.first().and_then(|document| document.value.get("deep")).cloned().ok_or(error)
    })
}

/// What differs, if anything.
fn difference(case: &Case, reading: &Reading) -> Result<Option<String>, serde_json::Error> {
    let decoded = DECODED.iter().find(|(name, _)| *name == case.name).map(|(_, json)| vec![(*json).to_owned()]);
    let Some(expected) = decoded.as_ref().or(case.documents_json.as_ref()) else {
        let accepted = reading.problems.is_empty();
        return Ok(accepted.then(|| format!("should fail, but gives {:?}", reading.documents)));
    };
    if let Some(problem) = reading.problems.first() {
        return Ok(Some(format!("should be read, but: {problem}")));
    }
    let expected = expected.iter().map(|json| parse(json)).collect::<Result<Vec<_>, _>>()?;
    let found: Vec<&Value> = reading.documents.iter().map(|document| &document.value).collect();
    Ok((found != expected.iter().collect::<Vec<_>>()).then(|| format!("should be {expected:?}, but is {found:?}")))
}

#[test]
fn every_case_is_read_as_kubectl_reads_it() -> Outcome {
    let path = corpus();
    let Ok(text) = std::fs::read_to_string(&path) else {
        // Not by a macro, whose output the test runner keeps to itself.
        writeln!(std::io::stderr(), "SKIPPED: there is no corpus at {}", path.display())?;
        return Ok(());
    };
    let mut differences = Vec::new();
    let mut count = 0;
    for line in text.lines() {
        let case: Case = serde_json::from_str(line)?;
        let reading = read(&STANDARD.decode(&case.input_base64)?, Limits::default());
        differences.extend(difference(&case, &reading)?.map(|difference| format!("{}: {difference}", case.name)));
        for document in &reading.documents {
            let written = emit(&document.value);
            let again = read(written.as_bytes(), Limits::default());
            if again.documents.first().map(|document| &document.value) != Some(&document.value) {
                differences.push(format!("{}: written as {written:?}, which is not read back", case.name));
            }
        }
        count += 1;
    }
    assert!(count > 200, "the corpus at {} holds only {count} cases", path.display());
    assert!(differences.is_empty(), "{} of {count} cases differ:\n{}", differences.len(), differences.join("\n"));
    Ok(())
}
