//! What is wrong with one value, in words.
//!
//! In: the place in the object, the value, what it should be. Out: a [`Fault`]: a lint's name, a JSON pointer, a message.
//! Values of kinds that hold secrets are never shown, of others a short beginning.

use std::fmt::Write as _;

use crate::canon::Value;

use super::model::Object;

/// How much of a text is shown.
const SHOWN: usize = 40;

/// A part of the way from the top of an object to a value in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A field that has a name in the schema, or should have.
    Field(&'a str),
    /// A key of a map.
    Key(&'a str),
    /// A place in a list.
    Item(usize),
}

/// Where in the text a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Key,
    Value,
}

/// Something that the server refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) lint: &'static str,
    /// The value, or what a field is missing from.
    pub(super) pointer: String,
    pub(super) at: At,
    pub(super) message: String,
}

/// Whether values of a kind may be shown: not those of Secrets, nor of kinds that other tools make Secrets from.
pub(super) fn may_be_shown(kind: &str) -> bool {
    !kind.contains("Secret")
}

impl Fault {
    /// A field that is not in the schema.
    pub(super) fn unknown_field(path: &[Step<'_>], object: &Object<'_>) -> Self {
        let name = match path.last() {
            Some(Step::Field(name) | Step::Key(name)) => name,
            _ => "",
        };
        let mut message = format!("unknown field `{}`", shown_path(path));
        if let Some(nearest) = nearest(name, object) {
            let _ = write!(message, ", did you mean `{nearest}`?");
        }
        Self { lint: "unknown-field", pointer: pointer(path), at: At::Key, message }
    }

    /// A value of another type.
    pub(super) fn wrong_type(path: &[Step<'_>], value: &Value, shown: bool, expected: &str) -> Self {
        let message = format!("{}: invalid type: {}, expected {expected}", shown_path(path), described(value, shown));
        Self { lint: "wrong-type", pointer: pointer(path), at: At::Value, message }
    }

    /// A value of the right type that the schema does not allow.
    pub(super) fn invalid_value(path: &[Step<'_>], value: &Value, shown: bool, expected: &str) -> Self {
        let message = format!("{}: invalid value: {}, {expected}", shown_path(path), described(value, shown));
        Self { lint: "invalid-value", pointer: pointer(path), at: At::Value, message }
    }

    /// A field that is not there. The path is that of what it is missing from.
    pub(super) fn missing_field(path: &[Step<'_>], name: &str) -> Self {
        let whole = [path, &[Step::Field(name)]].concat();
        let message = format!("missing field `{}`, which must be set", shown_path(&whole));
        Self { lint: "missing-field", pointer: pointer(path), at: At::Key, message }
    }

    /// An item that has the same as one before it.
    pub(super) fn repeated_item(path: &[Step<'_>], first: usize, what: &str) -> Self {
        let message = format!("{}: has the same {what} as item {first} of this list", shown_path(path));
        Self { lint: "repeated-item", pointer: pointer(path), at: At::Value, message }
    }
}

/// `spec.containers[0].env`, with keys of maps in brackets.
pub(super) fn shown_path(path: &[Step<'_>]) -> String {
    let mut shown = String::new();
    for step in path {
        let _ = match step {
            Step::Field(name) if shown.is_empty() => write!(shown, "{name}"),
            Step::Field(name) => write!(shown, ".{name}"),
            Step::Key(name) => write!(shown, "[{name}]"),
            Step::Item(index) => write!(shown, "[{index}]"),
        };
    }
    shown
}

fn pointer(path: &[Step<'_>]) -> String {
    let mut pointer = String::new();
    for step in path {
        pointer.push('/');
        match step {
            Step::Field(name) | Step::Key(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => {
                let _ = write!(pointer, "{index}");
            }
        }
    }
    pointer
}

/// `string "yes"`, or `a string` where it may not be shown.
fn described(value: &Value, shown: bool) -> String {
    match value {
        Value::Bool(truth) if shown => format!("boolean {truth}"),
        Value::Int(number) if shown => format!("number {number}"),
        Value::Float(number) if shown => format!("number {number}"),
        Value::String(text) if shown => {
            let start: String = text.chars().take(SHOWN).collect();
            let more = if start.len() < text.len() { "…" } else { "" };
            format!("string {start:?}{more}")
        }
        other => other.type_name().to_owned(),
    }
}

/// The field that was probably meant.
fn nearest<'a>(name: &str, object: &'a Object<'_>) -> Option<&'a str> {
    let most = name.len() / 3 + 1;
    if name.len() > 64 {
        return None;
    }
    let name = name.to_lowercase();
    let distance = |field: &str| strsim::osa_distance(&name, &field.to_lowercase());
    let near = object.fields().iter().map(|field| (distance(field.name), field.name));
    near.filter(|(distance, field)| *distance <= most && *distance < field.len()).min().map(|(_, field)| field)
}

#[cfg(test)]
mod tests {
    use super::super::model::{Field, Form, Model, Others};
    use super::*;

    #[test]
    fn paths_are_shown_as_people_write_them() {
        let path = [Step::Field("spec"), Step::Field("containers"), Step::Item(0), Step::Key("a.b/c~")];
        assert_eq!(shown_path(&path), "spec.containers[0][a.b/c~]");
        assert_eq!(pointer(&path), "/spec/containers/0/a.b~1c~0");
    }

    #[test]
    fn values_are_cut_and_those_of_secrets_hidden() {
        assert_eq!(described(&"yes".into(), true), "string \"yes\"");
        assert_eq!(described(&"ä".repeat(50).into(), true), format!("string \"{}\"…", "ä".repeat(40)));
        assert_eq!(described(&"yes".into(), false), "a string");
        assert_eq!(described(&Value::Int(7), false), "a number");
        assert!(!may_be_shown("Secret") && !may_be_shown("SealedSecret") && may_be_shown("Pod"));
    }

    #[test]
    fn typing_mistakes_are_understood() {
        let mut model = Model::default();
        let node = model.add(Form::Any);
        let fields =
            ["replicas", "selector", "template", "env", "envFrom"].map(|name| Field { name, node, demanded: false });
        let object = Object::new(fields.into(), Others::Unknown);
        for (wrong, meant) in
            [("replica", Some("replicas")), ("slector", Some("selector")), ("Env", Some("env")), ("evn", Some("env"))]
        {
            assert_eq!(nearest(wrong, &object), meant, "{wrong}");
        }
        for other in ["x", "strategy", &"replicas".repeat(20)] {
            assert_eq!(nearest(other, &object), None, "{other}");
        }
    }
}
