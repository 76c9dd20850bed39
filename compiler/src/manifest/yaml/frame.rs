//! Lists and maps while they are being filled.
//!
//! In: finished values, in the order of the text. Out: the finished container.
//! Guarantees: yaml.v2's rules for maps: the last of two equal keys wins, and `<<` merges into the same map at the
//! place where it stands, so it replaces keys before it and is replaced by keys behind it.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::mem;

use super::anchor::Cost;
use super::event::{Fault, Shape};
use super::lint::{self, Note};
use crate::canon::{Map, Value};

const MERGE_NEEDS_MAPS: &str = "`<<` takes a map or a list of maps";

/// A container that is still open.
#[derive(Debug)]
pub(super) struct Frame {
    items: Items,
    /// Its slot among the anchors.
    pub(super) anchor: Option<usize>,
    /// What everything before it had cost.
    pub(super) before: Cost,
    /// How deep its items nest.
    pub(super) height: usize,
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
        /// The keys that came from a merge, if there was one: to set those again is what merging is for.
        merged: Option<BTreeSet<String>>,
    },
}

/// What a map expects next.
#[derive(Debug)]
pub(super) enum Next {
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
pub(super) enum Kind {
    Scalar,
    Node(Shape),
    Alias(Shape),
}

impl Frame {
    /// Opens a container, in a list or map or at the top.
    pub(super) fn new(shape: Shape, anchor: Option<usize>, before: Cost, parent: Option<&Self>) -> Self {
        let items = match shape {
            Shape::List => Items::List { items: Vec::new(), merging: parent.is_some_and(Self::expects_merge) },
            Shape::Map => Items::Map { map: Map::new(), next: Next::Key, merged: None },
        };
        Self { items, anchor, before, height: 0 }
    }

    pub(super) fn expects_key(&self) -> bool {
        matches!(self.items, Items::Map { next: Next::Key, .. })
    }

    /// Whether what comes next stands behind `<<`.
    pub(super) fn expects_merge(&self) -> bool {
        matches!(self.items, Items::Map { next: Next::Merge(_), .. })
    }

    /// Says what a map expects next.
    pub(super) fn expect(&mut self, expected: Next) {
        if let Items::Map { next, .. } = &mut self.items {
            *next = expected;
        }
    }

    /// Checks whether a node of this kind may stand here. Every refusal ends the document, as it does for yaml.v2.
    pub(super) fn admit(&self, kind: Kind, at: usize) -> Result<(), Fault> {
        match (&self.items, kind) {
            (Items::Map { next: Next::Key, .. }, Kind::Node(Shape::Map) | Kind::Alias(Shape::Map)) => {
                Err(Fault::new(at, "a map cannot be a key: quote `{}` if text is meant"))
            }
            (Items::Map { next: Next::Key, .. }, Kind::Node(Shape::List) | Kind::Alias(Shape::List)) => {
                Err(Fault::new(at, "a list cannot be a key: quote `[]` if text is meant"))
            }
            // A list may stand behind `<<`, an alias to a list may not.
            (Items::Map { next: Next::Merge(_), .. }, Kind::Scalar | Kind::Alias(Shape::List))
            | (Items::List { merging: true, .. }, Kind::Scalar | Kind::Node(Shape::List) | Kind::Alias(Shape::List)) => {
                Err(Fault::new(at, MERGE_NEEDS_MAPS))
            }
            _ => Ok(()),
        }
    }

    /// Adds a value, and returns what is worth a lint.
    pub(super) fn add(&mut self, value: Value) -> Vec<Note> {
        match &mut self.items {
            Items::List { items, .. } => {
                items.push(value);
                Vec::new()
            }
            Items::Map { map, next, merged } => match mem::replace(next, Next::Key) {
                Next::Value(key, at) => {
                    let is_merged = merged.as_mut().is_some_and(|merged| merged.remove(&key));
                    set(map, key, value, at).filter(|_| !is_merged).into_iter().collect()
                }
                Next::Merge(at) => merge(map, merged.get_or_insert_default(), value, at),
                // The loader puts no value where a key is due.
                Next::Refused | Next::Key => Vec::new(),
            },
        }
    }

    /// The finished container.
    pub(super) fn finish(self) -> Value {
        match self.items {
            Items::List { items, .. } => Value::Array(items),
            Items::Map { map, .. } => Value::Map(map),
        }
    }
}

fn set(map: &mut Map, key: String, value: Value, at: usize) -> Option<Note> {
    match map.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(value);
            None
        }
        Entry::Occupied(mut entry) => {
            entry.insert(value);
            Some(lint::duplicate_key(entry.key(), at))
        }
    }
}

/// Merges a map, or a list of maps of which the earlier ones count more.
fn merge(map: &mut Map, merged: &mut BTreeSet<String>, value: Value, at: usize) -> Vec<Note> {
    let sources = match value {
        Value::Array(items) => items,
        single => vec![single],
    };
    let mut notes = Vec::new();
    for source in sources.into_iter().rev() {
        let Value::Map(source) = source else { continue };
        for (key, value) in source {
            if !map.contains_key(&key) {
                merged.insert(key.clone());
            } else if !merged.contains(&key) && notes.len() < lint::MOST {
                notes.push(lint::merge_after_key(&key, at));
            }
            map.insert(key, value);
        }
    }
    notes
}
