//! The parser: libyaml-safer's events, brought to what yaml.v2's own port of libyaml does.
//!
//! In: the text of one chunk. Out: its first document, node by node, into a [`Sink`].
//! Guarantees: never panics; what yaml.v2 refuses is refused. The two ports differ in few places, and here is each:
//! `\'` and `\/` in double quotes (yaml.v2 knows the first and not the second), `?` in plain text inside `[]` and `{}`
//! (ends the text there), `:` at the end of such text (`{a:}` has the key `a:`), an empty `[]` or `{}` as the first key
//! (the document ends before its `:`), a byte order mark inside the text, tags next to `,`, `[` or `]`, and `%YAML 1.2`. Where following yaml.v2 would mean its accidents on texts that nobody
//! writes, this reports an error instead; it never reads another value.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Encoding, Event, EventData, MappingStyle, Parser, ScalarStyle, SequenceStyle};

use super::quirk;
use super::scalar::Raw;

/// Something wrong, at a byte offset of the text.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) at: usize,
    /// Where the thing began that is wrong, if that is somewhere else.
    pub(super) since: Option<usize>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, since: None, message: message.into() }
    }
}

/// The two containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    List,
    Map,
}

/// Takes the nodes of a document in order; the items of a map are its keys and values in turn.
pub(super) trait Sink {
    /// A scalar that stands at an offset.
    fn scalar(&mut self, raw: Raw, anchor: Option<String>, at: usize) -> Result<(), Fault>;
    /// A scalar that is an error, which is recorded while reading goes on.
    fn refuse(&mut self, at: usize, message: String) -> Result<(), Fault>;
    /// The start of a container.
    fn open(&mut self, shape: Shape, anchor: Option<String>, at: usize) -> Result<(), Fault>;
    /// The end of the container that was opened last.
    fn close(&mut self) -> Result<(), Fault>;
    /// A repetition of what has the anchor.
    fn alias(&mut self, name: &str, at: usize) -> Result<(), Fault>;
}

/// How much may be parsed again because of `\'`, in bytes: each such scalar costs another pass.
const REPEATS: usize = 64 << 20;

/// How deep flow containers may be, summed over all nodes: libyaml-safer looks at every open one for each token.
const FLOW_WORK: usize = 1 << 28;

/// Parses the first document of `text` into a sink made by `make`, and tells where the document ends.
pub(super) fn parse<S: Sink>(text: &str, make: impl Fn() -> S) -> Result<(S, usize), Fault> {
    let mut text: Cow<str> = text.into();
    let mut repeats = REPEATS;
    loop {
        let outcome = guarded(&text, make());
        let Err(fault) = &outcome else { return outcome };
        let Some(mended) = quirk::without_escaped_apostrophes(&text, fault) else { return outcome };
        // Copying costs a little too.
        match repeats.checked_sub(fault.at + text.len() / 16) {
            Some(left) => repeats = left,
            None => return outcome,
        }
        text = mended.into();
    }
}

/// libyaml-safer panics where text does not end in a line end, which chunks do, and where [`quirk::check`] keeps it from
/// going. This is for what nobody knows of.
fn guarded<S: Sink>(text: &str, sink: S) -> Result<(S, usize), Fault> {
    let walk = || quirk::check(text).and_then(|()| Walker::new(text, sink).run());
    catch_unwind(AssertUnwindSafe(walk))
        .unwrap_or_else(|_| Err(Fault::new(0, "the YAML parser gave up on this document")))
}

/// The start of a document, while it may still be an empty container as the first key.
#[derive(Clone, Copy)]
enum Start {
    /// Nothing was seen.
    Fresh,
    /// A block map at this offset.
    Map(usize),
    /// And directly in it a container of the flow style.
    Key(usize, Shape),
    /// It is something else.
    Past,
}

/// What becomes of an event at the start of a document.
enum Step {
    /// It is to be read as usual.
    Read(Event),
    /// It waits for the next one.
    Wait,
    /// It ends the document.
    End,
}

struct Walker<'t, S> {
    text: &'t str,
    sink: S,
    start: Start,
    /// How many open containers are of the flow style.
    flow: usize,
    flow_work: usize,
    has_slashes: bool,
}

impl<'t, S: Sink> Walker<'t, S> {
    fn new(text: &'t str, sink: S) -> Self {
        Self { text, sink, start: Start::Fresh, flow: 0, flow_work: 0, has_slashes: text.contains("\\/") }
    }

    fn run(mut self) -> Result<(S, usize), Fault> {
        let mut parser = Parser::new();
        parser.set_encoding(Encoding::Utf8);
        parser.set_input(Pieces(self.text.as_bytes()));
        loop {
            let event = parser.parse().map_err(|error| fault(self.text, &error))?;
            let end = offset(event.end_mark.index);
            match event.data {
                // A directive gets here by a line end that is none for kubectl's splitter, such as a lone `\r`.
                EventData::DocumentStart { version_directive: Some(version), .. }
                    if (version.major, version.minor) != (1, 1) =>
                {
                    let at = offset(event.start_mark.index);
                    return Err(Fault::new(at, "found incompatible YAML document: kubectl knows %YAML 1.1 only"));
                }
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
                EventData::StreamEnd => return Ok((self.sink, self.text.len())),
                EventData::DocumentEnd { implicit } => {
                    self.check_rest(implicit, end)?;
                    return Ok((self.sink, end));
                }
                // Moving an event through another function is not free, so the usual case goes straight on.
                _ if matches!(self.start, Start::Past) => self.node(event)?,
                _ => match self.step(event)? {
                    Step::Read(event) => self.node(event)?,
                    Step::Wait => {}
                    Step::End => return Ok((self.sink, end)),
                },
            }
        }
    }

    /// yaml.v2 forgets that an empty flow container may be a key: it takes it for the whole document and stops there.
    fn step(&mut self, event: Event) -> Result<Step, Fault> {
        let at = offset(event.start_mark.index);
        let step = match (self.start, &event.data) {
            (Start::Fresh, EventData::MappingStart { anchor: None, tag: None, style: MappingStyle::Block, .. }) => {
                self.start = Start::Map(at);
                return Ok(Step::Wait);
            }
            (Start::Map(start), EventData::MappingStart { anchor: None, tag: None, style: MappingStyle::Flow, .. })
                if start == at =>
            {
                self.start = Start::Key(at, Shape::Map);
                return Ok(Step::Wait);
            }
            (
                Start::Map(start),
                EventData::SequenceStart { anchor: None, tag: None, style: SequenceStyle::Flow, .. },
            ) if start == at => {
                self.start = Start::Key(at, Shape::List);
                return Ok(Step::Wait);
            }
            (Start::Key(at, shape), EventData::MappingEnd | EventData::SequenceEnd) => {
                self.sink.open(shape, None, at)?;
                self.sink.close()?;
                Step::End
            }
            (waiting, _) => {
                self.release(waiting)?;
                Step::Read(event)
            }
        };
        self.start = Start::Past;
        Ok(step)
    }

    fn release(&mut self, waiting: Start) -> Result<(), Fault> {
        if let Start::Map(at) | Start::Key(at, _) = waiting {
            self.sink.open(Shape::Map, None, at)?;
        }
        if let Start::Key(at, shape) = waiting {
            self.flow = 1;
            self.sink.open(shape, None, at)?;
        }
        Ok(())
    }

    fn node(&mut self, event: Event) -> Result<(), Fault> {
        let at = offset(event.start_mark.index);
        self.flow_work += self.flow;
        if self.flow_work > FLOW_WORK {
            return Err(Fault::new(at, "too many nodes nest too deeply in `[]` and `{}`"));
        }
        match event.data {
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                self.check_scalar(&value, style, at, offset(event.end_mark.index))?;
                self.sink.scalar(Raw { text: value, tag, implicit: plain_implicit }, anchor, at)
            }
            EventData::Alias { anchor } => self.sink.alias(&anchor, at),
            EventData::SequenceStart { anchor, style, .. } => {
                self.enter(style == SequenceStyle::Flow);
                self.sink.open(Shape::List, anchor, at)
            }
            EventData::MappingStart { anchor, style, .. } => {
                self.enter(style == MappingStyle::Flow);
                self.sink.open(Shape::Map, anchor, at)
            }
            EventData::SequenceEnd | EventData::MappingEnd => {
                self.flow = self.flow.saturating_sub(1);
                self.sink.close()
            }
            _ => Ok(()),
        }
    }

    /// Flow containers hold flow containers only, so counting those is enough.
    fn enter(&mut self, flow_style: bool) {
        if flow_style || self.flow > 0 {
            self.flow += 1;
        }
    }

    /// To see that a document ends, the parsers read on in that line, where they may meet what only yaml.v2 refuses.
    fn check_rest(&self, implicit: bool, end: usize) -> Result<(), Fault> {
        let line = self.text.get(end..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let escapes = self.has_slashes && line.contains('"') && line.contains("\\/");
        let questions = line.contains('?') && line.contains(['[', '{']);
        if implicit && (escapes || questions) {
            return Err(Fault::new(end, "text follows the end of the document"));
        }
        Ok(())
    }

    fn check_scalar(&self, value: &str, style: ScalarStyle, at: usize, end: usize) -> Result<(), Fault> {
        match style {
            ScalarStyle::Plain if self.flow > 0 && value.contains('?') => {
                Err(Fault::new(at, "plain text inside `[]` or `{}` ends at its `?` for kubectl: quote it"))
            }
            ScalarStyle::DoubleQuoted if self.has_slashes => quirk::check_slashes(self.text, at, end),
            _ => Ok(()),
        }
    }
}

/// Where libyaml stopped, in its own words.
fn fault(text: &str, error: &libyaml_safer::Error) -> Fault {
    let message = match error.context() {
        Some(context) => format!("{}, {context}", error.problem()),
        None => error.problem().to_owned(),
    };
    // Errors of the reader have no mark: its only complaint about a decoded text is a control character.
    let at = error.problem_mark().map_or_else(|| quirk::control_character(text), |mark| offset(mark.index));
    Fault { at, since: error.context_mark().map(|mark| offset(mark.index)), message }
}

fn offset(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// Serves the text in pieces, so that the parser's queue of characters stays small enough for the processor's cache.
struct Pieces<'t>(&'t [u8]);

const PIECE: usize = 4096;

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.0[..self.0.len().min(PIECE)])
    }

    fn consume(&mut self, amount: usize) {
        self.0 = self.0.get(amount..).unwrap_or_default();
    }
}
