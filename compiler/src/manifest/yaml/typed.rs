//! What kubectl finds wrong in JSON that is not there any more once it is read: a `kind` that is a number and then
//! again a text, a `generation` of `1.0`.
//!
//! In: the nodes of a JSON value. Out: an error where one of them cannot be decoded as what it must be, also if a later
//! one of the same name takes its place. YAML needs none of this: kubectl decodes what it has made of it.

use super::event::{Fault, Shape, Sink};
use super::load::Loader;
use super::scalar::Raw;
use super::{json, lint};
use crate::canon::{Map, Value};
use crate::manifest::types::{DOCUMENT, INTEGERS, Type};

/// Checks the value at an offset, of which the loader has what is left, if there could be anything to find.
pub(super) fn check(text: &str, from: usize, loaded: &mut Loader) {
    let metadata = loaded.root.as_ref().and_then(|root| root.get("metadata"));
    let has_integers = metadata.is_some_and(|metadata| INTEGERS.iter().any(|field| metadata.get(field).is_some()));
    let has_duplicates =
        loaded.notes.len() >= lint::MOST || loaded.notes.iter().any(|note| note.rule == lint::DUPLICATE_KEY);
    if (has_integers || has_duplicates)
        && let Err(json::Failure::Refused(fault)) = json::value(text, from, &mut Typed::default())
    {
        loaded.faults.push(fault);
    }
}

/// Walks over a document, and knows what each value must be.
#[derive(Default)]
struct Typed {
    open: Vec<Frame>,
}

struct Frame {
    kind: Type,
    /// The type of the next value; none where a key is next, or an item.
    next: Option<Type>,
    is_map: bool,
}

impl Typed {
    /// What the next value must be. The root of a list in a stream is an error elsewhere.
    fn expected(&mut self) -> Type {
        match self.open.last_mut() {
            None => DOCUMENT,
            Some(frame) if frame.is_map => frame.next.take().unwrap_or(Type::Any),
            Some(frame) => frame.kind.item(),
        }
    }

    fn check(&mut self, value: &Value, at: usize) -> Result<Type, Fault> {
        let kind = self.expected();
        match kind.objection(value) {
            // What is no object at all is told from more than a type.
            Some(wanted) if !self.open.is_empty() => {
                Err(Fault::new(at, format!("this is {}, it must be {wanted}", value.type_name())))
            }
            _ => Ok(kind),
        }
    }
}

impl Sink for Typed {
    fn scalar(&mut self, raw: Raw, _: Option<String>, at: usize) -> Result<(), Fault> {
        if let Some(frame) = self.open.last_mut().filter(|frame| frame.is_map && frame.next.is_none()) {
            frame.next = Some(frame.kind.field(&raw.text));
            return Ok(());
        }
        let value = match raw.text.as_str() {
            _ if !raw.implicit => Value::String(raw.text),
            "null" => Value::Null,
            "true" | "false" => Value::Bool(true),
            // Go's integers have neither a fraction nor an exponent.
            number => number.parse().map_or(Value::Float(0.5), Value::Int),
        };
        self.check(&value, at).map(|_| ())
    }

    fn refuse(&mut self, _: usize, _: String) -> Result<(), Fault> {
        self.expected();
        Ok(())
    }

    fn open(&mut self, shape: Shape, _: Option<String>, at: usize) -> Result<(), Fault> {
        let (value, is_map) = match shape {
            Shape::Map => (Value::Map(Map::new()), true),
            Shape::List => (Value::Array(Vec::new()), false),
        };
        let kind = self.check(&value, at)?;
        self.open.push(Frame { kind, next: None, is_map });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        self.open.pop();
        Ok(())
    }

    fn alias(&mut self, _: &str, _: usize) -> Result<(), Fault> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    /// Where something is wrong.
    fn wrong(text: &str) -> Vec<usize> {
        let mut loader = Loader::new(Limits::default());
        json::value(text, 0, &mut loader).expect("it is JSON");
        check(text, 0, &mut loader);
        loader.faults.iter().map(|fault| fault.at).collect()
    }

    #[test]
    fn what_is_overwritten_is_checked_too() {
        for text in [
            r#"{"kind": 1, "kind": "A"}"#,
            r#"{"items": {}, "items": []}"#,
            r#"{"metadata": {"labels": {"a": 1, "a": "b"}}}"#,
            r#"{"metadata": {"labels": []}, "metadata": {}}"#,
            r#"{"metadata": {"ownerReferences": [{"uid": 1}]}, "metadata": {}}"#,
        ] {
            assert_eq!(wrong(text).len(), 1, "{text}");
        }
        for text in [
            r#"{"kind": null, "kind": "A", "x": 1, "x": "a", "items": null, "items": [1, {"kind": 2}]}"#,
            r#"{"metadata": {"labels": {"a": null, "a": "b"}, "other": {"name": 1}}, "a": {"kind": 1, "kind": 2}}"#,
            r#"[{"kind": 1, "kind": "A"}]"#,
        ] {
            assert_eq!(wrong(text), [0; 0], "{text}");
        }
    }

    #[test]
    fn integers_have_no_fraction() {
        assert_eq!(wrong(r#"{"metadata": {"generation": 1.0}}"#), [28]);
        assert_eq!(wrong(r#"{"metadata": {"deletionGracePeriodSeconds": 1e3}}"#).len(), 1);
        assert_eq!(wrong(r#"{"metadata": {"generation": 1, "other": 1.0}, "generation": 1.0}"#), [0; 0]);
        assert_eq!(wrong(r#"{"metadata": {"generation": -0}}"#), [0; 0]);
    }
}
