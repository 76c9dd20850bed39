//! Compares one object with the schema of its kind.
//!
//! In: a body, a model. Out: every [`Fault`], in the order of the fields, up to [`MOST`]. What the API server does with
//! `fieldValidation=Strict` on a server-side apply is the measure: nothing that it takes is a fault.

use std::collections::BTreeMap;

use crate::canon::{Map, Value};

use super::custom::Custom;
use super::fault::{Fault, Step, may_be_shown};
use super::kubernetes::Kubernetes;
use super::model::{Form, List, Model, NodeId, Null, Object, Others};
use super::text;

/// How many faults of one object are told.
pub(super) const MOST: usize = 100;

/// The faults of an object of one of Kubernetes' own kinds.
pub(super) fn check_own(own: &Kubernetes, top: NodeId, kind: &str, body: &Value) -> Vec<Fault> {
    let mut walk = Walk::new(own, kind, false);
    walk.value(&own.model, top, body);
    walk.faults
}

/// The faults of an object of a custom kind.
pub(super) fn check_custom(own: &Kubernetes, custom: &Custom<'_>, kind: &str, body: &Value) -> Vec<Fault> {
    let mut walk = Walk::new(own, kind, custom.keeps_status);
    walk.value(&custom.model, custom.top, body);
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
            if node.null == Null::Refused && self.kept {
                self.wrong_type(value, expected(&node.form));
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
        if let Some(objection) = node.bounds.as_ref().filter(|_| self.kept).and_then(|bounds| bounds.objection(value)) {
            self.faults.push(Fault::invalid_value(&self.path, value, self.shown, &objection));
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
                if list.keys.is_empty() || *item != Value::Null {
                    walk.value(model, list.item, item);
                } else {
                    walk.wrong_type(item, "a map");
                }
            });
            if items.len() == 1 || list.keys.is_empty() {
                continue;
            }
            let Some(keys) = keys_of(list, item) else { continue };
            if let Some(first) = seen.get(&keys) {
                let names: Vec<&str> = list.keys.iter().map(|key| key.name).collect();
                let first = *first;
                self.inside(Step::Item(index), |walk| {
                    walk.faults.push(Fault::repeated_item(&walk.path, first, &names.join(" and ")));
                });
            } else {
                seen.insert(keys, index);
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

/// What tells an item apart; none where a part of it is missing or no text or number.
fn keys_of(list: &List<'_>, item: &Value) -> Option<Vec<String>> {
    let fields = item.as_map()?;
    let part = |key: &super::model::Key<'_>| match fields.get(key.name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Int(number)) => Some(number.to_string()),
        Some(Value::Bool(truth)) => Some(truth.to_string()),
        None => key.default.map(str::to_owned),
        Some(_) => None,
    };
    list.keys.iter().map(part).collect()
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
