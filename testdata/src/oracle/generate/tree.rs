//! Lists and maps, in the block style and between brackets, with anchors, aliases, merges and comments.
//!
//! In: decisions, how deep to go, and where the value stands. Out: its text in YAML.

use super::random::Random;
use super::scalar::{self, Place};

const NAMES: &[&str] = &["a", "b", "c", "x1"];

/// The last three cannot be keys.
const KEYS: &[&str] = &[
    "name",
    "image",
    "replicas",
    "enabled",
    "port",
    "env",
    "value",
    "on",
    "y",
    "no",
    "1",
    "1.0",
    "0x10",
    "08",
    "true",
    "1e3",
    "key with space",
    "\"quoted\"",
    "'single'",
    "\"1\"",
    "1234567.5",
    "1234567.25",
    ".5",
    "a.b/c",
    "-a",
    "?a",
    "\"<<\"",
    "k8s.io/name",
    "12:30",
    "2001-01-01",
    "\u{e9}",
    "!!str 1",
    "!!int \"1\"",
    "&k key",
    ".inf",
    "=",
    "null",
    "~",
    "18446744073709551615",
];

/// What was anchored so far, so that most aliases have something to stand for.
#[derive(Debug, Default)]
pub(super) struct Anchors(Vec<&'static str>);

impl Anchors {
    /// A name for a value, if it is to have one.
    fn name(random: &mut Random) -> Option<&'static str> {
        random.once_in(12).then(|| random.pick(NAMES))
    }

    /// Takes note of a name, once its value is complete.
    fn add(&mut self, name: Option<&'static str>) {
        self.0.extend(name);
    }

    fn alias(&self, random: &mut Random) -> Option<String> {
        if random.wildly(60) {
            return Some(format!("*{}", random.pick(NAMES)));
        }
        if self.0.is_empty() || !random.once_in(6) { None } else { Some(format!("*{}", random.pick(&self.0))) }
    }
}

/// What stands behind `key:` or `-`, with what separates it from that, and a line end behind it. A container in the
/// block style stands on lines of its own.
pub(super) fn value(random: &mut Random, anchors: &mut Anchors, depth: usize, indent: usize) -> String {
    if let Some(alias) = anchors.alias(random) {
        return format!(" {alias}{}", line_end(random));
    }
    let name = Anchors::name(random);
    if random.wildly(30) {
        anchors.add(name);
    }
    let anchor = name.map_or_else(String::new, |name| format!("&{name} "));
    let kind = if depth == 0 { 0 } else { random.below(10) };
    let text = match kind {
        0..=4 => {
            let scalar = scalar::value(random, Place::Block(indent));
            // Behind a block scalar there is no room for a comment, it would be text.
            let end = if scalar.contains('\n') { "\n".to_owned() } else { line_end(random) };
            format!("{} {anchor}{scalar}{end}", blanks(random))
        }
        5..=6 => {
            let tag = random.pick(&["", "", "", "", "", "!!map ", "!x "]);
            let inner = indent + random.pick(&[2, 2, 2, 1, 4]);
            format!(" {anchor}{tag}{}{}", line_end(random), map(random, anchors, depth - 1, inner))
        }
        7 => {
            let tag = random.pick(&["", "", "", "", "", "!!seq ", "!x "]);
            // Lists may stand as far left as their key.
            let inner = indent + random.pick(&[0, 0, 2, 2, 4]);
            format!(" {anchor}{tag}{}{}", line_end(random), list(random, anchors, depth - 1, inner))
        }
        _ => format!(" {anchor}{}{}", flow(random, anchors, depth - 1), line_end(random)),
    };
    anchors.add(name);
    text
}

/// A map in the block style, each line with its indentation.
pub(super) fn map(random: &mut Random, anchors: &mut Anchors, depth: usize, indent: usize) -> String {
    let mut text = String::new();
    let pad = " ".repeat(indent);
    for _ in 0..=random.below(4) {
        text.push_str(&between_lines(random, indent));
        if random.once_in(15) {
            text.extend([&pad, merge(random, anchors, depth).as_str(), "\n"]);
            continue;
        }
        if random.once_in(40) {
            let key =
                if random.wildly(2) { flow(random, anchors, 1) } else { scalar::value(random, Place::Block(indent)) };
            text.extend([&pad, "? ", &key, "\n", &pad, ":", &value(random, anchors, depth, indent)]);
            continue;
        }
        let anchor = if random.once_in(40) { "&a " } else { "" };
        text.extend([&pad, anchor, &key(random), ":", &value(random, anchors, depth, indent)]);
    }
    text
}

/// A key, mostly a plain one.
pub(super) fn key(random: &mut Random) -> String {
    match random.below(12) {
        0..=6 => random.pick(KEYS[..7].as_ref()).to_owned(),
        7..=9 => any_key(random).to_owned(),
        10 if random.once_in(3) => scalar::number(random),
        10 if random.wildly(2) => scalar::value(random, Place::Key),
        _ => format!("{}{}", any_key(random), random.pick(&["", " ", "  ", "\t"])),
    }
}

fn any_key(random: &mut Random) -> &'static str {
    let known = if random.wildly(1) { KEYS.len() } else { KEYS.len() - 3 };
    random.pick(&KEYS[..known])
}

fn merge(random: &mut Random, anchors: &Anchors, depth: usize) -> String {
    let known = |random: &mut Random| {
        if anchors.0.is_empty() { "{x: 1, \"y\": 2}".to_owned() } else { format!("*{}", random.pick(&anchors.0)) }
    };
    let source = match random.below(8) {
        0..=3 => known(random),
        4 => "{name: merged, port: 1}".to_owned(),
        5 => format!("[{}, {{name: merged}}]", known(random)),
        6 if depth > 0 => "[{name: 1}, {name: 2, x: 3}]".to_owned(),
        _ if random.wildly(1) => random.pick(&["a", "~", "[a]", "[[{a: 1}]]", "*a", "*b"]).to_owned(),
        _ => random.pick(&["{}", "[]", "{a: 1} # why", "[{}, {b: }]"]).to_owned(),
    };
    format!("{}: {source}", random.pick(&["<<", "<<", "<<", "<<", "\"<<\"", "!!merge <<", "!!str <<"]))
}

/// A list in the block style.
pub(super) fn list(random: &mut Random, anchors: &mut Anchors, depth: usize, indent: usize) -> String {
    let mut text = String::new();
    let pad = " ".repeat(indent);
    for _ in 0..=random.below(3) {
        text.push_str(&between_lines(random, indent));
        if depth > 0 && random.once_in(3) {
            // A map on the line of its dash.
            let inner = map(random, anchors, depth - 1, indent + 2);
            if inner.starts_with(&" ".repeat(indent + 2)) {
                text.extend([&pad, "- ", &inner[indent + 2..]]);
                continue;
            }
        }
        text.extend([&pad, "-", &value(random, anchors, depth, indent)]);
    }
    text
}

/// A list or a map between brackets.
pub(super) fn flow(random: &mut Random, anchors: &mut Anchors, depth: usize) -> String {
    let is_map = random.once_in(2);
    let count = random.below(4);
    let mut items = Vec::new();
    for _ in 0..count {
        let item = if depth > 0 && random.once_in(4) {
            flow(random, anchors, depth - 1)
        } else {
            let alias = anchors.alias(random);
            alias.unwrap_or_else(|| scalar::value(random, Place::Flow))
        };
        items.push(match (is_map, random.below(12)) {
            (true, 0) => key(random),
            (true, 1) => format!("{}: ", key(random)),
            (true, 2) => format!("? {} : {item}", key(random)),
            (true, 3) => format!("\"{}\":{item}", random.pick(NAMES)),
            // In a list this is a map of one key.
            (true, _) | (false, 0) => format!("{}: {item}", key(random)),
            (false, _) => item,
        });
    }
    let comma = random.pick(&[",", ", ", " , ", ",\n                    ", ", # note\n                    "]);
    let last = random.pick(&["", "", "", "", ",", " "]);
    let inner = format!("{}{}", items.join(comma), if items.is_empty() { "" } else { last });
    if is_map { format!("{{{inner}}}") } else { format!("[{inner}]") }
}

fn blanks(random: &mut Random) -> &'static str {
    if random.wildly(20) { "\t" } else { random.pick(&["", "", "", "", "", "", "", "", " ", "   "]) }
}

/// The end of a line, perhaps with a comment before it.
pub(super) fn line_end(random: &mut Random) -> String {
    match random.below(16) {
        0 => format!(" # {}\n", random.pick(&["note", "a: b", "\u{e9}", "---", "'", "#"])),
        1 => random.pick(&["  \n", "\t\n", " \t \n", " #\n"]).to_owned(),
        _ => "\n".to_owned(),
    }
}

/// Mostly nothing; comments and empty lines otherwise.
fn between_lines(random: &mut Random, indent: usize) -> String {
    match random.below(30) {
        0 => "\n".to_owned(),
        1 => format!("{}# note: [\n", " ".repeat(indent)),
        2 => "# at the margin\n".to_owned(),
        3 => "          # far right\n".to_owned(),
        4 if random.wildly(1) => random.pick(&["\t\n", "\t# tab\n", "\u{85}", "\u{FEFF}"]).to_owned(),
        4 => random.pick(&["   \n", "#\n\n", "#\u{2028}#\n"]).to_owned(),
        _ => String::new(),
    }
}
