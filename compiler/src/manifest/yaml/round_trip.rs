//! What is written is read back, whatever the texts look like. Tests only.

use proptest::prelude::*;

use super::style::{self, Style};
use super::{Limits, emit, read};
use crate::canon::Value;

/// Texts that YAML could take for something else, and pieces to make more of them from.
const NASTY: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\0",
    "~",
    "null",
    "yes",
    "y",
    "off",
    "N",
    "true",
    "1",
    "-1",
    "0777",
    "0o17",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    ".5",
    ".5_0",
    ".inf",
    "-.INF",
    ".nan",
    "<<",
    "=",
    "12:30:45",
    "2001-01-01",
    "08",
    "0b-1",
    "-",
    "- ",
    "--",
    "---",
    "--- a",
    "...",
    ".",
    "?",
    "? ",
    ":",
    ": ",
    "a:",
    "a: b",
    ":a",
    "#",
    " #",
    "a#",
    "&a",
    "*a",
    "!a",
    "!!str",
    "|",
    "|-",
    ">",
    "%",
    "%YAML 1.1",
    "@",
    "`",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "{",
    "}",
    "{}",
    "[",
    "]",
    "[]",
    ",",
    "a,b",
    "{{ .x }}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{7f}",
    "\u{9f}",
    "\u{1F680}",
    "é",
    "日本",
    "a\nb",
    "a\n\nb\n",
    " a\nb",
    "\ta\nb",
    "a\n b",
    "a \nb",
    "a\n\tb",
    "a\n---\nb",
    "---\n",
    "a\n...\n",
    "a\n\n",
    "\na",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => prop::sample::select(NASTY).prop_map(str::to_owned), 1 => any::<String>()];
    prop_oneof![
        2 => piece.clone(),
        2 => prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat()),
        1 => "[0-9_.eExXob+-]{1,8}",
        1 => "[ a\\n\\t]{1,12}",
        1 => any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::String),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::Int),
        1 => any::<f64>().prop_map(|number| Value::from_f64(number).unwrap_or(Value::Null)),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map(text(), inner, 0..5).prop_map(Value::Map),
        ]
    })
}

fn reread(text: &str) -> Value {
    let documents = read(text.as_bytes(), Limits::default()).into_documents().expect("what was written is sound");
    assert!(documents.len() <= 1, "one value is one document");
    documents.into_iter().next().map_or(Value::Null, |document| document.value)
}

#[test]
fn every_nasty_text_survives_in_every_place() {
    for text in NASTY {
        let text = Value::from(*text);
        let key = text.as_str().unwrap_or_default().to_owned();
        let map = |value: &Value| Value::Map([(key.clone(), value.clone()), ("k".to_owned(), value.clone())].into());
        let list = |value: &Value| Value::Array(vec![value.clone(), value.clone()]);
        for value in
            [text.clone(), map(&text), list(&text), list(&list(&text)), map(&list(&map(&text))), list(&map(&text))]
        {
            assert_eq!(reread(&emit(&value)), value, "{text:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_survives(value in value()) {
        let written = emit(&value);
        prop_assert_eq!(reread(&written), value);
    }

    #[test]
    fn documents_survive_next_to_each_other(values in prop::collection::vec(value(), 1..4)) {
        let values: Vec<Value> = values.into_iter().filter(|value| *value != Value::Null).collect();
        let written: Vec<String> = values.iter().map(emit).collect();
        let reading = read(written.join("---\n").as_bytes(), Limits::default());
        prop_assert_eq!(&reading.problems, &[]);
        let reread: Vec<Value> = reading.documents.into_iter().map(|document| document.value).collect();
        // A first document that starts with a brace may be read as JSON, which ends where it ends.
        prop_assert_eq!(reread, values);
    }

    #[test]
    fn any_text_survives_plain_and_quoted(text in text()) {
        for is_key in [true, false] {
            let style = style::style(&text, is_key);
            if style != Style::Literal {
                let mut line = "- ".to_owned();
                style::push_flow(&mut line, &text, style);
                prop_assert_eq!(reread(&line), Value::Array(vec![Value::String(text.clone())]));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, Limits::default());
    }

    #[test]
    fn any_broken_yaml_is_read_without_a_panic(pieces in prop::collection::vec(prop::sample::select(NASTY), 0..12)) {
        let _ = read(pieces.concat().as_bytes(), Limits::default());
    }
}
