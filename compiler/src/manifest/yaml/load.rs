//! From nodes to a value: what yaml.v2, sigs.k8s.io/yaml and the JSON decoder behind them make of a document.
//!
//! In: the nodes of one document, from YAML or JSON. Out: its [`Value`], with everything that was wrong or surprising.
//! Guarantees: a later key replaces an earlier one; `<<` merges at the place where it stands; nothing recurses over the
//! input, nests deeper than the limit, or grows beyond the limit of bytes.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::mem;

use super::anchor::{Anchored, Anchors, Cost};
use super::event::{Fault, Shape, Sink};
use super::lint::{self, Note};
use super::scalar::{self, Raw, Scalar};
use super::{Limits, number};
use crate::canon::{Map, Value};

/// How many errors, and how many lints, one document may have: enough for every reader of them.
const MOST: usize = 1_000;

const MERGE_NEEDS_MAPS: &str = "`<<` takes a map or a list of maps";

/// A document as far as it was read.
#[derive(Debug)]
pub(super) struct Loader {
    limits: Limits,
    open: Vec<Frame>,
    anchors: Anchors,
    cost: Cost,
    /// The value, once it is complete.
    pub(super) root: Option<Value>,
    /// Where the first node stands.
    pub(super) start: Option<usize>,
    pub(super) faults: Vec<Fault>,
    pub(super) notes: Vec<Note>,
}

/// A container that is still open.
#[derive(Debug)]
struct Frame {
    items: Items,
    /// Its slot among the anchors.
    anchor: Option<usize>,
    /// What everything before it had cost.
    before: Cost,
    /// How deep its items nest.
    height: usize,
}

#[derive(Debug)]
enum Items {
    List {
        items: Vec<Value>,
        /// It stands behind `<<`, so it holds maps only.
        merging: bool,
    },
    Map {
        map: Map,
        next: Next,
        /// The keys that came from a merge, if there was one: to set those again is no accident.
        merged: Option<BTreeSet<String>>,
    },
}

/// What a map expects next.
#[derive(Debug)]
enum Next {
    Key,
    /// The value of a key, which stands at an offset.
    Value(String, usize),
    /// What to merge, by the `<<` at an offset.
    Merge(usize),
    /// The value of a key that was refused.
    Refused,
}

/// A node or what an alias repeats, as far as it decides where that may stand.
#[derive(Clone, Copy)]
enum Kind {
    Scalar,
    Node(Shape),
    Alias(Shape),
}

impl Loader {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Vec::new(),
            anchors: Anchors::default(),
            // yaml.v2 counts the document itself.
            cost: Cost { nodes: 1, ..Cost::default() },
            root: None,
            start: None,
            faults: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() < MOST {
            self.notes.push(note);
        }
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MOST {
            self.faults.push(fault);
        }
    }

    fn too_deep(&self, at: usize) -> Fault {
        Fault::new(at, format!("the document nests deeper than {} lists and maps", self.limits.depth))
    }

    /// Checks what the document would have cost with this.
    fn afford(&self, cost: Cost, at: usize) -> Result<(), Fault> {
        if cost.is_excessive() {
            return Err(Fault::new(at, "the document contains excessive aliasing: repeat less by `*`"));
        }
        if cost.bytes > self.limits.bytes {
            let limit = self.limits.bytes;
            return Err(Fault::new(at, format!("the document is larger than {limit} bytes with its aliases written out")));
        }
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { items: Items::Map { next: Next::Key, .. }, .. }))
    }

    /// Checks whether a node of this kind may stand here. Every refusal ends the document, as it does for yaml.v2.
    fn admit(&self, kind: Kind, at: usize) -> Result<(), Fault> {
        let Some(frame) = self.open.last() else { return Ok(()) };
        match (&frame.items, kind) {
            (Items::Map { next: Next::Key, .. }, Kind::Node(Shape::Map) | Kind::Alias(Shape::Map)) => {
                Err(Fault::new(at, "a map cannot be a key: quote `{}` if text is meant"))
            }
            (Items::Map { next: Next::Key, .. }, Kind::Node(Shape::List) | Kind::Alias(Shape::List)) => {
                Err(Fault::new(at, "a list cannot be a key: quote `[]` if text is meant"))
            }
            // A list may stand behind `<<`, an alias to a list may not.
            (Items::Map { next: Next::Merge(_), .. }, Kind::Scalar | Kind::Alias(Shape::List))
            | (
                Items::List { merging: true, .. },
                Kind::Scalar | Kind::Node(Shape::List) | Kind::Alias(Shape::List),
            ) => Err(Fault::new(at, MERGE_NEEDS_MAPS)),
            _ => Ok(()),
        }
    }

    /// A scalar resolved; an error of its own leaves null in its place.
    fn resolve(&mut self, raw: Raw, is_key: bool, at: usize) -> Option<Scalar> {
        if raw.is_plain() {
            let Some(scalar) = scalar::plain(&raw.text) else { return Some(Scalar::Text(raw.text)) };
            if let Some(note) = lint::scalar(&raw.text, &scalar, is_key, at) {
                self.note(note);
            }
            return Some(scalar);
        }
        match scalar::resolve(raw) {
            Ok(scalar) => Some(scalar),
            Err(message) => {
                self.fault(Fault::new(at, message));
                None
            }
        }
    }

    /// A scalar at its place, as a key or a value.
    fn put(&mut self, scalar: Option<Scalar>, at: usize) -> Result<(), Fault> {
        if !self.expects_key() {
            let value = self.value_of(scalar.unwrap_or(Scalar::Null), at);
            return self.place(value);
        }
        let next = match scalar.map(scalar::key) {
            Some(Ok(key)) => Next::Value(key, at),
            Some(Err(message)) => {
                self.fault(Fault::new(at, message));
                Next::Refused
            }
            None => Next::Refused,
        };
        self.expect(next);
        Ok(())
    }

    fn expect(&mut self, expected: Next) {
        if let Some(Frame { items: Items::Map { next, .. }, .. }) = self.open.last_mut() {
            *next = expected;
        }
    }

    fn value_of(&mut self, scalar: Scalar, at: usize) -> Value {
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(truth) => Value::Bool(truth),
            Scalar::Int(number) => Value::Int(number),
            #[expect(clippy::cast_precision_loss, reason = "Kubernetes makes a float of what is above i64")]
            Scalar::Unsigned(number) => Value::Float(number as f64),
            Scalar::Text(text) => Value::String(text),
            Scalar::Float(number) => Value::from_f64(number).unwrap_or_else(|| {
                let text = number::key_text(number);
                self.fault(Fault::new(at, format!("`{text}` is no number for JSON: quote it if text is meant")));
                Value::Null
            }),
        }
    }

    /// A finished value at its place.
    fn place(&mut self, value: Value) -> Result<(), Fault> {
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        match &mut frame.items {
            Items::List { items, .. } => items.push(value),
            Items::Map { map, next, merged } => match mem::replace(next, Next::Key) {
                Next::Value(key, at) => {
                    // To set a merged key again is what merging is for.
                    let is_merged = merged.as_mut().is_some_and(|merged| merged.remove(&key));
                    let duplicate = match map.entry(key) {
                        Entry::Vacant(entry) => {
                            entry.insert(value);
                            None
                        }
                        Entry::Occupied(mut entry) => {
                            entry.insert(value);
                            (!is_merged).then(|| lint::duplicate_key(entry.key(), at))
                        }
                    };
                    if let Some(note) = duplicate {
                        self.note(note);
                    }
                }
                Next::Merge(at) => self.merge(value, at),
                Next::Refused => {}
                Next::Key => return Err(Fault::new(0, "a list or a map stands where a key should")),
            },
        }
        Ok(())
    }

    /// Merges a map, or a list of maps whose earlier ones count more, into the map that is open.
    fn merge(&mut self, value: Value, at: usize) {
        let sources = match value {
            Value::Array(items) => items,
            single => vec![single],
        };
        let mut notes = Vec::new();
        if let Some(Frame { items: Items::Map { map, merged, .. }, .. }) = self.open.last_mut() {
            let merged = merged.get_or_insert_default();
            for source in sources.into_iter().rev() {
                let Value::Map(source) = source else { continue };
                for (key, value) in source {
                    if !map.contains_key(&key) {
                        merged.insert(key.clone());
                    } else if !merged.contains(&key) && notes.len() < MOST {
                        notes.push(lint::merge_after_key(&key, at));
                    }
                    map.insert(key, value);
                }
            }
        }
        for note in notes {
            self.note(note);
        }
    }

    fn enter(&mut self, shape: Shape, anchor: Option<String>, at: usize) -> Result<(), Fault> {
        if self.open.len() >= self.limits.depth {
            return Err(self.too_deep(at));
        }
        let before = self.cost;
        let merging = matches!(self.open.last(), Some(Frame { items: Items::Map { next: Next::Merge(_), .. }, .. }));
        // yaml.v2 walks over a list behind `<<` without decoding it.
        if !(merging && shape == Shape::List) {
            self.cost.node(0);
        }
        let items = match shape {
            Shape::List => Items::List { items: Vec::new(), merging },
            Shape::Map => Items::Map { map: Map::new(), next: Next::Key, merged: None },
        };
        let anchor = anchor.map(|name| self.anchors.open(name));
        self.open.push(Frame { items, anchor, before, height: 0 });
        self.afford(self.cost, at)
    }
}

impl Sink for Loader {
    fn scalar(&mut self, raw: Raw, anchor: Option<String>, at: usize) -> Result<(), Fault> {
        self.start.get_or_insert(at);
        let is_key = self.expects_key();
        if is_key && raw.is_merge() {
            if let Some(name) = anchor {
                let slot = self.anchors.open(name);
                self.anchors.finish(slot, Anchored::Scalar(Scalar::Text(raw.text), Cost::default()));
            }
            self.expect(Next::Merge(at));
            return Ok(());
        }
        self.admit(Kind::Scalar, at)?;
        let before = self.cost;
        self.cost.node(raw.text.len());
        let scalar = self.resolve(raw, is_key, at);
        if let Some(name) = anchor {
            let slot = self.anchors.open(name);
            let cost = self.cost.since(before);
            self.cost.bytes += cost.bytes;
            self.anchors.finish(slot, Anchored::Scalar(scalar.clone().unwrap_or(Scalar::Null), cost));
        }
        self.afford(self.cost, at)?;
        self.put(scalar, at)
    }

    fn refuse(&mut self, at: usize, message: String) -> Result<(), Fault> {
        self.start.get_or_insert(at);
        self.cost.node(message.len());
        self.fault(Fault::new(at, message));
        self.afford(self.cost, at)?;
        self.put(None, at)
    }

    fn open(&mut self, shape: Shape, anchor: Option<String>, at: usize) -> Result<(), Fault> {
        self.start.get_or_insert(at);
        self.admit(Kind::Node(shape), at)?;
        self.enter(shape, anchor, at)
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        let value = match frame.items {
            Items::List { items, .. } => Value::Array(items),
            Items::Map { map, .. } => Value::Map(map),
        };
        let height = frame.height + 1;
        if let Some(slot) = frame.anchor {
            let cost = self.cost.since(frame.before);
            self.cost.bytes = self.cost.bytes.saturating_add(cost.bytes);
            self.afford(self.cost, 0)?;
            self.anchors.finish_tree(slot, &value, height, cost);
        }
        if let Some(parent) = self.open.last_mut() {
            parent.height = parent.height.max(height);
        }
        self.place(value)
    }

    fn alias(&mut self, name: &str, at: usize) -> Result<(), Fault> {
        let refused = |message: String| Err(Fault::new(at, message));
        match self.anchors.get(name) {
            None => refused(format!("nothing before this has the anchor `&{name}`")),
            Some(Anchored::Open) => refused(format!("`&{name}` contains itself")),
            Some(Anchored::TooDeep) => refused(format!("`&{name}` nests too deeply to be repeated")),
            Some(Anchored::Scalar(scalar, cost)) => {
                let (scalar, cost) = (scalar.clone(), *cost);
                self.admit(Kind::Scalar, at)?;
                self.cost.alias(cost);
                self.afford(self.cost, at)?;
                self.put(Some(scalar), at)
            }
            Some(Anchored::Tree(value, height, cost)) => {
                let shape = if matches!(value, Value::Map(_)) { Shape::Map } else { Shape::List };
                self.admit(Kind::Alias(shape), at)?;
                let height = *height;
                if self.open.len() + height > self.limits.depth {
                    return Err(self.too_deep(at));
                }
                let mut cost_after = self.cost;
                cost_after.alias(*cost);
                self.afford(cost_after, at)?;
                let value = value.clone();
                self.cost = cost_after;
                if let Some(parent) = self.open.last_mut() {
                    parent.height = parent.height.max(height);
                }
                self.place(value)
            }
        }
    }
}
