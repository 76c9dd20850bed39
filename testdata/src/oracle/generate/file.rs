//! Whole files: documents between separators, streams of JSON, line ends, byte order marks, encodings.
//!
//! In: decisions. Out: the text of a file, or its bytes in some encoding.

use super::random::Random;
use super::scalar::soup;
use super::{json, object};

/// What stands between two documents; a few of these are no separators.
const SEPARATORS: &[&str] = &[
    "---\n",
    "---\n",
    "---\n",
    "---\n",
    "--- \n",
    "---\t\n",
    "--- # next\n",
    "---\n---\n",
    "---\n# only a comment\n---\n",
    "...\n---\n",
    "...\n",
    "\n---\n\n",
    "---\nnull\n---\n",
    "---\n~\n---\n",
    "--- {}\n",
    "---#next\n",
    " ---\n",
    "----\n",
    "--- a: 1\n",
    "---\n\u{FEFF}",
    "%YAML 1.1\n---\n",
    "---\n%TAG ! x:\n---\n",
    "---\n{}\n---\n",
    "---\u{a0}\n",
    "---\u{85}\n",
    "...\ntrailing: [\n---\n",
    "--- |\n",
    "---\r",
    "-- -\n",
    "\u{FEFF}---\n",
    "# a\n---\n# b\n",
    "---\n...\n---\n",
];

/// Files of our own making that people might write, for what chance does not build.
const SEEDS: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  app.conf: |\n    [main]\n    on = yes\n      deeper\n\n    # kept\n  empty: \"\"\n",
    "base: &base\n  image: a:1\n  tag: 1.10\nkind: Widget\napiVersion: example.com/v1\nmetadata: {name: w}\nspec:\n  <<: *base\n  tag: 2\nother:\n  tag: 3\n  <<: [*base, {x: 1}]\n",
    "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: nightly\nspec:\n  schedule: 0 3 * * *\n  at: 12:30:45\n  mode: 0644\n  country: NO\n",
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\\u00e9\"}}\n{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        args: [\"--a\", '--b=c', --d, -e]\n        command:\n        - sh\n        - -c\n        - >-\n          echo\n          folded\n\n          text\n        env:\n        - {name: A, value: \"1\"}\n        - {name: B, value: 1}\n",
    "a: [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\nkind: A\napiVersion: v1\n",
    "kind: A\napiVersion: v1\n? a\n: b\n? [x]\n: c\n",
    "kind: A\napiVersion: v1\nx: &x [1]\ny: *x\nz: {*x : 1}\n",
    "[]: 1\nkind: A\napiVersion: v1\n",
    "kind: A\napiVersion: v1\nurl: {a:b, c:d, http://x}\nq: [a?, ?b, c?d]\n",
    "kind: A\napiVersion: v1\nspec: {a:}\n",
    "kind: A\napiVersion: v1\ntext: 'it''s'\ntwo: \"a\n\n  b\\\n  c\"\n",
];

/// A file in YAML.
pub(super) fn yaml(random: &mut Random) -> String {
    let mut text =
        random.pick(&["", "", "", "", "", "---\n", "# head\n", "\n", "--- # a\n", "---\n---\n", "\u{FEFF}"]).to_owned();
    if random.wildly(10) {
        let directive = random.pick(&["%YAML 1.1\n---\n", "%YAML 1.2\n--- # a\n", "%TAG ! tag:a,2000:\n---\n", "%a\n"]);
        text.insert_str(0, directive);
    }
    let count = if random.once_in(3) { 1 + random.below(4) } else { 1 };
    for index in 0..count {
        if index > 0 {
            // Rare ones would be half of them otherwise.
            let separators = if random.wildly(2) { SEPARATORS } else { &SEPARATORS[..8] };
            text.push_str(random.pick(separators));
        }
        let document = match random.below(40) {
            0 => random.pick(SEEDS).to_owned(),
            1..=3 if random.wildly(1) => format!("kind: A\napiVersion: v1\nx: {}\n", indicators(random)),
            4 => deep(random),
            _ => object::document(random),
        };
        text.push_str(&document);
    }
    if random.wildly(4) {
        text.push_str(random.pick(&[
            "---\n",
            "---",
            "...",
            "...\n",
            "# end",
            "\n\n\n",
            "--- # end",
            "...\nb: [",
            "\u{0}",
            "%",
            "\t",
        ]));
    } else if random.once_in(6) {
        text.truncate(text.trim_end_matches('\n').len());
    }
    with_line_ends(random, text)
}

/// A stream of JSON, perhaps with YAML behind it.
pub(super) fn json(random: &mut Random) -> String {
    let mut text = random.pick(&["", "", "", "\n", "  ", "\u{a0}", "\t\n"]).to_owned();
    for _ in 0..=random.below(3) {
        text.push_str(&json::object(random));
        text.push_str(random.pick(&["", "\n", "\n", " ", "\n\n", "null", "\r\n", "\t"]));
    }
    if random.wildly(2) {
        text.push_str(random.pick(SEPARATORS));
        text.push_str(&object::document(random));
    }
    if random.wildly(4) {
        text.push_str(random.pick(&[
            "}",
            "a",
            "{",
            "[1]",
            "---",
            "abcd",
            "\n\nabcde: 1\n",
            "\u{FEFF}",
            "#",
            "1 2",
            "\"a\"",
        ]));
    }
    text
}

/// A file in either.
pub(super) fn any(random: &mut Random) -> String {
    match random.below(8) {
        0 => json(random),
        1..=2 => random.pick(SEEDS).to_owned(),
        _ => yaml(random),
    }
}

/// What means something to a scanner, in any order.
fn indicators(random: &mut Random) -> String {
    const TOKENS: &[&str] = &[
        "- ", "? ", ": ", "[", "]", "{", "}", ",", ", ", "&a ", "*a ", "*a", "!!str ", "!x ", "!", "|", ">", "'", "\"",
        "#", " #", "%", "@", "`", "\n", "\n  ", "\n ", "\t", "a", "b", "1", "---", "...", "<<: ", "\\", "a: ", "b: ",
        "'a'", "\"b\"", " ", "\"a\":", "[a]", "{a: b}", "{a}", "?", ":", "-", "\n- ", "\n  - ", "&b", "!<a>",
        "\u{2028}", "\u{FEFF}", "~",
    ];
    (0..random.below(14)).map(|_| random.pick(TOKENS)).collect()
}

/// Containers in containers, within what recursive readers stand.
fn deep(random: &mut Random) -> String {
    let depth = 1 + random.below(60);
    let (open, close) =
        random.pick(&[("[", "]"), ("{a: ", "}"), ("[{a: ", "}]"), ("- ", ""), ("? ", ""), ("[? ", "]"), ("&a [", "]")]);
    format!("kind: A\napiVersion: v1\nx:\n  {}1{}\n", open.repeat(depth), close.repeat(depth))
}

fn with_line_ends(random: &mut Random, text: String) -> String {
    match random.below(20) {
        0 => text.replace('\n', "\r\n"),
        1 => {
            let parts: Vec<&str> = text.split('\n').collect();
            let mut mixed = String::new();
            for part in parts {
                mixed.push_str(part);
                mixed.push_str(random.pick(&["\n", "\n", "\n", "\r\n", "\r\n", "\r", "\r\r\n", "\u{85}", "\u{2028}"]));
            }
            mixed
        }
        _ => text,
    }
}

/// The text in some encoding, with what files have before it.
pub(super) fn encoded(random: &mut Random, text: &str) -> Vec<u8> {
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let mut bytes = match random.below(8) {
        0 => [b"\xFF\xFE".to_vec(), utf16(u16::to_le_bytes)].concat(),
        1 => [b"\xFE\xFF".to_vec(), utf16(u16::to_be_bytes)].concat(),
        2 => utf16(u16::to_le_bytes),
        3 => [b"\xEF\xBB\xBF\xEF\xBB\xBF", text.as_bytes()].concat(),
        4..=5 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        // What Latin-1 looks like.
        6 => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        _ => text.as_bytes().to_vec(),
    };
    if random.once_in(3) {
        let at = random.below(bytes.len() + 1);
        let wrong = random.pick(&[
            &b"\xFF"[..],
            b"\xC3",
            b"\xED\xA0\x80",
            b"\xF4\x90\x80\x80",
            b"\xC0\x80",
            b"\xE9",
            b"\0",
            b"\x80\x80",
        ]);
        bytes.splice(at..at, wrong.iter().copied());
    }
    if random.once_in(6) {
        bytes.pop();
    }
    let filler = soup(random, " \n", 3);
    if random.once_in(10) { [filler.as_bytes(), &bytes].concat() } else { bytes }
}
