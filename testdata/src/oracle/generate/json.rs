//! Objects in JSON, as tools write them and as people do.
//!
//! In: decisions. Out: one value in JSON, or in what looks like it.

use super::random::Random;
use super::scalar;

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "-0.0",
    "1e3",
    "1E+3",
    "1e-7",
    "1e21",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0.30000000000000004",
    "1e-400",
    "123456789012345678901234567890",
    "5e-324",
    "1.7976931348623157e308",
];

/// An object with a type, mostly.
pub(super) fn object(random: &mut Random) -> String {
    let space = random.pick(&["", "", " ", "\n  ", "\t", "\r\n"]);
    let version = if random.wildly(4) {
        random.pick(&["\"a/b/c\"", "null", "1"])
    } else {
        random.pick(&["\"v1\"", "\"apps/v1\""])
    };
    let kind = if random.wildly(4) {
        random.pick(&["\"\"", "null", "1"])
    } else {
        random.pick(&["\"ConfigMap\"", "\"List\"", "\"A\""])
    };
    let mut fields = vec![
        format!("\"apiVersion\":{space}{version}"),
        format!("\"kind\":{space}{kind}"),
        format!("\"metadata\":{space}{}", metadata(random)),
    ];
    for _ in 0..random.below(3) {
        fields.push(format!("{}:{space}{}", string(random), value(random, 3)));
    }
    if random.once_in(5) {
        let items = match random.below(5) {
            0 => random.pick(&["null", "[]", "{}", "[null]", "[1]", "[{}]", "[[]]"]).to_owned(),
            _ => format!("[{}]", (0..random.below(3)).map(|_| object(random)).collect::<Vec<_>>().join(",")),
        };
        fields.push(format!("\"items\":{space}{items}"));
    }
    if random.once_in(15) {
        let again = random.pick(&[
            "\"kind\": 1",
            "\"x\": 1",
            "\"Kind\": \"A\"",
            "\"metadata\": {}",
            "\"kind\": \"A\"",
            "\"x\": {}",
        ]);
        let at = random.below(fields.len() + 1);
        fields.insert(at, again.to_owned());
    }
    format!("{{{space}{}{space}}}", fields.join(&format!(",{space}")))
}

fn metadata(random: &mut Random) -> String {
    match random.below(12) {
        0 if random.wildly(1) => random.pick(&["null", "{}", "[]", "\"a\"", "1"]).to_owned(),
        1 => format!(
            "{{\"name\": \"a\", \"{}\": {}}}",
            random.pick(&["labels", "annotations", "generation", "namespace"]),
            value(random, 1)
        ),
        2 => format!("{{\"generation\": {}}}", random.pick(NUMBERS)),
        3 => format!(
            "{{\"name\": \"a\", \"creationTimestamp\": {}}}",
            random.pick(&["null", "\"2006-01-02T15:04:05Z\"", "\"\"", "1"])
        ),
        _ => format!(
            "{{\"name\": \"{}\", \"labels\": {{{}: {}}}}}",
            random.pick(&["a", "b"]),
            string(random),
            string(random)
        ),
    }
}

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0..=1 => string(random),
        2..=3 => random.pick(NUMBERS).to_owned(),
        4 => random.pick(&["true", "false", "null"]).to_owned(),
        // What is YAML, or neither.
        5 if random.wildly(1) => random
            .pick(&[
                "1", "2", "3", "4", "\"a\"", "yes", "'a'", "1e400", "-1e400", "01", "1.", ".5", "+1", "0x1", "NaN",
                "tru",
            ])
            .to_owned(),
        6 if depth > 0 => {
            format!("[{}]", (0..random.below(4)).map(|_| value(random, depth - 1)).collect::<Vec<_>>().join(", "))
        }
        7.. if depth > 0 => {
            let fields: Vec<_> =
                (0..random.below(4)).map(|_| format!("{}: {}", string(random), value(random, depth - 1))).collect();
            let last = if random.once_in(40) { "," } else { "" };
            format!("{{{}{last}}}", fields.join(", "))
        }
        _ => "true".to_owned(),
    }
}

/// A string with escapes, of which a few are not JSON's.
fn string(random: &mut Random) -> String {
    if random.once_in(2) {
        return format!("\"{}\"", random.pick(&["a", "b", "c d", "yes", "1", "", "\u{e9}", "x/y"]));
    }
    let mut text = String::from("\"");
    for c in scalar::text(random).chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '/' => text.push_str(random.pick(&["/", "\\/"])),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if c < ' ' && !random.once_in(20) => text += format!("\\u{:04X}", u32::from(c)).as_str(),
            c if random.once_in(20) && u32::from(c) < 0x1_0000 => text += format!("\\u{:04x}", u32::from(c)).as_str(),
            c => text.push(c),
        }
    }
    if random.once_in(12) {
        text.push_str(random.pick(&[
            "\\ud83d\\ude80",
            "\\ud83d",
            "\\ude80\\ud83d",
            "\\b\\f\\r",
            "\\'",
            "\\x41",
            "\\u12",
            "\\u0000",
            "\\ud83d\\u0041",
        ]));
    }
    text.push('"');
    text
}
