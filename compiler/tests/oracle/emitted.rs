//! What we write as YAML is what everybody reads: kubectl, and kustomize for kubectl.
//!
//! In: files that we read. Out: each object of theirs that is read otherwise, once it is written by us as bundles, snapshots and
//! `show` write it.

use gitops_compiler::canon::Value;
use gitops_compiler::diagnostic::{Level, Origin};
use gitops_compiler::manifest::{sent, yaml};
use gitops_testdata::oracle::{Answer, Oracle};

use crate::Result;
use crate::ours::canonical;

/// How many objects were written, and read again by kustomize, too; and what was read otherwise.
#[derive(Debug, Default)]
pub(crate) struct Emitted {
    pub(crate) objects: usize,
    pub(crate) by_kustomize: usize,
    /// Objects that kustomize loses something of however they are written: as JSON, it reads the same as of ours.
    pub(crate) lost_by_kustomize: usize,
    pub(crate) wrong: Vec<String>,
}

impl Emitted {
    /// Writes each object of a file that is whole, and lets both read it.
    pub(crate) fn add(&mut self, oracle: &mut Oracle, name: &str, file: &[u8]) -> Result {
        let reading = yaml::read(file, yaml::Limits::default());
        if !reading.problems.is_empty() {
            return Ok(());
        }
        let origin = Origin { path: name.to_owned(), line: 1, column: 0 };
        for document in reading.documents {
            let mut findings = Vec::new();
            let objects = sent(document.value, &origin, &mut findings);
            // What we refuse we never write; and what has `items` of its own bundles refuse, since alone it is a list.
            if findings.iter().all(|finding| finding.level != Level::Error) {
                let mut objects = objects.iter().filter(|object| object.get("items").is_none());
                objects.try_for_each(|object| self.object(oracle, name, object))?;
            }
        }
        Ok(())
    }

    fn object(&mut self, oracle: &mut Oracle, name: &str, object: &Value) -> Result {
        let (text, wanted) = (yaml::emit(object), canonical(object));
        let is_read = |answer: &Answer| answer.error.is_none() && answer.objects == [wanted.as_str()];
        let wrong = |reader: &str, answer: &Answer| {
            let text: String = text.escape_debug().to_string().chars().take(2_000).collect();
            format!("{name}: {reader} reads {answer:?}\n  of   {wanted}\n  from {text}")
        };
        self.objects += 1;
        let answer = oracle.read(text.as_bytes())?;
        if !is_read(&answer) {
            self.wrong.push(wrong("kubectl", &answer));
        }
        if !is_for_kustomize(object) {
            return Ok(());
        }
        self.by_kustomize += 1;
        let answer = oracle.read_by_kustomize(text.as_bytes())?;
        if is_read(&answer) {
            return Ok(());
        }
        let of_json = oracle.read_by_kustomize(json(object).as_bytes())?;
        if is_read(&of_json) || of_json.objects != answer.objects || of_json.error.is_some() != answer.error.is_some() {
            self.wrong.push(wrong("kustomize", &answer));
        } else {
            self.lost_by_kustomize += 1;
        }
        Ok(())
    }
}

/// An object as JSON, with escapes for what is not plain: nobody's reading of that is in doubt. Letters of two units stay: to
/// readers of YAML half of one is no letter.
fn json(object: &Value) -> String {
    let mut text = String::new();
    for letter in serde_json::Value::from(object).to_string().chars() {
        match letter {
            ' '..='~' | '\u{10000}'.. => text.push(letter),
            letter => text.extend(["\\u", &format!("{:04x}", u32::from(letter))]),
        }
    }
    text
}

/// What kustomize takes: an object with a kind and a name. Lists it takes apart, and it reads its own fields of metadata.
fn is_for_kustomize(object: &Value) -> bool {
    let text = |path: &[&str]| object.at(path).and_then(Value::as_str).unwrap_or_default();
    !text(&["kind"]).is_empty() && !text(&["metadata", "name"]).is_empty()
}
