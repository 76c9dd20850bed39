//! What is remembered of a compilation: its ids, its lints, where everything came from.
//!
//! In: a compilation, or the bytes of an entry under a recipe. Out: the other. Paths are kept relative to the folder,
//! since a moved folder has the same recipe. An entry is ours alone and checksummed by the store; one that is not whole
//! is no entry.
//!
//! `[compiler, graph, content root, hook root, lints, [strings, origins, fields, dropped]]` in our canonical encoding. The
//! compiler is a hash of its sources: what another one gave says nothing of what this one would give. A lint is `[path,
//! line, column, name, message]`. Origins (a path and a line for each resource) and fields (one for each edge) are
//! numbers of strings, so that who needs the ids alone steps over a few bytes. A dropped edge is `[from, to, state, rule,
//! version of the rule, field]`.

use std::collections::{BTreeMap, HashMap};

use crate::canon::{ContentRoot, DecodeError, Decoder, Encoder, Graph, HookRoot, Id};
use crate::depend::{self, Edge, Node, State, Strength};
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::graph::ResourceGraph;
use crate::lint::is_lint;

use super::Provenance;

/// A hash of the sources of this compiler and of its lock file.
const COMPILER: &str = env!("GITOPS_COMPILER_SOURCES");

/// An entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) graph: Id<Graph>,
    pub(super) content_root: Id<ContentRoot>,
    pub(super) hook_root: Id<HookRoot>,
    /// Without the levels that the user chose.
    pub(super) lints: Vec<Diagnostic>,
    /// Encoded.
    provenance: Vec<u8>,
}

impl Entry {
    pub(super) fn new(
        graph: &ResourceGraph,
        provenance: &Provenance,
        lints: &[Diagnostic],
        below: impl Fn(&str) -> String,
    ) -> Self {
        let relative = |origin: &Origin| Origin { path: below(&origin.path), ..origin.clone() };
        let lint = |lint: &Diagnostic| Diagnostic { origin: relative(&lint.origin), ..lint.clone() };
        let origins: Vec<Origin> = provenance.origins.iter().map(relative).collect();
        Self {
            graph: graph.id(),
            content_root: graph.content_root(),
            hook_root: graph.hook_root(),
            lints: lints.iter().map(lint).collect(),
            provenance: encode_provenance(&origins, &provenance.fields, &provenance.dropped),
        }
    }

    /// The entry of a graph with these ids, the same keys and edges, other lints, and some resources on other lines.
    pub(super) fn updated(
        &self,
        (graph, content_root, hook_root): (Id<Graph>, Id<ContentRoot>, Id<HookRoot>),
        lints: Vec<Diagnostic>,
        moved: &BTreeMap<Node, usize>,
    ) -> Result<Self, DecodeError> {
        let provenance = with_lines(&self.provenance, moved)?;
        Ok(Self { graph, content_root, hook_root, lints, provenance })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.list(6);
        encoder.text(COMPILER);
        encoder.raw(self.graph.digest());
        encoder.raw(self.content_root.digest());
        encoder.raw(self.hook_root.digest());
        encoder.list(self.lints.len());
        for Diagnostic { origin, rule, message, level: _ } in &self.lints {
            encoder.list(5);
            encoder.text(&origin.path);
            encoder.unsigned(origin.line as u64);
            encoder.unsigned(origin.column as u64);
            encoder.text(rule.as_deref().unwrap_or_default());
            encoder.text(message);
        }
        encoder.raw(&self.provenance);
        encoder.finish()
    }

    /// Reads an entry; paths come below `folder`.
    pub(super) fn decode(bytes: &[u8], folder: &str) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        decoder.list_of(6)?;
        if decoder.text()? != COMPILER {
            return Err(DecodeError { offset: 0, reason: "another compiler wrote it" });
        }
        let (graph, content_root, hook_root) = (decoder.digest()?, decoder.digest()?, decoder.digest()?);
        let mut lints = Vec::new();
        for _ in 0..decoder.list()? {
            decoder.list_of(5)?;
            let path = inside(folder, decoder.text()?);
            let origin = Origin { path, line: number(&mut decoder)?, column: number(&mut decoder)? };
            let (rule, message) = (decoder.text()?.to_owned(), decoder.text()?.to_owned());
            if !is_lint(&rule) {
                return Err(DecodeError { offset: decoder.offset(), reason: "no lint has this name" });
            }
            lints.push(Diagnostic { origin, level: Level::Warning, rule: Some(rule), message });
        }
        let provenance = decoder.raw()?.to_vec();
        decoder.end()?;
        Ok(Self {
            graph: Id::from_digest(graph),
            content_root: Id::from_digest(content_root),
            hook_root: Id::from_digest(hook_root),
            lints,
            provenance,
        })
    }

    /// Where the parts of the graph came from; `None` where it is of another graph.
    pub(super) fn provenance(&self, graph: &ResourceGraph, folder: &str) -> Option<Provenance> {
        let provenance = decode_provenance(&self.provenance, folder).ok()?;
        let whole = provenance.origins.len() == graph.resources().len()
            && provenance.fields.len() == graph.edges().len() + graph.deletions().len();
        whole.then_some(provenance)
    }
}

/// A path as it is from the root of the repository. What has no path is of the set as a whole.
fn inside(folder: &str, path: &str) -> String {
    if folder.is_empty() || path.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

fn number(decoder: &mut Decoder<'_>) -> Result<usize, DecodeError> {
    Ok(usize::try_from(decoder.unsigned()?).unwrap_or(usize::MAX))
}

/// Strings under their numbers, each once.
#[derive(Default)]
struct Strings<'a> {
    numbers: HashMap<&'a str, u64>,
    all: Vec<&'a str>,
}

impl<'a> Strings<'a> {
    fn number(&mut self, text: &'a str) -> u64 {
        *self.numbers.entry(text).or_insert_with(|| {
            self.all.push(text);
            self.all.len() as u64 - 1
        })
    }
}

fn encode_provenance(origins: &[Origin], fields: &[String], dropped: &[Edge]) -> Vec<u8> {
    let mut strings = Strings::default();
    let origins: Vec<(u64, usize)> = origins.iter().map(|origin| (strings.number(&origin.path), origin.line)).collect();
    let fields: Vec<u64> = fields.iter().map(|field| strings.number(field)).collect();
    let dropped: Vec<(&Edge, [u64; 2])> =
        dropped.iter().map(|edge| (edge, [strings.number(edge.rule.name), strings.number(&edge.field)])).collect();
    let mut encoder = Encoder::new();
    encoder.list(4);
    encoder.list(strings.all.len());
    for text in &strings.all {
        encoder.text(text);
    }
    encoder.list(2 * origins.len());
    for (path, line) in origins {
        encoder.unsigned(path);
        encoder.unsigned(line as u64);
    }
    encoder.list(fields.len());
    for field in fields {
        encoder.unsigned(field);
    }
    encoder.list(dropped.len());
    for (edge, [rule, field]) in dropped {
        encoder.list(6);
        for part in [edge.from as u64, edge.to as u64, edge.state as u64, rule, u64::from(edge.rule.version), field] {
            encoder.unsigned(part);
        }
    }
    encoder.finish()
}

/// The same provenance, with some resources on other lines of their files.
fn with_lines(bytes: &[u8], lines: &BTreeMap<Node, usize>) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    decoder.list_of(4)?;
    decoder.skip()?;
    let strings = decoder.offset();
    let mut encoder = Encoder::new();
    encoder.canonical(&bytes[..strings]);
    let origins = decoder.list()?;
    encoder.list(origins);
    for node in 0..origins / 2 {
        encoder.unsigned(decoder.unsigned()?);
        let before = decoder.unsigned()?;
        encoder.unsigned(lines.get(&node).map_or(before, |line| *line as u64));
    }
    encoder.canonical(&bytes[decoder.offset()..]);
    Ok(encoder.finish())
}

fn decode_provenance(bytes: &[u8], folder: &str) -> Result<Provenance, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    decoder.list_of(4)?;
    let mut strings = Vec::new();
    for _ in 0..decoder.list()? {
        strings.push(decoder.text()?);
    }
    let text = |number: usize| strings.get(number).copied().unwrap_or_default();
    let mut origins = Vec::new();
    for _ in 0..decoder.list()? / 2 {
        let path = inside(folder, text(number(&mut decoder)?));
        origins.push(Origin { path, line: number(&mut decoder)?, column: 0 });
    }
    let mut fields = Vec::new();
    for _ in 0..decoder.list()? {
        fields.push(text(number(&mut decoder)?).to_owned());
    }
    let mut dropped = Vec::new();
    for _ in 0..decoder.list()? {
        decoder.list_of(6)?;
        let [from, to, state, rule, version, field] = decode_numbers(&mut decoder)?;
        let state = [State::Present, State::Ready, State::Absent].get(state).copied();
        let rule = u32::try_from(version).ok().and_then(|version| depend::rule(text(rule), version));
        let unknown = DecodeError { offset: decoder.offset(), reason: "an edge is of no rule" };
        let (state, rule) = state.zip(rule).ok_or(unknown)?;
        // Hard ones are never dropped.
        let (strength, field) = (Strength::Soft, text(field).to_owned());
        dropped.push(Edge { from, to, state, strength, rule, field });
    }
    decoder.end()?;
    Ok(Provenance { origins, fields, dropped })
}

fn decode_numbers<const N: usize>(decoder: &mut Decoder<'_>) -> Result<[usize; N], DecodeError> {
    let mut numbers = [0; N];
    for place in &mut numbers {
        *place = number(decoder)?;
    }
    Ok(numbers)
}
