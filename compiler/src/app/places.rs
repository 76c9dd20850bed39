//! Where the fields of a source stand: in its Application, and in the files that changed its parameters.
//!
//! In: a file with the document and the pointer of a source in it. Out: file, line and column of a field, for messages.
//! Nothing is kept parsed for that: asking reads the document again. Of a source that nobody wrote down, as a folder on the
//! command line, no field has a place.

use std::sync::Arc;

use crate::canon::Value;
use crate::diagnostic::Origin;
use crate::manifest::yaml::{self, Limits, Locator};

/// Places of the fields of one value.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Those that change the ones before them later.
    layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
enum Layer {
    /// Of a value in a file.
    Value { file: Arc<File>, document: usize, pointer: String },
    /// Of one that a program wrote: all of its fields are where the object is said to be.
    Whole(Origin),
}

#[derive(Debug)]
struct File {
    path: String,
    locator: Locator,
}

impl Places {
    /// Of a document of a file.
    #[must_use]
    pub fn of_document(path: &str, bytes: &[u8], document: usize) -> Self {
        let file = Arc::new(File { path: path.to_owned(), locator: Locator::new(bytes) });
        Self { layers: vec![Layer::Value { file, document, pointer: String::new() }] }
    }

    /// Of an object of which only its own place is known.
    #[must_use]
    pub fn whole(origin: Origin) -> Self {
        Self { layers: vec![Layer::Whole(origin)] }
    }

    /// Of another document of the same file.
    #[must_use]
    pub fn document(&self, document: usize) -> Self {
        self.changed(|layer| match layer {
            Layer::Value { file, .. } => Layer::Value { file: Arc::clone(file), document, pointer: String::new() },
            Layer::Whole(origin) => Layer::Whole(origin.clone()),
        })
    }

    /// Of a value inside of this one, by its JSON pointer.
    #[must_use]
    pub fn below(&self, below: &str) -> Self {
        self.changed(|layer| match layer {
            Layer::Value { file, document, pointer } => {
                Layer::Value { file: Arc::clone(file), document: *document, pointer: format!("{pointer}{below}") }
            }
            Layer::Whole(origin) => Layer::Whole(origin.clone()),
        })
    }

    /// With another value of the same form, whose fields count more where it has them.
    #[must_use]
    pub fn and(mut self, over: Self) -> Self {
        self.layers.extend(over.layers);
        self
    }

    /// Where a field is said, by its JSON pointer; where it is not, what it is missing from. `None` where nobody wrote any of
    /// it down.
    #[must_use]
    pub fn find(&self, pointer: &str) -> Option<Origin> {
        let found = self.layers.iter().rev().map(|layer| layer.find(pointer));
        let mut inexact = None;
        for (origin, is_exact) in found {
            if is_exact {
                return Some(origin);
            }
            // That of the Application itself, in the end.
            inexact = Some(origin);
        }
        inexact
    }

    fn changed(&self, change: impl Fn(&Layer) -> Layer) -> Self {
        Self { layers: self.layers.iter().map(change).collect() }
    }
}

impl Layer {
    /// A place, and whether it is that of the whole pointer.
    fn find(&self, below: &str) -> (Origin, bool) {
        match self {
            Self::Whole(origin) => (origin.clone(), true),
            Self::Value { file, document, pointer } => {
                let found = file.locator.locate(*document, &format!("{pointer}{below}"));
                let is_exact = found.is_some_and(|found| found.exact);
                let (line, column) = found.map_or((0, 0), |found| {
                    let position = found.key.unwrap_or(found.value);
                    (position.line, position.column)
                });
                (Origin { path: file.path.clone(), line, column }, is_exact)
            }
        }
    }
}

/// A file in which objects are looked for that were read from it before.
pub struct Written {
    documents: Vec<yaml::Document>,
    file: Places,
}

impl Written {
    /// Reads it once more.
    #[must_use]
    pub fn read(path: &str, bytes: &[u8]) -> Self {
        let documents = yaml::read(bytes, Limits::default()).documents;
        Self { documents, file: Places::of_document(path, bytes, 0) }
    }

    /// The places in an object of which the line of its document is known: that document, or an item of it where it is a
    /// list. `None` where the object is neither.
    #[must_use]
    pub fn places_of(&self, body: &Value, line: usize) -> Option<Places> {
        let document = self.documents.iter().find(|document| document.line == line)?;
        let places = self.file.document(document.index);
        let is_it = |value: &Value| {
            let same = |path: &[&str]| value.at(path) == body.at(path);
            same(&["kind"]) && same(&["metadata", "name"]) && same(&["metadata", "namespace"])
        };
        if is_it(&document.value) {
            return Some(places);
        }
        let index = document.value.get("items")?.items().iter().position(is_it)?;
        Some(places.below(&format!("/items/{index}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(places: &Places, pointer: &str) -> String {
        places.find(pointer).map(|origin| origin.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_field_is_where_it_was_said_last() {
        let text = "a: 1\n---\nspec:\n  source:\n    path: x\n    helm:\n      valueFiles: [a, b]\n";
        let application = Places::of_document("app.yaml", text.as_bytes(), 1).below("/spec/source");
        assert_eq!(said(&application, "/path"), "app.yaml:5:5");
        assert_eq!(said(&application, "/chart"), "app.yaml:4:3", "what it is missing from");
        assert_eq!(said(&application, "/helm/valueFiles/1"), "app.yaml:7:23");
        let file = Places::of_document("x/.argocd-source.yaml", b"helm: {valueFiles: [c]}\n", 0);
        let both = application.and(file);
        assert_eq!(said(&both, "/helm/valueFiles/0"), "x/.argocd-source.yaml:1:21");
        assert_eq!(said(&both, "/path"), "app.yaml:5:5");
        assert_eq!(said(&both, "/chart"), "app.yaml:4:3");
    }

    #[test]
    fn an_object_is_found_in_its_document_or_list() {
        let text =
            "kind: A\nmetadata: {name: x}\n---\nkind: List\nitems:\n- kind: A\n  metadata: {name: y}\n  spec: {a: 1}\n";
        let written = Written::read("a.yaml", text.as_bytes());
        let object = |name: &str| {
            yaml::read(format!("kind: A\nmetadata: {{name: {name}}}\n").as_bytes(), Limits::default())
                .documents
                .remove(0)
                .value
        };
        let place = |name: &str, line| written.places_of(&object(name), line).map(|places| said(&places, "/spec/a"));
        assert_eq!(place("x", 1).as_deref(), Some("a.yaml:1:1"));
        assert_eq!(place("y", 4).as_deref(), Some("a.yaml:8:10"));
        assert_eq!((place("y", 1), place("x", 7)), (None, None));
    }

    #[test]
    fn what_nobody_wrote_down_has_no_place() {
        assert_eq!(Places::default().find("/path"), None);
        let whole = Places::whole(Origin::of_file("apps/kustomization.yaml")).below("/spec").document(3);
        assert_eq!(said(&whole, "/source/path"), "apps/kustomization.yaml");
    }
}
