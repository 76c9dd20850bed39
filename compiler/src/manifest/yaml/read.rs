//! Reading a whole file: JSON first where it looks like it, then YAML chunk by chunk.
//!
//! In: bytes. Out: a [`Reading`], or for the locator what became of each piece.
//! Guarantees: the order and the fallback of apimachinery's `YAMLOrJSONDecoder`; one broken document hides no other
//! (but broken JSON hides what follows it, because nobody knows where it ends); equal input gives equal output,
//! whatever the threads do.

use rayon::prelude::*;

use super::event::{self, Fault};
use super::lint::{self, Note};
use super::load::Loader;
use super::split::{self, Chunk};
use super::{Document, Limits, Lint, Problem, Reading, json};
use crate::canon::Value;

/// Files up to this size are read by one thread.
const SMALL: usize = 64 << 10;

/// Reads a file as kubectl reads it.
#[must_use]
pub fn read(bytes: &[u8], limits: Limits) -> Reading {
    let text = split::decode(bytes);
    let (mut parts, rest) = json_parts(&text, limits);
    if let Some(from) = rest {
        parts.extend(yaml_parts(&split::normalise(&text[from..]), line_of(&text, from), limits));
    }
    collect(parts)
}

/// What became of one piece of a file.
#[derive(Debug)]
pub(super) struct Part {
    /// Where it stands: the offset of a JSON value, or the number of a chunk.
    pub(super) place: usize,
    value: Option<Value>,
    line: usize,
    problems: Vec<Problem>,
    lints: Vec<Lint>,
}

impl Part {
    /// Whether this counts as a document.
    pub(super) fn is_document(&self) -> bool {
        self.value.is_some() || !self.problems.is_empty()
    }

    /// Makes a part of what was loaded from where the cursor stands.
    fn new(place: usize, loaded: Result<Loader, Fault>, start_at: &Cursor) -> Self {
        let (root, start, mut faults, mut notes) = match loaded {
            Ok(loader) => (loader.root, loader.start, loader.faults, loader.notes),
            Err(fault) => (None, None, vec![fault], Vec::new()),
        };
        faults.sort_by_key(|fault| fault.at);
        notes.sort_by_key(|note| note.at);
        let (mut problem_at, mut lint_at) = (start_at.clone(), start_at.clone());
        Self {
            place,
            value: root.filter(|value| faults.is_empty() && *value != Value::Null),
            line: start_at.clone().position(start.unwrap_or_default()).0,
            problems: faults.into_iter().map(|fault| problem(fault, &mut problem_at, start_at)).collect(),
            lints: notes.into_iter().map(|note| lint(note, &mut lint_at)).collect(),
        }
    }
}

fn problem(fault: Fault, cursor: &mut Cursor, start: &Cursor) -> Problem {
    let (line, column) = cursor.position(fault.at);
    let since = fault.since.map(|at| start.clone().position(at).0).filter(|since| *since != line);
    let message = match since {
        Some(since) => format!("{} that starts on line {since}", fault.message),
        None => fault.message,
    };
    Problem { document: 0, line, column, message }
}

fn lint(note: Note, cursor: &mut Cursor) -> Lint {
    let (line, column) = cursor.position(note.at);
    Lint { rule: note.rule, document: 0, line, column, message: note.message }
}

/// Reads JSON values as long as there are any, and tells where YAML starts, if at all.
pub(super) fn json_parts(text: &str, limits: Limits) -> (Vec<Part>, Option<usize>) {
    let mut parts = Vec::new();
    if !split::looks_like_json(text) {
        return (parts, Some(0));
    }
    let mut end = 0;
    let mut cursor = Cursor::new(text, 1);
    loop {
        let start = json::skip_space(text, end);
        cursor.position(start);
        if start == text.len() {
            return (parts, None);
        }
        let mut loader = Loader::new(limits);
        let fault = match json::value(text, start, &mut loader) {
            Ok(next) => {
                parts.push(Part::new(start, Ok(loader), &cursor));
                end = next;
                continue;
            }
            // After two values kubectl is sure that this is JSON.
            Err(json::Failure::Syntax(fault)) if parts.len() < 2 => match split::after_json(text, end) {
                Some(from) => return (parts, Some(from)),
                None => fault,
            },
            Err(json::Failure::Syntax(fault) | json::Failure::Refused(fault)) => fault,
        };
        parts.push(Part::new(start, Err(fault), &cursor));
        return (parts, None);
    }
}

/// Reads the chunks of a normalised text whose first line has number `line`.
pub(super) fn yaml_parts(text: &str, line: usize, limits: Limits) -> Vec<Part> {
    let chunks = split::chunks(text, line);
    let read = |(place, chunk): (usize, &Chunk)| yaml_part(place, chunk, limits);
    if text.len() <= SMALL || chunks.len() == 1 {
        chunks.iter().enumerate().map(read).collect()
    } else {
        chunks.par_iter().enumerate().map(read).collect()
    }
}

fn yaml_part(place: usize, chunk: &Chunk, limits: Limits) -> Part {
    let (text, line) = match *chunk {
        Chunk::Text { text, line } => (text, line),
        Chunk::BadSeparator { line, text } => {
            let message = "only blanks or a comment may follow `---`: move the rest to the next line";
            return Part::new(place, Err(Fault::new(3, message)), &Cursor::new(text, line));
        }
    };
    // yaml.v2's reader takes off a mark at the start of every chunk.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let loaded = event::parse(text, || Loader::new(limits)).map(|(mut loader, end)| {
        loader.notes.extend(lint::dropped_text(text, end));
        loader
    });
    Part::new(place, loaded, &Cursor::new(text, line))
}

/// Numbers the documents.
fn collect(parts: Vec<Part>) -> Reading {
    let mut reading = Reading::default();
    let mut index = 0;
    for part in parts {
        let counts = part.is_document();
        let Part { value, line, problems, lints, .. } = part;
        reading.documents.extend(value.map(|value| Document { value, index, line }));
        reading.problems.extend(problems.into_iter().map(|problem| Problem { document: index, ..problem }));
        reading.lints.extend(lints.into_iter().map(|lint| Lint { document: index, ..lint }));
        index += usize::from(counts);
    }
    reading
}

/// The line, from 1, on which an offset lies.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Turns rising byte offsets into lines and columns, both from 1.
#[derive(Clone)]
pub(super) struct Cursor<'t> {
    left: &'t str,
    at: usize,
    line: usize,
    column: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, line: usize) -> Self {
        Self { left: text, at: 0, line, column: 1 }
    }

    /// The line and the column of an offset, which is not below the last one asked for.
    pub(super) fn position(&mut self, at: usize) -> (usize, usize) {
        for c in self.left.chars() {
            if self.at >= at {
                break;
            }
            self.at += c.len_utf8();
            self.left = &self.left[c.len_utf8()..];
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        (self.line, self.column)
    }
}
