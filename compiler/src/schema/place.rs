//! From a fault in an object to its line and column.
//!
//! In: a manifest, a pointer into its body, the bytes of its file. Out: an [`Origin`]. Nothing was kept for this while
//! reading: faults are rare, and only the files that have some are read again, each once, up to a limit of work.

use crate::canon::Value;
use crate::diagnostic::Origin;
use crate::manifest::Manifest;
use crate::manifest::yaml::{Document, Locator};

use super::fault::{At, Fault};

/// How many bytes may be parsed for the places in one file. Each place takes a walk over the whole of it; the rest of the
/// faults get the line of their document.
const MOST_WORK: usize = 256 << 20;

/// A file, read again.
pub(super) struct Text {
    locator: Locator,
    documents: Vec<Document>,
    length: usize,
    work: usize,
}

impl Text {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let (locator, reading) = Locator::with_reading(bytes);
        Self { locator, documents: reading.documents, length: bytes.len(), work: 0 }
    }

    /// Where a fault of a manifest of this file stands.
    pub(super) fn origin(&mut self, manifest: &Manifest, fault: &Fault) -> Option<Origin> {
        self.work += self.length;
        if self.work > MOST_WORK {
            return None;
        }
        let (document, mut pointer) = self.document(manifest)?;
        pointer.push_str(&fault.pointer);
        let found = self.locator.locate(document, &pointer)?;
        let position = match (fault.at, found.key) {
            (At::Key, Some(key)) => key,
            _ => found.value,
        };
        Some(Origin { line: position.line, column: position.column, ..manifest.origin.clone() })
    }

    /// The document that a manifest was read from, and where in it the manifest is.
    fn document(&self, manifest: &Manifest) -> Option<(usize, String)> {
        let here = self.documents.iter().filter(|document| document.line == manifest.origin.line);
        here.flat_map(|document| {
            let whole = std::iter::once((&document.value, String::new()));
            let items = document.value.get("items").map(Value::items).unwrap_or_default().iter().enumerate();
            let parts = items.map(|(index, item)| (item, format!("/items/{index}")));
            whole.chain(parts).map(|(value, pointer)| (value, (document.index, pointer)))
        })
        .find(|(value, _)| is(value, manifest))
        .map(|(_, place)| place)
    }
}

/// Whether a manifest was made from this value. Items of a list may leave out their kind.
fn is(value: &Value, manifest: &Manifest) -> bool {
    let text = |path: &[&str]| value.at(path).and_then(Value::as_str).unwrap_or_default();
    let of_manifest = |path: &[&str]| manifest.body.at(path).and_then(Value::as_str).unwrap_or_default();
    let same = |path: &[&str]| text(path) == of_manifest(path);
    let same_kind = same(&["kind"]) || (text(&["kind"]).is_empty() && value.get("items").is_none());
    same_kind
        && [["metadata", "name"], ["metadata", "generateName"], ["metadata", "namespace"]].iter().all(|path| same(path))
}
