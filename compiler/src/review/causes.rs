//! Which lines caused which changes.
//!
//! In: what differs, and the files of the sources that differ. Out: [`Cause`]s, by file and line. Where an object is written
//! as it is, the line of each changed field; where a program rendered it, the lines of the changed files that have the new
//! value, as far as one can tell; else the line where the object begins.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::canon::Value;
use crate::diagnostic::Origin;
use crate::diff::{self, FieldChange};
use crate::manifest::yaml::{self, Limits, Locator};
use crate::name::ResourceKey;

use super::compared::{Changed, Compared};
use super::report::Cause;

/// Larger files are not looked into.
const LARGEST: usize = 1 << 20;

/// So many files are looked into.
const MOST_FILES: usize = 500;

/// So many fields of one resource are located.
const MOST_FIELDS: usize = 20;

/// How many bytes may be read to locate fields, all together: each field takes a walk over its document.
const MOST_WORK: usize = 128 << 20;

/// A value shorter than this stands in too many places to say anything where it is only a part of another.
const TELLING: usize = 3;

/// A file of the sources that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path from the root of the repository.
    pub path: String,
    /// Its bytes before, where it was there.
    pub old: Option<Vec<u8>>,
    /// Its bytes after, where it is there.
    pub new: Option<Vec<u8>>,
}

type Found = BTreeMap<(Origin, Option<String>, bool), BTreeSet<ResourceKey>>;

/// All causes.
pub(super) fn causes(compared: &Compared<'_>, files: &[ChangedFile]) -> Vec<Cause> {
    let files = &files[..files.len().min(MOST_FILES)];
    let by_path: BTreeMap<&str, &ChangedFile> = files.iter().map(|file| (file.path.as_str(), file)).collect();
    let texts: BTreeMap<&str, Text> =
        files.par_iter().filter_map(|file| Some((&*file.path, Text::read(file)?))).collect();
    // Where each field has a line of its own, nobody asks.
    let lines: LazyCell<Vec<ValueLine>, _> = LazyCell::new(|| {
        let lines = |file: &ChangedFile| texts.get(&*file.path).map(|text| value_lines(file, text)).unwrap_or_default();
        files.par_iter().flat_map_iter(lines).collect()
    });
    let (mut found, mut work) = (Found::new(), 0);
    for change in &compared.changes {
        let Some(origin) = compared.origin(change) else { continue };
        let mut push = |origin: Origin, field: Option<String>, exact: bool| {
            found.entry((origin, field, exact)).or_default().insert(change.key().clone());
        };
        let file = by_path.get(origin.path.as_str());
        if change.new.is_none() || change.old.is_none() {
            // It came or went as a whole, with its lines or with its file.
            if file.is_some() || lines.is_empty() {
                push(Origin { column: 0, ..origin.clone() }, None, true);
            }
            continue;
        }
        let mut located = 0;
        if let Some(text) = texts.get(origin.path.as_str()) {
            for difference in change.differences.iter().take(MOST_FIELDS) {
                work += text.length;
                let place = if work <= MOST_WORK { text.place(origin, change, difference) } else { None };
                let Some(line) = place else { continue };
                push(Origin { path: origin.path.clone(), line, column: 0 }, Some(difference.change.path.clone()), true);
                located += 1;
            }
        }
        if located > 0 {
            continue;
        }
        let rendered: BTreeSet<usize> = change
            .differences
            .iter()
            .take(MOST_FIELDS)
            .flat_map(|found| {
                lines.iter().enumerate().filter(|(_, line)| line.explains(&found.change)).map(|(at, _)| at)
            })
            .collect();
        for index in &rendered {
            let ValueLine { origin, field, .. } = &lines[*index];
            push(origin.clone(), Some(field.clone()), false);
        }
        if rendered.is_empty() && file.is_some() {
            push(Origin { column: 0, ..origin.clone() }, None, true);
        }
    }
    let cause = |((origin, field, exact), resources): (_, BTreeSet<ResourceKey>)| Cause {
        origin,
        field,
        exact,
        resources: resources.into_iter().collect(),
    };
    found.into_iter().map(cause).collect()
}

/// What a changed file is now, read again to find lines.
struct Text {
    /// How many bytes it has.
    length: usize,
    locator: Locator,
    documents: Vec<yaml::Document>,
    /// Whether all of it could be read.
    is_whole: bool,
}

impl Text {
    /// Nothing where the file is gone, or too large.
    fn read(file: &ChangedFile) -> Option<Self> {
        let bytes = file.new.as_ref().filter(|bytes| is_small(bytes))?;
        let (locator, read) = Locator::with_reading(bytes);
        let is_whole = read.problems.is_empty();
        Some(Self { length: bytes.len(), locator, documents: read.documents, is_whole })
    }

    /// The line of a field of the object that was read at `origin`.
    fn place(&self, origin: &Origin, change: &Changed<'_>, difference: &super::field::Difference) -> Option<usize> {
        let name = |value: &Value| value.at(&["metadata", "name"]).and_then(Value::as_str).map(str::to_owned);
        let wanted = change.new_body().and_then(name);
        let here =
            self.documents.iter().find(|document| document.line == origin.line && name(&document.value) == wanted)?;
        let found = self.locator.locate(here.index, &difference.pointer)?;
        Some(found.key.filter(|_| found.exact).unwrap_or(found.value).line)
    }
}

/// A scalar of a changed file that is another than before, and its line.
struct ValueLine {
    origin: Origin,
    field: String,
    old: Option<String>,
    new: String,
}

impl ValueLine {
    /// Whether a change of a field may come from this line: the values are the same, or a part of those of the field that
    /// changed together with it.
    fn explains(&self, change: &FieldChange) -> bool {
        let Some(new) = change.new.as_ref().map(text) else { return false };
        let old = change.old.as_ref().map(text);
        let is_same = new == self.new && (old == self.old || self.new.len() >= TELLING);
        let is_part = self.new.len() >= TELLING
            && new.contains(&self.new)
            && old.as_ref().is_none_or(|old| !old.contains(&self.new) || old == &new);
        is_same || is_part
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::Value::from(other).to_string(),
    }
}

fn is_small(bytes: &[u8]) -> bool {
    bytes.len() <= LARGEST
}

/// The scalars in which two versions of a file differ. What is no YAML has none.
fn value_lines(file: &ChangedFile, text: &Text) -> Vec<ValueLine> {
    if !text.is_whole {
        return Vec::new();
    }
    let before = file.old.as_ref().filter(|bytes| is_small(bytes));
    let before =
        before.and_then(|bytes| yaml::read(bytes, Limits::default()).into_documents().ok()).unwrap_or_default();
    let mut found = Vec::new();
    for document in &text.documents {
        let old = before.get(document.index).map_or(&Value::Null, |document| &document.value);
        let mut scalars = Vec::new();
        scalars_of(old, &document.value, &mut (String::new(), String::new()), &mut scalars);
        for (field, pointer, old, new) in scalars.into_iter().take(MOST_FIELDS * 10) {
            let Some(place) = text.locator.locate(document.index, &pointer) else { continue };
            let origin = Origin { path: file.path.clone(), line: place.value.line, column: 0 };
            found.push(ValueLine { origin, field, old, new });
        }
    }
    found
}

type Scalar = (String, String, Option<String>, String);

/// The scalars of `new` that are not so in `old`.
fn scalars_of(old: &Value, new: &Value, at: &mut (String, String), found: &mut Vec<Scalar>) {
    if old == new {
        return;
    }
    let below = |at: &(String, String), path: String, part: &str| {
        (path, format!("{}/{}", at.1, part.replace('~', "~0").replace('/', "~1")))
    };
    match new {
        Value::Map(map) => {
            for (name, value) in map {
                let mut below = below(at, diff::join(&at.0, name), name);
                scalars_of(old.get(name).unwrap_or(&Value::Null), value, &mut below, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                // Items are compared with those of their name, where they have one.
                let name = value.get("name").and_then(Value::as_str);
                let same = |item: &&Value| name.is_some() && item.get("name").and_then(Value::as_str) == name;
                let was = old.items().iter().find(same).or_else(|| old.items().get(index));
                let shown = name.map_or_else(|| index.to_string(), str::to_owned);
                let mut below = below(at, format!("{}[{shown}]", at.0), &index.to_string());
                scalars_of(was.unwrap_or(&Value::Null), value, &mut below, found);
            }
        }
        Value::Null => {}
        scalar => {
            let before = (!matches!(old, Value::Null)).then(|| text(old));
            found.push((at.0.clone(), at.1.clone(), before, text(scalar)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_changed_files_have_their_lines() {
        let file = ChangedFile {
            path: "values.yaml".to_owned(),
            old: Some(b"image:\n  tag: 1.8.2\nreplicas: 2\n".to_vec()),
            new: Some(b"# more\nimage:\n  tag: 2.0.0\nreplicas: 2\nlist:\n- name: a\n  b: xyz\n".to_vec()),
        };
        let found = value_lines(&file, &Text::read(&file).expect("it is small"));
        let told: Vec<String> =
            found.iter().map(|line| format!("{} {} {}", line.origin, line.field, line.new)).collect();
        assert_eq!(
            told,
            ["values.yaml:3 image.tag 2.0.0", "values.yaml:7 list[a].b xyz", "values.yaml:6 list[a].name a"]
        );
        let change = |old: &str, new: &str| FieldChange {
            path: "x".to_owned(),
            old: Some(Value::from(old)),
            new: Some(Value::from(new)),
        };
        assert!(found[0].explains(&change("web:1.8.2", "web:2.0.0")));
        assert!(!found[0].explains(&change("web:2.0.0", "api:2.0.0")), "it was there before");
        assert!(!found[0].explains(&change("web:1.8.2", "web:1.9.0")));
        assert!(!found[2].explains(&change("b", "bar")), "a single letter says nothing");
    }
}
