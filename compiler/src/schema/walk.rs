//! Compares one object with the schema of its kind.
//!
//! In: a body, a model. Out: every [`Fault`], in the order of the fields, up to [`MOST`]. What the API server does with
//! `fieldValidation=Strict` on a server-side apply is the measure: nothing that it takes is a fault.

use std::collections::BTreeMap;

use crate::canon::{Map, Value};

use super::condition::Condition;
use super::custom::Custom;
use super::fault::{Fault, Step, may_be_shown};
use super::kubernetes::Kubernetes;
use super::model::{Apart, Form, Key, List, Model, NodeId, Null, Object, Others};
use super::text;
use super::verdict::{Objection, Verdict};

/// How many faults of one object are told.
pub(super) const MOST: usize = 100;

/// The faults of an object of a kind that a server has in Go, as Kubernetes' own are.
pub(super) fn check_own(own: &Kubernetes, model: &Model<'_>, top: NodeId, kind: &str, body: &Value) -> Vec<Fault> {
    let mut walk = Walk::new(own, kind, false);
    walk.value(model, top, body);
    walk.faults
}

/// The faults of an object of a custom kind.
pub(super) fn check_custom(own: &Kubernetes, custom: &Custom<'_>, kind: &str, body: &Value) -> Vec<Fault> {
    let body = custom.completed(body);
    let mut walk = Walk::new(own, kind, custom.keeps_status);
    walk.value(&custom.model, custom.top, &body);
    if let (Some(condition), Some(metadata)) = (&custom.metadata, body.get("metadata")) {
        walk.inside(Step::Field("metadata"), |walk| walk.condition(condition, metadata));
    }
    walk.faults
}

struct Walk<'a> {
    own: &'a Kubernetes,
    /// Whether values may be shown.
    shown: bool,
    keeps_status: bool,
    /// Whether the server keeps what is being looked at, and so demands that it be whole.
    kept: bool,
    path: Vec<Step<'a>>,
    faults: Vec<Fault>,
}

impl<'a> Walk<'a> {
    fn new(own: &'a Kubernetes, kind: &str, keeps_status: bool) -> Self {
        Self { own, shown: may_be_shown(kind), keeps_status, kept: true, path: Vec::new(), faults: Vec::new() }
    }

    fn value(&mut self, model: &Model<'_>, id: NodeId, value: &'a Value) {
        let Some(node) = model.node(id) else { return };
        if self.faults.len() >= MOST {
            return;
        }
        if *value == Value::Null {
            match (node.null, &node.condition) {
                (Null::Refused, _) if self.kept => self.wrong_type(value, expected(&node.form)),
                (Null::Value, Some(condition)) if self.kept => self.condition(condition, value),
                _ => {}
            }
            return;
        }
        match (&node.form, value) {
            (Form::Object(object), Value::Map(map)) => self.object(model, object, map),
            (Form::List(list), Value::Array(items)) => self.list(model, list, items),
            (Form::Metadata, Value::Map(_)) => {
                let own = self.own;
                self.value(&own.model, own.metadata, value);
            }
            (form, _) if self.takes(form, value) => {}
            (form, _) => return self.wrong_type(value, expected(form)),
        }
        if let Some(condition) = node.condition.as_ref().filter(|_| self.kept) {
            self.condition(condition, value);
        }
    }

    fn condition(&mut self, condition: &Condition<'_>, value: &Value) {
        if let Verdict::Fails(Objection { path, value, words }) = condition.verdict(value) {
            let path = [self.path.as_slice(), path.as_slice()].concat();
            self.faults.push(Fault::invalid_value(&path, value, self.shown, &words));
        }
    }

    /// Whether a value that is no map or list, or should not be one, is of this form.
    fn takes(&self, form: &Form<'_>, value: &Value) -> bool {
        match (form, value) {
            (Form::Any, _)
            | (Form::Boolean, Value::Bool(_))
            | (Form::Integer | Form::Number | Form::Quantity | Form::AnyIntOrString, Value::Int(_))
            | (Form::Number | Form::Quantity, Value::Float(_))
            | (Form::String | Form::IntOrString | Form::AnyIntOrString, Value::String(_)) => true,
            // What lies beyond 64 bits is a float to us, and an integer to Kubernetes' own types.
            (Form::Integer, Value::Float(number)) => !self.kept || number.fract() == 0.0,
            (Form::IntOrString, Value::Int(number)) => i32::try_from(*number).is_ok(),
            (Form::Bytes, Value::String(text)) => text::is_base64(text),
            (Form::Quantity, Value::String(text)) => text::is_quantity(text),
            (Form::Time, Value::String(text)) => text::is_time(text),
            (Form::MicroTime, Value::String(text)) => text::is_micro_time(text),
            _ => false,
        }
    }

    fn wrong_type(&mut self, value: &Value, expected: &str) {
        self.faults.push(Fault::wrong_type(&self.path, value, self.shown, expected));
    }

    fn object(&mut self, model: &Model<'_>, object: &Object<'_>, map: &'a Map) {
        for (name, value) in map {
            if let Some(field) = object.field(name) {
                let leaves = self.path.is_empty() && name == "status" && !self.keeps_status;
                self.kept = self.kept && !leaves;
                self.inside(Step::Field(name), |walk| walk.value(model, field.node, value));
                self.kept = self.kept || leaves;
            } else {
                match object.others {
                    Others::Any => {}
                    Others::Each(each) => self.inside(Step::Key(name), |walk| walk.value(model, each, value)),
                    Others::Unknown if self.faults.len() >= MOST => return,
                    Others::Unknown => self.inside(Step::Field(name), |walk| {
                        walk.faults.push(Fault::unknown_field(&walk.path, object));
                    }),
                }
            }
        }
        if !self.kept {
            return;
        }
        for field in object.demanded() {
            let is_there = match map.get(field.name) {
                None => false,
                Some(Value::Null) => model.node(field.node).is_some_and(|node| node.null != Null::Absent),
                Some(_) => true,
            };
            if !is_there {
                self.faults.push(Fault::missing_field(&self.path, field.name));
            }
        }
    }

    fn list(&mut self, model: &Model<'_>, list: &List<'_>, items: &'a [Value]) {
        let mut seen = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            self.inside(Step::Item(index), |walk| {
                if *item == Value::Null && matches!(list.apart, Apart::Keys(_)) {
                    walk.wrong_type(item, "a map");
                } else {
                    walk.value(model, list.item, item);
                }
            });
            let mark = if items.len() == 1 { None } else { mark(&list.apart, item) };
            if let Some(first) = mark.and_then(|mark| place_of_first(&mut seen, mark, index)) {
                self.inside(Step::Item(index), |walk| {
                    walk.faults.push(Fault::repeated_item(&walk.path, first, &what_repeats(&list.apart)));
                });
            }
            if self.faults.len() >= MOST {
                return;
            }
        }
    }

    fn inside(&mut self, step: Step<'a>, look: impl FnOnce(&mut Self)) {
        self.path.push(step);
        look(self);
        self.path.pop();
    }
}

/// What tells an item apart; none where nothing does, or a part of it is missing or no text or number.
fn mark(apart: &Apart<'_>, item: &Value) -> Option<Vec<String>> {
    let part = |key: &Key<'_>| match item.as_map()?.get(key.name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Int(number)) => Some(number.to_string()),
        Some(Value::Bool(truth)) => Some(truth.to_string()),
        None => key.default.map(str::to_owned),
        Some(_) => None,
    };
    match apart {
        Apart::Not => None,
        Apart::Values if *item == Value::Null => None,
        Apart::Values => Some(vec![serde_json::to_string(item).ok()?]),
        Apart::Keys(keys) => keys.iter().map(part).collect(),
    }
}

/// Where the same mark was seen before. One that is new is noted.
fn place_of_first(seen: &mut BTreeMap<Vec<String>, usize>, mark: Vec<String>, index: usize) -> Option<usize> {
    let first = *seen.entry(mark).or_insert(index);
    (first != index).then_some(first)
}

fn what_repeats(apart: &Apart<'_>) -> String {
    match apart {
        Apart::Keys(keys) => keys.iter().map(|key| key.name).collect::<Vec<_>>().join(" and "),
        Apart::Not | Apart::Values => "value".to_owned(),
    }
}

/// What a value of a form is, in words.
fn expected(form: &Form<'_>) -> &'static str {
    match form {
        Form::Any => "anything but null",
        Form::Boolean => "a boolean",
        Form::Integer => "a whole number",
        Form::Number => "a number",
        Form::String => "a string",
        Form::Bytes => "base64",
        Form::Time => "a time like \"2006-01-02T15:04:05Z\"",
        Form::MicroTime => "a time like \"2006-01-02T15:04:05.000000Z\"",
        Form::Quantity => "a quantity like \"500m\" or \"1Gi\"",
        Form::IntOrString | Form::AnyIntOrString => "a whole number or a string",
        Form::List(_) => "a list",
        Form::Object(_) | Form::Metadata => "a map",
    }
}
