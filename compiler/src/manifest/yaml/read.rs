//! Reading a whole file: JSON first where it looks like it, then YAML chunk by chunk.
//!
//! In: bytes. Out: a [`Reading`], or for the locator what became of each piece.
//! Guarantees: the order and the fallback of apimachinery's `YAMLOrJSONDecoder`; one broken document hides no other
//! (but broken JSON hides what follows it, because nobody knows where it ends); equal input gives equal output,
//! whatever the threads do.

use std::borrow::Cow;

use rayon::prelude::*;

use super::cursor::Cursor;
use super::event::{self, Fault};
use super::lint::{self, Note};
use super::load::Loader;
use super::split::{self, Chunk, Decoded};
use super::{Document, Limits, Lint, Problem, Reading, json, typed};
use crate::canon::Value;

/// Files up to this size are read by one thread.
const SMALL: usize = 64 << 10;

/// Reads a file as kubectl reads it.
#[must_use]
pub fn read(bytes: &[u8], limits: Limits) -> Reading {
    let file = split::decode(bytes);
    let (mut parts, rest) = json_parts(&file.text, limits);
    if let Some(yaml) = Yaml::new(&file, rest) {
        parts.extend(yaml.parts(&yaml.chunks(), limits));
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
            Ok(document) => (document.root, document.start, document.faults, document.notes),
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
                typed::check(text, start, &mut loader);
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

/// The part of a file that is YAML.
#[derive(Debug)]
pub(super) struct Yaml<'t> {
    /// Its text, with its line ends normalised.
    text: Cow<'t, str>,
    /// Its first line.
    line: usize,
    /// It is not the UTF-8 that its byte order mark promises.
    broken: bool,
}

impl<'t> Yaml<'t> {
    /// The YAML of a file that starts at an offset, if there is any.
    pub(super) fn new(file: &'t Decoded, from: Option<usize>) -> Option<Self> {
        let text = file.text.get(from?..)?;
        let line = 1 + file.text.bytes().take(from?).filter(|byte| *byte == b'\n').count();
        Some(Self { text: split::normalise(text), line, broken: file.broken })
    }

    pub(super) fn chunks(&self) -> Vec<Chunk<'_>> {
        split::chunks(&self.text, self.line)
    }

    pub(super) fn into_text(self) -> String {
        self.text.into_owned()
    }

    /// Reads all chunks.
    pub(super) fn parts(&self, chunks: &[Chunk], limits: Limits) -> Vec<Part> {
        let read = |(place, chunk): (usize, &Chunk)| self.part(place, chunk, limits);
        if self.text.len() <= SMALL || chunks.len() == 1 {
            chunks.iter().enumerate().map(read).collect()
        } else {
            chunks.par_iter().enumerate().map(read).collect()
        }
    }

    fn part(&self, place: usize, chunk: &Chunk, limits: Limits) -> Part {
        let (text, line) = match *chunk {
            Chunk::Text { text, line, .. } => (text, line),
            Chunk::BadSeparator { line, text } => {
                let message = "only blanks or a comment may follow `---`: move the rest to the next line";
                return Part::new(place, Err(Fault::new(3, message)), &Cursor::new(text, line));
            }
        };
        if self.broken
            && let Some(at) = text.find(char::REPLACEMENT_CHARACTER)
        {
            let message = "the text is not the UTF-8 that its byte order mark promises";
            return Part::new(place, Err(Fault::new(at, message)), &Cursor::new(text, line));
        }
        let text = without_mark(text);
        let loaded = event::parse(text, || Loader::new(limits)).map(|(mut loader, end)| {
            loader.notes.extend(lint::dropped_text(text, end));
            loader
        });
        Part::new(place, loaded, &Cursor::new(text, line))
    }
}

/// yaml.v2's reader takes off a byte order mark at the start of every chunk.
pub(super) fn without_mark(chunk: &str) -> &str {
    chunk.strip_prefix('\u{FEFF}').unwrap_or(chunk)
}

/// Numbers the documents.
pub(super) fn collect(parts: Vec<Part>) -> Reading {
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

#[cfg(test)]
mod tests {
    use super::super::lint as rules;
    use super::*;

    fn all(text: &str) -> Reading {
        read(text.as_bytes(), Limits::default())
    }

    /// The documents as JSON, and the lines of the problems.
    fn brief(text: &str) -> (Vec<String>, Vec<usize>) {
        let reading = all(text);
        let json = |document: &Document| serde_json::Value::from(&document.value).to_string();
        (reading.documents.iter().map(json).collect(), reading.problems.iter().map(|problem| problem.line).collect())
    }

    fn documents(text: &str) -> Vec<String> {
        let (documents, problems) = brief(text);
        assert_eq!(problems, [0; 0], "{text}");
        documents
    }

    #[test]
    fn documents_are_numbered_without_the_empty_ones_and_know_their_line() {
        let reading = all("# only a comment\n---\n# c\na: 1\n---\n---\n\n- b\n");
        let places: Vec<_> = reading.documents.iter().map(|document| (document.index, document.line)).collect();
        assert_eq!(places, [(0, 4), (1, 8)]);
    }

    #[test]
    fn one_broken_document_hides_no_other() {
        let reading = all("a: 1\n---\nb: [\n---\nc: .nan\nd: {~: 1}\n---\n--- x\n---\ne: 1\n");
        assert_eq!(reading.documents.iter().map(|document| document.index).collect::<Vec<_>>(), [0, 4]);
        let problems: Vec<_> =
            reading.problems.iter().map(|problem| (problem.document, problem.line, problem.column)).collect();
        assert_eq!(problems, [(1, 4, 1), (2, 5, 4), (2, 6, 5), (3, 8, 4)]);
        assert!(reading.into_documents().is_err());
    }

    #[test]
    fn problems_say_where_the_thing_began() {
        let reading = all("a:\n  b: \"x\n  c: 1\n");
        assert_eq!(
            reading.problems[0].message,
            "found unexpected end of stream, while scanning a quoted scalar that starts on line 2"
        );
    }

    #[test]
    fn json_is_a_stream_of_objects() {
        assert_eq!(
            documents("{\"a\":1}{\"b\":\"\\ud83d\\ude80\\/\"}\n null [3]"),
            ["{\"a\":1}", "{\"b\":\"🚀/\"}", "[3]"]
        );
        assert_eq!(documents("\n\n{\"a\": 1}\n---\nb: 1\n---\n{c: 1}\n"), ["{\"a\":1}", "{\"b\":1}", "{\"c\":1}"]);
    }

    #[test]
    fn what_starts_like_json_may_be_yaml() {
        assert_eq!(documents("{a: yes}"), ["{\"a\":true}"]);
        assert_eq!(documents("{\"a\": 1,}\n"), ["{\"a\":1}"]);
    }

    #[test]
    fn after_two_json_objects_there_is_no_way_back() {
        assert_eq!(brief("{\"a\":1}\n{\"b\":1}\n---\nc: 1\n"), (vec!["{\"a\":1}".into(), "{\"b\":1}".into()], vec![3]));
    }

    #[test]
    fn positions_in_json_count_from_the_start_of_the_file() {
        let reading = all("{\"a\": 1}\n {\"b\": 1e999}\n{\"c\": 1, \"c\": 2}");
        assert_eq!(reading.problems[0].to_string(), "line 2, column 8: `1e999` is too large for a number");
        assert_eq!((reading.lints[0].document, reading.lints[0].line, reading.lints[0].column), (2, 3, 10));
        assert_eq!(reading.documents[1].line, 3);
    }

    #[test]
    fn a_mark_that_lies_is_an_error_for_yaml_only() {
        assert_eq!(read(b"\xEF\xBB\xBFa: 1\n---\nb: \xE9\n", Limits::default()).problems[0].line, 3);
        assert_eq!(read(b"\xEF\xBB\xBF{\"b\": \"\xE9\"}", Limits::default()).problems, []);
    }

    #[test]
    fn escaped_apostrophes_are_read_and_move_no_position() {
        let text = format!("{}\"\\'\": yes\n", "a: \"it\\'s\\'\"\n".repeat(50));
        let reading = all(&text);
        assert_eq!(reading.problems, []);
        assert_eq!(reading.documents[0].value.get("a"), Some(&Value::from("it's'")));
        assert_eq!(reading.lints.iter().filter(|lint| lint.rule == rules::DUPLICATE_KEY).count(), 49);
        let last = reading.lints.last().map(|lint| (lint.rule, lint.line, lint.column));
        assert_eq!(last, Some((rules::YAML_1_1_BOOLEAN, 51, 7)));
    }

    #[test]
    fn text_behind_the_end_is_dropped_with_a_lint() {
        let reading = all("a: 1\n...\n# c\nb: [\n---\nc: 1\n");
        assert_eq!(reading.documents.len(), 2);
        assert_eq!((reading.lints[0].rule, reading.lints[0].line), (rules::DROPPED_TEXT, 4));
        assert_eq!(documents("[]: 1\nb: 2\n"), ["[]"]);
    }

    #[test]
    fn directives_count_where_the_separator_behind_them_is_none_for_kubectl() {
        assert_eq!(documents("%YAML 1.1\r---\ra: 1\n"), ["{\"a\":1}"]);
        assert_eq!(brief("%YAML 1.2\r---\ra: 1\n"), (vec![], vec![1]));
        assert_eq!(brief("%YAML 1.1\n---\na: 1\n"), (vec!["{\"a\":1}".into()], vec![2]));
    }

    #[test]
    fn threads_change_nothing() {
        let documents: Vec<_> = (0..9_000).map(|number| format!("a: {number}\nb: yes\n")).collect();
        let text = format!("---\n{}", documents.join("---\n"));
        let reading = all(&text);
        assert_eq!(reading.documents.len(), 9_000);
        let sound = |(index, document): (usize, &Document)| {
            document.index == index
                && document.line == 3 * index + 2
                && document.value.get("a").and_then(Value::as_int) == i64::try_from(index).ok()
        };
        assert!(reading.documents.iter().enumerate().all(sound));
        assert!(
            reading.lints.iter().enumerate().all(|(index, lint)| lint.document == index && lint.line == 3 * index + 3)
        );
    }
}
