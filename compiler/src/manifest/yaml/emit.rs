//! Writing YAML, in the look of `kubectl get -o yaml`: block style, lists not indented under their key.
//!
//! In: a value. Out: one document, which ends in a line end and has no line that starts with `---`.
//! Guarantees: deterministic; [`super::read()`] and kubectl read the same value back. Keys stand in the order of
//! their bytes. Recurses as deep as the value does, which is bounded by what was read.

use super::number;
use super::style::{self, Style};
use crate::canon::{Map, Value};

/// The longest key, in bytes with its quotes, that a parser recognises without a `?` before it.
const SIMPLE_KEY: usize = 1_000;

/// Writes a value as a YAML document.
#[must_use]
pub fn emit(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Map(map) if !map.is_empty() => push_map(&mut out, map, 0, false),
        Value::Array(items) if !items.is_empty() => push_list(&mut out, items, 0, false),
        Value::String(text) => {
            // At the top a block would not be indented, so its lines could look like separators.
            style::push_flow(&mut out, text, style::style(text, true));
            out.push('\n');
        }
        other => push_scalar(&mut out, other, 0),
    }
    out
}

/// Appends the fields of a map that is not empty; the first one may go on with a line.
fn push_map(out: &mut String, map: &Map, indent: usize, mut goes_on: bool) {
    for (key, value) in map {
        push_indent(out, indent, goes_on);
        goes_on = false;
        let start = out.len();
        style::push_flow(out, key, style::style(key, true));
        if out.len() - start > SIMPLE_KEY {
            out.insert_str(start, "? ");
            out.push('\n');
            push_indent(out, indent, false);
        }
        out.push(':');
        push_field(out, value, indent);
    }
}

/// Appends what follows the colon of a field.
fn push_field(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            out.push('\n');
            push_map(out, map, indent + 2, false);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            push_list(out, items, indent, false);
        }
        _ => {
            out.push(' ');
            push_scalar(out, value, indent + 2);
        }
    }
}

/// Appends the items of a list that is not empty; the first one may go on with a line.
fn push_list(out: &mut String, items: &[Value], indent: usize, mut goes_on: bool) {
    for item in items {
        push_indent(out, indent, goes_on);
        goes_on = false;
        out.push_str("- ");
        match item {
            Value::Map(map) if !map.is_empty() => push_map(out, map, indent + 2, true),
            Value::Array(items) if !items.is_empty() => push_list(out, items, indent + 2, true),
            _ => push_scalar(out, item, indent + 2),
        }
    }
}

/// Appends a value that is no container with something in it, and the line end. A block is indented by `indent`.
fn push_scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&number::json_text(*number)),
        Value::Array(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
        Value::String(text) => match style::style(text, false) {
            Style::Literal => return push_literal(out, text, indent),
            style => style::push_flow(out, text, style),
        },
    }
    out.push('\n');
}

fn push_literal(out: &mut String, text: &str, indent: usize) {
    out.push_str(style::literal_header(text));
    out.push('\n');
    for line in text.split_inclusive('\n') {
        if line != "\n" {
            push_indent(out, indent, false);
        }
        out.push_str(line);
    }
    if !text.ends_with('\n') {
        out.push('\n');
    }
}

fn push_indent(out: &mut String, indent: usize, goes_on: bool) {
    if !goes_on {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, read};
    use super::*;

    fn value(json: &str) -> Value {
        serde_json::from_str::<serde_json::Value>(json).expect("the test's JSON is sound").into()
    }

    fn reread(text: &str) -> Value {
        let documents = read(text.as_bytes(), Limits::default()).into_documents().expect(text);
        documents.into_iter().next().map_or(Value::Null, |document| document.value)
    }

    #[test]
    fn documents_look_like_kubectls() {
        let deployment = value(
            r#"{"apiVersion":"v1","list":[{"a":1,"b":[2,[3,[],{}]]},"x",null],"empty":{},"map":{"on":"yes","s":"a\nb\n"},
                "f":0.5,"big":1e30,"keep":["a\n\n","c"]}"#,
        );
        let expected = "apiVersion: v1\nbig: 1e+30\nempty: {}\nf: 0.5\nkeep:\n- |+\n  a\n\n- c\nlist:\n- a: 1\n  b:\n  - 2\n  - - 3\n    - []\n    - {}\n- x\n- null\nmap:\n  \"on\": \"yes\"\n  s: |\n    a\n    b\n";
        assert_eq!(emit(&deployment), expected);
        assert_eq!(reread(expected), deployment);
    }

    #[test]
    fn tops_that_are_no_maps_are_written_too() {
        for json in ["\"---\"", "\"a\\nb\"", "[]", "{}", "[[1]]", "1", "true", "\"\"", "\"--- a\\n---\\n\""] {
            let value = value(json);
            assert_eq!(reread(&emit(&value)), value, "{json}");
        }
        assert_eq!(emit(&Value::Null), "null\n");
    }

    #[test]
    fn long_keys_get_a_question_mark() {
        for length in [990, 998, 999, 1000, 1001, 1022, 1025, 5000] {
            for key in ["k".repeat(length), "\u{7}".repeat(length), "é".repeat(length)] {
                let nested =
                    value(&serde_json::json!({ "a": [{ key.clone(): { "b": 1 }, "z": 1 }], key: [1] }).to_string());
                assert_eq!(reread(&emit(&nested)), nested, "{length}");
            }
        }
    }

    #[test]
    fn no_line_can_be_taken_for_a_separator() {
        let text = "---\n--- a\n...\n";
        let nasty =
            value(&serde_json::json!({ "---": text, "...": [text, { "---a": text }], "k": [[text]] }).to_string());
        let emitted = emit(&nasty);
        assert!(emitted.lines().all(|line| !line.starts_with("---") && !line.starts_with("...")), "{emitted}");
        assert_eq!(reread(&emitted), nasty);
    }
}
