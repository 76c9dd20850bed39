//! From a path in a value back to the text: on which line does this field stand?
//!
//! In: a file and JSON pointers into its documents. Out: lines and columns.
//! Guarantees: agrees with [`super::read()`] about what the documents are. Of what they hold nothing is kept: a document is
//! parsed again when a place in it is asked for, which only happens for messages.

use std::ops::Range;

use super::cursor::Cursor;
use super::event::{self, Fault, Shape, Sink};
use super::order::{self, Order};
use super::read::{self, Yaml};
use super::scalar::{self, Raw};
use super::split::{self, Chunk};
use super::{Limits, Reading, json};

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Its key, if it is in a map.
    pub key: Option<Position>,
    /// The value itself; an alias where it came out of one.
    pub value: Position,
    /// Whether this is the whole path that was asked for, or only the last part of it that is in the text: a missing
    /// field has the location of what it is missing from, and what a merge brought has that of the map it came to.
    pub exact: bool,
}

/// Answers questions about one file.
#[derive(Debug)]
pub struct Locator {
    json: String,
    yaml: String,
    documents: Vec<Place>,
}

/// Where a document starts.
#[derive(Debug)]
enum Place {
    /// At an offset of the JSON text.
    Json(usize),
    /// In a range of the YAML text, and on a line.
    Yaml(Range<usize>, usize),
}

impl Locator {
    /// Reads a file to find its documents.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self::with_reading(bytes).0
    }

    /// The same with what was read, as [`super::read()`] gives it: one reading for both.
    #[must_use]
    pub fn with_reading(bytes: &[u8]) -> (Self, Reading) {
        let limits = Limits::default();
        let file = split::decode(bytes);
        let (mut parts, rest) = read::json_parts(&file.text, limits);
        let mut documents: Vec<Place> =
            parts.iter().filter(|part| part.is_document()).map(|part| Place::Json(part.place)).collect();
        let mut yaml = String::new();
        if let Some(rest) = Yaml::new(&file, rest) {
            let chunks = rest.chunks();
            let of_yaml = rest.parts(&chunks, limits);
            documents.extend(of_yaml.iter().filter(|part| part.is_document()).filter_map(|part| {
                Some(match chunks.get(part.place)? {
                    Chunk::Text { start, text, line } => Place::Yaml(*start..start + text.len(), *line),
                    Chunk::BadSeparator { line, .. } => Place::Yaml(0..0, *line),
                })
            }));
            parts.extend(of_yaml);
            yaml = rest.into_text();
        }
        (Self { json: file.text.into_owned(), yaml, documents }, read::collect(parts))
    }

    /// Finds a value by its JSON pointer (`/spec/containers/0/image`; nothing for the whole document) in the document
    /// with this index. `None` where there is no such document or it cannot be parsed.
    #[must_use]
    pub fn locate(&self, document: usize, pointer: &str) -> Option<Location> {
        let path: Vec<String> =
            pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        match self.documents.get(document)? {
            Place::Json(from) => {
                let mut finder = Finder::new(&path);
                json::value(&self.json, *from, &mut finder).ok()?;
                finder.found(&self.json, 1)
            }
            Place::Yaml(range, line) => {
                let text = read::without_mark(self.yaml.get(range.clone())?);
                event::parse(text, || Finder::new(&path)).ok()?.0.found(text, *line)
            }
        }
    }

    /// The order of the document with this index; see [`Order`].
    #[must_use]
    pub fn order(&self, document: usize) -> Option<Order> {
        match self.documents.get(document)? {
            Place::Json(from) => {
                let mut builder = order::Builder::default();
                json::value(&self.json, *from, &mut builder).ok()?;
                builder.finish()
            }
            Place::Yaml(range, _) => {
                let text = read::without_mark(self.yaml.get(range.clone())?);
                event::parse(text, order::Builder::default).ok()?.0.finish()
            }
        }
    }
}

/// Walks over a document towards one path.
struct Finder<'p> {
    path: &'p [String],
    /// The open containers, each with the key or the index of what comes next in it.
    open: Vec<Step>,
    /// How many of the open containers are on the path.
    on_path: usize,
    /// How much of the path was met last, with the offsets of its last key and value. A later duplicate replaces it.
    best: Option<(usize, Option<usize>, usize)>,
}

enum Step {
    /// The next node is a key.
    Key,
    /// The next node has this key, if that can be one, which stands at an offset.
    Value(Option<String>, usize),
    /// The next node has this index.
    Item(usize),
}

impl<'p> Finder<'p> {
    fn new(path: &'p [String]) -> Self {
        Self { path, open: Vec::new(), on_path: 0, best: None }
    }

    /// Takes note of a value, and tells whether it is on the path.
    fn value(&mut self, at: usize) -> bool {
        let depth = self.open.len();
        // What it is in must be on the path, and it must be the next part of it.
        let (leads_on, key) = match self.open.last() {
            None => (true, None),
            Some(step) if self.on_path == depth => match (step, self.path.get(depth - 1)) {
                (Step::Value(key, key_at), Some(part)) => (key.as_ref() == Some(part), Some(*key_at)),
                (Step::Item(index), Some(part)) => (part.parse() == Ok(*index), None),
                _ => (false, None),
            },
            Some(_) => (false, None),
        };
        if leads_on {
            self.best = Some((depth, key, at));
        }
        leads_on
    }

    /// Moves on behind a value.
    fn advance(&mut self) {
        match self.open.last_mut() {
            Some(Step::Item(index)) => *index += 1,
            Some(step) => *step = Step::Key,
            None => {}
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Step::Key))
    }

    /// Takes a node that is a key.
    fn key(&mut self, key: Option<String>, at: usize) {
        if let Some(step) = self.open.last_mut() {
            *step = Step::Value(key, at);
        }
    }

    fn found(self, text: &str, line: usize) -> Option<Location> {
        let (depth, key, value) = self.best?;
        let position = |at: usize| {
            let (line, column) = Cursor::new(text, line).position(at);
            Position { line, column }
        };
        Some(Location { key: key.map(position), value: position(value), exact: depth == self.path.len() })
    }
}

impl Sink for Finder<'_> {
    fn scalar(&mut self, raw: Raw, _: Option<String>, at: usize) -> Result<(), Fault> {
        if self.expects_key() {
            let key = scalar::resolve(raw).ok().and_then(|scalar| scalar::key(scalar).ok());
            self.key(key, at);
        } else {
            self.value(at);
            self.advance();
        }
        Ok(())
    }

    fn refuse(&mut self, at: usize, _: String) -> Result<(), Fault> {
        self.value(at);
        self.advance();
        Ok(())
    }

    fn open(&mut self, shape: Shape, _: Option<String>, at: usize) -> Result<(), Fault> {
        if self.value(at) && self.on_path == self.open.len() {
            self.on_path += 1;
        }
        self.open.push(match shape {
            Shape::List => Step::Item(0),
            Shape::Map => Step::Key,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        self.open.pop();
        self.on_path = self.on_path.min(self.open.len());
        self.advance();
        Ok(())
    }

    fn alias(&mut self, _: &str, at: usize) -> Result<(), Fault> {
        if self.expects_key() {
            self.key(None, at);
        } else {
            self.value(at);
            self.advance();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(text: &str, document: usize, pointer: &str) -> Option<(usize, usize, bool)> {
        let Location { value, exact, .. } = Locator::new(text.as_bytes()).locate(document, pointer)?;
        Some((value.line, value.column, exact))
    }

    const TWO: &str = "# none\n---\na:\n  b: 1\n  c:\n  - x\n  - d: é\n    e/f: {g: [1, 2]}\n---\nz: 1\n";

    #[test]
    fn values_are_found_by_their_path() {
        assert_eq!(locate(TWO, 0, ""), Some((3, 1, true)));
        assert_eq!(locate(TWO, 0, "/a"), Some((4, 3, true)));
        assert_eq!(locate(TWO, 0, "/a/b"), Some((4, 6, true)));
        assert_eq!(locate(TWO, 0, "/a/c/0"), Some((6, 5, true)));
        assert_eq!(locate(TWO, 0, "/a/c/1/d"), Some((7, 8, true)));
        assert_eq!(locate(TWO, 0, "/a/c/1/e~1f/g/1"), Some((8, 18, true)));
        assert_eq!(locate(TWO, 1, "/z"), Some((10, 4, true)));
        assert_eq!(locate(TWO, 2, "/z"), None);
    }

    #[test]
    fn keys_have_their_own_place() {
        let found = Locator::new(TWO.as_bytes()).locate(0, "/a/c").expect("it is there");
        assert_eq!(found.key, Some(Position { line: 5, column: 3 }));
        assert_eq!(found.value, Position { line: 6, column: 3 });
    }

    #[test]
    fn what_is_missing_has_the_place_of_what_it_is_missing_from() {
        assert_eq!(locate(TWO, 0, "/a/x/y"), Some((4, 3, false)));
        assert_eq!(locate(TWO, 0, "/a/c/7"), Some((6, 3, false)));
    }

    #[test]
    fn the_last_of_two_keys_counts_and_keys_are_compared_as_kubectl_reads_them() {
        assert_eq!(locate("a: {b: 1}\non: 1\na: 2\n", 0, "/a"), Some((3, 4, true)));
        assert_eq!(locate("a: {b: 1}\non: 1\na: 2\n", 0, "/a/b"), Some((3, 4, false)));
        assert_eq!(locate("a: 1\non: 1\n", 0, "/true"), Some((2, 5, true)));
    }

    #[test]
    fn aliases_and_merges_end_the_search() {
        let text = "a: &a {b: {c: 1}}\nd: *a\ne: {<<: *a}\n";
        assert_eq!(locate(text, 0, "/d/b/c"), Some((2, 4, false)));
        assert_eq!(locate(text, 0, "/e/b"), Some((3, 4, false)));
    }

    #[test]
    fn json_is_searched_too() {
        let text = "{\"a\": 1} {\"b\":\n [1, {\"c\": \"\\ud83d\\ude80\"}]}\n";
        assert_eq!(locate(text, 1, "/b/1/c"), Some((2, 12, true)));
    }
}
